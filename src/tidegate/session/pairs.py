"""Two-leg trades in the session: what a fill does to a pair, and what its end books.

In: a session and one fill or `PairClosed`. Out: the pair after it, or the session after it. Fees are booked as they come; the cash of both legs is
booked once, when every order is over and both legs are even: only then is the profit final. INVARIANT: J7 S6

A fill explains itself when it is on its own leg of what was approved, in its direction, or gives back no more than that leg holds. Any other
is still money (its fee is booked), and reconciliation halts on the position that it left. INVARIANT: X5 X6
"""

from __future__ import annotations

from msgspec.structs import replace

from tidegate.model.event import PairClosed
from tidegate.model.order import Fill, OrderRole
from tidegate.model.pair import PairTrade
from tidegate.model.session import Session
from tidegate.model.trade import Reservation
from tidegate.session.pnl import booked, kept_released, lessened, scored, terms_of, without
from tidegate.units import Nanoseconds, Quantity


def is_pairs(session: Session, decision_id: str) -> bool:
    """Say whether a decision is that of a pair: one under way, or one whose terms are still known."""
    if decision_id in session.pairs:
        return True
    terms = terms_of(session, decision_id)
    return terms is not None and terms.is_pair


def pair_after(session: Session, fill: Fill, ts_ns: Nanoseconds) -> PairTrade | None:
    """Return the fill's pair after it, opened by its first fill; None when the fill is unexplained."""
    pair = session.pairs.get(fill.decision_id)
    if pair is None:
        terms = terms_of(session, fill.decision_id)
        if terms is None or not terms.is_pair or not fill.role.enters:
            return None
        pair = _opened(terms, ts_ns)
    moved = _quantities_after(pair, fill)
    if moved is None:
        return None
    bought, sold = moved
    return replace(
        pair,
        bought_quantity=bought,
        sold_quantity=sold,
        cash_usd=pair.cash_usd + (-fill.notional_usd if fill.buys else fill.notional_usd),
        fees_usd=pair.fees_usd + fill.fee_usd,
        turnover_usd=pair.turnover_usd + fill.notional_usd,
        bought_usd=pair.bought_usd + (fill.notional_usd if fill.role is OrderRole.ENTRY else 0),
        unwound=pair.unwound or fill.role is OrderRole.UNWIND,
    )


def with_fill(session: Session, fill: Fill, pair: PairTrade) -> Session:
    """Return the session with the pair after a fill, and with what the fill used up of its reservation: the rest stays until the pair's end."""
    reservations = session.reservations
    held = reservations.get(fill.decision_id)
    if fill.role.enters and held is not None and held.quantity:
        reservations = {**reservations, fill.decision_id: lessened(held, fill.quantity)}
    return replace(session, pairs={**session.pairs, pair.trade_id: pair}, reservations=reservations)


def closed(session: Session, event: PairClosed) -> Session:
    """End a pair: book its cash, move its legs to the inventory, count its net as a loss or a win, give its reservation back.

    A pair that never filled only gives its reservation back. One that is not even is not ended by anybody: nothing changes.
    """
    pair, held = session.pairs.get(event.trade_id), session.reservations.get(event.trade_id)
    if pair is not None and pair.excess:
        return session
    if held is not None:
        terms = held if pair is None else replace(held, quantity=2 * pair.quantity)
        session = replace(session, reservations=without(session.reservations, event.trade_id), released=kept_released(session, terms))
    if pair is None:
        return session
    left = {trade_id: other for trade_id, other in session.pairs.items() if trade_id != pair.trade_id}
    ended = replace(booked(session, event.ts_ns, pair.cash_usd), pairs=left, inventory=_moved(session.inventory, pair))
    return scored(ended, pair.net_usd)


def _opened(terms: Reservation, ts_ns: Nanoseconds) -> PairTrade:
    return PairTrade(
        trade_id=terms.decision_id,
        principal=terms.principal,
        strategy=terms.strategy,
        asset=terms.asset,
        buy_instrument_id=terms.instrument_id,
        sell_instrument_id=terms.hedge_instrument_id,
        opened_ns=ts_ns,
        quantity=terms.quantity // 2,
        unwind_bps=terms.stop_bps,
    )


def _quantities_after(pair: PairTrade, fill: Fill) -> tuple[Quantity, Quantity] | None:
    """Return what both legs hold after a fill, bought and sold; None when it is on no leg of its own, or gives back more than there is.

    An unwinding may be on either leg: at the buy's a sale gives back, at the sale's a buy does; the other way round it catches up.
    """
    signed = fill.quantity if fill.buys else -fill.quantity
    bought, sold = pair.bought_quantity, pair.sold_quantity
    unwinds = fill.role is OrderRole.UNWIND
    if fill.instrument_id == pair.buy_instrument_id and (unwinds or (fill.role is OrderRole.ENTRY and fill.buys)):
        bought += signed
    elif fill.instrument_id == pair.sell_instrument_id and (unwinds or (fill.role is OrderRole.HEDGE and not fill.buys)):
        sold -= signed
    else:
        return None
    return (bought, sold) if bought >= 0 and sold >= 0 else None


def _moved(inventory: dict[str, Quantity], pair: PairTrade) -> dict[str, Quantity]:
    moved = dict(inventory)
    for instrument_id, quantity in ((pair.buy_instrument_id, pair.bought_quantity), (pair.sell_instrument_id, -pair.sold_quantity)):
        moved[instrument_id] = moved.get(instrument_id, 0) + quantity
    return {instrument_id: quantity for instrument_id, quantity in moved.items() if quantity}
