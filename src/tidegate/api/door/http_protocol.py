"""Our server's HTTP protocol: uvicorn's, with the head of a request bounded in size and time, and malformed HTTP answered in our own shape.

In: bytes of one connection. Out: ASGI `http` scopes. uvicorn reads a head for ever and of any length; here a head larger than 32 KiB, or one that is
not complete ten seconds after its connection or its first byte, ends the connection. INVARIANT: A5 A6
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tidegate.api.errors import ApiError, ErrorKind

HEAD_BYTES_MAX: Final = 32_768
HEAD_S_MAX: Final = 10.0
MALFORMED: Final = ErrorKind(400, "Malformed HTTP", "BAD_INPUT")
HEAD_TOO_LARGE: Final = ErrorKind(431, "Request head too large", "TOO_LARGE")
_TITLES: Final = {400: "Bad Request", 431: "Request Header Fields Too Large"}


class BoundedHttpProtocol(HttpToolsProtocol):
    """One HTTP connection of our server."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._head_bytes = 0
        self._in_head = True
        self._begun = False
        self._head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first head its time."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._head_over()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head has grown too large."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_due is None:
            self._expect_head()
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HEAD_TOO_LARGE, f"the request line and headers have more than {HEAD_BYTES_MAX} bytes; nothing was done")

    def on_message_begin(self) -> None:
        """A head begins; the clock starts when what has arrived does not complete it."""
        super().on_message_begin()
        self._head_bytes, self._in_head = 0, True

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._head_over()
        super().on_headers_complete()
        self._begun = self.cycle is not None

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(MALFORMED, "this is not a well-formed HTTP request; nothing was done")

    def _expect_head(self) -> None:
        self._head_due = self.loop.call_later(HEAD_S_MAX, self._close_slow)

    def _head_over(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _close_slow(self) -> None:
        self._head_due = None
        is_answering = self._begun and not self.cycle.response_complete
        if not is_answering and not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, kind: ErrorKind, reason: str) -> None:
        body = msgspec.json.encode(ApiError(kind, reason).body())
        title = f"HTTP/1.1 {kind.status} {_TITLES[kind.status]}"
        lines = (title, "Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
        self.transport.write("\r\n".join((*lines, "", "")).encode("ascii") + body)
        self.transport.close()
