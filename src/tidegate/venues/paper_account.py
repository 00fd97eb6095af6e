"""The paper account: cash, net positions, and what each trade still holds. Changed by fills and funding only. INVARIANT: J7"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tidegate.matching.fills import cash_change_usd
from tidegate.model.order import Fill, Order, OrderRole
from tidegate.units import Quantity, Usd

_PAIRS_KEPT = 1_000


class PaperAccount:
    """Cash and positions of one paper venue.

    `held` is the open quantity per instrument and decision: a venue with attached stops and targets never lets those of one trade close
    more than that trade, even when another trade holds more of the same instrument. In a spot instrument the position is what was moved
    against the pre-funded start: any sign, and no bound for anybody. There `held` is what each leg filled, and `net` what a pair bought more
    than it sold, over both its venues: an unwinding is bounded by that alone.
    """

    __slots__ = ("_held_known", "_spots", "cash_usd", "held", "net", "positions")

    def __init__(self, spots: Collection[str] = ()) -> None:
        self._held_known, self._spots = True, spots
        self.cash_usd: Usd = 0
        self.positions: dict[str, Quantity] = {}
        self.held: dict[str, dict[str, Quantity]] = {}
        self.net: dict[str, Quantity] = {}

    def restore(self, positions: Mapping[str, Quantity], cash_usd: Usd, held: Mapping[str, Mapping[str, Quantity]] | None) -> None:
        """Take over what the journal's fold says after a restart; without `held`, exits of earlier trades are bounded by the net alone.

        In `held`, what a leg of a pair sold is negative.
        """
        self.cash_usd = cash_usd
        self.positions = {name: quantity for name, quantity in positions.items() if quantity}
        self.held = {name: {part: abs(quantity) for part, quantity in parts.items()} for name, parts in (held or {}).items()}
        for name in self._spots:
            for decision_id, quantity in (held or {}).get(name, {}).items():
                self.net[decision_id] = self.net.get(decision_id, 0) + quantity
        self._held_known = held is not None

    def closable(self, order: Order) -> Quantity:
        """Return how much of an order may execute: everything for an entry, for an exit at most what is open on the other side.

        An exit is bounded by its own trade and by the net position; a FLATTEN by the net position only; an UNWIND by its pair's excess.
        INVARIANT: G12
        """
        left = order.quantity - order.filled_quantity
        if not order.reduce_only:
            return left
        if order.role is OrderRole.UNWIND:
            excess = self.net.get(order.decision_id, 0)
            return max(0, min(left, -excess if order.buys else excess)) if self._held_known else left
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
        """Keep the part of the fill's own trade; a flat perpetual holds nothing for anybody."""
        if fill.instrument_id in self._spots:
            self._hold_leg(fill)
            return
        if not position:
            self.held.pop(fill.instrument_id, None)
            return
        parts = self.held.setdefault(fill.instrument_id, {})
        if fill.role is OrderRole.ENTRY:
            parts[fill.decision_id] = parts.get(fill.decision_id, 0) + fill.quantity
        elif fill.decision_id in parts:
            parts[fill.decision_id] = max(0, parts[fill.decision_id] - fill.quantity)

    def _hold_leg(self, fill: Fill) -> None:
        """Keep what a leg filled and what its pair bought more than it sold; the oldest pairs are forgotten."""
        decision_id = fill.decision_id
        self.net[decision_id] = self.net.get(decision_id, 0) + (fill.quantity if fill.buys else -fill.quantity)
        parts = self.held.setdefault(fill.instrument_id, {})
        if fill.role.enters:
            parts[decision_id] = parts.get(decision_id, 0) + fill.quantity
        for kept in (self.net, parts):
            if len(kept) > _PAIRS_KEPT:
                del kept[next(iter(kept))]

    def filled_of(self, decision_id: str, instrument_id: str) -> Quantity:
        """Return what a leg of a pair filled so far, all its attempts together."""
        return self.held.get(instrument_id, {}).get(decision_id, 0)
