"""Laws of the fill rules under random books, prints, bars and orders: conservation to the last quantum, and never better than the market."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.paper_desk import BTC, ETH, SETTINGS, Desk, approval_for, at, exit_approval_for
from tidegate.matching.fills import walk
from tidegate.matching.lots import scale_out
from tidegate.matching.path import points
from tidegate.model.event import Filled
from tidegate.model.observation import Bar, Book, TradePrint
from tidegate.model.order import Fill, Order, OrderKind, OrderRole
from tidegate.units import BPS_PER_UNIT, ONE, SECOND_NS, notional_of

BASE = {BTC.instrument_id: 108_400 * ONE, ETH.instrument_id: 3_900 * ONE}
instruments = st.sampled_from((BTC, ETH))
ticks_off = st.integers(-60, 60)
lots = st.integers(1, 40)
EXITS = {
    "stop": (OrderRole.STOP, OrderKind.STOP),
    "target": (OrderRole.TARGET_1, OrderKind.LIMIT),
    "close": (OrderRole.FLATTEN, OrderKind.IOC),
}


@dataclass
class Ledger:
    """An account kept by somebody else: plain sums over fills."""

    cash: int = 0
    position: dict[str, int] = field(default_factory=dict)

    def book(self, fill: Fill) -> None:
        exact = fill.price * fill.quantity
        assert fill.notional_usd * ONE <= exact < (fill.notional_usd + 1) * ONE
        rate = 2 if fill.maker else 5
        assert (fill.fee_usd - 1) * BPS_PER_UNIT < fill.notional_usd * rate <= fill.fee_usd * BPS_PER_UNIT
        sign = 1 if fill.buys else -1
        self.cash -= sign * fill.notional_usd + fill.fee_usd
        self.position[fill.instrument_id] = self.position.get(fill.instrument_id, 0) + sign * fill.quantity


@st.composite
def actions(draw):
    """Draw one thing that can happen: market news, an entry, an exit, a cancel, an amendment, or time passing."""
    kinds = ("book", "print", "print", "bar", "enter", "enter", "stop", "target", "target", "close", "cancel", "amend")
    return draw(st.sampled_from(kinds)), draw(instruments), draw(ticks_off), draw(lots), draw(st.integers(0, 3)), draw(st.booleans())


class Play:
    """Carries random actions out on a desk and checks every fill against the market of its moment."""

    def __init__(self) -> None:
        self.desk = Desk(SETTINGS)
        self.ledger = Ledger()
        self.now_ns = at(0)
        self.number = 0
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.books: dict[str, Book] = {}
        for of in (BTC, ETH):
            self.market("book", of, BASE[of.instrument_id], 40, True)

    def do(self, action) -> None:
        kind, of, ticks, size, step, flag = action
        self.now_ns += step * SECOND_NS
        price = BASE[of.instrument_id] + ticks * of.tick
        self.desk.venue.advance(self.now_ns)
        self.collect()
        match kind:
            case "book" | "print" | "bar":
                self.market(kind, of, price, size, flag)
            case "enter":
                self.enter(of, price, size, flag)
            case "stop" | "target" | "close":
                self.leave(kind, of, price, size)
            case "cancel" | "amend":
                self.change(kind, size, step)
            case _:
                pass
        self.collect()
        self.check()

    def market(self, kind, of, price, size, flag) -> None:
        name, asset, quantity = of.instrument_id, of.asset, of.quantity_of(size)
        if kind == "print":
            event = TradePrint(name, asset, price, quantity, flag, "test", self.now_ns, self.now_ns)
        elif kind == "book":
            bids = tuple((price - place * of.tick, quantity) for place in range(3))
            asks = tuple((price + (1 + place * size) * of.tick, quantity) for place in range(3))
            event = self.books[name] = Book(name, asset, bids, asks, "test", self.now_ns, self.now_ns)
        else:
            end_ns = self.now_ns + 30 * SECOND_NS
            close = price + (size * of.tick if flag else -size * of.tick)
            high, low = max(price, close) + of.tick, min(price, close) - 3 * of.tick
            event = Bar(name, asset, self.now_ns, end_ns, price, high, low, close, 0, 0, True)
            self.now_ns = end_ns
            self.books.pop(name, None)
        self.desk.venue.on_market(event)

    def enter(self, of, price, size, flag) -> None:
        self.number += 1
        decision_id = f"D{self.number}"
        self.desk.known.add(decision_id)
        held = self.desk.venue.positions().get(of.instrument_id, 0)
        buys = held > 0 or (held == 0 and flag)
        limit = price + 80 * of.tick if buys else price - 80 * of.tick
        order = Order(
            f"{decision_id}ENG0", decision_id, of.instrument_id, OrderRole.ENTRY, OrderKind.IOC, buys, size * of.lot, limit, False, self.now_ns,
        )  # fmt: skip
        self.send(order, approval_for(order))

    def leave(self, kind, of, price, size) -> None:
        self.number += 1
        role, order_kind = EXITS[kind]
        entries = [order for order in self.orders.values() if order.role is OrderRole.ENTRY and order.instrument_id == of.instrument_id]
        decision_id = entries[-1 - size % min(2, len(entries))].decision_id if entries else "D0"
        buys = self.desk.venue.positions().get(of.instrument_id, 0) < 0
        limit = 0 if kind == "close" else price
        order = Order(f"X{self.number}", decision_id, of.instrument_id, role, order_kind, buys, of.quantity_of(size), limit, True, self.now_ns)
        self.send(order, exit_approval_for(order))

    def send(self, order, approval) -> None:
        self.orders[order.client_order_id] = order
        self.desk.venue.place(order, approval, self.now_ns)

    def change(self, kind, size, step) -> None:
        open_orders = self.desk.venue.open_orders()
        if not open_orders:
            return
        order = open_orders[step % len(open_orders)]
        if kind == "cancel":
            self.desk.venue.cancel(order.client_order_id, self.now_ns)
        elif order.reduce_only:
            lot = BTC.lot if order.instrument_id == BTC.instrument_id else ETH.lot
            self.desk.venue.amend(order.client_order_id, size * lot, self.now_ns)

    def collect(self) -> None:
        for event in self.desk.venue.drain():
            if isinstance(event, Filled):
                self.judge(event.fill)

    def judge(self, fill: Fill) -> None:
        order = self.orders[fill.client_order_id]
        before = self.ledger.position.get(fill.instrument_id, 0)
        self.ledger.book(fill)
        after = self.ledger.position[fill.instrument_id]
        assert fill.buys is order.buys
        assert fill.quantity > 0
        of = BTC if fill.instrument_id == BTC.instrument_id else ETH
        assert fill.quantity % of.lot == 0
        if order.reduce_only:
            assert abs(after) < abs(before)
            assert before * after >= 0
        if order.kind is not OrderKind.STOP and order.price:
            assert fill.price <= order.price if fill.buys else fill.price >= order.price
        book = self.books.get(fill.instrument_id)
        if book is not None and not fill.maker:
            assert fill.price >= book.asks[0][0] if fill.buys else fill.price <= book.bids[0][0]
        self.fills.append(fill)

    def check(self) -> None:
        venue = self.desk.venue
        assert venue.cash_usd == self.ledger.cash
        assert venue.positions() == {name: quantity for name, quantity in self.ledger.position.items() if quantity}
        for order in venue.open_orders():
            assert order.filled_quantity < order.quantity
        filled = [fill.fill_id for fill in self.fills]
        assert len(set(filled)) == len(filled)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.lists(actions(), min_size=20, max_size=60))
def test_cash_positions_and_orders_are_conserved_whatever_happens(script):
    play = Play()
    for action in script:
        play.do(action)
    entered: dict[str, int] = {}
    for fill in play.fills:
        if fill.role is OrderRole.ENTRY:
            entered[fill.client_order_id] = entered.get(fill.client_order_id, 0) + fill.quantity
    for client_order_id, quantity in entered.items():
        assert quantity <= play.orders[client_order_id].quantity


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(actions(), min_size=5, max_size=40))
def test_the_same_calls_give_the_same_fills(script):
    fills = []
    for _ in range(2):
        play = Play()
        for action in script:
            play.do(action)
        fills.append(play.fills)
    assert fills[0] == fills[1]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 30)), max_size=6),
    st.integers(0, 120),
    st.integers(0, 300),
    st.booleans(),
)
def test_a_walk_takes_the_best_prices_first_and_stops_at_the_worst(steps, quantity, worst, buys):
    price, levels = 100, []
    for gap, available in steps:
        price += gap if buys else -gap
        if price > 0:
            levels.append((price, available))
    taken = walk(levels, quantity, worst, buys)
    reachable = [(level, available) for level, available in levels if not worst or (level <= worst if buys else level >= worst)]
    assert sum(part for _, part in taken) == min(quantity, sum(available for _, available in reachable))
    offered = dict(levels)
    assert all(0 < part <= offered[level] for level, part in taken)
    whole = [level for level, available in reachable if available > 0]
    assert [level for level, _ in taken] == whole[: len(taken)]
    assert all(part == offered[level] for level, part in taken[:-1])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(any))
@example(2, [45, 35, 20])
def test_a_scale_out_loses_no_lot_and_is_never_more_than_one_lot_from_its_share(count, weights):
    parts = scale_out(count, tuple(weights))
    assert sum(parts) == count
    assert min(parts) >= 0
    if count > 1:
        total = sum(weights)
        assert all(abs(part * total - count * weight) < total for part, weight in zip(parts, weights, strict=True))
        assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(0, 50), st.integers(0, 50))
def test_a_path_visits_all_four_prices_of_its_bar_and_never_leaves_its_range(open_, close, above, below):
    high, low = max(open_, close) + above, min(open_, close) - below
    one = Bar("x", "X", 0, 30, open_, high, low, close, 0, 0, True)
    steps = points(one)
    prices = [price for _, price in steps]
    assert sorted(prices[1:3]) == sorted((low, high))
    assert (prices[0], prices[3]) == (open_, close)
    assert [ts_ns for ts_ns, _ in steps] == sorted(ts_ns for ts_ns, _ in steps)


def test_the_independent_ledger_notices_a_lost_quantum():
    """The checker must be able to fail."""
    notional_usd = notional_of(108_400 * ONE, BTC.lot)
    fill = Fill("F1", "X1", "D1", BTC.instrument_id, OrderRole.ENTRY, True, BTC.lot, 108_400 * ONE, notional_usd, 542_000, False, 1)
    Ledger().book(fill)
    for wrong in (replace(fill, notional_usd=fill.notional_usd - 1), replace(fill, fee_usd=fill.fee_usd - 1)):
        try:
            Ledger().book(wrong)
        except AssertionError:
            continue
        raise AssertionError("a lost quantum went unnoticed")


