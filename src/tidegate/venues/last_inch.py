"""The last inch: an order is compared with its approval once more, right before it leaves. INVARIANT: X1 M3

In: order, approval, instrument, what the journal knows. Out: nothing, or Refused with the difference in words.

A decision is one order; a two-leg decision is one order a leg, and one second attempt of one of them for what is still missing. INVARIANT: G1
"""

from __future__ import annotations

from collections.abc import Callable, Container

from tidegate.errors import Refused
from tidegate.model.decision import Approval, ExitApproval
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Mode
from tidegate.model.observation import Side
from tidegate.model.order import Order, OrderKind, OrderRole
from tidegate.orders.ids import client_order_id, name_of
from tidegate.orders.pairs import FIRST, SECOND, leg_of, price_bound
from tidegate.units import Price, Quantity, notional_of, render, share_of


class LastInch:
    """Compares orders with approvals for one process: one mode, one journal, each decision once.

    `consumed` holds the decision ids and client order ids of entries that left. `committed_to` says what a
    decision filled, or may still fill, in an instrument.
    """

    __slots__ = ("_committed_to", "_consumed", "_decision_known", "_mode")

    def __init__(
        self, mode: Mode, decision_known: Callable[[str], bool], consumed: Container[str], committed_to: Callable[[str, str], Quantity]
    ) -> None:
        self._mode, self._decision_known, self._consumed = mode, decision_known, consumed
        self._committed_to = committed_to

    def check(self, order: Order, approval: Approval | ExitApproval, instrument: Instrument) -> None:
        """Return when the order is what was approved. Raises Refused otherwise."""
        if order.quantity <= 0 or order.price < 0:
            raise _refused(order, f"quantity {render(order.quantity)} at {render(order.price)}", "a quantity > 0 and a price >= 0")
        if approval.mode is not self._mode:
            raise _refused(order, f"an approval for mode {approval.mode}", f"mode {self._mode} only")
        if order.quantity % instrument.lot:
            raise _refused(order, f"{render(order.quantity)} coins", f"whole lots of {render(instrument.lot)}")
        if order.role.enters:
            self._check_entry(order, approval, instrument)
        else:
            _check_exit(order, approval)

    def _check_entry(self, order: Order, approval: Approval | ExitApproval, instrument: Instrument) -> None:
        """Compare an entry: decision known; unconsumed; instrument, side, quantity and price as approved; the venue's minimums."""
        if not isinstance(approval, Approval):
            raise _refused(order, "an exit approval", "an entry needs the approval of its decision")
        if order.decision_id != approval.decision_id or not self._decision_known(order.decision_id):
            raise _refused(order, f"decision {order.decision_id}", "a decision that is durable in the journal")
        if order.reduce_only or order.kind is OrderKind.STOP:
            raise _refused(order, f"{order.kind}, reduce only {order.reduce_only}", "an entry is IOC or LIMIT and not reduce only")
        if approval.order.legs:
            reference_price = self._check_leg(order, approval)
        else:
            reference_price = self._check_single(order, approval)
        if not instrument.accepts(order.quantity // instrument.lot, reference_price):
            given = f"{render(order.quantity)} coins, {render(notional_of(reference_price, order.quantity), 2)} USD"
            raise _refused(order, given, f"at least {render(instrument.quantity_min)} coins and {render(instrument.notional_min_usd)} USD")

    def _check_single(self, order: Order, approval: Approval) -> Price:
        """Compare the one order of a decision; return the price it was judged at."""
        if order.role is not OrderRole.ENTRY:
            raise _refused(order, f"a {order.role}", "an order of one leg is its ENTRY")
        if order.decision_id in self._consumed:
            raise _refused(order, f"decision {order.decision_id} again", "one order per decision")
        _check_approved_size(order, approval)
        return approval.order.reference_price

    def _check_leg(self, order: Order, approval: Approval) -> Price:
        """Compare an attempt of a leg: its own leg, an attempt that is still free, no more than is missing, no worse than the attempt's bound.

        Return the price it was judged at, in USD, rounded up: what the gate found just enough must not be refused to one leg here.
        """
        leg = leg_of(approval.order, order.role)
        if leg is None or order.kind is not OrderKind.IOC:
            raise _refused(order, f"{order.role} {order.kind}", "an IOC of an approved leg")
        if order.instrument_id != leg.instrument_id or order.buys is not leg.buys:
            given = f"a {'buy' if order.buys else 'sale'} of {order.instrument_id}"
            raise _refused(order, given, f"a {'buy' if leg.buys else 'sale'} of {leg.instrument_id} as approved")
        generation = self._free_attempt(order)
        committed = self._committed_to(order.decision_id, order.instrument_id)
        if committed + order.quantity > leg.quantity:
            given = f"quantity {render(order.quantity)} after {render(committed)}"
            raise _refused(order, given, f"{render(leg.quantity)} as approved, all attempts together")
        _check_bound(order, price_bound(leg, generation))
        return -share_of(-leg.reference_price, leg.rate)

    def _free_attempt(self, order: Order) -> int:
        """Return which attempt of its leg an order is. Raises Refused when that one was made, or may not be made."""
        name = name_of(order.client_order_id)
        generation = name.generation if name is not None else -1
        if generation not in (FIRST, SECOND) or order.client_order_id != client_order_id(order.decision_id, order.role, generation):
            raise _refused(order, "another id", "the id of its leg's first or second attempt")
        if order.client_order_id in self._consumed:
            raise _refused(order, "an attempt that was made", "one order per leg, and one second attempt")
        if generation == SECOND:
            other = OrderRole.HEDGE if order.role is OrderRole.ENTRY else OrderRole.ENTRY
            first_made = client_order_id(order.decision_id, order.role, FIRST) in self._consumed
            if not first_made or client_order_id(order.decision_id, other, SECOND) in self._consumed:
                raise _refused(order, "a second attempt", "one second attempt of one leg, after its first")
        return generation


def _check_approved_size(order: Order, approval: Approval) -> None:
    """Compare instrument, side, quantity and worst price with the approved order."""
    sized = approval.order
    if order.instrument_id != sized.instrument_id:
        raise _refused(order, f"instrument {order.instrument_id}", f"{sized.instrument_id} as approved")
    if order.buys is not (sized.side is Side.LONG):
        raise _refused(order, "a buy" if order.buys else "a sale", f"the approved side, {sized.side}")
    if order.quantity != sized.quantity:
        raise _refused(order, f"quantity {render(order.quantity)}", f"{render(sized.quantity)} as approved")
    _check_bound(order, sized.limit_price)


def _check_bound(order: Order, bound: Price) -> None:
    """Compare the limit price with the worst one approved; an entry without one is never right."""
    worse = order.price > bound if order.buys else order.price < bound
    if worse or order.price == 0:
        raise _refused(order, f"limit price {render(order.price)}", f"no worse than the approved {render(bound)}")


def _check_exit(order: Order, approval: Approval | ExitApproval) -> None:
    """Compare an exit: reduce only, and this very order of this instrument, at most the approved quantity. INVARIANT: G12"""
    if not isinstance(approval, ExitApproval):
        raise _refused(order, "an entry approval", "an exit needs an exit approval")
    if not order.reduce_only:
        raise _refused(order, "an exit that is not reduce only", "exits are reduce only")
    if order.client_order_id != approval.client_order_id or order.instrument_id != approval.instrument_id:
        given = f"{order.client_order_id} in {order.instrument_id}"
        raise _refused(order, given, f"{approval.client_order_id} in {approval.instrument_id} as approved")
    if order.quantity > approval.quantity_max:
        raise _refused(order, f"quantity {render(order.quantity)}", f"at most {render(approval.quantity_max)} as approved")


def _refused(order: Order, given: str, allowed: str) -> Refused:
    """Build the refusal of an order."""
    return Refused(f"order {order.client_order_id}: got {given}, allowed: {allowed}; ask the gate again")
