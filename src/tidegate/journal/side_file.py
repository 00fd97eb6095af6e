"""The side file: where exits are recorded while the journal is faulted. `<journal>.side.jsonl`, one JSON object a line. INVARIANT: G1 J4

In: the same (time, kind, payload) the journal would have taken. Out: lines synced one by one, chained like the journal's records, plain
enough to be read by eye. At the next start the engine reads them back (`read_side`), reconciles with the venue, appends what it finds
to the journal, and then retires the file: it is renamed, never removed. INVARIANT: J6
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from tidegate.errors import InputError, JournalFault
from tidegate.journal.faults import ChainBroken
from tidegate.journal.record import Record, link_break, next_record
from tidegate.journal.sqlite_file import sync_folder

SIDE_GENESIS = b"tidegate.side-file.1".ljust(32, b"\0")


class SideLine(msgspec.Struct, frozen=True, gc=False):
    """One line as written: the payload stands in it as the JSON it is, byte for byte."""

    seq: int
    ts_ns: int
    kind: str
    payload: msgspec.Raw
    hash: str


def side_path(journal_path: Path) -> Path:
    """Return where the side file of a journal lies."""
    return Path(f"{journal_path}.side.jsonl")


class SideFile:
    """The writer's side. It opens nothing before the first record, and goes on from what an earlier process left."""

    def __init__(self, journal_path: Path) -> None:
        self.path = side_path(journal_path)
        self._last: Record | None = None
        self._descriptor = -1
        self._fault: JournalFault | None = None

    def append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        """Write one record and return once it is durable.

        The payload must be one JSON value without line breaks. Raises InputError, JournalCorrupt (an earlier side file is damaged),
        and JournalFault: then the approval is held in memory alone, so print it to stderr.
        """
        if self._fault is not None:
            raise JournalFault(str(self._fault))
        _require_json_line(payload)
        try:
            if self._descriptor < 0:
                self._open()
            record = next_record(self._last, ts_ns, kind, payload, SIDE_GENESIS)
            line = _encode(record)
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OSError(f"wrote {written} of {len(line)} bytes")
            os.fsync(self._descriptor)
        except OSError as error:
            self._fault = JournalFault(
                f"side file {self.path} failed: {error}; the exit is recorded nowhere but on stderr"
            )
            raise self._fault from error
        self._last = record
        return record

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _open(self) -> None:
        records, whole_bytes = _parse(self.path)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # A torn last line was never acknowledged; a new line must not grow onto it.
        os.ftruncate(self._descriptor, whole_bytes)
        sync_folder(self.path.parent)
        self._last = records[-1] if records else None


def read_side(journal_path: Path) -> list[Record]:
    """Return the records of a side file, none when there is no file; a torn last line, never acknowledged, is left out.

    Raises JournalCorrupt for any other damage.
    """
    return _parse(side_path(journal_path))[0]


def retire_side(journal_path: Path, reconciled_seq: int) -> Path | None:
    """Set a side file aside under the sequence number of the journal record that reconciled it; None when there was none.

    Call it only once that record is durable. Raises OSError.
    """
    path = side_path(journal_path)
    if not path.exists():
        return None
    retired = Path(f"{path}.reconciled-{reconciled_seq}")
    if retired.exists():
        raise InputError("side file", str(retired), "a name not used yet")
    os.rename(path, retired)
    sync_folder(path.parent)
    return retired


def _parse(path: Path) -> tuple[list[Record], int]:
    """Return the records and how many bytes of the file they fill."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    records: list[Record] = []
    whole_bytes = content.rfind(b"\n") + 1
    for line in content[:whole_bytes].splitlines():
        records.append(_decode(path, line, records[-1] if records else None))
    return records, whole_bytes


def _encode(record: Record) -> bytes:
    line = SideLine(record.seq, record.ts_ns, record.kind, msgspec.Raw(record.payload), record.hash.hex())
    return msgspec.json.encode(line) + b"\n"


def _decode(path: Path, line: bytes, previous: Record | None) -> Record:
    seq, prev_hash = (1, SIDE_GENESIS) if previous is None else (previous.seq + 1, previous.hash)
    try:
        read = msgspec.json.decode(line, type=SideLine)
        record = Record(read.seq, read.ts_ns, read.kind, bytes(read.payload), prev_hash, bytes.fromhex(read.hash))
    except (msgspec.MsgspecError, ValueError) as error:
        raise ChainBroken(path, seq, f"line {seq} is not a record ({error})") from error
    if cause := link_break(record, seq, prev_hash):
        raise ChainBroken(path, seq, cause)
    return record


def _require_json_line(payload: bytes) -> None:
    try:
        msgspec.json.decode(payload)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError("side file payload", payload[:40], f"one JSON value ({error})") from error
    if b"\n" in payload or b"\r" in payload or payload != payload.strip():
        raise InputError("side file payload", payload[:40], "one JSON value on one line, without blanks around it")
