"""The auth matrix: every way to ask, and what SPEC 7 says must come of it, written from its words and not from the guard."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.security.lab import Keys
from tidegate.api.door.admission import Level
from tidegate.api.endpoint import Endpoint
from tidegate.model.intent import Mode

ADMITTED = 299  # the status of the stub that stands in every handler's place
HOSTS = {
    "good": b"127.0.0.1:8000",
    "without a port": b"localhost",
    "evil": b"rebound.example:8000",
    "wrong port": b"127.0.0.1:1",
    "none": None,
}
ORIGINS = {"absent": None, "same": b"", "other": b"http://evil.example", "null": b"null"}
TYPES = {"json": b"application/json", "form": b"application/x-www-form-urlencoded", "text": b"text/plain", "none": None}
TOKENS = ("none", "read", "propose", "operate", "wrong", "expired", "revoked", "query", "two", "cookie")
DEAD = ("wrong", "expired", "revoked", "query", "two")
SERVERS: dict[str, dict[str, Any]] = {
    "loopback paper": {},
    "token required": {"require_token": True},
    "loopback live": {"mode": Mode.LIVE},
    "behind tls": {"behind_tls": True},
}


class Ask(NamedTuple):
    """One cell of the matrix."""

    server: str
    token: str
    host: str
    origin: str
    kind: str = "json"


def request(ask: Ask, keys: Keys) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return headers and query of one way to ask."""
    headers: list[tuple[bytes, bytes]] = []
    host = HOSTS[ask.host]
    origin = b"http://" + (host or b"127.0.0.1:8000") if ask.origin == "same" else ORIGINS[ask.origin]
    for name, value in ((b"host", host), (b"origin", origin), (b"content-type", TYPES[ask.kind])):
        headers += [(name, value)] if value is not None else []
    match ask.token:
        case "none":
            return headers, b""
        case "query":
            return headers, b"token=" + keys.secrets["operate"].encode()
        case "cookie":
            return [*headers, (b"cookie", b"session=" + keys.secrets["operate"].encode())], b""
        case "two":
            return [*headers, keys.header("read"), keys.header("operate")], b""
        case _:
            return [*headers, keys.header(ask.token)], b""


def expected(endpoint: Endpoint, ask: Ask) -> int:
    """Return the status that SPEC 7 and promises A2, A3 and A5 ask for."""
    if ask.host in ("evil", "wrong port", "none"):
        return 421
    if ask.origin in ("other", "null"):
        return 403
    if ask.token in DEAD:
        return 401
    if (refused := _without(endpoint, ask.server) if ask.token in ("none", "cookie") else _with(endpoint, ask.token)) is not None:
        return refused
    if endpoint.method == "POST" and ask.kind != "json":
        return 415
    return ADMITTED


def _without(endpoint: Endpoint, server: str) -> int | None:
    if server != "behind tls" and endpoint.scope is Level.PUBLIC:
        return None
    local_rights = endpoint.scope <= Level.PROPOSE or endpoint.open_on_loopback
    return None if server == "loopback paper" and local_rights else 401


def _with(endpoint: Endpoint, token: str) -> int | None:
    return None if Level[token.upper()] >= endpoint.scope else 403
