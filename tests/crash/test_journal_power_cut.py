"""A power cut keeps what was synced and any part of what was not: nothing acknowledged may be lost. INVARIANT: J1 J2 J3

Every disk operation of a real run is recorded; then the disk is rebuilt as it could stand after a cut at each moment, with each
unsynced 512-byte sector kept, dropped or torn by chance. TIDEGATE_POWER_CUTS sets the number of rebuilt disks (default 200).
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.support.journal_disk import Recorder, TestDisk
from tests.support.journal_lab import judge_after_crash
from tidegate.journal import store_sqlite
from tidegate.journal.store_sqlite import SqliteJournal

CUTS = int(os.environ.get("TIDEGATE_POWER_CUTS", "200"))
SEED = int(os.environ.get("TIDEGATE_SEED", "20260521"))
SECTOR_BYTES = 512

Operation = tuple[str, str, bytes, int]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Operation], list[tuple[int, dict[int, str]]]]:
    """Return (the file as created, every operation after that, what was acknowledged after how many operations)."""
    path = tmp_path_factory.mktemp("run") / "journal"
    SqliteJournal.open(path, mode="PAPER", create=True).close()
    created, recorder, chance = path.read_bytes(), Recorder(), random.Random(SEED)
    promises: list[tuple[int, dict[int, str]]] = [(0, {})]
    with pytest.MonkeyPatch.context() as patch, TestDisk(recorder) as disk:
        patch.setattr(store_sqlite, "CHECKPOINT_PAGES", 8)
        journal = SqliteJournal.open(path, mode="PAPER", create=False, vfs=disk.name)
        acknowledged: dict[int, str] = {}
        for _ in range(24):
            for _ in range(chance.randint(1, 3)):
                record = journal.append(1, "tick", b'"' + b"x" * chance.choice((0, 200, 2_500)) + b'"')
            journal.make_durable()
            acknowledged = acknowledged | {record.seq: record.hash.hex()}
            promises.append((len(recorder.operations), acknowledged))
            journal.checkpoint_if_due()
        journal.close()
    return created, recorder.operations, promises


def test_no_power_cut_loses_what_was_acknowledged(
    run: tuple[bytes, list[Operation], list[tuple[int, dict[int, str]]]], tmp_path: Path
) -> None:
    created, operations, promises = run
    chance = random.Random(SEED)
    assert {"write", "sync"} <= {operation for operation, *_ in operations}
    for cut in range(CUTS):
        moment = chance.randrange(len(operations) + 1)
        folder = tmp_path / str(cut)
        folder.mkdir()
        rebuild(folder, created, operations[:moment], chance)
        acknowledged = [promise for after, promise in promises if after <= moment][-1]
        judge_after_crash(folder / "journal", acknowledged)


def test_this_lab_can_fail_a_writer_that_never_syncs(
    run: tuple[bytes, list[Operation], list[tuple[int, dict[int, str]]]], tmp_path: Path
) -> None:
    """Without its syncs the same run must lose acknowledged records somewhere, or the test above proves nothing."""
    created, operations, promises = run
    unsynced = [operation for operation in operations if operation[0] != "sync"]
    rebuild(tmp_path, created, unsynced, random.Random(SEED))
    with pytest.raises(AssertionError):
        judge_after_crash(tmp_path / "journal", promises[-1][1])


def rebuild(folder: Path, created: bytes, operations: list[Operation], chance: random.Random) -> None:
    """Write the files as a cut after `operations` could leave them."""
    files: dict[str, bytearray] = {"journal": bytearray(created)}
    waiting: dict[str, list[tuple[int, bytes]]] = {}
    for operation, name, content, offset in operations:
        content_of = files.setdefault(name, bytearray())
        match operation:
            case "write":
                waiting.setdefault(name, []).extend(sectors(content, offset))
            case "sync":
                for start, sector in waiting.pop(name, []):
                    lay(content_of, start, sector)
            case "truncate":
                waiting[name] = [entry for entry in waiting.get(name, []) if entry[0] < offset]
                del content_of[offset:]
            case "delete":
                waiting.pop(name, None)
                files.pop(name, None)
            case other:
                raise AssertionError(other)
    kept_share = chance.choice((0.0, 0.3, 0.7, 1.0))
    for name, entries in waiting.items():
        for start, sector in entries:
            if chance.random() < kept_share:
                torn = chance.randrange(len(sector)) if chance.random() < 0.1 else len(sector)
                lay(files[name], start, sector[:torn])
    for name, content in files.items():
        (folder / name).write_bytes(content)


def sectors(content: bytes, offset: int) -> list[tuple[int, bytes]]:
    """Cut a write at the disk's sector boundaries."""
    pieces: list[tuple[int, bytes]] = []
    start = 0
    while start < len(content):
        end = min(len(content), (offset + start) // SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES - offset)
        pieces.append((offset + start, content[start:end]))
        start = end
    return pieces


def lay(content: bytearray, start: int, sector: bytes) -> None:
    """Put bytes at their place, with zeros where nothing was ever written."""
    if len(content) < start:
        content.extend(bytes(start - len(content)))
    content[start : start + len(sector)] = sector
