"""Run totals: what a report says about a whole run, as a fold of the same events. Constant memory; streaming a journal again gives them again.

In: the totals so far, the session *before* an event, and the event. Out: the totals after it. `totals_of` streams both folds at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from tidegate.matching.fills import cash_change_usd
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, Event, Filled, FundingPaid, HaltLatched, IntentReceived, PairClosed
from tidegate.model.finding import Status
from tidegate.model.order import Fill
from tidegate.model.session import Session
from tidegate.model.trade import Trade
from tidegate.session.fold import fold
from tidegate.session.pairs import is_pairs, pair_after
from tidegate.session.pnl import booked_usd, invested_usd, trade_after
from tidegate.units import BPS_PER_UNIT, ONE, Bps, Quantity, Usd

# An enum's member costs ten times a module constant to look up on Python 3.11, and every decision has 43 findings.
_PASSED, _NOT_APPLICABLE, _ADJUSTED = Status.PASSED, Status.NOT_APPLICABLE, Status.ADJUSTED
_FAILED, _UNKNOWN = Status.FAILED, Status.UNKNOWN


class ExitTally(msgspec.Struct, frozen=True, gc=False):
    """Trades closed by one exit label, and what they made, net."""

    trades: int = 0
    net_usd: Usd = 0


class Tally(msgspec.Struct, frozen=True):
    """Counts and money of one strategy, or of the whole run.

    rejections: by primary reason. failures / resizes: decisions in which a reason failed (or was unknown) / cut the size. gross, fees and
    funding are everything booked, open trades included; the rest of the money is of closed trades: `closed_net_usd`, its parts won and
    lost, and `net_bps`, the sum over trades of net P&L per entry notional, each rounded down. `rounding_lost_usd` is granted minus ordered
    notional, `rounding_lost_lots` the same in lots (fixed-point). `turnover_usd` is the notional of all fills.
    """

    intents: int = 0
    approvals: int = 0
    rejections: dict[str, int] = {}
    failures: dict[str, int] = {}
    resizes: dict[str, int] = {}
    fills: int = 0
    turnover_usd: Usd = 0
    gross_usd: Usd = 0
    fees_usd: Usd = 0
    funding_usd: Usd = 0
    closed: int = 0
    wins: int = 0
    losses: int = 0
    closed_net_usd: Usd = 0
    won_usd: Usd = 0
    lost_usd: Usd = 0
    net_bps: Bps = 0
    exits: dict[str, ExitTally] = {}
    rounding_lost_usd: Usd = 0
    rounding_lost_lots: Quantity = 0

    @property
    def net_usd(self) -> Usd:
        """Return everything booked: gross, less fees, plus funding."""
        return self.gross_usd - self.fees_usd + self.funding_usd

    @property
    def scratches(self) -> int:
        """Return closed trades that made exactly nothing: neither won nor lost."""
        return self.closed - self.wins - self.losses


class Totals(msgspec.Struct, frozen=True):
    """The run's totals. `cash_usd` is what fills and funding moved in cash, computed from them alone; `""` in `by_strategy` is unexplained."""

    run: Tally = Tally()
    by_strategy: dict[str, Tally] = {}
    halts: dict[str, int] = {}
    cash_usd: Usd = 0


def tally(totals: Totals, session: Session, event: Event) -> Totals:
    """Return the totals after one event. `session` is the session before it. Events that no report counts change nothing."""
    match event:
        case IntentReceived():
            return _changed(totals, event.intent.strategy, lambda tallied: replace(tallied, intents=tallied.intents + 1))
        case DecisionMade():
            return _changed(totals, event.strategy, _decision_counter(event.decision))
        case Filled():
            return _filled(totals, session, event)
        case PairClosed():
            return _pair_closed(totals, session, event)
        case FundingPaid():
            trade = session.trades.get(event.trade_id)
            paid = _with(totals, trade.strategy if trade is not None else "", Tally(funding_usd=event.usd))
            return replace(paid, cash_usd=paid.cash_usd + event.usd)
        case HaltLatched() if event.halt.key not in session.halts:
            return replace(totals, halts=_sum_counts(totals.halts, {str(event.halt.cause): 1}))
        case _:
            return totals


def totals_of(events: Iterable[Event], session: Session) -> tuple[Session, Totals]:
    """Stream events through both folds, from `session` (that of the journal's beginning); return both results."""
    totals = Totals()
    for event in events:
        totals = tally(totals, session, event)
        session = fold(session, event)
    return session, totals


def conservation_gap_usd(totals: Totals, session: Session) -> Usd:
    """Return cash moved, plus what is invested in open trades, minus everything booked: 0 to the quantum while all fills are explained.

    `totals` and `session` must have seen the same events. INVARIANT: J7
    """
    return totals.cash_usd + invested_usd(session) - totals.run.net_usd


def _filled(totals: Totals, session: Session, event: Filled) -> Totals:
    fill = event.fill
    if is_pairs(session, fill.decision_id):
        return _pair_filled(totals, session, event)
    before = session.trades.get(fill.decision_id)
    after = trade_after(session, fill, event.ts_ns)
    counted = _with(totals, after.strategy if after is not None else "", _fill_tally(before, after, fill))
    return replace(counted, cash_usd=counted.cash_usd + cash_change_usd(fill))


def _pair_filled(totals: Totals, session: Session, event: Filled) -> Totals:
    """Count a fill of a pair: its turnover and its fee; what it made is known at the pair's end."""
    fill = event.fill
    after = pair_after(session, fill, event.ts_ns)
    money = Tally(fills=1, turnover_usd=fill.notional_usd, fees_usd=fill.fee_usd)
    counted = _with(totals, after.strategy if after is not None else "", money)
    return replace(counted, cash_usd=counted.cash_usd + cash_change_usd(fill))


