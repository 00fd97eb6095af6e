"""The paper venue's matching engine: what becomes of each order once it has arrived.

In: orders, arrivals, moments at which the market offers something. Out: `OrderChanged` and `Filled` events in order, and the account's
bookings. The rules are `matching.settings.FILL_RULES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tidegate.matching import path
from tidegate.matching.fills import Execution, make_fill
from tidegate.matching.resting import Met, Resting, meeting_order, met_price, resting
from tidegate.matching.settings import PRICE_VALID_NS, RATE_VALID_NS
from tidegate.model.event import Filled, OrderChanged
from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.model.order import Order, OrderKind, OrderRole, OrderState
from tidegate.orders.ids import name_of
from tidegate.units import ONE, Nanoseconds, Price, Quantity, Ratio
from tidegate.venues.paper_account import PaperAccount
from tidegate.venues.paper_market import PaperMarket
from tidegate.venues.port import VenueEvent


class Live:
    """An order in flight or working.

    `level` is where it waits. `taking`: it is due to take what the market offers at each new price until it is done.
    """

    __slots__ = ("active_ns", "level", "order", "taking")

    def __init__(self, order: Order, level: Resting, active_ns: Nanoseconds) -> None:
        self.order, self.level, self.active_ns, self.taking = order, level, active_ns, False


class PaperOrders:
    """Every order at the simulated venue, and the events they cause."""

    __slots__ = ("_ended", "_instruments", "_markets", "_rates", "_spots", "account", "by_instrument", "events", "live")

    def __init__(self, instruments: Mapping[str, Instrument], markets: Mapping[str, PaperMarket]) -> None:
        self._instruments, self._markets = instruments, markets
        self._ended: dict[str, OrderChanged] = {}
        self._spots = tuple(name for name, one in instruments.items() if one.kind is InstrumentKind.SPOT)
        self._rates: dict[str, tuple[Ratio, Nanoseconds]] = {}
        self.account = PaperAccount(self._spots)
        self.live: dict[str, Live] = {}
        self.by_instrument: dict[str, list[Live]] = {}
        self.events: list[VenueEvent] = []

    def adopt(self, order: Order, active_ns: Nanoseconds) -> None:
        """Start to keep an order."""
        tick = self._instruments[order.instrument_id].tick
        live = Live(order, resting(order.client_order_id, order.kind, order.buys, order.price, tick), active_ns)
        self.live[order.client_order_id] = live
        self.by_instrument.setdefault(order.instrument_id, []).append(live)

    def committed_to(self, decision_id: str, instrument_id: str) -> Quantity:
        """Return what a leg of a pair filled so far and what its attempts that are not over may still fill. INVARIANT: G1"""
        attempts = [live.order for live in self.by_instrument.get(instrument_id, ()) if live.order.decision_id == decision_id]
        pending = sum(order.quantity - order.filled_quantity for order in attempts if order.role.enters)
        return self.account.filled_of(decision_id, instrument_id) + pending

    def start(self, live: Live, ts_ns: Nanoseconds) -> bool:
        """Let an order that arrived begin to work; return whether it has to wait for a price that an entry may be filled against.

        A stop that finds the price already beyond its trigger triggers at once. An exit takes the last known price however old it is.
        """
        live.active_ns = ts_ns
        self._become(live, OrderState.WORKING, ts_ns, "")
        order, market = live.order, self._markets[live.order.instrument_id]
        if order.instrument_id in self._spots:
            self._take_spot(live, ts_ns)
            return False
        if order.kind is OrderKind.STOP:
            price = market.trigger_price(order.buys)
            if price and met_price(live.level, price, price) is not None:
                self._take(live, ts_ns)
            return False
        if not market.known or (not order.reduce_only and ts_ns - market.priced_ns > PRICE_VALID_NS):
            live.taking = True
            return not order.reduce_only
        self._take(live, ts_ns)
        return False

    def on_rate(self, currency: str, rate: Ratio, observed_ns: Nanoseconds) -> None:
        """Note what one unit of a currency is worth in USD."""
        self._rates[currency] = (rate, observed_ns)

    def cancel(self, live: Live, ts_ns: Nanoseconds) -> None:
        """End an order on request."""
        self._end(live, OrderState.CANCELED, ts_ns, "cancelled")

    def expire(self, live: Live, ts_ns: Nanoseconds) -> None:
        """End an entry that never found a fresh price; one that found it is left alone."""
        if live.taking:
            self._end(live, OrderState.CANCELED, ts_ns, "no fresh price to fill against")

    def amend(self, live: Live, quantity: Quantity, ts_ns: Nanoseconds) -> None:
        """Change the total quantity; at or under what is filled, the order is done."""
        order = live.order
        if quantity <= order.filled_quantity:
            live.order = replace(order, quantity=order.filled_quantity)
            self._end(live, OrderState.FILLED if order.filled_quantity else OrderState.CANCELED, ts_ns, "amended to what is filled")
            return
        live.order = replace(order, quantity=quantity)
        self._become(live, order.state, ts_ns, "amended")

    def answer_for_absent(self, client_order_id: str, ts_ns: Nanoseconds) -> None:
        """Answer a request about an order that ended, or that this venue never saw."""
        ended = self._ended.get(client_order_id)
        if ended is not None:
            self.events.append(replace(ended, ts_ns=ts_ns, detail=f"already {ended.state}"))
            return
        name = name_of(client_order_id)
        decision_id, role = (name.decision_id, name.role) if name is not None else ("", OrderRole.OPERATOR)
        self.events.append(
            OrderChanged(
                ts_ns=ts_ns,
                client_order_id=client_order_id,
                decision_id=decision_id,
                role=role,
                state=OrderState.CANCELED,
                quantity=0,
                detail="this venue has no such order",
            )
        )

    # --- along the market ---------------------------------------------------------------------------------------------------------

    def untouched_between(self, instrument_id: str, low: Price, high: Price) -> bool:
        """Say whether a price that stays within [low, high] can mean nothing to any order of the instrument."""
        for live in self.by_instrument.get(instrument_id, ()):
            if live.taking or met_price(live.level, low, high) is not None or met_price(live.level, high, low) is not None:
                return False
        return True

    def travel(self, instrument_id: str, start: path.Point, end: path.Point) -> None:
        """Move the price along one straight piece of a tape's path; resting orders are met in the order of their levels."""
        market = self._markets[instrument_id]
        self._serve_waiting(instrument_id, start, end)
        for live, price in self._met(instrument_id, start, end):
            at_ns = max(live.active_ns, path.time_at(price, start, end))
            market.on_path(price, at_ns)
            self._meet(live, at_ns, live.order.quantity)
        market.on_path(end[1], end[0])
        self.serve(instrument_id, end[0])

    def trade_printed(self, instrument_id: str, point: path.Point, quantity: Quantity) -> None:
        """Let one public trade fill limits that it went through, at most its quantity between them, and trigger stops."""
        for live, _ in self._met(instrument_id, point, point):
            quantity -= self._meet(live, point[0], quantity)

    def serve(self, instrument_id: str, ts_ns: Nanoseconds) -> None:
        """Show a new price or book to the orders that are due to take."""
        for live in tuple(self.by_instrument.get(instrument_id, ())):
            if live.taking and live.active_ns <= ts_ns:
                self._take(live, ts_ns)

    def _serve_waiting(self, instrument_id: str, start: path.Point, end: path.Point) -> None:
        """Serve orders that were waiting for a price when this piece of path began, at the price of their own moment on it."""
        for live in tuple(self.by_instrument.get(instrument_id, ())):
            if live.taking and start[0] < live.active_ns <= end[0]:
                self._markets[instrument_id].on_path(path.price_at(live.active_ns, start, end), live.active_ns)
                self._take(live, live.active_ns)

    def _met(self, instrument_id: str, start: path.Point, end: path.Point) -> list[tuple[Live, Price]]:
        """Return the resting orders met on a piece of path, in order, with the price at which each is met.

        An order that became active on the way only counts from there on.
        """
        met: list[tuple[tuple[int, bool, int], Live, Price]] = []
        for live in self.by_instrument.get(instrument_id, ()):
            order = live.order
            if live.taking or order.kind is OrderKind.IOC or order.state is OrderState.INTENDED or live.active_ns > end[0]:
                continue
            price = met_price(live.level, path.price_at(live.active_ns, start, end), end[1])
            if price is not None:
                met.append((meeting_order(Met(resting=live.level, price=price), start[1]), live, price))
        met.sort(key=lambda one: one[0])
        return [(live, price) for _, live, price in met]

    # --- executions ---------------------------------------------------------------------------------------------------------------

    def _meet(self, live: Live, ts_ns: Nanoseconds, offered: Quantity) -> Quantity:
        """Trigger a stop, or fill a limit with at most `offered`; return how much of the offer was used."""
        order = live.order
        if order.kind is OrderKind.STOP:
            self._take(live, ts_ns)
            return 0
        lot = self._instruments[order.instrument_id].lot
        closable = self.account.closable(order)
        quantity = min(closable, max(0, offered) // lot * lot)
        if quantity > 0:
            self._fill(live, Execution(price=order.price, quantity=quantity, maker=True, ts_ns=ts_ns))
        self._settle(live, ts_ns, quantity)
        return quantity

    def _take(self, live: Live, ts_ns: Nanoseconds) -> None:
        """Take what the market offers: up to the limit price, or at any price for a triggered stop."""
        order = live.order
        worst_price = 0 if order.kind is OrderKind.STOP else order.price
        closable = self.account.closable(order)
        taken = self._markets[order.instrument_id].take(closable, worst_price, order.buys) if closable > 0 else ()
        for price, quantity in taken:
            self._fill(live, Execution(price=price, quantity=quantity, maker=False, ts_ns=ts_ns))
        live.taking = order.kind is OrderKind.STOP
        self._settle(live, ts_ns, sum(quantity for _, quantity in taken))

    def _take_spot(self, live: Live, ts_ns: Nanoseconds) -> None:
        """Let a leg of a pair take its own venue's book now, or end: nothing of a pair waits.

        A leg needs a fresh book and a fresh rate; an unwinding takes the last known ones however old, like every exit. INVARIANT: G12
        """
        order, market = live.order, self._markets[live.order.instrument_id]
        rate, rate_ns = self._rate_of(order.instrument_id, ts_ns)
        if order.role.enters and ts_ns - market.priced_ns > PRICE_VALID_NS:
            self._end(live, OrderState.CANCELED, ts_ns, "no fresh book to fill against")
        elif rate <= 0 or (order.role.enters and ts_ns - rate_ns > RATE_VALID_NS):
            self._end(live, OrderState.CANCELED, ts_ns, "no fresh rate to convert at")
        elif not market.known:
            self._end(live, OrderState.CANCELED, ts_ns, "no book to fill against")
        else:
            self._take(live, ts_ns)

    def _rate_of(self, instrument_id: str, now_ns: Nanoseconds) -> tuple[Ratio, Nanoseconds]:
        """Return USD per unit of what an instrument's prices are in, with its time; 0 where it was never heard, 1 for USD.

        Perpetuals are margined in what they are quoted in and are booked as they stand: only spot is converted.
        """
        instrument = self._instruments[instrument_id]
        if instrument_id not in self._spots or instrument.quote == "USD":
            return ONE, now_ns
        return self._rates.get(instrument.quote, (0, 0))

    def _fill(self, live: Live, execution: Execution) -> None:
        """Book one execution."""
        rate, _ = self._rate_of(live.order.instrument_id, execution.ts_ns)
        execution = execution if rate == ONE else replace(execution, rate=rate)
        fill = make_fill(live.order, execution, self._instruments[live.order.instrument_id])
        live.order = replace(live.order, filled_quantity=live.order.filled_quantity + execution.quantity)
        self.account.apply(fill)
        self.events.append(Filled(ts_ns=execution.ts_ns, fill=fill))

    def _settle(self, live: Live, ts_ns: Nanoseconds, just_filled: Quantity) -> None:
        """Say what an order has become after it met the market."""
        order = live.order
        if order.filled_quantity >= order.quantity:
            self._end(live, OrderState.FILLED, ts_ns, "")
        elif order.reduce_only and self.account.closable(order) == 0:
            done = order.filled_quantity > 0
            live.order = replace(order, quantity=order.filled_quantity) if done else order
            state, detail = (OrderState.FILLED, "reduced to what was open") if done else (OrderState.CANCELED, "nothing left to reduce")
            self._end(live, state, ts_ns, detail)
        elif order.kind is OrderKind.IOC:
            self._end(live, OrderState.CANCELED, ts_ns, "the rest found nothing within its price")
        elif just_filled > 0:
            self._become(live, OrderState.PARTIALLY_FILLED, ts_ns, "")

    def _become(self, live: Live, state: OrderState, ts_ns: Nanoseconds, detail: str) -> OrderChanged:
        """Change an order's state and say so."""
        live.order = order = replace(live.order, state=state)
        change = OrderChanged(
            ts_ns=ts_ns,
            client_order_id=order.client_order_id,
            decision_id=order.decision_id,
            role=order.role,
            state=state,
            quantity=order.quantity,
            detail=detail,
        )
        self.events.append(change)
        return change

    def _end(self, live: Live, state: OrderState, ts_ns: Nanoseconds, detail: str) -> None:
        """Finish an order: it is remembered only to answer for it."""
        client_order_id, instrument_id = live.order.client_order_id, live.order.instrument_id
        live.taking = False
        self._ended[client_order_id] = self._become(live, state, ts_ns, detail)
        del self.live[client_order_id]
        working = self.by_instrument[instrument_id]
        working.remove(live)
        if not working:
            del self.by_instrument[instrument_id]
