"""Resuming: whoever comes back with `?since=` misses nothing and is told nothing twice, but the rest of one record. PROMISES A7."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.stream_lab import HUB, Caller, LabDesk, hub_on, story
from tidegate.api.stream.hub import Hub, HubSettings
from tidegate.engine.completed import KEPT, CompletedTrade

SMALL = replace(HUB, records_max=5, page_records=7)
ROOMY = HUB


def _said(caller: Caller) -> list[tuple[str, int, str]]:
    return [(message["event"], message["seq"], json.dumps(message["data"])) for message in caller.messages if "seq" in message]


async def _everything(desk: LabDesk, hub: Hub) -> list[tuple[str, int, str]]:
    caller = Caller(hub, "since=0")
    await caller.seen(desk.durable_seq)
    await caller.leave()
    return _said(caller)


def _with_history(stories: int) -> LabDesk:
    desk = LabDesk()
    for number in range(stories):
        desk.record(*story(number))
    desk.commit()
    return desk


def test_what_was_told_live_and_what_the_journal_tells_later_are_the_same_bytes() -> None:
    async def play() -> None:
        desk = LabDesk()
        hub = hub_on(desk, SMALL)
        live = Caller(hub)
        await live.told(1)
        head = desk.durable_seq
        for number in range(10):
            desk.record(*story(number))
            await live.seen(desk.commit())
        again = [said for said in await _everything(desk, hub) if said[1] > head]
        assert again == _said(live)
        assert len(again) == 80

    asyncio.run(play())


def test_a_resume_at_every_seq_gives_exactly_what_follows_from_ring_and_from_journal() -> None:
    async def play(given_settings: HubSettings) -> None:
        desk = _with_history(4)
        hub = hub_on(desk, given_settings)
        live = Caller(hub)
        await live.told(1)
        desk.record(*story(4), *story(5))
        await live.seen(desk.commit())
        whole = await _everything(desk, hub)
        for since in range(desk.durable_seq + 1):
            caller = Caller(hub, f"since={since}")
            expected = [said for said in whole if said[1] > since]
            own = [said for said in whole if said[1] == since][1:]
            await caller.told(1)
            if own or expected:
                await caller.seen((own + expected)[-1][1])
            assert _said(caller) == own + expected, since
            await caller.leave()

    asyncio.run(play(SMALL))
    asyncio.run(play(ROOMY))


def test_a_fill_that_completes_a_trade_speaks_twice_and_its_second_half_is_told_again() -> None:
    async def play() -> None:
        desk = _with_history(1)
        whole = await _everything(desk, hub_on(desk, ROOMY))
        seq = next(seq for event, seq, _ in whole if event == "trade_completed")
        assert [event for event, own, _ in whole if own == seq] == ["fill", "trade_completed"]
        caller = Caller(hub_on(desk, ROOMY), f"since={seq}")
        await caller.seen(desk.durable_seq)
        assert caller.journaled[0] == ("trade_completed", seq)

    asyncio.run(play())


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_history_of_broken_connections_makes_a_gap_or_a_doubled_record(data: st.DataObject) -> None:
    """A client that keeps only the last seq it saw, is cut off anywhere, and comes back while the engine goes on, rebuilds the whole stream."""

    async def play() -> None:
        desk = LabDesk()
        ring = data.draw(st.integers(1, 20), label="ring")
        hub = hub_on(desk, replace(HUB, records_max=ring, page_records=data.draw(st.integers(1, 9), label="page")))
        witness = Caller(hub)
        await witness.told(1)
        last_seq = desk.durable_seq
        got: dict[tuple[str, int], str] = {}
        order: list[tuple[str, int]] = []
        for number in range(6):
            caller = Caller(hub, f"since={last_seq}", frames=data.draw(st.booleans(), label="frames"))
            desk.record(*story(number))
            if data.draw(st.booleans(), label="commit"):
                desk.commit()
            due = 3 if desk.durable_seq > last_seq + 8 else 0
            await caller.told(1 + data.draw(st.integers(0, due), label="read"))
            cut = data.draw(st.integers(0, len(caller.messages)), label="cut")
            for message in caller.messages[:cut]:
                last_seq = _note(message, got, order, last_seq)
            await caller.leave()
        head = desk.commit()
        caller = Caller(hub, f"since={last_seq}")
        await caller.seen(head)
        for message in caller.messages:
            last_seq = _note(message, got, order, last_seq)
        await witness.seen(head)
        assert order == witness.journaled
        assert [(event, seq, got[event, seq]) for event, seq in order] == _said(witness)

    asyncio.run(play())


def _note(message: dict[str, Any], got: dict[tuple[str, int], str], order: list[tuple[str, int]], last_seq: int) -> int:
    """Keep one message as a client would, telling messages apart by (event, seq); return the seq to resume from."""
    if "seq" not in message:
        return last_seq
    key = (message["event"], message["seq"])
    assert message["seq"] >= last_seq, "the order never turns back"
    if key not in got:
        got[key] = json.dumps(message["data"])
        order.append(key)
    return message["seq"]


def test_records_that_say_nothing_do_not_stop_a_resume() -> None:
    async def play() -> None:
        desk = LabDesk()
        hub = hub_on(desk, SMALL)
        caller = Caller(hub, "since=0")
        await caller.told(1)
        desk.record(*story(1))
        await caller.seen(desk.commit())
        assert caller.journaled[-1][1] == desk.durable_seq

    asyncio.run(play())


def test_a_crowd_that_comes_back_together_reads_each_stretch_of_the_journal_once() -> None:
    async def play() -> None:
        desk = _with_history(8)
        hub = hub_on(desk, replace(HUB, page_records=40))
        crowd = [Caller(hub, "since=0") for _ in range(30)]
        for caller in crowd:
            await caller.seen(desk.durable_seq)
        assert len({json.dumps(_said(caller)) for caller in crowd}) == 1
        whole_pages = desk.durable_seq // 40
        assert len([start for start in desk.reads[1:] if start < whole_pages * 40]) == whole_pages

    asyncio.run(play())


def test_a_since_from_before_the_oldest_remembered_trade_is_refused_rather_than_told_with_holes() -> None:
    async def play() -> None:
        desk = _with_history(3)
        oldest = desk.closed.latest(1)[0]

        class Forgetful:
            count = KEPT + 1

            def at(self, seq: int) -> CompletedTrade | None:
                return desk.closed.at(seq) if seq >= oldest.seq else None

            def latest(self, count: int) -> tuple[CompletedTrade, ...]:
                return (oldest,)

        hub = hub_on(desk, SMALL)
        hub._desk.closed = Forgetful()  # type: ignore[assignment]
        code, reason = await Caller(hub, "since=1").ended()
        assert code == 1008
        assert f"resume from {oldest.seq}" in reason
        assert (await Caller(hub, f"since={oldest.seq}").told(1))[0]["event"] == "connected"

    asyncio.run(play())
