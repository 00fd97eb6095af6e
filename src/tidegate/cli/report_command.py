"""`tidegate report`: the report of a session, recomputed from its journal alone.

In: a journal, finished or still being written. Out: the same report, without what only the run itself knew (wall time, random entries).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments
from tidegate.cli.guard import FAILED, GOOD, answered

_EXAMPLES = (
    "tidegate report                                      the newest session here",
    "tidegate report var/journals/paper-seed-day-7-1.db --json",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Recompute a report."""
    words = Arguments(
        "report",
        "Recompute the report of a session from its journal alone, and check the journal's hash chain.",
        _EXAMPLES,
    )
    words.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="the journal (default: the newest in var/journals)"
    )
    words.add_argument("--json", action="store_true", help="print JSON")
    found = words.read(argv)
    return answered(lambda: _report(found.path, found.json))


def _report(path: Path | None, as_json: bool) -> int:
    from tidegate.cli.journals import existing
    from tidegate.cli.page import page
    from tidegate.cli.report_json import report_json
    from tidegate.cli.report_view import print_report
    from tidegate.matching.settings import FILL_RULES
    from tidegate.replay.recompute import recompute
    from tidegate.replay.report import Report

    again = recompute(existing(path))
    report = Report(again.numbers, again.limits, again.source, (), journal=again.journal, fill_rules=FILL_RULES)
    if as_json:
        print(report_json(report))
    else:
        print_report(page(), report)
    return FAILED if again.journal.problem else GOOD
