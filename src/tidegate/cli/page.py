"""The page commands print on: colour on a terminal, plain text without escape codes when piped.

In: text and rows. Out: lines on stdout; errors on stderr.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tidegate.config.load import DEFAULT_PATH, Settings, load
from tidegate.errors import InputErrors

PIPED_WIDTH = 160
OK, FAILED, NOTE = "ok", "failed", "note"
_STYLES = {OK: "green", FAILED: "bold red", NOTE: "yellow"}


def page() -> Console:
    """Return the console for stdout: as wide as the terminal, or wide and plain when piped."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=PIPED_WIDTH, force_terminal=False, color_system=None)


def heading(out: Console, text: str) -> None:
    """Print a heading."""
    out.print()
    out.print(Text(text, style="bold"))


def mark(status: str) -> Text:
    """Return the word for a status, coloured."""
    return Text(status, style=_STYLES.get(status, ""))


def complain(text: str) -> None:
    """Print an error on stderr, plain."""
    print(f"tidegate: {text}", file=sys.stderr)


def load_or_complain(path: Path | None) -> Settings | None:
    """Read the config; on errors print every one of them and return None (the caller exits with 2)."""
    try:
        return load(path or DEFAULT_PATH)
    except InputErrors as errors:
        complain(str(errors))
        return None


def whole_number(text: str) -> int:
    """Read a count for argparse: a whole number >= 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, allowed: a whole number >= 1")
    return int(text)
