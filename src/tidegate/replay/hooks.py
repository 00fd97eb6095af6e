"""What is done before each batch of a run: counting what the feed says, repeating acts, asking the probe's and the file's questions.

In: batches. Out: commands to the engine, in a fixed order; one call a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tidegate.engine.engine import Engine
from tidegate.model.observation import MarketEvent
from tidegate.units import Nanoseconds

Hook = Callable[[Engine, Nanoseconds], None]


class BatchHooks:
    """Set as `Run.before_batch`."""

    def __init__(self, engine: Engine, hooks: Sequence[Hook] = ()) -> None:
        self._engine = engine
        self._hooks = tuple(hooks)
        self.events = 0

    def __call__(self, now_ns: Nanoseconds, events: list[MarketEvent]) -> None:
        """Count one batch and let every hook act before the engine takes it."""
        self.events += len(events)
        for hook in self._hooks:
            hook(self._engine, now_ns)
