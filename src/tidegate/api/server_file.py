"""`var/run/api.json`: where the running server of this folder is, for commands that attach to it. Readable by its owner alone.

In: url, pid, journal and an operate token that lives in the server's memory only. Out: the same, or None when no server is alive. The file goes
with its server; one left by a killed server is recognised by its pid and its journal's lock, and ignored. INVARIANT: C3 C4 S4
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

RUN_FILE = Path("var") / "run" / "api.json"


class RunningServer(msgspec.Struct, frozen=True):
    """A server that runs here. `token` may operate it, and is worthless once it has stopped."""

    url: str
    pid: int
    journal: str
    token: str

    def __repr__(self) -> str:
        return f"RunningServer({self.url}, pid {self.pid})"


def write(server: RunningServer, path: Path = RUN_FILE) -> None:
    """Put the file in place, whole and with mode 0600 from its first byte. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(server))
    os.replace(temporary, path)


def find(path: Path = RUN_FILE) -> RunningServer | None:
    """Return the server that runs here, or None: no file, not ours, unreadable, or its process is gone."""
    try:
        status = path.stat()
        server = msgspec.json.decode(path.read_bytes(), type=RunningServer)
    except (OSError, msgspec.MsgspecError):
        return None
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        return None
    return server if _is_alive(server) else None


def remove(path: Path = RUN_FILE, pid: int | None = None) -> None:
    """Remove the file if this process (or `pid`) wrote it."""
    try:
        server = msgspec.json.decode(path.read_bytes(), type=RunningServer)
    except (OSError, msgspec.MsgspecError):
        return
    if server.pid == (pid if pid is not None else os.getpid()):
        path.unlink(missing_ok=True)


def _is_alive(server: RunningServer) -> bool:
    """Say whether the process lives and is the one whose number stands in its journal's lock: pids are used again."""
    try:
        os.kill(server.pid, 0)
        holder = Path(f"{server.journal}.lock").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return False
    return holder == str(server.pid)
