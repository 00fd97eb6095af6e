"""The report as people read it: every number a fold of the journal, money in USD and bps, nothing shown as zero that does not exist.

In: a `Report`. Out: lines on a console.
"""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidegate.cli.control_words import control_lines
from tidegate.cli.words import lasting, signed, thousands, when
from tidegate.model.limits import StrategyKind, StrategyRules
from tidegate.replay.report import (
    FeedFacts,
    Report,
    bracket_break_even_pct,
    break_even_pct,
    mean_net_bps,
    net_bps_of_turnover,
    win_rate_pct,
)
from tidegate.session.totals import Tally
from tidegate.units import Pct, render

_LABEL_WIDTH = 24


def print_report(out: Console, report: Report) -> None:
    """Print a whole report."""
    _title(out, report)
    if report.feed is not None:
        _feed(out, report.feed)
    _verdicts(out, report)
    _trades(out, report)
    _money(out, report)
    _section(out, "Random entries with the same brackets")
    for line in control_lines(report):
        _say(out, line)
    _interventions(out, report)
    _assumed(out, report)
    _proof(out, report)


def _title(out: Console, report: Report) -> None:
    out.print()
    counts = report.numbers.counts
    ended = counts.ended or "not ended: it can go on"
    out.print(
        Text(f"Report: {report.limits.mode.upper()} {report.source.partition(';')[0]}", style="bold"), soft_wrap=True
    )
    span = (
        f"{when(counts.first_ns)} to {when(counts.last_ns)} UTC ({lasting(counts.last_ns - counts.first_ns)} journaled)"
    )
    _row(out, "virtual time", f"{span}; {ended}")
    style = {"ACTIVE": "green", "HALTED": "bold red"}.get(report.numbers.state, "yellow")
    partly = " (some assets are halted)" if report.numbers.state == "ACTIVE" and report.numbers.halts else ""
    _row(out, "state at the end", report.numbers.state + partly, style)
    for halt in report.numbers.halts:
        _row(out, "", halt, style)


def _feed(out: Console, feed: FeedFacts) -> None:
    rate = f", {thousands(int(feed.events / feed.seconds))} events/s" if feed.seconds > 0 else ""
    span = f"{when(feed.first_ns)} to {when(feed.last_ns)} UTC ({lasting(feed.last_ns - feed.first_ns)})"
    _row(
        out,
        "fed with",
        f"{thousands(feed.events)} events ({thousands(feed.bars)} bars) in {thousands(feed.batches)} batches, {span}",
    )
    _row(out, "wall time", f"{feed.seconds:.1f} s{rate}; {feed.stopped}")


def _verdicts(out: Console, report: Report) -> None:
    run = report.numbers.totals.run
    _section(out, "Verdicts")
    rejected = sum(run.rejections.values())
    _row(out, "intents", f"{run.intents} asked, {run.approvals} approved, {rejected} rejected")
    if run.failures or run.rejections:
        table = _table("rule", "primary reason of", "failed in")
        for code in sorted({*run.failures, *run.rejections}):
            table.add_row(code, str(run.rejections.get(code, 0)), str(run.failures.get(code, 0)))
        out.print(_indented(table))
    resizes = ", ".join(f"{code} in {count}" for code, count in sorted(run.resizes.items()))
    _row(out, "resized by", resizes or "no rule")
    lost = f"{render(run.rounding_lost_lots, 2)} lots, {render(run.rounding_lost_usd, 2)} USD of what was granted"
    _row(out, "lost to whole lots", lost if run.approvals else "nothing approved")


