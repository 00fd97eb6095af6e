"""Rolling measures with bounded memory: medians of samples, and extremes of a sliding window.

In: timed numbers in time order. Out: the median over a window, the lowest and highest bucket. Nothing here knows what the numbers mean.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import islice

from tidegate.units import SECOND_NS, Nanoseconds

FAR = 1 << 200


def median(values: list[int]) -> int:
    """Return the median of at least one value; of an even count the mean of the middle two, rounded down."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


class RollingMedian:
    """The median of samples over a window, one sample a second at most, so memory is bounded by `reach_ns`, the longest window.

    A second sample within a second of the last kept one is dropped. Known only once the samples inside the window span at least half of it.
    """

    __slots__ = ("_cached", "_cached_key", "_reach_ns", "_samples")

    def __init__(self, reach_ns: Nanoseconds) -> None:
        self._reach_ns = reach_ns
        self._samples: deque[tuple[Nanoseconds, int]] = deque(maxlen=reach_ns // SECOND_NS + 1)
        self._cached_key: tuple[int, int, int] = (0, 0, -1)
        self._cached: int | None = None

    def __len__(self) -> int:
        return len(self._samples)

    def wants(self, ts_ns: Nanoseconds) -> bool:
        """Say whether a sample at `ts_ns` would be kept."""
        return not self._samples or ts_ns - self._samples[-1][0] >= SECOND_NS

    def add(self, ts_ns: Nanoseconds, value: int) -> None:
        """Keep a sample, unless the last one is under a second old."""
        if not self.wants(ts_ns):
            return
        self._samples.append((ts_ns, value))
        oldest_ns = ts_ns - self._reach_ns
        while self._samples[0][0] < oldest_ns:
            self._samples.popleft()

    def value(self, asof_ns: Nanoseconds, window_ns: Nanoseconds) -> int | None:
        """Return the median over `[asof - window, asof]`, or None while its samples span under half of it or it exceeds the reach."""
        samples = self._samples
        if not samples or window_ns > self._reach_ns:
            return None
        since_ns = asof_ns - window_ns
        skipped = bisect_left(samples, (since_ns, -FAR)) if samples[0][0] < since_ns else 0
        key = (samples[-1][0], window_ns, skipped)
        if key != self._cached_key:
            self._cached_key, self._cached = key, self._measure(skipped, window_ns)
        return self._cached

    def _measure(self, skipped: int, window_ns: Nanoseconds) -> int | None:
        kept = list(islice(self._samples, skipped, None))
        if not kept or (kept[-1][0] - kept[0][0]) * 2 < window_ns:
            return None
        return median([value for _, value in kept])

    def before(self, ts_ns: Nanoseconds, reach_ns: Nanoseconds) -> int | None:
        """Return the newest sample taken at or before `ts_ns`, if it is at most `reach_ns` older; else None."""
        for at_ns, value in reversed(self._samples):
            if at_ns <= ts_ns:
                return value if ts_ns - at_ns <= reach_ns else None
        return None


class SlidingExtremes:
    """Lowest low and highest high of the buckets that ended in a window which itself lags: `[now - reach, now - lag]`.

    Buckets wait in a queue until they are older than the lag, then enter two monotonic queues: constant work a bucket.
    """

    __slots__ = ("_highs", "_lag_ns", "_lows", "_reach_ns", "_waiting", "since_ns")

    def __init__(self, reach_ns: Nanoseconds, lag_ns: Nanoseconds) -> None:
        self._reach_ns, self._lag_ns = reach_ns, lag_ns
        self._waiting: deque[tuple[Nanoseconds, Nanoseconds, int, int]] = deque()
        self._lows: deque[tuple[Nanoseconds, int]] = deque()
        self._highs: deque[tuple[Nanoseconds, int]] = deque()
        self.since_ns: Nanoseconds = 0

    def __len__(self) -> int:
        return len(self._waiting) + max(len(self._lows), len(self._highs))

    def add(self, start_ns: Nanoseconds, end_ns: Nanoseconds, low: int, high: int) -> None:
        """Take one closed bucket; `end_ns` becomes the present."""
        self.since_ns = self.since_ns or start_ns
        self._waiting.append((start_ns, end_ns, low, high))
        ripe_ns, oldest_ns = end_ns - self._lag_ns, end_ns - self._reach_ns
        while self._waiting and self._waiting[0][1] <= ripe_ns:
            begun_ns, _, ripe_low, ripe_high = self._waiting.popleft()
            while self._lows and self._lows[-1][1] >= ripe_low:
                self._lows.pop()
            self._lows.append((begun_ns, ripe_low))
            while self._highs and self._highs[-1][1] <= ripe_high:
                self._highs.pop()
            self._highs.append((begun_ns, ripe_high))
        while self._lows and self._lows[0][0] < oldest_ns:
            self._lows.popleft()
        while self._highs and self._highs[0][0] < oldest_ns:
            self._highs.popleft()

    def extremes(self, now_ns: Nanoseconds) -> tuple[int, int] | None:
        """Return (lowest, highest), or None while history does not reach back the whole window."""
        if not self._lows or not self.since_ns or now_ns - self.since_ns < self._reach_ns:
            return None
        return self._lows[0][1], self._highs[0][1]
