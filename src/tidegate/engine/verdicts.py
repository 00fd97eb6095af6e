"""The last verdicts of a run, as people read them.

In: recorded intents and decisions (a chronicle listener). Out: the newest few as `VerdictLine`s. Bounded memory.
"""

from __future__ import annotations

from collections import deque

from tidegate.engine.session_view import VerdictLine
from tidegate.gate.reasons import sentence
from tidegate.journal.record import Record
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, Event, IntentReceived
from tidegate.model.finding import Status
from tidegate.model.intent import Intent

KEPT = 32


class RecentVerdicts:
    """Remembers the newest verdicts."""

    def __init__(self) -> None:
        self._asked: Intent | None = None
        self._kept: deque[tuple[DecisionMade, Intent | None]] = deque(maxlen=KEPT)

    def note(self, record: Record, event: Event) -> None:
        """Follow one recorded event."""
        if type(event) is IntentReceived:
            self._asked = event.intent
        elif type(event) is DecisionMade:
            self._kept.append((event, self._asked))

    def newest_first(self) -> tuple[VerdictLine, ...]:
        """Return what is remembered, rendered now: most verdicts are forgotten before anybody looks."""
        return tuple(verdict_line(event, intent) for event, intent in reversed(self._kept))


def verdict_line(event: DecisionMade, intent: Intent | None) -> VerdictLine:
    """Return one decision in words; `intent` is the one just received, if it belongs to it."""
    decision = event.decision
    own = intent if intent is not None and intent.intent_id == decision.intent_id else None
    asked_usd = own.notional_usd if own is not None else 0
    return VerdictLine(
        ts_ns=event.ts_ns,
        decision_id=decision.decision_id,
        principal=str(event.principal),
        strategy=event.strategy,
        asset=event.snapshot.view.asset,
        side=own.side if own is not None else None,
        approved=decision.approved,
        primary=str(decision.primary) if decision.primary is not None else "",
        notional_usd=decision.order.notional_usd if decision.order is not None else asked_usd,
        sentence=why(decision),
        is_pair=own is not None and own.is_pair,
    )


def why(decision: Decision) -> str:
    """Return the sentence of the primary reason; for an approval that of the first cut or warning, if any."""
    for finding in decision.findings:
        if decision.primary is not None and finding.reason is decision.primary and finding.rejects:
            return sentence(finding)
    if decision.approved:
        for finding in decision.findings:
            if finding.status in (Status.ADJUSTED, Status.WARNED):
                return sentence(finding)
    return ""
