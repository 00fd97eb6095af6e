"""Money: how fills and funding change a trade and the books, to the quantum.

In: a session and one fill or funding payment. Out: the trade after it and the booking. Nothing here invents a price: P&L is booked from
fills, fees and funding only. INVARIANT: J7

A fill *explains itself* when it belongs to something the session approved: an entry in the direction of its reservation or trade, or an
exit that reduces its open trade. Any other fill is still money (its fee is booked) but makes no trade: the position it left at the venue
is unexplained, and reconciliation halts on it. INVARIANT: X5 X6
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec.structs import replace

from tidegate.model.observation import Side
from tidegate.model.order import Fill, OrderRole
from tidegate.model.session import Session
from tidegate.model.trade import Reservation, Trade
from tidegate.units import BPS_PER_UNIT, DAY_NS, MINUTE_NS, ONE, Bps, Nanoseconds, Price, Quantity, Usd, notional_of

_WHOLE: int = BPS_PER_UNIT * ONE
_RELEASED_KEPT = 16
_NO_PAIRS = b',"pairs":{},"inventory":{}}'


def state_hash(session: Session) -> str:
    """Return the sha256 of the session's canonical JSON: equal sessions, equal text. INVARIANT: S5 J5

    Without pairs and inventory it is the text of before there were any: a journal of then keeps the hash it was reported with.
    """
    text = msgspec.json.encode(session, order="deterministic")
    return hashlib.sha256(text[: -len(_NO_PAIRS)] + b"}" if text.endswith(_NO_PAIRS) else text).hexdigest()


def stop_price_of(side: Side, notional_usd: Usd, quantity: Quantity, stop_bps: Bps) -> Price:
    """Return the stop of a position from its average entry: below for a long, above for a short, rounded toward the entry (tighter)."""
    moved: int = notional_usd * ONE * (_WHOLE - side.sign * stop_bps)
    whole = quantity * _WHOLE
    return -(-moved // whole) if side is Side.LONG else moved // whole


def terms_of(session: Session, decision_id: str) -> Reservation | None:
    """Return what was approved under a decision: the standing reservation, else one released lately (its entry was canceled or refused)."""
    standing = session.reservations.get(decision_id)
    if standing is not None:
        return standing
    for released in session.released:
        if released.decision_id == decision_id:
            return released
    return None


def kept_released(session: Session, released: Reservation) -> tuple[Reservation, ...]:
    """Return the last reservations given back, this one included: a late fill still finds its terms there. INVARIANT: X5"""
    return (*session.released, released)[-_RELEASED_KEPT:]


def without(reservations: dict[str, Reservation], decision_id: str) -> dict[str, Reservation]:
    """Return the reservations but one."""
    return {key: other for key, other in reservations.items() if key != decision_id}


def lessened(held: Reservation, quantity: Quantity) -> Reservation:
    """Return a reservation after a part of it filled: exposure and risk in proportion, what is left rounded up, never under 0."""
    left = max(0, held.quantity - quantity)
    return replace(
        held,
        quantity=left,
        notional_usd=-(-held.notional_usd * left // held.quantity),
        stop_risk_usd=-(-held.stop_risk_usd * left // held.quantity),
    )


def scored(session: Session, net_usd: Usd) -> Session:
    """Count what is over by its net: < 0 is a loss; > 0 ends the streak; exactly 0 is neither. INVARIANT: G10"""
    lost = 1 if net_usd < 0 else 0
    return replace(session, losses=session.losses + lost, loss_streak=0 if net_usd > 0 else session.loss_streak + lost)


def trade_after(session: Session, fill: Fill, ts_ns: Nanoseconds) -> Trade | None:
    """Return the fill's trade after it: opened, extended, reduced or closed (`closed_ns` and `exit_label` set); None when unexplained."""
    trade = session.trades.get(fill.decision_id)
    if fill.role is not OrderRole.ENTRY:
        return _reduced(trade, fill, ts_ns) if trade is not None and _exits(trade, fill) else None
    if trade is not None:
        return _extended(trade, fill) if _enters(trade, fill) else None
    terms = terms_of(session, fill.decision_id)
    if terms is None or terms.is_pair:
        return None
    return _opened(terms, fill, ts_ns) if _enters(terms, fill) else None


def booked_usd(before: Trade | None, after: Trade | None, fill: Fill) -> Usd:
    """Return what a fill adds to realised P&L: the change of its trade's, or minus its fee where it explains no trade."""
    if after is None:
        return -fill.fee_usd
    return after.realised_usd - (before.realised_usd if before is not None else 0)


def invested_usd(session: Session) -> Usd:
    """Return the signed cost of everything open: cash spent on longs and pairs, minus cash received for shorts and by pairs."""
    held = sum(trade.side.sign * trade.open_cost_usd for trade in session.trades.values())
    return held - sum(pair.cash_usd for pair in session.pairs.values())


