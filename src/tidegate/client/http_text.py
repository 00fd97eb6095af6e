"""HTTP/1.1 as text: builds one request and reads one answer. No sockets, so that both clients share it.

In: bytes as they arrive. Out: a complete answer, or GateError for anything that is not one: over-long, malformed, cut off. One connection
carries one request; nothing is reused, so no answer can belong to another question.
"""

# No `from __future__ import annotations` here: a NamedTuple would compile each annotation again, a third of this package's import time.
import re
from typing import NamedTuple

from tidegate.client.verdict import GATE_UNREADABLE, GateError

HEAD_BYTES_MAX = 32 * 1024
BODY_BYTES_MAX = 1024 * 1024
CHUNK_HEAD_BYTES_MAX = 128
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_URL = re.compile(
    r"(https?)://((\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?)((?:/[A-Za-z0-9._~-]+)*)/?", re.IGNORECASE
)
_TOKEN = re.compile(r"[!-~]{1,4096}")
_LOOPBACK = ("localhost", "::1")
_INTERIM = 100  # 1xx: an answer that announces the answer


class Server(NamedTuple):
    """Where the gate is. `host` and `port` are what is connected to, `authority` what the Host header says, `prefix` a path before `/api`."""

    host: str
    port: int
    authority: str
    prefix: str
    tls: bool


class Answer(NamedTuple):
    """One complete HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def server_of(url: str, token: str | None) -> Server:
    """Read the server's URL. Raises ValueError: not http(s), credentials or a query in it, or a token over plain http to another machine."""
    found = _URL.fullmatch(url)
    if found is None or not 0 < int(found[4] or 1) < 65_536:
        raise ValueError(
            f"url: got {url!r}, allowed: http://HOST:PORT or https://HOST:PORT, without credentials or query"
        )
    scheme, authority, host, port, prefix = found.groups()
    tls, host = scheme.lower() == "https", host.strip("[]").lower()
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError(
            "token: allowed are visible ASCII characters without blanks; create one with: tidegate token create"
        )
    if token is not None and not tls and not _is_loopback(host):
        raise ValueError(f"url: {url!r} would show the token to the network; use https")
    return Server(host, int(port or (443 if tls else 80)), authority, prefix, tls)


def request_bytes(server: Server, method: str, path: str, body: str | None, token: str | None) -> bytes:
    """Return one request, head and body. `path` and `token` have been checked to be plain ASCII."""
    content = b"" if body is None else body.encode()
    lines = [
        f"{method} {server.prefix}{path} HTTP/1.1",
        f"Host: {server.authority}",
        "Accept: application/json",
        "User-Agent: tidegate-client",
        "Connection: close",
    ]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join((*lines, "", "")).encode("ascii") + content


class AnswerReader:
    """Reads one answer from bytes as they arrive. Memory is bounded by the two caps."""

    def __init__(self, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._buffer = bytearray()
        self._body = bytearray()
        self._status = 0
        self._headers: dict[str, str] = {}
        self._cap = body_bytes_max
        self._to_come: int | None = (
            None  # what a Content-Length or a chunk still owes; None: until the end, or a chunk head is next
        )

    def feed(self, received: bytes) -> Answer | None:
        """Take bytes (empty: the other side closed) and return the answer once it is complete. Raises GateError."""
        self._buffer += received
        if not self._status and not self._read_head(closed=not received):
            return None
        complete = self._read_chunks() if self._is_chunked else self._read_plain(closed=not received)
        if len(self._body) > self._cap:
            raise _unreadable(f"the answer is longer than {self._cap} bytes")
        if complete:
            return Answer(self._status, self._headers, bytes(self._body))
        if not received:
            raise _unreadable("the answer was cut off")
        return None

    @property
    def _is_chunked(self) -> bool:
        return "transfer-encoding" in self._headers

    def _read_head(self, closed: bool) -> bool:
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end > HEAD_BYTES_MAX or (end < 0 and len(self._buffer) > HEAD_BYTES_MAX):
                raise _unreadable(f"the head of the answer is longer than {HEAD_BYTES_MAX} bytes")
            if end < 0:
                if closed:
                    raise _unreadable("the connection was closed without an answer")
                return False
            status, headers = _head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if status // 100 * 100 != _INTERIM:
                self._status, self._headers = status, headers
                self._to_come = _length_of(headers)
                return True

    def _read_plain(self, closed: bool) -> bool:
        self._body += self._buffer
        self._buffer.clear()
        if self._to_come is None:
            return closed
        if self._to_come > self._cap:
            raise _unreadable(f"the answer announces {self._to_come} bytes, at most {self._cap} are read")
        del self._body[self._to_come :]
        return len(self._body) == self._to_come

    def _read_chunks(self) -> bool:
        while len(self._body) <= self._cap:
            if self._to_come is None:
                end = self._buffer.find(b"\r\n")
                if end < 0 and len(self._buffer) <= CHUNK_HEAD_BYTES_MAX:
                    return False
                self._to_come = _chunk_length(bytes(self._buffer[: max(end, 0)]))
                del self._buffer[: end + 2]
            if self._to_come == 0:
                return True
            if len(self._buffer) < self._to_come + 2 and self._to_come <= self._cap:
                return False
            self._body += self._buffer[: self._to_come]
            del self._buffer[: self._to_come + 2]
            self._to_come = None
        return False


def _head(text: bytes) -> tuple[int, dict[str, str]]:
    status_line, *lines = text.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(status_line)
    if found is None:
        raise _unreadable("the answer is not HTTP")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise _unreadable("a header of the answer has no colon")
        headers[name.strip().lower()] = value.strip()
    return int(found[1]), headers


def _length_of(headers: dict[str, str]) -> int | None:
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked":
            raise _unreadable("the answer uses a transfer encoding other than chunked")
        return None
    length = headers.get("content-length")
    if length is None:
        return None
    if not length.isascii() or not length.isdigit() or len(length) > 12:
        raise _unreadable("the answer's length is not a number")
    return int(length)


def _chunk_length(text: bytes) -> int:
    digits = text.partition(b";")[0].strip()
    if not 0 < len(digits) <= 8 or digits.strip(b"0123456789abcdefABCDEF"):
        raise _unreadable("a chunk of the answer has no length")
    return int(digits, 16)


def _is_loopback(host: str) -> bool:
    return host in _LOOPBACK or (host.startswith("127.") and host.replace(".", "").isdigit())


def _unreadable(reason: str) -> GateError:
    return GateError(GATE_UNREADABLE, reason)
