"""Brackets: the entry of an approval, the protection of an open trade, and the exits that time or price make due.

In: an approval, or an open trade with its working orders. Out: orders, and the actions that make protection right: protective quantity =
open quantity, always; flat means no protective orders. INVARIANT: X7

An open trade is protected by one reduce-only STOP over the whole open quantity and one reduce-only LIMIT per target leg that is still to
come, together the whole open quantity. `wanted` compares that with what is working and says what to change; it remembers nothing, so it
may be asked after every event and answers `()` when all is well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tidegate.matching.fills import target_price
from tidegate.matching.lots import scale_out
from tidegate.model.decision import Approval
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Invalidation
from tidegate.model.observation import Side
from tidegate.model.order import Order, OrderKind, OrderRole, OrderState
from tidegate.model.trade import Trade
from tidegate.orders.ids import client_order_id
from tidegate.orders.life_cycle import is_terminal
from tidegate.units import Nanoseconds, Price, Quantity

PROTECTIVE_ROLES = (OrderRole.STOP, OrderRole.TARGET_1, OrderRole.TARGET_2, OrderRole.TARGET_3)


class Place(msgspec.Struct, frozen=True, gc=False):
    """Place this order."""

    order: Order


class Amend(msgspec.Struct, frozen=True, gc=False):
    """Change a working order's total quantity (filled part included)."""

    client_order_id: str
    quantity: Quantity


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """Cancel a working order. Asked again until the venue confirms."""

    client_order_id: str


Action = Place | Amend | Cancel


class Protection(msgspec.Struct, frozen=True, gc=False):
    """One protective order that an open trade should have: `quantity` is what it should still be able to take."""

    role: OrderRole
    kind: OrderKind
    quantity: Quantity
    price: Price


def entry_order(approval: Approval, now_ns: Nanoseconds) -> Order:
    """Return the entry: an IOC of the approved quantity up to the approved worst price. One decision, one entry. INVARIANT: G1"""
    order = approval.order
    return Order(
        client_order_id=client_order_id(approval.decision_id, OrderRole.ENTRY, 0),
        decision_id=approval.decision_id,
        instrument_id=order.instrument_id,
        role=OrderRole.ENTRY,
        kind=OrderKind.IOC,
        buys=order.side is Side.LONG,
        quantity=order.quantity,
        price=order.limit_price,
        reduce_only=False,
        created_ns=now_ns,
    )


def exit_order(trade: Trade, role: OrderRole, generation: int, now_ns: Nanoseconds) -> Order:
    """Return an exit of the whole open quantity at any price, reduce-only."""
    everything = Protection(role, OrderKind.IOC, trade.open_quantity, 0)
    return _exit(trade, everything, generation, now_ns)


def wanted(
    trade: Trade,
    working: Sequence[Order],
    instrument: Instrument,
    now_ns: Nanoseconds,
    generations: Mapping[tuple[str, OrderRole], int],
) -> tuple[Action, ...]:
    """Return what must change so that the trade is protected: stop first, then targets from the nearest.

    `working` are the trade's orders that are not terminal; others are ignored. `generations` counts the orders intended so far by (trade
    id, role): the next id must never have been used, also not by an order that is gone. A changed price is a new order before the old one
    is cancelled; a changed quantity is an amendment. An order in flight (INTENDED or UNKNOWN) is neither amended nor replaced until the
    venue has spoken: ask again then. INVARIANT: X2 X4 X7
    """
    own = tuple(order for order in working if order.decision_id == trade.trade_id and _protects(order))
    actions: list[Action] = []
    wishes = protections(trade, instrument)
    for wish in wishes:
        same_role = tuple(order for order in own if order.role is wish.role)
        generation = generations.get((trade.trade_id, wish.role), 0)
        actions += _toward(trade, wish, same_role, generation, now_ns)
    roles = tuple(wish.role for wish in wishes)
    actions += [Cancel(order.client_order_id) for order in own if order.role not in roles]
    return tuple(actions)


