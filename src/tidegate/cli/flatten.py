"""`tidegate flatten`: cancel everything, close everything, and do not believe it before the venue says flat.

In: a running session. Out: its state until flat; exit 0 when verified flat, 1 with the residual when it is not within 60 s. `--drill` (and no
session running) rehearses the whole path in memory and prints what was required and what happened.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments
from tidegate.cli.guard import FAILED, GOOD, answered, complain
from tidegate.cli.operate import me, told

WAIT_S = 60.0
_ASK_EVERY_S = 0.5
_EXAMPLES = (
    "tidegate flatten                          close everything now",
    'tidegate flatten --reason "leaving"       with your own reason',
    "tidegate flatten --drill                  rehearse it, nothing running is touched",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Flatten the running session, or rehearse it."""
    words = Arguments(
        "flatten",
        "Cancel everything, close everything, wait until the venue says flat. Entries stay halted afterwards.",
        _EXAMPLES,
    )
    words.add_argument("--reason", default="operator pressed flatten", metavar="R", help="why; it is journaled")
    words.add_argument("--by", default=me(), metavar="NAME", help=f"who does it (default: {me()})")
    words.add_argument(
        "--journal",
        type=Path,
        metavar="PATH",
        help="journal of the running session (default: the newest being written)",
    )
    words.add_argument(
        "--drill", action="store_true", help="rehearse in memory: open, halt, flatten, verify, try to trade"
    )
    words.add_argument("--config", type=Path, metavar="F", help="config file of the drill (default: the shipped one)")
    found = words.read(argv)
    if found.drill:
        return answered(lambda: _drill(found.config))
    return answered(lambda: _flatten(found))


def _flatten(found: argparse.Namespace) -> int:
    obeyed, text = told(found.journal, "flatten", found.by, found.reason)
    if not obeyed:
        complain(text)
        return FAILED
    print(text)
    return wait_until_flat(found.journal)


def wait_until_flat(journal: Path | None, wait_s: float = WAIT_S) -> int:
    """Ask for the state until nothing is open and nothing is being closed; return 0 when flat, 1 with what is left."""
    deadline_s, last = time.monotonic() + wait_s, ""
    while time.monotonic() < deadline_s:
        _, text = told(journal, "state")
        if text != last:
            print(f"  {text}", flush=True)
            last = text
        if text.startswith("HALTED; open trades 0;"):
            print(
                "flat: the venue was read again and holds nothing. Entries stay halted: tidegate lift OPERATOR --by NAME --reason R"
            )
            return GOOD
        time.sleep(_ASK_EVERY_S)
    complain(f"NOT FLAT after {wait_s:g} s: {last}; it goes on trying. Look at the venue yourself now")
    return FAILED


def _drill(config: Path | None) -> int:
    from rich.table import Table
    from rich.text import Text

    from tidegate.cli.page import FAILED as WRONG
    from tidegate.cli.page import OK, mark, page
    from tidegate.config.load import DEFAULT_PATH, load
    from tidegate.engine.drill import kill_drill

    rows = kill_drill(load(config or DEFAULT_PATH))
    out = page()
    out.print(Text("Kill drill in the simulator: nothing that runs is touched", style="bold"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("promise", "required", "actual", ""):
        table.add_column(name)
    for row in rows:
        table.add_row(row.name, row.required, row.actual, mark(OK if row.ok else WRONG))
    out.print(table)
    good = all(row.ok for row in rows)
    print(
        "the kill path works" if good else "THE KILL PATH DOES NOT WORK: do not trade with this build", file=sys.stdout
    )
    return GOOD if good else FAILED
