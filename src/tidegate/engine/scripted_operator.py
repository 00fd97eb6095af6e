"""The scripted operator of replays and scenarios: reviews losses and lifts halts by a stated policy, journaled like a human's.

In: `none`, `daily@HH:MM` or `immediate`, and the engine after each batch. Out: ReviewDone and HaltLifted by `scripted operator`.
It lifts what trading itself latched (drawdown, losses, health factor) and nothing else: what a human pressed, a broken journal, an unexplained
venue and the self-lifting halts are left alone. Source: SPEC §3.
"""

from __future__ import annotations

import re

import msgspec

from tidegate.engine.engine import Engine
from tidegate.errors import InputError
from tidegate.model.finding import Reason
from tidegate.units import DAY_NS, MINUTE_NS, Nanoseconds

NAME = "scripted operator"
LIFTS = (Reason.L4_SESSION_DRAWDOWN, Reason.L4_LOSSES, Reason.L4_HEALTH_FACTOR_CRITICAL)
NEVER_NS: Nanoseconds = 2**62
_DAILY = re.compile(r"daily@([01]\d|2[0-3]):([0-5]\d)")


class ReviewPolicy(msgspec.Struct, frozen=True):
    """When the scripted operator acts: never, at once, or once a UTC day at `minute_of_day`."""

    text: str
    immediate: bool = False
    minute_of_day: int = -1


def parse_policy(text: str) -> ReviewPolicy:
    """Parse `none`, `immediate` or `daily@HH:MM`. Raises InputError."""
    if text == "none":
        return ReviewPolicy(text)
    if text == "immediate":
        return ReviewPolicy(text, immediate=True)
    found = _DAILY.fullmatch(text)
    if found is None:
        raise InputError("review policy", text, "none, immediate, or daily@HH:MM in UTC such as daily@00:00")
    return ReviewPolicy(text, minute_of_day=int(found[1]) * 60 + int(found[2]))


class ScriptedOperator:
    """Acts after each batch when its policy says so."""

    def __init__(self, policy: ReviewPolicy) -> None:
        self._policy = policy
        self.due_ns: Nanoseconds = 0

    def after_batch(self, engine: Engine) -> None:
        """Review and lift what is pending; to be called from `due_ns` on. A daily policy first acts at its first time after the start."""
        if self._policy.immediate:
            self._act(engine)
        elif self._policy.minute_of_day < 0:
            self.due_ns = NEVER_NS
        elif engine.now_ns >= self.due_ns:
            if self.due_ns:
                self._act(engine)
            self.due_ns = self._next_due_ns(engine.now_ns)

    def _act(self, engine: Engine) -> None:
        session = engine.session
        acted = False
        if session.loss_streak >= engine.limits.loss_streak_max:
            engine.review(NAME, f"policy {self._policy.text}")
            acted = True
        if not session.flattening:
            for cause in dict.fromkeys(halt.cause for halt in session.halts.values() if halt.cause in LIFTS):
                engine.lift(cause, NAME, f"policy {self._policy.text}")
                acted = True
        if acted:
            engine.flush()

    def _next_due_ns(self, now_ns: Nanoseconds) -> Nanoseconds:
        due_ns = now_ns // DAY_NS * DAY_NS + self._policy.minute_of_day * MINUTE_NS
        return due_ns if due_ns > now_ns else due_ns + DAY_NS
