"""The backlog: what the stream said before the ring begins, read from the journal and encoded again, the same bytes as live.

In: a client's cursor. Out: one page of the stream after it. Pages are aligned and the last few are kept, so that a crowd that comes back together
after a restart reads the disk once; one read at a time, off the loop, in short steps with a pause after each, so that however often it is asked for
the engine and its commits never wait long for the interpreter. INVARIANT: A7 J2
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import closing
from typing import cast

from tidegate.api.stream.frames import Frame, frames_of
from tidegate.api.stream.ring import Stretch
from tidegate.engine.chronicle import decode
from tidegate.engine.desk import Desk
from tidegate.errors import JournalError
from tidegate.journal.record import Record
from tidegate.model.event import IntentReceived
from tidegate.model.intent import Intent

PAGE_RECORDS = 128
PAGES_KEPT = 8
STEP_RECORDS = 4  # about half a millisecond
PAUSE_S = 0.0005


class Backlog:
    """Reads the journal for those who are behind."""

    def __init__(self, desk: Desk, page_records: int = PAGE_RECORDS) -> None:
        self._desk = desk
        self._page_records = page_records
        self._turn = asyncio.Lock()
        self._kept: OrderedDict[int, Stretch] = OrderedDict()

    async def following(self, cursor: int) -> Stretch:
        """Return the page that holds record `cursor + 1`, which must exist; it may begin before it. Raises JournalError."""
        number = cursor // self._page_records
        async with self._turn:
            page = self._kept.get(number)
            if page is None:
                page = await asyncio.to_thread(self._read, number * self._page_records)
                self._keep(number, page)
        if page.upto <= cursor:
            raise JournalError(f"record {cursor + 1} cannot be read from the journal: read it with: tidegate journal verify")
        return page

    def _keep(self, number: int, page: Stretch) -> None:
        if page.upto < (number + 1) * self._page_records:
            return
        self._kept[number] = page
        if len(self._kept) > PAGES_KEPT:
            self._kept.popitem(last=False)

    def _read(self, after: int) -> Stretch:
        """Return the page of the records after `after`. Runs in a thread: it touches nothing but the journal and what never changes."""
        entries: list[tuple[int, tuple[Frame, ...]]] = []
        asked: Intent | None = None
        upto = after
        # From one record earlier: a decision tells what its intent asked for, and that is the record before it.
        with closing(cast("Generator[Record]", self._desk.records(max(1, after)))) as records:
            for record in records:
                event = decode(record)
                if isinstance(event, IntentReceived):
                    asked = event.intent
                if record.seq > after:
                    upto = record.seq
                    frames = frames_of(record.seq, event, asked, self._desk.closed.at(record.seq))
                    entries += [(record.seq, frames)] if frames else []
                if record.seq >= after + self._page_records:
                    break
                if record.seq % STEP_RECORDS == 0:
                    time.sleep(PAUSE_S)
        return Stretch(entries, upto)
