"""The account at one instant: P&L, room and stop risk, from the session and fresh marks. All in USD.

In: session, snapshot, limits. Out: amounts, or None when an open trade has no fresh mark: then nobody may say what the account is worth.
"""

from __future__ import annotations

from tidegate.gate.codes import PRICE
from tidegate.gate.freshness import fresh
from tidegate.model.instrument import Instrument
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot
from tidegate.units import Bps, Price, Usd, bps_of_up

MARK_MISSING = "mark of an open trade missing or stale"


def fresh_marks(session: Session, snapshot: Snapshot, limits: Limits) -> dict[str, Price] | None:
    """Return a mark per open instrument, or None when one is missing, stale or not positive (the price's own ages apply)."""
    marks: dict[str, Price] = {}
    if not session.trades:
        return marks
    bounds = limits.stale[PRICE]
    for trade in session.trades.values():
        mark = fresh(snapshot.marks.get(trade.instrument_id), bounds, snapshot.asof_ns)
        if mark is None or mark.value <= 0:
            return None
        marks[trade.instrument_id] = mark.value
    return marks


def worst_pnl_usd(session: Session, marks: dict[str, Price], asof_ns: int) -> Usd:
    """Return the worse of the UTC day's and the last 24 hours' P&L, each realised plus unrealised."""
    last_24h_usd = session.realised_24h_usd(asof_ns) if session.ledger_24h else 0
    day_usd = session.realised_day_usd
    booked_usd = last_24h_usd if last_24h_usd < day_usd else day_usd
    return booked_usd + session.unrealised_usd(marks) if session.trades else booked_usd


def drawdown_usd(session: Session, marks: dict[str, Price]) -> Usd:
    """Return how far marked session equity is under its peak; negative when it is above (a new peak not yet journaled)."""
    equity_usd = session.equity_usd(marks) if session.trades else session.realised_day_usd
    return session.equity_peak_usd - equity_usd


def remaining_room_usd(session: Session, marks: dict[str, Price], asof_ns: int, limits: Limits) -> Usd:
    """Return what may still be lost: the smaller of the daily room and the drawdown room, never negative.

    The loss so far is already out of the room. Profit does not add to the daily room. INVARIANT: G9 G10
    """
    pnl_usd = worst_pnl_usd(session, marks, asof_ns)
    daily_room_usd = limits.daily_loss_usd_max + (pnl_usd if pnl_usd < 0 else 0)
    drawdown = drawdown_usd(session, marks)
    drawdown_room_usd = limits.drawdown_usd_max - (drawdown if drawdown > 0 else 0)
    room_usd = daily_room_usd if daily_room_usd < drawdown_room_usd else drawdown_room_usd
    return room_usd if room_usd > 0 else 0


def held_stop_risk_usd(session: Session, marks: dict[str, Price], limits: Limits) -> Usd:
    """Return the loss if every open trade and every reservation hit its stop. Raises KeyError for an unlisted instrument: unknown."""
    if not session.trades and not session.reservations:
        return 0
    return session.stop_risk_usd(marks, limits.instruments)


def stop_risk_usd(notional_usd: Usd, stop_bps: Bps, instrument: Instrument) -> Usd:
    """Return what one entry loses at its stop, entry and exit taker fees included, rounded up."""
    return bps_of_up(notional_usd, stop_bps + 2 * instrument.taker_bps)
