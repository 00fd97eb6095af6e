"""How a check says what it saw: the few ways to build a Finding.

In: a reason, the number and its limit, and the reading it came from. Out: Findings. Positional construction: this is the hot path.
"""

from __future__ import annotations

from tidegate.gate.codes import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN
from tidegate.gate.sight import Unfit
from tidegate.model.finding import Finding, Reason, Status
from tidegate.model.snapshot import Reading
from tidegate.units import ONE, Nanoseconds


def passed(reason: Reason) -> Finding:
    """Return a pass that has no number; build it once, at module level."""
    return Finding(reason, PASSED)


def not_applicable(reason: Reason, note: str) -> Finding:
    """Return the finding of a check that does not concern this intent; build it once, at module level."""
    return Finding(reason, NOT_APPLICABLE, None, None, note)


def failed(reason: Reason, note: str) -> Finding:
    """Return a failure that has no number."""
    return Finding(reason, FAILED, None, None, note)


def unknown(reason: Reason, note: str) -> Finding:
    """Return the finding of a check that cannot judge; it rejects. `note` names the input: `stop missing`. INVARIANT: G8"""
    return Finding(reason, UNKNOWN, None, None, note)


def unfit(reason: Reason, feed: Unfit) -> Finding:
    """Return the unknown finding of a check whose input may not be used. INVARIANT: F1 G8"""
    note = f"{feed.name} {feed.why}"
    return Finding(reason, UNKNOWN, None, None, note, ONE, 0, feed.source, feed.arrival_age_ns, feed.value_age_ns)


def at_most(reason: Reason, observed: int, limit: int) -> Finding:
    """Fail when observed > limit; equal passes."""
    return Finding(reason, FAILED if observed > limit else PASSED, observed, limit)


def fewer(reason: Reason, count: int, count_max: int, note: str = "") -> Finding:
    """Fail when a count is >= its maximum; equal fails. Counts are fixed-point in a finding, like every number."""
    return Finding(reason, FAILED if count >= count_max else PASSED, count * ONE, count_max * ONE, note)


def read(reason: Reason, status: Status, limit: int, reading: Reading, asof_ns: Nanoseconds, note: str = "") -> Finding:
    """Return a finding about a reading's own value, with its source and both ages."""
    arrival_age_ns, value_age_ns = asof_ns - reading.received_ns, asof_ns - reading.observed_ns
    return Finding(reason, status, reading.value, limit, note, ONE, 0, reading.source, arrival_age_ns, value_age_ns)
