"""What the journal's tests share: sample records, child processes and the one judgement all crashes must pass."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from tidegate.journal.record import Record, genesis_hash, next_record
from tidegate.journal.store_sqlite import SqliteJournal, read_records
from tidegate.journal.verify import verify

ROOT = Path(__file__).resolve().parents[2]
CHILD = ROOT / "tests" / "support" / "journal_child.py"


def sample_records(count: int, mode: str = "PAPER") -> list[Record]:
    """Return the first `count` records of a small journal."""
    records: list[Record] = []
    for index in range(count):
        payload = f'{{"index":{index},"note":"{"x" * (index % 7)}"}}'.encode()
        kind = ("tick", "decision", "fill")[index % 3]
        records.append(next_record(records[-1] if records else None, 1_000 + index, kind, payload, genesis_hash(mode)))
    return records


def write_sample(path: Path, count: int, records_per_commit: int = 1) -> SqliteJournal:
    """Return an open journal that holds `sample_records(count)`, all durable."""
    journal = SqliteJournal.open(path, mode="PAPER", create=True)
    for index, record in enumerate(sample_records(count), start=1):
        journal.append(record.ts_ns, record.kind, record.payload)
        if index % records_per_commit == 0:
            journal.commit()
    journal.commit()
    return journal


def child(*arguments: str) -> subprocess.Popen[str]:
    """Start a process from `journal_child`, its stdin and stdout piped."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(CHILD), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def said(process: subprocess.Popen[str]) -> str:
    """Return the next line a child says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> None:
    """Let a child end by itself and close its pipes."""
    stream: IO[str] | None
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait(timeout=30)


class ForkServer:
    """Writers to be killed, at a few milliseconds each."""

    def __init__(self) -> None:
        self._process = child("serve")
        assert self._process.stdout is not None
        self._descriptor = self._process.stdout.fileno()
        self._pending = b""

    def start(self, **request: object) -> int:
        """Fork a writer and return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        word, pid = self._line(60).split()
        assert word == "pid"
        return int(pid)

    def run_until_killed(self, pid: int, acks_max: int, patience_s: float) -> dict[int, str]:
        """Kill the writer once it has acknowledged `acks_max` times and `patience_s` has passed without another word.

        Returns every acknowledgement it managed to give, seq -> hash.
        """
        acknowledged: dict[int, str] = {}
        while len(acknowledged) < acks_max:
            if not self._take(self._line(60), acknowledged):
                return acknowledged
        select.select([self._descriptor], [], [], patience_s)
        os.kill(pid, signal.SIGKILL)
        return self.drain(acknowledged)

    def drain(self, acknowledged: dict[int, str] | None = None) -> dict[int, str]:
        """Return the acknowledgements up to the writer's end."""
        taken = {} if acknowledged is None else acknowledged
        while self._take(self._line(60), taken):
            pass
        return taken

    def close(self) -> None:
        """End the server."""
        ended(self._process)

    status = 0

    def _take(self, line: str, acknowledged: dict[int, str]) -> bool:
        match line.split():
            case ["ack", seq, hash_hex]:
                acknowledged[int(seq)] = hash_hex
                return True
            case ["done", status]:
                self.status = int(status)
                return False
            case other:
                raise AssertionError(f"unexpected words from the writer: {other}")

    def _line(self, timeout_s: float) -> str:
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._descriptor], [], [], timeout_s)
            assert ready, "the writer has gone silent"
            chunk = os.read(self._descriptor, 65_536)
            assert chunk, "the fork server has died"
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()


def judge_after_crash(path: Path, acknowledged: dict[int, str]) -> int:
    """Assert that nothing acknowledged was lost and that the chain holds; return how many records there are. J1 J2 J3"""
    if not path.exists():
        assert not any(acknowledged), f"the journal is gone, and {max(acknowledged)} records were acknowledged"
        return 0
    report = verify(path)
    assert report.ok, report.chain_break
    found = {record.seq: record.hash.hex() for record in read_records(path)}
    assert sorted(found) == list(range(1, len(found) + 1))
    lost = {seq for seq, hash_hex in acknowledged.items() if seq and found.get(seq) != hash_hex}
    assert not lost, f"acknowledged and lost or changed: {sorted(lost)}"
    with SqliteJournal.open(path, mode="PAPER", create=False) as journal:
        assert journal.durable_seq == len(found)
    return len(found)
