"""Layer 4, the kill switch as an entry meets it: latched halts, and conditions bad enough to refuse before they are confirmed.

In: intent, sight, session, limits. Out: one Finding a check. What latches a halt is in `kill_switch.py`; nothing here changes state.
Source: SPEC §2.
"""

from __future__ import annotations

from tidegate.gate.account import MARK_MISSING
from tidegate.gate.codes import (
    FAILED,
    L4_CLOCK,
    L4_FEED_OUTAGE,
    L4_HALTED,
    L4_HEALTH_FACTOR_CRITICAL,
    L4_JOURNAL,
    L4_LOSSES,
    L4_OPERATOR,
    L4_RECONCILE,
    L4_SESSION_DRAWDOWN,
    PASSED,
)
from tidegate.gate.findings import failed, not_applicable, passed, read, unfit, unknown
from tidegate.gate.sight import Sight, Unfit
from tidegate.model.finding import Finding, Reason
from tidegate.model.halt import Halt
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.units import ONE, SECOND_NS

_NOT_HALTED = passed(L4_HALTED)
_NO_AAVE = not_applicable(L4_HEALTH_FACTOR_CRITICAL, "aave not configured")
_FEEDS_UP = passed(L4_FEED_OUTAGE)
_RECONCILED = passed(L4_RECONCILE)
_JOURNAL_GOOD = passed(L4_JOURNAL)
_CLOCK_GOOD = passed(L4_CLOCK)
_OPERATOR_CONTENT = passed(L4_OPERATOR)


def nothing_is_halted(intent: Intent, _sight: Sight, session: Session, _limits: Limits) -> Finding:
    """Refuse while any halt covers the asset, or a flatten is under way. Shows the first halt's cause and since when. INVARIANT: K2"""
    if session.flattening:
        return failed(L4_HALTED, "flatten under way")
    for halt in session.halts.values():
        if halt.covers(intent.asset):
            since_s = halt.since_ns * ONE // SECOND_NS
            return Finding(L4_HALTED, FAILED, since_s, None, f"{halt.cause}: {halt.detail}")
    return _NOT_HALTED


def drawdown_is_small(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse while marked session equity is >= 1.2 % of capital (19.92 USD) under its peak; equal fails.

    The first bad mark refuses, until a good one clears it; only a confirmed one halts. INVARIANT: K5
    """
    if session.halts and (halt := _latched(session, intent.asset, L4_SESSION_DRAWDOWN)):
        return failed(L4_SESSION_DRAWDOWN, halt.detail)
    drawdown = sight.drawdown_usd
    if drawdown is None:
        return unknown(L4_SESSION_DRAWDOWN, MARK_MISSING)
    if session.drawdown_suspected_ns:
        return Finding(
            L4_SESSION_DRAWDOWN, FAILED, drawdown, limits.drawdown_usd_max, "seen once, awaiting a second mark"
        )
    status = FAILED if drawdown >= limits.drawdown_usd_max else PASSED
    return Finding(L4_SESSION_DRAWDOWN, status, drawdown, limits.drawdown_usd_max)


def losses_are_few(intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when losing trades this session are >= 5, whatever was won between; equal fails."""
    if session.halts and (halt := _latched(session, intent.asset, L4_LOSSES)):
        return failed(L4_LOSSES, halt.detail)
    losses, losses_max = session.losses, limits.losses_max
    return Finding(L4_LOSSES, FAILED if losses >= losses_max else PASSED, losses * ONE, losses_max * ONE)


def health_factor_not_critical(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when the Aave health factor is < 2.00 (equal passes), or was so at its last read; missing or stale is unknown."""
    if session.halts and (halt := _latched(session, intent.asset, L4_HEALTH_FACTOR_CRITICAL)):
        return failed(L4_HEALTH_FACTOR_CRITICAL, halt.detail)
    health, asof_ns, critical = sight.health_factor, sight.asof_ns, limits.health_factor_critical
    if health is None:
        return _NO_AAVE
    if type(health) is Unfit:
        return unfit(L4_HEALTH_FACTOR_CRITICAL, health)
    if session.health_suspected_ns:
        return read(L4_HEALTH_FACTOR_CRITICAL, FAILED, critical, health, asof_ns, "seen once, awaiting a second read")
    return read(L4_HEALTH_FACTOR_CRITICAL, FAILED if health.value < critical else PASSED, critical, health, asof_ns)


def no_feed_outage(intent: Intent, _sight: Sight, session: Session, _limits: Limits) -> Finding:
    """Refuse while a feed outage halts the asset."""
    return _unless_latched(intent, session, L4_FEED_OUTAGE, _FEEDS_UP) if session.halts else _FEEDS_UP


def venue_is_reconciled(intent: Intent, _sight: Sight, session: Session, _limits: Limits) -> Finding:
    """Refuse while an unexplained venue position or order halts the asset. INVARIANT: X6"""
    return _unless_latched(intent, session, L4_RECONCILE, _RECONCILED) if session.halts else _RECONCILED


def journal_is_writable(intent: Intent, _sight: Sight, session: Session, _limits: Limits) -> Finding:
    """Refuse while a journal fault halts. INVARIANT: J4"""
    return _unless_latched(intent, session, L4_JOURNAL, _JOURNAL_GOOD) if session.halts else _JOURNAL_GOOD


def clock_is_steady(intent: Intent, _sight: Sight, session: Session, _limits: Limits) -> Finding:
    """Refuse while a clock step halts. INVARIANT: O8"""
    return _unless_latched(intent, session, L4_CLOCK, _CLOCK_GOOD) if session.halts else _CLOCK_GOOD


def operator_allows(intent: Intent, _sight: Sight, session: Session, _limits: Limits) -> Finding:
    """Refuse while the operator's halt covers the asset."""
    return _unless_latched(intent, session, L4_OPERATOR, _OPERATOR_CONTENT) if session.halts else _OPERATOR_CONTENT


def _unless_latched(intent: Intent, session: Session, cause: Reason, good: Finding) -> Finding:
    halt = _latched(session, intent.asset, cause)
    return failed(cause, halt.detail) if halt else good


def _latched(session: Session, asset: str, cause: Reason) -> Halt | None:
    """Return the halt of one cause that covers the asset, or None."""
    for halt in session.halts.values():
        if halt.cause is cause and halt.covers(asset):
            return halt
    return None
