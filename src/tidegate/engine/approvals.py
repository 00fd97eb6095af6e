"""Durable approvals: the last-inch question of a venue, "is this decision in the journal, and unused?", answered from the journal's own seq.

In: DecisionMade and OrderIntended events as they are recorded. Out: yes or no for one decision id. INVARIANT: X1
"""

from __future__ import annotations

from tidegate.journal.port import Journal
from tidegate.journal.record import Record
from tidegate.model.event import DecisionMade, Event, OrderChanged, PairClosed
from tidegate.model.order import OrderRole, OrderState


class DurableApprovals:
    """Approved decisions that have not reached a terminal entry order yet; two-leg ones until their pair is over."""

    def __init__(self, journal: Journal, waits_for_disk: bool) -> None:
        self._journal = journal
        self._waits_for_disk = waits_for_disk
        self._seqs: dict[str, int] = {}
        self._pairs: dict[str, int] = {}

    def note(self, record: Record, event: Event) -> None:
        """Follow one recorded event (a chronicle listener)."""
        if isinstance(event, DecisionMade) and event.decision.approved:
            two_legs = event.decision.order is not None and event.decision.order.legs
            (self._pairs if two_legs else self._seqs)[event.decision.decision_id] = record.seq
        elif isinstance(event, PairClosed):
            self._pairs.pop(event.trade_id, None)
        elif isinstance(event, OrderChanged) and event.role is OrderRole.ENTRY and event.state in _OVER:
            self._seqs.pop(event.decision_id, None)

    def known(self, decision_id: str) -> bool:
        """Say whether the decision is APPROVED and durable (for replays, which batch their commits: recorded)."""
        seq = self._seqs.get(decision_id) or self._pairs.get(decision_id)
        return seq is not None and not self._journal.faulted and (not self._waits_for_disk or seq <= self._journal.durable_seq)


_OVER = (OrderState.FILLED, OrderState.CANCELED, OrderState.REFUSED)
