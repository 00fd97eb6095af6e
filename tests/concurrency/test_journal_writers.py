"""One writer across processes, any number of readers, many submitters behind one fsync. INVARIANT: S4 J2"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.support.journal_disk import FailAt, TestDisk, eio_sync
from tests.support.journal_lab import child, ended, said, write_sample
from tidegate.errors import JournalError, JournalFault, JournalLocked
from tidegate.journal import store_sqlite
from tidegate.journal.group_commit import GroupCommitter, _serve
from tidegate.journal.record import Record
from tidegate.journal.store_sqlite import SqliteJournal, read_records
from tidegate.journal.verify import verify
from tidegate.journal.writer_lock import WriterLock

SUBMITTERS = 64
RECORDS_EACH = 12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    with SqliteJournal.open(path, mode="PAPER", create=True) as opened:
        yield opened


def test_a_second_process_is_refused_and_told_who_holds_the_journal(path: Path) -> None:
    first = child("hold", str(path), "PAPER")
    assert said(first) == f"open {first.pid}"
    second = child("hold", str(path), "PAPER")
    refusal = said(second)
    assert refusal.startswith("JournalLocked")
    assert f"process {first.pid};" in refusal
    ended(second)
    ended(first)
    third = child("hold", str(path), "PAPER")
    assert said(third) == f"open {third.pid}"
    ended(third)


def test_kill_minus_nine_of_the_holder_frees_the_journal_at_once(path: Path) -> None:
    first = child("hold", str(path), "PAPER")
    assert said(first).startswith("open")
    os.kill(first.pid, signal.SIGKILL)
    ended(first)
    assert Path(f"{path}.lock").exists()
    second = child("hold", str(path), "PAPER")
    assert said(second) == f"open {second.pid}"
    ended(second)


def test_the_same_process_cannot_open_it_twice_not_even_through_a_link(
    journal: SqliteJournal, path: Path, tmp_path: Path
) -> None:
    (tmp_path / "alias").symlink_to(path)
    for name in (path, tmp_path / "alias"):
        with pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
            SqliteJournal.open(name, mode="PAPER", create=True)
    journal.append(1, "tick", b"{}")
    assert journal.commit() == 1


def test_a_forked_child_does_not_keep_the_lock_of_its_dead_parent(path: Path) -> None:
    lock = WriterLock.acquire(path)
    end_read, end_write = os.pipe()
    alive_read, alive_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end_write)
        os.write(alive_write, b"!")
        os.read(end_read, 1)
        os._exit(0)
    os.close(end_read)
    assert os.read(alive_read, 1) == b"!"
    lock._forget()  # what the kernel does when the parent dies
    WriterLock.acquire(path).release()
    for descriptor in (end_write, alive_read, alive_write):
        os.close(descriptor)
    os.waitpid(pid, 0)


def test_a_lock_file_removed_between_open_and_lock_is_taken_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder leaves exactly while we open its lock file: we must not end up holding a name nobody else sees."""
    from tidegate.journal import writer_lock

    real, calls = writer_lock.fcntl.flock, 0

    def flock(descriptor: int, operation: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            os.unlink(f"{path}.lock")
        real(descriptor, operation)

    monkeypatch.setattr(writer_lock.fcntl, "flock", flock)
    lock = WriterLock.acquire(path)
    assert calls == 2
    with pytest.raises(JournalLocked):
        WriterLock.acquire(path)
    lock.release()
    lock.release()


def test_readers_work_beside_a_writer(journal: SqliteJournal, path: Path) -> None:
    for count in range(1, 30):
        journal.append(count, "tick", b"{}")
        assert len(list(read_records(path))) == count - 1
        journal.commit()
        report = verify(path)
        assert (report.ok, report.records) == (True, count)


def test_another_process_reads_while_this_one_writes(path: Path) -> None:
    writer = child("hold", str(path), "PAPER")
    said(writer)
    assert verify(path).ok
    assert list(read_records(path)) == []
    ended(writer)


def test_a_verify_that_runs_beside_a_busy_writer_never_cries_wolf(journal: SqliteJournal, path: Path) -> None:
    stop, reports = threading.Event(), []

    def watch() -> None:
        while not stop.is_set():
            reports.append(verify(path))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(150):
        for _ in range(5):
            journal.append(1, "tick", bytes(3_000))
        journal.commit()
    stop.set()
    watcher.join()
    assert reports
    assert all(report.ok for report in reports)


def test_sixty_four_threads_share_commits_in_the_order_of_their_seq(journal: SqliteJournal, path: Path) -> None:
    taken: list[list[Record]] = [[] for _ in range(SUBMITTERS)]
    gate = threading.Barrier(SUBMITTERS)

    def submit(index: int, committer: GroupCommitter) -> None:
        gate.wait()
        for turn in range(RECORDS_EACH):
            record = committer.append(turn, "tick", f'{{"from":{index},"turn":{turn}}}'.encode())
            durable_seq = committer.request_commit().result()
            assert durable_seq >= record.seq
            assert journal.durable_seq >= record.seq
            taken[index].append(record)

    with GroupCommitter(journal) as committer:
        threads = [threading.Thread(target=submit, args=(index, committer)) for index in range(SUBMITTERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stored = list(read_records(path))
    assert stored == sorted((record for records in taken for record in records), key=lambda record: record.seq)
    assert len(stored) == SUBMITTERS * RECORDS_EACH
    for records in taken:
        assert [record.ts_ns for record in records] == list(range(RECORDS_EACH))
        assert [record.seq for record in records] == sorted(record.seq for record in records)


def test_one_fsync_serves_everyone_who_waited(path: Path) -> None:
    write_sample(path, 1).close()
    plan = FailAt("sync", 0, eio_sync)  # counts only
    with TestDisk(plan) as disk, SqliteJournal.open(path, mode="PAPER", create=False, vfs=disk.name) as journal:
        journal.append(0, "tick", b"{}")
        journal.commit()
        before = plan.seen
        committer = GroupCommitter(journal)
        journal._commit_lock.acquire()  # as if a long fsync were running
        first = committer.submit([(1, "tick", b"{}")])
        rest = [committer.submit([(2, "tick", b"{}")]) for _ in range(50)]
        journal._commit_lock.release()
        assert first.result() >= 3
        assert {future.result() for future in rest} == {53}
        assert plan.seen - before <= 2
        committer.close()


def test_a_submitted_group_stays_together(journal: SqliteJournal) -> None:
    with GroupCommitter(journal) as committer:

        def submit(name: str) -> None:
            for _ in range(20):
                committer.submit([(1, name, b"1"), (2, name, b"2"), (3, name, b"3")]).result()

        threads = [threading.Thread(target=submit, args=(f"thread-{index}",)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kinds = [record.kind for record in journal.read()]
    assert len(kinds) == 240
    assert all(len(set(kinds[start : start + 3])) == 1 for start in range(0, 240, 3))


def test_asyncio_tasks_are_released_after_a_shared_commit(journal: SqliteJournal) -> None:
    async def submit(committer: GroupCommitter, index: int) -> tuple[int, int]:
        record = committer.append(index, "tick", b"{}")
        return record.seq, await (
            committer.request_commit_in_loop() if index % 2 else asyncio.wrap_future(committer.request_commit())
        )

    async def run() -> list[tuple[int, int]]:
        with GroupCommitter(journal) as committer:
            return await asyncio.gather(*(submit(committer, index) for index in range(100)))

    answers = asyncio.run(run())
    assert [seq for seq, _ in answers] == list(range(1, 101))
    assert all(durable_seq >= seq for seq, durable_seq in answers)


def test_a_client_that_stops_waiting_loses_no_record_and_disturbs_nobody(journal: SqliteJournal) -> None:
    async def run() -> int:
        with GroupCommitter(journal) as committer:
            journal._commit_lock.acquire()
            gone = [asyncio.wrap_future(committer.submit([(1, "tick", b"{}")])), committer.request_commit_in_loop()]
            staying = asyncio.wrap_future(committer.submit([(2, "tick", b"{}")]))
            staying_too = committer.request_commit_in_loop()
            assert all(waiter.cancel() for waiter in gone)
            journal._commit_lock.release()
            return min(await staying, await staying_too)

    assert asyncio.run(run()) >= 2
    assert [record.ts_ns for record in journal.read()] == [1, 2]


def test_a_fault_reaches_the_tasks_of_a_loop(path: Path) -> None:
    write_sample(path, 1).close()

    async def run(committer: GroupCommitter) -> list[int | BaseException]:
        waiting = []
        for index in range(3):
            committer.append(index, "tick", b"{}")
            waiting.append(committer.request_commit_in_loop())
        return await asyncio.gather(*waiting, return_exceptions=True)

    with TestDisk(FailAt("sync", 1, eio_sync)) as disk:
        journal = SqliteJournal.open(path, mode="PAPER", create=False, vfs=disk.name)
        with GroupCommitter(journal) as committer:
            journal._commit_lock.acquire()
            threading.Thread(target=lambda: journal._commit_lock.release()).start()
            outcomes = asyncio.run(run(committer))
        assert isinstance(outcomes[-1], JournalFault)
        journal.close()


def test_a_loop_that_is_gone_does_not_stop_the_commits(journal: SqliteJournal) -> None:
    async def leave(committer: GroupCommitter) -> None:
        committer.append(1, "tick", b"{}")
        committer.request_commit_in_loop()

    with GroupCommitter(journal) as committer:
        journal._commit_lock.acquire()
        asyncio.run(leave(committer))
        journal._commit_lock.release()
        assert committer.submit([(2, "tick", b"{}")]).result() == 2


def test_a_bug_in_the_commit_thread_releases_nobody_as_durable(journal: SqliteJournal) -> None:
    class Buggy:
        faulted = False

        def make_durable(self) -> int:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        future: Future[int] = Future()
        _serve(Buggy(), future)  # type: ignore[arg-type]
    with pytest.raises(JournalFault, match="stopped on a bug"):
        future.result()


def test_a_fault_reaches_everyone_who_waits_and_everyone_after(path: Path) -> None:
    write_sample(path, 1).close()
    plan = FailAt("sync", 2, eio_sync)
    with TestDisk(plan) as disk:
        journal = SqliteJournal.open(path, mode="PAPER", create=False, vfs=disk.name)
        committer = GroupCommitter(journal)
        journal._commit_lock.acquire()
        waiting = [committer.submit([(index, "tick", b"{}")]) for index in range(10)]
        journal._commit_lock.release()
        outcomes = [outcome(future) for future in waiting]
        later = committer.request_commit()
        if not journal.faulted:  # the first commit may have carried all ten: then the next one meets the fault
            later = committer.submit([(11, "tick", b"{}")])
        assert outcome(later) == "fault" or outcome(committer.submit([(12, "tick", b"{}")])) == "fault"
        assert "fault" not in outcomes or outcomes[-1] == "fault"
        with pytest.raises(JournalFault):
            committer.append(1, "tick", b"{}")
        with pytest.raises(JournalFault):
            committer.submit([(1, "tick", b"{}")])
        assert outcome(committer.request_commit()) == "fault"
        committer.close()
        journal.close()


def outcome(future: Future[int]) -> str:
    try:
        future.result()
    except JournalFault:
        return "fault"
    return "durable"


def test_a_closed_committer_serves_whoever_waited_and_refuses_the_next(journal: SqliteJournal) -> None:
    committer = GroupCommitter(journal)
    last = committer.submit([(1, "tick", b"{}")])
    committer.close()
    committer.close()
    assert last.result() == 1
    with pytest.raises(JournalError, match="closed"):
        committer.request_commit()


def test_a_request_without_appends_is_answered_too(journal: SqliteJournal) -> None:
    with GroupCommitter(journal) as committer:
        assert committer.request_commit().result() == 0


def test_a_fault_while_tidying_up_reaches_the_next_who_asks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit itself was durable, so its waiter is released; the checkpoint after it fails."""
    monkeypatch.setattr(store_sqlite, "CHECKPOINT_PAGES", 1)
    write_sample(path, 1).close()
    plan = FailAt("truncate", 0, eio_sync)
    with TestDisk(plan) as disk:
        journal = SqliteJournal.open(path, mode="PAPER", create=False, vfs=disk.name)
        with GroupCommitter(journal) as committer:
            plan.operation, plan.n = "sync", 3  # two of the first commit (WAL header, frames), then the checkpoint's
            plan.seen = 0
            assert committer.submit([(1, "tick", b"{}")]).result() == 2
            outcomes = [outcome(committer.request_commit()) for _ in range(3)]
        assert outcomes[-1] == "fault"
        assert journal.durable_seq == 2
        journal.close()
