"""Funding: what a perpetual position pays or receives at 00:00, 08:00 and 16:00 UTC.

In: side, notional, rate in bps per 8 h. Out: USD, and settlement times. Venues with other intervals are normalised to 8 h at the border.
"""

from __future__ import annotations

from tidegate.model.observation import Side
from tidegate.units import BPS_PER_UNIT, HOUR_NS, ONE, Bps, Nanoseconds, Usd

FUNDING_PERIOD_NS: Nanoseconds = 8 * HOUR_NS


def funding_usd(side: Side, notional_usd: Usd, rate_bps: Bps) -> Usd:
    """Return the funding received (> 0) or paid (< 0) at one settlement: longs pay a positive rate. Rounded against us."""
    return -side.sign * notional_usd * rate_bps // (BPS_PER_UNIT * ONE)


def next_settlement_ns(after_ns: Nanoseconds) -> Nanoseconds:
    """Return the first settlement time later than `after_ns` (a time on the grid answers the following one)."""
    return (after_ns // FUNDING_PERIOD_NS + 1) * FUNDING_PERIOD_NS


def settlements_between(after_ns: Nanoseconds, until_ns: Nanoseconds) -> tuple[Nanoseconds, ...]:
    """Return every settlement time > `after_ns` and <= `until_ns`, in order."""
    return tuple(range(next_settlement_ns(after_ns), until_ns + 1, FUNDING_PERIOD_NS))
