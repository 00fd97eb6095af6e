"""Brackets: entries, protection that always matches what is open, and the exits that come due."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.gate_world import AT, BTC
from tests.support.trade_facts import INSTRUMENT, LOT, PRICE, approved, filled, legs, order, run, sized_order
from tidegate.gate.decide import approval_of
from tidegate.model.intent import Invalidation, Mode
from tidegate.model.observation import Side
from tidegate.model.order import Order, OrderKind, OrderRole, OrderState
from tidegate.model.trade import Trade
from tidegate.orders.bracket import (
    Action,
    Amend,
    Cancel,
    Place,
    due_exit,
    entry_order,
    exit_order,
    protected_quantity,
    protections,
    wanted,
)
from tidegate.units import MINUTE_NS, SECOND_NS, fixed

R = OrderRole
HOLD_NS = 240 * MINUTE_NS


def trade_of(lots: int = 10, entered: int | None = None, exited: int = 0, **terms: object) -> Trade:
    """An open long: `lots` approved, `entered` of them filled, `exited` of those gone again."""
    short = terms.get("side") is Side.SHORT
    session = run(approved(lots=lots, **terms), filled(lots=lots if entered is None else entered, buys=not short))
    if exited:
        session = run(filled(lots=exited, role=R.TARGET_1, buys=short), session=session)
    return session.trades["D1"]


def placed(*actions: Action, state: OrderState = OrderState.WORKING) -> list[Order]:
    return [replace(action.order, state=state) for action in actions if isinstance(action, Place)]


def ask(trade: Trade, working: list[Order] | None = None, **generations: int) -> tuple[Action, ...]:
    counted = {("D1", R[role]): count for role, count in generations.items()}
    return wanted(trade, working or [], INSTRUMENT, AT, counted)


def lots_by_role(trade: Trade) -> dict[str, int]:
    return {str(each.role): each.quantity // LOT for each in protections(trade, INSTRUMENT)}


def test_the_entry_is_an_ioc_of_the_approved_quantity_up_to_the_approved_price() -> None:
    entry = entry_order(approval_of(approved("DP1").decision, Mode.PAPER), AT)
    assert (entry.client_order_id, entry.kind, entry.buys, entry.reduce_only) == ("DP1ENG0", OrderKind.IOC, True, False)
    assert (entry.quantity, entry.price, entry.created_ns) == (10 * LOT, fixed(100_500), AT)


def test_the_entry_of_a_short_sells() -> None:
    assert not entry_order(approval_of(approved("DP1", side=Side.SHORT).decision, Mode.PAPER), AT).buys


def test_an_unprotected_trade_gets_its_stop_first_and_then_its_targets() -> None:
    stop, *targets = placed(*ask(trade_of()))
    assert (stop.role, stop.kind, stop.quantity, stop.price) == (R.STOP, OrderKind.STOP, 10 * LOT, fixed(99_700))
    assert [(each.role, each.quantity // LOT) for each in targets] == [
        (R.TARGET_1, 5),
        (R.TARGET_2, 3),
        (R.TARGET_3, 2),
    ]
    assert [each.price for each in targets] == [fixed(100_250), fixed(100_500), fixed(100_900)]
    assert all(each.reduce_only and not each.buys and each.decision_id == "D1" for each in (stop, *targets))


def test_a_protected_trade_wants_nothing() -> None:
    trade = trade_of()
    assert ask(trade, placed(*ask(trade))) == ()


def test_a_short_is_protected_by_buying() -> None:
    stop, target, *_ = placed(*ask(trade_of(side=Side.SHORT)))
    assert (stop.buys, stop.price, target.price) == (True, fixed(100_300), fixed(99_750))


def test_prices_are_whole_ticks_the_stop_toward_the_entry_and_targets_away_from_it() -> None:
    odd = run(approved(), filled(price=fixed("100001.3"))).trades["D1"]
    stop, first, *_ = placed(*ask(odd))
    assert (stop.price, first.price) == (fixed("99701.3"), fixed("100251.4"))
    short = run(approved(side=Side.SHORT), filled(price=fixed("100001.3"), buys=False)).trades["D1"]
    stop, first, *_ = placed(*ask(short))
    assert (stop.price, first.price) == (fixed("100301.3"), fixed("99751.2"))


def test_after_the_first_target_the_stop_shrinks_and_the_others_stay() -> None:
    before = trade_of()
    rest = [each for each in placed(*ask(before)) if each.role is not R.TARGET_1]
    assert ask(trade_of(exited=5), rest) == (Amend("D1STG0", 5 * LOT),)


def test_a_partly_filled_target_keeps_its_own_rest() -> None:
    working = [
        replace(each, filled_quantity=2 * LOT, state=OrderState.PARTIALLY_FILLED) if each.role is R.TARGET_1 else each
        for each in placed(*ask(trade_of()))
    ]
    assert ask(trade_of(exited=2), working) == (Amend("D1STG0", 8 * LOT),)


def test_a_partly_filled_stop_shrinks_the_nearer_targets_first() -> None:
    working = [
        replace(each, filled_quantity=6 * LOT, state=OrderState.PARTIALLY_FILLED) if each.role is R.STOP else each
        for each in placed(*ask(trade_of()))
    ]
    assert ask(trade_of(exited=6), working) == (Amend("D1T2G0", 2 * LOT), Cancel("D1T1G0"))


@pytest.mark.parametrize(
    "entered, expected",
    [
        (1, {"STOP": 1, "TARGET_1": 1}),
        (2, {"STOP": 2, "TARGET_1": 1, "TARGET_2": 1}),
        (3, {"STOP": 3, "TARGET_1": 1, "TARGET_2": 1, "TARGET_3": 1}),
        (7, {"STOP": 7, "TARGET_1": 4, "TARGET_2": 2, "TARGET_3": 1}),
        (10, {"STOP": 10, "TARGET_1": 5, "TARGET_2": 3, "TARGET_3": 2}),
    ],
)
def test_a_partly_filled_entry_is_scaled_out_in_the_approved_proportion(entered: int, expected: dict[str, int]) -> None:
    assert lots_by_role(trade_of(entered=entered)) == expected


def test_what_is_no_whole_lot_leaves_with_the_last_target() -> None:
    odd = replace(trade_of(), open_quantity=10 * LOT + 1, entry_quantity=10 * LOT + 1)
    quantities = [each.quantity for each in protections(odd, INSTRUMENT)]
    assert quantities == [10 * LOT + 1, 5 * LOT, 3 * LOT, 2 * LOT + 1]


def test_a_trade_without_targets_has_its_stop_alone() -> None:
    assert lots_by_role(trade_of(targets=())) == {"STOP": 10}


def test_growing_by_a_second_entry_fill_amends_what_keeps_its_price() -> None:
    working = placed(*ask(trade_of(entered=5)))
    actions = ask(trade_of(), working, STOP=1, TARGET_1=1, TARGET_2=1, TARGET_3=1)
    assert actions == (
        Amend("D1STG0", 10 * LOT),
        Amend("D1T1G0", 5 * LOT),
        Amend("D1T2G0", 3 * LOT),
        Amend("D1T3G0", 2 * LOT),
    )


def test_a_moved_average_places_the_new_stop_before_cancelling_the_old_one() -> None:
    working = placed(*ask(trade_of(entered=5)))[:1]
    moved = run(approved(targets=()), filled(lots=5), filled(lots=5, price=fixed(100_200))).trades["D1"]
    place, cancel = ask(moved, working, STOP=1)
    assert isinstance(place, Place)
    assert cancel == Cancel("D1STG0")
    assert (place.order.client_order_id, place.order.price) == ("D1STG1", fixed("99799.7"))


def test_a_lost_stop_is_replaced_under_an_id_never_used_before() -> None:
    (place,) = ask(trade_of(targets=()), [], STOP=3)
    assert isinstance(place, Place)
    assert place.order.client_order_id == "D1STG3"


def test_of_two_orders_that_fit_the_newer_stays() -> None:
    twins = [order(), order(client_order_id="D1STG1")]
    assert ask(trade_of(targets=()), twins, STOP=2) == (Cancel("D1STG0"),)


@pytest.mark.parametrize("state", [OrderState.INTENDED, OrderState.UNKNOWN])
def test_an_order_in_flight_is_neither_amended_nor_replaced(state: OrderState) -> None:
    flying = [replace(each, state=state) for each in placed(*ask(trade_of(entered=5)))]
    assert ask(trade_of(), flying, STOP=1) == ()
    moved = run(approved(), filled(lots=5), filled(lots=5, price=fixed(100_200))).trades["D1"]
    assert ask(moved, flying, STOP=1) == ()


def test_flat_wants_no_protective_orders_whatever_their_state() -> None:
    working = placed(*ask(trade_of()), state=OrderState.INTENDED)
    flat = replace(trade_of(), open_quantity=0)
    assert ask(flat, working) == tuple(Cancel(each.client_order_id) for each in working)


def test_orders_of_other_trades_entries_exits_and_ended_orders_are_left_alone() -> None:
    flat = replace(trade_of(), open_quantity=0)
    others = [
        order(decision_id="D2"),
        order(R.ENTRY, kind=OrderKind.IOC),
        order(R.FLATTEN, kind=OrderKind.IOC),
        order(state=OrderState.FILLED),
    ]
    assert ask(flat, others) == ()


def test_only_a_stop_known_to_rest_protects() -> None:
    trade = trade_of()
    assert protected_quantity(trade, [order(filled_quantity=4 * LOT)]) == 6 * LOT
    for weak in (
        order(state=OrderState.INTENDED),
        order(state=OrderState.UNKNOWN),
        order(R.TARGET_1),
        order(decision_id="D2"),
    ):
        assert protected_quantity(trade, [weak]) == 0


def test_an_exit_takes_everything_at_any_price_and_only_reduces() -> None:
    leaving = exit_order(trade_of(exited=3), R.TIME, 2, AT)
    assert (leaving.client_order_id, leaving.kind, leaving.price) == ("D1TIG2", OrderKind.IOC, 0)
    assert (leaving.quantity, leaving.buys, leaving.reduce_only, leaving.instrument_id) == (7 * LOT, False, True, BTC)


@pytest.mark.parametrize("age_ns, due", [(0, None), (HOLD_NS - 1, None), (HOLD_NS, R.TIME), (HOLD_NS + 1, R.TIME)])
def test_time_is_up_at_the_hold(age_ns: int, due: OrderRole | None) -> None:
    assert due_exit(trade_of(), AT + age_ns, PRICE, False, 0) == due


@pytest.mark.parametrize(
    "age_s, uptick, due",
    [(44, True, None), (45, False, None), (45, True, R.TIME), (59, True, R.TIME), (60, False, R.TIME)],
)
def test_from_the_uptick_age_on_a_trade_leaves_at_the_first_uptick(
    age_s: int, uptick: bool, due: OrderRole | None
) -> None:
    corridor = trade_of(hold_ns=60 * SECOND_NS, uptick_exit_ns=45 * SECOND_NS)
    assert due_exit(corridor, AT + age_s * SECOND_NS, PRICE, uptick, 0) == due


def test_without_an_uptick_age_upticks_mean_nothing() -> None:
    assert due_exit(trade_of(), AT + 1, PRICE, True, 0) is None


@pytest.mark.parametrize(
    "price, since_s, due",
    [
        (fixed(110_051), 60, R.INVALIDATED),
        (fixed(110_051), 59, None),
        (fixed(110_050), 60, None),
        (fixed(110_051), None, None),
        (0, 60, None),
    ],
)
def test_a_price_held_above_the_invalidation_is_an_exit(price: int, since_s: int | None, due: OrderRole | None) -> None:
    rule = Invalidation(fixed(110_050), True, 60 * SECOND_NS)
    trade = trade_of(side=Side.SHORT, invalidation=rule)
    now_ns = AT + 100 * SECOND_NS
    since_ns = 0 if since_s is None else now_ns - since_s * SECOND_NS
    assert due_exit(trade, now_ns, price, False, since_ns) == due


def test_a_price_held_below_the_invalidation_is_an_exit_and_an_unknown_price_is_not() -> None:
    trade = trade_of(invalidation=Invalidation(fixed(99_000), False, 0))
    assert due_exit(trade, AT + 1, fixed(98_999), False, AT) is R.INVALIDATED
    assert due_exit(trade, AT + 1, fixed(99_000), False, AT) is None
    assert due_exit(trade, AT + 1, 0, False, AT) is None


def test_an_invalidated_trade_whose_time_is_up_too_says_invalidated() -> None:
    trade = trade_of(invalidation=Invalidation(fixed(99_000), False, 0))
    assert due_exit(trade, AT + HOLD_NS, fixed(98_000), False, AT) is R.INVALIDATED


def test_the_smallest_order_leaves_whole_at_its_first_target() -> None:
    single = run(approved(lots=1, targets=legs(1)), filled(lots=1)).trades["D1"]
    assert lots_by_role(single) == {"STOP": 1, "TARGET_1": 1}
    assert sized_order(1).lots == 1
