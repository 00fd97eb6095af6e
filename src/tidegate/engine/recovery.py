"""Recovery: rebuild an engine and its paper venue from a journal, for runs whose world cannot be derived again (real time, agents).

In: the durable records. Out: the same session, working orders, positions, cash and answered requests as before the crash, byte for byte; what
was intended but never confirmed is reconciled with the venue before any entry. INVARIANT: S5 X3
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from tidegate.engine.chronicle import decode
from tidegate.engine.engine import Engine
from tidegate.journal.port import Journal
from tidegate.journal.record import Record
from tidegate.matching.fills import cash_change_usd
from tidegate.model.event import Event, Filled, FundingPaid, OrderIntended, RunEnded, RunStarted
from tidegate.model.order import Order
from tidegate.units import Nanoseconds, Quantity, Usd


class Restorable(Protocol):
    """A simulated venue, which died with its process and takes over what the journal says of it."""

    def restore(
        self,
        orders: Iterable[Order],
        positions: Mapping[str, Quantity],
        cash_usd: Usd,
        consumed: Iterable[str],
        held: Mapping[str, Mapping[str, Quantity]] | None = None,
    ) -> None:
        """Take over orders, positions and cash."""
        ...


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
            case OrderIntended(_, order) if order.role.enters:
                self.consumed |= {order.decision_id: None, order.client_order_id: None}
            case Filled(_, fill):
                sign = 1 if fill.buys else -1
                held = self.positions.get(fill.instrument_id, 0) + sign * fill.quantity
                self.positions[fill.instrument_id] = held
                if held == 0:
                    del self.positions[fill.instrument_id]
                self.cash_usd += cash_change_usd(fill)
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


def recover_engine(
    engine: Engine, journal: Journal, started: RunStarted, side: Sequence[Record] = (), simulator: Restorable | None = None
) -> Recovered:
    """Rebuild an engine that has not started yet from its journal (empty: a new one), and let it serve from `started.ts_ns` on.

    `side`: the records of a side file that an earlier process had to fall back to: they become journal records first, exactly once, and are
    durable when this returns, so that the file may be retired. `simulator`: the paper venue to rebuild; None for a venue that remembers by itself.
    Before the first entry the venue's reports are taken in and its word is compared with ours. Raises JournalError. INVARIANT: S5 X3 K2
    """
    found = recover(engine, journal)
    _read_back(engine, journal, side, found)
    if simulator is not None:
        simulator.restore(engine.execution.working.values(), found.positions, found.cash_usd, found.consumed, _held(engine))
    record = engine.chronicle.record(started)
    engine.start(record.hash.hex()[:8], max(started.ts_ns, found.last_ns))
    engine.reconcile_at_start()
    engine.flush()
    return found


def _read_back(engine: Engine, journal: Journal, side: Sequence[Record], found: Recovered) -> None:
    """Record what the side file holds and the journal does not; a commit that failed may still have reached the disk, or we died right here."""
    if not side:
        return
    for record in side[_already_there(journal, side) :]:
        event = decode(record)
        engine.chronicle.record(event)
        engine.remember(event)
        found.see(event)
    engine.chronicle.commit()


def _already_there(journal: Journal, side: Sequence[Record]) -> int:
    """Return how many of the side file's first records are the journal's last ones."""
    from_seq = max(1, journal.durable_seq - len(side) + 1)
    tail = [(record.ts_ns, record.kind, record.payload) for record in journal.read(from_seq)]
    aside = [(record.ts_ns, record.kind, record.payload) for record in side]
    return next(count for count in range(min(len(tail), len(aside)), -1, -1) if tail[len(tail) - count :] == aside[:count])


def _held(engine: Engine) -> dict[str, dict[str, Quantity]]:
    """Return the open quantity per instrument and decision; of pairs both legs, the sale negative."""
    held: dict[str, dict[str, Quantity]] = {}
    for trade in engine.session.trades.values():
        held.setdefault(trade.instrument_id, {})[trade.trade_id] = trade.open_quantity
    for pair in engine.session.pairs.values():
        held.setdefault(pair.buy_instrument_id, {})[pair.trade_id] = pair.bought_quantity
        held.setdefault(pair.sell_instrument_id, {})[pair.trade_id] = -pair.sold_quantity
    return held