def _pair_closed(totals: Totals, session: Session, event: PairClosed) -> Totals:
    """Count a pair as one closed trade whose exit is how it ended; its bps are of what its first leg cost."""
    pair = session.pairs.get(event.trade_id)
    if pair is None or pair.excess:
        return totals
    outcome = _outcome(pair.net_usd, pair.cost_usd, str(event.end))
    return _with(totals, pair.strategy, replace(outcome, gross_usd=pair.cash_usd))


def _fill_tally(before: Trade | None, after: Trade | None, fill: Fill) -> Tally:
    gross = booked_usd(before, after, fill) + fill.fee_usd
    money = Tally(fills=1, turnover_usd=fill.notional_usd, gross_usd=gross, fees_usd=fill.fee_usd)
    if after is None or not after.closed_ns:
        return money
    return _sum(money, _outcome(after.realised_usd, after.entry_notional_usd, after.exit_label))


def _outcome(net_usd: Usd, cost_usd: Usd, label: str) -> Tally:
    """Return what one closed trade adds to the counts of results."""
    return Tally(
        closed=1,
        wins=1 if net_usd > 0 else 0,
        losses=1 if net_usd < 0 else 0,
        closed_net_usd=net_usd,
        won_usd=max(net_usd, 0),
        lost_usd=min(net_usd, 0),
        net_bps=net_usd * BPS_PER_UNIT * ONE // cost_usd if cost_usd else 0,
        exits={label: ExitTally(1, net_usd)},
    )


def _decision_counter(decision: Decision) -> Callable[[Tally], Tally]:
    """Return what a decision does to a tally; only the few fields it can change are touched, because decisions are what there is most of."""
    failures: dict[str, int] = {}
    resizes: dict[str, int] = {}
    for finding in decision.findings:
        status = finding.status
        if status is _PASSED or status is _NOT_APPLICABLE:
            continue
        if status is _FAILED or status is _UNKNOWN:
            failures[str(finding.reason)] = 1
        elif status is _ADJUSTED and finding.multiplier < ONE:
            resizes[str(finding.reason)] = 1
    rejections = {} if decision.approved else {str(decision.primary or ""): 1}
    lost_usd, lost_lots = _rounding_lost(decision)

    def count(tallied: Tally) -> Tally:
        return replace(
            tallied,
            approvals=tallied.approvals + decision.approved,
            rejections=_sum_counts(tallied.rejections, rejections),
            failures=_sum_counts(tallied.failures, failures),
            resizes=_sum_counts(tallied.resizes, resizes),
            rounding_lost_usd=tallied.rounding_lost_usd + lost_usd,
            rounding_lost_lots=tallied.rounding_lost_lots + lost_lots,
        )

    return count


def _rounding_lost(decision: Decision) -> tuple[Usd, Quantity]:
    """Return what rounding to lots took from the granted notional: in USD and in (fixed-point) lots."""
    if not decision.approved or decision.order is None:
        return 0, 0
    ordered_usd = decision.order.notional_usd
    lost_usd = decision.approved_notional_usd - ordered_usd
    return lost_usd, lost_usd * decision.order.lots * ONE // ordered_usd if ordered_usd else 0


def _changed(totals: Totals, strategy: str, change: Callable[[Tally], Tally]) -> Totals:
    own = change(totals.by_strategy.get(strategy, Tally()))
    return replace(totals, run=change(totals.run), by_strategy={**totals.by_strategy, strategy: own})


def _with(totals: Totals, strategy: str, part: Tally) -> Totals:
    return _changed(totals, strategy, lambda tallied: _sum(tallied, part))


def _sum(left: Tally, right: Tally) -> Tally:
    return Tally(
        intents=left.intents + right.intents,
        approvals=left.approvals + right.approvals,
        rejections=_sum_counts(left.rejections, right.rejections),
        failures=_sum_counts(left.failures, right.failures),
        resizes=_sum_counts(left.resizes, right.resizes),
        fills=left.fills + right.fills,
        turnover_usd=left.turnover_usd + right.turnover_usd,
        gross_usd=left.gross_usd + right.gross_usd,
        fees_usd=left.fees_usd + right.fees_usd,
        funding_usd=left.funding_usd + right.funding_usd,
        closed=left.closed + right.closed,
        wins=left.wins + right.wins,
        losses=left.losses + right.losses,
        closed_net_usd=left.closed_net_usd + right.closed_net_usd,
        won_usd=left.won_usd + right.won_usd,
        lost_usd=left.lost_usd + right.lost_usd,
        net_bps=left.net_bps + right.net_bps,
        exits=_sum_exits(left.exits, right.exits),
        rounding_lost_usd=left.rounding_lost_usd + right.rounding_lost_usd,
        rounding_lost_lots=left.rounding_lost_lots + right.rounding_lost_lots,
    )


def _sum_counts(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    if not right:
        return left
    summed = dict(left)
    for key, count in right.items():
        summed[key] = summed.get(key, 0) + count
    return summed


def _sum_exits(left: dict[str, ExitTally], right: dict[str, ExitTally]) -> dict[str, ExitTally]:
    if not right:
        return left
    summed = dict(left)
    for label, tallied in right.items():
        known = summed.get(label, ExitTally())
        summed[label] = ExitTally(known.trades + tallied.trades, known.net_usd + tallied.net_usd)
    return summed
