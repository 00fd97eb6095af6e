"""The paper venue: a matching simulator with stated fill rules, in virtual or real time, without keys and without a network.

In: orders with approvals, market events, the time. Out: `OrderChanged` and `Filled` events, positions, cash. Deterministic: the same calls
give the same answers. The rules in words are `matching.settings.FILL_RULES`; the arithmetic is in `tidegate.matching`, where the
random-entry control and the shadow ledger find the same copy. INVARIANT: R5 M1

Times: what happens to an order happens at its arrival (sent + latency) or at the market's own time, whichever is later. Step `advance` to
`next_due_ns()` before feeding a later market event, so that a fill is known when it happens and the stop can follow it at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import assert_never

import msgspec

from tidegate.errors import Refused
from tidegate.matching import path
from tidegate.matching.settings import PRICE_WAIT_NS, PaperSettings
from tidegate.model.decision import Approval, ExitApproval
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Mode
from tidegate.model.observation import Bar, Book, Channel, MarketEvent, Observation, TradePrint
from tidegate.model.order import Order, OrderKind, OrderState
from tidegate.units import Nanoseconds, Quantity, Usd, render
from tidegate.venues.last_inch import LastInch
from tidegate.venues.paper_market import PaperMarket
from tidegate.venues.paper_orders import PaperOrders
from tidegate.venues.port import VenueEvent

_RATE = Channel.RATE  # a module constant: an enum's member costs several times as much to look up


class _Verb(StrEnum):
    """What is on its way to the matching engine."""

    ARRIVE = "arrive"
    CANCEL = "cancel"
    AMEND = "amend"
    EXPIRE = "expire"


class _Message(msgspec.Struct, frozen=True, gc=False):
    """One message in flight."""

    verb: _Verb
    client_order_id: str
    quantity: Quantity = 0


class PaperVenue:
    """A `venues.port.Venue` that matches against the market events it is shown."""

    def __init__(self, instruments: Mapping[str, Instrument], settings: PaperSettings, decision_known: Callable[[str], bool]) -> None:
        self._instruments = dict(instruments)
        self._latency_ns = settings.latency_ns
        self._markets = {name: PaperMarket(instrument, settings) for name, instrument in self._instruments.items()}
        self._orders = PaperOrders(self._instruments, self._markets)
        self._busy = self._orders.by_instrument
        self._consumed: dict[str, None] = {}
        self._last_inch = LastInch(Mode.PAPER, decision_known, self._consumed, self._orders.committed_to)
        self._idle_bars: dict[str, Bar] = {}
        self._sent: dict[str, Order] = {}
        self._in_flight: list[tuple[Nanoseconds, int, _Message]] = []
        self._sequence = 0

    # --- commands -----------------------------------------------------------------------------------------------------------------

    def place(self, order: Order, approval: Approval | ExitApproval, now_ns: Nanoseconds) -> None:
        """Send an order. Raises Refused for anything not approved.

        The same order again is already there: nothing happens, and nothing is sent twice. INVARIANT: X1 X2
        """
        if order.client_order_id in self._sent:
            if self._sent[order.client_order_id] != order:
                raise Refused(f"order {order.client_order_id}: got a used id with another order, allowed: one order per client order id")
            return
        instrument = self._instruments.get(order.instrument_id)
        if instrument is None:
            raise Refused(f"order {order.client_order_id}: got {order.instrument_id}, allowed: one of {', '.join(self._instruments)}")
        self._last_inch.check(order, approval, instrument)
        if order.role.enters:
            self._consumed |= {order.decision_id: None, order.client_order_id: None}
        self._adopt(order, now_ns)
        self._send(_Message(verb=_Verb.ARRIVE, client_order_id=order.client_order_id), now_ns + self._latency_ns)

    def cancel(self, client_order_id: str, now_ns: Nanoseconds) -> None:
        """Ask for an order to end; it may still fill until the request arrives."""
        self._send(_Message(verb=_Verb.CANCEL, client_order_id=client_order_id), now_ns + self._latency_ns)

    def amend(self, client_order_id: str, quantity: Quantity, now_ns: Nanoseconds) -> None:
        """Change an order's total quantity, atomically.

        Raises Refused for quantity <= 0, for parts of lots, and for an entry that would grow.
        """
        live = self._orders.live.get(client_order_id)
        if quantity <= 0:
            raise Refused(f"order {client_order_id}: got quantity {render(quantity)}, allowed: more than 0; cancel it instead")
        if live is not None and quantity % self._instruments[live.order.instrument_id].lot:
            raise Refused(f"order {client_order_id}: got quantity {render(quantity)}, allowed: whole lots")
        if live is not None and not live.order.reduce_only and quantity > live.order.quantity:
            raise Refused(f"order {client_order_id}: got a larger entry, allowed: at most the approved quantity; ask the gate again")
        message = _Message(verb=_Verb.AMEND, client_order_id=client_order_id, quantity=quantity)
        self._send(message, now_ns + self._latency_ns)

    def credit_funding(self, usd: Usd) -> None:
        """Book a funding settlement: received > 0, paid < 0."""
        self._orders.account.cash_usd += usd

    def restore(
        self,
        orders: Iterable[Order],
        positions: Mapping[str, Quantity],
        cash_usd: Usd,
        consumed: Iterable[str],
        held: Mapping[str, Mapping[str, Quantity]] | None = None,
    ) -> None:
        """Take over after a restart what the journal's fold says of this venue: it has no memory of its own.

        Working LIMIT and STOP orders work on; an order that was only intended never arrived, and a waiting IOC is gone. `consumed`: decision
        ids and client order ids of entries that already left. `held`: open quantity per instrument and decision (see `PaperAccount`).
        """
        self._orders.account.restore(positions, cash_usd, held)
        self._consumed.update((decision_id, None) for decision_id in consumed)
        for order in orders:
            if order.kind is not OrderKind.IOC and order.state in (OrderState.WORKING, OrderState.PARTIALLY_FILLED):
                self._adopt(order, order.created_ns)

    # --- read models --------------------------------------------------------------------------------------------------------------

    @property
    def cash_usd(self) -> Usd:
        """Return the change of cash since the start: -buys + sells - fees + funding."""
        return self._orders.account.cash_usd

    def positions(self) -> dict[str, Quantity]:
        """Return the signed net position per instrument; flat ones are absent."""
        return dict(self._orders.account.positions)

    def open_orders(self) -> tuple[Order, ...]:
        """Return every order that is in flight (INTENDED) or working, oldest first."""
        return tuple(live.order for live in self._orders.live.values())

    def has_work(self, instrument_id: str) -> bool:
        """Say whether an order of the instrument is in flight or working here."""
        return instrument_id in self._busy

    def next_due_ns(self) -> Nanoseconds | None:
        """Return when the next message arrives, or None."""
        return self._in_flight[0][0] if self._in_flight else None

    def drain(self) -> list[VenueEvent]:
        """Return what happened since the last call, in order, and forget it."""
        events, self._orders.events = self._orders.events, []
        return events

    # --- the market ---------------------------------------------------------------------------------------------------------------

    def on_market(self, event: MarketEvent) -> None:
        """Take note of a book or print (real feeds) or walk an approximate bar (tapes). Cheap for an instrument without orders."""
        if isinstance(event, Bar):
            if event.instrument_id not in self._busy:
                if event.approximate:
                    self._idle_bars[event.instrument_id] = event
            elif event.approximate:
                self._on_bar(event)
        elif isinstance(event, Book):
            self._on_book(event)
        elif isinstance(event, TradePrint):
            self._on_print(event)
        elif isinstance(event, Observation) and event.channel is _RATE:
            self.advance(event.received_ns)
            self._orders.on_rate(event.asset, event.value, event.observed_ns)

    def advance(self, now_ns: Nanoseconds) -> None:
        """Let everything arrive that is due until `now_ns` (equal arrives)."""
        while self._in_flight and self._in_flight[0][0] <= now_ns:
            self._arrive_next()

    def _on_book(self, book: Book) -> None:
        """Let what is due arrive at the old book, then show the new one to orders that wait for more."""
        market = self._markets.get(book.instrument_id)
        if market is None:
            return
        self._note_idle_bar(book.instrument_id)
        busy = book.instrument_id in self._busy
        if busy:
            self.advance(book.received_ns)
        market.on_book(book)
        if busy:
            self._orders.serve(book.instrument_id, book.received_ns)

    def _on_print(self, trade: TradePrint) -> None:
        """Let what is due arrive first, then let the trade fill and trigger."""
        market = self._markets.get(trade.instrument_id)
        if market is None:
            return
        self._note_idle_bar(trade.instrument_id)
        busy = trade.instrument_id in self._busy
        if busy:
            self.advance(trade.received_ns)
        market.on_print(trade.price, trade.received_ns)
        if busy:
            self._orders.trade_printed(trade.instrument_id, (trade.received_ns, trade.price), trade.quantity)
            self._orders.serve(trade.instrument_id, trade.received_ns)

    def _on_bar(self, bar: Bar) -> None:
        """Walk the stated path of a bar; what is in flight arrives on the way, at the price of its moment.

        A bar in which nothing can happen, like most, only leaves its close.
        """
        arrivals = bool(self._in_flight) and self._in_flight[0][0] <= bar.end_ns
        if not arrivals and self._orders.untouched_between(bar.instrument_id, bar.low, bar.high):
            self._markets[bar.instrument_id].on_path(bar.close, bar.end_ns)
            return
        steps = path.points(bar)
        self.advance(steps[0][0])
        self._orders.travel(bar.instrument_id, steps[0], steps[0])
        for start, end in pairwise(steps):
            here = start
            while self._in_flight and self._in_flight[0][0] <= end[0]:
                due_ns, _, message = self._in_flight[0]
                if self._concerns(message, bar.instrument_id):
                    there = (due_ns, path.price_at(due_ns, start, end))
                    self._orders.travel(bar.instrument_id, here, there)
                    here = there
                self._arrive_next()
            self._orders.travel(bar.instrument_id, here, end)

    # --- messages in flight -------------------------------------------------------------------------------------------------------

    def _send(self, message: _Message, due_ns: Nanoseconds) -> None:
        """Put a message in flight; messages due at one time arrive in the order sent."""
        self._sequence += 1
        heapq.heappush(self._in_flight, (due_ns, self._sequence, message))

    def _concerns(self, message: _Message, instrument_id: str) -> bool:
        """Say whether a message is for an order of this instrument."""
        live = self._orders.live.get(message.client_order_id)
        return live is not None and live.order.instrument_id == instrument_id

    def _adopt(self, order: Order, active_ns: Nanoseconds) -> None:
        """Start watching the market for an order."""
        self._sent[order.client_order_id] = order
        self._orders.adopt(order, active_ns)
        self._note_idle_bar(order.instrument_id)

    def _note_idle_bar(self, instrument_id: str) -> None:
        """Take the last bar that was not walked into the market's price, now that somebody looks or something newer comes."""
        if self._idle_bars:
            idle_bar = self._idle_bars.pop(instrument_id, None)
            if idle_bar is not None:
                self._markets[instrument_id].on_path(idle_bar.close, idle_bar.end_ns)

    def _arrive_next(self) -> None:
        """Carry out the next message. It happens when it is due, or at the time of the newest price when that is later."""
        due_ns, _, message = heapq.heappop(self._in_flight)
        live = self._orders.live.get(message.client_order_id)
        if live is None:
            if message.verb is not _Verb.EXPIRE:
                self._orders.answer_for_absent(message.client_order_id, due_ns)
            return
        ts_ns = max(due_ns, self._markets[live.order.instrument_id].priced_ns)
        match message.verb:
            case _Verb.ARRIVE:
                if self._orders.start(live, ts_ns):
                    self._send(_Message(verb=_Verb.EXPIRE, client_order_id=message.client_order_id), ts_ns + PRICE_WAIT_NS)
            case _Verb.CANCEL:
                self._orders.cancel(live, ts_ns)
            case _Verb.EXPIRE:
                self._orders.expire(live, ts_ns)
            case _Verb.AMEND:
                self._orders.amend(live, message.quantity, ts_ns)
            case _:
                assert_never(message.verb)
