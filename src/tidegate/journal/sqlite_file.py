"""The SQLite file that keeps a journal: its tables, its marks, and the only two ways to open it (the writer's, the reader's).

In: a path and a mode. Out: connections whose settings hold the promises, and rows turned into records.
apsw brings its own SQLite (3.54.1): the WAL-reset bug of 3.7.0 - 3.51.2 can lose commits when other connections read the journal.

Never open the journal file itself with plain `open()` in the writer's process: closing it would drop SQLite's POSIX locks.
"""

from __future__ import annotations

import contextlib
import os
import urllib.parse
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec

from tidegate.errors import InputError, JournalError
from tidegate.journal.faults import ChainBroken
from tidegate.journal.record import Record

APPLICATION_ID = 0x54444754  # "TDGT"
SCHEMA_VERSION = 1
PAGE_BYTES = 4096
FRAME_BYTES = 24 + PAGE_BYTES  # a page in the WAL with its header
READ_ROWS = 512
INSERT_ROWS = 64
READER_PATIENCE_MS = 2_000
MODE_CHARS_MAX = 32

_COLUMNS = "seq, ts_ns, kind, payload, prev_hash, hash"
# INVARIANT: J6. REPLACE would delete a row without firing its delete trigger; the insert trigger refuses it, gaps included.
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE records (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),
    ts_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    prev_hash BLOB NOT NULL CHECK (length(prev_hash) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER records_in_order BEFORE INSERT ON records
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM records)
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: records are added one after the other'); END;
CREATE TRIGGER records_never_change BEFORE UPDATE ON records
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a record is never changed'); END;
CREATE TRIGGER records_never_go BEFORE DELETE ON records
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a record is never deleted'); END;
CREATE TRIGGER meta_never_grows BEFORE INSERT ON meta WHEN EXISTS (SELECT 1 FROM meta)
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its mode is set once'); END;
CREATE TRIGGER meta_never_changes BEFORE UPDATE ON meta
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its mode is set once'); END;
CREATE TRIGGER meta_never_goes BEFORE DELETE ON meta
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its mode is set once'); END;
"""

_READ_FLAGS = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
_WRITE_FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI


def create_file(path: Path, mode: str, vfs: str | None) -> None:
    """Create an empty journal, whole or not at all: built beside its place, synced, then renamed.

    Raises InputError, apsw.Error, OSError.
    """
    if not 0 < len(mode) <= MODE_CHARS_MAX or not mode.isascii() or not mode.isprintable():
        raise InputError("journal.mode", mode, f"1 to {MODE_CHARS_MAX} printable ASCII characters")
    draft = Path(f"{path}.new")
    for leftover in (draft, Path(f"{draft}-journal"), Path(f"{draft}-wal"), Path(f"{draft}-shm")):
        leftover.unlink(missing_ok=True)
    flags = _WRITE_FLAGS | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(_uri(draft), flags=flags, vfs=vfs)
    with contextlib.closing(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA encoding = 'UTF-8'")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute(_SCHEMA)
        connection.execute("INSERT INTO meta VALUES ('mode', ?)", (mode,))
        connection.execute("COMMIT")
        if connection.pragma("journal_mode", "wal") != "wal":  # SQLite keeps the old mode without an error
            raise OSError("the file system refused write-ahead logging")
    os.replace(draft, path)
    sync_folder(path.parent)


def open_writer(path: Path, *, synced: bool, vfs: str | None) -> apsw.Connection:
    """Open the writer's connection to a file that `open_reader` has judged. It checkpoints only when told to. Raises apsw.Error."""
    connection = apsw.Connection(_uri(path), flags=_WRITE_FLAGS, vfs=vfs)
    # A fault must not be followed by SQLite's own second try at closing time. INVARIANT: J4
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'OFF'}")
    connection.execute(
        "PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1"
    )  # macOS: fsync alone stays in the drive's cache
    connection.execute("PRAGMA secure_delete = ON; PRAGMA cell_size_check = ON")
    return connection


@contextlib.contextmanager
def open_reader(path: Path) -> Iterator[apsw.Connection]:
    """Open a read-only connection, beside a writer or without one. Raises apsw.Error, JournalError."""
    if not path.is_file():
        raise JournalError(f"no journal at {path}: give the path of an existing journal file")
    refuse_empty(path)
    try:
        connection = _connect_reader(_uri(path), path)
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        if Path(f"{path}-wal").exists():
            raise
        # A closed journal in a folder we may not write to: it has no WAL to read, so it reads as it lies.
        connection = _connect_reader(_uri(path, "immutable=1"), path)
    with contextlib.closing(connection):
        yield connection