def _trades(out: Console, report: Report) -> None:
    run, totals = report.numbers.totals.run, report.numbers.totals
    _section(out, "Trades")
    if not run.closed:
        held = f"; {report.numbers.open_trades} open" if report.numbers.open_trades else ""
        _say(out, f"no trade was closed{held}")
        return
    scratched = f", {run.scratches} exactly nothing" if run.scratches else ""
    held = f"; {report.numbers.open_trades} still open" if report.numbers.open_trades else ""
    _row(out, "closed", f"{run.closed}: {run.wins} won, {run.losses} lost{scratched}{held}")
    exits = _table("exit", "trades", "net USD")
    for label, tallied in sorted(run.exits.items()):
        exits.add_row(label, str(tallied.trades), signed(tallied.net_usd, 4))
    out.print(_indented(exits))
    _row(out, "win rate", _win_rate(run))
    by_strategy = _table("strategy", "asked/ok", "closed", "net USD", "bps/trade", "won", "break-even")
    for name, its_own in totals.by_strategy.items():
        by_strategy.add_row(name or "(unexplained)", *_strategy_cells(report, name, its_own))
    out.print(_indented(by_strategy))
    _say(out, "bps/trade: mean net result per entry notional")
    _say(out, "break-even: the win rate its bracket needs, target 1 net of fees against stop plus fees")


def _strategy_cells(report: Report, name: str, tallied: Tally) -> tuple[str, ...]:
    rules = report.limits.strategies.get(name)
    needed = bracket_break_even_pct(rules, report.limits) if rules is not None else None
    mean, won = mean_net_bps(tallied), win_rate_pct(tallied)
    return (
        f"{tallied.intents}/{tallied.approvals}",
        str(tallied.closed),
        signed(tallied.net_usd, 4) if tallied.fills else "no trades",
        signed(mean, 2) if mean is not None else "-",
        f"{render(won, 1)} %" if won is not None else "-",
        _needed(rules, needed),
    )


def _needed(rules: StrategyRules | None, needed: Pct | None) -> str:
    """Say which win rate a bracket needs; a pair has no bracket."""
    if rules is not None and rules.kind is StrategyKind.ARBITRAGE:
        return "no bracket"
    return f"{render(needed, 1)} %" if needed is not None else "none is enough"


def _win_rate(tallied: Tally) -> str:
    won, even = win_rate_pct(tallied), break_even_pct(tallied)
    shown = f"{render(won, 1)} %" if won is not None else "-"
    if even is None:
        return f"{shown}; its break-even cannot be told before there is a win and a loss"
    return f"{shown}; break-even {render(even, 1)} % at this average win and loss"


def _money(out: Console, report: Report) -> None:
    run = report.numbers.totals.run
    _section(out, "Money (from fills, fees and funding only)")
    if not run.fills:
        _say(out, "no fills: nothing was earned, lost or paid")
        return
    _row(out, "gross", f"{signed(run.gross_usd, 4)} USD")
    _row(out, "fees", f"{signed(-run.fees_usd, 4)} USD")
    _row(out, "funding", f"{signed(run.funding_usd, 4)} USD")
    bps = net_bps_of_turnover(run)
    of_turnover = f"{signed(bps, 2)} bps of {render(run.turnover_usd, 2)} USD turned over" if bps is not None else ""
    _row(out, "net", f"{signed(run.net_usd, 4)} USD, {of_turnover}", "green" if run.net_usd > 0 else "red")
    _open_trades(out, report)
    gap = report.numbers.gap_usd
    _row(
        out,
        "cash against bookings",
        "equal to the last quantum" if gap == 0 else f"DIFFER by {render(gap)} USD",
        "" if gap == 0 else "bold red",
    )


def _open_trades(out: Console, report: Report) -> None:
    """Say what the net leaves out: trades still open, at the last known prices, before the fees of their exits."""
    trades, marked = report.numbers.open_trades, report.unrealised_usd
    if not trades:
        return
    if marked is None:
        _row(
            out,
            "open, not in the net",
            f"{trades}; their last prices are not in the journal: only the run itself knew them",
        )
        return
    together = f"net with them {signed(report.numbers.totals.run.net_usd + marked, 4)} USD"
    _row(out, "open, not in the net", f"{signed(marked, 4)} USD at the last known prices, before exit fees; {together}")


