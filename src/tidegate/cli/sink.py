"""Where a run is shown: the live monitor on a terminal, lines anywhere else.

In: a console and options. Out: one context that listens to the chronicle and is ticked by the run. Text and colour are somebody else's.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console
from rich.text import Text

from tidegate.cli.monitor import Banner, Monitor
from tidegate.cli.plain import listener
from tidegate.engine.run import Run, RunOutcome
from tidegate.engine.verdicts import RecentVerdicts
from tidegate.errors import TidegateError
from tidegate.units import Nanoseconds


class LeftAtOnce(Exception):
    """Ctrl-C was pressed twice: leave without ending in order. What was acknowledged is on disk."""


@contextmanager
def stopping_in_order(run: Run) -> Generator[None]:
    """Make the first Ctrl-C (or SIGTERM) stop the run after its batch, and the second leave at once."""
    pressed = [0]

    def on_signal(number: int, frame: FrameType | None) -> None:
        pressed[0] += 1
        if pressed[0] > 1:
            raise LeftAtOnce
        run.stop("stopped by the operator")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)


@contextmanager
def given_back(run: Run) -> Generator[None]:
    """Give journal and control folder back when an error of the house ends a run; the error goes on."""
    try:
        yield
    except TidegateError:
        run.stop("an error")
        with suppress(TidegateError):
            run.close()
        raise


def show_run(
    run: Run, console: Console, banner: Banner, speed: float, until_ns: Nanoseconds | None, plain: bool
) -> RunOutcome:
    """Drive a run to its end while showing it. Raises LeftAtOnce."""
    with given_back(run), stopping_in_order(run):
        if plain:
            engine = run.engine

            def emit(line: str) -> None:
                if not run.resumed:
                    console.print(Text(line), soft_wrap=True)

            engine.chronicle.listen(listener(emit, lambda: engine.session))
            return run.drive(speed, None, until_ns)
        verdicts = RecentVerdicts()
        run.engine.chronicle.listen(verdicts.note)
        with Monitor(console, banner, verdicts) as monitor:
            return run.drive(speed, monitor.tick, until_ns)
