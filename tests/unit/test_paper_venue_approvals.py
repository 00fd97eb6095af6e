"""The last inch, reduce-only, cancels, amendments, latency and recovery of the paper venue."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.paper_desk import (
    BTC,
    ETH,
    SETTINGS,
    Desk,
    approval_for,
    at,
    bar,
    book,
    entry,
    exit_approval_for,
    printed,
)
from tidegate.errors import Refused
from tidegate.model.intent import Mode
from tidegate.model.observation import Side
from tidegate.model.order import Order, OrderKind, OrderRole, OrderState
from tidegate.units import fixed
from tidegate.venues.paper import PaperVenue

SMALLEST = replace(BTC, quantity_min=fixed("0.0002"))


# --- the last inch ----------------------------------------------------------------------------------------------------------------


def test_an_entry_of_an_unknown_decision_is_refused_and_nothing_is_sent():
    desk = Desk()
    order = entry("0.0002", "108450")
    with pytest.raises(Refused, match="durable in the journal"):
        desk.venue.place(order, approval_for(order), at(0))
    assert desk.venue.open_orders() == ()
    assert desk.venue.next_due_ns() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"instrument_id": ETH.instrument_id},
        {"side": Side.SHORT},
        {"quantity": fixed("0.0003")},
        {"limit_price": fixed("108449.9")},
    ],
)
def test_an_entry_that_differs_from_its_approval_is_refused(changes):
    desk = Desk()
    desk.known.add("D1")
    order = entry("0.0002", "108450")
    with pytest.raises(Refused, match="approved"):
        desk.venue.place(order, approval_for(order, **changes), at(0))


def test_an_approval_of_another_mode_or_decision_is_refused():
    desk = Desk()
    desk.known.update(("D1", "D2"))
    order = entry("0.0002", "108450")
    with pytest.raises(Refused, match="mode paper only"):
        desk.venue.place(order, replace(approval_for(order), mode=Mode.LIVE), at(0))
    with pytest.raises(Refused, match="decision D1"):
        desk.venue.place(order, replace(approval_for(order), decision_id="D2"), at(0))


def test_an_entry_without_a_limit_price_or_under_the_minimum_is_refused():
    desk = Desk()
    desk.known.add("D1")
    order = entry("0.0002", "108450")
    with pytest.raises(Refused, match="limit price"):
        desk.venue.place(replace(order, price=0), approval_for(order), at(0))
    odd = entry("0.00025", "108450")
    with pytest.raises(Refused, match="whole lots"):
        desk.venue.place(odd, approval_for(odd), at(0))
    small = replace(entry("0.0001", "108450"), instrument_id=SMALLEST.instrument_id)
    picky = PaperVenue({SMALLEST.instrument_id: SMALLEST}, SETTINGS, lambda _: True)
    with pytest.raises(Refused, match="at least 0.0002 coins"):
        picky.place(small, approval_for(small), at(0))


def test_an_entry_with_an_exit_approval_and_an_exit_with_an_entry_approval_are_refused():
    desk = Desk().holding()
    desk.known.add("D2")
    order = entry("0.0002", "108450", decision_id="D2")
    with pytest.raises(Refused, match="needs the approval of its decision"):
        desk.venue.place(order, exit_approval_for(order), at(300))
    out = Order("D1STG0", "D1", BTC.instrument_id, OrderRole.STOP, OrderKind.STOP, False, fixed("0.001"), fixed(108100), True, at(300))
    with pytest.raises(Refused, match="exit approval"):
        desk.venue.place(out, approval_for(order), at(300))


def test_an_exit_that_is_not_reduce_only_or_larger_than_approved_is_refused():
    desk = Desk().holding()
    out = Order("D1STG0", "D1", BTC.instrument_id, OrderRole.STOP, OrderKind.STOP, False, fixed("0.001"), fixed(108100), True, at(300))
    with pytest.raises(Refused, match="reduce only"):
        desk.venue.place(replace(out, reduce_only=False), exit_approval_for(out), at(300))
    with pytest.raises(Refused, match="at most 0.001"):
        desk.venue.place(replace(out, quantity=fixed("0.002")), exit_approval_for(out), at(300))
    with pytest.raises(Refused, match="as approved"):
        desk.venue.place(replace(out, client_order_id="D1STG1"), exit_approval_for(out), at(300))


def test_one_decision_yields_one_order():
    desk = Desk()
    desk.show(book("108400x1", "108401x1"))
    order = desk.enter("0.0002", "108450")
    again = replace(order, client_order_id="D1ENG1")
    with pytest.raises(Refused, match="one order per decision"):
        desk.venue.place(again, approval_for(again), at(1))
    desk.wait(200)
    with pytest.raises(Refused, match="one order per decision"):
        desk.venue.place(again, approval_for(again), at(300))
    assert len(desk.fills) == 1


def test_the_same_order_sent_twice_is_already_there_and_fills_once():
    desk = Desk()
    desk.show(book("108400x1", "108401x1"))
    order = desk.enter("0.0002", "108450")
    desk.venue.place(order, approval_for(order), at(1))
    desk.wait(500)
    desk.venue.place(order, approval_for(order), at(600))
    desk.wait(1_000)
    assert len(desk.fills) == 1
    with pytest.raises(Refused, match="used id"):
        desk.venue.place(replace(order, quantity=fixed("0.0003")), approval_for(order), at(1_001))


def test_an_instrument_that_the_venue_does_not_list_is_refused():
    desk = Desk()
    order = replace(entry("0.0002", "108450"), instrument_id="okx:DOGE")
    with pytest.raises(Refused, match="okx:BTC-USDT-SWAP"):
        desk.venue.place(order, approval_for(order), at(0))


# --- reduce only ------------------------------------------------------------------------------------------------------------------


def test_a_reduce_only_order_never_flips_a_position():
    desk = Desk().holding("0.001")
    first = desk.leave(OrderRole.TIME, OrderKind.IOC, "0.001", "0", ms=300)
    second = desk.leave(OrderRole.FLATTEN, OrderKind.IOC, "0.001", "0", ms=300)
    desk.wait(500)
    assert desk.venue.positions() == {}
    assert desk.last_change(first).state is OrderState.FILLED
    assert desk.last_change(second).detail == "nothing left to reduce"


def test_a_reduce_only_order_on_the_side_of_the_position_does_nothing():
    desk = Desk().holding("0.001")
    desk.leave(OrderRole.FLATTEN, OrderKind.IOC, "0.001", "0", ms=300, buys=True)
    assert desk.wait(500) == []
    assert desk.position() == fixed("0.001")


def test_a_larger_reduce_only_order_is_reduced_to_the_position():
    desk = Desk().holding("0.001")
    order = desk.leave(OrderRole.FLATTEN, OrderKind.IOC, "0.005", "0", ms=300)
    (fill,) = desk.wait(500)
    assert fill.quantity == fixed("0.001")
    assert desk.last_change(order).quantity == fixed("0.001")
    assert desk.last_change(order).state is OrderState.FILLED


def test_the_stop_of_one_trade_does_not_close_another_trade_of_the_same_instrument():
    desk = Desk().holding("0.001", decision_id="D1")
    desk.enter("0.001", "108400", ms=300, decision_id="D2")
    desk.target("0.0005", "108500", ms=300, decision_id="D1")
    desk.stop("0.001", "108100", ms=300, decision_id="D1")
    desk.wait(600)
    desk.show(printed("108501", ms=700), book("108050x9", "108060x9", ms=800), printed("108050", ms=900))
    assert desk.position() == fixed("0.001")


# --- cancel and amend -------------------------------------------------------------------------------------------------------------


def test_a_cancel_takes_the_latency_and_the_order_may_fill_before():
    desk = Desk().holding("0.001")
    order = desk.target("0.001", "108500", ms=300)
    desk.wait(500)
    desk.venue.cancel(order.client_order_id, at(500))
    desk.show(printed("108501", "0.0004", ms=600))
    desk.show(printed("108501", "0.0004", ms=700))
    assert [fill.quantity for fill in desk.fills] == [fixed("0.0004")]
    assert desk.last_change(order).state is OrderState.CANCELED


def test_a_cancel_overtaken_by_the_fill_and_one_of_an_unknown_order_are_answered():
    desk = Desk().holding("0.001")
    order = desk.target("0.001", "108500", ms=300)
    desk.wait(500)
    desk.venue.cancel(order.client_order_id, at(500))
    desk.show(printed("108501", ms=600))
    desk.wait(700)
    assert (desk.last_change(order).state, desk.last_change(order).detail) == (OrderState.FILLED, "already filled")
    desk.venue.cancel("D77STG0", at(700))
    desk.wait(900)
    answer = desk.changes[-1]
    assert (answer.client_order_id, answer.decision_id, answer.role) == ("D77STG0", "D77", OrderRole.STOP)
    assert (answer.state, answer.detail) == (OrderState.CANCELED, "this venue has no such order")


def test_an_amended_stop_protects_the_new_quantity():
    desk = Desk().holding("0.001")
    order = desk.stop("0.001", "108100", ms=300)
    desk.wait(500)
    desk.venue.amend(order.client_order_id, fixed("0.0004"), at(500))
    desk.wait(700)
    assert desk.last_change(order).quantity == fixed("0.0004")
    assert desk.last_change(order).state is OrderState.WORKING
    desk.show(book("108050x9", "108060x9", ms=800))
    assert [fill.quantity for fill in desk.show(printed("108050", ms=900))] == [fixed("0.0004")]


def test_an_amendment_down_to_what_is_filled_ends_the_order():
    desk = Desk().holding("0.001")
    order = desk.target("0.001", "108500", ms=300)
    desk.wait(500)
    desk.show(printed("108501", "0.0004", ms=600))
    desk.venue.amend(order.client_order_id, fixed("0.0004"), at(600))
    desk.wait(800)
    assert desk.last_change(order).state is OrderState.FILLED
    assert desk.venue.open_orders() == ()


def test_an_entry_cannot_grow_and_nothing_can_be_amended_to_zero():
    desk = Desk()
    order = desk.enter("0.0002", "108450")
    with pytest.raises(Refused, match="larger entry"):
        desk.venue.amend(order.client_order_id, fixed("0.0003"), at(1))
    with pytest.raises(Refused, match="cancel it"):
        desk.venue.amend(order.client_order_id, 0, at(1))


# --- read models, recovery --------------------------------------------------------------------------------------------------------


def test_orders_in_flight_are_open_and_give_the_venue_work():
    desk = Desk()
    assert not desk.venue.has_work(BTC.instrument_id)
    order = desk.enter("0.0002", "108450")
    assert desk.venue.open_orders() == (order,)
    assert desk.venue.has_work(BTC.instrument_id)
    assert not desk.venue.has_work(ETH.instrument_id)
    assert desk.venue.next_due_ns() == at(150)


def test_funding_changes_cash():
    desk = Desk()
    desk.venue.credit_funding(-fixed("0.03"))
    assert desk.venue.cash_usd == -fixed("0.03")


def test_a_restored_venue_goes_on_where_the_old_one_was():
    old = Desk().holding("0.001")
    old.stop("0.001", "108100", ms=300)
    old.target("0.001", "108500", ms=300)
    old.wait(500)
    old.show(printed("108501", "0.0004", ms=600))
    new = Desk()
    new.known.add("D1")
    held = {BTC.instrument_id: {"D1": old.position()}}
    new.venue.restore(old.venue.open_orders(), old.venue.positions(), old.venue.cash_usd, ["D1"], held)
    assert new.venue.open_orders() == old.venue.open_orders()
    for desk in (old, new):
        desk.fills.clear()
        desk.show(book("108390x1", "108410x1", ms=700), printed("108502", "0.0002", ms=800), bar("108000 108000 108000 108000", 30_000))
    assert new.fills == old.fills
    assert [fill.quantity for fill in new.fills] == [fixed("0.0002"), fixed("0.0004")]
    assert new.venue.cash_usd == old.venue.cash_usd
    assert new.venue.positions() == {}
    again = entry("0.001", "108400", ms=40_000)
    with pytest.raises(Refused, match="one order per decision"):
        new.venue.place(again, approval_for(again), at(40_000))


def test_a_restore_without_holdings_bounds_exits_by_the_net_position():
    desk = Desk()
    sent = Order("D1STG0", "D1", BTC.instrument_id, OrderRole.STOP, OrderKind.STOP, False, fixed("0.003"), fixed(108100), True, at(0))
    stop = replace(sent, state=OrderState.WORKING)
    desk.venue.restore([stop, replace(stop, client_order_id="D1STG1", state=OrderState.INTENDED)], {BTC.instrument_id: fixed("0.002")}, 0, [])
    assert len(desk.venue.open_orders()) == 1
    desk.show(book("108000x1", "108010x1", ms=100))
    assert [fill.quantity for fill in desk.show(printed("108000", ms=200))] == [fixed("0.002")]
