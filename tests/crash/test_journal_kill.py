"""kill -9 at any moment loses nothing that was acknowledged. INVARIANT: J1 J2 J3

TIDEGATE_KILLS sets the number of random kills (default 100), TIDEGATE_SEED the seed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.journal_lab import ForkServer, judge_after_crash

KILLS = int(os.environ.get("TIDEGATE_KILLS", "100"))
SEED = int(os.environ.get("TIDEGATE_SEED", "20260521"))
KILLS_PER_JOURNAL = 20
SCENARIO_COMMITS = 5


@pytest.fixture(scope="module")
def writers() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def test_random_kills_lose_nothing_acknowledged(writers: ForkServer, tmp_path: Path) -> None:
    """The same journal is killed, judged, recovered and killed again; some kills hit the opening itself."""
    chance = random.Random(SEED)
    acknowledged: dict[int, str] = {}
    records = 0
    for kill in range(KILLS):
        if kill % KILLS_PER_JOURNAL == 0:
            acknowledged = {}
        path = tmp_path / f"journal-{kill // KILLS_PER_JOURNAL}"
        pid = writers.start(path=str(path), seed=chance.randrange(2**32))
        acks_max = chance.choice((0, 0, 1, 2, 5, 9))
        acknowledged |= writers.run_until_killed(pid, acks_max, chance.random() * 0.004)
        assert writers.status == 9, f"seed {SEED}, kill {kill}: the writer ended by itself"
        records += judge_after_crash(path, acknowledged)
    assert records > 0


def test_a_kill_at_every_single_disk_operation_loses_nothing_acknowledged(writers: ForkServer, tmp_path: Path) -> None:
    """Creation, commits, checkpoints and closing: the writer dies at its n-th operation, writes torn in the middle, for all n."""
    n = 0
    while True:
        n += 1
        path = tmp_path / f"journal-{n}"
        writers.start(path=str(path), seed=SEED, commits=SCENARIO_COMMITS, die_at=n)
        acknowledged = writers.drain()
        assert writers.status in (0, 9), f"operation {n}: the writer failed in another way"
        judge_after_crash(path, acknowledged)
        if writers.status == 0:
            break
    assert n > 30, "the scenario must cross creation, commits, a checkpoint and closing"
    assert len(acknowledged) == SCENARIO_COMMITS + 1


def test_recovery_may_itself_be_killed_again_and_again(writers: ForkServer, tmp_path: Path) -> None:
    for first in range(20, 60, 10):
        path = tmp_path / f"journal-{first}"
        acknowledged: dict[int, str] = {}
        for die_at in (first, 1, 2, 3):
            writers.start(path=str(path), seed=SEED + die_at, commits=SCENARIO_COMMITS, die_at=die_at)
            acknowledged |= writers.drain()
            assert writers.status == 9
        judge_after_crash(path, acknowledged)


def test_group_commit_acknowledges_nothing_before_it_is_durable(writers: ForkServer, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for kill in range(max(8, KILLS // 10)):
        path = tmp_path / f"journal-{kill}"
        pid = writers.start(path=str(path), seed=kill, submitters=64)
        acknowledged = writers.run_until_killed(pid, chance.randrange(200), chance.random() * 0.004)
        assert writers.status == 9
        judge_after_crash(path, acknowledged)
