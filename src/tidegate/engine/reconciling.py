"""Reconciling: what we believe against what the venue says, again and again while anything is open. The venue's word wins. INVARIANT: X6

In: our working orders, open trades, pairs and inventory, the venue's orders and positions. Out: a halt for exposure that nobody can explain,
once a second look at least two seconds later still sees it (an answer may be on its way); a halt for a pair that stays uneven (explained, but
meant to be over within seconds); and a question about orders the venue has lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.engine.chronicle import Chronicle
from tidegate.engine.execution import Execution
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.limits import Limits
from tidegate.model.order import OrderState
from tidegate.model.pair import PairTrade
from tidegate.orders.reconcile import Difference, compare, positions_of
from tidegate.units import SECOND_NS, Nanoseconds, render
from tidegate.venues.port import Venue

LOOK_EVERY_NS = 10 * SECOND_NS
CONFIRM_NS = 2 * SECOND_NS
UNEVEN_NS_MAX = 60 * SECOND_NS


class Reconciling:
    """The memory of one comparison to the next."""

    def __init__(self, chronicle: Chronicle, execution: Execution, venue: Venue, limits: Limits) -> None:
        self._chronicle = chronicle
        self._execution = execution
        self._venue = venue
        self._limits = limits
        self._suspected: dict[Difference, Nanoseconds] = {}
        self.due_ns: Nanoseconds = 0

    @property
    def agreed(self) -> bool:
        """Say whether the last comparison found nothing."""
        return not self._suspected

    def look(self, now_ns: Nanoseconds) -> tuple[Halt, ...]:
        """Compare, and return the halts for what has stayed unexplained; each covers the assets concerned, or all when none can be named."""
        differences = self._differences()
        self._suspected = {one: self._suspected.get(one, now_ns) for one in differences}
        self.due_ns = now_ns + (CONFIRM_NS if differences else LOOK_EVERY_NS)
        lasting = [one for one, since_ns in self._suspected.items() if now_ns - since_ns >= CONFIRM_NS]
        return (*self._judge(lasting, now_ns), *self._uneven_pairs(now_ns))

    def at_start(self, now_ns: Nanoseconds) -> tuple[Halt, ...]:
        """Compare before the first entry of a process: nothing is on its way then, so one look is enough."""
        self.due_ns = now_ns + LOOK_EVERY_NS
        return self._judge(self._differences(), now_ns)

    def unknown_outcomes(self, now_ns: Nanoseconds) -> tuple[Halt, ...]:
        """Return a halt per asset with an order whose outcome nobody knows: it blocks the asset until the venue has answered. INVARIANT: X4"""
        return tuple(
            Halt(Reason.L4_RECONCILE, now_ns, f"order {order.client_order_id}: outcome unknown", (self._asset_of(order.instrument_id),))
            for order in self._execution.working.values()
            if order.state is OrderState.UNKNOWN
        )

    def _uneven_pairs(self, now_ns: Nanoseconds) -> tuple[Halt, ...]:
        """Return a halt per pair that is still uneven >= 60 s after its first fill: its unwinding does not work, and goes on all the same."""
        pairs = self._chronicle.session.pairs.values()
        late = (pair for pair in pairs if pair.excess and now_ns - pair.opened_ns >= UNEVEN_NS_MAX)
        return tuple(Halt(Reason.L4_RECONCILE, now_ns, _uneven(pair), (pair.asset,)) for pair in late)

    def _asset_of(self, instrument_id: str) -> str:
        return self._limits.instruments[instrument_id].asset

    def _differences(self) -> tuple[Difference, ...]:
        session = self._chronicle.session
        positions = positions_of(session.trades.values(), session.pairs.values(), session.inventory)
        return compare(self._execution.working.values(), positions, self._venue.open_orders(), self._venue.positions())

    def _judge(self, differences: Sequence[Difference], now_ns: Nanoseconds) -> tuple[Halt, ...]:
        """Ask the venue about an order it does not have (a cancel is answered with what became of it); halt for everything else."""
        for one in differences:
            if not one.halts:
                self._execution.cancel(one.order_id)
        return tuple(self._halt(one, now_ns) for one in differences if one.halts)

    def _halt(self, difference: Difference, now_ns: Nanoseconds) -> Halt:
        instrument = self._limits.instruments.get(difference.instrument_id)
        assets = (instrument.asset,) if instrument is not None else ()
        return Halt(Reason.L4_RECONCILE, now_ns, str(difference), assets)


def _uneven(pair: PairTrade) -> str:
    return f"pair {pair.trade_id} uneven for {UNEVEN_NS_MAX // SECOND_NS} s: {render(pair.excess)} {pair.asset} at {pair.excess_instrument_id}"
