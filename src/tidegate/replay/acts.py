"""What the operator did in an unfinished session, done again at the same virtual instants while it is derived again.

In: the records of an interrupted journal. Out: the same commands to the engine, between the same batches. Without this a session in which
somebody pressed halt could not be continued: its world is deterministic, its operator is not. INVARIANT: S5 J5
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import msgspec

from tidegate.engine.engine import Engine
from tidegate.engine.scripted_operator import NAME as SCRIPTED
from tidegate.model.event import Event, FlattenStarted, HaltLatched, HaltLifted, ReviewDone
from tidegate.model.finding import Reason
from tidegate.replay.recompute import events_of
from tidegate.units import Nanoseconds

_MACHINES = (SCRIPTED, "system", "kill switch")


class Act(msgspec.Struct, frozen=True):
    """One recorded command of a human: `seq` and `ts_ns` of its first record."""

    seq: int
    ts_ns: Nanoseconds
    event: Event


def acts_of(path: Path) -> tuple[Act, ...]:
    """Return what humans did in a journal, in order; the halt that a flatten latches belongs to the flatten."""
    found: list[Act] = []
    for seq, event in events_of(path):
        if not _is_human(event):
            continue
        last = found[-1].event if found else None
        if (
            isinstance(event, FlattenStarted)
            and isinstance(last, HaltLatched)
            and last.halt.flattens
            and last.ts_ns == event.ts_ns
        ):
            found[-1] = Act(found[-1].seq, event.ts_ns, event)
        elif not _same_lift(last, event):
            found.append(Act(seq, event.ts_ns, event))
    return tuple(found)


def _is_human(event: Event) -> bool:
    match event:
        case HaltLatched(_, halt):
            return halt.cause is Reason.L4_OPERATOR
        case HaltLifted() | ReviewDone() | FlattenStarted():
            return event.by not in _MACHINES
        case _:
            return False


def _same_lift(last: Event | None, event: Event) -> bool:
    """Say whether a record is another key of the lift before it: one command lifts every halt of its cause."""
    if not isinstance(last, HaltLifted) or not isinstance(event, HaltLifted):
        return False
    return (last.ts_ns, last.cause, last.by, last.reason) == (event.ts_ns, event.cause, event.by, event.reason)


class RepeatedActs:
    """Repeats recorded acts: a hook before every batch of the derived run (see `hooks`)."""

    def __init__(self, acts: tuple[Act, ...]) -> None:
        self._left = deque(acts)

    def before_batch(self, engine: Engine, now_ns: Nanoseconds) -> None:
        """Do again what was done between the engine's last batch and this one."""
        while self._left and self._left[0].ts_ns == engine.now_ns and self._left[0].seq == engine.chronicle.next_seq:
            self._repeat_burst(engine)

    def _repeat_burst(self, engine: Engine) -> None:
        """Do the acts of one instant that follow each other without a record between: their effects left after the last of them."""
        while self._left and self._left[0].ts_ns == engine.now_ns and self._left[0].seq == engine.chronicle.next_seq:
            _repeat(engine, self._left.popleft().event)
        engine.flush()


def _repeat(engine: Engine, event: Event) -> None:
    match event:
        case HaltLatched(_, halt):
            by, _, reason = halt.detail.partition(": ")
            engine.halt(by, reason)
        case HaltLifted():
            engine.lift(event.cause, event.by, event.reason)
        case ReviewDone():
            engine.review(event.by, event.reason)
        case FlattenStarted():
            engine.flatten(event.by, event.reason)
        case _:
            raise AssertionError(f"not an act: {event}")
