"""The last inch: an order is compared with its approval once more, right before it leaves. INVARIANT: X1 M3

In: order, approval, instrument, what the journal knows. Out: nothing, or Refused with the difference in words.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from tidegate.errors import Refused
from tidegate.model.decision import Approval, ExitApproval
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Mode
from tidegate.model.observation import Side
from tidegate.model.order import Order, OrderKind, OrderRole
from tidegate.units import notional_of, render


class LastInch:
    """Compares orders with approvals for one process: one mode, one journal, each decision once."""

    __slots__ = ("_consumed", "_decision_known", "_mode")

    def __init__(self, mode: Mode, decision_known: Callable[[str], bool], consumed: Container[str]) -> None:
        self._mode, self._decision_known, self._consumed = mode, decision_known, consumed

    def check(self, order: Order, approval: Approval | ExitApproval, instrument: Instrument) -> None:
        """Return when the order is what was approved. Raises Refused otherwise."""
        if order.quantity <= 0 or order.price < 0:
            raise _refused(order, f"quantity {render(order.quantity)} at {render(order.price)}", "a quantity > 0 and a price >= 0")
        if approval.mode is not self._mode:
            raise _refused(order, f"an approval for mode {approval.mode}", f"mode {self._mode} only")
        if order.quantity % instrument.lot:
            raise _refused(order, f"{render(order.quantity)} coins", f"whole lots of {render(instrument.lot)}")
        if order.role is OrderRole.ENTRY:
            self._check_entry(order, approval, instrument)
        else:
            _check_exit(order, approval)

    def _check_entry(self, order: Order, approval: Approval | ExitApproval, instrument: Instrument) -> None:
        """Compare an entry: decision known and unconsumed; instrument, side, quantity and price as approved; the venue's minimums."""
        if not isinstance(approval, Approval):
            raise _refused(order, "an exit approval", "an entry needs the approval of its decision")
        if order.decision_id != approval.decision_id or not self._decision_known(order.decision_id):
            raise _refused(order, f"decision {order.decision_id}", "a decision that is durable in the journal")
        if order.decision_id in self._consumed:
            raise _refused(order, f"decision {order.decision_id} again", "one order per decision")
        if order.reduce_only or order.kind is OrderKind.STOP:
            raise _refused(order, f"{order.kind}, reduce only {order.reduce_only}", "an entry is IOC or LIMIT and not reduce only")
        _check_approved_size(order, approval)
        reference_price = approval.order.reference_price
        if not instrument.accepts(order.quantity // instrument.lot, reference_price):
            given = f"{render(order.quantity)} coins, {render(notional_of(reference_price, order.quantity), 2)} USD"
            raise _refused(order, given, f"at least {render(instrument.quantity_min)} coins and {render(instrument.notional_min_usd)} USD")


def _check_approved_size(order: Order, approval: Approval) -> None:
    """Compare instrument, side, quantity and worst price with the approved order."""
    sized = approval.order
    if order.instrument_id != sized.instrument_id:
        raise _refused(order, f"instrument {order.instrument_id}", f"{sized.instrument_id} as approved")
    if order.buys is not (sized.side is Side.LONG):
        raise _refused(order, "a buy" if order.buys else "a sale", f"the approved side, {sized.side}")
    if order.quantity != sized.quantity:
        raise _refused(order, f"quantity {render(order.quantity)}", f"{render(sized.quantity)} as approved")
    worse = order.price > sized.limit_price if order.buys else order.price < sized.limit_price
    if worse or order.price == 0:
        raise _refused(order, f"limit price {render(order.price)}", f"no worse than the approved {render(sized.limit_price)}")


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
