"""The kill switch: suspicion first, destruction only after confirmation, latches once, self-lifting where allowed. INVARIANT: K5"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support import pair_world
from tests.support.gate_world import AT, BTC, MISSING, halt, halted, limits, reading, session, trade
from tidegate.gate.kill_switch import KillFacts, watch
from tidegate.model.event import EquityMarked, Event, HaltLatched, HaltLifted, HealthRead
from tidegate.model.finding import Reason as R
from tidegate.model.session import Session
from tidegate.model.snapshot import Reading
from tidegate.session.fold import fold
from tidegate.units import MS_NS, SECOND_NS, fixed

PRICE = fixed(108_402)
LIMIT = fixed("19.92")
LOSING = trade(open_cost_usd=fixed("21.6804") + LIMIT)


def facts(**changes: Any) -> KillFacts:
    """Return quiet facts at `AT`: a fresh mark, HF 3, no outage, a steady clock."""
    quiet = KillFacts(AT, {BTC: PRICE}, AT, reading(3), (), {"BTC": 0, "ETH": 0}, 0, 0, "")
    return msgspec.structs.replace(quiet, **changes)


def seen(held: Session, **changes: Any) -> tuple[Event, ...]:
    """Watch one instant."""
    return watch(held, facts(**changes), limits())


def latched(events: tuple[Event, ...]) -> list[tuple[R, tuple[str, ...], bool]]:
    """Return cause, scope and whether it flattens, of every new halt."""
    return [
        (event.halt.cause, event.halt.assets, event.halt.flattens) for event in events if isinstance(event, HaltLatched)
    ]


def test_nothing_happens_when_nothing_is_wrong() -> None:
    assert seen(session()) == ()
    assert seen(session(trades={"D9": trade()})) == ()


def test_a_new_peak_is_marked_and_the_same_equity_again_is_not() -> None:
    held = session(realised_day_usd=5)
    assert seen(held) == (EquityMarked(AT, 5, False),)
    assert seen(session(realised_day_usd=5, equity_peak_usd=5)) == ()


def test_a_drawdown_is_suspected_at_the_first_mark_and_trips_only_on_books_two_seconds_newer() -> None:
    held = session(trades={"D9": LOSING})
    first = seen(held)
    assert first == (EquityMarked(AT, -LIMIT, True),)
    suspected = fold(held, first[0])
    assert suspected.drawdown_suspected_ns == AT
    later = AT + 10 * SECOND_NS
    assert seen(suspected, now_ns=later, marks_ns=AT + 2 * SECOND_NS - 1) == ()
    assert latched(seen(suspected, now_ns=later, marks_ns=AT + 2 * SECOND_NS)) == [(R.L4_SESSION_DRAWDOWN, (), True)]


def test_a_drawdown_of_a_pair_with_one_leg_is_confirmed_by_newer_books_only() -> None:
    pair = pair_world.under_way(cash_usd=-LIMIT - fixed("21.72"))
    held = session(pairs={"D7": pair}, drawdown_suspected_ns=AT)
    marks = {pair_world.OKX: fixed(108_600), pair_world.CB: fixed(109_000)}
    later = AT + 10 * SECOND_NS
    assert seen(held, marks=marks, now_ns=later, marks_ns=AT + 2 * SECOND_NS - 1) == ()
    confirmed = seen(held, marks=marks, now_ns=later, marks_ns=AT + 2 * SECOND_NS)
    assert latched(confirmed) == [(R.L4_SESSION_DRAWDOWN, (), True)]


def test_a_drawdown_just_under_the_limit_does_nothing() -> None:
    assert seen(session(trades={"D9": trade(open_cost_usd=fixed("21.6804") + LIMIT - 1)})) == ()


def test_a_drawdown_that_recovers_before_confirmation_is_cleared() -> None:
    held = session(trades={"D9": trade()}, drawdown_suspected_ns=AT - SECOND_NS)
    (cleared,) = seen(held)
    assert cleared == EquityMarked(AT, 0, False)
    assert fold(held, cleared).drawdown_suspected_ns == 0


def test_without_a_fresh_mark_nothing_is_said_about_equity() -> None:
    held = session(trades={"D9": LOSING}, drawdown_suspected_ns=AT - 60 * SECOND_NS)
    assert seen(held, marks=None) == ()


def test_a_booked_drawdown_needs_no_book_to_be_confirmed() -> None:
    held = session(realised_day_usd=-LIMIT, drawdown_suspected_ns=AT - 2 * SECOND_NS)
    assert latched(seen(held, marks={}, marks_ns=0)) == [(R.L4_SESSION_DRAWDOWN, (), True)]
    assert (
        latched(
            seen(session(realised_day_usd=-LIMIT, drawdown_suspected_ns=AT - 2 * SECOND_NS + 1), marks={}, marks_ns=0)
        )
        == []
    )


@pytest.mark.parametrize(
    ("losses", "halts"), [(4, []), (5, [(R.L4_LOSSES, (), False)]), (6, [(R.L4_LOSSES, (), False)])]
)
def test_five_losses_halt(losses: int, halts: list[object]) -> None:
    assert latched(seen(session(losses=losses))) == halts


def test_a_critical_health_factor_is_suspected_first_and_trips_on_a_second_read_ten_seconds_later() -> None:
    low = Reading(fixed(2) - 1, "test", AT, AT)
    first = seen(session(), health_factor=low)
    assert first == (HealthRead(AT, fixed(2) - 1, True),)
    suspected = fold(session(), first[0])
    much_later = AT + 60 * SECOND_NS
    assert seen(suspected, now_ns=much_later, health_factor=low) == ()
    early = Reading(fixed(1), "test", AT, AT + 10 * SECOND_NS - 1)
    assert seen(suspected, now_ns=much_later, health_factor=early) == ()
    second = Reading(fixed(1), "test", AT + 10 * SECOND_NS, AT + 10 * SECOND_NS)
    assert latched(seen(suspected, now_ns=much_later, health_factor=second)) == [
        (R.L4_HEALTH_FACTOR_CRITICAL, (), True)
    ]


@pytest.mark.parametrize(("observed_after_ns", "halts"), [(-5 * SECOND_NS, False), (0, False), (1, True)])
def test_the_same_bad_health_read_delivered_twice_confirms_nothing(observed_after_ns: int, halts: bool) -> None:
    suspected = fold(session(), HealthRead(AT, fixed("1.9"), True))
    later_ns = AT + 60 * SECOND_NS
    again = Reading(fixed("1.9"), "test", AT + observed_after_ns, later_ns, 120 * SECOND_NS)
    events = seen(suspected, now_ns=later_ns, health_factor=again)
    assert latched(events) == ([(R.L4_HEALTH_FACTOR_CRITICAL, (), True)] if halts else [])


def test_a_health_factor_of_exactly_two_is_not_critical_and_clears_a_suspicion() -> None:
    assert seen(session(), health_factor=reading(2)) == ()
    held = session(health_suspected_ns=AT - SECOND_NS)
    assert seen(held, health_factor=reading(2)) == (HealthRead(AT, fixed(2), False),)


@pytest.mark.parametrize("health", [MISSING, None, reading(1, arrival_age_ns=120 * SECOND_NS + 1)])
def test_a_health_factor_that_is_missing_or_stale_never_flattens(health: Any) -> None:
    assert seen(session(health_suspected_ns=AT - 60 * SECOND_NS), health_factor=health) == ()


@pytest.mark.parametrize(("stale_ns", "tripped"), [(600 * SECOND_NS, False), (600 * SECOND_NS + 1, True)])
def test_a_feed_outage_halts_only_its_asset_and_never_flattens(stale_ns: int, tripped: bool) -> None:
    events = seen(session(), outages=(("positioning BTC", "BTC", stale_ns), ("funding BTC okx", "BTC", stale_ns)))
    assert latched(events) == ([(R.L4_FEED_OUTAGE, ("BTC",), False)] if tripped else [])


def test_an_outage_of_the_health_factor_halts_every_asset() -> None:
    events = seen(session(), outages=(("health_factor", "", 601 * SECOND_NS),))
    assert latched(events) == [(R.L4_FEED_OUTAGE, (), False)]


@pytest.mark.parametrize(("fresh_ns", "lifts"), [(60 * SECOND_NS - 1, False), (60 * SECOND_NS, True)])
def test_a_feed_outage_lifts_itself_after_a_minute_of_fresh_feeds_of_its_own_asset(fresh_ns: int, lifts: bool) -> None:
    held = session(halts=halted(halt(R.L4_FEED_OUTAGE, "BTC"), halt(R.L4_FEED_OUTAGE, "ETH")))
    events = seen(held, fresh_for_ns={"BTC": fresh_ns, "ETH": 0})
    assert [event.key for event in events if isinstance(event, HaltLifted)] == (["L4_FEED_OUTAGE:BTC"] if lifts else [])
    if lifts:
        assert list(fold(held, events[0]).halts) == ["L4_FEED_OUTAGE:ETH"]


def test_an_outage_over_every_asset_lifts_when_every_asset_is_fresh() -> None:
    held = session(halts=halted(halt(R.L4_FEED_OUTAGE)))
    minute = 60 * SECOND_NS
    assert seen(held, fresh_for_ns={"BTC": minute, "ETH": minute - 1}) == ()
    assert seen(held, fresh_for_ns={}) == ()
    assert len(seen(held, fresh_for_ns={"BTC": minute, "ETH": minute})) == 1
    assert len(seen(held, fresh_for_ns={"": minute, "BTC": 0})) == 1


@pytest.mark.parametrize(("step_ms", "tripped"), [(250, False), (-250, False), (251, True), (-251, True)])
def test_a_clock_step_halts_either_way(step_ms: int, tripped: bool) -> None:
    assert latched(seen(session(), clock_step_ns=step_ms * MS_NS)) == ([(R.L4_CLOCK, (), False)] if tripped else [])


def test_a_clock_halt_lifts_itself_after_a_good_minute_and_does_not_come_back_for_the_old_step() -> None:
    held = session(halts=halted(halt(R.L4_CLOCK)))
    step: dict[str, Any] = {"clock_step_ns": 300 * MS_NS}
    assert seen(held, clock_good_for_ns=60 * SECOND_NS - 1, **step) == ()
    (lifted,) = seen(held, clock_good_for_ns=60 * SECOND_NS, **step)
    assert isinstance(lifted, HaltLifted)
    assert lifted.by == "system"
    assert seen(fold(held, lifted), clock_good_for_ns=60 * SECOND_NS, **step) == ()


def test_a_journal_fault_halts() -> None:
    (event,) = seen(session(), journal_fault="disk full")
    assert isinstance(event, HaltLatched)
    assert (event.halt.cause, event.halt.detail, event.halt.flattens) == (R.L4_JOURNAL, "disk full", False)


def test_what_is_latched_is_not_latched_again_and_only_self_lifting_halts_lift() -> None:
    causes = (
        R.L4_SESSION_DRAWDOWN,
        R.L4_LOSSES,
        R.L4_HEALTH_FACTOR_CRITICAL,
        R.L4_JOURNAL,
        R.L4_RECONCILE,
        R.L4_OPERATOR,
    )
    held = session(
        halts=halted(*(halt(cause) for cause in causes), halt(R.L4_FEED_OUTAGE, "BTC"), halt(R.L4_CLOCK)),
        losses=5,
        realised_day_usd=-LIMIT,
        drawdown_suspected_ns=AT - 60 * SECOND_NS,
        health_suspected_ns=AT - 60 * SECOND_NS,
    )
    assert (
        seen(
            held,
            health_factor=reading(1),
            outages=(("positioning BTC", "BTC", 900 * SECOND_NS),),
            clock_step_ns=SECOND_NS,
            journal_fault="disk full",
        )
        == ()
    )
    good = seen(held, health_factor=reading(1), fresh_for_ns={"BTC": 99 * SECOND_NS}, clock_good_for_ns=99 * SECOND_NS)
    assert {event.cause for event in good if isinstance(event, HaltLifted)} == {R.L4_FEED_OUTAGE, R.L4_CLOCK}


def test_several_causes_at_once_each_latch() -> None:
    events = seen(session(losses=5), journal_fault="disk full", clock_step_ns=SECOND_NS)
    assert [cause for cause, _, _ in latched(events)] == [R.L4_LOSSES, R.L4_CLOCK, R.L4_JOURNAL]
