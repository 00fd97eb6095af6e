"""The stream beside a real engine that writes a real journal: many submitters, clients that come and go, everything told once and never too early."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from tests.support.stream_lab import HUB, Caller
from tests.support.world_desk import Desk as World
from tests.support.world_desk import ask
from tidegate.api.door.guard import Guard
from tidegate.api.door.guard_settings import GuardSettings
from tidegate.api.door.tokens import TokenStore
from tidegate.api.stream.hub import Hub
from tidegate.engine.completed import CompletedTrades
from tidegate.engine.desk import Desk, Origin
from tidegate.engine.service import EngineService
from tidegate.journal.group_commit import GroupCommitter
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.intent import Mode
from tidegate.units import SECOND_NS

ROUNDS, AGENTS = 12, 6


class _Witness:
    """Remembers how far the journal was durable when each message came."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.journal = journal
        self.early: list[int] = []

    def note(self, message: dict[str, Any]) -> None:
        """Check one message at the moment it is written."""
        if message.get("seq", 0) > self.journal.durable_seq:
            self.early.append(message["seq"])


def test_every_acknowledged_decision_is_told_exactly_once_and_never_before_it_is_durable(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "stream.db", mode="paper", create=True)

    async def play() -> None:
        world = World(journal)
        closed = CompletedTrades(world.engine.session)
        world.engine.chronicle.listen(closed.listener(lambda: world.engine.session))
        with GroupCommitter(journal) as committer:
            async with EngineService(world.engine, committer.request_commit_in_loop) as service:
                desk = Desk(world.engine, service, journal, closed, Origin("test"))
                guard = Guard(GuardSettings(mode=Mode.PAPER, requests_per_s_max=100_000), TokenStore(None))
                hub = Hub(desk, guard, replace(HUB, records_max=24, page_records=16, flush_s=0.002))
                await _trade_and_listen(world, service, desk, hub, journal)
                await hub.close()

    try:
        asyncio.run(play())
    finally:
        journal.close()


async def _trade_and_listen(world: World, service: EngineService, desk: Desk, hub: Hub, journal: SqliteJournal) -> None:
    witness, random = _Witness(journal), Random(11)
    steady = Caller(hub, frames=True)
    steady.on_message = witness.note
    await steady.told(1)
    began = since = desk.durable_seq
    told: set[tuple[str, int]] = set()
    acknowledged: list[str] = []
    for round_number in range(ROUNDS):
        visitor = Caller(hub, f"since={since}")
        visitor.on_message = witness.note
        decisions = await asyncio.gather(*(service.submit(ask(place, name=f"agent-{place}")) for place in range(AGENTS)))
        acknowledged += [decision.decision_id for decision in decisions]
        world.now_ns += 30 * SECOND_NS
        await service.on_batch(world.now_ns, world.market.batch(world.now_ns))
        await visitor.told(1 + random.randrange(AGENTS))
        kept = visitor.messages[: random.randrange(len(visitor.messages)) + 1] if round_number % 2 else visitor.messages
        told |= {(each["event"], each["seq"]) for each in kept if "seq" in each}
        since = max([since, *(seq for _, seq in told)])
        await visitor.leave()
    head = desk.durable_seq
    last = Caller(hub, f"since={since}")
    await last.told(1)
    hub.pulse(1e12)
    await last.until(lambda own: any(each["event"] == "heartbeat" and each["data"]["seq"] >= head for each in own.messages))
    await steady.until(lambda own: any(each["event"] == "heartbeat" and each["data"]["seq"] >= head for each in own.messages))
    told |= set(last.journaled)
    assert witness.early == []
    assert len(steady.journaled) == len(set(steady.journaled)), "a steady client is told nothing twice"
    assert told == set(steady.journaled)
    assert all(seq > began for _, seq in told)
    heard = [each["data"]["decision_id"] for each in steady.messages if each["event"] == "decision"]
    assert heard == acknowledged
    assert {event for event, _ in told} >= {"decision", "order", "fill"}
