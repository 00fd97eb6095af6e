"""Processes that write a journal so that tests can kill them. Run as a script; see `main` for the commands.

`serve` is a fork server: it reads one JSON request a line, forks a child for each, and reports on stdout: `pid N`, then the child's
`ack SEQ HASH` lines (each written only after commit returned), then `done STATUS`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
from pathlib import Path

from tidegate.errors import JournalError, JournalFault
from tidegate.journal import store_sqlite
from tidegate.journal.group_commit import GroupCommitter
from tidegate.journal.store_sqlite import SqliteJournal

ROOT = Path(__file__).resolve().parents[2]
COMMITS_MAX = 2_000


def say(text: str) -> None:
    """Write one line at once, in one system call: a kill cannot tear it."""
    os.write(1, f"{text}\n".encode())


def write_and_acknowledge(path: str, seed: int, commits: int, vfs: str | None = None) -> None:
    """Append, commit and acknowledge until killed or done."""
    chance = random.Random(seed)
    journal = SqliteJournal.open(path, mode="PAPER", create=True, vfs=vfs)
    say(f"ack {journal.durable_seq} {journal.head_hash.hex()}")
    for _ in range(commits):
        for _ in range(chance.randint(1, 4)):
            body = "x" * chance.choice((0, 20, 600, 3_000))
            record = journal.append(chance.randint(0, 2**60), "tick", f'{{"x":"{body}"}}'.encode())
        assert journal.commit() == record.seq
        say(f"ack {record.seq} {record.hash.hex()}")
    journal.close()


def write_through_group_commit(path: str, seed: int, submitters: int) -> None:
    """Keep many futures in flight and acknowledge each as it completes, until killed."""
    journal = SqliteJournal.open(path, mode="PAPER", create=True)
    committer = GroupCommitter(journal)
    for turn in range(COMMITS_MAX):
        flying = []
        for submitter in range(submitters):
            record = committer.append(turn, "tick", f'{{"turn":{turn},"of":{submitter},"seed":{seed}}}'.encode())
            flying.append((record, committer.request_commit()))
        for record, future in flying:
            assert future.result() >= record.seq
            say(f"ack {record.seq} {record.hash.hex()}")


def serve() -> None:
    """Fork one writer per request line."""
    sys.path.insert(0, str(ROOT))
    from tests.support.journal_disk import DieAt, TestDisk  # the script's own folder is no package

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                say(f"pid {os.getpid()}")
                path, seed = request["path"], request["seed"]
                if request.get("submitters"):
                    write_through_group_commit(path, seed, request["submitters"])
                elif request.get("die_at"):
                    store_sqlite.CHECKPOINT_PAGES = 6
                    disk = TestDisk(DieAt(request["die_at"]))
                    write_and_acknowledge(path, seed, request["commits"], disk.name)
                else:
                    write_and_acknowledge(path, seed, COMMITS_MAX)
                status = 0
            finally:
                os._exit(status)
        say(f"done {os.waitpid(child, 0)[1]}")


def hold(path: str, mode: str) -> None:
    """Open the journal, say so, and keep it until stdin ends; say `locked ...` when refused."""
    try:
        journal = SqliteJournal.open(path, mode=mode, create=True)
    except JournalError as error:
        say(f"{type(error).__name__} {error}")
        return
    say(f"open {os.getpid()}")
    sys.stdin.read()
    journal.close()


def fill(path: str, bytes_max: int) -> None:
    """Write until the file may not grow any more (RLIMIT_FSIZE), then report how the journal behaved as JSON."""
    journal = SqliteJournal.open(path, mode="PAPER", create=True)
    if bytes_max:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
    acknowledged, fault, later = 0, "", ""
    try:
        while True:
            journal.append(1, "tick", b'"' + b"x" * 3_000 + b'"')
            acknowledged = journal.commit()
    except JournalFault as error:
        fault = str(error)
    try:
        journal.append(2, "tick", b"{}")
    except JournalFault as error:
        later = str(error)
    released = journal.release_reserve()
    side_seq = 0
    from tidegate.journal.side_file import SideFile

    side = SideFile(Path(path))
    side_seq = side.append(3, "exit_approved", b'{"close":"BTC"}').seq
    side.close()
    journal.close()
    say(
        json.dumps(
            {"acknowledged": acknowledged, "fault": fault, "later": later, "released": released, "side": side_seq}
        )
    )


def main() -> None:
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["hold", path, mode]:
            hold(path, mode)
        case ["fill", path, bytes_max]:
            fill(path, int(bytes_max))
        case other:
            raise SystemExit(f"unknown command {other}")


if __name__ == "__main__":
    main()
