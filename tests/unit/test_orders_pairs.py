"""The orders of a pair: both legs, one second attempt, and what takes an excess back."""

from __future__ import annotations

from msgspec.structs import replace

from tests.support.pair_desk import CHEAP, DEAR, KEY, QUANTITY, SCOUT, pair_order
from tidegate.model.decision import Approval
from tidegate.model.intent import Mode
from tidegate.model.order import Order, OrderKind, OrderRole
from tidegate.model.pair import PairTrade
from tidegate.orders.ids import name_of
from tidegate.orders.pairs import leg_orders, second_attempt, unwinding
from tidegate.units import fixed

APPROVAL = Approval("DP1", Mode.PAPER, pair_order())
PAIR = PairTrade("DP1", SCOUT, KEY, "BTC", CHEAP.instrument_id, DEAR.instrument_id, 0, QUANTITY, fixed(28))


def pair(bought: int, sold: int) -> PairTrade:
    return replace(PAIR, bought_quantity=bought, sold_quantity=sold)


def back(bought: int, sold: int, cheap_lot: int = 1, dear_lot: int = 1) -> Order | None:
    return unwinding(pair(bought, sold), {CHEAP.instrument_id: cheap_lot, DEAR.instrument_id: dear_lot}, 0, 5)


def test_both_legs_leave_as_what_was_approved() -> None:
    buy, sale = leg_orders(APPROVAL, 5)
    assert (buy.client_order_id, buy.instrument_id, buy.buys, buy.price) == ("DP1ENG0", CHEAP.instrument_id, True, fixed(100_000))
    assert (sale.client_order_id, sale.instrument_id, sale.buys, sale.price) == ("DP1HEG0", DEAR.instrument_id, False, fixed(100_300))
    for order in (buy, sale):
        assert (order.kind, order.reduce_only, order.quantity) == (OrderKind.IOC, False, QUANTITY)
        name = name_of(order.client_order_id)
        assert name is not None
        assert (name.role, name.generation) == (order.role, 0)


def test_the_second_attempt_is_for_what_is_missing_at_the_second_price() -> None:
    sale = second_attempt(APPROVAL, pair(10, 4), 1, 5)
    buy = second_attempt(APPROVAL, pair(4, 10), 1, 5)
    assert sale is not None
    assert buy is not None
    assert (sale.client_order_id, sale.quantity, sale.price) == ("DP1HEG1", 6, fixed(100_019))
    assert (buy.client_order_id, buy.quantity, buy.price) == ("DP1ENG1", 6, fixed(100_280))


def test_less_than_a_lot_is_not_tried_again() -> None:
    assert second_attempt(APPROVAL, pair(10, 4), 7, 5) is None


def test_an_excess_goes_back_where_it_is_held() -> None:
    long, short = back(10, 4), back(4, 10)
    assert long is not None
    assert short is not None
    assert (long.instrument_id, long.buys, long.quantity, long.price) == (CHEAP.instrument_id, False, 6, 0)
    assert (short.instrument_id, short.buys, short.quantity, short.price) == (DEAR.instrument_id, True, 6, 0)
    assert long.role is short.role is OrderRole.UNWIND
    assert long.reduce_only
    assert short.reduce_only


def test_less_than_a_lot_goes_to_the_venue_with_finer_lots() -> None:
    first = back(1000, 630, cheap_lot=100)
    assert first is not None
    assert (first.instrument_id, first.quantity) == (CHEAP.instrument_id, 300)
    dust = back(700, 630, cheap_lot=100)
    assert dust is not None
    assert (dust.instrument_id, dust.buys, dust.quantity) == (DEAR.instrument_id, False, 70)


def test_an_even_pair_has_nothing_to_take_back() -> None:
    assert back(10, 10) is None
