"""Resting orders along a price path: which levels are met, at what price, and in what order.

In: levels and one straight piece of a path. Out: what was met. The paper venue and the barriers both ask here: there is one copy of the
rule. A stop is met at or beyond its trigger; a limit only when the price goes THROUGH it by at least one tick, because our place in the
queue is unknown and taken to be the last. INVARIANT: R5
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tidegate.model.order import OrderKind
from tidegate.units import Price


class Resting(msgspec.Struct, frozen=True, gc=False):
    """One level that waits: met when the price is at or above `threshold` (`upward`), or at or below it."""

    key: str
    stops: bool
    upward: bool
    threshold: Price


class Met(msgspec.Struct, frozen=True, gc=False):
    """A level that was met while the price was at `price`: the threshold, or a worse price where the path began beyond it (a gap)."""

    resting: Resting
    price: Price


def resting(key: str, kind: OrderKind, buys: bool, price: Price, tick: Price) -> Resting:
    """Return what must happen for a STOP or LIMIT at `price` to be met (any kind but STOP rests as a limit)."""
    if kind is OrderKind.STOP:
        return Resting(key=key, stops=True, upward=buys, threshold=price)
    return Resting(key=key, stops=False, upward=not buys, threshold=price - tick if buys else price + tick)


def met_price(level: Resting, from_price: Price, to_price: Price) -> Price | None:
    """Return the price at which a level is met on the way from one price to another, or None."""
    if level.upward:
        if from_price >= level.threshold:
            return from_price
        return level.threshold if to_price >= level.threshold else None
    if from_price <= level.threshold:
        return from_price
    return level.threshold if to_price <= level.threshold else None


def met_along(levels: Iterable[Resting], from_price: Price, to_price: Price) -> list[Met]:
    """Return the levels met on the way, in the order in which they are met.

    Where two are met at one price: stops first (against us), then the level that lies furthest back, then as given.
    """
    met = [Met(resting=level, price=price) for level in levels if (price := met_price(level, from_price, to_price)) is not None]
    if len(met) > 1:
        met.sort(key=lambda one: meeting_order(one, from_price))
    return met


def meeting_order(one: Met, from_price: Price) -> tuple[int, bool, int]:
    """Return the sort key of a met level: distance travelled, stops before limits, furthest back first."""
    return abs(one.price - from_price), not one.resting.stops, -abs(one.price - one.resting.threshold)
