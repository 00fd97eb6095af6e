"""A journal in memory: for the simulated world, sweeps and tests. Same chain, same order of appending and committing, no disk.

In: (time, kind, payload). Out: records; `crashed()` gives what a crash would leave behind: the committed prefix.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tidegate.errors import JournalFault
from tidegate.journal.record import Record, genesis_hash, next_record


class MemoryJournal:
    """A journal that lasts as long as the process."""

    def __init__(self, mode: str, records: list[Record] | None = None) -> None:
        self._mode, self._genesis = mode, genesis_hash(mode)
        self._records = [] if records is None else records
        self._durable_count = len(self._records)
        self._fault_at_commit: str | None = None
        self._fault: JournalFault | None = None

    @property
    def mode(self) -> str:
        """Return the mode of the journal."""
        return self._mode

    @property
    def last_seq(self) -> int:
        """Return the sequence number of the last appended record; 0 when there is none."""
        return len(self._records)

    @property
    def durable_seq(self) -> int:
        """Return the sequence number of the last committed record; 0 when there is none."""
        return self._durable_count

    @property
    def head_hash(self) -> bytes:
        """Return the hash of the last appended record (the genesis when there is none)."""
        return self._records[-1].hash if self._records else self._genesis

    @property
    def faulted(self) -> bool:
        """Return whether a commit has failed."""
        return self._fault is not None

    def append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        """Give a record its place in the chain. Raises InputError, JournalFault."""
        self._require_writable()
        record = next_record(self._records[-1] if self._records else None, ts_ns, kind, payload, self._genesis)
        self._records.append(record)
        return record

    def commit(self) -> int:
        """Count everything appended so far as durable. Raises JournalFault."""
        self._require_writable()
        if self._fault_at_commit is not None:
            self._fault = JournalFault(
                f"journal in memory failed while committing: {self._fault_at_commit}; entries stop"
            )
            raise self._fault
        self._durable_count = len(self._records)
        return self._durable_count

    def read(self, from_seq: int = 1, kinds: Collection[str] | None = None) -> Iterator[Record]:
        """Return the records from `from_seq` on that are committed by now."""
        records = self._records[from_seq - 1 : self._durable_count]
        return (record for record in records if kinds is None or record.kind in kinds)

    def last(self) -> Record | None:
        """Return the last committed record."""
        return self._records[self._durable_count - 1] if self._durable_count else None

    def release_reserve(self) -> bool:
        """Return False: memory keeps no reserve."""
        return False

    def close(self) -> None:
        """Commit what is left, unless faulted."""
        if not self.faulted:
            self.commit()

    def fail_next_commit(self, cause: str) -> None:
        """Make the next commit fail, as a full disk would."""
        self._fault_at_commit = cause

    def crashed(self) -> MemoryJournal:
        """Return the journal as the next start would find it after a crash now."""
        return MemoryJournal(self._mode, self._records[: self._durable_count])

    def _require_writable(self) -> None:
        if self._fault is not None:
            raise JournalFault(str(self._fault))
