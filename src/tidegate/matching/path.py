"""The stated path of a price inside a bar whose trades are not known.

In: bars. Out: points `(time, price)`. An approximation, said wherever it is used: a bar only knows four prices and not their order.
"""

from __future__ import annotations

from itertools import pairwise

from tidegate.model.observation import Bar
from tidegate.units import Nanoseconds, Price

Point = tuple[Nanoseconds, Price]


def points(bar: Bar) -> tuple[Point, ...]:
    """Return open, first extreme, other extreme and close of a bar, evenly spread from its start to its end.

    An up bar visits its low first, a down bar its high first; a bar that closes where it opened visits the nearer extreme first (the low
    when both are as near).
    """
    if bar.close != bar.open:
        low_first = bar.close > bar.open
    else:
        low_first = bar.open - bar.low <= bar.high - bar.open
    first, second = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    third_ns = (bar.end_ns - bar.start_ns) // 3
    return (
        (bar.start_ns, bar.open),
        (bar.start_ns + third_ns, first),
        (bar.start_ns + 2 * third_ns, second),
        (bar.end_ns, bar.close),
    )


def price_at(ts_ns: Nanoseconds, start: Point, end: Point) -> Price:
    """Return the price on the straight line between two points at `ts_ns`, rounded down; outside the line, the nearer end."""
    if ts_ns <= start[0]:
        return start[1]
    if ts_ns >= end[0]:
        return end[1]
    return start[1] + (end[1] - start[1]) * (ts_ns - start[0]) // (end[0] - start[0])


def time_at(price: Price, start: Point, end: Point) -> Nanoseconds:
    """Return when the straight line between two points is first at `price`, rounded down; a flat or missed line answers its start."""
    span = end[1] - start[1]
    if span == 0 or (price - start[1]) * span < 0:
        return start[0]
    return min(end[0], start[0] + (end[0] - start[0]) * (price - start[1]) // span)


def price_on(bar: Bar, ts_ns: Nanoseconds) -> Price:
    """Return the price at `ts_ns` on the stated path of a bar; before its start the open, after its end the close."""
    steps = points(bar)
    for start, end in pairwise(steps):
        if ts_ns < end[0]:
            return price_at(ts_ns, start, end)
    return steps[-1][1]
