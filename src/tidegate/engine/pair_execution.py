"""Pair execution: both legs or none, step by step from journaled facts, so that a crash between the legs ends even too.

In: approved two-leg decisions, the facts about their orders, time. Out: the legs, the one second attempt of the leg that lags, unwinding, and
`PairClosed` once every order is over and both legs are even. INVARIANT: S6 X4

While any order of a pair is not over (in flight, or its outcome unknown) nothing else happens to it. A second attempt is an entry: it needs the
approval, which lives as long as the process that judged it, and no halt; without one the excess is unwound, and that nothing blocks: every
second anew, at any price, until the pair is even. A late fill of a pair that was over is a pair again, and is unwound. INVARIANT: X5 G12
"""

from __future__ import annotations

from collections.abc import Callable

from tidegate.engine.chronicle import Chronicle
from tidegate.gate.decide import approval_of
from tidegate.gate.exits import approve_exit
from tidegate.model.decision import Approval, Decision, ExitApproval
from tidegate.model.event import DecisionMade, Event, Filled, OrderChanged, OrderIntended, PairClosed
from tidegate.model.limits import Limits
from tidegate.model.order import Order, OrderRole, OrderState
from tidegate.model.pair import PairEnd, PairTrade
from tidegate.orders import pairs
from tidegate.orders.life_cycle import Illegal, advance, is_terminal
from tidegate.orders.reconcile import positions_of
from tidegate.units import SECOND_NS, Nanoseconds, Quantity
from tidegate.venues.port import Venue

AGAIN_NS = SECOND_NS
REPORTS_LATE_NS = 20 * SECOND_NS
_ENDED_KEPT = 16

Intend = Callable[[Order, Approval | ExitApproval, Nanoseconds], None]


class PairOrders:
    """What this process knows of one pair's orders: every one of them, also those that are over.

    `approval` is None for a pair of an earlier process. `heard_ns`: its newest fact. `tried_ns`: the last unwinding.
    """

    __slots__ = ("approval", "heard_ns", "orders", "tried_ns")

    def __init__(self, approval: Approval | None) -> None:
        self.approval = approval
        self.orders: dict[str, Order] = {}
        self.heard_ns: Nanoseconds = 0
        self.tried_ns: Nanoseconds = -AGAIN_NS

    def generation(self, role: OrderRole) -> int:
        """Return how many orders of a role there were."""
        return sum(1 for order in self.orders.values() if order.role is role)

    @property
    def under_way(self) -> bool:
        """Say whether any order is not over. One that was said to be filled is not, while fills that made it so are on their way."""
        return any(not is_terminal(one.state) or _awaits_fills(one) for one in self.orders.values())


