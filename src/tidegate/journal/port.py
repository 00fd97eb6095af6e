"""What the engine asks of a journal, whatever keeps it. Both stores (`store_sqlite`, `store_memory`) satisfy this.

In: (time, kind, payload). Out: records with their place in the chain, and the promise that a committed one survives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import Protocol

from tidegate.journal.record import Record


class Durability(StrEnum):
    """FULL: a commit returns after fsync. BATCH: for replays; commits every 1,000 records, and the file is safe only once closed."""

    FULL = "FULL"
    BATCH = "BATCH"


class Journal(Protocol):
    """One chain of records, one writer.

    `append` gives a record its place at once and keeps it in memory; only `commit` makes it durable, so nothing may be acknowledged
    before `durable_seq` has reached it. INVARIANT: J2. There is no way to change or remove a record. INVARIANT: J6
    """

    @property
    def mode(self) -> str:
        """Return the mode stamped into the journal when it was created."""
        ...

    @property
    def last_seq(self) -> int:
        """Return the sequence number of the last appended record, durable or not; 0 when there is none."""
        ...

    @property
    def durable_seq(self) -> int:
        """Return the sequence number of the last record that survives a crash; 0 when there is none."""
        ...

    @property
    def head_hash(self) -> bytes:
        """Return the hash of the last appended record (the genesis when there is none)."""
        ...

    @property
    def faulted(self) -> bool:
        """Return whether a write or fsync has failed; from then on every `append` and `commit` raises JournalFault."""
        ...

    def append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        """Give a record its place in the chain. Not yet durable. Raises InputError, JournalFault."""
        ...

    def commit(self) -> int:
        """Make everything appended so far durable at once and return `durable_seq`. Raises JournalFault."""
        ...

    def read(self, from_seq: int = 1, kinds: Collection[str] | None = None) -> Iterator[Record]:
        """Stream the durable records with seq >= `from_seq`, in order, checking each. Raises JournalCorrupt at the first break."""
        ...

    def last(self) -> Record | None:
        """Return the last durable record."""
        ...

    def release_reserve(self) -> bool:
        """Give up the space kept for the worst moment, so that a full disk can still take the side file; False when there is none."""
        ...

    def close(self) -> None:
        """Commit what is left (unless faulted) and close; calling it twice is harmless."""
        ...
