"""Layer 1, what the account can bear: daily loss, loss at risk, open trades, exposure, test trades.

In: intent, snapshot, session, limits. Out: one Finding a check. Without a fresh mark of every open trade the account cannot be judged and
nothing is approved. Source: SPEC §2, §3.
"""

from __future__ import annotations

from tidegate.gate.account import (
    MARK_MISSING,
    fresh_marks,
    held_stop_risk_usd,
    remaining_room_usd,
    stop_risk_usd,
    worst_pnl_usd,
)
from tidegate.gate.codes import (
    FAILED,
    L1_DAILY_LOSS,
    L1_EXPOSURE,
    L1_LOSS_AT_RISK,
    L1_TEST_TRADES,
    L1_TOO_MANY_OPEN,
    PASSED,
)
from tidegate.gate.findings import at_most, below, not_applicable, unknown
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent, Mode
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot
from tidegate.units import ONE

_NOT_TEST = not_applicable(L1_TEST_TRADES, "test mode only")
_TEST = Mode.TEST


def daily_loss_not_reached(_intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse once the P&L of the UTC day or of the last 24 h (the worse, realised + unrealised, net) is <= -limit; equal fails.

    Profit never triggers it. INVARIANT: G10
    """
    marks = fresh_marks(session, snapshot, limits)
    if marks is None:
        return unknown(L1_DAILY_LOSS, MARK_MISSING)
    pnl_usd = worst_pnl_usd(session, marks, snapshot.asof_ns)
    status = FAILED if pnl_usd <= -limits.daily_loss_usd_max else PASSED
    return Finding(L1_DAILY_LOSS, status, pnl_usd, -limits.daily_loss_usd_max)


def loss_at_risk_fits_room(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse when the stop risk of all open and reserved trades plus this order's is > the remaining room; equal passes.

    Open trades lose from their mark to their stop; this order its stop distance and both taker fees, rounded up. The room is the smaller of
    daily limit less the loss so far and drawdown limit less the drawdown so far: SPEC's "loss so far + ..." stands on the left there and is
    already out of the room here, so it is not subtracted twice. INVARIANT: G9
    """
    instrument = limits.instruments.get(intent.instrument_id)
    if instrument is None or intent.stop_bps is None:
        return unknown(L1_LOSS_AT_RISK, "instrument missing" if instrument is None else "stop missing")
    marks = fresh_marks(session, snapshot, limits)
    if marks is None:
        return unknown(L1_LOSS_AT_RISK, MARK_MISSING)
    own_usd = stop_risk_usd(intent.notional_usd, intent.stop_bps, instrument)
    held_usd = held_stop_risk_usd(session, marks, limits)
    room_usd = remaining_room_usd(session, marks, snapshot.asof_ns, limits)
    return at_most(L1_LOSS_AT_RISK, held_usd + own_usd, room_usd)


def slot_is_free(_intent: Intent, _snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse when open plus reserved trades are >= the maximum (3); equal fails."""
    return below(L1_TOO_MANY_OPEN, session.open_count * ONE, limits.open_trades_max * ONE)


def exposure_within_cap(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse when open at mark + reserved + this order is > the mode's cap (1,245 USD; TEST 100 USD); equal passes. INVARIANT: M4"""
    marks = fresh_marks(session, snapshot, limits)
    if marks is None:
        return unknown(L1_EXPOSURE, MARK_MISSING)
    return at_most(L1_EXPOSURE, session.exposure_usd(marks) + intent.notional_usd, limits.exposure_usd_max)


def trades_of_test_left(_intent: Intent, _snapshot: Snapshot, session: Session, limits: Limits) -> Finding:
    """Refuse, in TEST mode only, when trades opened or under way this session are >= the maximum (3); equal fails. INVARIANT: M4"""
    if limits.mode is not _TEST:
        return _NOT_TEST
    trades = session.entries_day + session.entries_pending
    return below(L1_TEST_TRADES, trades * ONE, limits.test_trades_max * ONE)
