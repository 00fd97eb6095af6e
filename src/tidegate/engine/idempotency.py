"""Answered requests: the same key gets the same answer for ever, also after a restart; the same key with another body is refused.

In: proposals with a key, and the decisions they led to (or the recovered events of both). Out: the earlier decision, or KeyReused.
INVARIANT: S3
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec import structs

from tidegate.errors import InputError
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, Event, IntentReceived
from tidegate.model.intent import Proposal


class KeyReused(InputError):
    """An idempotency key came again with another body: a conflict, with no effect."""


class AnsweredRequests:
    """Keyed requests of this journal and their decisions, per principal."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[str, Decision]] = {}
        self._asked: IntentReceived | None = None
        self._unconfirmed: list[tuple[str, str]] = []

    def find(self, proposal: Proposal) -> Decision | None:
        """Return the decision already made for this key and body, or None. Raises KeyReused for another body."""
        if proposal.idempotency_key is None:
            return None
        known = self._answers.get((str(proposal.principal), proposal.idempotency_key))
        if known is None:
            return None
        if known[0] != request_hash(proposal):
            raise KeyReused("idempotency key", proposal.idempotency_key, "the body it was first sent with, or a new key")
        return known[1]

    def remember(self, proposal: Proposal, decision: Decision) -> None:
        """Keep the answer to a request that carries a key; it counts for good once it is confirmed."""
        if proposal.idempotency_key is not None:
            key = (str(proposal.principal), proposal.idempotency_key)
            self._answers[key] = (request_hash(proposal), decision)
            self._unconfirmed.append(key)

    def confirm(self) -> None:
        """Take note that every answer so far is durable."""
        self._unconfirmed.clear()

    def forget_unconfirmed(self) -> None:
        """Forget the answers that never became durable: they were never given. INVARIANT: J2"""
        for key in self._unconfirmed:
            self._answers.pop(key, None)
        self._unconfirmed.clear()

    def replay(self, event: Event) -> None:
        """Rebuild from one recovered event: an intent, then the decision about it."""
        if isinstance(event, IntentReceived):
            self._asked = event
        elif isinstance(event, DecisionMade) and self._asked is not None and self._asked.intent.idempotency_key is not None:
            intent = self._asked.intent
            self._answers[(str(intent.principal), str(intent.idempotency_key))] = (self._asked.request_hash, event.decision)


def request_hash(proposal: Proposal) -> str:
    """Return the SHA-256 of a request's canonical body, or nothing for a request without a key.

    A field that came later counts only where it is used: a key of an older journal must find its answer with the body of then.
    """
    if proposal.idempotency_key is None:
        return ""
    body = structs.asdict(proposal)
    if not proposal.exchanges:
        del body["exchanges"]
    return sha256(msgspec.json.encode(body)).hexdigest()
