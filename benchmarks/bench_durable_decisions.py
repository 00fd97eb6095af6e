"""Benchmark: durable decisions with 64 concurrent submitters, against one fsync per decision in the same run. Aim: >= 5x.

    python benchmarks/bench_durable_decisions.py [--quick]

Both sides run the whole path (intake, snapshot, gate with every check, reservation, journal with hash chain, synchronous=FULL) on the built-in
market; the mix of verdicts is printed, because rejections are what a busy gate mostly gives.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tidegate.config.load import load
from tidegate.engine.bootstrap import RunRequest, assemble_engine, start_engine
from tidegate.engine.engine import Engine
from tidegate.engine.scripted_operator import parse_policy
from tidegate.engine.service import EngineService
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.journal.group_commit import GroupCommitter
from tidegate.journal.port import Durability
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.intent import Mode, Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import SECOND_NS, fixed

SUBMITTERS = 64
WARM_UP_NS = 60 * SECOND_NS
CONFIG = Path(__file__).resolve().parent.parent / "config" / "tactical_scalp_config.json"


def main() -> int:
    """Print both rates and their ratio; exit 1 when the aim is missed."""
    count = 2_000 if "--quick" in sys.argv else 20_000
    with tempfile.TemporaryDirectory() as folder:
        alone, alone_mix = one_by_one(Path(folder) / "alone.db", count // 5)
        shared, shared_mix = asyncio.run(together(Path(folder) / "shared.db", count))
    ratio = shared / alone
    print(f"one fsync per decision         {alone:9,.0f} decisions/s   {alone_mix}")
    print(f"{SUBMITTERS} concurrent submitters       {shared:9,.0f} decisions/s   {shared_mix}")
    print(f"ratio                          {ratio:9.1f}x (aim 5.0x)")
    return 0 if ratio >= 5 else 1


def one_by_one(path: Path, count: int) -> tuple[float, str]:
    """Return the rate of submit, commit, submit, commit..."""
    engine, journal = _engine(path)
    began = time.perf_counter()
    for number in range(count):
        engine.submit(proposal(number))
        engine.flush()
    rate = count / (time.perf_counter() - began)
    mix = _mix(engine)
    journal.close()
    return rate, mix


async def together(path: Path, count: int) -> tuple[float, str]:
    """Return the rate of 64 tasks that each wait for their decision to be durable before they ask again."""
    engine, journal = _engine(path)
    with GroupCommitter(journal) as committer:
        async with EngineService(engine, committer.request_commit_in_loop) as service:
            began = time.perf_counter()
            await asyncio.gather(*(_submitter(service, place, count // SUBMITTERS) for place in range(SUBMITTERS)))
            rate = count // SUBMITTERS * SUBMITTERS / (time.perf_counter() - began)
    mix = _mix(engine)
    journal.close()
    return rate, mix


async def _submitter(service: EngineService, place: int, count: int) -> None:
    for _ in range(count):
        await service.submit(proposal(place))


def _engine(path: Path) -> tuple[Engine, SqliteJournal]:
    settings = load(CONFIG)
    limits = settings.limits(Mode.PAPER)
    feed = ScenarioFeed("open-market", 1, limits.perpetuals())
    journal = SqliteJournal.open(path, mode=str(Mode.PAPER), durability=Durability.FULL, create=True)
    request = RunRequest(None, parse_policy("none"), Assumptions())
    engine = assemble_engine(settings, limits, feed, journal, request)
    start_engine(engine, feed, request)
    for now_ns, events in feed.batches():
        engine.on_batch(now_ns, events)
        if now_ns >= feed.description.start_ns + WARM_UP_NS:
            return engine, journal
    raise AssertionError("the scenario ended during warm-up")


def proposal(place: int) -> Proposal:
    asker = Principal(PrincipalKind.AGENT, f"agent-{place % SUBMITTERS}")
    return Proposal(asker, "BTC_range_scalp", "BTC/USDT", fixed(25), Side.LONG)


def _mix(engine: Engine) -> str:
    run = engine.chronicle.totals.run
    top = sorted(run.rejections.items(), key=lambda row: -row[1])[:3]
    return f"{run.approvals} approved, {sum(run.rejections.values())} rejected ({', '.join(f'{code} {n}' for code, n in top)})"


if __name__ == "__main__":
    sys.exit(main())
