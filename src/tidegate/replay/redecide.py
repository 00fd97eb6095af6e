"""One decision made again from the journal: the session folded up to it, the recorded snapshot, the recorded limits. INVARIANT: R2

In: a journal and a decision id (or the beginning of one). Out: what was asked, known, decided, decided again, and what became of it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidegate.engine.chronicle import decode
from tidegate.errors import InputError
from tidegate.gate.decide import decide
from tidegate.journal.store_sqlite import read_records
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, Event, Filled, IntentReceived, OrderChanged, PairClosed, RunStarted
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.replay.recompute import beginning, events_of
from tidegate.session.fold import fold

_ENCODER = msgspec.json.Encoder(order="deterministic")
_NAMED_MAX = 8


class Redecision(msgspec.Struct, frozen=True):
    """A recorded decision beside the one made again.

    `session` is the session before the intent; `outcome` holds (session before, event) of its fills and orders.
    """

    seq: int
    intent: Intent
    recorded: DecisionMade
    again: Decision
    session: Session
    limits: Limits
    outcome: tuple[tuple[Session, Event], ...]

    @property
    def equal(self) -> bool:
        """Say whether both decisions are the same, byte for byte."""
        return _ENCODER.encode(self.recorded.decision) == _ENCODER.encode(self.again)

    def differences(self) -> tuple[str, ...]:
        """Return what differs, field by field; findings are compared one by one."""
        first, second = msgspec.to_builtins(self.recorded.decision), msgspec.to_builtins(self.again)
        lines = [
            f"{name}: {first[name]} recorded, {second[name]} now"
            for name in first
            if name != "findings" and first[name] != second[name]
        ]
        old, new = self.recorded.decision.findings, self.again.findings
        for place in range(max(len(old), len(new))):
            was, now = (found[place] if place < len(found) else None for found in (old, new))
            if was != now:
                lines.append(f"finding {place + 1}: {was} recorded, {now} now")
        return tuple(lines)


class _Walk:
    """The journal so far: the session, and the decision wanted once it was met."""

    def __init__(self, limits: Limits, session: Session) -> None:
        self.limits, self.session = limits, session
        self.asked: tuple[Intent, Session] | None = None
        self.found: list[tuple[int, Intent, DecisionMade, Session, Limits]] = []
        self.outcome: list[tuple[Session, Event]] = []
        self.last_ids: list[str] = []

    def see(self, seq: int, event: Event, wanted: str) -> None:
        """Take one event."""
        before = self.session
        if isinstance(event, RunStarted):
            self.limits = event.limits
        elif isinstance(event, IntentReceived):
            self.asked = (event.intent, before)
        elif isinstance(event, DecisionMade) and self.asked is not None:
            self.last_ids.append(event.decision.decision_id)
            if event.decision.decision_id.startswith(wanted):
                self.found.append((seq, self.asked[0], event, self.asked[1], self.limits))
        elif self.found and _concerns(event, self.found[0][2].decision.decision_id):
            self.outcome.append((before, event))
        self.session = fold(before, event)


def redecide(path: Path, wanted: str) -> Redecision:
    """Find a decision by its id (or an unmistakable beginning of it) and decide again. Raises InputError naming the last ids."""
    start, session = beginning(path)
    walk = _Walk(start.limits, session)
    for seq, event in events_of(path):
        walk.see(seq, event, wanted)
    exact = [found for found in walk.found if found[2].decision.decision_id == wanted]
    candidates = exact or walk.found
    if len(candidates) != 1:
        ids = [found[2].decision.decision_id for found in walk.found] or walk.last_ids
        named = ", ".join(ids[-_NAMED_MAX:]) or "none: nobody asked anything"
        allowed = "one of these" if candidates else "a decision in it, the last ones being"
        raise InputError(f"decision id in {path}", wanted, f"{allowed} {named}")
    seq, intent, recorded, before, limits = candidates[0]
    again = decide(intent, recorded.snapshot, before, limits)
    return Redecision(seq, intent, recorded, again, before, limits, tuple(walk.outcome))


def last_decision_id(path: Path) -> str:
    """Return the id of the last decision of a journal. Raises InputError when there is none."""
    last = ""
    for record in read_records(path, kinds=(DecisionMade.__name__,)):
        event = decode(record)
        last = event.decision.decision_id if isinstance(event, DecisionMade) else last
    if not last:
        raise InputError("journal", str(path), "one with at least one decision")
    return last


def _concerns(event: Event, decision_id: str) -> bool:
    if isinstance(event, Filled):
        return event.fill.decision_id == decision_id
    if isinstance(event, PairClosed):
        return event.trade_id == decision_id
    return isinstance(event, OrderChanged) and event.decision_id == decision_id and bool(event.detail)
