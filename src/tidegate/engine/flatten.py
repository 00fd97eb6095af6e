"""Flatten: cancel everything, close everything reduce-only, re-read the venue, repeat until flat or say what is left.

In: a start (operator or kill switch), then a step at every flush. Out: FlattenStarted, exit orders, FlattenEnded. It is idempotent, survives
a restart half-way (the session remembers that it is flattening), and needs no feed and no API. INVARIANT: K3
What is left of a pair is unwound by its own execution; coins that finished pairs moved between venues are inventory, not a position.
"""

from __future__ import annotations

from tidegate.engine.chronicle import Chronicle
from tidegate.engine.execution import Execution
from tidegate.model.event import FlattenEnded, FlattenStarted
from tidegate.model.order import Order, OrderRole
from tidegate.units import SECOND_NS, Nanoseconds, render
from tidegate.venues.port import Venue

RESIDUAL_AFTER_NS = 60 * SECOND_NS
ASK_AGAIN_NS = 2 * SECOND_NS


class Flattening:
    """The state of one flatten; the durable part (`session.flattening`) lives in the session."""

    def __init__(self, chronicle: Chronicle, execution: Execution, venue: Venue) -> None:
        self._chronicle = chronicle
        self._execution = execution
        self._venue = venue
        self._began_ns: Nanoseconds = 0
        self._last_try_ns: Nanoseconds = -1
        self._asked_ns: dict[str, Nanoseconds] = {}
        self.residual = ""

    def start(self, by: str, reason: str, now_ns: Nanoseconds) -> None:
        """Begin, or go on if one is under way."""
        if not self._chronicle.session.flattening:
            self._chronicle.record(FlattenStarted(now_ns, by, reason))
            self._began_ns, self._last_try_ns = now_ns, -1
            self._asked_ns.clear()

    def step(self, now_ns: Nanoseconds) -> None:
        """Do the next thing toward flat, at most once per instant; end when the venue itself says flat."""
        if not self._chronicle.session.flattening or now_ns == self._last_try_ns:
            return
        self._last_try_ns = now_ns
        orders, positions = self._venue.open_orders(), self._venue.positions()
        session = self._chronicle.session
        positions = {name: left for name, held in positions.items() if (left := held - session.inventory.get(name, 0))}
        if not orders and not positions and session.open_count == 0 and not self._execution.working:
            self.residual = ""
            self._chronicle.record(FlattenEnded(now_ns, True, ""))
            return
        known = {order.client_order_id: order for order in (*orders, *self._execution.working.values())}
        for order in known.values():
            if self._is_in_the_way(order) and self._may_ask(order.client_order_id, now_ns):
                self._execution.cancel(order.client_order_id)
        late = now_ns - self._began_ns >= RESIDUAL_AFTER_NS
        for trade in tuple(session.trades.values()):
            self._execution.close(trade, OrderRole.FLATTEN, now_ns, at_any_rate=late)
        if late:
            self.residual = describe_residual(len(orders), positions)

    def _is_in_the_way(self, order: Order) -> bool:
        """Say whether an order must go: entries, and exits of what is no longer open."""
        session = self._chronicle.session
        return not order.reduce_only or (order.decision_id not in session.trades and order.decision_id not in session.pairs)

    def _may_ask(self, client_order_id: str, now_ns: Nanoseconds) -> bool:
        """Say whether a cancel may be asked (again): every two seconds, because a venue that is flooded answers nobody. INVARIANT: X9"""
        if now_ns - self._asked_ns.get(client_order_id, -ASK_AGAIN_NS) < ASK_AGAIN_NS:
            return False
        self._asked_ns[client_order_id] = now_ns
        return True


def describe_residual(orders: int, positions: dict[str, int]) -> str:
    """Return what is left at the venue, in words."""
    held = ", ".join(f"{render(quantity)} {instrument_id}" for instrument_id, quantity in positions.items())
    return f"{orders} orders working, positions: {held or 'none'}"
