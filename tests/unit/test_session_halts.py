"""Days, marks, suspicions, halts and flattening in the fold."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.gate_world import AT
from tests.support.trade_facts import PRICE, START, approved, filled, round_trip, run
from tidegate.model.event import (
    DayStarted,
    EquityMarked,
    FlattenEnded,
    FlattenStarted,
    HaltLatched,
    HaltLifted,
    HealthRead,
)
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt, TradingState
from tidegate.model.session import Session
from tidegate.units import DAY_NS, SECOND_NS, fixed

TODAY = AT // DAY_NS
MIDNIGHT = (TODAY + 1) * DAY_NS
DRAWDOWN = Halt(Reason.L4_SESSION_DRAWDOWN, AT, "20.10 USD", flattens=True)
LOSSES = Halt(Reason.L4_LOSSES, AT, "5 losses")
OUTAGE = Halt(Reason.L4_FEED_OUTAGE, AT, "positioning", ("BTC",))


def lifted(halt: Halt, equity_usd: int = 0) -> HaltLifted:
    return HaltLifted(AT + SECOND_NS, halt.key, halt.cause, "anna", "looked at it", equity_usd)


def busy_session() -> Session:
    """A day with a loss, an open trade, a reservation, a halt, a peak and a suspicion."""
    return run(
        DayStarted(AT, TODAY, 0),
        *round_trip("D1", fixed(99_700)),
        approved("D2"),
        filled("D2"),
        approved("D3"),
        EquityMarked(AT, fixed(3), False),
        EquityMarked(AT, fixed(-18), True),
        HealthRead(AT, fixed("1.9"), True),
        HaltLatched(AT, OUTAGE),
    )


def test_midnight_restarts_day_pnl_entries_losses_and_peak() -> None:
    session = run(DayStarted(MIDNIGHT, TODAY + 1, fixed(2)), session=busy_session())
    assert (session.day, session.realised_day_usd, session.losses) == (TODAY + 1, 0, 0)
    assert (session.entries_day, session.entries_by) == (0, {})
    assert (session.equity_peak_usd, session.drawdown_suspected_ns) == (fixed(2), 0)


def test_midnight_carries_positions_reservations_halts_streak_cooldowns_and_the_24_hour_ledger_over() -> None:
    before = busy_session()
    after = run(DayStarted(MIDNIGHT, TODAY + 1, 0), session=before)
    assert (after.trades, after.reservations, after.halts) == (before.trades, before.reservations, before.halts)
    assert (after.loss_streak, after.last_entry_ns) == (1, before.last_entry_ns)
    assert after.health_suspected_ns == AT
    assert after.ledger_24h == before.ledger_24h != ()


@pytest.mark.parametrize("day", [TODAY, TODAY - 1])
def test_a_day_that_already_began_does_not_begin_again(day: int) -> None:
    before = busy_session()
    assert run(DayStarted(AT + SECOND_NS, day, fixed(50)), session=before) == before


def test_a_mark_raises_the_peak_and_never_lowers_it() -> None:
    session = run(EquityMarked(AT, fixed(3), False), EquityMarked(AT, fixed(1), False))
    assert session.equity_peak_usd == fixed(3)


def test_a_drawdown_is_suspected_from_its_first_mark_until_a_good_one() -> None:
    below = (EquityMarked(AT, -5, True), EquityMarked(AT + SECOND_NS, -6, True))
    assert run(*below).drawdown_suspected_ns == AT
    assert run(*below, EquityMarked(AT + 2 * SECOND_NS, 0, False)).drawdown_suspected_ns == 0


def test_a_critical_health_factor_is_suspected_from_its_first_read_until_a_good_one() -> None:
    critical = (HealthRead(AT, fixed("1.99"), True), HealthRead(AT + SECOND_NS, fixed("1.98"), True))
    assert run(*critical).health_suspected_ns == AT
    assert run(*critical, HealthRead(AT + SECOND_NS, fixed("2.1"), False)).health_suspected_ns == 0


def test_a_latched_halt_over_everything_halts_and_one_over_an_asset_does_not() -> None:
    assert run(HaltLatched(AT, OUTAGE)).state is TradingState.ACTIVE
    assert run(HaltLatched(AT, DRAWDOWN)).state is TradingState.HALTED


def test_a_halt_latched_again_keeps_its_beginning() -> None:
    later = replace(DRAWDOWN, since_ns=AT + SECOND_NS)
    assert run(HaltLatched(AT, DRAWDOWN), HaltLatched(AT + SECOND_NS, later)).halts == {DRAWDOWN.key: DRAWDOWN}


def test_lifting_one_halt_leaves_the_others_latched() -> None:
    session = run(HaltLatched(AT, OUTAGE), HaltLatched(AT, LOSSES), lifted(OUTAGE))
    assert session.halts == {LOSSES.key: LOSSES}


def test_lifting_a_drawdown_rebases_the_peak_and_clears_the_suspicion_but_not_day_pnl() -> None:
    before = run(HaltLatched(AT, DRAWDOWN), session=busy_session())
    after = run(lifted(DRAWDOWN, fixed(-18)), session=before)
    assert (after.equity_peak_usd, after.drawdown_suspected_ns) == (fixed(-18), 0)
    assert (after.realised_day_usd, after.losses) == (before.realised_day_usd, before.losses)


def test_lifting_the_losses_halt_rebases_its_count_and_neither_streak_nor_day_pnl() -> None:
    before = run(HaltLatched(AT, LOSSES), session=busy_session())
    after = run(lifted(LOSSES), session=before)
    assert (after.losses, after.loss_streak) == (0, 1)
    assert (after.realised_day_usd, after.equity_peak_usd) == (before.realised_day_usd, before.equity_peak_usd)


def test_lifting_any_other_halt_rebases_nothing() -> None:
    before = busy_session()
    assert run(lifted(OUTAGE, fixed(99)), session=before) == replace(before, halts={})


@pytest.mark.parametrize("halt", [DRAWDOWN, LOSSES])
def test_lifting_a_halt_that_is_not_latched_rebases_nothing(halt: Halt) -> None:
    before = busy_session()
    assert run(lifted(halt, fixed(-50)), session=before) == before


def test_a_lift_is_judged_by_the_latched_cause_and_not_by_what_the_lift_says() -> None:
    lying = HaltLifted(AT, OUTAGE.key, Reason.L4_LOSSES, "anna", "typo", 0)
    assert run(lying, session=busy_session()).losses == 1


def test_flattening_reduces_until_the_venue_is_flat() -> None:
    begun = run(FlattenStarted(AT, "anna", "enough"))
    assert begun.state is TradingState.REDUCING
    assert run(FlattenEnded(AT, False, "0.001 BTC"), session=begun).state is TradingState.REDUCING
    assert run(FlattenEnded(AT, True, ""), session=begun).state is TradingState.ACTIVE


def test_profit_never_counts_as_a_loss() -> None:
    wins = tuple(fact for number in range(6) for fact in round_trip(f"D{number}", PRICE + fixed(900)))
    session = run(*wins)
    assert (session.losses, session.loss_streak, session.entries_day) == (0, 0, 6)
    assert session.realised_day_usd > 0


def test_a_fresh_session_is_flat_and_active() -> None:
    assert (START.state, START.open_count, START.exposure_usd({})) == (TradingState.ACTIVE, 0, 0)
