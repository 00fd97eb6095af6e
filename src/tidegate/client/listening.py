"""Hearing the stream: connect, yield, and after a break go on where it stopped.

In: the server and the last `seq` known. Out: events, each journaled one exactly once and in order. The only part of the client that needs a
package: `websockets`. INVARIANT: A7
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate.client.calls import detail_of
from tidegate.client.connecting import connect, default_tls
from tidegate.client.http_text import Answer, Server
from tidegate.client.verdict import BAD_INPUT, GATE_UNREACHABLE, GATE_UNREADABLE, GateError, Json, StreamEvent

if TYPE_CHECKING:
    import ssl

PATH = "/ws/dashboard"
MESSAGE_BYTES_MAX = 1024 * 1024
CLOSE_TIMEOUT_S = 1.0
PAUSE_S_FIRST = 0.25
PAUSE_S_MAX = 10.0
_MOVED, _FAILING = 300, 500
_PASSING = (408, 429)  # of the answers between, those that may go away
_FINAL_CLOSES = {1008: BAD_INPUT, 4401: "UNAUTHENTICATED"}


class Ear:
    """What has been heard: where to go on, and how long to wait before the next try."""

    def __init__(self, server: Server, token: str | None, since: int | None) -> None:
        self._server, self._token = server, token
        self._since, self._failures = since, 0
        self._before = -1  # what was recorded up to here was not asked for
        self._heard_of_last: list[str] = []  # one record may say two things: a fill, and the trade it completed
        self._trouble: Json = {}

    @property
    def url(self) -> str:
        """Return where to connect: after the last record heard. The server tells again what else that record says."""
        scheme = "wss" if self._server.tls else "ws"
        since = "" if self._since is None else f"?since={self._since}"
        return f"{scheme}://{self._server.authority}{self._server.prefix}{PATH}{since}"

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that say who listens."""
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    def take(self, text: str | bytes) -> StreamEvent | None:
        """Read one message; None for one that was heard before. Raises GateError when it is not one of the stream's."""
        try:
            message = json.loads(text)
            event, content, seq = message["event"], message["data"], message.get("seq")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise GateError(GATE_UNREADABLE, "a message of the stream is not JSON with event and data") from None
        if not isinstance(event, str) or not isinstance(content, dict) or (seq is not None and type(seq) is not int):
            raise GateError(GATE_UNREADABLE, "a message of the stream has another shape")
        self._failures = 0
        if seq is not None and self._is_repeated(seq, event):
            return None
        if event == "connected" and self._since is None and type(content.get("resumed_after")) is int:
            self._since = self._before = content["resumed_after"]
        if event == "error" and isinstance(content.get("detail"), dict):
            self._trouble = content["detail"]
        return StreamEvent(event, content, seq, message)

    def _is_repeated(self, seq: int, event: str) -> bool:
        """Take note of a journaled event; say whether it was heard before, or belongs to what was not asked for."""
        if seq <= self._before or (self._since is not None and seq < self._since):
            return True
        if seq != self._since:
            self._since, self._heard_of_last = seq, []
        if event in self._heard_of_last:
            return True
        self._heard_of_last.append(event)
        return False

    def pause_s(self) -> float:
        """Return how long to wait now: doubling from 0.25 s up to 10 s, with jitter, so that listeners do not return all at once."""
        self._failures += 1
        longest: float = min(PAUSE_S_MAX, PAUSE_S_FIRST * float(1 << min(self._failures - 1, 10)))
        return longest * (0.5 + os.urandom(1)[0] / 510)

    def refusal(self, trouble: Any) -> GateError | None:
        """Return the error for a stream that was refused or closed, when trying again cannot help."""
        answer = getattr(trouble, "response", None)
        if answer is not None:
            status = int(answer.status_code)
            if not _MOVED <= status < _FAILING or status in _PASSING:
                return None
            detail = detail_of(Answer(status, {}, answer.body or b""))
            reason = detail.get("reason", f"the server refuses to stream ({status}); check url and token")
            return GateError(detail.get("code", GATE_UNREADABLE), reason, status)
        close = getattr(trouble, "rcvd", None)
        if close is None or close.code not in _FINAL_CLOSES:
            return None
        return GateError(
            str(self._trouble.get("code", _FINAL_CLOSES[close.code])), close.reason or "the server closed the stream"
        )


