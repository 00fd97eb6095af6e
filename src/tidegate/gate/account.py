"""The account at one instant: P&L, room and stop risk, from the session and a mark per open instrument. All in USD.

In: session, marks, limits. Out: amounts. The quick returns for an account with nothing open are the common case, not another rule.
"""

from __future__ import annotations

from tidegate.model.instrument import Instrument
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.units import Bps, Nanoseconds, Price, Usd, bps_of_up

MARK_MISSING = "mark of an open trade missing or stale"


def worst_pnl_usd(session: Session, marks: dict[str, Price], asof_ns: Nanoseconds) -> Usd:
    """Return the worse of the UTC day's and the last 24 hours' P&L, each realised plus unrealised."""
    last_24h_usd = session.realised_24h_usd(asof_ns) if session.ledger_24h else 0
    day_usd = session.realised_day_usd
    booked_usd = last_24h_usd if last_24h_usd < day_usd else day_usd
    return booked_usd + session.unrealised_usd(marks) if session.trades or session.pairs else booked_usd


def drawdown_usd(session: Session, marks: dict[str, Price]) -> Usd:
    """Return how far marked session equity is under its peak; negative when it is above (a new peak not yet journaled)."""
    equity_usd = session.equity_usd(marks) if session.trades or session.pairs else session.realised_day_usd
    return session.equity_peak_usd - equity_usd


def remaining_room_usd(pnl_usd: Usd, drawdown_usd: Usd, limits: Limits) -> Usd:
    """Return what may still be lost at a P&L and a drawdown: the smaller of the daily room and the drawdown room, never negative.

    The loss so far is already out of the room. Profit does not add to it. INVARIANT: G9 G10
    """
    daily_room_usd = limits.daily_loss_usd_max + (pnl_usd if pnl_usd < 0 else 0)
    drawdown_room_usd = limits.drawdown_usd_max - (drawdown_usd if drawdown_usd > 0 else 0)
    room_usd = daily_room_usd if daily_room_usd < drawdown_room_usd else drawdown_room_usd
    return room_usd if room_usd > 0 else 0


def entries_under_way(session: Session) -> int:
    """Return reserved entries that have no fill yet."""
    return session.entries_pending if session.reservations else 0


def stop_risk_usd(notional_usd: Usd, stop_bps: Bps, instrument: Instrument) -> Usd:
    """Return what one entry loses at its stop, entry and exit taker fees included, rounded up."""
    return bps_of_up(notional_usd, stop_bps + 2 * instrument.taker_bps)
