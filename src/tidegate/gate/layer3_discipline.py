"""Layer 3, discipline: entries a day, cooldowns, losses in a row.

In: intent, sight, session, limits. Out: one Finding a check. Entries under way (reserved, not yet filled) count: otherwise two could
leave before the first is filled. INVARIANT: S1. Source: SPEC §2, §4.
"""

from __future__ import annotations

from tidegate.gate.codes import FAILED, L3_DAILY_TRADE_CAP, L3_LOSS_STREAK, PASSED
from tidegate.gate.findings import fewer, not_applicable
from tidegate.gate.sight import Sight
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent, PrincipalKind
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.trade import Reservation
from tidegate.units import ONE, SECOND_NS, Nanoseconds

_NO_AGENT = not_applicable(L3_DAILY_TRADE_CAP, "no agent with bounds of its own")
_AGENT = PrincipalKind.AGENT
_NONE_UNDER_WAY: tuple[Reservation, ...] = ()


def entries_left_today(_intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when the account's entries this UTC day are >= 6; equal fails."""
    entries, entries_max = session.entries_day, limits.entries_per_day_max
    if session.reservations:
        entries += session.entries_pending
    return Finding(
        L3_DAILY_TRADE_CAP, FAILED if entries >= entries_max else PASSED, entries * ONE, entries_max * ONE, "account"
    )


def strategy_may_enter(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when the strategy's entries this UTC day are >= its maximum (equal fails), or its last one is younger than its cooldown."""
    key = intent.strategy
    rules = limits.strategies[key]
    entries, under_way = session.entries_by.get(key, 0), _NONE_UNDER_WAY
    if session.reservations:
        under_way = tuple(each for each in session.reservations.values() if each.strategy == key)
        entries += _unfilled(under_way, session)
    if rules.cooldown_ns > 0:
        since_ns = sight.asof_ns - max(session.last_entry_ns.get(key, 0), *(each.reserved_ns for each in under_way), 0)
        if since_ns < rules.cooldown_ns:
            return _cooling(since_ns, rules.cooldown_ns, "strategy cooldown")
    entries_max = rules.entries_per_day_max
    return Finding(
        L3_DAILY_TRADE_CAP, FAILED if entries >= entries_max else PASSED, entries * ONE, entries_max * ONE, "strategy"
    )


def agent_may_enter(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse like `strategy_may_enter`, for a declared agent's own maximum and cooldown. Others: not applicable."""
    agent = limits.agents.get(intent.principal.name) if intent.principal.kind is _AGENT else None
    if agent is None:
        return _NO_AGENT
    key = f"agent:{agent.name}"
    under_way = tuple(each for each in session.reservations.values() if each.principal == intent.principal)
    entries = session.entries_by.get(key, 0) + _unfilled(under_way, session)
    last_ns = max(session.last_entry_ns.get(key, 0), *(each.reserved_ns for each in under_way), 0)
    if agent.cooldown_ns > 0 and sight.asof_ns - last_ns < agent.cooldown_ns:
        return _cooling(sight.asof_ns - last_ns, agent.cooldown_ns, "agent cooldown")
    return fewer(L3_DAILY_TRADE_CAP, entries, agent.entries_per_day_max, "agent")


def losing_streak_is_short(_intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when losing trades in a row (account) since the last win or review are >= 2; equal fails."""
    streak, streak_max = session.loss_streak, limits.loss_streak_max
    return Finding(L3_LOSS_STREAK, FAILED if streak >= streak_max else PASSED, streak * ONE, streak_max * ONE)


def _unfilled(under_way: tuple[Reservation, ...], session: Session) -> int:
    """Count the reservations that have no fill yet; filled ones are counted as entries already."""
    opened = (session.trades, session.pairs)
    return sum(1 for reservation in under_way if not any(reservation.decision_id in trades for trades in opened))


def _cooling(since_ns: Nanoseconds, cooldown_ns: Nanoseconds, note: str) -> Finding:
    """Return the failure of a cooldown that is not over (equal is over); seconds are shown rounded down."""
    return Finding(L3_DAILY_TRADE_CAP, FAILED, since_ns * ONE // SECOND_NS, cooldown_ns * ONE // SECOND_NS, note)
