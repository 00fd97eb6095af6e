"""Reconciliation: every way in which the venue can disagree has a name, and unexplained exposure halts."""

from __future__ import annotations

import pytest

from tests.support.gate_world import BTC, ETH
from tests.support.trade_facts import LOT, approved, filled, order, run
from tidegate.model.observation import Side
from tidegate.model.order import Order, OrderState
from tidegate.orders.reconcile import Difference, DifferenceKind, compare, positions_of

K = DifferenceKind


def kinds(*differences: Difference) -> list[DifferenceKind]:
    return [difference.kind for difference in differences]


def test_agreement_has_no_differences() -> None:
    assert compare([order()], {BTC: 5}, [order()], {BTC: 5, ETH: 0}) == ()


@pytest.mark.parametrize("ours, venues", [(0, 5), (5, 0), (5, 4), (5, -5)])
def test_a_position_that_differs_halts(ours: int, venues: int) -> None:
    (difference,) = compare([], {BTC: ours}, [], {BTC: venues})
    assert (difference.kind, difference.ours, difference.venues) == (K.POSITION_MISMATCH, ours, venues)
    assert difference.halts


def test_an_order_that_nobody_here_made_is_foreign_and_halts() -> None:
    (difference,) = compare([], {}, [order(client_order_id="web77")], {})
    assert difference.kind is K.FOREIGN_ORDER
    assert difference.halts


def test_an_order_of_our_making_that_we_do_not_know_halts() -> None:
    (difference,) = compare([], {}, [order()], {})
    assert difference.kind is K.UNKNOWN_ORDER
    assert difference.halts


@pytest.mark.parametrize("state", [OrderState.INTENDED, OrderState.WORKING, OrderState.UNKNOWN])
def test_an_order_that_the_venue_does_not_have_is_missing_and_does_not_halt(state: OrderState) -> None:
    (difference,) = compare([order(state=state)], {}, [], {})
    assert difference.kind is K.MISSING_ORDER
    assert not difference.halts
    assert (difference.ours, difference.venues) == (10 * LOT, 0)


@pytest.mark.parametrize(
    "theirs", [order(quantity=9 * LOT), order(buys=True), order(instrument_id=ETH), order(filled_quantity=LOT)]
)
def test_an_order_that_is_not_what_we_think_halts(theirs: Order) -> None:
    (difference,) = compare([order()], {}, [theirs], {})
    assert difference.kind is K.ORDER_MISMATCH
    assert difference.halts


def test_what_counts_of_an_order_is_what_is_left_of_it() -> None:
    (difference,) = compare([order(filled_quantity=4 * LOT)], {}, [], {})
    assert difference.ours == 6 * LOT
    assert compare([order(filled_quantity=4 * LOT)], {}, [order(quantity=6 * LOT)], {}) == ()


@pytest.mark.parametrize("state", [OrderState.FILLED, OrderState.CANCELED, OrderState.REFUSED])
def test_ended_orders_on_either_side_say_nothing(state: OrderState) -> None:
    assert compare([order(state=state)], {}, [], {}) == compare([], {}, [order(state=state)], {}) == ()


def test_differences_come_in_a_fixed_order_and_say_what_they_are() -> None:
    ours = [order(client_order_id="D2STG0"), order(client_order_id="D1STG0")]
    found = compare(ours, {ETH: 1, BTC: 2}, [order(client_order_id="web")], {})
    assert kinds(*found) == [K.POSITION_MISMATCH] * 2 + [K.MISSING_ORDER] * 2 + [K.FOREIGN_ORDER]
    assert [difference.order_id for difference in found] == ["", "", "D1STG0", "D2STG0", "web"]
    assert str(found[0]) == f"position_mismatch {BTC}: ours 0.00000002, the venue's 0"


def test_our_positions_are_the_signed_sums_of_open_trades() -> None:
    session = run(
        approved("D1"),
        filled("D1"),
        approved("D2"),
        filled("D2", lots=4),
        approved("D3", side=Side.SHORT, instrument_id=ETH),
        filled("D3", lots=3, buys=False, instrument_id=ETH),
    )
    assert positions_of(session.trades.values()) == {BTC: 14 * LOT, ETH: -3 * LOT}
