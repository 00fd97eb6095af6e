"""Whole runs under kill -9, twice the same bytes, and a full disk. INVARIANT: J1 J4 J5 G1 S5 K2

TIDEGATE_RUN_KILLS sets the number of kills (default 8), TIDEGATE_SEED their moments.
"""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tidegate.journal.record import Record
from tidegate.journal.side_file import read_side, side_path
from tidegate.journal.store_sqlite import read_records
from tidegate.journal.verify import verify
from tidegate.model.event import RunEnded

KILLS = int(os.environ.get("TIDEGATE_RUN_KILLS", "8"))
SEED = int(os.environ.get("TIDEGATE_SEED", "20260521"))
ROOT = Path(__file__).resolve().parents[2]


def start(verb: str, path: Path) -> subprocess.Popen[str]:
    """Start a child of the crash lab."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.support.world_child", verb, str(path)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )


def finish(verb: str, path: Path) -> dict[str, Any]:
    """Let a child come to its end and return what it said."""
    out, problems = start(verb, path).communicate(timeout=100)
    assert out.strip().endswith("}"), problems[-2_000:]
    answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    return answer


def records(path: Path) -> list[Record]:
    """Return every record, checked."""
    report = verify(path)
    assert report.ok, report.chain_break
    return list(read_records(path))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return an uninterrupted run and what it said."""
    path = tmp_path_factory.mktemp("whole") / "journal"
    return path, finish("run", path)


def test_a_run_killed_again_and_again_ends_as_if_nothing_had_happened(
    whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    path, kills, grown = tmp_path / "journal", 0, [0]
    while kills < KILLS:
        child = start("run", path)
        assert child.stdout is not None
        child.stdout.readline()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=chance.random() * 0.35)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        kills += 1
        found = records(path)
        grown.append(len(found))
        assert grown[-1] >= grown[-2], "a kill lost durable records"
        if found and found[-1].kind == RunEnded.__name__:
            path, grown = tmp_path / f"journal-{kills}", [0]
    assert kills >= KILLS
    uninterrupted, said = whole
    if not path.exists() or not records(path) or records(path)[-1].kind != RunEnded.__name__:
        assert finish("run", path) == said
    assert records(path) == records(uninterrupted)
    assert said["trades"] > said["pairs"] > 0


def test_the_same_run_twice_is_the_same_file(tmp_path: Path, whole: tuple[Path, dict[str, Any]]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert finish("batch", first) == finish("batch", second) == whole[1]
    assert filecmp.cmp(first, second, shallow=False)
    assert records(first) == records(whole[0])


def test_on_a_full_disk_entries_stop_and_everything_leaves_and_the_next_start_knows(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    full = finish("fill", path)
    assert full["faulted"], "the disk never got full"
    assert full["entered"] == 2
    assert full["approved_after"] == []
    assert full["halts"] == ["L4_JOURNAL"]
    assert (full["open"], full["positions"], full["flattening"]) == (0, {}, False)
    kept = read_side(path)
    kinds = {record.kind for record in kept}
    assert {"HaltLatched", "FlattenStarted", "OrderIntended", "Filled", "FlattenEnded"} <= kinds
    durable = len(records(path))
    assert durable == full["durable"]
    next_start = finish("read", path)
    assert next_start["halts"] == ["L4_JOURNAL", "L4_OPERATOR"]
    assert (next_start["open"], next_start["approved"], next_start["aside"]) == (0, False, len(kept))
    assert next_start["cash"] == full["cash"]
    assert next_start["retired"]
    assert not side_path(path).exists()
    there = [(each.ts_ns, each.kind, each.payload) for each in records(path)]
    aside = [(each.ts_ns, each.kind, each.payload) for each in kept]
    places = [place for place in range(len(there)) if there[place : place + len(aside)] == aside]
    assert len(places) == 1, "the side file's records must be in the journal once, in order"
    assert durable - len(aside) <= places[0] <= durable
