"""Execution: approved orders out, venue reports in, brackets kept, exits made when they are due.

In: approvals, market time, and what the venue says. Out: journaled OrderIntended / OrderChanged / Filled events, and effects: requests to the
venue that may leave only after the records before them are durable. INVARIANT: X1 X3
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import assert_never

import msgspec
from msgspec.structs import replace

from tidegate.engine.chronicle import Chronicle
from tidegate.engine.pair_execution import PairExecution
from tidegate.errors import NotSent, OutcomeUnknown, Refused, VenueError
from tidegate.gate.decide import approval_of
from tidegate.gate.exits import approve_exit
from tidegate.model.decision import Approval, Decision, ExitApproval
from tidegate.model.event import Event, Filled, OrderChanged, OrderIntended
from tidegate.model.halt import Halt
from tidegate.model.limits import Limits
from tidegate.model.observation import MarketEvent
from tidegate.model.order import Order, OrderRole, OrderState
from tidegate.model.trade import Trade
from tidegate.orders import bracket
from tidegate.orders.life_cycle import Illegal, advance, is_terminal
from tidegate.units import SECOND_NS, Nanoseconds, Price, Quantity
from tidegate.venues.port import Venue

_WORKING_EXITS = (OrderRole.TIME, OrderRole.INVALIDATED, OrderRole.FLATTEN, OrderRole.OPERATOR)
_FILL_IDS_KEPT = 10_000
_ODDITIES_KEPT = 1_000
NAKED_NS_MAX = 2 * SECOND_NS
EXIT_AGAIN_NS = SECOND_NS


class Placing(msgspec.Struct, frozen=True):
    """Send one order, with the leave to do so."""

    order: Order
    approval: Approval | ExitApproval


class Amending(msgspec.Struct, frozen=True):
    """Change the quantity of a working order."""

    client_order_id: str
    quantity: Quantity


class Cancelling(msgspec.Struct, frozen=True):
    """Cancel a working order."""

    client_order_id: str


Effect = Placing | Amending | Cancelling


class Execution:
    """Every order of the process, from intended to terminal."""

    def __init__(self, chronicle: Chronicle, venue: Venue, limits: Limits) -> None:
        self._chronicle = chronicle
        self._venue = venue
        self._limits = limits
        self._effects: list[Effect] = []
        self._generations: dict[tuple[str, OrderRole], int] = {}
        self._fill_ids: dict[str, None] = {}
        self._last_price: dict[str, Price] = {}
        self._beyond_since_ns: dict[str, Nanoseconds] = {}
        self._naked_since_ns: dict[str, Nanoseconds] = {}
        self._tried_ns: dict[str, Nanoseconds] = {}
        self.pairs = PairExecution(chronicle, venue, limits, self._intend)
        self.working: dict[str, Order] = {}
        self.oddities: deque[str] = deque(maxlen=_ODDITIES_KEPT)

    @property
    def busy(self) -> bool:
        """Say whether anything could happen at the venue: a working order, an open trade, a pair that is not over."""
        return bool(self.working) or bool(self._chronicle.session.trades) or bool(self.pairs.open)

    def enter(self, decision: Decision, now_ns: Nanoseconds) -> None:
        """Intend the entry order of an approved decision, or both legs of a two-leg one."""
        if decision.order is not None and decision.order.legs:
            self.pairs.enter(decision, now_ns)
            return
        approval = approval_of(decision, self._limits.mode)
        self._intend(bracket.entry_order(approval, now_ns), approval, now_ns)

    @property
    def waiting(self) -> bool:
        """Say whether a request waits to leave."""
        return bool(self._effects)

    def take_effects(self, now_ns: Nanoseconds) -> list[Effect]:
        """Hand over the requests that waited for durability; call only after the chronicle's commit.

        An entry whose asset was halted after its approval never leaves; that includes those of a commit that failed. INVARIANT: K1 J4
        """
        waiting, self._effects = self._effects, []
        leaving: list[Effect] = []
        for effect in waiting:
            if isinstance(effect, Placing) and isinstance(effect.approval, Approval) and (halt := self._halt_on(effect.approval.order.asset)):
                self._refuse(effect.order, f"{halt}: the entry never left", now_ns)
            else:
                leaving.append(effect)
        return leaving

    def send(self, effects: Iterable[Effect], now_ns: Nanoseconds) -> None:
        """Let durable requests leave. A refusal by the venue is an answer, not an error."""
        for effect in effects:
            match effect:
                case Placing(order, approval):
                    self._send_order(order, approval, now_ns)
                case Amending(client_order_id, quantity):
                    self._amend(client_order_id, quantity, now_ns)
                case Cancelling(client_order_id):
                    self._cancel(client_order_id, now_ns)
                case _:
                    assert_never(effect)

    def on_market(self, events: Iterable[MarketEvent], now_ns: Nanoseconds) -> None:
        """Show the venue's simulator the market, and take in what it did."""
        for event in events:
            self._venue.on_market(event)
        self._venue.advance(now_ns)
        self.absorb(now_ns)

    def absorb(self, now_ns: Nanoseconds) -> None:
        """Take in every report of the venue, put the brackets right, and take pairs a step further."""
        touched: dict[str, None] = {}
        for report in self._venue.drain():
            self._absorb_one(report, touched)
        for trade_id in touched:
            self._keep_bracket(trade_id, now_ns)
        if self.pairs.open:
            self.pairs.step(now_ns)

    def make_due_exits(self, prices: dict[str, Price], now_ns: Nanoseconds) -> None:
        """Leave trades whose time is up or whose idea is invalidated. `prices`: fresh ones only; an old price proves nothing."""
        for trade in tuple(self._chronicle.session.trades.values()):
            price = prices.get(trade.instrument_id, 0)
            uptick = 0 < self._last_price.get(trade.trade_id, price) < price
            self._last_price[trade.trade_id] = price or self._last_price.get(trade.trade_id, 0)
            role = bracket.due_exit(trade, now_ns, price, uptick, self._beyond_since(trade, price, now_ns))
            if role is None and self._is_naked(trade, now_ns):
                role = OrderRole.FLATTEN
            if role is not None:
                self.close(trade, role, now_ns)

    def close(self, trade: Trade, role: OrderRole, now_ns: Nanoseconds, at_any_rate: bool = False) -> None:
        """Close a trade at the market, reduce-only, unless an exit of that kind is already working.

        What the venue has closed already (its report is on the way) is not closed twice: the second exit would eat another trade of the
        instrument. `at_any_rate` closes all the same, up to the venue's net position. An exit that came to nothing is repeated after a
        second, not at every event. INVARIANT: X5 X9
        """
        if now_ns - self._tried_ns.get(trade.trade_id, -EXIT_AGAIN_NS) < EXIT_AGAIN_NS:
            return
        for order in self.working.values():
            if order.decision_id == trade.trade_id and order.role in _WORKING_EXITS:
                return
        self._tried_ns[trade.trade_id] = now_ns
        generation = self._next_generation(trade.trade_id, role)
        order = bracket.exit_order(trade, role, generation, now_ns)
        left = order.quantity if at_any_rate else self._held(trade) - self._held_by_others(trade)
        self._intend_exit(replace(order, quantity=min(order.quantity, left)), now_ns)

    def cancel(self, client_order_id: str) -> None:
        """Cancel a working order."""
        self._effects.append(Cancelling(client_order_id))

    def recall_entries(self, halt: Halt) -> None:
        """Cancel the entries that are working in the assets of a new halt. INVARIANT: K1"""
        for order in self.working.values():
            if order.role.enters and halt.covers(self._limits.instruments[order.instrument_id].asset):
                self.cancel(order.client_order_id)

    def keep_brackets(self, now_ns: Nanoseconds) -> None:
        """Put every bracket right again: a request that was lost on its way is asked again until the venue confirms. INVARIANT: X7"""
        for trade_id in dict.fromkeys((*self._chronicle.session.trades, *(order.decision_id for order in self.working.values()))):
            self._keep_bracket(trade_id, now_ns)

    def remember(self, event: Event) -> None:
        """Rebuild the order book of this process from a recovered event. INVARIANT: S5"""
        match event:
            case OrderIntended(_, order):
                self.working[order.client_order_id] = order
                self._count_generation(order)
            case OrderChanged():
                self._change(event)
            case Filled(_, fill):
                self._fill_ids[fill.fill_id] = None
                self._fill(event)
            case _:
                pass
        self.pairs.note(event)

    def _halt_on(self, asset: str) -> str:
        """Return what refuses entries in an asset now, or nothing."""
        session = self._chronicle.session
        if session.flattening:
            return "flatten under way"
        return next((str(halt.cause) for halt in session.halts.values() if halt.covers(asset)), "")

    def _send_order(self, order: Order, approval: Approval | ExitApproval, now_ns: Nanoseconds) -> None:
        try:
            self._venue.place(order, approval, now_ns)
        except (Refused, NotSent) as refusal:
            self._refuse(order, str(refusal), now_ns)
        except OutcomeUnknown as silence:
            unknown = OrderState.UNKNOWN
            self._record_change(
                OrderChanged(now_ns, order.client_order_id, order.decision_id, order.role, unknown, order.quantity, str(silence))
            )

    def _amend(self, client_order_id: str, quantity: Quantity, now_ns: Nanoseconds) -> None:
        try:
            self._venue.amend(client_order_id, quantity, now_ns)
        except VenueError as error:
            self.oddities.append(str(error))

    def _cancel(self, client_order_id: str, now_ns: Nanoseconds) -> None:
        """Cancel; what went wrong on the way is asked again at the next comparison with the venue."""
        try:
            self._venue.cancel(client_order_id, now_ns)
        except VenueError as error:
            self.oddities.append(str(error))

    def _refuse(self, order: Order, why: str, now_ns: Nanoseconds) -> None:
        refused = OrderState.REFUSED
        self._record_change(OrderChanged(now_ns, order.client_order_id, order.decision_id, order.role, refused, order.quantity, why))

    def _intend(self, order: Order, approval: Approval | ExitApproval, now_ns: Nanoseconds) -> None:
        self._count_generation(order)
        intended = OrderIntended(now_ns, order)
        self._chronicle.record(intended)
        self.working[order.client_order_id] = order
        self.pairs.note(intended)
        self._effects.append(Placing(order, approval))

    def _intend_exit(self, order: Order, now_ns: Nanoseconds) -> None:
        approval = approve_exit(order, self._chronicle.session, self._limits.mode)
        if isinstance(approval, ExitApproval) and self._held(self._chronicle.session.trades[order.decision_id]) > 0:
            self._intend(order, approval, now_ns)

    def _held(self, trade: Trade) -> Quantity:
        """Return what the venue holds in a trade's instrument on the trade's side, all trades together."""
        return trade.side.sign * self._venue.positions().get(trade.instrument_id, 0)

    def _held_by_others(self, trade: Trade) -> Quantity:
        """Return what may belong to other trades of the instrument: what is open, and what approved entries may still fill or have filled."""
        session, name = self._chronicle.session, trade.instrument_id
        held = sum(other.open_quantity for other in session.trades.values() if other.instrument_id == name and other is not trade)
        entering = session.reservations.values()
        return held + sum(entry.quantity for entry in entering if entry.instrument_id == name and entry.decision_id != trade.trade_id)

    def _absorb_one(self, report: OrderChanged | Filled, touched: dict[str, None]) -> None:
        if isinstance(report, Filled):
            if report.fill.fill_id in self._fill_ids:
                return
            self._remember_fill_id(report.fill.fill_id)
            if report.fill.client_order_id not in self.working:
                self.oddities.append(f"fill {report.fill.fill_id} of an order that was over: applied all the same")
            self._chronicle.record(report)
            self._fill(report)
            self.pairs.note(report)
            touched[report.fill.decision_id] = None
        else:
            self._record_change(report)
            touched[report.decision_id] = None

    def _record_change(self, change: OrderChanged) -> None:
        self._chronicle.record(change)
        self._change(change)
        self.pairs.note(change)

    def _change(self, change: OrderChanged) -> None:
        order = self.working.get(change.client_order_id)
        if order is None:
            return
        self._keep(order.client_order_id, advance(order, change))

    def _fill(self, event: Filled) -> None:
        order = self.working.get(event.fill.client_order_id)
        if order is None:
            return
        self._keep(order.client_order_id, advance(order, event.fill))

    def _keep(self, client_order_id: str, moved: Order | Illegal) -> None:
        """Keep an order's new state, or forget it when it is over. An impossible transition changes nothing and is remembered as odd."""
        if isinstance(moved, Illegal):
            self.oddities.append(str(moved))
        elif is_terminal(moved.state):
            del self.working[client_order_id]
        else:
            self.working[client_order_id] = moved

    def _keep_bracket(self, trade_id: str, now_ns: Nanoseconds) -> None:
        """Make protective quantity equal open quantity, and cancel what protects nothing. Nothing of a pair rests, so it has no bracket."""
        if trade_id in self.pairs.open:
            return
        working = [order for order in self.working.values() if order.decision_id == trade_id]
        trade = self._chronicle.session.trades.get(trade_id)
        if trade is None:
            self._forget_trade(trade_id)
            for order in working:
                if order.reduce_only:
                    self._effects.append(Cancelling(order.client_order_id))
            return
        instrument = self._limits.instruments[trade.instrument_id]
        for action in bracket.wanted(trade, working, instrument, now_ns, self._generations):
            match action:
                case bracket.Place(order):
                    self._intend_exit(order, now_ns)
                case bracket.Amend(client_order_id, quantity):
                    self._effects.append(Amending(client_order_id, quantity))
                case bracket.Cancel(client_order_id):
                    self._effects.append(Cancelling(client_order_id))
                case _:
                    assert_never(action)

    def _is_naked(self, trade: Trade, now_ns: Nanoseconds) -> bool:
        """Say whether a trade has gone without a resting stop for its whole quantity for >= 2 s; asks for one again meanwhile. INVARIANT: X7"""
        working = [order for order in self.working.values() if order.decision_id == trade.trade_id]
        if bracket.protected_quantity(trade, working) >= trade.open_quantity:
            self._naked_since_ns.pop(trade.trade_id, None)
            return False
        since_ns = self._naked_since_ns.setdefault(trade.trade_id, now_ns)
        if now_ns - since_ns >= NAKED_NS_MAX:
            return True
        self._keep_bracket(trade.trade_id, now_ns)
        return False

    def _beyond_since(self, trade: Trade, price: Price, now_ns: Nanoseconds) -> Nanoseconds:
        rule = trade.invalidation
        if rule is None or not bracket.is_beyond(rule, price):
            self._beyond_since_ns.pop(trade.trade_id, None)
            return 0
        return self._beyond_since_ns.setdefault(trade.trade_id, now_ns)

    def _forget_trade(self, trade_id: str) -> None:
        self._last_price.pop(trade_id, None)
        self._beyond_since_ns.pop(trade_id, None)
        self._naked_since_ns.pop(trade_id, None)
        self._tried_ns.pop(trade_id, None)
        if not any(order.decision_id == trade_id for order in self.working.values()):
            for role in OrderRole:
                self._generations.pop((trade_id, role), None)

    def _next_generation(self, decision_id: str, role: OrderRole) -> int:
        return self._generations.get((decision_id, role), 0)

    def _count_generation(self, order: Order) -> None:
        """Count an order by trade and role, for the next id of a bracket; pairs count their own."""
        if order.decision_id in self.pairs.open:
            return
        key = (order.decision_id, order.role)
        self._generations[key] = self._generations.get(key, 0) + 1

    def _remember_fill_id(self, fill_id: str) -> None:
        self._fill_ids[fill_id] = None
        if len(self._fill_ids) > _FILL_IDS_KEPT:
            del self._fill_ids[next(iter(self._fill_ids))]
