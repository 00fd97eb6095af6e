"""Open interest: points in coins, and their change over 24 h found by time. INVARIANT: F1

In: `OiPoint`s of one market, in any order, from any number of answers. Out: one `Observation` in per cent, or `NotEnough`. Missing buckets
are normal, so the point 24 h back is searched by its time; points counted in different ways are never compared (trap 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from tidegate.feeds.wire.market import Market
from tidegate.feeds.wire.outcome import NotEnough, never_raises
from tidegate.model.observation import Channel, Observation
from tidegate.units import DAY_NS, MINUTE_NS, ONE, Nanoseconds, Quantity, change_pct

COINS = "coins"
ONE_SIDE = "coins, one side"
BOTH_SIDES = "coins, both sides"

REACH_NS = 30 * MINUTE_NS
_CHANGE_PCT_MAX = 500 * ONE


class OiPoint(msgspec.Struct, frozen=True, gc=False):
    """Open interest of one market at one time. `measure` says how the venue counts: only equal measures compare."""

    symbol: str
    at_ns: Nanoseconds
    quantity: Quantity
    measure: str = COINS


@never_raises
def change_24h(
    market: Market, points: Sequence[OiPoint], received_ns: Nanoseconds, period_ns: Nanoseconds
) -> tuple[Observation]:
    """Return the change of the newest point against the one nearest to 24 h before it, at most 30 min off, in per cent rounded down.

    The rounding is toward minus infinity. Incomplete without such a point; a change over 500 % is taken for a fault of the source.
    """
    own = [point for point in points if point.symbol == market.symbol and point.quantity > 0]
    if not own:
        raise NotEnough("open interest", len(points), "no points of this market")
    newest = max(own, key=attrgetter("at_ns"))
    wanted_ns = newest.at_ns - DAY_NS
    alike = [point for point in own if point.measure == newest.measure]
    before = min(alike, key=lambda point: (abs(point.at_ns - wanted_ns), -point.at_ns))
    if abs(before.at_ns - wanted_ns) > REACH_NS:
        raise NotEnough("open interest", before.at_ns, "no point within 30 min of 24 h before the newest")
    change = change_pct(newest.quantity, before.quantity)
    if abs(change) > _CHANGE_PCT_MAX:
        raise NotEnough("open interest", change, "a change over 500 % in 24 h is not believed")
    source = f"{market.venue}:open_interest"
    observed_ns = min(newest.at_ns, received_ns)
    return (
        Observation(
            Channel.OPEN_INTEREST, market.asset, market.venue, change, source, observed_ns, received_ns, period_ns
        ),
    )
