"""Listeners hear what is durable, in order and without a gap; when the journal fails they still hear halts, fills and exits. INVARIANT: J2 K4"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.world_desk import Desk as World
from tests.support.world_desk import ask
from tidegate.engine.completed import CompletedTrades
from tidegate.engine.desk import Desk, Origin
from tidegate.engine.service import ASIDE, DurableBatch, EngineService, commit_in_turn
from tidegate.errors import JournalFault
from tidegate.journal.group_commit import GroupCommitter
from tidegate.journal.record import Record
from tidegate.journal.side_file import SideFile, read_side
from tidegate.journal.store_memory import MemoryJournal
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.event import DecisionMade, Event, Filled, HaltLatched, IntentReceived
from tidegate.model.finding import Reason
from tidegate.units import SECOND_NS

Story = Callable[["Heard"], Awaitable[None]]


class Heard:
    """A world behind a service, and everything its listener was told, with the durable seq of that moment."""

    def __init__(self, world: World, service: EngineService) -> None:
        self.world, self.service = world, service
        self.told: list[tuple[Record, Event]] = []
        self.desk = Desk(world.engine, service, world.journal, CompletedTrades(world.engine.session), Origin("test"))
        self.desk.listen(self._hear)

    def _hear(self, batch: DurableBatch) -> None:
        assert batch
        for record, _ in batch:
            assert record.seq <= self.world.journal.durable_seq
        self.told.extend(batch)
        assert self.desk.durable_seq >= max(record.seq for record, _ in batch)

    async def second(self, count: int = 1) -> None:
        """Let seconds pass."""
        for _ in range(count):
            self.world.now_ns += SECOND_NS
            await self.service.on_batch(self.world.now_ns, self.world.market.batch(self.world.now_ns))

    def kinds(self) -> list[type]:
        """Return the kinds of what was told."""
        return [type(event) for _, event in self.told]


def in_memory(story: Story, side: SideFile | None = None) -> Heard:
    """Play a story over a journal in memory."""
    journal = MemoryJournal("paper")
    world = World(journal, side=side)
    heard = Heard(world, EngineService(world.engine, commit_in_turn(journal)))
    play(heard, story)
    return heard


def play(heard: Heard, story: Story) -> None:
    async def whole() -> None:
        async with heard.service:
            await story(heard)

    asyncio.run(asyncio.wait_for(whole(), 30))


def test_what_is_told_is_the_journal_from_then_on_record_by_record(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "journal", mode="paper", create=True)
    committer = GroupCommitter(journal)
    world = World(journal)
    before = journal.durable_seq
    heard = Heard(world, EngineService(world.engine, committer.request_commit_in_loop))

    async def story(heard: Heard) -> None:
        await asyncio.gather(*(heard.desk.submit(ask(place, name=f"n{place}")) for place in range(12)))
        await heard.second(3)
        await heard.desk.halt("anna", "enough")
        await heard.second()

    play(heard, story)
    committer.close()
    journal.close()
    assert [record for record, _ in heard.told] == list(heard.desk.records(before + 1))
    assert heard.desk.durable_seq == heard.told[-1][0].seq
    assert heard.kinds().count(DecisionMade) == 12


def test_an_answer_and_what_is_told_of_it_are_the_same_moment() -> None:
    async def story(heard: Heard) -> None:
        decision = await heard.desk.submit(ask(0))
        told = [event.decision for _, event in heard.told if isinstance(event, DecisionMade)]
        assert told == [decision]
        assert heard.desk.view().verdicts[0].decision_id == decision.decision_id

    in_memory(story)


def test_a_dry_run_is_told_to_nobody() -> None:
    async def story(heard: Heard) -> None:
        before = heard.desk.next_seq
        assert (await heard.desk.check(ask(0))).approved
        assert heard.desk.next_seq == before
        assert heard.told == []

    in_memory(story)


def test_when_the_journal_fails_the_halt_is_told_and_the_answer_that_was_never_given_is_not(tmp_path: Path) -> None:
    async def story(heard: Heard) -> None:
        journal = heard.world.journal
        assert isinstance(journal, MemoryJournal)
        journal.fail_next_commit("no space left on device")
        with pytest.raises(JournalFault):
            await heard.desk.submit(ask(0))
        assert not {IntentReceived, DecisionMade} & set(heard.kinds())
        halts = [(record.seq, event.halt.cause) for record, event in heard.told if isinstance(event, HaltLatched)]
        assert halts == [(ASIDE, Reason.L4_JOURNAL)]
        await heard.desk.halt("anna", "the disk is full")
        assert (heard.told[-1][0].seq, type(heard.told[-1][1])) == (ASIDE, HaltLatched)

    heard = in_memory(story, SideFile(tmp_path / "journal"))
    assert heard.desk.durable_seq == heard.world.journal.durable_seq
    assert {record.kind for record in read_side(tmp_path / "journal")} >= {"HaltLatched"}


def test_fills_of_a_flatten_are_told_although_the_journal_has_failed(tmp_path: Path) -> None:
    async def story(heard: Heard) -> None:
        assert (await heard.desk.submit(ask(0))).approved
        await heard.second(3)
        journal = heard.world.journal
        assert isinstance(journal, MemoryJournal)
        journal.fail_next_commit("no space left on device")
        await heard.desk.flatten("anna", "out")
        await heard.second(3)
        exits = [record.seq for record, event in heard.told if isinstance(event, Filled) and event.fill.role == "FLATTEN"]
        assert exits
        assert set(exits) == {ASIDE}
        assert not heard.world.engine.session.trades

    in_memory(story, SideFile(tmp_path / "journal"))


def test_a_bug_in_a_listener_stops_the_writer_and_is_raised_not_swallowed() -> None:
    def listener(batch: DurableBatch) -> None:
        raise ZeroDivisionError("a listener's bug")

    async def story(heard: Heard) -> None:
        heard.service.listen(listener)
        await heard.desk.submit(ask(0))
        assert isinstance(await heard.service.broken(), ZeroDivisionError)
        with pytest.raises(ZeroDivisionError):
            await heard.desk.submit(ask(1))

    with pytest.raises(ZeroDivisionError):
        in_memory(story)
