"""`tidegate explain ID`: what was asked, what was known, what the gate found, and the same decision made again from the journal.

In: a decision id and a journal. Out: the whole decision; exit 0 when deciding again gives it byte for byte, 1 when not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments
from tidegate.cli.guard import FAILED, GOOD, answered

_EXAMPLES = (
    "tidegate explain                                      the last decision of the newest session",
    "tidegate explain D1a2b3c4d2f --journal var/journals/paper-seed-day-7-1.db",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Explain one decision."""
    words = Arguments("explain", "Explain one decision and decide it again from the journal.", _EXAMPLES)
    words.add_argument(
        "id", nargs="?", default="", metavar="ID", help="decision id or its beginning (default: the last decision)"
    )
    words.add_argument("--journal", type=Path, metavar="PATH", help="the journal (default: the newest in var/journals)")
    words.add_argument("--brief", action="store_true", help="only the findings that rejected, cut or warned")
    found = words.read(argv)
    return answered(lambda: _explain(found.id, found.journal, not found.brief))


def _explain(wanted: str, journal: Path | None, whole: bool) -> int:
    from rich.text import Text

    from tidegate.cli.decision_view import print_decision, print_facts
    from tidegate.cli.journals import existing
    from tidegate.cli.page import heading, page
    from tidegate.cli.plain import told
    from tidegate.cli.words import when
    from tidegate.replay.redecide import last_decision_id, redecide

    path = existing(journal)
    again = redecide(path, wanted or last_decision_id(path))
    out, intent, decision = page(), again.intent, again.recorded.decision
    out.print(
        Text(
            f"Decision {decision.decision_id}, record {again.seq} of {path}, {when(decision.asof_ns)} UTC", style="bold"
        ),
        soft_wrap=True,
    )
    stop = "no stop" if intent.stop_bps is None else f"stop {intent.stop_bps / 1e8:g} bps"
    out.print(Text(f"  asked by {intent.principal} for {intent.strategy} in {intent.mode}, {stop}"), soft_wrap=True)
    print_decision(out, intent, decision, whole)
    heading(out, "What was known")
    print_facts(out, again.recorded.snapshot)
    if again.outcome:
        heading(out, "What became of it")
        for before, event in again.outcome:
            for line in told(event, before, None):
                out.print(Text(f"  {when(event.ts_ns)}  {line}"), soft_wrap=True)
    heading(out, "Decided again from the journal")
    if again.equal:
        out.print(Text("  recomputed: equal, byte for byte", style="green"))
        return GOOD
    out.print(Text("  recomputed: DIFFERENT", style="bold red"))
    for line in again.differences():
        out.print(Text(f"  {line}"), soft_wrap=True)
    return FAILED
