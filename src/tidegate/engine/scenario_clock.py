"""Served time: when each batch of a scenario is due, and what the engine's clock says meanwhile.

In: a scenario's batches. Out: the same batches with the times at which the engine is to take them, and a clock. An endless scenario plays today, in
real time: its events are shifted to the machine's clock. One with an end plays at its own dates; its clock never passes a batch that was not
taken, so that a slow machine makes virtual time slow instead of making feeds stale.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, assert_never

from msgspec.structs import replace

from tidegate.engine.clock import Clock, RealClock
from tidegate.model.observation import Bar, Book, Liquidation, MarketEvent, Observation, TradePrint
from tidegate.units import SECOND_NS, Nanoseconds

LAG_NS_MAX: Nanoseconds = 2 * SECOND_NS
_SLICE_S = 0.5
_log = logging.getLogger("tidegate.host")


class Timetable(Protocol):
    """When batches are due."""

    @property
    def clock(self) -> Clock:
        """Return the clock that the engine lives by."""
        ...

    def place(self, scenario_ns: Nanoseconds, events: Sequence[MarketEvent]) -> tuple[Nanoseconds, Sequence[MarketEvent]]:
        """Return when the next batch is due on the engine's clock, and its events with their times moved there."""
        ...

    async def wait(self, due_ns: Nanoseconds) -> None:
        """Wait until a placed batch is due."""
        ...

    def end(self) -> None:
        """Take note that there is no further batch: time goes on without news."""
        ...


class RealTimetable:
    """An endless scenario played today. Falling behind by more than two seconds (a suspended laptop) moves the rest of it forward.

    A machine's clock that was set back does not take engine and market along: they go on, a second a second, until it has caught up with them.
    """

    def __init__(
        self, scenario_start_ns: Nanoseconds, clock: Clock | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.clock = clock if clock is not None else RealClock()
        self._sleep = sleep
        self._last_due_ns: Nanoseconds | None = None
        self.moved_forward = 0
        self._shift_ns = _whole_second(self.clock.now_ns()) - scenario_start_ns

    def place(self, scenario_ns: Nanoseconds, events: Sequence[MarketEvent]) -> tuple[Nanoseconds, Sequence[MarketEvent]]:
        """Shift a batch to today."""
        now_ns = self.clock.now_ns()
        if now_ns - (scenario_ns + self._shift_ns) > LAG_NS_MAX:
            behind_s = (now_ns - scenario_ns - self._shift_ns) / SECOND_NS
            self._shift_ns = _whole_second(now_ns) - scenario_ns
            self.moved_forward += 1
            _log.warning("the market was %.1f s behind (the machine slept or was too busy): it goes on from now", behind_s)
        return scenario_ns + self._shift_ns, [shifted(event, self._shift_ns) for event in events]

    async def wait(self, due_ns: Nanoseconds) -> None:
        """Wait for the machine's clock; where it was set back by more than the lag, as long as lies between the last batch and this one.

        Set back while this waits, the batch is due at once. INVARIANT: O8
        """
        last_ns, self._last_due_ns = self._last_due_ns, due_ns
        if last_ns is not None and due_ns - self.clock.now_ns() > LAG_NS_MAX:
            await self._sleep(min(max(0, due_ns - last_ns), LAG_NS_MAX) / SECOND_NS)
        while 0 < (left_ns := due_ns - self.clock.now_ns()) <= LAG_NS_MAX:
            await self._sleep(min(left_ns / SECOND_NS, _SLICE_S))

    def end(self) -> None:
        """Do nothing: the machine's clock goes on anyway."""


class ScenarioTimetable:
    """A scenario played at its own dates, `speed` (> 0) virtual seconds a second."""

    def __init__(self, start_ns: Nanoseconds, speed: float) -> None:
        self.clock = ScenarioClock(start_ns, speed)

    def place(self, scenario_ns: Nanoseconds, events: Sequence[MarketEvent]) -> tuple[Nanoseconds, Sequence[MarketEvent]]:
        """Leave a batch where it is, and let the clock come up to it."""
        self.clock.expect(scenario_ns)
        return scenario_ns, events

    async def wait(self, due_ns: Nanoseconds) -> None:
        """Wait until virtual time has come."""
        while (left_s := self.clock.left_s(due_ns)) > 0:
            await asyncio.sleep(min(left_s, _SLICE_S))

    def end(self) -> None:
        """Let virtual time run on."""
        self.clock.expect(None)


class ScenarioClock:
    """Virtual time: it runs `speed` times as fast as the machine's monotonic clock, and stands at a batch that is not taken yet."""

    def __init__(self, start_ns: Nanoseconds, speed: float, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._speed, self._monotonic_ns = speed, monotonic_ns
        self._virtual_ns, self._real_ns = start_ns, monotonic_ns()
        self._batch_ns: Nanoseconds | None = start_ns

    def now_ns(self) -> Nanoseconds:
        """Return virtual now."""
        free_ns = self._free_ns()
        return free_ns if self._batch_ns is None else min(free_ns, self._batch_ns)

    def step_ns(self) -> Nanoseconds:
        """Return 0: virtual time is counted on the monotonic clock, which does not step."""
        return 0

    def expect(self, batch_ns: Nanoseconds | None) -> None:
        """Name the next batch (None: there is none). Virtual time that ran ahead of it by more than two real seconds is given up."""
        self._batch_ns = batch_ns
        if batch_ns is not None and self._free_ns() - batch_ns > LAG_NS_MAX * self._speed:
            self._virtual_ns, self._real_ns = batch_ns, self._monotonic_ns()

    def left_s(self, batch_ns: Nanoseconds) -> float:
        """Return the real seconds until a batch is due."""
        return (batch_ns - self._free_ns()) / self._speed / SECOND_NS

    def _free_ns(self) -> Nanoseconds:
        return self._virtual_ns + int((self._monotonic_ns() - self._real_ns) * self._speed)


def shifted(event: MarketEvent, by_ns: Nanoseconds) -> MarketEvent:
    """Return an event with all its times moved by `by_ns`."""
    match event:
        case Bar():
            return replace(event, start_ns=event.start_ns + by_ns, end_ns=event.end_ns + by_ns)
        case Observation() | Book() | TradePrint() | Liquidation():
            return replace(event, observed_ns=event.observed_ns + by_ns, received_ns=event.received_ns + by_ns)
        case _:
            assert_never(event)


def _whole_second(now_ns: Nanoseconds) -> Nanoseconds:
    return now_ns // SECOND_NS * SECOND_NS
