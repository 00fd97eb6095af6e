"""The hub: the WebSocket stream `/ws/dashboard`. Admits clients, gives each a place in the lanes, and keeps them honest.

In: durable records from the desk (never earlier), untrusted broadcasts, time. Out: `connected`, then the stream, until the client leaves, stops
reading, or the server ends. The engine's turn only leaves its records here; encoding and waking happen after it. INVARIANT: A3 A7 J2
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from tidegate.api.door.admission import Admission, Level
from tidegate.api.door.guard import Guard, answer_subprotocol
from tidegate.api.errors import SHUTTING_DOWN, UNKNOWN_ROUTE, ApiError, ErrorKind
from tidegate.api.stream.arrival import journal_of, start_of
from tidegate.api.stream.backlog import PAGE_RECORDS
from tidegate.api.stream.frames import TICK, Frame, frame
from tidegate.api.stream.lanes import Lanes
from tidegate.api.stream.outlet import Outlet, Receive, Scope, Send, Verdict, refuse
from tidegate.api.stream.ring import BYTES_MAX, RECORDS_MAX
from tidegate.api.stream.subscriber import POLICY, RESTARTING, TRY_LATER, Client, Start
from tidegate.api.stream.ticks import connected_content, stats_content, tick_content
from tidegate.api.wire.values import moment
from tidegate.engine.desk import Desk
from tidegate.engine.service import DurableBatch

PATH = "/ws/dashboard"
TOO_MANY_CLIENTS = ErrorKind(503, "Too many clients", "TOO_MANY_CLIENTS", retryable=True)
UNAUTHENTICATED = 4401
_GOODBYE_S = 2.0


class HubSettings(msgspec.Struct, frozen=True):
    """How the stream behaves. Spans are in seconds.

    `clients_of_one_max`: of one principal, so that nobody alone can take every place (tokenless callers count as one).
    `flush_s`: clients are woken at most this often; the first record after a pause goes out at once. `tick_s`: the market snapshot. `stuck_s`: a
    write that has waited longer (>) ends the connection. `grace_s`: how long the stream holds back for a client's first word.
    """

    clients_max: int = 500
    clients_of_one_max: int = 250
    flush_s: float = 0.02
    tick_s: float = 0.25
    beat_s: float = 15.0
    stuck_s: float = 30.0
    grace_s: float = 0.25
    records_max: int = RECORDS_MAX
    bytes_max: int = BYTES_MAX
    page_records: int = PAGE_RECORDS


class HubCounts(msgspec.Struct):
    """What the stream has done so far, for the metrics."""

    accepted: int = 0
    refused: int = 0
    dropped_stuck: int = 0


class Hub:
    """All clients of one desk. Belongs to the loop's thread. `close` it before the server stops, so that clients learn why."""

    def __init__(
        self, desk: Desk, guard: Guard, settings: HubSettings | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.counts = HubCounts()
        self.guard = guard
        self._desk, self._now_s = desk, now_s
        self._settings = given = settings or HubSettings()
        self._lanes = Lanes(desk, given.records_max, given.bytes_max, given.page_records)
        self._clients: dict[Client, Admission] = {}
        self._fresh: list[DurableBatch] = []
        self._flush_due: asyncio.Handle | None = None
        self._flushed_s = self._beaten_s = 0.0
        self._pulse_due: asyncio.Handle | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self._closing = False
        self._journal_id = ""
        desk.listen(self._hear)

    @property
    def client_count(self) -> int:
        """Return how many clients are listening."""
        return len(self._clients)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket connection, from handshake to close (an ASGI application)."""
        await receive()  # websocket.connect
        try:
            admission = self._admit(scope)
        except ApiError as error:
            self.counts.refused += 1
            await refuse(scope, send, error)
            return
        await send({"type": "websocket.accept", "subprotocol": answer_subprotocol(scope)})
        outlet = Outlet(scope, send)
        try:
            start = start_of(scope.get("query_string", b""), self._desk, self._journal())
        except ApiError as error:
            await outlet.write((frame("error", error.body()),))
            await outlet.close(Verdict(POLICY, error.reason))
            return
        await self._attend(Client(self._lanes, outlet, start, self, self._now_s), admission, receive, start)

    def broadcast(self, event: str, data: object, trusted: bool = False) -> None:
        """Pass on a message that no journal keeps, labelled. Display only: nothing in the house reads it back. INVARIANT: A4"""
        if self._clients:
            self._lanes.notice(frame(event, data, {"trusted": trusted}))
            self._announce()

    async def close(self, reason: str = "the server is shutting down: reconnect with since") -> None:
        """Refuse new clients and end all connections with 1012; returns when they are gone, or after two seconds."""
        self._closing = True
        if self._flush_due is not None:
            self._flush_due.cancel()
            self._flush()
        for client in self._clients:
            client.close(Verdict(RESTARTING, reason))
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._empty.wait()
        except TimeoutError:
            pass

    def stats(self) -> Frame:
        """Return the answer to `request_stats`."""
        return frame("stats_update", stats_content(self._desk))

    def heartbeat(self, cursor: int) -> Frame:
        """Return a heartbeat; `seq` is where this very client may resume."""
        return frame("heartbeat", {"seq": cursor, "now": moment(self._desk.engine.now_ns)})

    def pulse(self, now_s: float) -> None:
        """Renew the tick, beat when it is time, and end connections that are stuck or whose token was revoked."""
        self._renew_tick()
        if now_s - self._beaten_s >= self._settings.beat_s:
            self._beaten_s = now_s
            self._lanes.beat_number += 1
        for client, admission in self._clients.items():
            if client.waiting_since_s and now_s - client.waiting_since_s > self._settings.stuck_s:
                self.counts.dropped_stuck += 1
                client.close(Verdict(TRY_LATER, f"nothing was read for {self._settings.stuck_s:g} s: reconnect with since"))
            elif not self.guard.still_admitted(admission):
                client.close(Verdict(UNAUTHENTICATED, "the token was revoked or has expired"))
        self._announce()

    def _admit(self, scope: Scope) -> Admission:
        admission = self.guard.admit(scope, Level.READ)
        if scope["path"] != PATH:
            raise ApiError(UNKNOWN_ROUTE, f"the stream is at {PATH}; there is no other")
        if self._closing:
            raise ApiError(SHUTTING_DOWN, "the server is shutting down; reconnect when it is back")
        if len(self._clients) >= self._settings.clients_max:
            raise ApiError(TOO_MANY_CLIENTS, f"{self._settings.clients_max} clients are listening already; close one or try later")
        own = sum(1 for other in self._clients.values() if other.principal == admission.principal)
        if own >= self._settings.clients_of_one_max:
            raise ApiError(TOO_MANY_CLIENTS, f"{own} connections of this caller are open already; close one or try later")
        return admission

    async def _attend(self, client: Client, admission: Admission, receive: Receive, start: Start) -> None:
        greeting = frame("connected", connected_content(self._desk, self._journal(), start.retold or start.cursor))
        self._clients[client] = admission
        self._count()
        self.counts.accepted += 1
        if self._pulse_due is None:
            self._beaten_s = self._now_s()
            self._keep_pulse(first=True)
            self._renew_tick()
        try:
            await client.converse(receive, greeting, self._settings.grace_s)
        finally:
            del self._clients[client]
            self._count()
            if not self._clients and self._pulse_due is not None:
                self._pulse_due.cancel()
                self._pulse_due = None

    def _journal(self) -> str:
        if not self._journal_id:
            self._journal_id = journal_of(self._desk)
        return self._journal_id

    def _renew_tick(self) -> None:
        wanted = any(client.wants(TICK) for client in self._clients)
        self._lanes.show_tick(frame(TICK, tick_content(self._desk, self._desk.view())) if wanted else None)

    def _count(self) -> None:
        if self._clients:
            self._empty.clear()
        else:
            self._empty.set()

    def _keep_pulse(self, first: bool = False) -> None:
        """Pulse, having arranged for the next one: a bug in one pulse must not end the watch over stuck clients."""
        self._pulse_due = asyncio.get_running_loop().call_later(self._settings.tick_s, self._keep_pulse)
        if not first:
            self.pulse(self._now_s())

    def _hear(self, batch: DurableBatch) -> None:
        """Take what just became durable. Runs on the engine's turn: it only puts it down."""
        if self._clients or self._fresh:
            self._fresh.append(batch)
            self._announce()
        else:
            self._lanes.pass_by(batch)

    def _announce(self) -> None:
        """Wake everybody soon: now after a pause, otherwise together with what else comes within `flush_s`."""
        if self._flush_due is None:
            wait_s = max(0.0, self._flushed_s + self._settings.flush_s - self._now_s())
            self._flush_due = asyncio.get_running_loop().call_later(wait_s, self._flush)

    def _flush(self) -> None:
        self._flush_due = None
        self._flushed_s = self._now_s()
        fresh, self._fresh = self._fresh, []
        for batch in fresh:
            self._lanes.take(batch)
        for client in self._clients:
            client.wake()