def protections(trade: Trade, instrument: Instrument) -> tuple[Protection, ...]:
    """Return the protection that an open trade should have: its stop, then its targets still to come, nearest first; nothing when flat.

    Prices are whole ticks, never kinder than asked: the stop's trigger is rounded toward the entry, targets away from it.
    """
    if trade.open_quantity <= 0:
        return ()
    tick, entry = instrument.tick, trade.entry_price
    trigger = -(-trade.stop_price // tick) * tick if trade.side is Side.LONG else trade.stop_price // tick * tick
    stop = Protection(OrderRole.STOP, OrderKind.STOP, trade.open_quantity, trigger)
    targets = tuple(
        Protection(
            PROTECTIVE_ROLES[leg.number], OrderKind.LIMIT, quantity, target_price(entry, trade.side, leg.bps, tick)
        )
        for leg, quantity in zip(trade.targets, _leg_quantities(trade, instrument), strict=True)
        if quantity > 0
    )
    return (stop, *targets)


def protected_quantity(trade: Trade, working: Sequence[Order]) -> Quantity:
    """Return how much of a trade a stop known to rest at the venue protects; in flight does not count. INVARIANT: X7"""
    resting = (OrderState.WORKING, OrderState.PARTIALLY_FILLED)
    return sum(
        order.quantity - order.filled_quantity
        for order in working
        if order.decision_id == trade.trade_id and order.kind is OrderKind.STOP and order.state in resting
    )


def is_beyond(rule: Invalidation, price: Price) -> bool:
    """Say whether a price is beyond the invalidation (equal is not). Unknown prices (0) are not beyond."""
    return price > rule.price if rule.above else 0 < price < rule.price


def due_exit(
    trade: Trade, now_ns: Nanoseconds, price: Price, uptick: bool, beyond_since_ns: Nanoseconds
) -> OrderRole | None:
    """Return the exit that is due: INVALIDATED before TIME, or None.

    INVALIDATED when the price is beyond and has been since `beyond_since_ns` (0 = it is not) for >= the rule's hold. TIME at age >= the
    hold, or, from `uptick_exit_ns` on (0 = never), when the price just rose (`uptick`).
    """
    rule = trade.invalidation
    if rule is not None and beyond_since_ns > 0 and is_beyond(rule, price) and now_ns - beyond_since_ns >= rule.hold_ns:
        return OrderRole.INVALIDATED
    age_ns = now_ns - trade.opened_ns
    if age_ns >= trade.hold_ns or (0 < trade.uptick_exit_ns <= age_ns and uptick):
        return OrderRole.TIME
    return None


def _toward(
    trade: Trade, wish: Protection, same_role: tuple[Order, ...], generation: int, now_ns: Nanoseconds
) -> list[Action]:
    """Return the actions that turn the orders of one role into the one wished for."""
    fitting = [order for order in same_role if order.price == wish.price]
    if not fitting:
        if any(_in_flight(order) for order in same_role):
            return []
        replaced: list[Action] = [Cancel(order.client_order_id) for order in same_role]
        return [Place(_exit(trade, wish, generation, now_ns)), *replaced]
    kept = fitting[-1]
    actions: list[Action] = [Cancel(order.client_order_id) for order in same_role if order is not kept]
    total = kept.filled_quantity + wish.quantity
    if kept.quantity != total and not _in_flight(kept):
        actions.insert(0, Amend(kept.client_order_id, total))
    return actions


def _exit(trade: Trade, wish: Protection, generation: int, now_ns: Nanoseconds) -> Order:
    return Order(
        client_order_id=client_order_id(trade.trade_id, wish.role, generation),
        decision_id=trade.trade_id,
        instrument_id=trade.instrument_id,
        role=wish.role,
        kind=wish.kind,
        buys=trade.side is Side.SHORT,
        quantity=wish.quantity,
        price=wish.price,
        reduce_only=True,
        created_ns=now_ns,
    )


def _leg_quantities(trade: Trade, instrument: Instrument) -> tuple[Quantity, ...]:
    """Split the open quantity over the target legs.

    What was entered is shared in the proportion of the approved legs (all of them, when the entry filled whole). Price passes the nearer
    targets first, so what is still open belongs to the farther legs: they are served first, and the last one takes what is no whole lot.
    """
    if not trade.targets:
        return ()
    planned = tuple(leg.lots for leg in trade.targets)
    entered_lots = trade.entry_quantity // instrument.lot
    shares = planned if entered_lots == sum(planned) else scale_out(entered_lots, planned)
    left = trade.open_quantity
    quantities: list[Quantity] = []
    for share in reversed(shares):
        taken = min(instrument.quantity_of(share), left)
        quantities.append(taken)
        left -= taken
    quantities[0] += left
    return tuple(reversed(quantities))


def _protects(order: Order) -> bool:
    resting_kind = order.kind is OrderKind.STOP or order.kind is OrderKind.LIMIT
    return order.role in PROTECTIVE_ROLES and resting_kind and not is_terminal(order.state)


def _in_flight(order: Order) -> bool:
    return order.state is OrderState.INTENDED or order.state is OrderState.UNKNOWN
