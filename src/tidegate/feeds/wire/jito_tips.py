"""Jito tip floor and tip stream: the p50 of landed tips in SOL. Source: apis.md section 9.

Both send a one-element array of JSON numbers, read from their text and rounded down to 10 lamports. Age is measured from `time`.
"""

from __future__ import annotations

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import Raw, Row, decoded, floored, observed, row, some_rows, time_iso
from tidegate.feeds.wire.outcome import Refused, never_raises, shown
from tidegate.feeds.wire.parsed import Answer
from tidegate.model.observation import Channel, Observation
from tidegate.units import ONE, SECOND_NS, Nanoseconds

PATH = "/api/v1/bundles/tip_floor"
STREAM_PATH = "/api/v1/bundles/tip_stream"
_PERCENTILES = tuple(f"landed_tips_{place}th_percentile" for place in (25, 50, 75, 95, 99))
_TIP_SOL_MAX = 100 * ONE
_PUBLISHED_NS = 10 * SECOND_NS


@never_raises
def tip_floor(raw: Raw, received_ns: Nanoseconds) -> Answer:
    """Read the newest element. Percentiles that do not rise, a p50 of 0, and tips over 100 SOL (lamports sent as SOL) are garbage."""
    answer = decoded(raw)
    if isinstance(answer, dict):
        return Refused(f"jito: {shown(answer)}")
    newest = row(some_rows(answer, "tips")[-1], "tips")
    at_ns = observed(time_iso(newest.get("time"), "time"), received_ns, "time")
    p50 = _p50(newest)
    return (Observation(Channel.TIP, "SOL", "jito", p50, "jito:tip_floor:p50", at_ns, received_ns, _PUBLISHED_NS),)


def _p50(source: Row) -> int:
    tips = [floored(source.get(name), name) for name in _PERCENTILES]
    if tips != sorted(tips):
        raise InputError("landed_tips", tips, "percentiles that rise")
    if tips[0] < 0 or tips[1] <= 0 or tips[-1] > _TIP_SOL_MAX:
        raise InputError("landed_tips", tips, "tips in SOL, the p50 > 0, none over 100")
    return tips[1]
