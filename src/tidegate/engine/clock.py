"""Clocks: the only place where the house learns what time it is. Tapes and scenarios bring their own virtual time, in their batches."""

from __future__ import annotations

import time
from typing import Protocol

from tidegate.units import Nanoseconds


class Clock(Protocol):
    """What tells a served engine the time."""

    def now_ns(self) -> Nanoseconds:
        """Return the engine's now; it may stand still."""
        ...

    def step_ns(self) -> Nanoseconds:
        """Return how far the clock has stepped since the last call."""
        ...


class RealClock:
    """The machine's clock, watched against its monotonic clock."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> Nanoseconds:
        """Return UTC now."""
        return time.time_ns()

    def step_ns(self) -> Nanoseconds:
        """Return how far the wall clock has stepped against the monotonic clock since the last call, and accept the new offset."""
        offset_ns = time.time_ns() - time.monotonic_ns()
        step_ns, self._offset_ns = offset_ns - self._offset_ns, offset_ns
        return step_ns


class Pacer:
    """Turns virtual time into waiting: `speed` virtual seconds pass per real second; 0 means as fast as possible."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._anchor: tuple[int, int] | None = None

    def wait_seconds(self, virtual_ns: Nanoseconds) -> float:
        """Return how long to wait before the batch of `virtual_ns` is due; never negative."""
        if self._speed <= 0:
            return 0.0
        if self._anchor is None:
            self._anchor = (virtual_ns, time.monotonic_ns())
        virtual_start, real_start = self._anchor
        due_ns = real_start + int((virtual_ns - virtual_start) / self._speed)
        return max(0.0, (due_ns - time.monotonic_ns()) / 1e9)

    def restart(self) -> None:
        """Forget the anchor, so that pacing begins again at the next batch (after fast-forwarding)."""
        self._anchor = None
