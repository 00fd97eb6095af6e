"""The orders of a two-leg trade: both legs, the one second attempt of the leg that lags, and what unwinds an excess.

In: an approval, the pair so far, lots. Out: orders. All take at once or not at all (IOC): nothing of a pair ever rests. INVARIANT: G1

A leg's generation 0 is its first attempt, at the worst price that was judged. Generation 1 is the one second attempt, allowed to one leg only,
for what the other leg has more, up to what unwinding it would cost. Then the excess goes back where it came from, at any price.
"""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.model.decision import Approval, PairLeg, SizedOrder
from tidegate.model.order import Order, OrderKind, OrderRole
from tidegate.model.pair import PairTrade
from tidegate.orders.ids import client_order_id
from tidegate.units import Nanoseconds, Price, Quantity

FIRST, SECOND = 0, 1


def leg_of(order: SizedOrder, role: OrderRole) -> PairLeg | None:
    """Return the approved leg that an order of this role is on: ENTRY buys, HEDGE sells."""
    return next((leg for leg in order.legs if role.enters and leg.buys is (role is OrderRole.ENTRY)), None)


def price_bound(leg: PairLeg, generation: int) -> Price:
    """Return the worst price that an attempt of a leg may have."""
    return leg.limit_price if generation == FIRST else leg.second_price


def leg_orders(approval: Approval, now_ns: Nanoseconds) -> tuple[Order, ...]:
    """Return the first attempts of both legs, the buy first. One decision, one order a leg. INVARIANT: G1"""
    return tuple(_attempt(approval, leg, FIRST, leg.quantity, now_ns) for leg in approval.order.legs)


def second_attempt(approval: Approval, pair: PairTrade, lot: Quantity, now_ns: Nanoseconds) -> Order | None:
    """Return the one second attempt of the leg that lags, for what is missing in its whole lots; None when that is nothing."""
    role = OrderRole.HEDGE if pair.excess > 0 else OrderRole.ENTRY
    leg, missing = leg_of(approval.order, role), abs(pair.excess) // lot * lot
    return _attempt(approval, leg, SECOND, missing, now_ns) if leg is not None and missing > 0 else None


def unwinding(pair: PairTrade, lots: Mapping[str, Quantity], generation: int, now_ns: Nanoseconds) -> Order | None:
    """Return the order that takes a pair's excess back, at any price; None when it is even, or the rest is no whole lot anywhere.

    It goes back where it is held, in that venue's whole lots. Less than one of those is bought or sold at the other venue, where lots are finer.
    Each one makes the excess strictly smaller. INVARIANT: G12
    """
    excess = abs(pair.excess)
    if excess == 0:
        return None
    held_at = pair.excess_instrument_id
    other = pair.sell_instrument_id if held_at == pair.buy_instrument_id else pair.buy_instrument_id
    instrument_id = held_at if excess >= lots[held_at] else other
    quantity = excess // lots[instrument_id] * lots[instrument_id]
    return _unwind(pair, instrument_id, quantity, generation, now_ns) if quantity > 0 else None


def _attempt(approval: Approval, leg: PairLeg, generation: int, quantity: Quantity, now_ns: Nanoseconds) -> Order:
    role = OrderRole.ENTRY if leg.buys else OrderRole.HEDGE
    return Order(
        client_order_id=client_order_id(approval.decision_id, role, generation),
        decision_id=approval.decision_id,
        instrument_id=leg.instrument_id,
        role=role,
        kind=OrderKind.IOC,
        buys=leg.buys,
        quantity=quantity,
        price=price_bound(leg, generation),
        reduce_only=False,
        created_ns=now_ns,
    )


def _unwind(pair: PairTrade, instrument_id: str, quantity: Quantity, generation: int, now_ns: Nanoseconds) -> Order:
    return Order(
        client_order_id=client_order_id(pair.trade_id, OrderRole.UNWIND, generation),
        decision_id=pair.trade_id,
        instrument_id=instrument_id,
        role=OrderRole.UNWIND,
        kind=OrderKind.IOC,
        buys=pair.excess < 0,
        quantity=quantity,
        price=0,
        reduce_only=True,
        created_ns=now_ns,
    )
