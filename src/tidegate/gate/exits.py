"""The exit gate: strictly risk-reducing orders, judged by nothing else. INVARIANT: G12

In: an order that says it is an exit, and the session. Out: an ExitApproval, or why not. No limit, halt, streak, cap, mode ceiling or stale
feed is looked at here: the tide may always go out.
"""

from __future__ import annotations

from tidegate.gate.codes import LONG
from tidegate.model.decision import ExitApproval
from tidegate.model.intent import Mode
from tidegate.model.order import Order, OrderRole
from tidegate.model.pair import PairTrade
from tidegate.model.session import Session
from tidegate.units import render

_ENTERING = (OrderRole.ENTRY, OrderRole.HEDGE)


def approve_exit(order: Order, session: Session, mode: Mode) -> ExitApproval | str:
    """Return the leave to reduce an open trade, or the reason why this order is not a reduction of one.

    It must be reduce-only, against the trade's side, on its instrument, for no more than is open (equal passes): so it cannot flip or
    increase a position. Of a pair only the excess of one leg over the other may be reduced. The session must be of the same mode.
    INVARIANT: M3
    """
    if order.role in _ENTERING or not order.reduce_only:
        return f"order {order.client_order_id} is not a reduce-only exit; entries are judged by decide"
    if session.mode is not mode:
        return f"the session is {session.mode}, the exit is for {mode}"
    if order.role is OrderRole.UNWIND:
        return _unwinding(order, session.pairs.get(order.decision_id), mode)
    trade = session.trades.get(order.decision_id)
    if trade is None or trade.instrument_id != order.instrument_id:
        return f"no open trade {order.decision_id} on {order.instrument_id}"
    if order.buys is (trade.side is LONG):
        return f"order {order.client_order_id} would add to the {trade.side} trade {trade.trade_id}"
    if not 0 < order.quantity <= trade.open_quantity:
        given, most = render(order.quantity), render(trade.open_quantity)
        return f"order {order.client_order_id} is for {given}, trade {trade.trade_id} has {most} open"
    return ExitApproval(order.client_order_id, mode, order.instrument_id, trade.open_quantity)


def _unwinding(order: Order, pair: PairTrade | None, mode: Mode) -> ExitApproval | str:
    """Return the leave to get rid of a pair's excess: at one of its two venues, against it, for no more than it is (equal passes).

    At the other venue than the one that holds it, because what is less than a lot there can only be taken back where lots are finer.
    """
    excess = 0 if pair is None else pair.excess
    if pair is None or excess == 0:
        return f"no pair {order.decision_id} with one leg more than the other"
    venues = (pair.buy_instrument_id, pair.sell_instrument_id)
    if order.instrument_id not in venues:
        return f"pair {pair.trade_id} is on {' and '.join(venues)}, order {order.client_order_id} is on {order.instrument_id}"
    if order.buys is (excess > 0):
        return f"order {order.client_order_id} would add to the excess of pair {pair.trade_id}"
    if not 0 < order.quantity <= abs(excess):
        given, most = render(order.quantity), render(abs(excess))
        return f"order {order.client_order_id} is for {given}, pair {pair.trade_id} has an excess of {most}"
    return ExitApproval(order.client_order_id, mode, order.instrument_id, abs(excess))
