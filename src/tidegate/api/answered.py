"""Repeats: how long each keyed answer took, so that the same request again is answered with the same bytes. INVARIANT: S3

In: decisions about keyed requests. Out: whether one is a repeat. The decision itself comes from the journal's memory, behind the desk.
"""

from __future__ import annotations

from collections import OrderedDict

from tidegate.model.decision import Decision
from tidegate.units import Nanoseconds

KEPT = 10_000


class Answered:
    """The newest 10,000 keyed decisions that this process answered."""

    def __init__(self) -> None:
        self._took_s: OrderedDict[str, float] = OrderedDict()

    def repeat(self, decision: Decision, asked_ns: Nanoseconds, took_s: float) -> float | None:
        """Return how long the first answer took if this decision was answered before (0 by another process or long ago), else None.

        `asked_ns` is the engine's time when the request came in: a decision older than that was not made for it.
        """
        first_s = self._took_s.get(decision.decision_id)
        if first_s is not None:
            return first_s
        if decision.asof_ns < asked_ns:
            return 0.0
        self._took_s[decision.decision_id] = took_s
        if len(self._took_s) > KEPT:
            self._took_s.popitem(last=False)
        return None
