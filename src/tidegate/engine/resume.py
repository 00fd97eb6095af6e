"""Resuming a deterministic run: the run is derived again from its beginning, and every record must equal the one already in the journal.

In: a journal that ends in the middle (kill -9, power cut), and the same run started again. Out: the same journal, continued. The old records
are the proof that nothing changed: the first difference stops the run, and not one record is written twice. INVARIANT: J1 J5
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tidegate.errors import JournalError
from tidegate.journal.port import Journal
from tidegate.journal.record import Record


class ResumedJournal:
    """A journal whose existing records are compared instead of written; beyond them it writes through."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._existing: Iterator[Record] | None = journal.read()
        self._left = journal.durable_seq
        self._previous: Record | None = None

    @property
    def catching_up(self) -> bool:
        """Say whether old records are still being derived again."""
        return self._left > 0

    @property
    def mode(self) -> str:
        """Return the mode stamped into the journal."""
        return self._journal.mode

    @property
    def last_seq(self) -> int:
        """Return the seq of the last record derived or written."""
        return self._previous.seq if self._previous is not None and self.catching_up else self._caught_up_seq()

    @property
    def durable_seq(self) -> int:
        """Return the seq of the last durable record."""
        return self._journal.durable_seq

    @property
    def head_hash(self) -> bytes:
        """Return the hash of the last record derived or written."""
        return self._previous.hash if self._previous is not None and self.catching_up else self._journal.head_hash

    @property
    def faulted(self) -> bool:
        """Return whether the journal underneath has failed."""
        return self._journal.faulted

    def append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        """Compare with the record already there, or append. Raises JournalError at the first difference."""
        if self._left == 0:
            return self._journal.append(ts_ns, kind, payload)
        assert self._existing is not None
        record = next(self._existing)
        if (record.ts_ns, record.kind, record.payload) != (ts_ns, kind, payload):
            raise JournalError(
                f"record {record.seq} of this journal is a {record.kind} that this run does not make again (it made a {kind}): the limits, the feed "
                "or the build differ; give another --journal, or run the version that wrote it"
            )
        self._left -= 1
        self._previous = record
        if self._left == 0:
            self._existing = None
        return record

    def commit(self) -> int:
        """Commit what was written; nothing to do while catching up."""
        return self._journal.durable_seq if self.catching_up else self._journal.commit()

    def read(self, from_seq: int = 1, kinds: Collection[str] | None = None) -> Iterator[Record]:
        """Stream the durable records."""
        return self._journal.read(from_seq, kinds)

    def last(self) -> Record | None:
        """Return the last durable record."""
        return self._journal.last()

    def release_reserve(self) -> bool:
        """Give up the reserve of the journal underneath."""
        return self._journal.release_reserve()

    def close(self) -> None:
        """Close the journal underneath."""
        self._journal.close()

    def _caught_up_seq(self) -> int:
        return self._journal.last_seq if self._left == 0 else 0
