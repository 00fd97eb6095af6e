"""How much does sharing one fsync among 64 submitters buy? Run: python benchmarks/bench_journal_group_commit.py [--quick]

Yardstick, in the same run on the same disk: one thread that commits (and so fsyncs) after every append. The promise is a ratio of at
least 5 for 64 tasks of one event loop, the shape of the server; the script fails below it. 64 threads are shown too: there Python's
own hand-over between threads costs more than the disk. Every shape gives every caller the same: its record was durable on release.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
from pathlib import Path

from tidegate.journal.group_commit import GroupCommitter
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.journal.verify import verify

SUBMITTERS = 64
RATIO_MIN = 5.0
PAYLOAD = b'{"intent":"' + b"x" * 580 + b'"}'


def one_by_one(path: Path, records: int) -> float:
    """Return durable appends per second with a commit for each."""
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        began = time.perf_counter()
        for index in range(records):
            journal.append(index, "intent", PAYLOAD)
            journal.commit()
        return records / (time.perf_counter() - began)


def threads(path: Path, records_each: int) -> tuple[float, list[float]]:
    """Return durable appends per second with 64 threads that each wait for their own record, and every wait in seconds."""
    waits_s: list[float] = []

    def submit(committer: GroupCommitter) -> None:
        own: list[float] = []
        for index in range(records_each):
            asked = time.perf_counter()
            committer.submit([(index, "intent", PAYLOAD)]).result()
            own.append(time.perf_counter() - asked)
        waits_s.extend(own)

    with SqliteJournal.open(path, mode="PAPER", create=True) as journal, GroupCommitter(journal) as committer:
        workers = [threading.Thread(target=submit, args=(committer,)) for _ in range(SUBMITTERS)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return SUBMITTERS * records_each / (time.perf_counter() - began), sorted(waits_s)


def tasks(path: Path, records_each: int) -> tuple[float, list[float]]:
    """Return the same for 64 asyncio tasks of one loop: the shape of the server."""
    waits_s: list[float] = []

    async def submit(committer: GroupCommitter) -> None:
        for index in range(records_each):
            asked = time.perf_counter()
            committer.append(index, "intent", PAYLOAD)
            await committer.request_commit_in_loop()
            waits_s.append(time.perf_counter() - asked)

    async def submit_all(committer: GroupCommitter) -> float:
        began = time.perf_counter()
        await asyncio.gather(*(submit(committer) for _ in range(SUBMITTERS)))
        return time.perf_counter() - began

    with SqliteJournal.open(path, mode="PAPER", create=True) as journal, GroupCommitter(journal) as committer:
        return SUBMITTERS * records_each / asyncio.run(submit_all(committer)), sorted(waits_s)


def main() -> int:
    """Print the rates and their ratios."""
    singles, records_each = (300, 25) if "--quick" in sys.argv else (2_000, 200)
    ratios: list[float] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        yardstick = one_by_one(Path(folder) / "single", singles)
        print(f"one fsync per append: {yardstick:>9,.0f} durable records/s")
        for shape in (threads, tasks):
            path = Path(folder) / shape.__name__
            rate, waits_s = shape(path, records_each)
            assert verify(path).records == SUBMITTERS * records_each
            ratios.append(rate / yardstick)
            waits = f"wait p50 {waits_s[len(waits_s) // 2] * 1e3:.2f} ms, p99 {waits_s[len(waits_s) * 99 // 100] * 1e3:.2f} ms"
            print(
                f"{SUBMITTERS} {shape.__name__:<17} {rate:>10,.0f} durable records/s, {waits}, ratio {ratios[-1]:.1f}"
            )
    print(f"ratio: {ratios[-1]:.1f} (required: {RATIO_MIN:.0f})")
    return 0 if ratios[-1] >= RATIO_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
