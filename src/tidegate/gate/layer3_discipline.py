"""Layer 3, discipline: entries a day, cooldowns, losses in a row.

In: intent, snapshot, session, limits. Out: one Finding a check. Entries under way (reserved, not yet filled) count: otherwise two could
leave before the first is filled. INVARIANT: S1. Source: SPEC §2, §4.
"""

from __future__ import annotations

from tidegate.gate.codes import FAILED, L3_DAILY_TRADE_CAP, L3_LOSS_STREAK, PASSED
from tidegate.gate.findings import below, not_applicable
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent, PrincipalKind
from tidegate.model.limits import AgentRules, Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot
from tidegate.units import ONE, SECOND_NS, Nanoseconds

_NO_AGENT_CAP = not_applicable(L3_DAILY_TRADE_CAP, "no agent with its own cap")
_NO_AGENT_COOLDOWN = not_applicable(L3_DAILY_TRADE_CAP, "no agent with its own cooldown")
_NO_COOLDOWN = not_applicable(L3_DAILY_TRADE_CAP, "strategy has no cooldown")
_AGENT = PrincipalKind.AGENT


def entries_left_today(_intent: Intent, _snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse when the account's entries this UTC day are >= 6; equal fails."""
    entries = session.entries_day + session.entries_pending if session.reservations else session.entries_day
    return _cap(entries, limits.entries_per_day_max, "account")


def strategy_entries_left(intent: Intent, _snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse when the strategy's entries this UTC day are >= its `entries_per_day_max`; equal fails."""
    key = intent.strategy
    entries = session.entries_by.get(key, 0)
    for reservation in session.reservations.values():
        entries += reservation.strategy == key and reservation.decision_id not in session.trades
    return _cap(entries, limits.strategies[key].entries_per_day_max, "strategy")


def agent_entries_left(intent: Intent, _snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse when a declared agent's entries this UTC day are >= its `entries_per_day_max`; equal fails. Others: not applicable."""
    agent = _agent_of(intent, limits)
    if agent is None:
        return _NO_AGENT_CAP
    entries = session.entries_by.get(f"agent:{agent.name}", 0)
    for reservation in session.reservations.values():
        entries += reservation.principal == intent.principal and reservation.decision_id not in session.trades
    return _cap(entries, agent.entries_per_day_max, "agent")


def strategy_cooldown_is_over(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse while the strategy's last entry is younger than its cooldown; equal passes."""
    key = intent.strategy
    cooldown_ns = limits.strategies[key].cooldown_ns
    if cooldown_ns <= 0:
        return _NO_COOLDOWN
    starts_ns = [each.reserved_ns for each in session.reservations.values() if each.strategy == key]
    last_ns = max(session.last_entry_ns.get(key, 0), *starts_ns, 0)
    return _cooldown(snapshot.asof_ns - last_ns, cooldown_ns, "strategy cooldown")


def agent_cooldown_is_over(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse while a declared agent's last entry is younger than its cooldown; equal passes. Others: not applicable."""
    agent = _agent_of(intent, limits)
    if agent is None or agent.cooldown_ns <= 0:
        return _NO_AGENT_COOLDOWN
    starts_ns = [each.reserved_ns for each in session.reservations.values() if each.principal == intent.principal]
    last_ns = max(session.last_entry_ns.get(f"agent:{agent.name}", 0), *starts_ns, 0)
    return _cooldown(snapshot.asof_ns - last_ns, agent.cooldown_ns, "agent cooldown")


def losing_streak_is_short(_intent: Intent, _snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse when losing trades in a row (account) since the last win or review are >= 2; equal fails."""
    return below(L3_LOSS_STREAK, session.loss_streak * ONE, limits.loss_streak_max * ONE)


def _agent_of(intent: Intent, limits: Limits) -> AgentRules | None:
    """Return the rules of the agent that asks, if it is one and declared."""
    return limits.agents.get(intent.principal.name) if intent.principal.kind is _AGENT else None


def _cap(entries: int, entries_max: int, note: str) -> Finding:
    status = FAILED if entries >= entries_max else PASSED
    return Finding(L3_DAILY_TRADE_CAP, status, entries * ONE, entries_max * ONE, note)


def _cooldown(since_ns: Nanoseconds, cooldown_ns: Nanoseconds, note: str) -> Finding:
    """Fail when the time since the last entry is < the cooldown; seconds are shown rounded down."""
    status = FAILED if since_ns < cooldown_ns else PASSED
    return Finding(L3_DAILY_TRADE_CAP, status, since_ns * ONE // SECOND_NS, cooldown_ns * ONE // SECOND_NS, note)
