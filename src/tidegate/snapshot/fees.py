"""Network fees and tips: a smoothed reading, and its 10-minute baseline.

In: observations of one channel of one asset (a p50 each). Out: the smoothed p50 and its ratio to the baseline. Source: SPEC §4, SOL fade.
"""

from __future__ import annotations

from collections import deque

from tidegate.model.observation import Observation
from tidegate.model.snapshot import Missing, Reading
from tidegate.snapshot.rolling import RollingMedian, median
from tidegate.units import HOUR_NS, MINUTE_NS, ONE, SECOND_NS, Nanoseconds

SMOOTHING_NS = 10 * SECOND_NS
BASELINE_NS = 10 * MINUTE_NS
REACH_NS = HOUR_NS
_SMOOTHED_MAX = 64


def received_at(reading: Observation, asof_ns: Nanoseconds) -> Nanoseconds:
    """Return when the reading was last delivered up to `asof_ns`: its receipt plus the whole polls of its virtual poller since."""
    if reading.poll_ns <= 0 or asof_ns <= reading.received_ns:
        return reading.received_ns
    return reading.received_ns + (asof_ns - reading.received_ns) // reading.poll_ns * reading.poll_ns


class FeeTracker:
    """A noisy p50 made readable.

    Smoothed: the median of the readings observed in the last 10 s up to the newest (at 2-5 s polls that is 2-5 of them; one alone stands
    for itself). Baseline: the median of the smoothed values of the last 10 minutes, one a second at most, never under `floor`; None until
    they span 5 minutes. Values older than an hour are forgotten.
    """

    __slots__ = ("_baseline", "_floor", "_recent", "latest", "smoothed")

    def __init__(self, floor: int) -> None:
        self._floor = floor
        self._recent: deque[tuple[Nanoseconds, int]] = deque(maxlen=_SMOOTHED_MAX)
        self._baseline = RollingMedian(REACH_NS)
        self.latest: Observation | None = None
        self.smoothed = 0

    def __len__(self) -> int:
        return len(self._recent) + len(self._baseline)

    def take(self, reading: Observation) -> None:
        """Take a reading that is not older than the last one; the same bucket delivered again only renews its receipt."""
        repeated = self.latest is not None and reading.observed_ns == self.latest.observed_ns
        self.latest = reading
        if repeated:
            return
        self._recent.append((reading.observed_ns, reading.value))
        oldest_ns = reading.observed_ns - SMOOTHING_NS
        while self._recent[0][0] <= oldest_ns:
            self._recent.popleft()
        self.smoothed = median([value for _, value in self._recent])
        self._baseline.add(reading.observed_ns, self.smoothed)

    def reading(self, asof_ns: Nanoseconds) -> Reading | Missing:
        """Return the smoothed p50."""
        if self.latest is None:
            return Missing("never received")
        return self._reading(self.latest, self.smoothed, asof_ns)

    def baseline(self, asof_ns: Nanoseconds, window_ns: Nanoseconds = BASELINE_NS) -> int | None:
        """Return the baseline of a window of at most an hour, floored; None while history spans under half of the window."""
        value = self._baseline.value(asof_ns, window_ns)
        return None if value is None else max(value, self._floor)

    def ratio(self, asof_ns: Nanoseconds) -> Reading | Missing:
        """Return smoothed over baseline, rounded up: it is compared with an upper bound."""
        if self.latest is None:
            return Missing("never received")
        baseline = self.baseline(asof_ns)
        if baseline is None:
            return Missing("under 5 min of history for the baseline")
        return self._reading(self.latest, -(-self.smoothed * ONE // baseline), asof_ns)

    def _reading(self, latest: Observation, value: int, asof_ns: Nanoseconds) -> Reading:
        return Reading(value, latest.source, latest.observed_ns, received_at(latest, asof_ns), latest.period_ns)
