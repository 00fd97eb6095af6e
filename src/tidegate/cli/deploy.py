"""`scripts/deploy_tactical_scalps.py`: check a deployment, or start a session.

In: `--validate-only | --mode paper|test|live [--max-trades N] [--config F] [--log-level L]`. Out: the pre-flight or a paper session, and its
exit code. A session attaches to the server that runs in this folder; without one it hosts its own. TEST and LIVE are refused while this build
has no real-money venue: nothing is sent. INVARIANT: M1 S4
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from tidegate.cli import validate
from tidegate.cli.page import complain, load_or_complain, whole_number
from tidegate.model.intent import Mode

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
MISSING_IN_THIS_BUILD = (
    "a real-money venue (ccxt) with its last-inch check",
    "reconciliation against that venue",
    "an armed token and the typed confirmation",
    "the promotion record (tidegate promote)",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Check or start. Returns 0, 1 when a check fails, 2 for bad usage, a config that is refused, or a mode this build does not have."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=options.log_level)
    if options.validate_only:
        return validate.run(options.config)
    mode = Mode(options.mode)
    if mode is Mode.PAPER:
        return _paper(options.config, options.max_trades)
    return _refuse(mode)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="deploy_tactical_scalps.py", description="check a deployment or start a session"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--validate-only", action="store_true", help="run the pre-flight and stop")
    what.add_argument("--mode", choices=[str(mode) for mode in Mode], help="start a session")
    parser.add_argument(
        "--max-trades", type=whole_number, metavar="N", help="can only tighten: the smaller of N and the cap holds"
    )
    parser.add_argument("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    parser.add_argument("--log-level", type=str.upper, choices=LEVELS, default="WARNING", help="how much the log says")
    return parser


def _paper(config: Path | None, max_trades: int | None) -> int:
    from tidegate.api.server_file import find

    server = find()
    if server is None:
        return _own(config, max_trades)
    if config is not None:
        complain(f"--config {config} is not used: the config of the running server (pid {server.pid}) is in force")
    from tidegate.cli.attached import run_attached
    from tidegate.cli.guard import answered

    return answered(lambda: run_attached(server, max_trades))


def _own(config: Path | None, max_trades: int | None) -> int:
    """Host a session of its own."""
    settings = load_or_complain(config)
    if settings is None:
        return 2
    if max_trades is not None:
        print(said_once(max_trades, settings.limits(Mode.PAPER).entries_per_day_max), flush=True)
    from tidegate.cli.paper import (
        run_paper,  # loads the engine and every feed: the pre-flight's usage errors need not wait for it
    )

    return run_paper(config, max_trades)


def said_once(max_trades: int, cap: int) -> str:
    """Return the one sentence about `--max-trades`: effective is the smaller of N and the cap."""
    if max_trades > cap:
        return f"--max-trades {max_trades}: the cap is {cap} entries a day, effective {cap} (a command line can only tighten)"
    return f"--max-trades {max_trades}: effective {max_trades} entries a day (cap {cap})"


def _refuse(mode: Mode) -> int:
    """Say what is missing; nothing was sent."""
    complain(f"--mode {mode} is refused: real-money venues arrive with their own issue; nothing was sent")
    for missing in MISSING_IN_THIS_BUILD:
        complain(f"missing in this build: {missing}")
    complain("use --mode paper, or check this deployment with --validate-only")
    return 2
