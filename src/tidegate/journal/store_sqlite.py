"""The journal on disk: one SQLite file in WAL mode, one writer, one fsync per commit.

In: (time, kind, payload) from the engine. Out: records that survive `kill -9`, power loss and a full disk, or one JournalFault.

Threads: `append`, `commit`, `make_durable`, `checkpoint_if_due` and the properties may be called from any thread; appends get their
place in call order and commits exclude each other. Reading uses connections of its own and never waits for the writer.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import apsw

from tidegate.errors import JournalError, JournalFault
from tidegate.journal import reserve, sqlite_file
from tidegate.journal.faults import ChainBroken, fault
from tidegate.journal.head_mark import Head, HeadMark, head_path, read_head
from tidegate.journal.port import Durability
from tidegate.journal.record import Record, genesis_hash, link_break, next_record, own_break
from tidegate.journal.writer_lock import WriterLock

BATCH_RECORDS = 1_000
CHECKPOINT_PAGES = 1_000
WAL_MARGIN_PAGES = 64
TAIL_RECORDS = 1_000


class SqliteJournal:
    """An open journal that this process alone may write. Use `SqliteJournal.open`."""

    def __init__(
        self, path: Path, durability: Durability, connection: apsw.Connection, lock: WriterLock, last: Record | None
    ) -> None:
        self.path, self.durability = path, durability
        self._connection, self._lock = connection, lock
        self._mode = sqlite_file.stamped_mode(connection)
        self._genesis = genesis_hash(self._mode)
        self._last = self._durable = last
        self._buffer: list[Record] = []
        self._buffer_lock, self._commit_lock = threading.Lock(), threading.Lock()
        self._fault: JournalFault | None = None
        self._closed = False
        self._wal_pages, self._checkpoint_pages = 0, CHECKPOINT_PAGES
        self._head = HeadMark(path) if durability is Durability.FULL else None
        connection.set_wal_hook(self._note_wal)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        mode: str,
        durability: Durability = Durability.FULL,
        create: bool,
        vfs: str | None = None,
    ) -> SqliteJournal:
        """Open a journal for writing, creating it when absent and `create` is set.

        Checks the mode, the first record, the last 1,000 records and the head mark; `verify` and `read` check all of it. Raises
        JournalLocked, JournalCorrupt (nothing is changed then), JournalError (absent, another mode, not a journal), JournalFault
        (cannot write) and InputError. `vfs` names an apsw VFS, for tests that break the disk.
        """
        place = Path(os.path.realpath(path))
        try:
            lock = WriterLock.acquire(place)
        except OSError as error:
            raise fault(place, "taking the writer lock", error) from error
        try:
            return cls._open_locked(place, mode, durability, create, vfs, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _open_locked(
        cls, path: Path, mode: str, durability: Durability, create: bool, vfs: str | None, lock: WriterLock
    ) -> SqliteJournal:
        full = durability is Durability.FULL
        try:
            _prepare(path, mode, durability, create, vfs)
            connection = sqlite_file.open_writer(path, synced=full, vfs=vfs)
        except (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, OSError) as error:
            raise fault(path, "opening", error) from error
        except apsw.Error as error:
            raise ChainBroken(path, 0, str(error)) from error
        try:
            last = _checked_tail(connection, path, mode)
            return cls(path, durability, connection, lock, last)
        except BaseException as error:
            connection.close()
            if isinstance(error, apsw.Error):
                raise ChainBroken(path, 0, str(error)) from error
            if isinstance(error, OSError):
                raise fault(path, "opening", error) from error
            raise

    @property
    def mode(self) -> str:
        """Return the mode stamped into the journal when it was created. INVARIANT: M3"""
        return self._mode

    @property
    def last_seq(self) -> int:
        """Return the sequence number of the last appended record, durable or not; 0 when there is none."""
        return self._last.seq if self._last else 0

    @property
    def durable_seq(self) -> int:
        """Return the sequence number of the last durable record; 0 when there is none. BATCH waives this: the last appended one."""
        last = self.last()
        return last.seq if last else 0

    @property
    def head_hash(self) -> bytes:
        """Return the hash of the last appended record (the genesis when there is none)."""
        return self._last.hash if self._last else self._genesis

    @property
    def faulted(self) -> bool:
        """Return whether a write or fsync has failed: every later `append` and `commit` raises JournalFault. INVARIANT: J4"""
        return self._fault is not None

    def append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        """Give a record its place in the chain and keep it in memory until the next commit.

        Raises InputError (nothing appended), JournalFault, JournalError (closed).
        """
        with self._buffer_lock:
            self._require_writable()
            record = self._last = next_record(self._last, ts_ns, kind, payload, self._genesis)
            self._buffer.append(record)
            batch_is_full = len(self._buffer) >= BATCH_RECORDS and self.durability is Durability.BATCH
        if batch_is_full:
            self._write_buffer()
            self.checkpoint_if_due()
        return record

    def commit(self) -> int:
        """Make everything appended so far durable in one transaction and return `durable_seq`. INVARIANT: J2

        One fsync, and none when nothing was appended; now and then it also moves the WAL into the file. In BATCH it does nothing:
        commits fall every 1,000 records, so that the same run writes the same bytes. Raises JournalFault, JournalError (closed).
        """
        durable_seq = self.make_durable()
        self.checkpoint_if_due()
        return durable_seq

    def make_durable(self) -> int:
        """Do only the durable part of `commit`, for a caller that releases its waiters before `checkpoint_if_due`."""
        if self.durability is Durability.FULL:
            return self._write_buffer()
        self._require_writable()
        return self.durable_seq

    def checkpoint_if_due(self) -> None:
        """Move the WAL into the file once it has grown past 1,000 pages. Raises JournalFault."""
        if self._wal_pages < self._checkpoint_pages:
            return
        with self._commit_lock, self._faulting("moving the WAL into the file"):
            self._require_writable()
            pages, moved = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            # A reader holds pages back: wait for another thousand instead of trying at every commit.
            self._checkpoint_pages = CHECKPOINT_PAGES if moved >= pages else pages + CHECKPOINT_PAGES
            self._wal_pages = 0

    def read(self, from_seq: int = 1, kinds: Collection[str] | None = None) -> Iterator[Record]:
        """Stream the records that were durable when reading began, in order, each checked against the chain.

        Constant memory; safe beside the writer. With `kinds`, each record is checked by itself and the gaps between are not.
        Raises JournalCorrupt at the first break.
        """
        if self.durability is Durability.BATCH and not self._closed:
            self._write_buffer()
        return read_records(self.path, from_seq, kinds, final_seq=self.durable_seq)

    def last(self) -> Record | None:
        """Return the last durable record. BATCH waives this: the last appended one."""
        return self._durable if self.durability is Durability.FULL else self._last

    def release_reserve(self) -> bool:
        """Give up the reserve file to make room on a full disk; False when it is already gone. Raises JournalFault. INVARIANT: J4"""
        try:
            return reserve.give_up_reserve(self.path)
        except OSError as error:
            raise fault(self.path, "releasing the reserve", error) from error

    def close(self) -> None:
        """Commit what is left, fold the WAL into the file and give the lock back. Calling it twice is harmless.

        After a fault nothing is written: unacknowledged records are dropped. Raises JournalFault.
        """
        if self._closed:
            return
        try:
            if not self.faulted:
                self._write_buffer()
                self._fold_wal()
        finally:
            self._closed = True
            self._connection.close()
            if self._head:
                self._head.close()
            self._lock.release()

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _write_buffer(self) -> int:
        """Write the buffer in one transaction and return the last durable sequence number."""
        with self._commit_lock:
            with self._buffer_lock:
                self._require_writable()
                records, self._buffer = self._buffer, []
            if not records:
                return self.durable_seq
            with self._faulting("committing"):
                self._connection.execute("BEGIN IMMEDIATE")
                sqlite_file.insert(self._connection, records)
                self._connection.execute("COMMIT")
                self._durable = records[-1]
                if self._head:
                    self._head.write(Head(self._durable.seq, self._durable.hash))
            return self.durable_seq

    def _fold_wal(self) -> None:
        with self._commit_lock, self._faulting("closing"):
            # BATCH has synced nothing so far: this checkpoint does.
            self._connection.execute("PRAGMA synchronous = FULL")
            # A reader may hold the WAL: then it stays, and the next open reads it.
            with contextlib.suppress(apsw.BusyError, apsw.LockedError):
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            if self._head:
                self._head.sync()
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)

    @contextlib.contextmanager
    def _faulting(self, doing: str) -> Iterator[None]:
        """Turn the first failure into the fault that stands until the process ends; never try again. INVARIANT: J4"""
        try:
            yield
        except (apsw.Error, OSError) as error:
            self._fault = fault(self.path, doing, error)
            raise self._fault from error

    def _require_writable(self) -> None:
        if self._fault is not None:
            raise JournalFault(str(self._fault))
        if self._closed:
            raise JournalError(f"journal {self.path} is closed: open it again")

    def _note_wal(self, connection: apsw.Connection, database: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK


def read_records(
    path: Path, from_seq: int = 1, kinds: Collection[str] | None = None, final_seq: int | None = None
) -> Iterator[Record]:
    """Stream the records of a journal without writing to it, also while another process writes it; see `SqliteJournal.read`."""
    if from_seq < 1:
        raise JournalError(f"cannot read journal {path} from record {from_seq}: records are counted from 1")
    stretch = _Stretch(path, from_seq)
    try:
        with sqlite_file.open_reader(path) as connection:
            final_seq = sqlite_file.last_seq(connection) if final_seq is None else final_seq
            stretch.prev_hash = _hash_before(connection, path, from_seq)
            for record in sqlite_file.rows(connection, from_seq, final_seq, kinds):
                stretch.take(record, skipping=kinds is not None)
                yield record
            if kinds is None:
                stretch.require_end(final_seq)
    except apsw.Error as error:
        raise ChainBroken(path, stretch.seq, str(error)) from error


class _Stretch:
    """A part of the chain as it is read: the next record must be `seq` and follow `prev_hash`."""

    def __init__(self, path: Path, seq: int, prev_hash: bytes = b"") -> None:
        self.path, self.seq, self.prev_hash = path, seq, prev_hash

    def take(self, record: Record, *, skipping: bool = False) -> None:
        """Move past one record; `skipping` allows a gap before it. Raises JournalCorrupt."""
        if skipping and record.seq > self.seq:
            self.seq, self.prev_hash = record.seq, record.prev_hash
        if cause := link_break(record, self.seq, self.prev_hash):
            raise ChainBroken(self.path, self.seq, cause)
        self.seq, self.prev_hash = record.seq + 1, record.hash

    def require_end(self, final_seq: int) -> None:
        """Raise JournalCorrupt when the stretch ends before `final_seq`."""
        if self.seq <= final_seq:
            raise ChainBroken(self.path, self.seq, f"missing, though the journal reaches {final_seq}")


def _hash_before(connection: apsw.Connection, path: Path, seq: int) -> bytes:
    """Return the hash that the record `seq` must follow."""
    if seq == 1:
        return genesis_hash(sqlite_file.stamped_mode(connection))
    before = sqlite_file.record_at(connection, seq - 1)
    if before is None:
        return b""
    if cause := own_break(before):
        raise ChainBroken(path, seq - 1, cause)
    return before.hash


def _prepare(path: Path, mode: str, durability: Durability, create: bool, vfs: str | None) -> None:
    """Bring the files into the state that opening expects. Raises apsw.Error, OSError, JournalError."""
    head = read_head(path)
    if not path.exists():
        if head is not None and head.seq:
            raise ChainBroken(path, 1, f"the file is gone, and its head mark knows {head.seq} acknowledged records")
        if not create:
            raise JournalError(f"no journal at {path}: create one, or give the path of an existing journal")
        sqlite_file.create_file(path, mode, vfs)
    sqlite_file.refuse_empty(path)
    if durability is Durability.BATCH and head_path(path).exists():
        raise JournalError(f"journal {path} was written with durability FULL: it cannot be continued with BATCH")
    with sqlite_file.open_reader(path):
        pass  # judged before anything is laid out beside it
    if durability is Durability.FULL:
        # Synced before it is read: what a killed writer wrote but never synced is about to be taken for fact. INVARIANT: J2
        reserve.lay_out_wal(Path(f"{path}-wal"), (CHECKPOINT_PAGES + WAL_MARGIN_PAGES) * sqlite_file.FRAME_BYTES)
        reserve.hold_reserve(path)


def _checked_tail(connection: apsw.Connection, path: Path, mode: str) -> Record | None:
    """Return the last record once the mode, the first record, the tail and the head mark agree. INVARIANT: J3"""
    stamped = sqlite_file.stamped_mode(connection)
    if stamped != mode:
        raise JournalError(
            f"journal {path} was made for mode {stamped or '(none)'}, not {mode}: give that mode its own journal"
        )
    final_seq = sqlite_file.last_seq(connection)
    last: Record | None = None
    if final_seq:
        _require_chain(connection, path, 1, 1)
        last = _require_chain(connection, path, max(1, final_seq - TAIL_RECORDS + 1), final_seq)
    head = read_head(path)
    if head is not None and head.seq:
        cause = head_break(connection, head)
        if cause:
            raise ChainBroken(path, min(head.seq, final_seq + 1), cause)
    return last


def _require_chain(connection: apsw.Connection, path: Path, first: int, final: int) -> Record | None:
    """Return the last record of a stretch of the chain that holds."""
    record: Record | None = None
    stretch = _Stretch(path, first, _hash_before(connection, path, first))
    for record in sqlite_file.rows(connection, first, final):
        stretch.take(record)
    stretch.require_end(final)
    return record


def head_break(connection: apsw.Connection, head: Head) -> str:
    """Return how the journal contradicts its head mark, or an empty text. Raises apsw.Error."""
    marked = sqlite_file.record_at(connection, head.seq)
    if marked is None:
        return f"{head.seq} records were acknowledged and the journal ends at {sqlite_file.last_seq(connection)}"
    return "" if marked.hash == head.hash else f"record {head.seq} is not the one that was acknowledged"
