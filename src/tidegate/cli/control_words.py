"""The honest sentence: did the strategies do better than entering at random with the same brackets?

In: a report. Out: lines. Nothing is claimed from a handful of trades; twins of one trade are not independent, which is said.
"""

from __future__ import annotations

from tidegate.cli.words import signed
from tidegate.matching.random_entry import UNFINISHED_PCT_MAX, ControlRow
from tidegate.replay.report import TRADES_FEW, Report, mean_net_bps
from tidegate.session.totals import Tally
from tidegate.units import ONE, render


def control_lines(report: Report) -> tuple[str, ...]:
    """Return one sentence per strategy that traded, or why there is none."""
    if not report.numbers.totals.run.closed:
        return ("no trades: nothing to compare",)
    if not report.control:
        return ("only the run itself can follow random entries: they are not in the journal",)
    by = report.numbers.totals.by_strategy
    lines = [_line(row, by.get(row.strategy, Tally())) for row in report.control]
    return (
        *lines,
        "20 entries a trade at random times within the next 4 h, same side, filled size, stop, targets and fees; each pays, from entry to"
        " exit, the spread of the book at its trade's approval, or the assumed one where there was none",
    )


def _line(row: ControlRow, real: Tally) -> str:
    mean, control, error = mean_net_bps(real), row.net_bps_mean, row.net_bps_error
    if mean is None:
        return f"{row.strategy}: no trade closed yet, nothing to compare"
    if control is None:
        return f"{row.strategy}: {signed(mean, 2)} bps a trade; none of its {row.open_twins} random entries has ended, nothing to compare"
    unended = f", {row.open_twins} more not ended" if row.open_twins else ""
    spread = f" ± {render(error, 2)}" if error is not None else ""
    won = f"{render(row.wins * 100 * ONE // row.finished, 1)} % won"
    ours = f"{row.strategy}: {signed(mean, 2)} bps a trade over {real.closed}"
    random = f"random {signed(control, 2)}{spread} bps over {row.finished} ({won}{unended})"
    if not row.settled:
        return f"{ours}; {random}: over {UNFINISHED_PCT_MAX} % have not ended, and stops end first: no verdict"
    return f"{ours}; {random}: {_verdict(mean, control, error, real.closed)}"


def _verdict(mean: int, control: int, error: int | None, trades: int) -> str:
    if trades < TRADES_FEW:
        counted = "1 trade is" if trades == 1 else f"{trades} trades are"
        return f"{'above' if mean > control else 'not above'} random, but {counted} too few to tell skill from luck"
    if mean <= control:
        return "no better than entering at random"
    if error is None or mean - control <= 2 * error:
        return "above random by less than two standard errors: not told apart"
    return "above random by more than two standard errors; trades overlap, so this is a hint and not a proof"
