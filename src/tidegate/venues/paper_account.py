"""The paper account: cash, net positions, and what each trade still holds. Changed by fills and funding only. INVARIANT: J7"""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.matching.fills import cash_change_usd
from tidegate.model.order import Fill, Order, OrderRole
from tidegate.units import Quantity, Usd


class PaperAccount:
    """Cash and positions of one paper venue.

    `held` is the open quantity per instrument and decision: a venue with attached stops and targets never lets those of one trade close
    more than that trade, even when another trade holds more of the same instrument.
    """

    __slots__ = ("_held_known", "cash_usd", "held", "positions")

    def __init__(self) -> None:
        self._held_known = True
        self.cash_usd: Usd = 0
        self.positions: dict[str, Quantity] = {}
        self.held: dict[str, dict[str, Quantity]] = {}

    def restore(self, positions: Mapping[str, Quantity], cash_usd: Usd, held: Mapping[str, Mapping[str, Quantity]] | None) -> None:
        """Take over what the journal's fold says after a restart; without `held`, exits of earlier trades are bounded by the net alone."""
        self.cash_usd = cash_usd
        self.positions = {name: quantity for name, quantity in positions.items() if quantity}
        self.held = {name: dict(parts) for name, parts in (held or {}).items()}
        self._held_known = held is not None

    def closable(self, order: Order) -> Quantity:
        """Return how much of an order may execute: everything for an entry, for an exit at most what is open on the other side.

        An exit is bounded by its own trade and by the net position; a FLATTEN by the net position only. INVARIANT: G12
        """
        left = order.quantity - order.filled_quantity
        if not order.reduce_only:
            return left
        position = self.positions.get(order.instrument_id, 0)
        opposite = -position if order.buys else position
        if order.role is not OrderRole.FLATTEN:
            unknown = 0 if self._held_known else opposite
            opposite = min(opposite, self.held.get(order.instrument_id, {}).get(order.decision_id, unknown))
        return max(0, min(left, opposite))

    def apply(self, fill: Fill) -> None:
        """Book one fill."""
        self.cash_usd += cash_change_usd(fill)
        position = self.positions.get(fill.instrument_id, 0) + (fill.quantity if fill.buys else -fill.quantity)
        if position:
            self.positions[fill.instrument_id] = position
        else:
            self.positions.pop(fill.instrument_id, None)
        self._hold(fill, position)

    def _hold(self, fill: Fill, position: Quantity) -> None:
        """Keep the part of the fill's own trade; a flat instrument holds nothing for anybody."""
        if not position:
            self.held.pop(fill.instrument_id, None)
            return
        parts = self.held.setdefault(fill.instrument_id, {})
        if fill.role is OrderRole.ENTRY:
            parts[fill.decision_id] = parts.get(fill.decision_id, 0) + fill.quantity
        elif fill.decision_id in parts:
            parts[fill.decision_id] = max(0, parts[fill.decision_id] - fill.quantity)
