"""The one-writer lock: an OS lock on `<journal>.lock`, held while the process lives. INVARIANT: S4

In: the journal's path. Out: a held lock, or JournalLocked naming the holder. The kernel drops a `flock` when its holder dies, kill -9
included, so a stale file never blocks a start. Needs a local file system (flock on network shares may be advisory only).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from tidegate.errors import JournalLocked

_OPEN_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class WriterLock:
    """A held lock; `release` gives it back and removes the file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        # A forked child shares the lock with its parent and would keep it after the parent's death.
        forget = weakref.WeakMethod(self._forget)
        os.register_at_fork(after_in_child=lambda: _call(forget()))

    @classmethod
    def acquire(cls, journal_path: Path) -> WriterLock:
        """Take the lock at once or raise JournalLocked."""
        path = Path(f"{journal_path}.lock")
        while True:
            descriptor = os.open(path, _OPEN_FLAGS, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(descriptor)
                raise JournalLocked(
                    f"journal {journal_path} is being written by process {holder}; one writer is allowed: "
                    "stop that process, or give this one another journal"
                ) from error
            if _is_current(path, descriptor):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                return cls(path, descriptor)
            # The last holder removed the file between our open and our lock: what we hold is nobody's lock any more.
            os.close(descriptor)

    def release(self) -> None:
        """Give the lock back; calling it twice is harmless."""
        if self._descriptor >= 0:
            # Remove while holding: whoever opened the old file finds out in `_is_current`.
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            self._forget()

    def _forget(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _is_current(path: Path, descriptor: int) -> bool:
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)


def _call(forget: object) -> None:
    if callable(forget):
        forget()
