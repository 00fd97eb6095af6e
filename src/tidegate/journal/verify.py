"""Judge a journal from end to end: every hash, every link, the mode it began with, and the head mark.

In: the path of a journal, live or closed, whole or damaged. Out: a report; damage is a finding, never an exception. Reads only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec

from tidegate.journal import sqlite_file
from tidegate.journal.faults import ChainBroken
from tidegate.journal.head_mark import read_head
from tidegate.journal.record import ChainBreak, Record, genesis_hash, link_break
from tidegate.journal.store_sqlite import head_break

PROGRESS_RECORDS = 10_000


class KindCount(msgspec.Struct, frozen=True, gc=False):
    """How many records of one kind the valid prefix holds."""

    kind: str
    records: int


class VerifyReport(msgspec.Struct, frozen=True):
    """What `verify` found. Counts, hashes and kinds describe the valid prefix before `chain_break` (None: the whole journal holds)."""

    ok: bool
    mode: str
    records: int
    first_seq: int
    last_seq: int
    head_hash: bytes
    chain_break: ChainBreak | None
    kinds: tuple[KindCount, ...]


class _Walk:
    """The valid prefix so far."""

    def __init__(self) -> None:
        self.mode = ""
        self.seq = 0
        self.head_hash = b""
        self.kinds: dict[str, int] = {}

    def report(self, cause: str) -> VerifyReport:
        chain_break = ChainBreak(self.seq + 1, cause) if cause else None
        kinds = tuple(KindCount(kind, count) for kind, count in sorted(self.kinds.items()))
        return VerifyReport(
            ok=not cause,
            mode=self.mode,
            records=self.seq,
            first_seq=min(1, self.seq),
            last_seq=self.seq,
            head_hash=self.head_hash,
            chain_break=chain_break,
            kinds=kinds,
        )


def verify(path: str | os.PathLike[str], progress: Callable[[int], None] | None = None) -> VerifyReport:
    """Check a whole journal in constant memory; `progress` is told the count every 10,000 records.

    Works beside a running writer (it judges the records that were committed when it began). Raises JournalError only when `path` is
    absent or not a journal at all; whatever else is wrong is in the report. INVARIANT: J3
    """
    place = Path(os.path.realpath(path))
    walk = _Walk()
    try:
        return walk.report(_walk(place, walk, progress))
    except ChainBroken as broken:
        return walk.report(broken.cause)
    except apsw.Error as error:
        return walk.report(f"unreadable: {error}")


def _walk(path: Path, walk: _Walk, progress: Callable[[int], None] | None) -> str:
    """Walk the records and return the cause of the first break, or an empty text. Raises apsw.Error, JournalError."""
    head = read_head(path)  # before the journal: a live writer marks after it commits
    with sqlite_file.open_reader(path) as connection:
        walk.mode = sqlite_file.stamped_mode(connection)
        walk.head_hash = genesis_hash(walk.mode)
        final_seq = sqlite_file.last_seq(connection)
        for record in sqlite_file.rows(connection, 1, final_seq):
            if cause := _take(walk, record):
                return cause
            if progress and record.seq % PROGRESS_RECORDS == 0:
                progress(record.seq)
        if walk.seq != final_seq:
            return f"missing, though the journal reaches {final_seq}"
        return head_break(connection, head) if head and head.seq else ""


def _take(walk: _Walk, record: Record) -> str:
    """Add a record to the valid prefix, or return why it does not belong there."""
    if cause := link_break(record, walk.seq + 1, walk.head_hash):
        return cause
    walk.seq, walk.head_hash = record.seq, record.hash
    walk.kinds[record.kind] = walk.kinds.get(record.kind, 0) + 1
    return ""
