"""How long until a journal of 100,000 records is trusted again? Run: python benchmarks/bench_journal_recovery.py [--quick]

Measures reopening for writing, `verify`, and reading every record with its chain checked. Yardstick, in the same run: reading the same
file from end to end and hashing its bytes with SHA-256. The promise: recovery of 100,000 records within 5 s.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tidegate.journal.port import Durability
from tidegate.journal.store_sqlite import SqliteJournal, read_records
from tidegate.journal.verify import verify

RECORDS = 100_000
RECOVERY_S_MAX = 5.0


def realistic_payload(index: int) -> bytes:
    """Return about 600 bytes of JSON, like a decision with its findings."""
    findings = ",".join(
        f'{{"rule":"L2_CHECK_{rule:02d}","observed":{index * rule % 9_973},"limit":{rule * 100}}}' for rule in range(10)
    )
    return f'{{"decision":"d-{index:08d}","verdict":"REJECTED","asset":"BTC","findings":[{findings}]}}'.encode()


def seconds(work: Callable[[], object]) -> float:
    """Return how long a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    """Print the times and their ratio to the yardstick."""
    records = RECORDS // 10 if "--quick" in sys.argv else RECORDS
    payloads = [realistic_payload(index) for index in range(records)]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder) / "journal"

        def write() -> None:
            with SqliteJournal.open(path, mode="PAPER", durability=Durability.BATCH, create=True) as journal:
                for index, payload in enumerate(payloads):
                    journal.append(index, "decision", payload)

        write_s = seconds(write)
        size_bytes = path.stat().st_size
        yardstick_s = seconds(lambda: hash_file(path))
        open_s = seconds(lambda: SqliteJournal.open(path, mode="PAPER", create=False).close())
        verify_s = seconds(lambda: verify(path))
        read_s = seconds(lambda: sum(1 for _ in read_records(path)))
        assert verify(path).records == records
    recovery_s = open_s + verify_s + read_s
    allowed_s = RECOVERY_S_MAX * records / RECORDS
    print(f"{records:,} records of {sum(map(len, payloads)) / records:.0f} bytes, file of {size_bytes / 1e6:.1f} MB")
    print(f"write (BATCH):   {write_s:.3f} s = {records / write_s:>9,.0f} records/s")
    print(f"reopen:          {open_s:.3f} s")
    print(f"verify:          {verify_s:.3f} s = {records / verify_s:>9,.0f} records/s")
    print(f"read, checked:   {read_s:.3f} s = {records / read_s:>9,.0f} records/s")
    print(f"yardstick:       {yardstick_s:.3f} s to read and hash the same bytes")
    print(
        f"ratio:           {recovery_s / yardstick_s:.1f} x the yardstick for all three; {recovery_s:.2f} s (allowed: {allowed_s:.2f} s)"
    )
    return 0 if recovery_s <= allowed_s else 1


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file read sequentially."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
