"""The server's logs: `logs/api/server.log` (what it did) and `logs/api/access.log` (who asked what), rotated by size; warnings also on stderr.

In: a folder and a level. Out: the loggers of this process, set up once. Query strings are left out of the access log and everything that looks like
a token is replaced, so that no secret is ever written. INVARIANT: C3
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from tidegate.api.door.token_text import redact

FILE_BYTES_MAX = 5_000_000
FILES_KEPT = 5
_GATHERED = 2_000
_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s"


def start_logs(folder: Path, level: str) -> logging.Handler:
    """Set the loggers up and return the access log's handler, to be flushed now and then: its lines are many. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.raiseExceptions = False  # a log that cannot be written must not flood the terminal: the engine says what matters
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.setLevel(level)
    root.addHandler(_rotated(folder / "server.log", _FORMAT))
    on_screen = logging.StreamHandler()
    on_screen.setLevel(logging.WARNING)
    on_screen.setFormatter(_Plain("tidegate: %(message)s"))
    on_screen.addFilter(_concerns_the_operator)
    root.addHandler(on_screen)
    access = logging.getLogger("uvicorn.access")
    access.propagate = False
    access.setLevel(logging.INFO)
    gathering = AccessLog(folder / "access.log")
    access.handlers = [gathering]
    return gathering


class AccessLog(logging.Handler):
    """Gathers access lines and writes many at once: a line costs a request next to nothing. Flushed by its owner, at 2,000 lines, and at exit."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = _rotated(path)
        self._lines: list[tuple[float, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what uvicorn says of one answer: client, method, path, version and status."""
        self._lines.append((record.created, record.args))
        if len(self._lines) >= _GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered, as one block. A full disk loses these lines and nothing else."""
        if self._lines:
            lines, self._lines = self._lines, []
            block = "\n".join(_access_line(created, args) for created, args in lines)
            self._file.handle(logging.LogRecord("access", logging.INFO, "", 0, block, None, None))
        with contextlib.suppress(OSError):
            self._file.flush()

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        with contextlib.suppress(OSError):
            self._file.close()
        super().close()


class _Plain(logging.Formatter):
    """UTC times, and no secrets."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without anything that looks like a token."""
        return redact(super().format(record))


def _rotated(path: Path, line: str = "%(message)s") -> RotatingFileHandler:
    opened = RotatingFileHandler(path, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8")
    opened.setFormatter(_Plain(line, "%Y-%m-%dT%H:%M:%S"))
    return opened


def _concerns_the_operator(record: logging.LogRecord) -> bool:
    """Keep a client's bad HTTP off the screen: it stands in the log."""
    return not record.name.startswith("uvicorn") or record.levelno >= logging.ERROR


def _access_line(created_s: float, args: object) -> str:
    """Return one line, without the query: an address may carry what belongs nowhere else."""
    if not isinstance(args, tuple) or len(args) != 5:
        return str(args)
    client, method, path, _, status = args
    second, fraction = divmod(created_s, 1)
    place = str(path).partition("?")[0]
    return f"{_second(int(second))}.{int(fraction * 1_000):03d}Z {client} {method} {place} {status}"


@functools.lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
