"""Freshness: the one place that says whether a reading may be used. INVARIANT: F1 F2

In: a reading or Missing, the bounds of its channel, one instant. Out: the reading itself, or None: then the caller cannot judge.
"""

from __future__ import annotations

from typing import TypeVar

from tidegate.model.limits import StaleLimits
from tidegate.model.snapshot import BookView, Missing, Reading
from tidegate.units import SECOND_NS, Nanoseconds

FUTURE_TOLERANCE_NS = 2 * SECOND_NS

Known = TypeVar("Known", Reading, BookView)


def fresh(reading: Known | Missing | None, bounds: StaleLimits, asof_ns: Nanoseconds) -> Known | None:
    """Return the reading if it may be used at `asof_ns`, else None.

    Too old: arrival age > `reject_after_ns`, or value age > publication period + `value_grace_ns`; equal passes. Either time more than 2 s
    in the future is as bad as too old. Same rule as `StaleLimits.fresh_until_ns` (a property test holds them together); written out
    because every decision asks it a dozen times. Source: SPEC §2, L3_FEED_STALE.
    """
    if reading is None or isinstance(reading, Missing):
        return None
    arrival_age_ns = asof_ns - reading.received_ns
    value_age_ns = asof_ns - reading.observed_ns
    if arrival_age_ns > bounds.reject_after_ns or value_age_ns > reading.period_ns + bounds.value_grace_ns:
        return None
    if arrival_age_ns < -FUTURE_TOLERANCE_NS or value_age_ns < -FUTURE_TOLERANCE_NS:
        return None
    return reading


def fault_of(reading: Reading | BookView | Missing | None, asof_ns: Nanoseconds) -> str:
    """Say in a word why `fresh` refused a reading: missing, from the future, or stale."""
    if reading is None or isinstance(reading, Missing):
        return "missing"
    newest_ns = max(reading.received_ns, reading.observed_ns)
    return "from the future" if newest_ns - asof_ns > FUTURE_TOLERANCE_NS else "stale"
