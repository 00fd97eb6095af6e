"""The end of a run: gather its numbers, recompute them from its journal, print the report, and say whether it can be believed.

In: a closed run. Out: the report on the console (or JSON on stdout) and an exit code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tidegate.cli.guard import FAILED, GOOD
from tidegate.cli.report_json import report_json
from tidegate.cli.report_view import print_report
from tidegate.config.load import Settings
from tidegate.engine.run import Run
from tidegate.matching.settings import FILL_RULES, assumptions
from tidegate.replay.counts import RunCounts
from tidegate.replay.recompute import differences, recompute
from tidegate.replay.report import FeedFacts, Report, halted_by_fault, numbers_of


@dataclass(frozen=True, slots=True)
class Ending:
    """What the report needs beside the run: its settings, its journal (None: in memory), and in which form."""

    settings: Settings
    path: Path | None
    as_json: bool


def finish(out: Console, run: Run, counts: RunCounts, facts: FeedFacts, ending: Ending) -> int:
    """Report on a closed run; return 1 when a fault holds it or the journal does not confirm the report."""
    report = report_of(run, counts, facts, ending)
    if ending.as_json:
        print(report_json(report))
    else:
        print_report(out, report)
    unproved = bool(report.differences) or (report.journal is not None and bool(report.journal.problem))
    return FAILED if unproved or halted_by_fault(run.engine.session) else GOOD


def report_of(run: Run, counts: RunCounts, facts: FeedFacts, ending: Ending) -> Report:
    """Gather the report of a closed run. Raises JournalError when its journal cannot be read back."""
    settings, path = ending.settings, ending.path
    chronicle = run.engine.chronicle
    session = chronicle.session
    numbers = numbers_of(session, chronicle.totals, counts)
    again = recompute(path) if path is not None else None
    assumed = f"assumed: {', '.join(facts.assumed) or 'nothing'}; review policy: {facts.policy}"
    return Report(
        numbers=numbers,
        limits=run.engine.limits,
        source=again.source if again is not None else f"{facts.name}; {assumed}",
        control=run.random_control.summary() if run.random_control is not None else (),
        feed=facts,
        journal=again.journal if again is not None else None,
        differences=differences(numbers, again.numbers) if again is not None else None,
        fill_rules=FILL_RULES,
        simulator=assumptions(settings.paper, tuple(run.engine.limits.assets)),
        unrealised_usd=session.unrealised_usd(run.engine.known_prices()),
    )
