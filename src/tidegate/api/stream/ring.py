"""The ring: the newest messages of the stream, encoded, in a bounded stretch of memory that every client reads and none owns.

In: the frames of each durable record, in order. Out: what follows a client's cursor. Whoever fell out of it reads the journal (`backlog.py`).
INVARIANT: A7
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from tidegate.api.stream.frames import Frame

RECORDS_MAX = 4_096
BYTES_MAX = 8 * 1024 * 1024
_COMPACT_AT = 1_024


class Stretch(NamedTuple):
    """Part of the stream: the frames of each record that speaks, and the seq up to which nothing else was said."""

    entries: list[tuple[int, tuple[Frame, ...]]]
    upto: int


class Ring:
    """Holds what was said after `after`, up to and including `head`. Records that say nothing only move `head`."""

    def __init__(self, head: int, records_max: int = RECORDS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self.after = self.head = head
        self._records_max, self._bytes_max = records_max, bytes_max
        self._seqs: list[int] = []
        self._entries: list[tuple[int, tuple[Frame, ...]]] = []
        self._first = self._bytes = 0

    def add(self, seq: int, frames: tuple[Frame, ...]) -> None:
        """Append what record `seq` says. A record that does not follow the last one begins the ring anew: the gap is the journal's to tell."""
        if seq != self.head + 1:
            self.restart(seq - 1)
        self.head = seq
        if not frames:
            return
        self._seqs.append(seq)
        self._entries.append((seq, frames))
        self._bytes += _size(frames)
        self._trim()

    def restart(self, head: int) -> None:
        """Hold nothing, from `head` on."""
        self.after = self.head = head
        self._seqs.clear()
        self._entries.clear()
        self._first = self._bytes = 0

    def following(self, cursor: int, count: int) -> Stretch:
        """Return up to `count` records that speak after `cursor`, which must be >= `after`."""
        begin = bisect_right(self._seqs, cursor, self._first)
        entries = self._entries[begin : begin + count]
        return Stretch(entries, entries[-1][0] if len(entries) == count else max(cursor, self.head))

    def _trim(self) -> None:
        while len(self._seqs) - self._first > self._records_max or self._bytes > self._bytes_max:
            self.after, frames = self._entries[self._first]
            self._entries[self._first] = (self.after, ())
            self._bytes -= _size(frames)
            self._first += 1
        if self._first >= _COMPACT_AT:
            del self._seqs[: self._first], self._entries[: self._first]
            self._first = 0


def _size(frames: tuple[Frame, ...]) -> int:
    return sum(len(each.sent) for each in frames)
