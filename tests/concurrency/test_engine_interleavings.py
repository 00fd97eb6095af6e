"""Every order of steps among submitters, the writer and the disk: slots, keys and exposure hold in each. INVARIANT: S1 S3 G9

The engine, gate and service are the real ones; the loop chooses which ready step runs next. The first scenario is enumerated to its end, the
others are drawn from a seed: TIDEGATE_ORDERS multiplies how many.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from tests.support.world_desk import Desk, ask, eager_limits
from tests.support.world_loop import Explorer, play
from tidegate.engine.chronicle import decode
from tidegate.engine.idempotency import KeyReused
from tidegate.engine.service import EngineService
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, HaltLatched, OrderIntended
from tidegate.model.limits import Limits
from tidegate.model.order import OrderRole
from tidegate.units import fixed

BUDGET = float(os.environ.get("TIDEGATE_ORDERS", "1"))
SEED = int(os.environ.get("TIDEGATE_SEED", "20261"))
Scenario = Callable[[], Coroutine[Any, Any, None]]


class Table:
    """One fresh engine with an asynchronous disk for one order of steps; the warm market is built once."""

    def __init__(self, warm: Desk) -> None:
        self.journal = MemoryJournal("paper", list(warm.journal.read()))
        desk = Desk(self.journal, warm.limits, market=warm.market, at_ns=warm.now_ns, state=warm.state)
        self.engine = desk.engine
        self.service = EngineService(self.engine, self._commit)
        self.before = self.journal.last_seq

    def _commit(self) -> asyncio.Future[int]:
        """Commit in a task of its own: between asking and being durable, everybody else may run."""

        async def disk() -> int:
            await asyncio.sleep(0)
            durable_seq = self.journal.commit()
            await asyncio.sleep(0)
            return durable_seq

        return asyncio.ensure_future(disk())

    def judge(self, answers: list[Decision]) -> None:
        """Check slots, exposure and entries, in the session and in the journal."""
        session, limits = self.engine.session, self.engine.limits
        assert session.open_count <= limits.open_trades_max
        assert session.exposure_usd(self.engine.known_prices()) <= limits.exposure_usd_max
        events = [decode(record) for record in self.journal.read(self.before + 1)]
        decisions = {event.decision.decision_id: event.decision for event in events if isinstance(event, DecisionMade)}
        entries = [
            event.order.decision_id
            for event in events
            if isinstance(event, OrderIntended) and event.order.role is OrderRole.ENTRY
        ]
        assert sorted(entries) == sorted(name for name, decision in decisions.items() if decision.approved)
        for answer in answers:
            assert decisions[answer.decision_id] == answer

    def approved_after_halt(self) -> list[str]:
        """Return the decisions approved after a halt in the journal's order."""
        events = [decode(record) for record in self.journal.read(self.before + 1)]
        halted = next((place for place, event in enumerate(events) if isinstance(event, HaltLatched)), len(events))
        return [
            event.decision.decision_id
            for event in events[halted:]
            if isinstance(event, DecisionMade) and event.decision.approved
        ]


def submitters(count: int, limits: Limits, approved: int) -> Scenario:
    """Callers with four await points each, for fewer slots or less money than they want."""
    warm = Desk(limits=limits)

    async def scenario() -> None:
        table = Table(warm)
        answers: list[Decision] = []

        async def caller(place: int) -> None:
            await asyncio.sleep(0)
            answers.append(await table.service.submit(ask(place, "300")))

        async with table.service:
            await asyncio.gather(*(caller(place) for place in range(count)))
        assert sum(answer.approved for answer in answers) == approved
        table.judge(answers)

    return scenario


def same_key_and_a_halt() -> Scenario:
    """Two callers with one key, one with the key and another body, one who hangs up, and an operator who halts."""
    warm = Desk()

    async def scenario() -> None:
        table = Table(warm)
        answers: list[Decision] = []
        refused: list[KeyReused] = []

        async def caller(usd: str, key: str) -> None:
            try:
                answers.append(await table.service.submit(ask(0, usd, key)))
            except KeyReused as reused:
                refused.append(reused)

        async def halt() -> None:
            await table.service.call(lambda: table.engine.halt("anna", "enough"))

        async with table.service:
            quitter = asyncio.ensure_future(caller("44", "q"))
            racing = asyncio.gather(caller("33", "k"), caller("33", "k"), caller("34", "k"), halt())
            await asyncio.sleep(0)
            quitter.cancel()
            await racing
        assert len({answer.decision_id for answer in answers}) <= 2
        assert refused, "one of the two bodies must have lost"
        table.judge(answers)
        assert not table.approved_after_halt()

    return scenario


def drawn(scenario: Scenario, count: int) -> int:
    """Play `count` orders drawn from the seed; return the number of steps of the longest."""
    return max(play(scenario, Random(SEED + number).randrange) for number in range(count))


def test_one_slot_for_two_submitters_in_every_order_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    explorer = Explorer()
    explorer.run(submitters(2, eager_limits(open_trades_max=1), 1), 50_000)
    with capsys.disabled():
        print(f"\n{explorer.orders} orders of two submitters, all there are")
    assert explorer.complete


def test_two_slots_for_three_submitters_in_drawn_orders() -> None:
    assert drawn(submitters(3, eager_limits(open_trades_max=2), 2), int(2_000 * BUDGET)) >= 10


def test_exposure_for_two_of_three_submitters_in_drawn_orders() -> None:
    assert drawn(submitters(3, eager_limits(exposure_usd_max=fixed(650)), 2), int(800 * BUDGET)) >= 10


def test_one_key_a_reused_key_a_quitter_and_a_halt_in_drawn_orders() -> None:
    assert drawn(same_key_and_a_halt(), int(800 * BUDGET)) >= 10


def test_the_explorer_finds_a_lost_update() -> None:
    """The explorer itself can fail: a counter that awaits between reading and writing is caught."""
    totals: set[int] = set()

    async def scenario() -> None:
        counter = [0]

        async def add() -> None:
            seen = counter[0]
            await asyncio.sleep(0)
            counter[0] = seen + 1

        await asyncio.gather(add(), add(), add())
        totals.add(counter[0])

    explorer = Explorer()
    explorer.run(scenario, 10_000)
    assert explorer.complete
    assert totals == {1, 2, 3}
