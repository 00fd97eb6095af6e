"""A desk for the paper venue: instruments, orders with their approvals, books, prints and bars, with times in plain milliseconds."""

from __future__ import annotations

from msgspec.structs import replace

from tidegate.matching.settings import PaperSettings
from tidegate.model.catalog import instrument
from tidegate.model.decision import Approval, ExitApproval, SizedOrder
from tidegate.model.event import Filled, OrderChanged
from tidegate.model.intent import Mode
from tidegate.model.observation import Bar, Book, Side, TradePrint
from tidegate.model.order import Fill, Order, OrderKind, OrderRole
from tidegate.units import MS_NS, SECOND_NS, fixed, notional_of
from tidegate.venues.paper import PaperVenue

BTC = instrument("okx:BTC-USDT-SWAP")
ETH = instrument("okx:ETH-USDT-SWAP")
SETTINGS = PaperSettings(latency_ns=150 * MS_NS, half_spread_bps={"BTC": fixed("0.5"), "ETH": fixed("0.5")})
BAR_NS = 30 * SECOND_NS


def at(ms: int) -> int:
    """Return a time `ms` milliseconds after the start of the tests' world."""
    return 1_760_000_000_000_000_000 // BAR_NS * BAR_NS + ms * MS_NS


def book(bids: str, asks: str, ms: int = 0, of=BTC) -> Book:
    """Return a book from texts such as `108400x0.5 108399x1`, best first."""
    return Book(of.instrument_id, of.asset, _levels(bids), _levels(asks), "test", at(ms), at(ms))


def _levels(text: str) -> tuple[tuple[int, int], ...]:
    return tuple((fixed(level.split("x")[0]), fixed(level.split("x")[1])) for level in text.split())


def printed(price: str, quantity: str = "1", ms: int = 0, of=BTC) -> TradePrint:
    """Return one public trade."""
    return TradePrint(of.instrument_id, of.asset, fixed(price), fixed(quantity), True, "test", at(ms), at(ms))


def bar(prices: str, start_ms: int = 0, of=BTC, approximate: bool = True) -> Bar:
    """Return a 30 s bar from `open high low close`."""
    open_, high, low, close = (fixed(price) for price in prices.split())
    start_ns = at(start_ms)
    return Bar(of.instrument_id, of.asset, start_ns, start_ns + BAR_NS, open_, high, low, close, fixed(1), 0, approximate)


class Desk:
    """A paper venue with an operator who sends approved orders and writes down what comes back."""

    def __init__(self, settings: PaperSettings = SETTINGS) -> None:
        self.known: set[str] = set()
        self.venue = PaperVenue({one.instrument_id: one for one in (BTC, ETH)}, settings, self.known.__contains__)
        self.fills: list[Fill] = []
        self.changes: list[OrderChanged] = []

    def enter(self, quantity: str, limit: str, ms: int = 0, decision_id: str = "D1", side: Side = Side.LONG, of=BTC) -> Order:
        """Send an approved entry."""
        self.known.add(decision_id)
        order = entry(quantity, limit, ms, decision_id, side, of)
        self.venue.place(order, approval_for(order), at(ms))
        return order

    def leave(
        self, role: OrderRole, kind: OrderKind, quantity: str, price: str, ms: int = 0, decision_id: str = "D1", buys: bool = False, of=BTC
    ) -> Order:
        """Send an approved exit."""
        client_order_id = f"{decision_id}{role.replace('_', '')}"
        order = Order(client_order_id, decision_id, of.instrument_id, role, kind, buys, fixed(quantity), fixed(price), True, at(ms))
        self.venue.place(order, exit_approval_for(order), at(ms))
        return order

    def stop(self, quantity: str, price: str, ms: int = 0, **more) -> Order:
        """Send a protective stop."""
        return self.leave(OrderRole.STOP, OrderKind.STOP, quantity, price, ms, **more)

    def target(self, quantity: str, price: str, ms: int = 0, number: int = 1, **more) -> Order:
        """Send a scale-out target."""
        return self.leave(OrderRole(f"TARGET_{number}"), OrderKind.LIMIT, quantity, price, ms, **more)

    def show(self, *events) -> list[Fill]:
        """Show market events, stepping to what is due before each; return the new fills."""
        before = len(self.fills)
        for event in events:
            until_ns = event.start_ns if isinstance(event, Bar) else event.received_ns
            self._step(until_ns)
            self.venue.on_market(event)
            self.collect()
        return self.fills[before:]

    def wait(self, until_ms: int) -> list[Fill]:
        """Let time pass; return the new fills."""
        before = len(self.fills)
        self._step(at(until_ms))
        return self.fills[before:]

    def holding(self, quantity: str = "0.001", price: str = "108400", decision_id: str = "D1", side: Side = Side.LONG) -> Desk:
        """Open a position from a deep book at second 0, and forget the events."""
        self.show(book(f"{price}x100", f"{price}x100", 0))
        self.enter(quantity, price, 0, decision_id, side)
        self.wait(200)
        self.fills.clear()
        self.changes.clear()
        return self

    def position(self, of=BTC) -> int:
        """Return the signed position."""
        return self.venue.positions().get(of.instrument_id, 0)

    def last_change(self, order: Order) -> OrderChanged:
        """Return the last thing said about an order."""
        return [change for change in self.changes if change.client_order_id == order.client_order_id][-1]

    def collect(self) -> None:
        """Take in the venue's events."""
        for event in self.venue.drain():
            if isinstance(event, Filled):
                self.fills.append(event.fill)
            else:
                self.changes.append(event)

    def _step(self, until_ns: int) -> None:
        due_ns = self.venue.next_due_ns()
        while due_ns is not None and due_ns <= until_ns:
            self.venue.advance(due_ns)
            due_ns = self.venue.next_due_ns()
        self.venue.advance(until_ns)
        self.collect()


def entry(quantity: str, limit: str, ms: int = 0, decision_id: str = "D1", side: Side = Side.LONG, of=BTC) -> Order:
    """Return an entry order."""
    return Order(
        f"{decision_id}ENG0", decision_id, of.instrument_id, OrderRole.ENTRY, OrderKind.IOC, side is Side.LONG,
        fixed(quantity), fixed(limit), False, at(ms),
    )  # fmt: skip


def approval_for(order: Order, **changes) -> Approval:
    """Return an approval that matches an entry order, with some of its sized order changed."""
    side = Side.LONG if order.buys else Side.SHORT
    of = BTC if order.instrument_id == BTC.instrument_id else ETH
    sized = SizedOrder(
        order.instrument_id, of.asset, side, order.quantity // of.lot, order.quantity, order.price, order.price,
        notional_of(order.price, order.quantity), fixed(28), fixed(1), (), 0, 0, None,
    )  # fmt: skip
    return Approval(order.decision_id, Mode.PAPER, replace(sized, **changes))


def exit_approval_for(order: Order) -> ExitApproval:
    """Return an exit approval that matches an order."""
    return ExitApproval(order.client_order_id, Mode.PAPER, order.instrument_id, order.quantity)
