"""The stream's contract: what a client of the original guide relies on, and what every message promises. SPEC section 7, PROMISES A3, A4, J2."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.stream_lab import HUB, Caller, LabDesk, hub_on, settle, story
from tidegate.api.stream.hub import Hub
from tidegate.engine.completed import CompletedTrade
from tidegate.errors import JournalCorrupt
from tidegate.journal.record import Record, next_record
from tidegate.model.event import HaltLatched
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt

Scene = Callable[[LabDesk, Hub], Awaitable[None]]


def _played(scene: Scene, **settings: Any) -> None:
    async def play() -> None:
        desk = LabDesk()
        hub = hub_on(desk, replace(HUB, **settings))
        await scene(desk, hub)
        await hub.close()

    asyncio.run(play())


def test_the_first_message_greets_with_the_session_and_the_head_of_the_journal() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        first = (await Caller(hub).told(1))[0]
        assert first["event"] == "connected"
        assert first["data"] == first["data"] | {"seq": desk.durable_seq, "mode": "paper", "status": "healthy", "trusted": True}
        assert {"session_start", "active_strategies"} <= first["data"].keys()

    _played(scene)


def test_a_ping_is_answered_next_even_when_a_long_backlog_waits() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        for number in range(200):
            desk.record(*story(number))
        desk.commit()
        caller = Caller(hub, "since=0")
        caller.say({"type": "ping"})
        messages = await caller.told(2)
        assert messages[1] == {"event": "pong", "type": "pong", "data": {}}

    _played(scene, grace_s=5.0)


def test_a_ping_in_the_middle_of_a_backlog_overtakes_it() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        for number in range(100):
            desk.record(*story(number))
        head = desk.commit()
        caller = Caller(hub, "since=0")
        await caller.told(5)
        caller.reads.clear()
        await settle()
        before = len(caller.messages)
        caller.say({"type": "ping"})
        await settle()
        caller.reads.set()
        await caller.seen(head)
        place = [message["event"] for message in caller.messages].index("pong")
        assert place - before <= 100, "the pong waits for one turn at most"
        assert place < len(caller.messages) - 200

    _played(scene)


def test_stats_are_given_on_request_with_the_names_of_the_original() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        desk.record(*story(1)).commit()
        caller = Caller(hub, "events=halt")
        caller.say({"type": "request_stats"})
        answer = (await caller.told(2))[1]
        assert answer["event"] == "stats_update"
        asked = {"session_pnl_usd", "consecutive_losses", "open_trades", "closed_trades", "total_trades"}
        asked |= {"aave_health_factor", "oi_change_24h_pct"}
        assert asked <= answer["data"].keys()
        assert (answer["data"]["closed_trades"], answer["data"]["consecutive_losses"]) == (1, 1)
        assert answer["data"]["session_pnl_usd"] == -0.00005

    _played(scene)


def test_every_message_has_an_event_and_data() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub)
        caller.say("rubbish")
        caller.say({"type": "ping"})
        caller.say({"type": "request_stats"})
        await caller.told(4)
        hub.broadcast("dashboard_update", {"event": "x", "data": {}})
        desk.record(*story(1))
        await caller.seen(desk.commit())
        hub.pulse(1e9)
        await settle()
        assert {message["event"] for message in caller.messages} >= {"connected", "error", "pong", "stats_update", "tick", "heartbeat", "fill"}
        assert all("data" in message for message in caller.messages)

    _played(scene)


def test_nothing_is_told_before_its_record_is_durable() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller, late = Caller(hub), Caller(hub, "since=0")
        await caller.told(1)
        await late.told(1)
        desk.record(*story(1))
        await settle(50)
        newest = desk.engine.chronicle.next_seq - 1
        durable = desk.durable_seq
        assert newest > durable
        assert caller.journaled == []
        assert all(seq <= durable for _, seq in late.journaled)
        assert desk.commit() == newest
        await caller.seen(newest)
        assert caller.journaled[-1] == ("feed", newest)

    _played(scene)


def test_a_broadcast_is_labelled_untrusted_and_is_only_data() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub)
        await caller.told(1)
        text = '<script>alert(1)</script>","event":"halt","seq":1'
        hub.broadcast("dashboard_update", {"event": text, "data": {"profit": 1e9}}, trusted=False)
        told = await caller.heard("dashboard_update")
        assert told == {"event": "dashboard_update", "trusted": False, "data": {"event": text, "data": {"profit": 1e9}}}
        assert desk.engine.session.realised_day_usd == 0

    _played(scene)


def test_a_client_gets_only_the_events_it_chose() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, "events=trade_completed,halt")
        await caller.told(1)
        desk.record(*story(1), *story(2), HaltLatched(desk.engine.now_ns, Halt(Reason.L4_OPERATOR, desk.engine.now_ns, "anna: lunch")))
        await caller.seen(desk.commit())
        hub.broadcast("dashboard_update", {})
        hub.pulse(1e9)
        await settle()
        assert [message["event"] for message in caller.messages] == ["connected", "trade_completed", "trade_completed", "halt", "heartbeat"]

    _played(scene)


RUBBISH = ("rubbish", "[" * 4_000, "{}", '{"type":"shutdown"}', '{"type":1}', '"ping"', "null", '{"type":"ping"', "\ud800", "")


@pytest.mark.parametrize("text", RUBBISH)
def test_what_is_not_understood_gets_an_error_with_all_four_fields_and_the_stream_goes_on(text: str) -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, "events=halt")
        caller.say(text)
        error = (await caller.told(2))[1]
        assert error["event"] == "error"
        assert set(error["data"]["detail"]) == {"error", "reason", "code", "retryable"}
        caller.say({"type": "ping"})
        assert (await caller.told(3))[2]["event"] == "pong"

    _played(scene)


def test_binary_messages_get_an_error() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, "events=halt")
        caller.inbox.put_nowait({"type": "websocket.receive", "bytes": b'{"type":"ping"}'})
        assert (await caller.told(2))[1]["data"]["detail"]["code"] == "BAD_INPUT"

    _played(scene)


def test_an_oversized_message_ends_the_connection() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub)
        caller.say("x" * 4_097)
        assert (await caller.ended())[0] == 1009

    _played(scene)


def test_more_than_twenty_messages_a_second_end_the_connection_with_a_reason() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, "events=halt")
        for _ in range(21):
            caller.say({"type": "ping"})
        code, reason = await caller.ended()
        assert code == 1008
        assert "20 messages in one second" in reason

    _played(scene)


def test_a_journal_that_cannot_be_read_back_ends_the_connection_with_a_reason() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        await Caller(hub).told(1)
        desk.records = lambda from_seq=1: _damaged()  # type: ignore[method-assign]
        caller = Caller(hub, "since=0")
        code, reason = await caller.ended()
        assert (code, reason) == (1011, "the journal could not be read back")
        assert caller.messages[-1]["data"]["detail"]["code"] == "JOURNAL_FAULT"

    _played(scene)


def _damaged() -> Iterator[Record]:
    raise JournalCorrupt("record 3: the content does not match its hash")
    yield


def test_a_bug_ends_one_connection_with_1011_and_is_not_hidden() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller, other = Caller(hub, "events=halt"), Caller(hub, "events=halt")
        await caller.told(1)
        await other.told(1)
        view, desk.view = desk.view, lambda: 1 // 0  # type: ignore[method-assign,assignment,return-value]
        caller.say({"type": "request_stats"})
        with pytest.raises(ZeroDivisionError):
            await caller.ended()
        assert caller.sent[-1]["code"] == 1011
        desk.view = view  # type: ignore[method-assign]
        other.say({"type": "ping"})
        assert (await other.told(2))[1]["event"] == "pong"

    _played(scene)


def test_a_heartbeat_names_the_seq_this_client_may_resume_from() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub)
        await caller.told(1)
        desk.record(*story(1))
        head = desk.commit()
        await caller.seen(head)
        hub.pulse(1e9)
        beat = await caller.heard("heartbeat")
        assert beat["data"]["seq"] == head
        assert beat["data"]["now"].endswith("Z")

    _played(scene)


def test_what_only_the_side_file_holds_is_told_once_without_a_seq() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub)
        await caller.told(1)
        latched = HaltLatched(desk.engine.now_ns, Halt(Reason.L4_JOURNAL, desk.engine.now_ns, "disk full"))
        desk.aside(next_record(None, latched.ts_ns, "HaltLatched", b"{}"), latched)
        told = await caller.heard("halt")
        assert told["seq"] is None
        assert told["data"]["cause"] == "L4_JOURNAL"

    _played(scene)


def test_a_tick_is_not_repeated_while_nothing_has_changed() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub)
        await caller.told(2)
        hub.pulse(1.0)
        await settle()
        assert [message["event"] for message in caller.messages] == ["connected", "tick"]
        desk.world.second()
        hub.pulse(2.0)
        await caller.told(3)
        assert caller.messages[-1]["event"] == "tick"

    _played(scene)


def test_a_bug_while_encoding_reaches_neither_the_engine_nor_the_order_of_the_stream() -> None:
    """What was lost between the ring's records is told from the journal."""

    class Flawed:
        count, bugs = 0, 1

        def at(self, seq: int) -> CompletedTrade | None:
            self.bugs -= 1
            if self.bugs == 0:
                raise KeyError("a bug")
            return None

    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, "events=feed,decision")
        await caller.told(1)
        since = desk.durable_seq
        bugs: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: bugs.append(repr(context["exception"])))
        desk.closed = Flawed()  # type: ignore[assignment]
        desk.record(*story(1)).commit()
        await settle()
        assert (bugs, caller.journaled) == (["KeyError('a bug')"], [])
        desk.record(*story(2))
        await caller.seen(desk.commit())
        assert [seq - since for _, seq in caller.journaled] == [2, 3, 7, 8, 10, 11, 15, 16]

    _played(scene)
