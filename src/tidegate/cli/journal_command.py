"""`tidegate journal verify|show|head|export`: look at the truth itself. Reads only, also beside a running session.

In: a journal. Out: its verdict, its records as lines, its head, or its records as JSON lines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli.arguments import Arguments, counted
from tidegate.cli.guard import FAILED, GOOD, answered
from tidegate.errors import InputError

if TYPE_CHECKING:
    from tidegate.journal.record import Record

_ABOUT = {
    "verify": "every hash, link and the head mark; exit 1 at the first break",
    "show": "records as one line each",
    "head": "the last record's number and hash",
    "export": "records as JSON lines, as they were written",
}
_EXAMPLES = (
    "tidegate journal verify                                   the newest session here",
    "tidegate journal show var/journals/paper-seed-day-7-1.db --last 20",
    "tidegate journal show --kind DecisionMade",
    "tidegate journal export --from 100 > records.jsonl",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Look at a journal."""
    about = "Verify, show or export a journal.\n\n" + "\n".join(f"  {name:8} {text}" for name, text in _ABOUT.items())
    words = Arguments("journal", about, _EXAMPLES)
    words.add_argument("what", choices=tuple(_ABOUT), metavar="verify|show|head|export")
    words.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="the journal (default: the newest in var/journals)"
    )
    words.add_argument(
        "--from", dest="from_seq", type=counted, default=1, metavar="SEQ", help="begin at this record (show, export)"
    )
    words.add_argument("--last", type=counted, metavar="N", help="only the last N records (show, export)")
    words.add_argument(
        "--kind",
        action="append",
        metavar="KIND",
        help="only records of this kind, such as DecisionMade; may be repeated",
    )
    found = words.read(argv)
    return answered(lambda: _look(found))


def _look(found: argparse.Namespace) -> int:
    from tidegate.cli.journals import existing

    path = existing(found.path)
    match found.what:
        case "verify":
            return _verify(path)
        case "head":
            return _head(path)
        case "show":
            return _show(path, found)
        case _:
            return _export(path, found)


def _verify(path: Path) -> int:
    from tidegate.cli.page import page
    from tidegate.cli.words import thousands
    from tidegate.journal.verify import verify

    def progress(records: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{thousands(records)} records", end="", file=sys.stderr, flush=True)

    report = verify(path, progress)
    out = page()
    out.print(
        f"{path}: mode {report.mode or 'unknown'}, {thousands(report.records)} records", soft_wrap=True, markup=False
    )
    for count in report.kinds:
        out.print(f"  {count.kind:16} {thousands(count.records):>10}", markup=False)
    if report.chain_break is None:
        out.print(
            f"ok: every hash and link holds; head {report.head_hash.hex()}", style="green", soft_wrap=True, markup=False
        )
        return GOOD
    broken = report.chain_break
    told = f"BROKEN at record {broken.seq}: {broken.cause}; the {thousands(report.records)} records before it hold"
    out.print(told, style="bold red", soft_wrap=True, markup=False)
    return FAILED


def _head(path: Path) -> int:
    from tidegate.cli.words import when
    from tidegate.journal.store_sqlite import read_records

    last = None
    for record in read_records(path):
        last = record
    print(f"{path}: empty" if last is None else f"{last.seq} {last.hash.hex()} {when(last.ts_ns)} UTC {last.kind}")
    return GOOD


def _show(path: Path, found: argparse.Namespace) -> int:
    from tidegate.cli.page import page
    from tidegate.cli.words import when

    out = page()
    for record in _records(path, found):
        line = f"{record.seq:>7} {when(record.ts_ns)} {record.kind:15} {record.payload.decode('utf-8', 'replace')}"
        out.print(line, overflow="ellipsis", no_wrap=True, crop=True, markup=False)
    return GOOD


def _export(path: Path, found: argparse.Namespace) -> int:
    import msgspec

    for record in _records(path, found):
        line = {
            "seq": record.seq,
            "ts_ns": record.ts_ns,
            "kind": record.kind,
            "payload": msgspec.Raw(record.payload),
            "prev_hash": record.prev_hash.hex(),
            "hash": record.hash.hex(),
        }
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    return GOOD


def _records(path: Path, found: argparse.Namespace) -> Iterable[Record]:
    from collections import deque

    from tidegate.journal.store_sqlite import read_records

    if found.kind:
        known = _kinds()
        for kind in found.kind:
            if kind not in known:
                raise InputError("--kind", kind, f"one of {', '.join(known)}")
    records = read_records(path, found.from_seq, found.kind)
    return deque(records, maxlen=found.last) if found.last else records


def _kinds() -> tuple[str, ...]:
    from typing import get_args

    from tidegate.model.event import Event

    return tuple(kind.__name__ for kind in get_args(Event))
