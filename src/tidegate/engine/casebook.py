"""The casebook: one decision with everything around it, read from the journal: what was asked, known, found, and what became of it.

In: the durable records. Out: `Case`s by decision id, and the latest ones. A decision id says at which record its intent stands, so nothing is
searched. Reading touches the disk: call it off the loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import msgspec

from tidegate.engine.chronicle import decode
from tidegate.journal.record import Record
from tidegate.journal.store_sqlite import read_records
from tidegate.model.event import (
    DecisionMade,
    Event,
    Filled,
    FundingPaid,
    IntentReceived,
    OrderChanged,
    OrderIntended,
    PairClosed,
)
from tidegate.model.intent import Intent

_ID = re.compile(r"D[PTL][0-9a-f]{8}([0-9a-f]{1,15})")
_ASKED = (IntentReceived.__name__, DecisionMade.__name__)
_OUTCOME = tuple(kind.__name__ for kind in (OrderIntended, OrderChanged, Filled, FundingPaid, PairClosed))
_FIRST_WINDOW = 256


class Case(msgspec.Struct, frozen=True):
    """One decision. `seq` is its record; `outcome` holds (seq, event) of its orders, fills and funding, in order."""

    seq: int
    intent: Intent
    made: DecisionMade
    outcome: tuple[tuple[int, Event], ...] = ()


class Casebook:
    """The decisions of one journal. `records` reads a journal that has no file."""

    def __init__(self, path: Path | None, records: Callable[[int], Iterator[Record]]) -> None:
        self._path, self._records = path, records

    def find(self, decision_id: str, final_seq: int, closed_seq: int | None = None) -> Case | None:
        """Return one decision with its outcome, None where the journal has no such id; `closed_seq`: the record that finished its trade."""
        matched = _ID.fullmatch(decision_id)
        seq = int(matched[1], 16) if matched is not None else 0
        if not 0 < seq < final_seq:
            return None
        found = next(self._cases(seq, seq + 1), None)
        if found is None or found.made.decision.decision_id != decision_id:
            return None
        if not found.made.decision.approved:
            return found
        last_seq = final_seq if closed_seq is None else min(final_seq, closed_seq)
        return msgspec.structs.replace(found, outcome=tuple(self._outcome(decision_id, found.seq + 1, last_seq)))

    def latest(self, limit: int, final_seq: int) -> tuple[Case, ...]:
        """Return the last `limit` decisions with seq <= `final_seq`, newest first, without their outcomes."""
        found: list[Case] = []
        high, window = final_seq, _FIRST_WINDOW
        while high > 0 and len(found) < limit:
            low = max(1, high - window + 1)
            found += reversed(list(self._cases(max(1, low - 1), high)))
            found = [case for place, case in enumerate(found) if place == 0 or case.seq < found[place - 1].seq]
            high, window = low - 1, window * 4
        return tuple(found[:limit])

    def _cases(self, from_seq: int, final_seq: int) -> Iterator[Case]:
        asked: Intent | None = None
        for record in self._read(from_seq, final_seq, _ASKED):
            event = decode(record)
            if isinstance(event, IntentReceived):
                asked = event.intent
            elif isinstance(event, DecisionMade) and asked is not None and asked.intent_id == event.decision.intent_id:
                yield Case(record.seq, asked, event)

    def _outcome(self, decision_id: str, from_seq: int, final_seq: int) -> Iterator[tuple[int, Event]]:
        mark = decision_id.encode()
        for record in self._read(from_seq, final_seq, _OUTCOME):
            if mark in record.payload and _concerns(event := decode(record), decision_id):
                yield record.seq, event

    def _read(self, from_seq: int, final_seq: int, kinds: Collection[str]) -> Iterator[Record]:
        if from_seq > final_seq:
            return iter(())
        if self._path is not None:
            return read_records(self._path, from_seq, kinds, final_seq)
        return (record for record in self._records(from_seq) if record.seq <= final_seq and record.kind in kinds)


def _concerns(event: Event, decision_id: str) -> bool:
    match event:
        case OrderIntended():
            return event.order.decision_id == decision_id
        case OrderChanged():
            return event.decision_id == decision_id
        case Filled():
            return event.fill.decision_id == decision_id
        case FundingPaid() | PairClosed():
            return event.trade_id == decision_id
        case _:
            return False
