"""The world, as many seeds as fit into a coffee break: every promise watched, every seed replayable. INVARIANT: G S J X F K M B7

TIDEGATE_WORLD_SEEDS sets the number of seeds of all four chunks together, TIDEGATE_WORLD_FIRST the first one. A failure names its seed:
python -m tests.simulation --seed N
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.__main__ import git_hash, summary
from tests.simulation.world import live

CHUNKS = 4
SEEDS = int(os.environ.get("TIDEGATE_WORLD_SEEDS", "220"))
FIRST = int(os.environ.get("TIDEGATE_WORLD_FIRST", "1"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_world_of_faults_breaks_no_promise(chunk: int, capsys: pytest.CaptureFixture[str]) -> None:
    reports = []
    for seed in range(FIRST + chunk, FIRST + SEEDS, CHUNKS):
        try:
            reports.append(live(seed))
        except BaseException:
            with capsys.disabled():
                print(f"\nworld seed {seed}, commit {git_hash()}: replay with python -m tests.simulation --seed {seed}")
            raise
    with capsys.disabled():
        print(f"\nworld, chunk {chunk + 1} of {CHUNKS}: {summary(reports)}")
    assert sum(report.approved for report in reports) > 0
    assert sum(report.fills for report in reports) > 0
    assert sum(sum(report.faults.values()) for report in reports) > len(reports)


def test_a_seed_is_a_whole_world() -> None:
    """The same seed gives the same world to the last fault. INVARIANT: G4"""
    assert live(FIRST) == live(FIRST)
