"""Which journal a command means: the one named, the newest, the one being written, or a fresh place for the next session.

In: `--journal`, the working folder. Out: paths, or an error that says where was looked and what to do.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

import msgspec

from tidegate.engine.chronicle import decode
from tidegate.errors import InputError, JournalError, NotAvailable
from tidegate.journal.store_sqlite import read_records
from tidegate.model.event import RunEnded, RunStarted
from tidegate.model.limits import Limits

FOLDER = Path("var") / "journals"
_NUMBERED = re.compile(r"-(\d+)\.db$")


class Candidate(msgspec.Struct, frozen=True):
    """Where the next session goes: `resumes` says that the file holds an unfinished one; `why` what the user should know about the choice."""

    path: Path
    resumes: bool
    why: str = ""


def existing(path: Path | None) -> Path:
    """Return the journal a command reads: the one named, else the newest one here. Raises InputError, NotAvailable."""
    if path is not None:
        if not path.is_file():
            raise InputError("journal", str(path), "the path of an existing journal", _hint())
        return path
    found = newest_first()
    if not found:
        raise NotAvailable(f"no journal in {FOLDER} yet: run tidegate paper first, or name one with --journal PATH")
    return found[0]


def newest_first() -> list[Path]:
    """Return the journals of the working folder, the one written last first."""
    if not FOLDER.is_dir():
        return []
    return sorted(FOLDER.glob("*.db"), key=_written_at, reverse=True)


def _written_at(path: Path) -> tuple[int, str]:
    beside = [Path(f"{path}-wal"), path]
    return max(each.stat().st_mtime_ns for each in beside if each.exists()), path.name


def is_being_written(path: Path) -> bool:
    """Say whether a process holds the writer lock of a journal. Looks without taking it."""
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def running(path: Path | None) -> Path:
    """Return the journal of a running session: the one named, else the newest one being written. Raises InputError, NotAvailable."""
    if path is not None:
        if not is_being_written(existing(path)):
            raise NotAvailable(f"no process is running on {path}: start one with tidegate serve --journal {path}")
        return path
    for found in newest_first():
        if is_being_written(found):
            return found
    raise NotAvailable(
        f"no session is running (looked in {FOLDER}): start one with tidegate serve or tidegate paper, or name its journal with --journal PATH"
    )


def next_numbered(stem: str) -> Path:
    """Return the first free place `var/journals/<stem>-<n>.db`."""
    taken = [
        int(found[1])
        for path in FOLDER.glob(f"{stem}-*.db*")
        if (found := re.match(rf"{re.escape(stem)}-(\d+)\.db", path.name))
    ]
    return FOLDER / f"{stem}-{max(taken, default=0) + 1}.db"


def last_numbered(stem: str) -> Path | None:
    """Return the journal of this stem with the highest number, if there is one."""
    found = [path for path in FOLDER.glob(f"{stem}-*.db") if re.fullmatch(rf"{re.escape(stem)}-\d+\.db", path.name)]
    return max(found, key=_number, default=None)


def _number(path: Path) -> int:
    found = _NUMBERED.search(path.name)
    return int(found[1]) if found else 0


class Beginning(msgspec.Struct, frozen=True):
    """What the first record of a journal must say for this run to be its continuation: limits, version, and every part of its source."""

    limits: Limits
    version: str
    source_parts: tuple[str, ...]

    def differs_from(self, begun: RunStarted) -> str:
        """Say in what a journal was begun otherwise; empty when it was not."""
        if begun.version != self.version:
            return f"version {begun.version}"
        if begun.limits != self.limits:
            return "other limits"
        return "" if all(part in begun.feed for part in self.source_parts) else f"other options ({begun.feed})"


def for_next_session(stem: str, fresh: bool, beginning: Beginning) -> Candidate:
    """Choose the journal of the next session of a scenario and seed: an unfinished one goes on, unless it is in use or was begun otherwise."""
    last = last_numbered(stem)
    if last is None or fresh:
        return Candidate(next_numbered(stem), False)
    if is_being_written(last):
        return Candidate(
            next_numbered(stem), False, f"{last} is being written by another process, so this is a session of its own"
        )
    try:
        begun, ended = _ends(last)
    except JournalError as error:
        return Candidate(next_numbered(stem), False, f"{last} is left alone: {error}")
    if begun is None or ended:
        return Candidate(next_numbered(stem) if ended else last, False)
    if differs := beginning.differs_from(begun):
        return Candidate(
            next_numbered(stem), False, f"the unfinished {last} was begun with {differs}, so this is a new session"
        )
    return Candidate(last, True, f"going on with the unfinished {last}; --fresh starts a new one")


def _ends(path: Path) -> tuple[RunStarted | None, bool]:
    """Return how a journal begins, and whether it ended in order."""
    last_kind, begun = "", None
    for record in read_records(path):
        if begun is None:
            first = decode(record)
            begun = first if isinstance(first, RunStarted) else None
        last_kind = record.kind
    return begun, last_kind == RunEnded.__name__


def _hint() -> str:
    found = newest_first()
    return f"the newest here is {found[0]}" if found else f"there is none in {FOLDER} yet"
