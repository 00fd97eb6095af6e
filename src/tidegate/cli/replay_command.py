"""The words of `tidegate replay`. In: arguments. Out: an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments

_EXAMPLES = (
    "tidegate replay tapes/2025-05_range_1m --assets BTC --assume spread_bps=1 --assume depth_usd=2000000 --assume health_factor=2.45",
    "tidegate replay tapes/2025-10_crash_5m                       coarse candles: a probe asks every 60 virtual minutes",
    "tidegate replay tapes/2025-05_range_1m --intents mine.jsonl  ask your own questions",
    "tidegate replay recording.gz --no-journal                    a raw stream recording",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Replay a tape or a recording."""
    found = _words().read(argv)
    from tidegate.cli.replay import ReplayOptions, run_replay

    options = ReplayOptions(
        tape=found.tape,
        assets=found.assets,
        assume=tuple(found.assume),
        policy=found.review_policy,
        journal=found.journal,
        keep=not found.no_journal,
        begin=found.begin,
        end=found.end,
        probe=found.probe,
        intents=found.intents,
        plain=found.plain,
        as_json=found.json,
    )
    return run_replay(found.config, options)


def _words() -> Arguments:
    words = Arguments(
        "replay", "Run recorded market data through the same engine at full speed, then report.", _EXAMPLES
    )
    words.add_argument("tape", type=Path, metavar="FOLDER|FILE", help="a folder of candles, or a .gz stream recording")
    words.add_argument(
        "--assets", metavar="A,B", default="", help="only these, such as BTC,ETH (default: the whitelist)"
    )
    assume = "supply what the tape lacks; may be repeated"
    words.add_argument("--assume", metavar="NAME=VALUE", action="append", default=[], help=assume)
    policy = "scripted operator: none, immediate or daily@HH:MM"
    words.add_argument("--review-policy", metavar="P", default="daily@00:00", help=policy)
    place = words.add_mutually_exclusive_group()
    place.add_argument(
        "--journal", type=Path, metavar="PATH", help="where it is written (default: var/journals/replay-...)"
    )
    place.add_argument(
        "--no-journal", action="store_true", help="keep the journal in memory; then nothing is recomputed"
    )
    words.add_argument(
        "--from", dest="begin", metavar="TIME", default="", help="begin here, such as 2025-05-04 (UTC; candles only)"
    )
    words.add_argument("--to", dest="end", metavar="TIME", default="", help="end here (UTC; candles only)")
    words.add_argument(
        "--probe",
        metavar="SPAN",
        default="",
        help="ask both sides of each asset every SPAN, or off (coarse tapes: 60m)",
    )
    words.add_argument("--intents", type=Path, metavar="FILE", help="JSON lines {at, strategy, pair, side, amount}")
    words.add_argument("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    words.add_argument("--plain", action="store_true", help="tell every event on the way, one line each")
    words.add_argument("--json", action="store_true", help="print the report as JSON")
    return words
