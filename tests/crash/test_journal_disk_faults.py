"""A failing or full disk: one fault, no second try, and room left to record an exit. INVARIANT: J2 J4"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from tests.support.journal_disk import FailAt, TestDisk, disk_full, eio_sync, eio_write
from tests.support.journal_lab import child, ended, judge_after_crash, said, write_sample
from tidegate.errors import JournalCorrupt, JournalError, JournalFault
from tidegate.journal import store_sqlite
from tidegate.journal.side_file import read_side
from tidegate.journal.store_sqlite import SqliteJournal, read_records
from tidegate.journal.verify import verify

FAULTS: list[tuple[str, Callable[[], BaseException]]] = [("sync", eio_sync), ("write", eio_write), ("write", disk_full)]


@pytest.mark.parametrize("operation, error", FAULTS, ids=["eio-sync", "eio-write", "enospc-write"])
def test_a_fault_at_every_single_operation_stops_the_journal_and_loses_nothing_acknowledged(
    operation: str, error: Callable[[], BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_sqlite, "CHECKPOINT_PAGES", 5)
    n, failed = 0, True
    while failed:
        n += 1
        path = tmp_path / f"journal-{n}"
        write_sample(path, 4).close()
        plan = FailAt(operation, n, error)
        with TestDisk(plan) as disk:
            acknowledged = run_until_fault(path, disk, plan)
        failed = plan.failed
        judge_after_crash(path, acknowledged)
    assert n > 8, "the scenario must cross commits, checkpoints and closing"


def run_until_fault(path: Path, disk: TestDisk, plan: FailAt) -> dict[int, str]:
    """Write, and assert that the first failure is the last thing this journal does to the disk; return what was acknowledged."""
    acknowledged: dict[int, str] = {}
    try:
        journal = SqliteJournal.open(path, mode="PAPER", create=False, vfs=disk.name)
    except JournalError:
        assert plan.failed
        return acknowledged
    try:
        for _ in range(6):
            record = journal.append(1, "tick", b'"' + b"x" * 2_000 + b'"')
            assert journal.make_durable() == record.seq
            acknowledged[record.seq] = record.hash.hex()
            journal.checkpoint_if_due()
    except JournalFault as fault:
        assert "entries stop" in str(fault)
        assert journal.faulted
        for again in (journal.commit, journal.make_durable, lambda: journal.append(2, "tick", b"{}")):
            with pytest.raises(JournalFault):
                again()
        with contextlib.suppress(JournalFault):
            journal.checkpoint_if_due()
        assert journal.durable_seq in (*acknowledged, 4)
        journal.close()
    else:
        with contextlib.suppress(JournalFault):
            journal.close()
    assert "sync" not in plan.after_fault, "a failed fsync must never be tried again"
    assert "write" not in plan.after_fault
    return acknowledged


def test_a_fault_while_creating_leaves_no_journal_behind(tmp_path: Path) -> None:
    n, failed = 0, True
    while failed:
        n += 1
        path = tmp_path / f"journal-{n}"
        plan = FailAt("write", n, disk_full)
        with TestDisk(plan) as disk:
            try:
                SqliteJournal.open(path, mode="PAPER", create=True, vfs=disk.name).close()
            except JournalFault:
                assert not path.exists()
        failed = plan.failed
    assert n > 2
    assert verify(path).ok


def test_the_fault_is_raised_as_itself_and_names_its_cause(tmp_path: Path) -> None:
    plan = FailAt("sync", 2, eio_sync)
    write_sample(tmp_path / "journal", 1).close()
    with TestDisk(plan) as disk:
        journal = SqliteJournal.open(tmp_path / "journal", mode="PAPER", create=False, vfs=disk.name)
        with pytest.raises(JournalFault, match="failed while committing: .*fsync failed") as raised:
            for _ in range(3):
                journal.append(1, "tick", b"{}")
                journal.commit()
        assert isinstance(raised.value.__cause__, apsw.IOError)
        journal.close()


def fill_in_child(path: Path, bytes_max: int) -> dict[str, object]:
    process = child("fill", str(path), str(bytes_max))
    answer = json.loads(said(process))
    ended(process)
    assert process.returncode == 0
    return answer


def judge_full_disk(path: Path, answer: dict[str, object]) -> None:
    assert "failed while" in str(answer["fault"])
    assert "failed while" in str(answer["later"])
    assert answer["released"] is True
    assert answer["side"] == 1
    assert [record.kind for record in read_side(path)] == ["exit_approved"]
    acknowledged = answer["acknowledged"]
    assert isinstance(acknowledged, int)
    assert acknowledged > 20
    assert len(list(read_records(path))) >= acknowledged
    assert verify(path).ok


def test_a_file_that_may_not_grow_any_more_faults_the_journal_and_the_exit_is_still_recorded(tmp_path: Path) -> None:
    """RLIMIT_FSIZE: a real refusal by the kernel, without root."""
    path = tmp_path / "journal"
    judge_full_disk(path, fill_in_child(path, 300_000))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MiB, where the platform lets us make one."""
    place = tmp_path / "small"
    place.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("needs root on Linux to mount a small file system; the RLIMIT_FSIZE test covers the fault itself")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=12m", "tidegate-test", str(place)], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"cannot mount a small file system here: {made.stderr.strip()}")
    yield place
    subprocess.run([umount, "-l", str(place)], check=True)


def test_a_full_disk_faults_the_journal_and_the_reserve_makes_room_for_the_exit(small_disk: Path) -> None:
    path = small_disk / "journal"
    judge_full_disk(path, fill_in_child(path, 0))


def test_a_disk_too_full_for_the_reserve_refuses_to_start(small_disk: Path) -> None:
    path = small_disk / "journal"
    write_sample(path, 3).close()
    os.remove(f"{path}.reserve")
    (small_disk / "ballast").write_bytes(bytes(11_900_000))
    with pytest.raises(JournalFault, match="opening.*No space left"):
        SqliteJournal.open(path, mode="PAPER", create=False)


def test_a_foreign_writer_is_a_fault_and_its_records_are_found(tmp_path: Path) -> None:
    """Somebody writes to the file behind the lock's back with another tool."""
    path = tmp_path / "journal"
    journal = write_sample(path, 3)
    foreign = apsw.Connection(str(path))
    foreign.execute("INSERT INTO records SELECT 4, ts_ns, kind, payload, prev_hash, hash FROM records WHERE seq = 3")
    foreign.close()
    journal.append(1, "tick", b"{}")
    with pytest.raises(JournalFault, match="added one after the other"):
        journal.commit()
    journal.close()
    with pytest.raises(JournalCorrupt, match="record 4"):
        SqliteJournal.open(path, mode="PAPER", create=False)
