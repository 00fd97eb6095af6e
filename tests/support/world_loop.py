"""An event loop without time and I/O in which a test chooses the ready step that runs next, and an explorer that tries the choices.

In: a scenario (a coroutine function) and a chooser. Out: the scenario played in one order of steps; by the explorer, in every order once, depth
first, until a budget is used up. asyncio promises no order among tasks that wait for different things; code that needs one is wrong, and this
finds it.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from typing import Any


class ChoosingLoop(asyncio.BaseEventLoop):
    """Runs one ready step at a time: the one that `choose(count)` names."""

    def __init__(self, choose: Callable[[int], int]) -> None:
        super().__init__()
        self._choose = choose
        self.steps = 0

    def time(self) -> float:
        """Return 0: time stands still."""
        return 0.0

    def _process_events(self, event_list: Any) -> None:
        return None

    def _write_to_self(self) -> None:
        return None

    def _run_once(self) -> None:
        while self._scheduled:  # type: ignore[attr-defined]
            self._ready.append(heapq.heappop(self._scheduled))  # type: ignore[attr-defined]
        ready = self._ready  # type: ignore[attr-defined]
        assert ready, "every task waits for something that nobody will do: a deadlock"
        place = self._choose(len(ready)) if len(ready) > 1 else 0
        ready.rotate(-place)
        handle = ready.popleft()
        ready.rotate(place)
        self.steps += 1
        if not handle._cancelled:
            handle._run()


class Explorer:
    """Enumerates choice sequences depth first, like an odometer that learns its digits as it turns."""

    def __init__(self) -> None:
        self._path: list[list[int]] = []
        self._depth = 0
        self.orders = 0
        self.complete = False

    def choose(self, count: int) -> int:
        """Return the next choice of the order being tried."""
        if self._depth == len(self._path):
            self._path.append([0, count])
        choice, known = self._path[self._depth]
        assert known == count, "the scenario is not deterministic"
        self._depth += 1
        return choice

    def run(self, scenario: Callable[[], Coroutine[Any, Any, None]], orders_max: int) -> None:
        """Try every order, or the first `orders_max` of them."""
        while not self.complete and self.orders < orders_max:
            self._depth = 0
            play(scenario, self.choose)
            self.orders += 1
            while self._path and self._path[-1][0] + 1 >= self._path[-1][1]:
                self._path.pop()
            self.complete = not self._path
            if self._path:
                self._path[-1][0] += 1


def play(scenario: Callable[[], Coroutine[Any, Any, None]], choose: Callable[[int], int]) -> int:
    """Run one scenario in one order; return how many steps it took."""
    loop = ChoosingLoop(choose)
    try:
        loop.run_until_complete(scenario())
        return loop.steps
    finally:
        loop.close()