def _interventions(out: Console, report: Report) -> None:
    numbers, counts = report.numbers, report.numbers.counts
    _section(out, "Halts and who ended them")
    halts = ", ".join(f"{code} {count}x" for code, count in sorted(numbers.totals.halts.items()))
    _row(out, "halts", halts or "none")
    _row(out, "lifts", ", ".join(f"{key} {count}x" for key, count in sorted(counts.lifts.items())) or "none")
    _row(out, "loss reviews", ", ".join(f"{by} {count}x" for by, count in sorted(counts.reviews.items())) or "none")
    if counts.flattens:
        _row(out, "flattened", f"{counts.flattens} started, {counts.flattened} ended flat")
    _row(out, "feeds lost", f"{counts.feeds_lost}x stale or missing")


def _assumed(out: Console, report: Report) -> None:
    feed = report.feed
    _section(out, "What this rests on")
    idle = [key for key, tallied in _strategies(report) if not tallied.intents]
    _row(out, "never asked", ", ".join(idle) or "none")
    _row(out, "run with", report.source.partition("; ")[2] or report.source)
    if feed is not None:
        for name, lines in (
            ("cannot be judged", feed.lacks),
            ("approximated", feed.approximations),
            ("input set aside", feed.quarantined),
        ):
            _list(out, name, lines or ("nothing",))
    _list(out, "fill rules", report.fill_rules)
    _list(out, "simulator", report.simulator)


def _strategies(report: Report) -> list[tuple[str, Tally]]:
    rules = report.limits.strategies.values()
    by = report.numbers.totals.by_strategy
    return [(each.key, by.get(each.key, Tally())) for each in rules if each.kind is not StrategyKind.ARBITRAGE]


def _proof(out: Console, report: Report) -> None:
    _section(out, "The same from the journal")
    journal = report.journal
    if journal is None:
        _say(out, "no journal on disk: nothing to recompute from")
        return
    _row(out, "journal", f"{journal.path} ({thousands(journal.records)} records, {journal.mode})")
    _row(out, "head hash", journal.head_hash)
    chain = "every hash and link holds" if not journal.problem else f"BROKEN at {journal.problem}"
    _row(out, "verified", chain, "green" if not journal.problem else "bold red")
    if report.differences is None:
        _row(out, "recomputed", "these numbers are the recomputed ones")
    elif not report.differences:
        _row(
            out,
            "recomputed",
            "equal: every verdict, trade, halt and amount; wall time and random entries are the run's own",
            "green",
        )
    else:
        _row(out, "recomputed", f"{len(report.differences)} numbers DIFFER", "bold red")
        _list(out, "", report.differences)


def _section(out: Console, title: str) -> None:
    out.print()
    out.print(Text(title, style="bold"))


def _row(out: Console, name: str, value: str, style: str = "") -> None:
    """Print one named value; on a terminal long ones are wrapped under themselves, elsewhere they stay one line."""
    first, *rest = _wrapped(out, value, _LABEL_WIDTH + 3)
    out.print(Text.assemble((f"  {name:{_LABEL_WIDTH}} ", "dim"), (first, style)), soft_wrap=True)
    for line in rest:
        out.print(Text(f"{'':{_LABEL_WIDTH + 3}}{line}", style=style), soft_wrap=True)


def _say(out: Console, text: str) -> None:
    first, *rest = _wrapped(out, text, 4)
    out.print(Text(f"  {first}"), soft_wrap=True)
    for line in rest:
        out.print(Text(f"    {line}"), soft_wrap=True)


def _wrapped(out: Console, text: str, indent: int) -> list[str]:
    if not out.is_terminal:
        return [text]
    return textwrap.wrap(text, max(20, out.width - indent), break_long_words=False, break_on_hyphens=False) or [""]


def _list(out: Console, name: str, lines: tuple[str, ...]) -> None:
    for place, line in enumerate(lines):
        _row(out, name if place == 0 else "", line)


def _indented(table: Table) -> Padding:
    return Padding(table, (0, 0, 0, 2), expand=False)


def _table(first: str, *others: str) -> Table:
    """Return a table whose first column gives way on narrow terminals."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
