"""What the engine must do when nothing is heard, when a halt comes, and when somebody lifts one. Each test names a defect a review found."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.world_desk import SETTINGS, Desk, ask, eager_limits
from tidegate.engine.scripted_operator import ScriptedOperator, parse_policy
from tidegate.errors import InputError, OutcomeUnknown
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.event import DayStarted, FundingPaid, FundingSkipped, HaltLatched
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt, TradingState
from tidegate.model.intent import Invalidation
from tidegate.model.observation import Book, Channel, Observation
from tidegate.model.order import OrderRole
from tidegate.model.snapshot import Missing
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, fixed
from tidegate.venues.paper import PaperVenue


def events_of(desk: Desk, *kinds: type) -> list[object]:
    from tidegate.engine.chronicle import decode

    return [event for record in desk.journal.read() if isinstance(event := decode(record), kinds)]


def silent(desk: Desk, seconds: int) -> Desk:
    """Let time pass without a single word from any feed."""
    for _ in range(seconds):
        desk.now_ns += SECOND_NS
        desk.engine.tick(desk.now_ns)
    return desk


def test_a_flatten_ends_flat_while_every_feed_is_dead() -> None:
    desk = Desk().enter()
    desk.engine.flatten("anna", "feeds are dead")
    desk.engine.flush()
    silent(desk, 5)
    assert not desk.engine.session.trades
    assert desk.paper.positions() == {}
    assert desk.engine.session.state is TradingState.HALTED


def test_an_entry_is_refused_on_prices_that_only_aged() -> None:
    desk = Desk()
    silent(desk, 6)
    decision = desk.engine.submit(ask(0))
    assert not decision.approved
    assert Reason.L3_FEED_STALE in {finding.reason for finding in decision.findings if finding.rejects}


def test_dead_feeds_halt_within_five_seconds_of_their_limit() -> None:
    desk = Desk()
    silent(desk, 1_200)
    halts = [event.halt for event in events_of(desk, HaltLatched) if isinstance(event, HaltLatched)]
    assert {halt.cause for halt in halts} == {Reason.L4_FEED_OUTAGE}
    late_ns = [halt.since_ns - desk.limits.feed_outage_ns for halt in halts]
    assert max(late_ns) <= desk.now_ns


def test_the_fifth_loss_halts_even_when_its_trade_closes_in_the_last_batch_of_the_day() -> None:
    desk = Desk()
    desk.engine.chronicle.session = replace(desk.engine.session, losses=5)
    desk.engine.review("anna", "whatever is recorded after the last look makes the next batch look again")
    desk.engine.flush()
    midnight_ns = (desk.now_ns // DAY_NS + 1) * DAY_NS
    desk.engine.on_batch(midnight_ns, ())
    assert str(Reason.L4_LOSSES) in desk.engine.session.halts
    assert isinstance(events_of(desk, DayStarted)[-1], DayStarted)


@pytest.mark.parametrize("policy", ["immediate", "daily@00:00"])
def test_the_scripted_operator_never_lifts_what_a_human_pressed(policy: str) -> None:
    desk, operator = Desk(), ScriptedOperator(parse_policy(policy))
    desk.engine.halt("anna", "away for the week")
    for _ in range(50):
        desk.now_ns += HOUR_NS
        desk.engine.on_batch(desk.now_ns, ())
        operator.after_batch(desk.engine)
    assert str(Reason.L4_OPERATOR) in desk.engine.session.halts


def test_a_halt_withdraws_an_entry_that_is_on_its_way() -> None:
    desk = Desk()
    assert desk.engine.submit(ask(0)).approved
    desk.engine.flush()
    desk.engine.halt("anna", "changed my mind")
    desk.engine.flush()
    desk.second(3)
    entries = [order for order in desk.paper.open_orders() if order.role is OrderRole.ENTRY]
    assert not entries
    assert not desk.engine.session.reservations


def test_funding_is_paid_only_by_trades_that_were_open_at_the_settlement() -> None:
    desk = Desk()
    desk.now_ns = desk.now_ns // (8 * HOUR_NS) * (8 * HOUR_NS) + 8 * HOUR_NS + MINUTE_NS
    desk.second(30).enter()
    desk.second(5)
    assert events_of(desk, FundingPaid, FundingSkipped) == []


def test_funding_at_an_old_rate_is_skipped_and_said() -> None:
    desk = Desk().enter()
    settlement_ns = desk.now_ns // (8 * HOUR_NS) * (8 * HOUR_NS) + 8 * HOUR_NS
    desk.engine.settle_ns = 0
    silent_until = settlement_ns - desk.now_ns
    desk.engine.chronicle.session = replace(
        desk.engine.session,
        trades={key: replace(trade, hold_ns=DAY_NS) for key, trade in desk.engine.session.trades.items()},
    )
    desk.now_ns += silent_until
    desk.engine.tick(desk.now_ns)
    (skipped,) = events_of(desk, FundingPaid, FundingSkipped)
    assert isinstance(skipped, FundingSkipped)
    assert "stale" in skipped.detail


def test_an_account_wide_outage_lifts_itself_while_another_feed_is_still_down() -> None:
    desk = Desk()
    halt = Halt(Reason.L4_FEED_OUTAGE, desk.now_ns, "health factor stale for 601 s")
    desk.engine.chronicle.record(HaltLatched(desk.now_ns, halt))
    desk.market.faults.silence = 0.0
    desk.market._silent_until[(Channel.POSITIONING, "SOL")] = desk.now_ns + DAY_NS
    desk.second(700)
    assert halt.key not in desk.engine.session.halts
    assert "L4_FEED_OUTAGE:SOL" in desk.engine.session.halts or desk.engine.session.state is TradingState.ACTIVE


def test_a_feed_that_was_stale_in_between_does_not_count_as_fresh_all_along() -> None:
    desk = Desk()
    watch = desk.engine._watch._feeds
    assert watch is not None
    bound_ns = desk.limits.stale[Channel.PRIORITY_FEE].reject_after_ns
    fee = Observation(Channel.PRIORITY_FEE, "SOL", "", fixed(1000), "test", desk.now_ns, desk.now_ns, SECOND_NS)
    fresh_for = 0
    for _ in range(6):
        desk.now_ns += bound_ns + 15 * SECOND_NS
        desk.state.apply(replace(fee, observed_ns=desk.now_ns, received_ns=desk.now_ns))
        fresh_for = watch.look(desk.now_ns, heard=True).fresh_for_ns["SOL"]
    assert fresh_for == 0


def test_an_idempotent_retry_after_a_journal_fault_is_not_answered_with_an_approval_that_never_was() -> None:
    desk = Desk()
    assert isinstance(desk.journal, MemoryJournal)
    desk.journal.fail_next_commit("no space left on device")
    first = desk.engine.submit(ask(0, key="k"))
    desk.engine.flush()
    again = desk.engine.submit(ask(0, key="k"))
    assert first.approved
    assert not again.approved
    assert desk.paper.open_orders() == ()


def test_a_venue_that_times_out_on_cancels_does_not_stop_the_flatten() -> None:
    class Silent(PaperVenue):
        deaf = 3

        def cancel(self, client_order_id: str, now_ns: int) -> None:
            if Silent.deaf > 0:
                Silent.deaf -= 1
                raise OutcomeUnknown("no answer within 10 s")
            super().cancel(client_order_id, now_ns)

    desk = Desk().enter()
    desk.paper.__class__ = Silent
    desk.engine.flatten("anna", "enough")
    desk.engine.flush()
    desk.second(30)
    assert not desk.engine.session.trades
    assert desk.paper.open_orders() == ()


@pytest.mark.parametrize("name", ["", " ", "system", "Kill Switch", "Agent:scout", " agent:scout", "strategy:x"])
def test_only_a_named_human_lifts(name: str) -> None:
    desk = Desk()
    desk.engine.halt("anna", "wait")
    with pytest.raises(InputError, match="by"):
        desk.engine.lift(Reason.L4_OPERATOR, name, "because")
    with pytest.raises(InputError, match="reason"):
        desk.engine.lift(Reason.L4_OPERATOR, "anna", "  ")


def test_a_new_day_on_stale_marks_does_not_start_with_a_low_peak() -> None:
    desk = Desk().enter()
    (trade,) = desk.engine.session.trades.values()
    low = replace(trade, open_cost_usd=trade.open_cost_usd * 2, hold_ns=2 * DAY_NS)
    desk.engine.chronicle.session = replace(desk.engine.session, trades={trade.trade_id: low})
    desk.engine.on_batch((desk.now_ns // DAY_NS + 1) * DAY_NS, ())
    assert desk.engine.session.equity_peak_usd >= 0


def test_one_price_beyond_the_line_and_then_silence_does_not_invalidate() -> None:
    desk = Desk().enter()
    (trade,) = desk.engine.session.trades.values()
    price = desk.engine.known_prices()[trade.instrument_id]
    line = Invalidation(price + fixed(1_000), above=False, hold_ns=60 * SECOND_NS)
    desk.engine.chronicle.session = replace(desk.engine.session, trades={trade.trade_id: replace(trade, invalidation=line)})
    desk.second()
    silent(desk, 90)
    labels = [order.role for order in desk.engine.execution.working.values()]
    assert OrderRole.INVALIDATED not in labels
    assert desk.engine.session.trades


def test_ids_carry_the_mode() -> None:
    decision = Desk().engine.submit(ask(0))
    assert decision.intent_id.startswith("IP")
    assert decision.decision_id.startswith("DP")


def test_max_trades_only_tightens() -> None:
    assert SETTINGS.limits(eager_limits().mode, 10).entries_per_day_max == 6
    assert SETTINGS.limits(eager_limits().mode, 2).entries_per_day_max == 2


def test_an_old_price_that_just_arrived_is_no_mark_and_proves_nothing() -> None:
    desk = Desk().enter()
    (trade,) = desk.engine.session.trades.values()
    late_ns = desk.now_ns + 1_000 * SECOND_NS
    book = next(event for event in desk.market.batch(desk.now_ns) if isinstance(event, Book) and event.asset == "BTC")
    desk.state.apply(replace(book, observed_ns=desk.now_ns + 1, received_ns=late_ns))
    assert desk.engine._watch.fresh_prices(late_ns) == {}
    assert desk.engine._watch.fresh_marks(late_ns) == (None, 0)
    assert desk.state.price_of(trade.instrument_id) != Missing("never received")
