"""Outlets: how frames reach one connection. Through our own server protocol ready-made frames are written as they are; any other ASGI server
gets text messages and frames them itself.

In: frames, a verdict. Out: ASGI messages. Waiting happens here and nowhere else on the way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from tidegate.api.errors import ApiError
from tidegate.api.stream.frames import Frame
from tidegate.api.wire.values import encode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FRAMES_EXTENSION: Final = "tidegate.frames"
SEND_FRAMES: Final = "tidegate.frames.send"
CLOSE_NOW: Final = "tidegate.frames.close"
CLOSE_WITHIN_S = 1.0
_REASON_BYTES_MAX = 123  # what fits into a close frame


class Verdict(NamedTuple):
    """How a connection ends: the WebSocket close code, and why."""

    code: int
    reason: str


class Outlet:
    """One connection's way out. `write` raises OSError once the client is gone, as ASGI servers do."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._takes_frames = FRAMES_EXTENSION in scope.get("extensions", {})

    async def write(self, frames: Sequence[Frame]) -> None:
        """Write frames, waiting while the client's buffer is full."""
        if self._takes_frames:
            await self._send({"type": SEND_FRAMES, "bytes": b"".join([frame.sent for frame in frames])})
            return
        for frame in frames:
            await self._send({"type": "websocket.send", "text": frame.text})

    async def close(self, verdict: Verdict) -> None:
        """Close, without waiting for a client that does not read."""
        reason = verdict.reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
        kind = CLOSE_NOW if self._takes_frames else "websocket.close"
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._send({"type": kind, "code": verdict.code, "reason": reason})


async def refuse(scope: Scope, send: Send, error: ApiError) -> None:
    """Refuse a connection before it is accepted: with the HTTP answer every other route would give, where the server can send one."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        code = 4401 if error.status == 401 else 1013 if error.retryable else 1008
        await send({"type": "websocket.close", "code": code, "reason": error.reason[:_REASON_BYTES_MAX]})
        return
    own = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in error.headers]
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *own]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": encode(error.body())})
