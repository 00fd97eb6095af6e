"""The exit gate: strictly risk-reducing orders, judged by nothing else. INVARIANT: G12

In: an order that says it is an exit, and the session. Out: an ExitApproval, or why not. No limit, halt, streak, cap, mode ceiling or stale
feed is looked at here: the tide may always go out.
"""

from __future__ import annotations

from tidegate.gate.codes import LONG
from tidegate.model.decision import ExitApproval
from tidegate.model.intent import Mode
from tidegate.model.order import Order, OrderRole
from tidegate.model.session import Session
from tidegate.units import render


def approve_exit(order: Order, session: Session, mode: Mode) -> ExitApproval | str:
    """Return the leave to reduce an open trade, or the reason why this order is not a reduction of one.

    It must be reduce-only, against the trade's side, on its instrument, for no more than is open (equal passes): so it cannot flip or
    increase a position. The session must be of the same mode. INVARIANT: M3
    """
    if order.role is OrderRole.ENTRY or not order.reduce_only:
        return f"order {order.client_order_id} is not a reduce-only exit; entries are judged by decide"
    if session.mode is not mode:
        return f"the session is {session.mode}, the exit is for {mode}"
    trade = session.trades.get(order.decision_id)
    if trade is None or trade.instrument_id != order.instrument_id:
        return f"no open trade {order.decision_id} on {order.instrument_id}"
    if order.buys is (trade.side is LONG):
        return f"order {order.client_order_id} would add to the {trade.side} trade {trade.trade_id}"
    if not 0 < order.quantity <= trade.open_quantity:
        given, most = render(order.quantity), render(trade.open_quantity)
        return f"order {order.client_order_id} is for {given}, trade {trade.trade_id} has {most} open"
    return ExitApproval(order.client_order_id, mode, order.instrument_id, trade.open_quantity)
