"""What the security tests share: a clock that is set by hand, ASGI scopes, a token file with one token of each kind, and guards over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tidegate.api.door.admission import Level
from tidegate.api.door.guard import Guard, GuardSettings
from tidegate.api.door.token_file import create, revoke
from tidegate.api.door.tokens import TokenStore
from tidegate.api.errors import ApiError
from tidegate.model.intent import Mode
from tidegate.units import SECOND_NS

NOW_NS = 1_760_000_000 * SECOND_NS
PORT = 8000
HOST = b"127.0.0.1:8000"
OWN_ORIGIN = b"http://127.0.0.1:8000"
Headers = Sequence[tuple[bytes, bytes]]


class HandClock:
    """A clock that moves when told to."""

    def __init__(self, start_ns: int = NOW_NS) -> None:
        self.now_ns = start_ns

    def __call__(self) -> int:
        return self.now_ns

    def move(self, span_ns: int) -> None:
        self.now_ns += span_ns


class Keys:
    """A token file with one token of each level, one expired and one revoked; `secrets` by their names."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tokens.json"
        self.wall, self.monotonic = HandClock(), HandClock(0)
        self.secrets: dict[str, str] = {}
        for name, level, expires_ns in (
            ("read", Level.READ, None),
            ("propose", Level.PROPOSE, None),
            ("operate", Level.OPERATE, None),
            ("expired", Level.OPERATE, NOW_NS),
            ("revoked", Level.OPERATE, None),
        ):
            self.secrets[name], _ = create(self.path, f"{name} holder", level, NOW_NS - SECOND_NS, expires_ns)
        revoke(self.path, "revoked holder", NOW_NS)
        self.secrets["wrong"] = "tg_o_" + "a" * 52

    def store(self) -> TokenStore:
        return TokenStore(self.path, self.wall, self.monotonic)

    def guard(self, mode: Mode = Mode.PAPER, **settings: Any) -> Guard:
        return Guard(GuardSettings(mode=mode, port=PORT, **settings), self.store(), self.monotonic)

    def header(self, name: str) -> tuple[bytes, bytes]:
        return (b"authorization", f"Bearer {self.secrets[name]}".encode())


def http(*headers: tuple[bytes, bytes], host: bytes | None = HOST, query: bytes = b"", **more: Any) -> dict[str, Any]:
    """Return the scope of a POST from this machine."""
    named = () if host is None else ((b"host", host),)
    scope = {"type": "http", "method": "POST", "path": "/api/trade/check", "client": ("127.0.0.1", 50_000)}
    return {**scope, "query_string": query, "headers": [*named, *headers], **more}


def websocket(*headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    """Return the scope of a WebSocket from this machine."""
    scope = http(*headers, **more)
    del scope["method"]
    return {**scope, "type": "websocket", "path": "/ws/dashboard"}


def refusal(job: Callable[[], object]) -> ApiError | None:
    """Return why a job was refused, None when it was not."""
    try:
        job()
    except ApiError as error:
        return error
    return None


def code_of(job: Callable[[], object]) -> str:
    """Return the code of a refusal, or `admitted`."""
    error = refusal(job)
    return error.code if error is not None else "admitted"
