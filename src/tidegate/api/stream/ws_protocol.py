"""Our server's WebSocket protocol: uvicorn's, with three holes closed and one door opened. INVARIANT: A7

1. *Ready-made frames*: an application may hand over bytes that are whole frames (`outlet.py`), encoded once for every client; a stuck client can be
   closed without waiting for it. Announced in the scope as the extension `tidegate.frames`.
2. *Bounded output*: uvicorn answers pings however full the buffer is, so a client that pings and never reads costs unbounded memory; here a pong
   that finds the buffer full is left out (RFC 6455 5.5.3 asks only for the latest). The kernel's share is bounded as well.
3. *Bounded turns*: what arrives is parsed a slice at a time, so that a flood of tiny frames cannot hold the loop.
4. *A flood ends*: control frames and fragments are counted, and a client that sends too many is closed.

In: a uvicorn Config built with `WS_OPTIONS`. Out: ASGI `websocket` scopes. It leans on uvicorn's protocol class, whose version is pinned; tests
hold what it relies on.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import MutableMapping
from typing import Any, Final, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame
from websockets.http11 import Request

from tidegate.api.door.rate import RateLimit
from tidegate.api.stream.outlet import CLOSE_NOW, FRAMES_EXTENSION, SEND_FRAMES
from tidegate.api.stream.subscriber import MESSAGE_BYTES_MAX, POLICY, RESTARTING

BUFFER_BYTES_MAX: Final = 65_536
SLICE_BYTES: Final = 2_048
SMALL_FRAMES_PER_S_MAX: Final = 64
ABORT_AFTER_S: Final = 5.0
CLOSING_PACE_S: Final = 0.02


class StreamProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection of our server."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._inbox = bytearray()
        self._feed_due: asyncio.Handle | None = None
        self._held = False
        self._rate = RateLimit(SMALL_FRAMES_PER_S_MAX, time.monotonic_ns)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound what is kept for this client, in this process and in the kernel."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES_MAX)
        own = self.transport.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES_MAX)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was not parsed yet."""
        self._inbox.clear()
        if self._feed_due is not None:
            self._feed_due.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a small chunk at once and a large one slice by slice, letting others run in between; once closing, slowly."""
        if len(data) <= SLICE_BYTES and not self._inbox and not self.close_sent:
            super().data_received(data)
            return
        self._inbox += data
        if not self._held:
            self._held = True
            self.transport.pause_reading()
        self._feed_soon()

    def handle_connect(self, event: Request) -> None:
        """Tell the application that it may hand over ready-made frames."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            cast("dict[str, Any]", self.scope["extensions"])[FRAMES_EXTENSION] = {}

    def handle_ping(self) -> None:
        """Answer a ping unless the client does not read its answers."""
        if self._too_many_small_frames():
            return
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # made by the parser, and left out

    def handle_pong(self, event: Frame) -> None:
        """Take a pong."""
        if not self._too_many_small_frames():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        """Take one more fragment of a message."""
        if not self._too_many_small_frames():
            super().handle_cont(event)

    def keepalive_timeout(self) -> None:
        """End a connection whose client answers no pings, also when what was written last cannot leave."""
        super().keepalive_timeout()
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(ABORT_AFTER_S, self.transport.abort)

    def shutdown(self) -> None:
        """End with the server, saying so; a client that does not read must not keep it from ending."""
        if self.handshake_complete and not self.close_sent:
            self._close_now(RESTARTING, "the server is shutting down: reconnect with since")
        if self.close_sent and not self.writable.is_set():
            self.transport.abort()
        else:
            super().shutdown()

    async def receive(self) -> Any:
        """Return the next message for the application, and go on parsing when it has caught up."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._feed_soon()
        return message

    async def send(self, message: MutableMapping[str, Any]) -> None:  # type: ignore[override]
        """Take one message of the application. Raises ClientDisconnected."""
        if message["type"] == SEND_FRAMES:
            await self._write_frames(message["bytes"])
        elif message["type"] == CLOSE_NOW:
            self._close_now(message["code"], message["reason"])
        else:
            await super().send(cast("Any", message))

    async def _write_frames(self, frames: bytes) -> None:
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frames)

    def _close_now(self, code: int, reason: str) -> None:
        """Put a close frame behind what is waiting; whoever has not left when the time is over is cut off."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            self.transport.abort()
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self._inbox.clear()
        self.read_paused = False
        self._feed_soon()
        self.close_timer = self.loop.call_later(ABORT_AFTER_S, self.transport.abort)

    def _too_many_small_frames(self) -> bool:
        if self._rate.wait_ns(None) == 0:
            return False
        self._close_now(POLICY, f"more than {SMALL_FRAMES_PER_S_MAX} control frames or fragments in one second")
        return True

    def _feed_soon(self) -> None:
        if self._feed_due is not None:
            return
        if self.close_sent:  # only the client's own close frame is still of interest
            self._feed_due = self.loop.call_later(CLOSING_PACE_S, self._feed)
        else:
            self._feed_due = self.loop.call_soon(self._feed)

    def _feed(self) -> None:
        self._feed_due = None
        if self.transport.is_closing():
            return
        if self._inbox and not self.read_paused:
            part = bytes(self._inbox[:SLICE_BYTES])
            del self._inbox[:SLICE_BYTES]
            super().data_received(part)
        if self.read_paused:
            return
        if self._inbox:
            self._feed_soon()
        else:
            self._held = False
            self.transport.resume_reading()


WS_OPTIONS: Final[dict[str, Any]] = {
    "ws": StreamProtocol,
    "ws_max_size": MESSAGE_BYTES_MAX,
    "ws_per_message_deflate": False,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
}
"""What `uvicorn.Config` must be given for the stream. Compression would be done once for each client; sizes are bounded before parsing."""
