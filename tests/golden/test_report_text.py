"""The report's words, line by line: a change here is a change of what the operator reads.

To accept a wanted change: REPORT_GOLDEN=write bin/test tests/golden/test_report_text.py
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.cli_report import report
from tidegate.cli.report_view import print_report
from tidegate.replay.report import Report
from tidegate.session.totals import Totals

HERE = Path(__file__).parent


def text_of(shown: Report, width: int, terminal: bool) -> str:
    page = io.StringIO()
    out = Console(file=page, width=width, force_terminal=terminal, color_system=None, highlight=False)
    print_report(out, shown)
    return page.getvalue()


@pytest.mark.parametrize(
    ("name", "shown", "width", "terminal"),
    [
        ("report_piped.txt", report(), 160, False),
        ("report_terminal_80.txt", report(), 80, True),
        ("report_without_trades.txt", report(Totals()), 160, False),
    ],
)
def test_the_report_reads_as_agreed(name: str, shown: Report, width: int, terminal: bool) -> None:
    text = text_of(shown, width, terminal)
    if os.environ.get("REPORT_GOLDEN") == "write":
        (HERE / name).write_text(text, encoding="utf-8")
    assert text == (HERE / name).read_text(encoding="utf-8")


def test_on_a_narrow_terminal_no_line_is_wider_than_it() -> None:
    widest = max(map(len, text_of(report(), 80, True).splitlines()))
    assert widest <= 80
