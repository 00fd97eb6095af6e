"""Slow, stuck and hostile clients: they cost bounded memory and nobody else anything. PROMISES A7."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from tests.support.stream_lab import HUB, Caller, LabDesk, hub_on, settle, story
from tidegate.api.stream.hub import Hub, HubSettings
from tidegate.api.stream.lanes import NOTICES_KEPT
from tidegate.api.stream.subscriber import ANSWERS_WAITING_MAX, BYTES_A_WRITE


class _Clock:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


Scene = Callable[[LabDesk, Hub, _Clock], Awaitable[None]]


def _played(scene: Scene, settings: HubSettings = HUB) -> None:
    async def play() -> None:
        desk, clock = LabDesk(), _Clock()
        hub = hub_on(desk, settings, clock)
        await scene(desk, hub, clock)
        await hub.close()

    asyncio.run(play())


@pytest.mark.parametrize("frames", [False, True])
def test_a_slow_client_misses_ticks_but_gets_every_record_in_order(frames: bool) -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        slow, quick = Caller(hub, frames=frames), Caller(hub)
        await slow.told(2)
        await quick.told(2)
        slow.reads.clear()
        for number in range(30):
            desk.record(*story(number))
            desk.world.second()
            await quick.seen(desk.commit())
            clock.now_s += 0.25
            hub.pulse(clock.now_s)
            await settle()
        assert sum(message["event"] == "tick" for message in quick.messages) == 31
        slow.reads.set()
        await slow.seen(desk.durable_seq)
        assert slow.journaled == quick.journaled
        ticks = [message for message in slow.messages if message["event"] == "tick"]
        assert len(ticks) <= 4
        await settle()
        assert slow.messages[-1]["event"] == "tick" or ticks[-1] in slow.messages

    _played(scene, replace(HUB, records_max=16, page_records=8))


def test_a_stuck_client_delays_nobody_and_nothing_is_queued_for_it() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        stuck = [Caller(hub, frames=True) for _ in range(5)]
        quick = Caller(hub)
        for caller in (*stuck, quick):
            await caller.told(1)
        for caller in stuck:
            caller.reads.clear()
        for number in range(40):
            desk.record(*story(number))
            head = desk.commit()
            await quick.seen(head)
            assert quick.journaled[-1][1] == head
            hub.broadcast("dashboard_update", {"number": number})
        ring = hub._lanes.ring
        assert len(ring._entries) - ring._first <= 16
        assert len(hub._lanes._notices) <= NOTICES_KEPT
        assert all(len(client._answers) == 0 for client in hub._clients)
        for caller in stuck:
            caller.reads.set()
            await caller.seen(desk.durable_seq)
            assert caller.journaled == quick.journaled

    _played(scene, replace(HUB, records_max=16, page_records=8))


def test_a_write_never_holds_more_than_a_bounded_piece_of_the_stream() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        for number in range(60):
            desk.record(*story(number))
        caller = Caller(hub, f"since={desk.durable_seq}", frames=True)
        await caller.told(1)
        await caller.seen(desk.commit())
        pieces = [len(message["bytes"]) for message in caller.sent if "bytes" in message]
        largest = max(len(str(message)) for message in caller.messages)
        assert max(pieces) <= BYTES_A_WRITE + 2 * largest

    _played(scene)


@pytest.mark.parametrize("frames", [False, True])
def test_a_client_that_reads_nothing_for_thirty_seconds_is_dropped_with_a_reason(frames: bool) -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        stuck, quick = Caller(hub, frames=frames), Caller(hub)
        await stuck.told(2)
        await quick.told(2)
        stuck.reads.clear()
        desk.record(*story(1))
        await quick.seen(desk.commit())
        clock.now_s += 30.0
        hub.pulse(clock.now_s)
        await settle()
        assert hub.client_count == 2, "30 s are still allowed"
        clock.now_s += 0.25
        hub.pulse(clock.now_s)
        if frames:
            code, reason = await stuck.ended()
            assert (code, reason) == (1013, "nothing was read for 30 s: reconnect with since")
        else:
            await asyncio.wait_for(stuck.task, 5)
        await settle()
        assert (hub.client_count, hub.counts.dropped_stuck) == (1, 1)
        assert not quick.task.done()

    _played(scene)


def test_a_client_that_asks_and_never_reads_is_closed_before_its_answers_pile_up() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        caller = Caller(hub, "events=halt", frames=True)
        await caller.told(1)
        caller.reads.clear()
        for _ in range(ANSWERS_WAITING_MAX + 2):
            clock.now_s += 1.0
            caller.say({"type": "ping"})
            await settle(5)
        code, reason = await caller.ended()
        assert (code, reason.split(":")[0]) == (1013, "answers are not being read")

    _played(scene)


def test_a_client_that_is_cut_off_in_mid_write_leaves_nothing_behind() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        for number in range(20):
            desk.record(*story(number))
        desk.commit()
        before = asyncio.all_tasks()
        for query in ("since=0", ""):
            caller = Caller(hub, query)
            await caller.told(1)
            caller.reads.clear()
            await settle()
            await caller.leave()
        await settle()
        assert hub.client_count == 0
        assert asyncio.all_tasks() == before

    _played(scene)


def test_a_client_that_leaves_while_the_journal_is_read_for_it_leaves_nothing_behind() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        desk.record(*story(1)).commit()
        before = asyncio.all_tasks()
        caller = Caller(hub, "since=0")
        await caller.until(lambda own: bool(own.messages))
        await caller.leave()
        await settle()
        assert asyncio.all_tasks() == before

    _played(scene)


def test_nobody_listening_costs_no_encoding_and_no_memory() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        for number in range(20):
            desk.record(*story(number)).commit()
        assert hub._lanes.encoded == 0
        assert hub._lanes.ring._entries == []
        caller = Caller(hub, "since=0")
        await caller.seen(desk.durable_seq)
        assert caller.journaled[-1][1] == desk.durable_seq

    _played(scene)


def test_each_record_is_encoded_once_however_many_listen() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        callers = [Caller(hub) for _ in range(25)]
        for caller in callers:
            await caller.told(1)
        desk.record(*story(1))
        head = desk.commit()
        for caller in callers:
            await caller.seen(head)
        assert hub._lanes.encoded == 8

    _played(scene)


def test_clients_are_woken_together_for_what_comes_close_together() -> None:
    async def scene(desk: LabDesk, hub: Hub, clock: _Clock) -> None:
        caller = Caller(hub, frames=True)
        await caller.told(2)
        clock.now_s += 1.0
        desk.record(*story(1))
        await caller.seen(desk.commit())
        writes = len(caller.sent)
        for number in range(2, 6):
            desk.record(*story(number)).commit()
        await settle()
        assert len(caller.sent) == writes, "nothing more within flush_s"
        await caller.seen(desk.durable_seq)
        assert len(caller.sent) == writes + 1

    _played(scene, replace(HUB, flush_s=0.05))
