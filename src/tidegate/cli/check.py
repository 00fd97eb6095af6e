"""`tidegate check`: ask the gate without trading. Nothing is journaled, reserved or sent.

In: an intent in words and a moment of a scenario. Out: every finding; exit 0 when the gate would approve, 1 when it would reject.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments, whole
from tidegate.cli.guard import FAILED, GOOD, answered

_EXAMPLES = (
    "tidegate check --strategy BTC_range_scalp --pair BTC/USD --amount 25 --side long",
    "tidegate check --strategy agent_signal --pair ETH/USDT --amount 50 --side short --scenario seed-day --at 1h28m",
    "tidegate check --strategy agent_signal --pair BTC/USD --amount 500 --side long --stop-bps 600 --confidence 0.7",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Judge one intent at one moment."""
    words = Arguments("check", "Ask the gate without trading: every finding of a dry run.", _EXAMPLES)
    words.add_argument("--strategy", required=True, metavar="S", help="key or display name, such as BTC_range_scalp")
    words.add_argument("--pair", required=True, metavar="P", help="such as BTC/USD, BTC/USDT or BTC")
    words.add_argument("--amount", required=True, metavar="USD", help="notional in USD; it is not multiplied")
    words.add_argument("--side", default="auto", metavar="SIDE", help="long, short or auto (default)")
    words.add_argument("--stop-bps", metavar="BPS", help="instead of the strategy's stop")
    words.add_argument(
        "--targets", metavar="BPS,...", default="", help="instead of the strategy's targets, such as 25,50,90"
    )
    words.add_argument("--limit-price", metavar="USD", help="worst price of the entry")
    words.add_argument("--confidence", metavar="0..1", help="stated confidence: under 0.80 the gate refuses")
    words.add_argument("--scenario", default="open-market", metavar="NAME", help="whose market (default open-market)")
    words.add_argument("--seed", type=whole, default=7, metavar="N", help="noise of that market (default 7)")
    words.add_argument("--at", default="15m", metavar="SPAN", help="virtual time since its start (default 15m)")
    words.add_argument("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    found = words.read(argv)
    return answered(lambda: _check(found))


def _check(found: argparse.Namespace) -> int:
    from rich.text import Text

    from tidegate.cli.decision_view import print_decision, print_facts
    from tidegate.cli.dry_run import dry_run
    from tidegate.cli.page import heading, page
    from tidegate.cli.words import when
    from tidegate.config.load import DEFAULT_PATH, load

    judged = dry_run(load(found.config or DEFAULT_PATH), found)
    out = page()
    told = f"Dry run at {when(judged.snapshot.asof_ns)} UTC of {found.scenario}: nothing is journaled or sent"
    out.print(Text(told, style="bold"), soft_wrap=True)
    print_decision(out, judged.intent, judged.decision, True)
    heading(out, "What is known")
    print_facts(out, judged.snapshot)
    return GOOD if judged.decision.approved else FAILED
