"""`tidegate validate`: the pre-flight of SPEC section 8, then what the operator goes through by hand.

In: a config path. Out: every check with required and actual, the lots and break-even of each strategy per venue, the operator's checklist,
the liquidation map, the capital rules and the arithmetic of the goal. Exit 0 when all checks pass, 1 when one fails, 2 for a config that is
refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli.liquidation_map import liquidation_map
from tidegate.cli.page import FAILED, NOTE, heading, load_or_complain, mark, page
from tidegate.cli.preflight import Check, checks
from tidegate.config.economics import VENUES, Offer, offers, profit_goal
from tidegate.config.load import Settings
from tidegate.units import fixed, render

WIN_RATE_CRITERION_PCT = fixed(60)
"""The win rate that the test phase asks for. Source: seed.md, phases."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pre-flight."""
    parser = argparse.ArgumentParser(
        prog="tidegate validate", description="pre-flight: every check with required and actual"
    )
    parser.add_argument("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    return run(parser.parse_args(argv).config)


def run(config: Path | None = None) -> int:
    """Print the pre-flight; return the exit code."""
    settings = load_or_complain(config)
    if settings is None:
        return 2
    out = page()
    out.print(Text(f"Pre-flight of session {settings.document.session.name}", style="bold"))
    found = checks(settings)
    _print_checks(out, found)
    _print_offers(out, settings)
    _print_plan(out, settings)
    failures = [check for check in found if check.status == FAILED]
    notes = sum(check.status == NOTE for check in found)
    heading(out, "Result")
    summary = f"{len(found) - len(failures) - notes} checks ok, {notes} notes, {len(failures)} failed"
    out.print(Text(summary, style="bold red" if failures else "bold green"))
    for check in failures:
        out.print(
            Text(f"failed: {check.group}, {check.name}: required {check.required}, actual {check.actual}"),
            soft_wrap=True,
        )
    return 1 if failures else 0


def _print_checks(out: Console, found: list[Check]) -> None:
    group = ""
    table = _table()
    for check in found:
        if check.group != group:
            if group:
                out.print(table)
            group, table = check.group, _table("check", "required", "actual", "")
            heading(out, group.capitalize())
        table.add_row(Text(check.name), Text(check.required), Text(check.actual), mark(check.status))
    out.print(table)


def _print_offers(out: Console, settings: Settings) -> None:
    """Print lots and break-even win rate of every strategy on every venue."""
    heading(out, "Break-even win rate per strategy and venue")
    out.print(
        Text("All targets hit / only target 1 hit; taker fees both ways; spread and slippage come on top."),
        soft_wrap=True,
    )
    table = _table("strategy", "asset", "side", *VENUES)
    cells: dict[tuple[str, str, str], dict[str, Offer]] = {}
    for offer in offers(settings):
        cells.setdefault((offer.display_name, offer.asset, str(offer.side)), {})[offer.venue] = offer
    for row, by_venue in cells.items():
        table.add_row(*(Text(text) for text in row), *(_offer_cell(by_venue.get(venue)) for venue in VENUES))
    out.print(table)
    here = [
        one for by_venue in cells.values() for venue, one in by_venue.items() if venue == settings.document.venue.name
    ]
    losing = [one for one in here if one.tradable and one.break_even_pct >= WIN_RATE_CRITERION_PCT]
    for one in losing:
        needed = f"{one.display_name} {one.asset} {one.side} breaks even only at {render(one.break_even_pct, 1)} % wins"
        out.print(
            Text(f"  ! {needed}: the criterion of {render(WIN_RATE_CRITERION_PCT)} % would still lose money"),
            soft_wrap=True,
        )


def _offer_cell(offer: Offer | None) -> Text:
    if offer is None:
        return Text("not listed")
    if not offer.tradable:
        return Text("0 lots: not tradable here", style="yellow")
    rates = f"{render(offer.break_even_pct, 1)} / {render(offer.break_even_first_pct, 1)} %"
    return Text(
        f"{rates}  {offer.lots} x {render(offer.order_usd // offer.lots, 2)} = {render(offer.order_usd, 2)} USD"
    )


def _print_plan(out: Console, settings: Settings) -> None:
    document = settings.document
    heading(out, "Operator checklist")
    for number, text in enumerate(document.checklist.session, start=1):
        out.print(Text(f"  {number}. {text}"), soft_wrap=True)
    for text in document.checklist.before_each_session:
        out.print(Text(f"  [ ] {text}"), soft_wrap=True)
    heading(out, "Liquidation map")
    for line in liquidation_map(settings):
        out.print(Text(line), soft_wrap=True)
    heading(out, "Capital rules")
    for text in document.capital.rules:
        out.print(Text(f"  - {text}"), soft_wrap=True)
    heading(out, "The profit goal, honestly")
    for text in profit_goal(settings):
        out.print(Text(f"  - {text}"), soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
