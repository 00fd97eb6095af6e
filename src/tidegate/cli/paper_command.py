"""The words of `tidegate paper`. In: arguments. Out: an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments, counted, whole

_EXAMPLES = (
    "tidegate paper                                 the seed's day, 5 h in about 75 s",
    "tidegate paper --scenario crash --speed max    as fast as it goes",
    "tidegate paper --scenario open-market          an endless market; strategies idle until somebody asks",
    "tidegate paper --seed 11 --for 2h --plain      other noise, two virtual hours, one line an event",
    "tidegate paper --fresh                         do not go on with an unfinished session",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one PAPER session."""
    words = Arguments(
        "paper", "Trade a built-in scenario in PAPER: no keys, no real money. Ends with a report.", _EXAMPLES
    )
    words.add_argument(
        "--scenario",
        metavar="NAME",
        default="seed-day",
        help="seed-day (default), open-market, crash, or a scenario file",
    )
    words.add_argument(
        "--seed",
        type=whole,
        metavar="N",
        default=7,
        help="noise of the market; the same seed is the same market (default 7)",
    )
    words.add_argument("--speed", metavar="N", default="", help="virtual seconds per second, or max")
    words.add_argument(
        "--journal", type=Path, metavar="PATH", help="where the session is written (default: var/journals/paper-...)"
    )
    words.add_argument("--fresh", action="store_true", help="start a new session even when one is unfinished")
    words.add_argument(
        "--max-trades", type=counted, metavar="N", help="can only tighten: the smaller of N and the day's cap holds"
    )
    words.add_argument(
        "--review-policy", metavar="P", default="daily@00:00", help="scripted operator: none, immediate or daily@HH:MM"
    )
    words.add_argument("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    words.add_argument(
        "--for", dest="lasting", metavar="SPAN", default="", help="virtual time to run, such as 90s, 30m or 2h"
    )
    words.add_argument("--plain", action="store_true", help="one line an event instead of the monitor")
    words.add_argument("--json", action="store_true", help="print the report as JSON; lines go to stderr")
    found = words.read(argv)
    from tidegate.cli.paper import PaperOptions, run_paper

    options = PaperOptions(
        scenario=found.scenario,
        seed=found.seed,
        speed=found.speed,
        journal=found.journal,
        fresh=found.fresh,
        policy=found.review_policy,
        lasting=found.lasting,
        plain=found.plain,
        as_json=found.json,
    )
    return run_paper(found.config, found.max_trades, options)
