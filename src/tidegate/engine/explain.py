"""A decision in plain words: what was asked, what was known, what the gate found, and what became of it, line by line.

In: a `Case`. Out: lines of text for whoever cannot show tables. Fixed templates with our own numbers. INVARIANT: B3
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tidegate.engine.casebook import Case
from tidegate.gate.reasons import fix, headline, sentence
from tidegate.model.decision import Decision
from tidegate.model.event import Event, Filled, FundingPaid, OrderChanged, OrderIntended, PairClosed
from tidegate.model.finding import Finding, Status
from tidegate.model.intent import Intent
from tidegate.model.snapshot import BookView, LegView, Missing, Reading, Snapshot
from tidegate.units import MS_NS, ONE, Nanoseconds, render

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUIET = (Status.PASSED, Status.NOT_APPLICABLE)


def explanation(case: Case) -> tuple[str, ...]:
    """Return a decision as lines of text."""
    return tuple(_lines(case))


def _lines(case: Case) -> Iterator[str]:
    intent, decision = case.intent, case.made.decision
    yield f"Decision {decision.decision_id}, record {case.seq}, {_when(decision.asof_ns)} UTC"
    yield f"  asked by {intent.principal} for {intent.strategy} in {intent.mode}: {_asked(intent)}"
    yield f"  {decision.verdict}: {headline(decision)}"
    yield from _order(decision)
    yield ""
    yield "What the gate found"
    for finding in decision.findings:
        yield from _finding(finding)
    yield ""
    yield "What was known"
    for name, reading, unit in _facts(case.made.snapshot):
        yield f"  {name:<24} {_fact(reading, unit, case.made.snapshot.asof_ns)}"
    if case.outcome:
        yield ""
        yield "What became of it"
        for seq, event in case.outcome:
            yield f"  {_when(event.ts_ns)}  record {seq}  {_told(event)}"


def _asked(intent: Intent) -> str:
    stop = "no stop" if intent.stop_bps is None else f"stop {render(intent.stop_bps)} bps"
    where = f"{intent.instrument_id} and {intent.hedge_instrument_id}" if intent.is_pair else intent.instrument_id
    each = " on each leg" if intent.is_pair else ""
    way = "pair" if intent.is_pair else intent.side
    return f"{way} {intent.asset} {render(intent.notional_usd)} USD{each} on {where}, {stop}"


def _order(decision: Decision) -> Iterator[str]:
    order = decision.order
    if order is None:
        return
    yield f"  granted {render(decision.approved_notional_usd)} USD (size {render(decision.size_multiplier)}x)"
    value = f"{render(order.notional_usd)} USD at {render(order.reference_price)}"
    yield f"  order {render(order.quantity)} {order.asset} on {order.instrument_id}, {value}"
    for leg in order.legs:
        verb = "buy" if leg.buys else "sell"
        yield f"  leg: {verb} {render(leg.quantity)} on {leg.instrument_id}, worst price {render(leg.limit_price)}"
    yield f"  stop {render(order.stop_bps)} bps, at risk {render(order.stop_risk_usd)} USD with fees"
    for target in order.targets:
        yield f"  target {target.number}: {target.lots} lots at {render(target.bps)} bps"


def _finding(finding: Finding) -> Iterator[str]:
    words = finding.note if finding.status in _QUIET else sentence(finding)
    yield f"  {finding.status.replace('_', ' '):<15} {finding.reason!s:<26} {words}".rstrip()
    if finding.rejects:
        yield f"  {'':<15} {'':<26} {fix(finding)}"


def _facts(snapshot: Snapshot) -> Iterator[tuple[str, Reading | BookView | LegView | Missing | None, str]]:
    view = snapshot.view
    yield "price", view.price, "USD"
    yield "book", view.book, ""
    yield f"crowd short {view.positioning_kind}".rstrip(), view.positioning, "%"
    yield "funding, first venue", view.funding_a, "bps/8h"
    yield "funding, second venue", view.funding_b, "bps/8h"
    yield "open interest 24 h", view.open_interest, "%"
    yield "priority fee", view.priority_fee, "micro-lamports/CU"
    yield "tip over baseline", view.tip_ratio, "x"
    yield "health factor", snapshot.health_factor, ""
    for name, mark in snapshot.marks.items():
        yield f"mark {name}", mark, "USD"
    if snapshot.pair is not None:
        yield "first book", snapshot.pair.first, ""
        yield "second book", snapshot.pair.second, ""


def _fact(reading: Reading | BookView | LegView | Missing | None, unit: str, asof_ns: Nanoseconds) -> str:
    if reading is None:
        return "not configured"
    if isinstance(reading, Missing):
        return f"missing: {reading.cause}"
    ages = f"({reading.source}, arrived {_age(asof_ns - reading.received_ns)} ago, value {_age(asof_ns - reading.observed_ns)} old)"
    if isinstance(reading, BookView):
        return f"{render(reading.bid)} / {render(reading.ask)}, {render(reading.spread_bps)} bps {ages}"
    if isinstance(reading, LegView):
        touch = " / ".join(render(levels[0][0]) if levels else "nobody" for levels in (reading.bids, reading.asks))
        return f"{reading.instrument_id} {touch} {ages}"
    return f"{render(reading.value)} {unit}".strip() + f" {ages}"


def _told(event: Event) -> str:
    match event:
        case OrderIntended(_, order):
            side = "buy" if order.buys else "sell"
            return f"{order.role} {side} {render(order.quantity)} on {order.instrument_id} intended"
        case OrderChanged():
            return f"{event.role} {event.state}{': ' + event.detail if event.detail else ''}"
        case Filled(_, fill):
            side = "bought" if fill.buys else "sold"
            return f"{fill.role} {side} {render(fill.quantity)} at {render(fill.price)}, fee {render(fill.fee_usd)} USD"
        case FundingPaid():
            return f"funding {render(event.usd)} USD"
        case PairClosed():
            return f"both legs even: {event.end}"
        case _:
            return type(event).__name__


def _when(ts_ns: Nanoseconds) -> str:
    return (_EPOCH + timedelta(milliseconds=ts_ns // MS_NS)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _age(span_ns: Nanoseconds) -> str:
    return f"{render(span_ns // MS_NS * (ONE // 1000), 1)} s"
