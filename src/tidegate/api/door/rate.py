"""The rate limit: at most so many requests of one principal in any one second, judged before any work. INVARIANT: A5

In: who asks, and a clock that never steps. Out: zero, or how long to wait. Memory: the last N times of each principal, and a bounded number of
principals (tokens are at most 256, sessions 16, tokenless callers one). Exact: no window of one second holds more than N admitted requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

from tidegate.units import SECOND_NS, Nanoseconds

CALLERS_MAX = 1_024


class RateLimit:
    """Admitted requests by caller. A refused request costs the caller nothing further."""

    def __init__(self, requests_per_s_max: int, monotonic_ns: Callable[[], Nanoseconds]) -> None:
        self._most, self._monotonic_ns = requests_per_s_max, monotonic_ns
        self._admitted: dict[Hashable, deque[Nanoseconds]] = {}

    def wait_ns(self, caller: Hashable) -> Nanoseconds:
        """Return 0 and count the request, or return how long until one would be admitted."""
        now = self._monotonic_ns()
        times = self._admitted.get(caller)
        if times is None:
            times = self._new(caller, now)
        if len(times) == self._most:
            wait = times[0] + SECOND_NS - now
            if wait > 0:
                return wait
        times.append(now)  # the deque forgets its oldest when full
        return 0

    def _new(self, caller: Hashable, now: Nanoseconds) -> deque[Nanoseconds]:
        if len(self._admitted) >= CALLERS_MAX:
            self._admitted = {who: times for who, times in self._admitted.items() if times and now - times[-1] < SECOND_NS}
        times: deque[Nanoseconds] = deque(maxlen=self._most)
        self._admitted[caller] = times
        return times
