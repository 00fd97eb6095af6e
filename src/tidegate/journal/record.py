"""A journal record and its hash chain. Pure: nothing here opens a file or reads a clock.

In: a time, a kind and the canonical bytes of an event. Out: records, each sealed by a SHA-256 over itself and the record before it, so
that a flip, gap, splice, swap, duplicate or change of mode is found. INVARIANT: J3

The chain begins at a genesis made from the journal's mode: a PAPER journal relabelled LIVE breaks at its first record. INVARIANT: M3
What a chain alone cannot see is a missing tail; the store's head mark (`head_mark.py`) covers that.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

import msgspec

from tidegate.errors import InputError

FORMAT = b"tidegate.journal.1"
GENESIS_HASH = hashlib.sha256(FORMAT).digest()
HASH_BYTES = 32
KIND_CHARS_MAX = 64
PAYLOAD_BYTES_MAX = 4 * 1024 * 1024
TS_NS_MAX = 2**63 - 1

# seq, ts_ns, length of kind, length of payload: every length stands before the bytes it measures.
_HEADER = struct.Struct(">QqIQ")
_pack_header = _HEADER.pack
_sha256 = hashlib.sha256


class Record(msgspec.Struct, frozen=True, gc=False):
    """One durable fact: `payload` holds the canonical bytes of the event, `ts_ns` the engine's time (real or virtual)."""

    seq: int
    ts_ns: int
    kind: str
    payload: bytes
    prev_hash: bytes
    hash: bytes


class ChainBreak(msgspec.Struct, frozen=True, gc=False):
    """The first place where a chain does not hold: the sequence number expected there, and why it does not hold."""

    seq: int
    cause: str


def genesis_hash(mode: str) -> bytes:
    """Return the hash that the first record of a journal of this mode follows."""
    return _sha256(GENESIS_HASH + mode.encode()).digest()


def chain_hash(prev_hash: bytes, seq: int, ts_ns: int, kind: str, payload: bytes) -> bytes:
    """Return the SHA-256 of one record over an unambiguous, length-prefixed encoding.

    `prev_hash` is 32 bytes; `seq` is 0..2**64-1 and `ts_ns` fits 64 signed bits (struct.error otherwise: a bug, not an input).
    """
    name = kind.encode()
    header = _pack_header(seq, ts_ns, len(name), len(payload))
    return _sha256(b"".join((prev_hash, header, name, payload))).digest()


def next_record(
    previous: Record | None, ts_ns: int, kind: str, payload: bytes, genesis: bytes = GENESIS_HASH
) -> Record:
    """Return the record that follows `previous` (None: the first, which follows `genesis`).

    Raises InputError for an empty or over-long kind, one with anything but printable ASCII, an over-long payload or a time that
    does not fit 64 signed bits.
    """
    if not 0 < len(kind) <= KIND_CHARS_MAX or not kind.isascii() or not kind.isprintable():
        raise InputError("journal.kind", kind, f"1 to {KIND_CHARS_MAX} printable ASCII characters")
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise InputError("journal.payload", f"{len(payload)} bytes", f"at most {PAYLOAD_BYTES_MAX} bytes")
    if not -TS_NS_MAX <= ts_ns <= TS_NS_MAX:
        raise InputError("journal.ts_ns", ts_ns, "nanoseconds since the epoch in 64 signed bits")
    seq, prev_hash = (1, genesis) if previous is None else (previous.seq + 1, previous.hash)
    return Record(seq, ts_ns, kind, payload, prev_hash, chain_hash(prev_hash, seq, ts_ns, kind, payload))


def own_break(record: Record) -> str:
    """Return why a record contradicts its own hash, or an empty text."""
    if not 0 < record.seq <= TS_NS_MAX:
        return f"sequence number {record.seq} is outside 1..{TS_NS_MAX}"
    if len(record.prev_hash) != HASH_BYTES:
        return f"the previous hash has {len(record.prev_hash)} bytes instead of {HASH_BYTES}"
    return _content_break(record)


def link_break(record: Record, seq: int, prev_hash: bytes) -> str:
    """Return why a record does not follow the one before it (which calls for `seq` and `prev_hash`), or an empty text."""
    if record.seq != seq:
        return f"record {record.seq} stands where record {seq} belongs"
    if record.prev_hash != prev_hash:
        return "it does not follow the record before it" if seq > 1 else "it does not begin a journal of this mode"
    return _content_break(record)


def _content_break(record: Record) -> str:
    if not -TS_NS_MAX <= record.ts_ns <= TS_NS_MAX:
        return f"time {record.ts_ns} does not fit 64 signed bits"
    if chain_hash(record.prev_hash, record.seq, record.ts_ns, record.kind, record.payload) != record.hash:
        return "the content does not match its hash"
    return ""


def first_break(records: Iterable[Record], genesis: bytes = GENESIS_HASH) -> ChainBreak | None:
    """Return the first break in a chain that begins at record 1, or None when it holds. Streams: constant memory."""
    seq, prev_hash = 1, genesis
    for record in records:
        if cause := link_break(record, seq, prev_hash):
            return ChainBreak(seq, cause)
        seq, prev_hash = seq + 1, record.hash
    return None
