"""The life of an order, as two tables and the function that walks them.

In: an order and one thing the venue said about it. Out: the order after it, or Illegal with the reason. INVARIANT: X8

    INTENDED ──► WORKING ──► PARTIALLY_FILLED ──► FILLED          terminal
        │           │               │
        ├───────────┴───────────────┴───────────► CANCELED        terminal
        ├───────────┴───────────────────────────► REFUSED         terminal
        └───────────┴───────────────┴──► UNKNOWN ──► whatever the venue answers

An order is INTENDED from the moment its record is written, before it leaves. Everything after that is the venue's word. There are two
kinds of word. *News* (`OrderChanged`) names a state; which states may follow which is the first table. A *fill* names a quantity; where a
fill takes an order is the second. Fills and news travel on different streams and overtake each other, so a fill may come to an order
that was never heard to be WORKING, and FILLED may be heard before the fills that made it true.

Three rules shape the tables:

- Terminal is terminal. No news moves a FILLED, CANCELED or REFUSED order; older news that arrives late is Illegal and is dropped by the
  caller, loudly. The same news twice is not a transition: it changes nothing and is legal.
- A fill is never refused. The venue executed it, whatever we believed about the order: it is added to `filled_quantity`, and `is_late`
  tells the caller to raise an alert. A terminal state stays as it was. INVARIANT: X5
- UNKNOWN is a state, not an error: a request left and no answer came. Only the venue's word ends it: news, or a fill. Time never does,
  nothing makes it INTENDED again, and it is never sent again under a new id. A working order becomes UNKNOWN the same way, when the
  answer to an amendment or a cancel is lost. INVARIANT: X4
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from tidegate.model.event import OrderChanged
from tidegate.model.order import Fill, Order, OrderState

TERMINAL = (OrderState.FILLED, OrderState.CANCELED, OrderState.REFUSED)

# After news: from -> the states that may follow. A state may always be heard again.
NEWS: tuple[tuple[OrderState, tuple[OrderState, ...]], ...] = (
    (
        OrderState.INTENDED,
        (
            OrderState.WORKING,
            OrderState.PARTIALLY_FILLED,
            OrderState.FILLED,
            OrderState.CANCELED,
            OrderState.REFUSED,
            OrderState.UNKNOWN,
        ),
    ),
    (
        OrderState.WORKING,
        (
            OrderState.PARTIALLY_FILLED,
            OrderState.FILLED,
            OrderState.CANCELED,
            OrderState.REFUSED,
            OrderState.UNKNOWN,
        ),
    ),
    (OrderState.PARTIALLY_FILLED, (OrderState.FILLED, OrderState.CANCELED, OrderState.UNKNOWN)),
    (
        OrderState.UNKNOWN,
        (
            OrderState.WORKING,
            OrderState.PARTIALLY_FILLED,
            OrderState.FILLED,
            OrderState.CANCELED,
            OrderState.REFUSED,
        ),
    ),
    (OrderState.FILLED, ()),
    (OrderState.CANCELED, ()),
    (OrderState.REFUSED, ()),
)

# After a fill: from -> (state while something is left, state when nothing is).
FILLS: tuple[tuple[OrderState, tuple[OrderState, OrderState]], ...] = (
    (OrderState.INTENDED, (OrderState.PARTIALLY_FILLED, OrderState.FILLED)),
    (OrderState.WORKING, (OrderState.PARTIALLY_FILLED, OrderState.FILLED)),
    (OrderState.PARTIALLY_FILLED, (OrderState.PARTIALLY_FILLED, OrderState.FILLED)),
    (OrderState.UNKNOWN, (OrderState.PARTIALLY_FILLED, OrderState.FILLED)),
    (OrderState.FILLED, (OrderState.FILLED, OrderState.FILLED)),
    (OrderState.CANCELED, (OrderState.CANCELED, OrderState.CANCELED)),
    (OrderState.REFUSED, (OrderState.REFUSED, OrderState.REFUSED)),
)


class Illegal(msgspec.Struct, frozen=True, gc=False):
    """News that the table does not allow. The order stays as it was; the caller says so and goes on."""

    client_order_id: str
    was: OrderState
    heard: str
    why: str


def is_terminal(state: OrderState) -> bool:
    """Say whether no news can move an order any more."""
    return state in TERMINAL


def may_become(was: OrderState, state: OrderState) -> bool:
    """Say whether news of `state` may follow `was`: by the table, or because it is the same state again."""
    return was is state or any(state in following for start, following in NEWS if start is was)


def advance(order: Order, fact: OrderChanged | Fill) -> Order | Illegal:
    """Return the order after one word of the venue, or Illegal when the word is about another order or not allowed by the table."""
    if fact.client_order_id != order.client_order_id:
        return Illegal(order.client_order_id, order.state, fact.client_order_id, "it is about another order")
    return _after_news(order, fact) if isinstance(fact, OrderChanged) else _after_fill(order, fact)


def is_late(order: Order, fill: Fill) -> bool:
    """Say whether a fill must raise an alert: it came to a canceled or refused order, or fills more than was ordered."""
    ended = order.state in (OrderState.CANCELED, OrderState.REFUSED)
    return ended or order.filled_quantity + fill.quantity > order.quantity


def _after_news(order: Order, change: OrderChanged) -> Order | Illegal:
    if not may_become(order.state, change.state):
        return Illegal(
            order.client_order_id, order.state, str(change.state), f"{order.state} cannot become {change.state}"
        )
    if is_terminal(order.state):
        return order
    return replace(order, state=change.state, quantity=change.quantity)


def _after_fill(order: Order, fill: Fill) -> Order:
    filled = order.filled_quantity + fill.quantity
    state = order.state
    for start, (left, done) in FILLS:
        if start is order.state:
            state = done if filled >= order.quantity else left
    return replace(order, state=state, filled_quantity=filled)
