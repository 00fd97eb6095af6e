"""Benchmark: recover an engine from a journal of 100,000 real records. Aim: <= 5 s.

    python benchmarks/bench_recovery.py [--quick]

The records are the engine's own: intents, decisions with their snapshots, orders, fills. Recovery reads and checks every link of the chain,
decodes every event, folds session and totals, and rebuilds orders and answered requests. The yardstick, in the same run, only reads the rows
and hashes their bytes.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from pathlib import Path

from bench_durable_decisions import CONFIG, WARM_UP_NS, proposal

from tidegate.config.load import load
from tidegate.engine.bootstrap import RunRequest, assemble_engine, start_engine
from tidegate.engine.recovery import recover
from tidegate.engine.scripted_operator import parse_policy
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.journal.port import Durability
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.intent import Mode
from tidegate.session.pnl import state_hash
from tidegate.snapshot.assumptions import Assumptions

SETTINGS = load(CONFIG)
REQUEST = RunRequest(None, parse_policy("none"), Assumptions(), durability=Durability.BATCH)


def main() -> int:
    """Print the time to recover and the yardstick; exit 1 when the aim is missed."""
    wanted = 10_000 if "--quick" in sys.argv else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        before = write(path, wanted)
        began = time.perf_counter()
        with SqliteJournal.open(path, mode="paper", durability=Durability.BATCH, create=False) as journal:
            engine = assemble_engine(SETTINGS, SETTINGS.limits(Mode.PAPER), _feed(), journal, REQUEST)
            found = recover(engine, journal)
            recovered_s = time.perf_counter() - began
            after = state_hash(engine.session)
            began = time.perf_counter()
            digest = hashlib.sha256()
            for record in journal.read():
                digest.update(record.payload)
            read_s = time.perf_counter() - began
    rate = f"{found.records / recovered_s:9,.0f} records/s"
    print(f"recover {found.records:,} records   {recovered_s:6.2f} s   {rate}   state {'equal' if before == after else 'DIFFERS'}")
    print(f"yardstick: read and hash       {read_s:6.2f} s")
    print(f"ratio                          {recovered_s / read_s:6.1f}x   (aim: at most 5 s for 100,000)")
    return 0 if before == after and recovered_s / found.records * 100_000 <= 5 else 1


def write(path: Path, wanted: int) -> str:
    """Fill a journal with an engine's own records; return the state hash at its end."""
    feed = _feed()
    with SqliteJournal.open(path, mode="paper", durability=Durability.BATCH, create=True) as journal:
        engine = assemble_engine(SETTINGS, SETTINGS.limits(Mode.PAPER), feed, journal, REQUEST)
        start_engine(engine, feed, REQUEST)
        number = 0
        for now_ns, events in feed.batches():
            engine.on_batch(now_ns, events)
            if now_ns < feed.description.start_ns + WARM_UP_NS:
                continue
            for _ in range(20):
                engine.submit(proposal(number))
                number += 1
            engine.flush()
            if engine.chronicle.next_seq > wanted:
                return state_hash(engine.session)
    raise AssertionError("the scenario ended")


def _feed() -> ScenarioFeed:
    return ScenarioFeed("open-market", 1, SETTINGS.limits(Mode.PAPER).perpetuals())


if __name__ == "__main__":
    sys.exit(main())