class PairExecution:
    """Every two-leg trade of the process, from approval to its end."""

    def __init__(self, chronicle: Chronicle, venue: Venue, limits: Limits, intend: Intend) -> None:
        self._chronicle = chronicle
        self._venue = venue
        self._limits = limits
        self._intend = intend
        self._ended: dict[str, PairOrders] = {}
        self.open: dict[str, PairOrders] = {}

    def enter(self, decision: Decision, now_ns: Nanoseconds) -> None:
        """Intend both legs of an approved decision: they are journaled together and leave together."""
        approval = approval_of(decision, self._limits.mode)
        self.open[decision.decision_id] = PairOrders(approval)
        for order in pairs.leg_orders(approval, now_ns):
            self._intend(order, approval, now_ns)

    def note(self, event: Event) -> None:
        """Follow one fact, recorded now or recovered: everything this room knows comes from here. INVARIANT: S5"""
        match event:
            case DecisionMade(_, decision) if decision.approved and decision.order is not None and decision.order.legs:
                self.open.setdefault(decision.decision_id, PairOrders(None))
            case OrderIntended(ts_ns, order) if order.decision_id in self.open:
                self.open[order.decision_id].orders[order.client_order_id] = order
                self.open[order.decision_id].heard_ns = ts_ns
            case OrderChanged() if event.decision_id in self.open:
                self._heard(self.open[event.decision_id], event, event.client_order_id)
            case Filled(_, fill):
                known = self._of_fill(event)
                if known is not None:
                    self._heard(known, event, fill.client_order_id)
            case PairClosed():
                self._end(event.trade_id)
            case _:
                pass

    def step(self, now_ns: Nanoseconds) -> None:
        """Do the next thing for every pair whose orders are all over."""
        for trade_id, known in tuple(self.open.items()):
            if not known.under_way:
                self._step_one(trade_id, known, now_ns)

    def _step_one(self, trade_id: str, known: PairOrders, now_ns: Nanoseconds) -> None:
        pair = self._chronicle.session.pairs.get(trade_id)
        if self._awaits_reports(known, now_ns):
            return
        if pair is None or pair.excess == 0:
            end = PairEnd.NOT_FILLED if pair is None else pair.end
            closing = PairClosed(now_ns, trade_id, end)
            self._chronicle.record(closing)
            self.note(closing)
        elif not self._try_again(pair, known, now_ns):
            self._unwind(pair, known, now_ns)

    def _try_again(self, pair: PairTrade, known: PairOrders, now_ns: Nanoseconds) -> bool:
        """Intend the one second attempt of the leg that lags, if it is still allowed; say whether it was."""
        tried = any(known.generation(role) > 1 for role in (OrderRole.ENTRY, OrderRole.HEDGE))
        if known.approval is None or tried or pair.unwound or self._halted(pair.asset):
            return False
        lagging = pair.sell_instrument_id if pair.excess > 0 else pair.buy_instrument_id
        order = pairs.second_attempt(known.approval, pair, self._lot(lagging), now_ns)
        if order is None:
            return False
        self._intend(order, known.approval, now_ns)
        return True

    def _unwind(self, pair: PairTrade, known: PairOrders, now_ns: Nanoseconds) -> None:
        """Give the excess back at any price; what came to nothing is repeated after a second, not at every event. INVARIANT: X9"""
        if now_ns - known.tried_ns < AGAIN_NS:
            return
        known.tried_ns = now_ns
        session, mode = self._chronicle.session, self._limits.mode
        lots = {name: self._lot(name) for name in (pair.buy_instrument_id, pair.sell_instrument_id)}
        order = pairs.unwinding(pair, lots, known.generation(OrderRole.UNWIND), now_ns)
        approval = approve_exit(order, session, mode) if order is not None else ""
        if order is not None and isinstance(approval, ExitApproval):
            self._intend(order, approval, now_ns)

    def _awaits_reports(self, known: PairOrders, now_ns: Nanoseconds) -> bool:
        """Say whether the venue holds something else than we believe in an instrument of the pair, and a report may still be on its way.

        Acting on half of the news would trade against fills that were made already. After a while it goes on with what it knows.
        """
        if now_ns - known.heard_ns >= REPORTS_LATE_NS or not known.orders:
            return False
        session = self._chronicle.session
        ours, theirs = positions_of(session.trades.values(), session.pairs.values(), session.inventory), self._venue.positions()
        names = dict.fromkeys(order.instrument_id for order in known.orders.values())
        return any(ours.get(name, 0) != theirs.get(name, 0) for name in names)

    def _halted(self, asset: str) -> bool:
        session = self._chronicle.session
        return session.flattening or any(halt.covers(asset) for halt in session.halts.values())

    def _lot(self, instrument_id: str) -> Quantity:
        return self._limits.instruments[instrument_id].lot

    def _of_fill(self, event: Filled) -> PairOrders | None:
        """Return the pair of a fill; a pair that was over is one again when its late fill opened it."""
        trade_id = event.fill.decision_id
        if trade_id not in self.open and trade_id in self._chronicle.session.pairs:
            self.open[trade_id] = self._ended.pop(trade_id, PairOrders(None))
        return self.open.get(trade_id)

    def _heard(self, known: PairOrders, fact: OrderChanged | Filled, client_order_id: str) -> None:
        known.heard_ns = fact.ts_ns
        order = known.orders.get(client_order_id)
        if order is None:
            return
        moved = advance(order, fact.fill if isinstance(fact, Filled) else fact)
        if not isinstance(moved, Illegal):
            known.orders[client_order_id] = moved

    def _end(self, trade_id: str) -> None:
        known = self.open.pop(trade_id, None)
        if known is None:
            return
        known.approval = None
        self._ended[trade_id] = known
        if len(self._ended) > _ENDED_KEPT:
            del self._ended[next(iter(self._ended))]


def _awaits_fills(order: Order) -> bool:
    return order.state is OrderState.FILLED and order.filled_quantity < order.quantity
