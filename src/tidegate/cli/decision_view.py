"""A decision on paper: verdict, every finding with numbers and units, sizing, and the facts it rested on with source and ages.

In: a decision, an intent, a snapshot. Out: lines on a console.
"""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidegate.cli.words import lasting, price, signed
from tidegate.gate.reasons import fix, headline, sentence, shown
from tidegate.model.decision import Decision, SizedOrder
from tidegate.model.finding import Finding, Status
from tidegate.model.intent import Intent
from tidegate.model.snapshot import BookView, LegView, Missing, PairView, Reading, Snapshot
from tidegate.units import render

Known = Reading | BookView | LegView | Missing | None

_QUIET = (Status.PASSED, Status.NOT_APPLICABLE)
_STYLES = {
    Status.FAILED: "bold red",
    Status.UNKNOWN: "bold red",
    Status.ADJUSTED: "yellow",
    Status.WARNED: "yellow",
    Status.PASSED: "green",
}


def print_decision(out: Console, intent: Intent, decision: Decision, whole: bool) -> None:
    """Print verdict, findings (`whole`: also what passed or does not apply) and the order."""
    asked = f"{'pair' if intent.is_pair else intent.side} {intent.asset} {render(intent.notional_usd, 2)} USD"
    out.print(
        Text.assemble(
            ("APPROVED" if decision.approved else "REJECTED", "bold green" if decision.approved else "bold red"),
            f"  {asked}",
        )
    )
    out.print(Text(f"  {headline(decision)}"), soft_wrap=True)
    print_findings(out, decision.findings, whole)
    if decision.order is not None:
        _print_order(out, decision, decision.order)


def print_findings(out: Console, findings: tuple[Finding, ...], whole: bool) -> None:
    """Print findings as a table, in the gate's order; what rejects is followed by its fix."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("status", "rule", "observed", "limit", "in words"):
        table.add_column(name, no_wrap=name in ("status", "observed", "limit"), overflow="fold")
    for finding in findings:
        if not whole and finding.status in _QUIET:
            continue
        style = _STYLES.get(finding.status, "dim")
        words = Text(finding.note if finding.status in _QUIET else sentence(finding))
        if finding.rejects:
            words.append(f"\n{fix(finding)}", style="dim")
        cells = [shown(finding, number) if number is not None else "" for number in (finding.observed, finding.limit)]
        table.add_row(
            Text(finding.status.replace("_", " "), style=style), Text(str(finding.reason)), *map(Text, cells), words
        )
    if table.row_count:
        out.print(Padding(table, (0, 0, 0, 2), expand=False))


def _print_order(out: Console, decision: Decision, order: SizedOrder) -> None:
    lost = decision.approved_notional_usd - order.notional_usd
    granted = f"granted {render(decision.approved_notional_usd, 2)} USD (size {render(decision.size_multiplier, 2)}x)"
    if order.legs:
        _print_pair(out, order, granted)
        return
    lines = [
        granted,
        f"order   {order.lots} lots = {render(order.quantity)} {order.asset} on {order.instrument_id}, {render(order.notional_usd, 2)} USD at"
        f" {price(order.reference_price)}; {render(lost, 2)} USD lost to whole lots",
        f"worst price {price(order.limit_price)}, stop {render(order.stop_bps)} bps, at risk {render(order.stop_risk_usd, 4)} USD with fees",
        "targets " + (", ".join(f"{leg.lots} lots at {signed(leg.bps, 0)} bps" for leg in order.targets) or "none"),
        f"held at most {lasting(order.hold_ns)}",
    ]
    for line in lines:
        out.print(Text(f"  {line}"), soft_wrap=True)


def _print_pair(out: Console, order: SizedOrder, granted: str) -> None:
    legs = [
        f"{'buy ' if leg.buys else 'sell'}    {render(leg.quantity)} {order.asset} on {leg.instrument_id} at {price(leg.reference_price)},"
        f" worst price {price(leg.limit_price)}, second attempt {price(leg.second_price)}, at {render(leg.rate)} USD for one of its quote"
        for leg in order.legs
    ]
    risk = f"both legs or none; unwinding one: {render(order.stop_bps)} bps, {render(order.stop_risk_usd, 4)} USD with fees"
    for line in (f"{granted} a leg, {render(order.notional_usd, 2)} ordered", *legs, risk):
        out.print(Text(f"  {line}"), soft_wrap=True)


def print_facts(out: Console, snapshot: Snapshot) -> None:
    """Print what was known, with source, arrival age and value age."""
    view = snapshot.view
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("fact", "value", "source", "arrival age", "value age"):
        table.add_column(name, overflow="fold")
    kind = f" ({view.positioning_kind})" if view.positioning_kind else ""
    facts: list[tuple[str, Known, str]] = [
        ("price", view.price, "USD"),
        ("book", view.book, ""),
        (f"crowd short{kind}", view.positioning, "%"),
        ("funding, first venue", view.funding_a, "bps/8h"),
        ("funding, second venue", view.funding_b, "bps/8h"),
        ("open interest 24 h", view.open_interest, "%"),
        ("priority fee", view.priority_fee, "micro-lamports/CU"),
        ("tip over baseline", view.tip_ratio, "x"),
        ("health factor", snapshot.health_factor, ""),
        *((f"mark {name}", mark, "USD") for name, mark in snapshot.marks.items()),
        *_pair_facts(snapshot.pair),
    ]
    for name, reading, unit in facts:
        table.add_row(*_fact(name, reading, unit, snapshot.asof_ns))
    out.print(Padding(table, (0, 0, 0, 2), expand=False))


def _pair_facts(pair: PairView | None) -> list[tuple[str, Known, str]]:
    """Return both spot books of a two-leg intent with the rates that convert them."""
    facts: list[tuple[str, Known, str]] = []
    for leg in () if pair is None else (pair.first, pair.second):
        name = leg.instrument_id if isinstance(leg, LegView) else "of a leg"
        facts.append((f"spot book {name}", leg, ""))
        if isinstance(leg, LegView):
            facts.append((f"rate {name}", leg.rate, "USD"))
    return facts


def _fact(name: str, reading: Known, unit: str, asof_ns: int) -> tuple[str | Text, ...]:
    if reading is None:
        return (name, Text("not configured", style="dim"), "", "", "")
    if isinstance(reading, Missing):
        return (name, Text(f"missing: {reading.cause}", style="red"), "", "", "")
    ages = (reading.source, lasting(asof_ns - reading.received_ns), lasting(asof_ns - reading.observed_ns))
    if isinstance(reading, LegView):
        bid, ask = (price(side[0][0]) if side else "none" for side in (reading.bids, reading.asks))
        return (name, f"{bid} / {ask}, {min(len(reading.bids), len(reading.asks))} levels", *ages)
    if isinstance(reading, BookView):
        told = f"{price(reading.bid)} / {price(reading.ask)}, {render(reading.spread_bps, 2)} bps, {render(reading.depth_usd, 0)} USD within 10 bps"
        return (name, told, *ages)
    return (name, f"{render(reading.value)} {unit}".strip(), *ages)
