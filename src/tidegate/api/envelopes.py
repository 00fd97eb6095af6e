"""Recent envelopes: the same question of the same asker is worked out once per quarter of a second, unless something was recorded since.

In: who asks, and what for. Out: rows. Working one out costs what dozens of decisions cost, and nobody who asks in a loop may take that from others.
"""

from __future__ import annotations

import time
from collections import OrderedDict

from tidegate.engine.engine import Engine
from tidegate.engine.envelope import EnvelopeRow, envelope
from tidegate.model.intent import Principal

KEPT = 256
FRESH_S = 0.25
_Key = tuple[Principal, str | None, str | None]


class RecentEnvelopes:
    """The newest 256 answers."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, tuple[int, float, tuple[EnvelopeRow, ...]]] = OrderedDict()

    def rows(self, engine: Engine, principal: Principal, strategy: str | None, asset: str | None) -> tuple[EnvelopeRow, ...]:
        """Return the rows as they are, or were at most a quarter of a second ago with nothing recorded since."""
        key, seq, now_s = (principal, strategy, asset), engine.chronicle.next_seq, time.monotonic()
        known = self._kept.get(key)
        if known is not None and known[0] == seq and now_s - known[1] < FRESH_S:
            return known[2]
        rows = envelope(engine, principal, strategy, asset)
        self._kept[key] = (seq, now_s, rows)
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return rows