def _connect_reader(uri: str, path: Path) -> apsw.Connection:
    connection = apsw.Connection(uri, flags=_READ_FLAGS)
    try:
        connection.set_busy_timeout(READER_PATIENCE_MS)
        connection.execute("PRAGMA cell_size_check = ON")
        _require_journal(connection, path)
        if "immutable" not in uri and connection.pragma("journal_mode") != "wal":
            raise ChainBroken(path, 0, "its header no longer says WAL, so what lies in the WAL would be passed over")
    except BaseException:
        connection.close()
        raise
    return connection


def _require_journal(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file that is not a journal, or one from a newer Tidegate."""
    try:
        application_id = connection.pragma("application_id")
    except apsw.NotADBError as error:
        raise JournalError(
            f"{path} is not a Tidegate journal (not a database at all): give the path of a journal file"
        ) from error
    if application_id != APPLICATION_ID:
        raise JournalError(
            f"{path} is not a Tidegate journal (application id {application_id}): give the path of a journal file"
        )
    version = connection.pragma("user_version")
    if version != SCHEMA_VERSION:
        raise JournalError(
            f"journal {path} has format {version}, this build reads {SCHEMA_VERSION}: use the build that wrote it"
        )


def refuse_empty(path: Path) -> None:
    """Refuse a file of no bytes before SQLite sees it: SQLite would take it for new and remove the WAL beside it. Raises OSError."""
    if path.stat().st_size == 0:
        raise ChainBroken(path, 0, "the file is empty")


def stamped_mode(connection: apsw.Connection) -> str:
    """Return the mode the journal was created for, or an empty text when it is missing. Raises apsw.Error."""
    mode = connection.execute("SELECT value FROM meta WHERE name = 'mode'").get
    return mode if isinstance(mode, str) else ""


def last_seq(connection: apsw.Connection) -> int:
    """Return the last sequence number, 0 when there is none. Raises apsw.Error."""
    value = connection.execute("SELECT max(seq) FROM records").get
    return value if isinstance(value, int) else 0


def record_at(connection: apsw.Connection, seq: int) -> Record | None:
    """Return one record. Raises apsw.Error."""
    for record in rows(connection, seq, seq):
        return record
    return None


def rows(
    connection: apsw.Connection, first_seq: int, final_seq: int, kinds: Collection[str] | None = None
) -> Iterator[Record]:
    """Stream records in order. Raises apsw.Error.

    Each block is a read of its own, so that a slow reader never holds back the writer's WAL.
    """
    chosen = "" if kinds is None else f"AND kind IN ({', '.join('?' * len(kinds))})"
    statement = f"SELECT {_COLUMNS} FROM records WHERE seq BETWEEN ? AND ? {chosen} ORDER BY seq LIMIT ?"  # noqa: S608 - constants
    wanted = () if kinds is None else tuple(kinds)
    while first_seq <= final_seq:
        try:
            bindings = (first_seq, final_seq, *wanted, READ_ROWS)
            block = cast(list[tuple[Any, ...]], connection.execute(statement, bindings).fetchall())
        except UnicodeDecodeError as error:
            raise apsw.CorruptError(f"a kind is not text ({error})") from error
        for seq, ts_ns, kind, payload, prev_hash, own_hash in block:
            # STRICT judges what is written, not what a damaged page says.
            if not (type(ts_ns) is int and type(kind) is str and type(payload) is type(prev_hash) is bytes):
                raise apsw.CorruptError(f"record {seq} has a column of the wrong type")
            yield Record(seq, ts_ns, kind, payload, prev_hash, own_hash)
        if len(block) < READ_ROWS:
            return
        first_seq = max(first_seq, block[-1][0]) + 1  # a damaged file may lie about its order; go on all the same


def insert(connection: apsw.Connection, records: Sequence[Record]) -> None:
    """Write records, inside the caller's transaction. Raises apsw.Error.

    Many rows a statement: apsw gives up Python's global lock once a statement, and winning it back from busy threads costs more than
    the rows do.
    """
    for start in range(0, len(records), INSERT_ROWS):
        block = records[start : start + INSERT_ROWS]
        values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(block))
        bindings = tuple(chain.from_iterable(map(msgspec.structs.astuple, block)))
        connection.execute(f"INSERT INTO records ({_COLUMNS}) VALUES {values}", bindings)  # noqa: S608 - constants


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file's name durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _uri(path: Path, options: str = "") -> str:
    return f"file:{urllib.parse.quote(str(path))}?{options}"
