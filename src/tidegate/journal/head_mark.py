"""The head mark: `<journal>.head` names the last acknowledged record, because a hash chain cannot see a missing tail. INVARIANT: J1 J3

In: (seq, hash) after each durable commit. Out: the same, read back at open and by `verify`; a journal that ends earlier has lost
acknowledged records (a lost or damaged WAL, an old backup). The mark is written after the commit and never synced on its own, so it is
never ahead of the journal and costs microseconds; after a power cut it may lag, which only weakens the check.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

_SEQ_DIGITS = 20
_CHECK_CHARS = 16


class Head(msgspec.Struct, frozen=True, gc=False):
    """The last acknowledged record."""

    seq: int
    hash: bytes


def head_path(journal_path: Path) -> Path:
    """Return where the head mark of a journal lies."""
    return Path(f"{journal_path}.head")


class HeadMark:
    """The writer's side: overwrites one line in place."""

    def __init__(self, journal_path: Path) -> None:
        self._descriptor = os.open(head_path(journal_path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, head: Head) -> None:
        """Name a durable record. Raises OSError."""
        os.pwrite(self._descriptor, _line(head), 0)

    def sync(self) -> None:
        """Make the last mark durable, at an orderly end. Raises OSError."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close without syncing."""
        os.close(self._descriptor)


def read_head(journal_path: Path) -> Head | None:
    """Return the mark, or None when there is none or its own check fails (a tear at a power cut)."""
    try:
        line = head_path(journal_path).read_bytes()
    except FileNotFoundError:
        return None
    fields = line.split()
    if len(fields) != 3 or not fields[0].isdigit():
        return None
    try:
        head = Head(int(fields[0]), bytes.fromhex(fields[1].decode("ascii", "replace")))
    except ValueError:
        return None
    return head if _line(head) == line else None


def _line(head: Head) -> bytes:
    text = f"{head.seq:0{_SEQ_DIGITS}d} {head.hash.hex()}".encode()
    return text + b" " + hashlib.sha256(text).hexdigest()[:_CHECK_CHARS].encode() + b"\n"
