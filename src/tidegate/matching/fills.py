"""Fills: walk a book, round a price against us, and write an execution down with its fee.

In: levels, orders, instruments. Out: executions and fills. Nothing here is ever better for us than the book. INVARIANT: R5
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidegate.model.instrument import Instrument
from tidegate.model.observation import Side
from tidegate.model.order import Fill, Order
from tidegate.units import BPS_PER_UNIT, ONE, Bps, Nanoseconds, Price, Quantity, Ratio, Usd, bps_of_up, notional_of

_UNIT = BPS_PER_UNIT * ONE

Level = tuple[Price, Quantity]


class Execution(msgspec.Struct, frozen=True, gc=False):
    """What happened at the matching engine, before it is written as a fill. `rate` is USD per unit of the price's currency."""

    price: Price
    quantity: Quantity
    maker: bool
    ts_ns: Nanoseconds
    rate: Ratio = ONE


def walk(levels: Sequence[Level], quantity: Quantity, worst_price: Price, buys: bool) -> tuple[Level, ...]:
    """Take `quantity` from levels (best first), level by level, no further than `worst_price` (equal is taken; 0 is any price).

    Returns what was taken as `(price, quantity)`; less than asked when the book is too thin: the caller decides what becomes of the rest.
    """
    taken: list[Level] = []
    left = quantity
    for price, available in levels:
        if left <= 0 or (worst_price and (price > worst_price if buys else price < worst_price)):
            break
        part = min(left, available)
        if part > 0:
            taken.append((price, part))
            left -= part
    return tuple(taken)


def round_against(price: Price, tick: Price, buys: bool) -> Price:
    """Round a price to the tick against us: up when we buy, down when we sell."""
    return -(-price // tick) * tick if buys else price // tick * tick


def touch(price: Price, buys: bool, half_spread_bps: Bps, tick: Price) -> Price:
    """Return what a taker pays (or gets) around `price` where no book is known: half the assumed spread away, rounded against us."""
    if buys:
        return -(-price * (_UNIT + half_spread_bps) // (_UNIT * tick)) * tick
    return price * (_UNIT - half_spread_bps) // (_UNIT * tick) * tick


def stop_price(entry_price: Price, side: Side, stop_bps: Bps, tick: Price) -> Price:
    """Return the trigger of a protective stop: `stop_bps` beyond the entry, rounded toward it, so that it never risks more than was approved."""
    if side is Side.LONG:
        return -(-entry_price * (_UNIT - stop_bps) // (_UNIT * tick)) * tick
    return entry_price * (_UNIT + stop_bps) // (_UNIT * tick) * tick


def target_price(entry_price: Price, side: Side, target_bps: Bps, tick: Price) -> Price:
    """Return the limit price of a target: `target_bps` from the entry, rounded away from it, so it is never easier to reach than said."""
    if side is Side.LONG:
        return -(-entry_price * (_UNIT + target_bps) // (_UNIT * tick)) * tick
    return entry_price * (_UNIT - target_bps) // (_UNIT * tick) * tick


def fee_usd(notional_usd: Usd, maker: bool, instrument: Instrument) -> Usd:
    """Return the fee of one execution, rounded up: maker when the order rested, else taker."""
    return bps_of_up(notional_usd, instrument.maker_bps if maker else instrument.taker_bps)


def value_usd(price: Price, quantity: Quantity, rate: Ratio, buys: bool) -> Usd:
    """Return price x quantity x rate in USD, rounded once and against us: up when we buy, down when we sell. At a rate of 1, `notional_of`."""
    if rate == ONE:
        return notional_of(price, quantity)
    product, unit = price * quantity * rate, ONE * ONE
    return -(-product // unit) if buys else product // unit


def make_fill(order: Order, execution: Execution, instrument: Instrument) -> Fill:
    """Write an execution of `order` down: notional rounded down (converted ones against us), fee rounded up.

    `order.filled_quantity` is what was filled before. The id is `F`, the client order id and the lots filled so far (this one included):
    the same after any restart, and never the same for two fills of one order. INVARIANT: X5
    """
    notional_usd = value_usd(execution.price, execution.quantity, execution.rate, order.buys)
    cumulative_lots = -(-(order.filled_quantity + execution.quantity) // instrument.lot)
    return Fill(
        fill_id=f"F{order.client_order_id}-{cumulative_lots}",
        client_order_id=order.client_order_id,
        decision_id=order.decision_id,
        instrument_id=order.instrument_id,
        role=order.role,
        buys=order.buys,
        quantity=execution.quantity,
        price=execution.price,
        notional_usd=notional_usd,
        fee_usd=fee_usd(notional_usd, execution.maker, instrument),
        maker=execution.maker,
        ts_ns=execution.ts_ns,
    )


def cash_change_usd(fill: Fill) -> Usd:
    """Return what a fill does to cash: a buy costs its notional, a sale brings it, both cost the fee. INVARIANT: J7"""
    return (-fill.notional_usd if fill.buys else fill.notional_usd) - fill.fee_usd
