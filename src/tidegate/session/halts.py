"""Halts, suspicions and the day: the parts of the fold that decide whether entries are refused.

In: a session and one event. Out: the session after it. What trips a halt is the business of `gate.kill_switch`; here facts are remembered.
"""

from __future__ import annotations

from msgspec.structs import replace

from tidegate.model.event import DayStarted, EquityMarked, HaltLatched, HaltLifted, HealthRead
from tidegate.model.finding import Reason
from tidegate.model.session import Session
from tidegate.session.pnl import pruned


def day_started(session: Session, event: DayStarted) -> Session:
    """Restart day P&L, entries, loss count and drawdown peak; positions, reservations, halts and the streak carry over.

    A day that is not later than the session's own changes nothing: restarting or redeploying resets nothing. INVARIANT: S5
    """
    if event.day <= session.day:
        return session
    return replace(
        session,
        day=event.day,
        realised_day_usd=0,
        ledger_24h=pruned(session.ledger_24h, event.ts_ns),
        equity_peak_usd=event.equity_usd,
        drawdown_suspected_ns=0,
        losses=0,
        entries_day=0,
        entries_by={},
    )


def equity_marked(session: Session, event: EquityMarked) -> Session:
    """Raise the peak to the mark, and remember when the drawdown limit was first seen broken (0 when it no longer is)."""
    return replace(
        session,
        equity_peak_usd=max(session.equity_peak_usd, event.equity_usd),
        drawdown_suspected_ns=_since(session.drawdown_suspected_ns, event.ts_ns, event.below),
    )


def health_read(session: Session, event: HealthRead) -> Session:
    """Remember when the health factor was first read as critical (0 when it no longer is)."""
    return replace(session, health_suspected_ns=_since(session.health_suspected_ns, event.ts_ns, event.critical))


def halt_latched(session: Session, event: HaltLatched) -> Session:
    """Latch a halt; one that is latched already keeps its own beginning. INVARIANT: K2"""
    if event.halt.key in session.halts:
        return session
    return replace(session, halts={**session.halts, event.halt.key: event.halt})


def halt_lifted(session: Session, event: HaltLifted) -> Session:
    """Lift a latched halt. A lifted drawdown re-bases the peak, a lifted L4_LOSSES its count; day P&L never re-bases.

    Lifting what is not latched changes nothing, so that nobody re-bases a limit that did not trip.
    """
    lifted = session.halts.get(event.key)
    if lifted is None:
        return session
    halts = {key: halt for key, halt in session.halts.items() if key != event.key}
    match lifted.cause:
        case Reason.L4_SESSION_DRAWDOWN:
            return replace(session, halts=halts, equity_peak_usd=event.equity_usd, drawdown_suspected_ns=0)
        case Reason.L4_LOSSES:
            return replace(session, halts=halts, losses=0)
        case _:
            return replace(session, halts=halts)


def _since(since_ns: int, ts_ns: int, suspected: bool) -> int:
    """Return the time of the first bad reading in a row, 0 when this one is good."""
    if not suspected:
        return 0
    return since_ns or ts_ns
