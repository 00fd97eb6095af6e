"""The fold: `fold(session, event) -> Session`, the only way a session changes. INVARIANT: J5

In: the session so far and the next journaled event. Out: the session after it. Total over `Event`, pure, without a clock: times are the
event's own `ts_ns`. Facts, not judgements: whether a fact is a reason to refuse is the gate's business.

An approval reserves exposure and a slot. Only a terminal fact about its entry order gives them back: filled up, canceled or refused; for a
two-leg order only the pair's end does (`session.pairs`).
UNKNOWN keeps them. A late fill of a canceled entry still finds its terms in `released`, and opens its trade. INVARIANT: S6 X4 X5
Fill ids are told apart by the engine before they get here: a Filled event is always news.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from tidegate.model.decision import Decision
from tidegate.model.event import (
    DayStarted,
    DecisionMade,
    EquityMarked,
    Event,
    FeedChanged,
    Filled,
    FlattenEnded,
    FlattenStarted,
    FundingPaid,
    FundingSkipped,
    HaltLatched,
    HaltLifted,
    HealthRead,
    IntentReceived,
    OrderChanged,
    OrderIntended,
    PairClosed,
    ReviewDone,
    RunEnded,
    RunStarted,
)
from tidegate.model.intent import PrincipalKind
from tidegate.model.order import Fill, OrderRole, OrderState
from tidegate.model.pair import PairTrade
from tidegate.model.session import RECENT_INTENTS_MAX, RecentIntent, Session
from tidegate.model.trade import Reservation, Trade
from tidegate.session import halts, pairs
from tidegate.session.pnl import booked, booked_usd, kept_released, lessened, scored, state_hash, trade_after, without
from tidegate.units import MINUTE_NS, Nanoseconds

__all__ = ["fold", "state_hash"]


def fold(session: Session, event: Event) -> Session:
    """Return the session after one event."""
    match event:
        case IntentReceived():
            return _intent_received(session, event)
        case DecisionMade():
            return _decision_made(session, event)
        case OrderChanged():
            return _order_changed(session, event)
        case Filled():
            return _filled(session, event)
        case PairClosed():
            return pairs.closed(session, event)
        case FundingPaid():
            return _funding_paid(session, event)
        case DayStarted():
            return halts.day_started(session, event)
        case EquityMarked():
            return halts.equity_marked(session, event)
        case HealthRead():
            return halts.health_read(session, event)
        case HaltLatched():
            return halts.halt_latched(session, event)
        case HaltLifted():
            return halts.halt_lifted(session, event)
        case ReviewDone():
            return replace(session, loss_streak=0)
        case FlattenStarted():
            return replace(session, flattening=True)
        case FlattenEnded():
            return replace(session, flattening=not event.flat)
        case RunStarted() | OrderIntended() | FeedChanged() | FundingSkipped() | RunEnded():
            return session
        case _:
            assert_never(event)


def _intent_received(session: Session, event: IntentReceived) -> Session:
    """Remember the intent for the rate and duplicate rules; forget those received more than 60 s before it.

    Askers are kept in the order of their last intent, so that only the front has to be looked at.
    """
    intent = event.intent
    since_ns = event.ts_ns - MINUTE_NS
    recent = RecentIntent(
        intent.received_ns, str(intent.principal), intent.instrument_id, intent.side, intent.notional_usd
    )
    askers = dict(session.recent_intents)
    mine = askers.pop(recent.principal, ())[1 - RECENT_INTENTS_MAX :]
    if mine and mine[0].received_ns < since_ns:
        mine = tuple(other for other in mine if other.received_ns >= since_ns)
    while askers and askers[idlest := next(iter(askers))][-1].received_ns < since_ns:
        del askers[idlest]
    askers[recent.principal] = (*mine, recent)
    return replace(session, recent_intents=askers)


def _decision_made(session: Session, event: DecisionMade) -> Session:
    """Reserve the exposure and the slot of an approval, in the same step as the decision itself. INVARIANT: S1"""
    reservation = _reservation_of(event, event.decision)
    if reservation is None or reservation.decision_id in session.reservations:
        return session
    return replace(session, reservations={**session.reservations, reservation.decision_id: reservation})


def _reservation_of(event: DecisionMade, decision: Decision) -> Reservation | None:
    order = decision.order
    if not decision.approved or order is None:
        return None
    return Reservation(
        decision_id=decision.decision_id,
        principal=event.principal,
        strategy=event.strategy,
        instrument_id=order.instrument_id,
        asset=order.asset,
        side=order.side,
        notional_usd=order.exposure_usd,
        stop_risk_usd=order.stop_risk_usd,
        reserved_ns=event.ts_ns,
        quantity=sum(leg.quantity for leg in order.legs) or order.quantity,
        stop_bps=order.stop_bps,
        targets=order.targets,
        hold_ns=order.hold_ns,
        uptick_exit_ns=order.uptick_exit_ns,
        invalidation=order.invalidation,
        hedge_instrument_id=order.legs[-1].instrument_id if order.legs else "",
    )


def _order_changed(session: Session, event: OrderChanged) -> Session:
    """Give back the reservation of an entry that was canceled or refused.

    FILLED gives nothing back by itself: the fills do, and those still on their way keep their exposure until they are here.
    """
    if event.role is not OrderRole.ENTRY or event.state not in (OrderState.CANCELED, OrderState.REFUSED):
        return session
    released = session.reservations.get(event.decision_id)
    if released is None or released.is_pair:
        return session
    kept = kept_released(session, released)
    return replace(session, reservations=without(session.reservations, event.decision_id), released=kept)


def _filled(session: Session, event: Filled) -> Session:
    """Book a fill: the trade it opens, extends, reduces or closes; its money; and, for an entry, the reservation it uses up."""
    fill = event.fill
    if pairs.is_pairs(session, fill.decision_id):
        return _pair_filled(session, event)
    before = session.trades.get(fill.decision_id)
    after = trade_after(session, fill, event.ts_ns)
    session = booked(session, event.ts_ns, booked_usd(before, after, fill))
    if after is None:
        return session
    if after.closed_ns:
        return _trade_closed(session, after)
    trades = {**session.trades, after.trade_id: after}
    if fill.role is not OrderRole.ENTRY:
        return replace(session, trades=trades)
    entered = replace(session, trades=trades, reservations=_used_up(session.reservations, fill))
    return entered if before is not None else _entry_counted(entered, after, event.ts_ns)


def _pair_filled(session: Session, event: Filled) -> Session:
    """Book a fill of a pair: its fee, its legs, and one entry for both at the first."""
    fill = event.fill
    after = pairs.pair_after(session, fill, event.ts_ns)
    is_first = fill.decision_id not in session.pairs
    session = booked(session, event.ts_ns, -fill.fee_usd)
    if after is None:
        return session
    session = pairs.with_fill(session, fill, after)
    return _entry_counted(session, after, event.ts_ns) if is_first else session


def _entry_counted(session: Session, trade: Trade | PairTrade, ts_ns: Nanoseconds) -> Session:
    """Count an entry at its first fill, for the account, its strategy and its agent. A trade opened again from flat counts again."""
    keys = (trade.strategy, str(trade.principal)) if trade.principal.kind is PrincipalKind.AGENT else (trade.strategy,)
    entries_by, last_entry_ns = dict(session.entries_by), dict(session.last_entry_ns)
    for key in keys:
        entries_by[key] = entries_by.get(key, 0) + 1
        last_entry_ns[key] = ts_ns
    return replace(session, entries_day=session.entries_day + 1, entries_by=entries_by, last_entry_ns=last_entry_ns)


def _trade_closed(session: Session, trade: Trade) -> Session:
    """Take a flat trade off the books and count its result."""
    left = {trade_id: other for trade_id, other in session.trades.items() if trade_id != trade.trade_id}
    return scored(replace(session, trades=left), trade.realised_usd)


def _used_up(reservations: dict[str, Reservation], fill: Fill) -> dict[str, Reservation]:
    """Reduce a reservation by what was filled; gone when nothing is left."""
    held = reservations.get(fill.decision_id)
    if held is None:
        return reservations
    if fill.quantity >= held.quantity:
        return without(reservations, fill.decision_id)
    return {**reservations, fill.decision_id: lessened(held, fill.quantity)}


def _funding_paid(session: Session, event: FundingPaid) -> Session:
    """Book a funding settlement, into its trade while it is open."""
    session = booked(session, event.ts_ns, event.usd)
    trade = session.trades.get(event.trade_id)
    if trade is None:
        return session
    paid = replace(trade, funding_usd=trade.funding_usd + event.usd)
    return replace(session, trades={**session.trades, event.trade_id: paid})
