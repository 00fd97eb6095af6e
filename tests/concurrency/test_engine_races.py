"""Many callers, one writer: three slots are three, one key is one intent, and who hangs up neither loses nor doubles. INVARIANT: S1 S3 S7 J2"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.world_desk import Desk, ask, eager_limits
from tidegate.engine.chronicle import decode
from tidegate.engine.idempotency import KeyReused
from tidegate.engine.service import EngineService
from tidegate.errors import JournalFault
from tidegate.journal.group_commit import GroupCommitter
from tidegate.journal.store_memory import MemoryJournal
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, IntentReceived, OrderIntended
from tidegate.model.finding import Reason
from tidegate.model.order import OrderRole
from tidegate.units import SECOND_NS, fixed

CALLERS = 64
ROUNDS = 50
SAME_KEY = 50


class Served:
    """A desk over a real journal file with a real group commit, for one test."""

    def __init__(self, path: Path) -> None:
        self.journal = SqliteJournal.open(path, mode="paper", create=True)
        self.committer = GroupCommitter(self.journal)
        limits = eager_limits(entries_per_day_max=1_000, losses_max=1_000, drawdown_usd_max=fixed(90))
        self.desk = Desk(self.journal, limits)
        self.service = EngineService(self.desk.engine, self.committer.request_commit_in_loop)

    def close(self) -> None:
        """Stop the committer, then close the file."""
        self.committer.close()
        self.journal.close()

    def durable(self, kind: type) -> list:
        """Return the durable events of one kind."""
        return [decode(record) for record in self.journal.read(kinds={kind.__name__})]


def run(path: Path, story) -> Served:
    """Play a story against a served desk and return it, closed to callers but readable."""
    served = Served(path)

    async def play() -> None:
        async with served.service:
            await story(served)

    asyncio.run(asyncio.wait_for(play(), 60))
    return served


def test_sixty_four_callers_race_for_three_slots_and_three_win_each_time(tmp_path: Path) -> None:
    outcomes: list[int] = []

    async def story(served: Served) -> None:
        for round_number in range(ROUNDS):
            asked = (
                served.service.submit(ask(place, usd=f"{25 + place}", name=f"{round_number}-{place}"))
                for place in range(CALLERS)
            )
            answers: list[Decision] = await asyncio.gather(*asked)
            approved = [answer for answer in answers if answer.approved]
            outcomes.append(len(approved))
            assert len({answer.decision_id for answer in answers}) == CALLERS
            assert served.desk.engine.session.open_count == 3
            await served.service.call(lambda: served.desk.engine.flatten("anna", "next round"))
            while served.desk.engine.session.flattening:
                await next_second(served)
            await served.service.call(lambda: put_right(served))
            await next_second(served)

    served = run(tmp_path / "journal", story)
    try:
        assert outcomes == [3] * ROUNDS
        entries = [event.order for event in served.durable(OrderIntended) if event.order.role is OrderRole.ENTRY]
        assert len(entries) == len({order.decision_id for order in entries}) == 3 * ROUNDS
    finally:
        served.close()


async def next_second(served: Served) -> None:
    desk = served.desk
    desk.now_ns += 60 * SECOND_NS
    await served.service.on_batch(desk.now_ns, desk.market.batch(desk.now_ns))
    for _ in range(3):
        desk.now_ns += SECOND_NS
        await served.service.on_batch(desk.now_ns, desk.market.batch(desk.now_ns))


def put_right(served: Served) -> None:
    engine = served.desk.engine
    engine.review("anna", "next round")
    for cause in dict.fromkeys(halt.cause for halt in engine.session.halts.values()):
        engine.lift(cause, "anna", "next round")


def test_one_key_raced_fifty_times_is_one_intent_with_one_answer(tmp_path: Path) -> None:
    answers: list[Decision] = []

    async def story(served: Served) -> None:
        answers.extend(await asyncio.gather(*(served.service.submit(ask(0, key="k")) for _ in range(SAME_KEY))))

    served = run(tmp_path / "journal", story)
    try:
        assert answers == [answers[0]] * SAME_KEY
        assert answers[0].approved
        assert [len(served.durable(kind)) for kind in (IntentReceived, DecisionMade)] == [1, 1]
        assert len([one for one in served.durable(OrderIntended) if one.order.role is OrderRole.ENTRY]) == 1
    finally:
        served.close()


def test_a_key_with_another_body_is_refused_and_has_no_effect(tmp_path: Path) -> None:
    bodies = ("33", "34", "35")
    kept: list[Decision] = []

    async def story(served: Served) -> None:
        raced = await asyncio.gather(
            *(served.service.submit(ask(0, bodies[n % 3], key="k")) for n in range(30)), return_exceptions=True
        )
        kept.extend(one for one in raced if isinstance(one, Decision))
        assert sum(isinstance(one, KeyReused) for one in raced) == 20

    served = run(tmp_path / "journal", story)
    try:
        assert kept == [kept[0]] * 10
        assert len(served.durable(IntentReceived)) == 1
    finally:
        served.close()


def test_the_key_still_holds_after_a_restart(tmp_path: Path) -> None:
    first: list[Decision] = []

    async def story(served: Served) -> None:
        first.append(await served.service.submit(ask(0, key="k")))

    run(tmp_path / "journal", story).close()

    async def again(served: Served) -> None:
        assert await served.service.submit(ask(0, key="k")) == first[0]
        with pytest.raises(KeyReused):
            await served.service.submit(ask(1, key="k"))

    served = run(tmp_path / "journal", again)
    try:
        assert len(served.durable(DecisionMade)) == 1
    finally:
        served.close()


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5])
def test_a_caller_who_hangs_up_neither_loses_nor_doubles(tmp_path: Path, turns: int) -> None:
    later: list[Decision] = []

    async def story(served: Served) -> None:
        calls = [asyncio.create_task(served.service.submit(ask(n, key=f"k{n}"))) for n in range(4)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for call in calls[:2]:
            call.cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, Decision) for one in ended[2:])
        later.extend([await served.service.submit(ask(n, key=f"k{n}")) for n in range(4)])
        for there, here in zip(ended, later, strict=True):
            assert not isinstance(there, Decision) or there == here

    served = run(tmp_path / "journal", story)
    try:
        assert len(served.durable(IntentReceived)) == len(served.durable(DecisionMade)) == 4
        assert {event.decision.decision_id for event in served.durable(DecisionMade)} == {
            one.decision_id for one in later
        }
    finally:
        served.close()


def test_no_answer_is_given_before_its_record_is_durable(tmp_path: Path) -> None:
    """Linearisable: an answered decision is durable at the moment of the answer, and a later request comes later in the journal. INVARIANT: S2"""

    async def story(served: Served) -> None:
        async def caller(place: int) -> None:
            for turn in range(6):
                invoked_after = served.journal.durable_seq
                decision = await served.service.submit(ask(place, usd=f"{26 + turn}", name=f"c{place}"))
                durable = {
                    decode(each).decision.decision_id: each.seq for each in served.journal.read(kinds={"DecisionMade"})
                }
                assert durable.get(decision.decision_id, 0) > invoked_after

        await asyncio.gather(*(caller(place) for place in range(8)))

    run(tmp_path / "journal", story).close()


def test_a_halt_in_the_same_turn_keeps_the_entry_from_leaving() -> None:
    """The approval and the halt share a commit; after it the kill record is durable, so the entry may not be sent. INVARIANT: K1"""
    desk = Desk()
    decision = desk.engine.submit(ask(0))
    assert decision.approved
    desk.engine.halt("anna", "stop")
    desk.engine.flush()
    desk.second(3)
    assert not desk.paper.positions()
    assert not desk.engine.session.reservations
    assert not desk.engine.execution.working


def test_a_fault_is_the_answer_to_everybody_and_no_entry_leaves() -> None:
    """Nothing was accepted: callers get the fault, the halt is latched, and the venue has seen no order. INVARIANT: J4 G1"""
    desk = Desk()
    journal = desk.journal
    assert isinstance(journal, MemoryJournal)

    async def commit() -> int:
        await asyncio.sleep(0)
        return journal.commit()

    async def story() -> None:
        journal.fail_next_commit("no space left on device")
        async with EngineService(desk.engine, lambda: asyncio.ensure_future(commit())) as service:
            ended = await asyncio.gather(*(service.submit(ask(n)) for n in range(4)), return_exceptions=True)
            assert all(isinstance(one, JournalFault) for one in ended)
            later = await service.submit(ask(0))
            assert not later.approved

    asyncio.run(asyncio.wait_for(story(), 20))
    desk.second(3)
    assert str(Reason.L4_JOURNAL) in desk.engine.session.halts
    assert not desk.paper.positions()
    assert not desk.paper.open_orders()
    assert not desk.engine.session.reservations


def test_a_lift_does_not_make_a_faulted_journal_writable() -> None:
    """The operator may lift L4_JOURNAL, but it latches again before anything can leave: only a restart ends it. INVARIANT: J4 K5"""
    desk = Desk().enter(0)
    journal = desk.journal
    assert isinstance(journal, MemoryJournal)
    journal.fail_next_commit("no space left on device")
    desk.engine.review("anna", "to have something to commit")
    desk.engine.flush()
    desk.engine.lift(Reason.L4_JOURNAL, "anna", "I believe it is fine")
    desk.engine.submit(ask(1))
    desk.engine.flush()
    desk.second(3)
    assert list(desk.paper.positions()) == ["okx:BTC-USDT-SWAP"]
    assert str(Reason.L4_JOURNAL) in desk.engine.session.halts


def test_a_journal_that_failed_behind_our_back_does_not_stop_the_exits() -> None:
    """A checkpoint may fault the file between two commits: the next append finds out, and the stop's fill is not lost. INVARIANT: J4 G12"""
    desk = Desk().enter(0)
    journal = desk.journal
    assert isinstance(journal, MemoryJournal)
    journal._fault = JournalFault("journal failed while moving the WAL into the file: disk I/O error")
    desk.market.prices["BTC"] -= desk.market.prices["BTC"] * 60 // 10_000
    desk.second(3)
    assert not desk.paper.positions()
    assert not desk.engine.session.trades
    assert str(Reason.L4_JOURNAL) in desk.engine.session.halts


def test_a_bug_in_the_writer_reaches_everybody_who_waits() -> None:
    desk = Desk()
    journal = desk.journal

    async def commit() -> int:
        return journal.commit()

    def bug() -> None:
        raise ZeroDivisionError("a bug")

    async def story() -> None:
        service = EngineService(desk.engine, lambda: asyncio.ensure_future(commit()))
        with pytest.raises(ZeroDivisionError):
            async with service:
                calls = (service.submit(ask(0)), service.call(bug), service.submit(ask(1)))
                ended = await asyncio.gather(*calls, return_exceptions=True)
                assert all(isinstance(one, ZeroDivisionError) for one in ended)

    asyncio.run(asyncio.wait_for(story(), 20))
