"""Orders and fills: approved instructions to a venue, and what it executed."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.units import Nanoseconds, Price, Quantity, Usd


class OrderRole(StrEnum):
    """Why an order exists; the exit label of a trade is the role of the order that closed it.

    ENTRY and HEDGE are the buy and the sale of a two-leg order; UNWIND gets rid of what only one of them filled.
    """

    __hash__ = str.__hash__  # an enum's own hash runs Python code at every dict lookup

    ENTRY = "ENTRY"
    HEDGE = "HEDGE"
    STOP = "STOP"
    TARGET_1 = "TARGET_1"
    TARGET_2 = "TARGET_2"
    TARGET_3 = "TARGET_3"
    TIME = "TIME"
    INVALIDATED = "INVALIDATED"
    FLATTEN = "FLATTEN"
    OPERATOR = "OPERATOR"
    UNWIND = "UNWIND"

    @property
    def enters(self) -> bool:
        """Say whether an order of this role needs the approval of its decision: every other one only reduces."""
        return self is OrderRole.ENTRY or self is OrderRole.HEDGE


class OrderKind(StrEnum):
    """How an order executes. IOC takes what is there up to its price; LIMIT rests; STOP rests and then takes."""

    IOC = "ioc"
    LIMIT = "limit"
    STOP = "stop"


class OrderState(StrEnum):
    """The life of an order; the allowed transitions are the table in `orders.life_cycle`."""

    INTENDED = "intended"
    WORKING = "working"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Order(msgspec.Struct, frozen=True, gc=False):
    """One instruction. `buys` is the order's own direction; `price` the limit (IOC, LIMIT) or the trigger (STOP), 0 for any price.

    Exits are `reduce_only`. `client_order_id` is a function of decision id, role and generation only. INVARIANT: X2
    """

    client_order_id: str
    decision_id: str
    instrument_id: str
    role: OrderRole
    kind: OrderKind
    buys: bool
    quantity: Quantity
    price: Price
    reduce_only: bool
    created_ns: Nanoseconds
    state: OrderState = OrderState.INTENDED
    filled_quantity: Quantity = 0


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One execution. `fee_usd` >= 0 is a cost, rounded up; `maker` when it rested.

    `notional_usd` is price x quantity rounded down. `price` is in the instrument's own quote currency: spot that is not quoted in USD is
    converted at the rate of the moment, rounded against us.
    """

    fill_id: str
    client_order_id: str
    decision_id: str
    instrument_id: str
    role: OrderRole
    buys: bool
    quantity: Quantity
    price: Price
    notional_usd: Usd
    fee_usd: Usd
    maker: bool
    ts_ns: Nanoseconds
