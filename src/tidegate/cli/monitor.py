"""The live monitor: the one screen, four times a second, from 80x24 up.

In: a run. Out: the terminal's alternate screen while the run lasts; it is given back whatever happens.
"""

from __future__ import annotations

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tidegate.cli import monitor_parts as parts
from tidegate.cli.words import fit, when
from tidegate.engine.run import Run
from tidegate.engine.session_view import SessionView, session_view
from tidegate.engine.verdicts import RecentVerdicts

ROWS_MIN, COLUMNS_MIN = 24, 80
_MODE_STYLES = {"paper": "bold white on blue", "test": "bold black on yellow", "live": "bold white on red"}


class Banner(msgspec.Struct, frozen=True):
    """What the header says of the run itself."""

    feed: str
    pace: str
    journal: str
    catching_up: bool = False
    stopping: bool = False


def screen(view: SessionView, banner: Banner, width: int, height: int) -> list[Text]:
    """Lay the whole screen out in at most `height` lines of `width` cells; verdicts get what is left."""
    width = max(width, COLUMNS_MIN)
    airy = height >= 34
    lines = [_header(view, banner, width), *parts.halt_lines(view, width), parts.money_line(view, width)]
    held = parts.position_lines(view.positions, width)
    sections = [
        (parts.bands_title(view), parts.market_lines(view, width)),
        *([("feeds", parts.feed_lines(view))] if airy and width >= parts.WIDE + 10 else []),
        ("limits, nearest first", parts.limit_lines(view.limits, width)),
        ("positions" if held else "positions: none open", held),
    ]
    for title, body in sections:
        lines += [*([Text("")] if airy else []), parts.rule(title, width), *body]
    rows = height - len(lines) - 2 - (1 if airy else 0)
    verdicts = parts.verdict_lines(view.verdicts, width, max(1, rows))
    counted = f"verdicts: {view.approvals} of {view.intents} intents approved, {view.trades_closed} trades closed"
    lines += [
        *([Text("")] if airy else []),
        parts.rule(counted if view.intents else "verdicts: none yet", width),
        *verdicts,
    ]
    blank = height - len(lines) - 1
    return [*lines, *[Text("")] * max(0, blank), _footer(banner, width)][:height]


def _header(view: SessionView, banner: Banner, width: int) -> Text:
    style = _MODE_STYLES.get(view.mode, "reverse")
    pace = "CATCHING UP" if banner.catching_up else banner.pace
    right = f"{when(view.now_ns)} UTC  {pace} "
    left = f" {view.mode.upper()}  {banner.feed}"
    return Text(fit(left, width - len(right)) + right, style=style)


def _footer(banner: Banner, width: int) -> Text:
    if banner.stopping:
        return Text(fit("stopping in order ... Ctrl-C again leaves at once", width), style="yellow")
    return Text(fit(f"Ctrl-C stops in order, the session can go on later   {banner.journal}", width), style="dim")


class Monitor:
    """Shows a run on the alternate screen. Use as a context manager."""

    def __init__(self, console: Console, banner: Banner, verdicts: RecentVerdicts) -> None:
        self._console = console
        self._banner = banner
        self._verdicts = verdicts
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    def __enter__(self) -> Monitor:
        self._live.__enter__()
        return self

    def __exit__(self, *unused: object) -> None:
        self._live.__exit__(None, None, None)

    def tick(self, run: Run) -> None:
        """Draw the present state."""
        banner = msgspec.structs.replace(self._banner, catching_up=run.resumed)
        width, height = self._console.size
        lines = screen(session_view(run.engine, self._verdicts.newest_first()), banner, width, height)
        for line in lines:
            line.no_wrap = True
        self._live.update(Group(*lines), refresh=True)
