"""Layer 1, what the account can bear: daily loss, loss at risk, open trades, exposure, test trades.

In: intent, sight, session, limits. Out: one Finding a check. Without a fresh mark of every open trade the account cannot be judged and
nothing is approved. Source: SPEC §2, §3.
"""

from __future__ import annotations

from tidegate.gate.account import (
    MARK_MISSING,
    entries_under_way,
    remaining_room_usd,
    stop_risk_usd,
)
from tidegate.gate.codes import (
    ADJUSTED,
    FAILED,
    L1_DAILY_LOSS,
    L1_EXPOSURE,
    L1_LOSS_AT_RISK,
    L1_TEST_TRADES,
    L1_TOO_MANY_OPEN,
    PASSED,
)
from tidegate.gate.findings import fewer, not_applicable, unknown
from tidegate.gate.sight import Sight
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent, Mode
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.units import ONE

_NOT_TEST = not_applicable(L1_TEST_TRADES, "test mode only")
_TEST = Mode.TEST


def daily_loss_not_reached(_intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse once the P&L of the UTC day or of the last 24 h (the worse, realised + unrealised, net) is <= -limit; equal fails.

    Profit never triggers it. INVARIANT: G10
    """
    pnl_usd, limit_usd = sight.pnl_usd, -limits.daily_loss_usd_max
    if pnl_usd is None:
        return unknown(L1_DAILY_LOSS, MARK_MISSING)
    return Finding(L1_DAILY_LOSS, FAILED if pnl_usd <= limit_usd else PASSED, pnl_usd, limit_usd)


def loss_at_risk_fits_room(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when the stop risk of all open and reserved trades plus this order's is > the remaining room; equal passes.

    Halve the order when its own stop risk is > half of the room ("approaching loss limit"); equal does not. That is judged on the requested
    notional, not after other cuts: a worse market, which cuts, must not end with a larger order. INVARIANT: G7
    Open trades lose from their mark to their stop; this order its stop distance and both taker fees, rounded up. The room is the smaller of
    daily limit less the loss so far and drawdown limit less the drawdown so far: SPEC's "loss so far + ..." stands on the left there and is
    already out of the room here, so it is not subtracted twice. INVARIANT: G9
    """
    instrument = limits.instruments.get(intent.instrument_id)
    if instrument is None or intent.stop_bps is None:
        return unknown(L1_LOSS_AT_RISK, "instrument missing" if instrument is None else "stop missing")
    marks, pnl_usd, drawdown_usd = sight.marks, sight.pnl_usd, sight.drawdown_usd
    if marks is None or pnl_usd is None or drawdown_usd is None:
        return unknown(L1_LOSS_AT_RISK, MARK_MISSING)
    own_usd = stop_risk_usd(intent.notional_usd, intent.stop_bps, instrument)
    holds = session.trades or session.reservations or session.pairs
    held_usd = session.stop_risk_usd(marks, limits.instruments) if holds else 0
    room_usd = remaining_room_usd(pnl_usd, drawdown_usd, limits)
    if held_usd + own_usd > room_usd:
        return Finding(L1_LOSS_AT_RISK, FAILED, held_usd + own_usd, room_usd)
    if 2 * own_usd > room_usd:
        note, multiplier = "approaching loss limit", limits.loss_resize_multiplier
        return Finding(L1_LOSS_AT_RISK, ADJUSTED, own_usd, room_usd // 2, note, multiplier)
    return Finding(L1_LOSS_AT_RISK, PASSED, held_usd + own_usd, room_usd)


def slot_is_free(_intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when open plus reserved trades are >= the maximum (3); equal fails."""
    trades = session.open_count if session.reservations or session.pairs else len(session.trades)
    trades_max = limits.open_trades_max
    return Finding(L1_TOO_MANY_OPEN, FAILED if trades >= trades_max else PASSED, trades * ONE, trades_max * ONE)


def exposure_within_cap(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when open at mark + reserved + this order is > the mode's cap (1,245 USD; TEST 100 USD); equal passes. INVARIANT: M4"""
    marks = sight.marks
    if marks is None:
        return unknown(L1_EXPOSURE, MARK_MISSING)
    exposure_usd, limit_usd = intent.notional_usd, limits.exposure_usd_max
    if session.trades or session.reservations or session.pairs:
        exposure_usd += session.exposure_usd(marks)
    return Finding(L1_EXPOSURE, FAILED if exposure_usd > limit_usd else PASSED, exposure_usd, limit_usd)


def trades_of_test_left(_intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse, in TEST mode only, when trades opened or under way this session are >= the maximum (3); equal fails. INVARIANT: M4"""
    if limits.mode is not _TEST:
        return _NOT_TEST
    return fewer(L1_TEST_TRADES, session.entries_day + entries_under_way(session), limits.test_trades_max)