class Line(NamedTuple):
    """How to reach the stream."""

    server: Server
    token: str | None
    timeout_s: float
    tls: ssl.SSLContext | None


def listen(line: Line, since: int | None) -> Iterator[StreamEvent]:
    """Yield events for ever; see `TidegateClient.events`."""
    ear, errors = Ear(line.server, line.token, since), _websockets("websockets.exceptions")
    while True:
        try:
            yield from _heard(ear, line)
        except (
            OSError,
            errors.WebSocketException,
        ) as trouble:  # broken, or not there yet: the next try goes on after the last seq
            final = ear.refusal(trouble)
            if final is not None:
                raise final from None
        except ValueError as trouble:  # a redirect, which a socket of our own cannot follow
            raise GateError(GATE_UNREADABLE, f"the server redirects the stream: {trouble}") from None
        time.sleep(ear.pause_s())


class EventStream:
    """The stream for asynchronous code: `async for` it, with `async with` around it where it should be closed before the loop ends.

    Waiting for the next event may be cancelled (`asyncio.timeout`) and tried again: nothing is lost.
    """

    def __init__(self, line: Line, since: int | None) -> None:
        self._line, self._ear = line, Ear(line.server, line.token, since)
        self._errors = _websockets("websockets.exceptions")
        self._connection: Any = None

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> StreamEvent:
        """Return the next event; reconnects. Raises GateError."""
        while True:
            try:
                return await self._next()
            except (OSError, self._errors.WebSocketException) as trouble:
                final = self._ear.refusal(trouble)
                if final is not None:
                    raise final from None
            except ValueError as trouble:
                raise GateError(GATE_UNREADABLE, f"the server redirects the stream: {trouble}") from None
            await self.aclose()
            await asyncio.sleep(self._ear.pause_s())

    async def __aenter__(self) -> EventStream:
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connection; the next event opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _next(self) -> StreamEvent:
        if self._connection is None:
            sockets = _websockets("websockets.asyncio.client")
            own = await asyncio.to_thread(connect, self._line.server, time.monotonic() + self._line.timeout_s)
            own.setblocking(False)
            self._connection = await sockets.connect(self._ear.url, sock=own, **_settings(self._ear, self._line))
        while (event := self._ear.take(await self._connection.recv())) is None:
            pass
        return event


def _heard(ear: Ear, line: Line) -> Iterator[StreamEvent]:
    """Yield what one connection brings."""
    sockets = _websockets("websockets.sync.client")
    own = connect(line.server, time.monotonic() + line.timeout_s)
    own.settimeout(None)
    with sockets.connect(ear.url, sock=own, **_settings(ear, line)) as stream:
        for text in stream:
            event = ear.take(text)
            if event is not None:
                yield event


def _settings(ear: Ear, line: Line) -> dict[str, Any]:
    """Return how to open the stream: over a socket of our own, which no proxy and no redirect can lead elsewhere."""
    secured = {"ssl": line.tls or default_tls(), "server_hostname": line.server.host} if line.server.tls else {}
    return {
        "additional_headers": ear.headers,
        "max_size": MESSAGE_BYTES_MAX,
        "open_timeout": line.timeout_s,
        "close_timeout": CLOSE_TIMEOUT_S,
        "proxy": None,
        **secured,
    }


def _websockets(module: str) -> Any:
    """Import a part of `websockets` only now. Raises GateError when it is not installed."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise GateError(
            GATE_UNREACHABLE, "listening needs the package websockets: pip install websockets", sent=False
        ) from None
