"""The life of an order: the transitions allowed, those refused, and fills that are applied whatever the state."""

from __future__ import annotations

import itertools

import pytest

from tests.support.trade_facts import LOT, filled, news, order
from tidegate.model.order import Fill, Order, OrderRole, OrderState
from tidegate.orders.life_cycle import FILLS, NEWS, TERMINAL, Illegal, advance, is_late, is_terminal, may_become

S = OrderState
ALLOWED = {
    (S.INTENDED, S.WORKING),
    (S.INTENDED, S.PARTIALLY_FILLED),
    (S.INTENDED, S.FILLED),
    (S.INTENDED, S.CANCELED),
    (S.INTENDED, S.REFUSED),
    (S.INTENDED, S.UNKNOWN),
    (S.WORKING, S.PARTIALLY_FILLED),
    (S.WORKING, S.FILLED),
    (S.WORKING, S.CANCELED),
    (S.WORKING, S.REFUSED),
    (S.WORKING, S.UNKNOWN),
    (S.PARTIALLY_FILLED, S.FILLED),
    (S.PARTIALLY_FILLED, S.CANCELED),
    (S.PARTIALLY_FILLED, S.UNKNOWN),
    (S.UNKNOWN, S.WORKING),
    (S.UNKNOWN, S.PARTIALLY_FILLED),
    (S.UNKNOWN, S.FILLED),
    (S.UNKNOWN, S.CANCELED),
    (S.UNKNOWN, S.REFUSED),
}
EVERY_PAIR = list(itertools.product(OrderState, OrderState))


def in_state(state: OrderState, filled_lots: int = 0) -> Order:
    return order(state=state, filled_quantity=filled_lots * LOT)


def a_fill(lots: int) -> Fill:
    return filled(role=OrderRole.STOP, lots=lots, client_order_id="D1STG0").fill


@pytest.mark.parametrize("was, heard", EVERY_PAIR)
def test_news_moves_an_order_exactly_as_the_table_says(was: OrderState, heard: OrderState) -> None:
    after = advance(in_state(was), news(heard, role=OrderRole.STOP))
    if was is heard:
        assert after == in_state(was)
    elif (was, heard) in ALLOWED:
        assert isinstance(after, Order)
        assert after.state is heard
    else:
        assert isinstance(after, Illegal)
        assert (after.was, after.heard) == (was, str(heard))


def test_both_tables_speak_of_every_state_once() -> None:
    assert [state for state, _ in NEWS]
    assert {state for state, _ in NEWS} == set(OrderState)
    assert len(NEWS) == len(FILLS) == len(OrderState)
    assert {state for state, _ in FILLS} == set(OrderState)


@pytest.mark.parametrize("state", TERMINAL)
def test_terminal_is_terminal(state: OrderState) -> None:
    assert is_terminal(state)
    assert not any(may_become(state, other) for other in OrderState if other is not state)


def test_nothing_becomes_intended_again() -> None:
    assert not any(may_become(was, S.INTENDED) for was in OrderState if was is not S.INTENDED)


@pytest.mark.parametrize("was", [S.INTENDED, S.WORKING, S.PARTIALLY_FILLED, S.UNKNOWN])
def test_a_fill_moves_a_living_order_to_partly_or_wholly_filled(was: OrderState) -> None:
    partly = advance(in_state(was), a_fill(4))
    assert isinstance(partly, Order)
    assert (partly.state, partly.filled_quantity) == (S.PARTIALLY_FILLED, 4 * LOT)
    wholly = advance(partly, a_fill(6))
    assert isinstance(wholly, Order)
    assert (wholly.state, wholly.filled_quantity) == (S.FILLED, 10 * LOT)


@pytest.mark.parametrize("was", [S.CANCELED, S.REFUSED])
def test_a_fill_of_an_ended_order_is_applied_leaves_its_state_and_is_late(was: OrderState) -> None:
    after = advance(in_state(was), a_fill(4))
    assert isinstance(after, Order)
    assert (after.state, after.filled_quantity) == (was, 4 * LOT)
    assert is_late(in_state(was), a_fill(4))


def test_fills_that_come_after_the_news_that_they_made_true_are_not_late() -> None:
    heard = advance(in_state(S.WORKING), news(S.FILLED, role=OrderRole.STOP))
    assert isinstance(heard, Order)
    assert not is_late(heard, a_fill(10))
    after = advance(heard, a_fill(10))
    assert isinstance(after, Order)
    assert (after.state, after.filled_quantity) == (S.FILLED, 10 * LOT)


def test_a_fill_of_more_than_was_ordered_is_applied_and_late() -> None:
    nearly = in_state(S.PARTIALLY_FILLED, filled_lots=9)
    assert not is_late(nearly, a_fill(1))
    assert is_late(nearly, a_fill(2))
    after = advance(nearly, a_fill(2))
    assert isinstance(after, Order)
    assert after.filled_quantity == 11 * LOT


def test_an_amendment_changes_the_quantity_of_a_living_order_only() -> None:
    amended = advance(in_state(S.WORKING), news(S.WORKING, role=OrderRole.STOP, lots=7))
    assert isinstance(amended, Order)
    assert amended.quantity == 7 * LOT
    ended = advance(in_state(S.CANCELED), news(S.CANCELED, role=OrderRole.STOP, lots=7))
    assert ended == in_state(S.CANCELED)


def test_news_about_another_order_is_illegal() -> None:
    assert isinstance(advance(in_state(S.WORKING), news(S.FILLED, "D2")), Illegal)
    assert isinstance(advance(in_state(S.WORKING), filled("D2").fill), Illegal)
