"""Recovery: rebuild an engine and its paper venue from a journal, for runs whose world cannot be derived again (real time, agents).

In: the durable records. Out: the same session, working orders, positions, cash and answered requests as before the crash, byte for byte; what
was intended but never confirmed is reconciled with the venue before any entry. INVARIANT: S5 X3
"""

from __future__ import annotations

import msgspec

from tidegate.engine.engine import Engine
from tidegate.journal.port import Journal
from tidegate.model.event import Event, Filled, FundingPaid, OrderIntended, RunEnded
from tidegate.model.order import OrderRole
from tidegate.units import Nanoseconds, Quantity, Usd


class Recovered(msgspec.Struct):
    """What the journal says the venue should hold."""

    records: int = 0
    last_ns: Nanoseconds = 0
    ended: bool = False
    cash_usd: Usd = 0
    positions: dict[str, Quantity] = {}
    consumed: dict[str, None] = {}

    def see(self, event: Event) -> None:
        """Add one recovered event."""
        self.last_ns = max(self.last_ns, event.ts_ns)
        self.ended = isinstance(event, RunEnded)
        match event:
            case OrderIntended(_, order) if order.role is OrderRole.ENTRY:
                self.consumed[order.decision_id] = None
            case Filled(_, fill):
                sign = 1 if fill.buys else -1
                held = self.positions.get(fill.instrument_id, 0) + sign * fill.quantity
                self.positions[fill.instrument_id] = held
                if held == 0:
                    del self.positions[fill.instrument_id]
                self.cash_usd -= sign * fill.notional_usd + fill.fee_usd
            case FundingPaid(_, _, usd):
                self.cash_usd += usd
            case _:
                pass


def recover(engine: Engine, journal: Journal) -> Recovered:
    """Fold every durable record into a fresh engine and return what the venue should hold."""
    found = Recovered(positions={}, consumed={})

    def see(event: Event) -> None:
        engine.remember(event)
        found.see(event)

    found.records = engine.chronicle.recover(journal.read(), see)
    return found
