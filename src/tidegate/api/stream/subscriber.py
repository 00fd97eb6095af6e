"""One client of the stream: a cursor, a small queue of answers, and two tasks, one that listens and one that speaks.

In: the shared lanes, and what the client sends (`{"type":"ping"}`, `{"type":"request_stats"}`). Out: frames in order. Nothing that this
client does or fails to do can make anybody else wait: all that is kept for it is where it has got to. INVARIANT: A7

Resuming: `?since=N` goes on after record N. A record may speak in two messages with the same seq (a fill that completes a trade), and the
connection may have broken between them, so the second one of record N itself is told again: clients tell messages apart by (event, seq).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from tidegate.api.door.json_shape import check_json_shape
from tidegate.api.door.rate import RateLimit
from tidegate.api.errors import BAD_INPUT, BAD_SCHEMA, JOURNAL_FAULT, ApiError
from tidegate.api.stream.frames import TICK, Frame, frame
from tidegate.api.stream.lanes import Lanes
from tidegate.api.stream.outlet import Outlet, Receive, Verdict
from tidegate.api.stream.ring import Stretch
from tidegate.errors import JournalError
from tidegate.units import SECOND_NS

MESSAGE_BYTES_MAX: Final = 4_096
MESSAGES_PER_S_MAX: Final = 20
ANSWERS_WAITING_MAX: Final = 32
RECORDS_A_TURN = 64
BYTES_A_WRITE = 16_384
PONG: Final = frame("pong", {}, {"type": "pong"})

NORMAL = 1000
POLICY = 1008
TOO_BIG = 1009
INTERNAL = 1011
RESTARTING = 1012
TRY_LATER = 1013


class Start(msgspec.Struct, frozen=True):
    """Where a client begins: after record `cursor`; `retold` is the record of which only the messages after the first are still due."""

    cursor: int
    retold: int = 0
    events: frozenset[str] | None = None


class Inbound(msgspec.Struct, frozen=True):
    """What a client may say. Unknown fields are ignored."""

    type: Literal["ping", "request_stats"]


_DECODER = msgspec.json.Decoder(Inbound)
_ALLOWED = 'send {"type":"ping"} or {"type":"request_stats"}'


class Facts(Protocol):
    """What a client can be told about the present."""

    def stats(self) -> Frame:
        """Return the answer to `request_stats`."""
        ...

    def heartbeat(self, cursor: int) -> Frame:
        """Return a heartbeat for a client that has been told everything up to record `cursor`."""
        ...


class Client:
    """One connection. `now_s` is a clock that never steps; `waiting_since_s` is when the write under way began, 0 while none is."""

    def __init__(self, lanes: Lanes, outlet: Outlet, start: Start, facts: Facts, now_s: Callable[[], float]) -> None:
        self.cursor = start.cursor
        self.verdict: Verdict | None = None
        self.waiting_since_s = 0.0
        self._events = start.events
        self._retold = start.retold
        self._lanes, self._outlet, self._facts, self._now_s = lanes, outlet, facts, now_s
        self._notice_number, self._tick_number, self._beat_number = lanes.notice_number, 0, lanes.beat_number
        self._answers: deque[Frame] = deque()
        self._wake, self._spoken_to = asyncio.Event(), asyncio.Event()
        self._rate = RateLimit(MESSAGES_PER_S_MAX, lambda: int(now_s() * SECOND_NS))
        self._page: asyncio.Task[Stretch] | None = None
        self._speaker: asyncio.Task[None] | None = None

    def wants(self, event: str) -> bool:
        """Say whether this client asked for such messages; without a choice it gets all."""
        return self._events is None or event in self._events

    def wake(self) -> None:
        """Say that there is something new in the lanes."""
        self._wake.set()

    def close(self, verdict: Verdict) -> None:
        """End the connection, also while a write waits for a client that does not read. The first verdict stands."""
        if self.verdict is None:
            self.verdict = verdict
            if self._speaker is not None:
                self._speaker.cancel()

    async def converse(self, receive: Receive, greeting: Frame, grace_s: float) -> None:
        """Speak and listen until the client leaves or is closed. Bugs propagate and end this connection only."""
        self._speaker = asyncio.create_task(self._speak(greeting, grace_s), name="stream-speaker")
        listener = asyncio.create_task(self._listen(receive), name="stream-listener")
        tasks = (self._speaker, listener)
        if self.verdict is not None:
            self._speaker.cancel()
        bug: BaseException | None = None
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            bug = await _ended(*tasks, *([self._page] if self._page is not None else []))
        if bug is not None and self.verdict is None:
            self.verdict = Verdict(INTERNAL, "a bug in the server ended this connection: reconnect with since")
        if self.verdict is not None:
            await self._outlet.close(self.verdict)
        if bug is not None:
            raise bug

    async def _listen(self, receive: Receive) -> None:
        while self.verdict is None:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            self._spoken_to.set()
            text = message.get("text")
            self._take(text.encode(errors="replace") if text is not None else None)

    def _take(self, raw: bytes | None) -> None:
        """Take one message of the client, None for a binary one. Whatever was sent, the answer is a message or a close."""
        if self._rate.wait_ns(None):
            self.close(Verdict(POLICY, f"more than {MESSAGES_PER_S_MAX} messages in one second: send fewer, and reconnect with since"))
        elif raw is not None and len(raw) > MESSAGE_BYTES_MAX:
            self.close(Verdict(TOO_BIG, f"a message is at most {MESSAGE_BYTES_MAX} bytes"))
        elif len(self._answers) >= ANSWERS_WAITING_MAX:
            self.close(Verdict(TRY_LATER, "answers are not being read: read them, and reconnect with since"))
        else:
            self._answers.append(self._answer(raw))
            self._wake.set()

    def _answer(self, raw: bytes | None) -> Frame:
        try:
            match _inbound(raw).type:
                case "ping":
                    return PONG
                case "request_stats":
                    return self._facts.stats()
        except ApiError as error:
            return frame("error", error.body())

    async def _speak(self, greeting: Frame, grace_s: float) -> None:
        try:
            await self._write((greeting,))
            await self._wait_for_first_word(grace_s)
            while True:
                self._wake.clear()
                if await self._turn():
                    await asyncio.sleep(0)  # a write that needs not wait does not yield by itself
                else:
                    await self._wake.wait()
        except OSError:
            return  # the client is gone
        except JournalError as error:
            await self._write((frame("error", ApiError(JOURNAL_FAULT, str(error)).body()),))
            self.close(Verdict(INTERNAL, "the journal could not be read back"))

    async def _wait_for_first_word(self, grace_s: float) -> None:
        """Hold the stream back for a moment, so that a client that pings first reads its pong first, as the original one expects."""
        try:
            async with asyncio.timeout(grace_s):
                await self._spoken_to.wait()
        except TimeoutError:
            pass

    async def _turn(self) -> bool:
        """Write a bounded part of what is due, answers first; say whether more may be due."""
        await self._write_answers()
        stretch = self._next_stretch()
        if stretch is not None:
            await self._write_stretch(stretch)
        await self._write_latest()
        return stretch is not None or bool(self._answers)

    def _next_stretch(self) -> Stretch | None:
        """Return what follows the cursor: from the ring, or from the journal when it has been fetched; None when there is nothing yet."""
        ring = self._lanes.ring
        if self._page is not None:
            if not self._page.done():
                return None
            page, self._page = self._page, None
            return page.result()
        if self.cursor >= ring.head:
            return None
        if self.cursor >= ring.after:
            return ring.following(self.cursor, RECORDS_A_TURN)
        self._page = asyncio.create_task(self._lanes.backlog.following(self.cursor), name="stream-backlog")
        self._page.add_done_callback(lambda _: self._wake.set())
        return None

    async def _write_stretch(self, stretch: Stretch) -> None:
        batch: list[Frame] = []
        size_bytes = 0
        for seq, frames in stretch.entries:
            if seq <= self.cursor:
                continue
            due = frames[1:] if seq == self._retold else frames
            for each in due:
                if self.wants(each.event):
                    batch.append(each)
                    size_bytes += len(each.sent)
            if size_bytes >= BYTES_A_WRITE:
                await self._write(batch)
                self.cursor, batch, size_bytes = seq, [], 0
                await self._write_answers()
        await self._write(batch)
        self.cursor = max(self.cursor, stretch.upto)

    async def _write_answers(self) -> None:
        while self._answers:
            await self._write((self._answers.popleft(),))

    async def _write_latest(self) -> None:
        """Write what is not replayed: notices, the latest tick, one heartbeat however many were missed."""
        lanes = self._lanes
        if self._notice_number < lanes.notice_number:
            notices = lanes.notices_after(self._notice_number)
            self._notice_number = lanes.notice_number
            for each in notices:
                await self._write((each,) if self.wants(each.event) else ())
        if self._tick_number < lanes.tick_number and lanes.tick is not None:
            self._tick_number = lanes.tick_number
            await self._write((lanes.tick,) if self.wants(TICK) else ())
        if self._beat_number < lanes.beat_number:
            self._beat_number = lanes.beat_number
            await self._write((self._facts.heartbeat(self.cursor),))

    async def _write(self, frames: Sequence[Frame]) -> None:
        if not frames:
            return
        self.waiting_since_s = self._now_s()
        await self._outlet.write(frames)
        self.waiting_since_s = 0.0


def _inbound(raw: bytes | None) -> Inbound:
    """Read one message of a client. Raises ApiError."""
    if raw is None:
        raise ApiError(BAD_INPUT, "messages are JSON text, not binary; " + _ALLOWED)
    check_json_shape(raw)
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise ApiError(BAD_SCHEMA, "the message was not understood; " + _ALLOWED) from None


async def _ended(*tasks: asyncio.Task[Any]) -> BaseException | None:
    """Cancel what still runs, and return what a task died of, if that is no normal end."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, (asyncio.CancelledError, OSError, JournalError)):
            return outcome
    return None
