"""The chronicle: the one place where an event becomes a fact. It appends to the journal and folds the session, in that order.

In: events. Out: the current session and run totals. Nothing else in the house changes either of them. INVARIANT: J5
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable

import msgspec

from tidegate.errors import JournalError, JournalFault
from tidegate.journal.port import Journal
from tidegate.journal.record import Record, next_record
from tidegate.journal.side_file import SideFile
from tidegate.model.event import Event
from tidegate.model.intent import Mode
from tidegate.model.session import Session
from tidegate.session.fold import fold
from tidegate.session.totals import Totals, tally

Listener = Callable[[Record, Event], None]
EVENT_ENCODER = msgspec.json.Encoder(order="deterministic")
EVENT_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> tuple[str, bytes]:
    """Return the record kind and the canonical bytes of an event."""
    return type(event).__name__, EVENT_ENCODER.encode(event)


def decode(record: Record) -> Event:
    """Return the event of a record. Raises JournalError when this build does not know its kind or shape."""
    try:
        return EVENT_DECODER.decode(record.payload)
    except msgspec.DecodeError as error:
        raise JournalError(f"record {record.seq} ({record.kind}) cannot be read by this build: {error}") from error


class Chronicle:
    """Journal first, fold second, then tell the listeners (monitors, reports, controls).

    When the journal fails, records go to the side file, and if that fails too to stderr: exits must go on. INVARIANT: G1 J4
    """

    def __init__(self, journal: Journal, mode: Mode, side: SideFile | None = None) -> None:
        self._journal = journal
        self._side = side
        self._listeners: list[Listener] = []
        self._rebuilt: list[Listener] = []
        self._uncommitted: list[tuple[int, str, bytes]] = []
        self.fault = ""
        self.session = Session(mode)
        self.totals = Totals()

    @property
    def dirty(self) -> bool:
        """Say whether something recorded is not durable yet."""
        return bool(self._uncommitted)

    @property
    def next_seq(self) -> int:
        """Return the journal seq of the next event."""
        return self._journal.last_seq + 1

    @property
    def durable_seq(self) -> int:
        """Return the journal seq of the last durable event; 0 when there is none."""
        return self._journal.durable_seq

    def listen(self, listener: Listener, rebuilt: bool = False) -> None:
        """Call `listener(record, event)` after each event; listeners must not raise and cannot veto.

        `rebuilt`: show it the events of an existing journal too, when it is recovered, so that it knows the whole journal.
        """
        self._listeners.append(listener)
        if rebuilt:
            self._rebuilt.append(listener)

    def record(self, event: Event) -> Record:
        """Append one event and fold it. It is durable after the next `commit`."""
        kind, payload = encode(event)
        record = self._append(event.ts_ns, kind, payload)
        self._apply(event)
        for listener in self._listeners:
            listener(record, event)
        return record

    def commit(self) -> None:
        """Make every recorded event durable. Raises JournalFault once; the commit is never tried again. INVARIANT: J2 J4"""
        if self._uncommitted:
            self._journal.commit()
            self._uncommitted.clear()

    def acknowledge(self, durable_seq: int) -> None:
        """Take note that someone else's commit made everything up to `durable_seq` durable."""
        if durable_seq >= self._journal.last_seq:
            self._uncommitted.clear()

    def fall_back(self, fault: str) -> None:
        """Put what could not be committed, and everything from here on, into the side file: the journal failed with `fault`."""
        waiting, self._uncommitted = self._uncommitted, []
        self.fault = fault
        try:
            self._journal.release_reserve()
        except JournalFault as another:
            _shout(f"tidegate: {another}")
        for ts_ns, kind, payload in waiting:
            self._aside(ts_ns, kind, payload)

    def recover(self, records: Iterable[Record], seen: Callable[[Event], None]) -> int:
        """Fold the records of an existing journal and show each event to `seen`; return how many there were. INVARIANT: S5"""
        count = 0
        for record in records:
            event = decode(record)
            self._apply(event)
            for listener in self._rebuilt:
                listener(record, event)
            seen(event)
            count += 1
        return count

    def _append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        if not self.fault:
            try:
                record = self._journal.append(ts_ns, kind, payload)
            except JournalFault as fault:
                self.fall_back(str(fault))
            else:
                self._uncommitted.append((ts_ns, kind, payload))
                return record
        return self._aside(ts_ns, kind, payload)

    def _aside(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        if self._side is not None:
            try:
                return self._side.append(ts_ns, kind, payload)
            except JournalFault as fault:
                _shout(f"tidegate: {fault}")
                self._side = None
        _shout(f"tidegate: not on disk: {kind} {payload.decode()}")
        return next_record(None, ts_ns, kind, payload)

    def _apply(self, event: Event) -> None:
        self.totals = tally(self.totals, self.session, event)
        self.session = fold(self.session, event)


def _shout(text: str) -> None:
    """Say on stderr what could not be written anywhere else: the last place there is. INVARIANT: G1

    Where stderr is a file on the same full disk, the exit still goes on, held in memory alone.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
