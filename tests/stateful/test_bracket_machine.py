"""Brackets against a toy venue: whatever fills, vanishes or hangs, protection comes back to exactly what is open, under ids never used twice."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tests.support.gate_world import AT
from tests.support.trade_facts import INSTRUMENT, LOT, approved, filled, legs, news, run
from tidegate.model.observation import Side
from tidegate.model.order import Fill, Order, OrderKind, OrderRole, OrderState
from tidegate.model.trade import Trade
from tidegate.orders.bracket import Amend, Cancel, Place, exit_order, protected_quantity, wanted
from tidegate.orders.life_cycle import advance, is_terminal
from tidegate.units import bps_of_up, fixed, notional_of

PRICES = st.integers(min_value=99_000 * 10**8, max_value=101_000 * 10**8)
FLYING = (OrderState.INTENDED, OrderState.UNKNOWN)
LEG_LOTS = st.lists(st.integers(min_value=1, max_value=9), min_size=0, max_size=3)


class BracketMachine(RuleBasedStateMachine):
    """One trade and its orders at a venue that answers late, cancels on its own, and fills in parts."""

    @initialize(side=st.sampled_from(Side), leg_lots=LEG_LOTS)
    def begin(self, side: Side, leg_lots: list[int]) -> None:
        self.side, self.lots = side, sum(leg_lots) or 4
        self.session = run(approved(lots=self.lots, side=side, targets=legs(*leg_lots)))
        self.orders: dict[str, Order] = {}
        self.generations: dict[tuple[str, OrderRole], int] = {}
        self.used: list[str] = []
        self.last: Trade | None = None
        self.entered = 0

    @property
    def trade(self) -> Trade | None:
        """The trade, flat when it is closed, None before the first fill."""
        trade = self.session.trades.get("D1")
        if trade is None:
            return None if self.last is None else replace(self.last, open_quantity=0)
        self.last = trade
        return trade

    @property
    def open_quantity(self) -> int:
        return 0 if self.trade is None else self.trade.open_quantity

    @property
    def flying(self) -> list[str]:
        return [key for key, order in self.orders.items() if order.state in FLYING]

    @property
    def resting(self) -> list[str]:
        return [key for key, order in self.orders.items() if order.state not in FLYING]

    @precondition(lambda self: self.entered < self.lots)
    @rule(data=st.data(), price=PRICES)
    def entry_fills(self, data: st.DataObject, price: int) -> None:
        lots = data.draw(st.integers(min_value=1, max_value=self.lots - self.entered))
        self.entered += lots
        self.fill(OrderRole.ENTRY, lots * LOT, price)
        self.ask()

    @precondition(lambda self: self.open_quantity and self.orders)
    @rule(data=st.data())
    def protective_order_fills(self, data: st.DataObject) -> None:
        order = self.orders[data.draw(st.sampled_from(list(self.orders)))]
        most = min(order.quantity - order.filled_quantity, self.open_quantity) // LOT
        if most <= 0:
            return
        fill = self.fill(
            order.role, data.draw(st.integers(min_value=1, max_value=most)) * LOT, order.price, order.client_order_id
        )
        self.keep(advance(order, fill))
        self.ask()

    @precondition(lambda self: self.open_quantity)
    @rule(data=st.data(), price=PRICES)
    def an_exit_takes_some(self, data: st.DataObject, price: int) -> None:
        assert self.trade is not None
        exiting = exit_order(self.trade, OrderRole.TIME, 0, AT)
        assert exiting.quantity == self.open_quantity
        assert exiting.reduce_only
        lots = data.draw(st.integers(min_value=1, max_value=self.open_quantity // LOT))
        self.fill(OrderRole.TIME, lots * LOT, price)
        self.ask()

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def venue_answers(self, data: st.DataObject) -> None:
        self.hear(data.draw(st.sampled_from(self.flying)), OrderState.WORKING)
        self.ask()

    @precondition(lambda self: self.resting)
    @rule(data=st.data(), state=st.sampled_from([OrderState.UNKNOWN, OrderState.CANCELED]))
    def venue_loses_an_order(self, data: st.DataObject, state: OrderState) -> None:
        self.hear(data.draw(st.sampled_from(self.resting)), state)
        self.ask()

    @rule()
    def asking_again_wants_nothing(self) -> None:
        if self.trade is not None:
            assert wanted(self.trade, list(self.orders.values()), INSTRUMENT, AT, self.generations) == ()

    @invariant()
    def protection_matches_what_is_open_whenever_nothing_is_in_flight(self) -> None:
        if self.flying or self.trade is None:
            return
        stops = [order for order in self.orders.values() if order.kind is OrderKind.STOP]
        targets = [order for order in self.orders.values() if order.kind is OrderKind.LIMIT]
        left = [sum(order.quantity - order.filled_quantity for order in each) for each in (stops, targets)]
        assert left[0] == self.open_quantity == protected_quantity(self.trade, stops)
        assert left[1] == (self.open_quantity if self.trade.targets else 0)
        assert len(stops) == (1 if self.open_quantity else 0)

    @invariant()
    def flat_leaves_no_protective_orders(self) -> None:
        if not self.open_quantity:
            assert self.orders == {}

    def fill(self, role: OrderRole, quantity: int, price: int, order_id: str = "") -> Fill:
        buys = (self.side is Side.LONG) is (role is OrderRole.ENTRY)
        notional = notional_of(price, quantity)
        event = filled(
            price=price,
            role=role,
            buys=buys,
            quantity=quantity,
            notional_usd=notional,
            fee_usd=bps_of_up(notional, fixed(5)),
            client_order_id=order_id,
        )
        self.session = run(event, session=self.session)
        return event.fill

    def hear(self, order_id: str, state: OrderState) -> None:
        order = self.orders[order_id]
        said = OrderState.PARTIALLY_FILLED if state is OrderState.WORKING and order.filled_quantity else state
        change = replace(news(said, role=order.role), client_order_id=order_id, quantity=order.quantity)
        self.keep(advance(order, change))

    def keep(self, order: object) -> None:
        assert isinstance(order, Order), order
        if is_terminal(order.state):
            del self.orders[order.client_order_id]
        else:
            self.orders[order.client_order_id] = order

    def ask(self) -> None:
        """Do what is wanted, until nothing is."""
        for _ in range(3):
            if self.trade is None:
                return
            actions = wanted(self.trade, list(self.orders.values()), INSTRUMENT, AT, self.generations)
            if not actions:
                return
            for action in actions:
                self.carry_out(action)
        raise AssertionError("wanted never comes to rest")

    def carry_out(self, action: Place | Amend | Cancel) -> None:
        match action:
            case Place(order):
                assert order.client_order_id not in self.used, "an order id was used twice"
                assert order.reduce_only
                assert 0 < order.quantity <= self.open_quantity
                self.used.append(order.client_order_id)
                self.orders[order.client_order_id] = order
                key = ("D1", order.role)
                self.generations[key] = self.generations.get(key, 0) + 1
            case Amend(order_id, quantity):
                assert self.orders[order_id].state not in FLYING
                self.orders[order_id] = replace(self.orders[order_id], quantity=quantity)
            case Cancel(order_id):
                del self.orders[order_id]


BracketMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestBracketMachine = BracketMachine.TestCase
