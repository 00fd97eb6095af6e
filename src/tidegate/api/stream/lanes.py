"""The lanes: everything that clients of the stream read from, each with a cursor of its own. Nothing here belongs to one client. INVARIANT: A7

In: durable records, untrusted broadcasts, snapshots of the market, the pulse. Out: encoded frames, shared by all.

| lane | kept | who is slow |
|---|---|---|
| journal | the ring, and behind it the journal itself | gets everything, later |
| notices | the last 64 broadcasts and messages without a seq | misses the oldest |
| tick | the latest one | misses all but the latest |
| beat | a number | gets one heartbeat for several |
"""

from __future__ import annotations

from collections import deque

from tidegate.api.stream.backlog import PAGE_RECORDS, Backlog
from tidegate.api.stream.frames import Frame, frames_of
from tidegate.api.stream.ring import BYTES_MAX, RECORDS_MAX, Ring
from tidegate.engine.desk import Desk
from tidegate.engine.service import ASIDE, DurableBatch
from tidegate.journal.record import Record
from tidegate.model.event import Event, Filled, IntentReceived
from tidegate.model.intent import Intent

NOTICES_KEPT = 64


class Lanes:
    """The shared side of the stream. All of it belongs to the loop's thread."""

    def __init__(self, desk: Desk, records_max: int = RECORDS_MAX, bytes_max: int = BYTES_MAX, page_records: int = PAGE_RECORDS) -> None:
        self.ring = Ring(desk.durable_seq, records_max, bytes_max)
        self.backlog = Backlog(desk, page_records)
        self.notice_number = self.tick_number = self.beat_number = 0
        self.tick: Frame | None = None
        self.encoded = 0
        self._desk = desk
        self._asked: Intent | None = None
        self._notices: deque[tuple[int, Frame]] = deque(maxlen=NOTICES_KEPT)

    def pass_by(self, batch: DurableBatch) -> None:
        """Take note of records while nobody listens: who comes later and asks for them gets them from the journal."""
        for record, event in batch:
            self._remember(event)
            if record.seq != ASIDE:
                self.ring.restart(record.seq)

    def take(self, batch: DurableBatch) -> None:
        """Encode what durable records say, once for all. INVARIANT: J2"""
        for record, event in batch:
            self._remember(event)
            if record.seq == ASIDE:
                self._take_aside(record, event)
            else:
                frames = frames_of(record.seq, event, self._asked, self._desk.closed.at(record.seq))
                self.encoded += len(frames)
                self.ring.add(record.seq, frames)

    def notice(self, frame: Frame) -> None:
        """Add one message that no journal keeps."""
        self.notice_number += 1
        self._notices.append((self.notice_number, frame))

    def notices_after(self, number: int) -> list[Frame]:
        """Return the notices after `number` that are still kept, oldest first."""
        return [frame for own, frame in self._notices if own > number]

    def show_tick(self, frame: Frame | None) -> None:
        """Replace the tick, unless it says what the last one said; None while nobody wants one, so that no later client is shown an old one."""
        if frame is not None and (self.tick is None or frame.sent != self.tick.sent):
            self.tick_number += 1
        self.tick = frame

    def _remember(self, event: Event) -> None:
        if type(event) is IntentReceived:
            self._asked = event.intent

    def _take_aside(self, record: Record, event: Event) -> None:
        """Tell, once and without a seq, what only the side file holds: halts, fills and exits go on when the journal has failed. INVARIANT: K4"""
        done = self._desk.closed.of(event.fill.decision_id) if isinstance(event, Filled) else None
        completed = done if done is not None and done.closed_ns == event.ts_ns else None
        for frame in frames_of(None, event, self._asked, completed):
            self.notice(frame)