def booked(session: Session, ts_ns: Nanoseconds, usd: Usd) -> Session:
    """Return the session with `usd` booked into the day and the 24-hour ledger."""
    if usd == 0:
        return session
    return replace(
        session,
        realised_day_usd=session.realised_day_usd + usd,
        ledger_24h=_ledger_with(session.ledger_24h, ts_ns, usd),
    )


def pruned(ledger: tuple[tuple[Nanoseconds, Usd], ...], now_ns: Nanoseconds) -> tuple[tuple[Nanoseconds, Usd], ...]:
    """Return the ledger without bookings that are 24 h old or older."""
    since_ns = now_ns - DAY_NS
    return tuple(booking for booking in ledger if booking[0] > since_ns)


def _ledger_with(
    ledger: tuple[tuple[Nanoseconds, Usd], ...], ts_ns: Nanoseconds, usd: Usd
) -> tuple[tuple[Nanoseconds, Usd], ...]:
    """Append a booking, merging it with one of the same sign in the same minute, so that the ledger has a greatest length.

    Losses merge under the later time and profits under the earlier: a merged loss counts up to a minute longer, a merged profit up to a
    minute shorter, never the other way round.
    """
    kept = pruned(ledger, ts_ns)
    for place in range(len(kept) - 1, max(-1, len(kept) - 3), -1):
        other_ns, other_usd = kept[place]
        if other_ns // MINUTE_NS == ts_ns // MINUTE_NS and (other_usd < 0) == (usd < 0):
            merged = (max(other_ns, ts_ns) if usd < 0 else min(other_ns, ts_ns), other_usd + usd)
            return (*kept[:place], merged, *kept[place + 1 :])
    return (*kept, (ts_ns, usd))


def _enters(terms: Reservation | Trade, fill: Fill) -> bool:
    return fill.instrument_id == terms.instrument_id and fill.buys is (terms.side is Side.LONG)


def _exits(trade: Trade, fill: Fill) -> bool:
    return fill.instrument_id == trade.instrument_id and fill.buys is (trade.side is Side.SHORT)


def _opened(terms: Reservation, fill: Fill, ts_ns: Nanoseconds) -> Trade:
    return Trade(
        trade_id=terms.decision_id,
        principal=terms.principal,
        strategy=terms.strategy,
        instrument_id=terms.instrument_id,
        asset=terms.asset,
        side=terms.side,
        opened_ns=ts_ns,
        entry_quantity=fill.quantity,
        entry_notional_usd=fill.notional_usd,
        open_quantity=fill.quantity,
        open_cost_usd=fill.notional_usd,
        gross_usd=0,
        fees_usd=fill.fee_usd,
        funding_usd=0,
        stop_bps=terms.stop_bps,
        stop_price=stop_price_of(terms.side, fill.notional_usd, fill.quantity, terms.stop_bps),
        targets=terms.targets,
        hold_ns=terms.hold_ns,
        uptick_exit_ns=terms.uptick_exit_ns,
        invalidation=terms.invalidation,
    )


def _extended(trade: Trade, fill: Fill) -> Trade:
    quantity = trade.entry_quantity + fill.quantity
    notional = trade.entry_notional_usd + fill.notional_usd
    return replace(
        trade,
        entry_quantity=quantity,
        entry_notional_usd=notional,
        open_quantity=trade.open_quantity + fill.quantity,
        open_cost_usd=trade.open_cost_usd + fill.notional_usd,
        fees_usd=trade.fees_usd + fill.fee_usd,
        stop_price=stop_price_of(trade.side, notional, quantity, trade.stop_bps),
    )


def _reduced(trade: Trade, fill: Fill, ts_ns: Nanoseconds) -> Trade:
    """Take an exit fill's share of the open cost, rounded down; the last exit takes the rest.

    Of a fill larger than what is open only the open part is this trade's; the fee is booked whole.
    """
    if fill.quantity >= trade.open_quantity:
        proceeds = (
            fill.notional_usd if fill.quantity == trade.open_quantity else notional_of(fill.price, trade.open_quantity)
        )
        quantity, share = trade.open_quantity, trade.open_cost_usd
    else:
        proceeds, quantity = fill.notional_usd, fill.quantity
        share = trade.open_cost_usd * quantity // trade.open_quantity
    left = trade.open_quantity - quantity
    return replace(
        trade,
        open_quantity=left,
        open_cost_usd=trade.open_cost_usd - share,
        gross_usd=trade.gross_usd + trade.side.sign * (proceeds - share),
        fees_usd=trade.fees_usd + fill.fee_usd,
        closed_ns=0 if left else ts_ns,
        exit_label="" if left else str(fill.role),
    )
