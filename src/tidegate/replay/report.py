"""The numbers of a report: everything a run can be held to, and nothing that is not a fold of its events.

In: the session, its totals and counts; the feed's description; the control's rows. Out: `Numbers` (comparable, see `recompute`) and the
arithmetic a report needs: win rate, break-even, mean net bps. None says that a number does not exist; it is never shown as zero.
"""

from __future__ import annotations

import msgspec

from tidegate.engine.run import RunOutcome
from tidegate.feeds.port import Feed, Lack
from tidegate.matching.economics import payoff
from tidegate.matching.random_entry import ControlRow
from tidegate.model.finding import Reason
from tidegate.model.instrument import InstrumentKind
from tidegate.model.limits import Limits, StrategyRules
from tidegate.model.session import Session
from tidegate.replay.counts import RunCounts
from tidegate.session.fold import state_hash
from tidegate.session.totals import Tally, Totals, conservation_gap_usd
from tidegate.units import ONE, Bps, Pct, Usd

FAULTS = (Reason.L4_JOURNAL, Reason.L4_RECONCILE, Reason.L4_CLOCK)
TRADES_FEW = 30


class Numbers(msgspec.Struct, frozen=True):
    """Everything that can be derived again from the journal. Equal journals, equal numbers. `gap_usd` must be 0. INVARIANT: J7"""

    totals: Totals
    counts: RunCounts
    state: str
    halts: tuple[str, ...]
    open_trades: int
    losses: int
    gap_usd: Usd
    session_hash: str


class FeedFacts(msgspec.Struct, frozen=True):
    """What fed the run and how fast it went. `seconds` is wall time."""

    name: str
    batches: int
    events: int
    bars: int
    first_ns: int
    last_ns: int
    stopped: str
    seconds: float
    lacks: tuple[str, ...]
    approximations: tuple[str, ...]
    quarantined: tuple[str, ...]
    assumed: tuple[str, ...]
    policy: str


class JournalFacts(msgspec.Struct, frozen=True):
    """Where the run is written down, and what checking it end to end said. `problem` is empty when the whole chain holds."""

    path: str
    records: int
    head_hash: str
    mode: str
    problem: str


class Report(msgspec.Struct, frozen=True):
    """One report. `feed` is None for a journal read later; `differences` is None where nothing was recomputed (no journal on disk).

    unrealised_usd: open trades at the last known prices, before the fees of their exits: not part of any net. None where prices are not
    known (a journal read later). It is no fold of the journal, so it stands outside `Numbers`.
    """

    numbers: Numbers
    limits: Limits
    source: str
    control: tuple[ControlRow, ...]
    feed: FeedFacts | None = None
    journal: JournalFacts | None = None
    differences: tuple[str, ...] | None = None
    fill_rules: tuple[str, ...] = ()
    simulator: tuple[str, ...] = ()
    unrealised_usd: Usd | None = None


def numbers_of(session: Session, totals: Totals, counts: RunCounts) -> Numbers:
    """Gather the numbers of one run."""
    return Numbers(
        totals=totals,
        counts=counts,
        state=str(session.state),
        halts=tuple(
            f"{halt.cause}{' ' + ','.join(halt.assets) if halt.assets else ''}: {halt.detail}"
            for halt in session.halts.values()
        ),
        open_trades=session.open_count,
        losses=session.losses,
        gap_usd=conservation_gap_usd(totals, session),
        session_hash=state_hash(session),
    )


def feed_facts(feed: Feed, outcome: RunOutcome, events: int, assumed: tuple[str, ...], policy: str) -> FeedFacts:
    """Describe what fed a run; `events` is how many market events it gave."""
    described = feed.description
    return FeedFacts(
        name=described.name,
        batches=outcome.batches,
        events=events,
        bars=outcome.bars,
        first_ns=outcome.first_ns,
        last_ns=outcome.last_ns,
        stopped=outcome.stopped,
        seconds=outcome.seconds,
        lacks=tuple(str(lack) for lack in described.lacks if not is_supplied(lack, assumed)),
        approximations=described.approximations,
        quarantined=feed.quarantined,
        assumed=assumed,
        policy=policy,
    )


def is_supplied(lack: Lack, assumed: tuple[str, ...]) -> bool:
    """Say whether an assumption (`NAME=VALUE` or `NAME.ASSET=VALUE`) stands in for what a feed lacks."""
    named = [text.partition("=")[0] for text in assumed]
    return lack.name in named or lack.name.partition(".")[0] in named


def halted_by_fault(session: Session) -> bool:
    """Say whether a fault (journal, reconciliation, clock) holds the session; the other halts are the gate doing its work."""
    return any(halt.cause in FAULTS for halt in session.halts.values())


def win_rate_pct(tally: Tally) -> Pct | None:
    """Return the share of closed trades that won, in per cent rounded down; None without a closed trade."""
    return tally.wins * 100 * ONE // tally.closed if tally.closed else None


def break_even_pct(tally: Tally) -> Pct | None:
    """Return the win rate at which the average win and the average loss of these trades cancel; None without both a win and a loss."""
    if not tally.wins or not tally.losses or not tally.won_usd:
        return None
    average_win, average_loss = tally.won_usd // tally.wins, -tally.lost_usd // tally.losses
    total = average_win + average_loss
    return average_loss * 100 * ONE // total if total else None


def bracket_break_even_pct(rules: StrategyRules, limits: Limits) -> Pct | None:
    """Return the win rate at which a strategy's bracket breaks even when every win leaves whole at target 1: the worst of sides and perpetuals.

    By the rule of `matching.economics`. None where target 1 does not cover its fees (no win rate is enough) or there is no target.
    """
    instruments = [one for one in limits.instruments.values() if one.asset in rules.assets and one.kind is InstrumentKind.PERP]
    if not instruments or not rules.sides or not all(side.targets_bps for side in rules.sides.values()):
        return None
    payoffs = [payoff(side.targets_bps[0], side.stop_bps, one) for side in rules.sides.values() for one in instruments]
    return max(each.break_even_pct for each in payoffs) if all(each.pays for each in payoffs) else None


def mean_net_bps(tally: Tally) -> Bps | None:
    """Return the mean net result of closed trades in bps of their entry notional, rounded down; None without one."""
    return tally.net_bps // tally.closed if tally.closed else None


def net_bps_of_turnover(tally: Tally) -> Bps | None:
    """Return everything booked, net, in bps of all that was bought and sold, rounded down; None without a fill."""
    return tally.net_usd * 10_000 * ONE // tally.turnover_usd if tally.turnover_usd else None
