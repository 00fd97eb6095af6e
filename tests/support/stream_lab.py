"""A laboratory for the stream: a real engine whose commits the test makes, a hub on it, and clients that speak ASGI without a server.

In: events to record. Out: what each client was told. `commit` is the only thing that makes records durable and tells the hub.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.trade_facts import asked, rejected, round_trip
from tests.support.world_desk import Desk as World
from tidegate.api.door.guard import Guard
from tidegate.api.door.guard_settings import GuardSettings
from tidegate.api.door.tokens import TokenStore
from tidegate.api.stream.hub import PATH, Hub, HubSettings
from tidegate.api.stream.outlet import CLOSE_NOW, FRAMES_EXTENSION, SEND_FRAMES
from tidegate.engine.completed import CompletedTrades
from tidegate.engine.service import ASIDE, DurableListener
from tidegate.engine.session_view import SessionView, session_view
from tidegate.journal.record import Record
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.event import Event, FeedChanged
from tidegate.model.finding import Reason
from tidegate.model.intent import Mode
from tidegate.units import MS_NS, fixed

PATIENCE_S = 5.0
HUB = HubSettings(flush_s=0.0, tick_s=3_600.0, grace_s=0.0)


class LabDesk:
    """What the hub asks of a desk, over a real engine. Nothing is durable before `commit`."""

    def __init__(self) -> None:
        self.world = World(MemoryJournal("paper"))
        self.engine = self.world.engine
        self.started_ns = self.engine.now_ns
        self.closed = CompletedTrades(self.engine.session)
        self.durable_seq = self.world.journal.durable_seq
        self.reads: list[int] = []
        self._listeners: list[DurableListener] = []
        self._unheard: list[tuple[Record, Event]] = []
        chronicle = self.engine.chronicle
        chronicle.listen(self.closed.listener(lambda: chronicle.session))
        chronicle.listen(lambda record, event: self._unheard.append((record, event)))

    def record(self, *events: Event) -> LabDesk:
        """Record events without making them durable."""
        for event in events:
            self.engine.chronicle.record(event)
        return self

    def commit(self) -> int:
        """Make everything durable and tell it; return the seq."""
        self.engine.chronicle.commit()
        self.durable_seq = self.world.journal.durable_seq
        batch, self._unheard = self._unheard, []
        for listener in self._listeners:
            listener(batch)
        return self.durable_seq

    def aside(self, record: Record, event: Event) -> None:
        """Tell something that no journal holds."""
        for listener in self._listeners:
            listener([(Record(ASIDE, record.ts_ns, record.kind, record.payload, record.prev_hash, record.hash), event)])

    def view(self) -> SessionView:
        """Return the screen."""
        return session_view(self.engine)

    def records(self, from_seq: int = 1) -> Iterator[Record]:
        """Stream durable records."""
        self.reads.append(from_seq)
        return self.world.journal.read(from_seq)

    def listen(self, listener: DurableListener) -> None:
        """Take one more listener."""
        self._listeners.append(listener)


class Caller:
    """One WebSocket client, driven as an ASGI server would drive it. `frames`: the server offers ready-made frames."""

    def __init__(self, hub: Hub, query: str = "", *, frames: bool = False, headers: tuple[tuple[bytes, bytes], ...] = (), path: str = PATH) -> None:
        extensions: dict[str, Any] = {"websocket.http.response": {}}
        if frames:
            extensions[FRAMES_EXTENSION] = {}
        self.scope = {
            "type": "websocket", "path": path, "query_string": query.encode("latin-1"), "client": ("127.0.0.1", 50_000),
            "headers": headers or ((b"host", b"127.0.0.1:8000"),), "extensions": extensions, "subprotocols": [],
        }  # fmt: skip
        self.sent: list[dict[str, Any]] = []
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.messages: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.on_message: Callable[[dict[str, Any]], None] = lambda message: None
        self._news = asyncio.Event()
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(hub.serve(self.scope, self.inbox.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] in ("websocket.send", SEND_FRAMES, "websocket.close"):
            await self.reads.wait()
        self.sent.append(message)
        texts: list[Any] = []
        if message["type"] == "websocket.send":
            texts = [message["text"]]
        elif message["type"] == SEND_FRAMES:
            texts = unframed(message["bytes"])
        for text in texts:
            self.messages.append(json.loads(text))
            self.on_message(self.messages[-1])
        self._news.set()

    def say(self, text: object) -> None:
        """Send a message: text as it is, anything else as JSON."""
        self.inbox.put_nowait({"type": "websocket.receive", "text": text if isinstance(text, str) else json.dumps(text)})

    async def until(self, holds: Callable[[Caller], bool]) -> Caller:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self):
                self._news.clear()
                await self._news.wait()
        return self

    async def told(self, count: int) -> list[dict[str, Any]]:
        """Wait for that many messages in all, and return them."""
        await self.until(lambda caller: len(caller.messages) >= count)
        return self.messages

    async def heard(self, event: str) -> dict[str, Any]:
        """Wait for a message of that event and return the last one."""
        await self.until(lambda caller: any(message["event"] == event for message in caller.messages))
        return [message for message in self.messages if message["event"] == event][-1]

    async def seen(self, seq: int) -> list[dict[str, Any]]:
        """Wait for the record `seq`, and return all messages."""
        await self.until(lambda caller: any(message.get("seq") == seq for message in caller.messages))
        await settle()
        return self.messages

    async def ended(self) -> tuple[int, str]:
        """Wait for the end; return close code and reason."""
        async with asyncio.timeout(PATIENCE_S):
            await self.task
        last = self.sent[-1]
        assert last["type"] in ("websocket.close", CLOSE_NOW), last
        return last["code"], last["reason"]

    async def leave(self) -> None:
        """Break the connection."""
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})
        async with asyncio.timeout(PATIENCE_S):
            await self.task

    @property
    def journaled(self) -> list[tuple[str, int]]:
        """Return (event, seq) of what came from the journal."""
        return [(message["event"], message["seq"]) for message in self.messages if "seq" in message]


def hub_on(desk: LabDesk, settings: HubSettings = HUB, now_s: Callable[[], float] = time.monotonic, port: int = 8_000) -> Hub:
    """Return a hub that lets everybody on this machine in, as often as they like."""
    guard = Guard(GuardSettings(mode=Mode.PAPER, port=port, requests_per_s_max=100_000), TokenStore(None))
    given: Any = desk
    return Hub(given, guard, settings, now_s)


async def turns_until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0)


async def settle(turns: int = 20) -> None:
    """Let everything that is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


def unframed(raw: bytes) -> list[bytes]:
    """Return the payloads of unmasked text frames."""
    found = []
    while raw:
        assert raw[0] == 0x81
        length, at = raw[1], 2
        if length == 126:
            length, at = int.from_bytes(raw[2:4], "big"), 4
        elif length == 127:
            length, at = int.from_bytes(raw[2:10], "big"), 10
        found.append(raw[at : at + length])
        raw = raw[at + length :]
    return found


def story(number: int) -> tuple[Event, ...]:
    """Return the n-th short story: an intent, a rejection, a whole trade, a feed that comes and goes. 8 records, 8 messages."""
    at_ns = 1_760_875_200_000_000_000 + number * 60_000 * MS_NS
    decision_id = f"D{number}"
    return (
        asked(at_ns, intent_id=f"IR{number}"),
        rejected(f"DR{number}", Reason.L1_RATE),
        *round_trip(decision_id, fixed(100_100), at_ns),
        FeedChanged(at_ns, "book", "BTC", False, "no news"),
        FeedChanged(at_ns, "book", "BTC", True, "back"),
    )
