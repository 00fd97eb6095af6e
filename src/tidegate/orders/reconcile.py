"""Reconciliation: what we believe against what the venue says, as named differences. The venue's word wins. INVARIANT: X6

In: our working orders and positions, and the venue's, both read at one instant after every report was taken in. Out: the differences, in a
fixed order. What follows from one (ask again, halt) is the engine's business; `halts` says which may not stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from tidegate.model.order import Order
from tidegate.model.pair import PairTrade
from tidegate.model.trade import Trade
from tidegate.orders.ids import name_of
from tidegate.orders.life_cycle import is_terminal
from tidegate.units import Quantity, render


class DifferenceKind(StrEnum):
    """What can differ, worst first."""

    POSITION_MISMATCH = "position_mismatch"
    FOREIGN_ORDER = "foreign_order"
    UNKNOWN_ORDER = "unknown_order"
    ORDER_MISMATCH = "order_mismatch"
    MISSING_ORDER = "missing_order"


class Difference(msgspec.Struct, frozen=True, gc=False):
    """One difference. `ours` and `venues` are coins: signed position, or what is left of an order; `order_id` is empty for positions.

    position_mismatch: the signed position differs. foreign_order / unknown_order: the venue works an order that we do not know; its id is
    not / is of our making. order_mismatch: same id, but instrument, direction or what is left differs. missing_order: we think it works
    (or may: INTENDED, UNKNOWN) and the venue does not have it.
    """

    kind: DifferenceKind
    instrument_id: str
    order_id: str
    ours: Quantity
    venues: Quantity

    @property
    def halts(self) -> bool:
        """Say whether it is unexplained exposure, present or possible. A missing order is not: the venue is asked what became of it."""
        return self.kind is not DifferenceKind.MISSING_ORDER

    def __str__(self) -> str:
        name = f"{self.instrument_id} {self.order_id}".strip()
        return f"{self.kind} {name}: ours {render(self.ours)}, the venue's {render(self.venues)}"


def positions_of(
    trades: Iterable[Trade], pairs: Iterable[PairTrade] = (), inventory: Mapping[str, Quantity] | None = None
) -> dict[str, Quantity]:
    """Return our signed position per instrument: trades, both legs of pairs, what finished pairs moved. Flat instruments are left out."""
    positions = dict(inventory or {})
    for trade in trades:
        positions[trade.instrument_id] = positions.get(trade.instrument_id, 0) + trade.side.sign * trade.open_quantity
    for pair in pairs:
        for instrument_id, quantity in ((pair.buy_instrument_id, pair.bought_quantity), (pair.sell_instrument_id, -pair.sold_quantity)):
            positions[instrument_id] = positions.get(instrument_id, 0) + quantity
    return {instrument_id: quantity for instrument_id, quantity in positions.items() if quantity}


def compare(
    our_orders: Iterable[Order],
    our_positions: Mapping[str, Quantity],
    venue_orders: Iterable[Order],
    venue_positions: Mapping[str, Quantity],
) -> tuple[Difference, ...]:
    """Return every difference, positions first, then orders by id. Terminal orders on either side and zero positions say nothing."""
    ours = {order.client_order_id: order for order in our_orders if not is_terminal(order.state)}
    theirs = {order.client_order_id: order for order in venue_orders if not is_terminal(order.state)}
    orders = [_of_order(order_id, ours.get(order_id), theirs.get(order_id)) for order_id in sorted({**ours, **theirs})]
    positions = [
        _of_position(instrument_id, our_positions.get(instrument_id, 0), venue_positions.get(instrument_id, 0))
        for instrument_id in sorted({**our_positions, **venue_positions})
    ]
    return tuple(difference for difference in (*positions, *orders) if difference is not None)


def _of_position(instrument_id: str, ours: Quantity, theirs: Quantity) -> Difference | None:
    if ours == theirs:
        return None
    return Difference(DifferenceKind.POSITION_MISMATCH, instrument_id, "", ours, theirs)


def _of_order(order_id: str, ours: Order | None, theirs: Order | None) -> Difference | None:
    if theirs is None:
        return (
            None
            if ours is None
            else Difference(DifferenceKind.MISSING_ORDER, ours.instrument_id, order_id, _left(ours), 0)
        )
    if ours is None:
        kind = DifferenceKind.UNKNOWN_ORDER if name_of(order_id) is not None else DifferenceKind.FOREIGN_ORDER
        return Difference(kind, theirs.instrument_id, order_id, 0, _left(theirs))
    if (ours.instrument_id, ours.buys, _left(ours)) != (theirs.instrument_id, theirs.buys, _left(theirs)):
        return Difference(DifferenceKind.ORDER_MISMATCH, theirs.instrument_id, order_id, _left(ours), _left(theirs))
    return None


def _left(order: Order) -> Quantity:
    return order.quantity - order.filled_quantity
