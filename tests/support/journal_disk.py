"""A disk that fails, dies or forgets on command: an apsw VFS whose every write, sync, truncate and delete can be intercepted.

In: a plan, called before each operation. Out: real SQLite on real files, with a fault at the chosen operation.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import apsw

Plan = Callable[[str, str, bytes, int], int | None]
_NAMES = itertools.count()


class TestDisk(apsw.VFS):
    """Passes everything on to the real file system, after asking `plan(operation, file, bytes, offset)`.

    The plan may raise an apsw error, or return how many bytes of a write still reach the disk before the process dies.
    """

    __test__ = False

    def __init__(self, plan: Plan | None = None) -> None:
        self.name = f"test-disk-{next(_NAMES)}"
        self.plan = plan
        super().__init__(self.name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _TestFile:  # noqa: N802
        return _TestFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.ask("delete", filename, b"", 0)
        super().xDelete(filename, syncdir)

    def ask(self, operation: str, filename: str, content: bytes, offset: int) -> int | None:
        return self.plan(operation, filename, content, offset) if self.plan else None

    def __enter__(self) -> TestDisk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unregister()


class _TestFile(apsw.VFSFile):
    def __init__(self, disk: TestDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        self._filename = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        keep = self._disk.ask("write", self._filename, bytes(data), offset)
        if keep is not None:
            super().xWrite(data[:keep], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.ask("sync", self._filename, b"", 0)
        super().xSync(flags)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.ask("truncate", self._filename, b"", newsize)
        super().xTruncate(newsize)


class FailAt:
    """A plan: raise `error` at the n-th operation of one sort (1 is the first), and count what was asked before and after."""

    def __init__(self, operation: str, n: int, error: Callable[[], BaseException]) -> None:
        self.operation, self.n, self.error = operation, n, error
        self.seen = 0
        self.after_fault: list[str] = []
        self.failed = False

    def __call__(self, operation: str, filename: str, content: bytes, offset: int) -> int | None:
        if self.failed:
            self.after_fault.append(operation)
        if operation == self.operation:
            self.seen += 1
            if self.seen == self.n:
                self.failed = True
                raise self.error()
        return None


class DieAt:
    """A plan: SIGKILL this process at the n-th operation of any sort; half of a write still reaches the disk."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.seen = 0

    def __call__(self, operation: str, filename: str, content: bytes, offset: int) -> int | None:
        self.seen += 1
        if self.seen != self.n:
            return None
        if operation == "write":
            return len(content) // 2
        os.kill(os.getpid(), signal.SIGKILL)
        return None


class Recorder:
    """A plan that remembers every operation, so that a power cut at any moment can be played back."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, str, bytes, int]] = []

    def __call__(self, operation: str, filename: str, content: bytes, offset: int) -> int | None:
        self.operations.append((operation, Path(filename).name, content, offset))
        return None


def eio_sync() -> BaseException:
    """Return what SQLite reports when fsync fails with EIO."""
    error = apsw.IOError("fsync failed")
    error.extendedresult = apsw.SQLITE_IOERR_FSYNC
    return error


def eio_write() -> BaseException:
    """Return what SQLite reports when write fails with EIO."""
    error = apsw.IOError("write failed")
    error.extendedresult = apsw.SQLITE_IOERR_WRITE
    return error


def disk_full() -> BaseException:
    """Return what SQLite reports when write fails with ENOSPC."""
    return apsw.FullError("no space left on device")
