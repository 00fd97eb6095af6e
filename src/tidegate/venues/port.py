"""The port of a venue: the only verbs there are. There is no withdraw and no transfer. INVARIANT: C1"""

from __future__ import annotations

from typing import Protocol

from tidegate.model.decision import Approval, ExitApproval
from tidegate.model.event import Filled, OrderChanged
from tidegate.model.observation import MarketEvent
from tidegate.model.order import Order
from tidegate.units import Nanoseconds, Quantity, Usd

VenueEvent = OrderChanged | Filled


class Venue(Protocol):
    """One execution venue, real or simulated. Answers come through `drain`, never as return values."""

    @property
    def cash_usd(self) -> Usd:
        """Return the change of cash since the start: -buys + sells - fees + funding."""
        ...

    def place(self, order: Order, approval: Approval | ExitApproval, now_ns: Nanoseconds) -> None:
        """Send an order with its approval, checked once more at the last inch. INVARIANT: X1

        Raises Refused (final), NotSent (may be tried again) or OutcomeUnknown (only the venue's answer resolves it).
        """
        ...

    def cancel(self, client_order_id: str, now_ns: Nanoseconds) -> None:
        """Ask for an order to end. Unknown and ended orders are answered, not raised."""
        ...

    def amend(self, client_order_id: str, quantity: Quantity, now_ns: Nanoseconds) -> None:
        """Change an order's total quantity, atomically: there is no moment without the order."""
        ...

    def credit_funding(self, usd: Usd) -> None:
        """Book a funding settlement (simulators only; a real venue books its own): received > 0, paid < 0."""
        ...

    def on_market(self, event: MarketEvent) -> None:
        """Take note of the market (simulators only). Events of one instrument come in time order."""
        ...

    def advance(self, now_ns: Nanoseconds) -> None:
        """Let happen what time alone makes happen until `now_ns`."""
        ...

    def next_due_ns(self) -> Nanoseconds | None:
        """Return when `advance` next has something to do, or None: virtual time steps there before the next market event."""
        ...

    def has_work(self, instrument_id: str) -> bool:
        """Say whether an order of the instrument is in flight or working here."""
        ...

    def drain(self) -> list[VenueEvent]:
        """Return what happened since the last call, in order, and forget it."""
        ...

    def open_orders(self) -> tuple[Order, ...]:
        """Return every order that is in flight or working, oldest first."""
        ...

    def positions(self) -> dict[str, Quantity]:
        """Return the signed net position per instrument; flat ones are absent."""
        ...
