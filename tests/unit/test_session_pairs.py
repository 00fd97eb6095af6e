"""Pairs in the session: one slot, one entry, both exposures, money to the quantum, and an end that only `PairClosed` brings."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.pair_desk import CHEAP, DEAR, KEY, QUANTITY, leg_fill, pair_decided, pair_order
from tests.support.trade_facts import START
from tidegate.model.event import Event, Filled, OrderChanged, PairClosed
from tidegate.model.order import OrderRole, OrderState
from tidegate.model.pair import PairEnd
from tidegate.model.session import Session
from tidegate.session.pnl import state_hash
from tidegate.session.totals import Totals, conservation_gap_usd, totals_of
from tidegate.units import ONE, bps_of_up, fixed, notional_of

MARKS = {CHEAP.instrument_id: fixed(99_900), DEAR.instrument_id: fixed(100_300)}
BOUGHT, SOLD = leg_fill(OrderRole.ENTRY), leg_fill(OrderRole.HEDGE)


def after(*events: Event) -> tuple[Session, Totals]:
    session, totals = totals_of((pair_decided(), *events), START)
    assert conservation_gap_usd(totals, session) == 0
    return session, totals


def ended(end: PairEnd) -> PairClosed:
    return PairClosed(1, "DP1", end)


def terminal(role: OrderRole, state: OrderState) -> OrderChanged:
    return OrderChanged(0, f"DP1{role[:2]}G0", "DP1", role, state, QUANTITY)


def test_an_approved_pair_reserves_both_legs_and_its_risk_once() -> None:
    session, _ = after()
    held = session.reservations["DP1"]
    assert held.notional_usd == 2 * pair_order().notional_usd
    assert held.stop_risk_usd == pair_order().stop_risk_usd
    assert held.quantity == 2 * QUANTITY
    assert (session.open_count, session.entries_pending) == (1, 1)


def test_the_first_fill_of_a_pair_counts_one_entry_and_the_second_none() -> None:
    first, _ = after(BOUGHT)
    both, _ = after(BOUGHT, SOLD)
    for session in (first, both):
        assert (session.entries_day, session.open_count, session.entries_pending) == (1, 1, 0)
        assert session.entries_by == {KEY: 1, "agent:scout": 1}
    assert first.trades == both.trades == {}


@pytest.mark.parametrize("state", [OrderState.CANCELED, OrderState.REFUSED, OrderState.FILLED, OrderState.UNKNOWN])
@pytest.mark.parametrize("role", [OrderRole.ENTRY, OrderRole.HEDGE])
def test_only_the_pairs_end_releases_its_reservation(role: OrderRole, state: OrderState) -> None:
    session, _ = after(terminal(role, state))
    assert list(session.reservations) == ["DP1"]
    over, _ = after(terminal(role, state), ended(PairEnd.NOT_FILLED))
    assert (over.reservations, over.open_count, over.realised_day_usd) == ({}, 0, 0)


def test_exposure_counts_both_legs_and_what_is_still_reserved() -> None:
    session, _ = after(BOUGHT)
    assert session.exposure_usd(MARKS) == fixed("99.9") + pair_order().notional_usd
    both, _ = after(BOUGHT, SOLD)
    assert both.exposure_usd(MARKS) == fixed("99.9") + fixed("100.3")


def test_an_uneven_pair_risks_what_unwinding_costs_and_an_even_one_nothing() -> None:
    session, _ = after(BOUGHT)
    instruments = {one.instrument_id: one for one in (CHEAP, DEAR)}
    reserved = session.reservations["DP1"].stop_risk_usd
    excess = bps_of_up(notional_of(MARKS[CHEAP.instrument_id], QUANTITY), fixed(28) + CHEAP.taker_bps)
    assert session.stop_risk_usd(MARKS, instruments) == reserved + excess
    even, _ = after(BOUGHT, SOLD)
    assert even.stop_risk_usd({}, instruments) == even.reservations["DP1"].stop_risk_usd == 0


def test_equity_does_not_jump_when_a_pair_ends() -> None:
    open_, _ = after(BOUGHT, SOLD)
    over, _ = after(BOUGHT, SOLD, ended(PairEnd.BOTH_LEGS))
    assert open_.equity_usd({}) == over.equity_usd({}) == over.realised_day_usd
    assert open_.equity_usd(MARKS) == over.equity_usd(MARKS)


def test_a_finished_pair_books_its_cash_and_moves_its_legs_into_the_inventory() -> None:
    session, totals = after(BOUGHT, SOLD, ended(PairEnd.BOTH_LEGS))
    assert session.realised_day_usd == totals.cash_usd == fixed("100.3") - fixed("99.9") - fixed("0.1001")
    assert session.inventory == {CHEAP.instrument_id: QUANTITY, DEAR.instrument_id: -QUANTITY}
    own = totals.by_strategy[KEY]
    assert (own.closed, own.wins, own.fills, own.closed_net_usd) == (1, 1, 2, totals.cash_usd)
    assert own.net_bps == totals.cash_usd * 10_000 * ONE // BOUGHT.fill.notional_usd
    assert {label: each.trades for label, each in own.exits.items()} == {"BOTH_LEGS": 1}
    assert own.turnover_usd == fixed("200.2")


def test_an_unwound_pair_is_a_loss_and_moves_nothing() -> None:
    back = leg_fill(OrderRole.UNWIND, at_ns=1)
    session, totals = after(BOUGHT, back, ended(PairEnd.UNWOUND))
    assert (session.losses, session.loss_streak, session.inventory) == (1, 1, {})
    assert session.realised_day_usd == totals.cash_usd < 0
    assert list(totals.run.exits) == ["UNWOUND"]


def test_inventory_that_comes_back_is_forgotten() -> None:
    other = [pair_decided("DP2"), leg_fill(OrderRole.ENTRY, decision_id="DP2"), leg_fill(OrderRole.HEDGE, decision_id="DP2")]
    forth, _ = after(BOUGHT, SOLD, ended(PairEnd.BOTH_LEGS), *other, PairClosed(2, "DP2", PairEnd.BOTH_LEGS))
    assert forth.inventory == {CHEAP.instrument_id: 2 * QUANTITY, DEAR.instrument_id: -2 * QUANTITY}


def test_a_pair_that_is_not_even_is_ended_by_nobody() -> None:
    before, totals = after(BOUGHT)
    session, again = after(BOUGHT, ended(PairEnd.BOTH_LEGS))
    assert (state_hash(session), again) == (state_hash(before), totals)


@pytest.mark.parametrize(
    "changes", [{"instrument_id": "okx:ETH-USDT"}, {"buys": False}, {"instrument_id": DEAR.instrument_id}, {"role": OrderRole.STOP}]
)
def test_a_fill_on_no_leg_of_its_pair_is_money_and_no_position(changes: dict[str, object]) -> None:
    fill = replace(leg_fill(OrderRole.ENTRY).fill, **changes)
    stray = Filled(0, fill)
    session, totals = totals_of((pair_decided(), stray), START)
    assert (session.pairs, session.trades) == ({}, {})
    assert session.realised_day_usd == -stray.fill.fee_usd
    assert totals.by_strategy[""].fills == 1


def test_an_unwinding_never_gives_back_more_than_the_leg_holds() -> None:
    session, _ = totals_of((pair_decided(), BOUGHT, leg_fill(OrderRole.UNWIND, QUANTITY + 1)), START)
    assert session.pairs["DP1"].bought_quantity == QUANTITY


def test_dust_may_be_sold_at_the_other_venue() -> None:
    dust = leg_fill(OrderRole.UNWIND, 7, instrument_id=DEAR.instrument_id)
    session, _ = after(leg_fill(OrderRole.ENTRY, 10), leg_fill(OrderRole.HEDGE, 3), dust)
    assert session.pairs["DP1"].excess == 0
    assert session.pairs["DP1"].unwound


def test_a_late_fill_of_a_pair_that_was_over_makes_it_a_pair_again() -> None:
    session, _ = after(BOUGHT, SOLD, ended(PairEnd.BOTH_LEGS), leg_fill(OrderRole.HEDGE, at_ns=9))
    assert session.pairs["DP1"].excess == -QUANTITY
    assert session.open_count == 1
