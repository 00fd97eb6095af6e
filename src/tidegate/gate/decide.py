"""The decision: the one pure function that is the product.

In: an intent, a snapshot, the session so far (without this intent), limits. Out: a Decision with every Finding; and, from an approved
Decision, the Approval that a venue asks for.
"""

from __future__ import annotations

from tidegate.gate.checks import CHECKS, ORDER_CHECKS, STOP_CHECKS, evaluate, first_rejecting
from tidegate.gate.sizing import Sized, order_of, size
from tidegate.model.decision import Approval, Decision, Verdict
from tidegate.model.finding import Finding, Reason
from tidegate.model.intent import Intent, Mode
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot

_APPROVED, _REJECTED = Verdict.APPROVED, Verdict.REJECTED


def decide(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Decision:
    """Judge one intent. Pure and total: the same four values give the same decision, for ever. INVARIANT: G4 G11"""
    findings = evaluate(CHECKS, intent, snapshot, session, limits)
    if primary := first_rejecting(findings):
        return _rejected(intent, snapshot, findings, primary)
    sized = size(intent, findings, limits)
    failures = _recheck(intent, sized, snapshot, session, limits)
    if primary := first_rejecting(failures):
        return _rejected(intent, snapshot, sized.findings + failures, primary)
    return _approved(intent, snapshot, sized, limits)


def approval_of(decision: Decision, mode: Mode) -> Approval:
    """Return the leave to place an approved decision's order, in one mode. Raises ValueError for a rejection. INVARIANT: G1 M3"""
    if decision.order is None or not decision.approved:
        raise ValueError(f"decision {decision.decision_id} is {decision.verdict}: only an approved one may be placed")
    return Approval(decision.decision_id, mode, decision.order)


def _recheck(
    intent: Intent, sized: Sized, snapshot: Snapshot, session: Session, limits: Limits
) -> list[Finding]:
    """Return what rejects the sized intent. Where nothing changed, the checks are pure and have already spoken. INVARIANT: G6

    A widened stop is judged at the requested notional as well: otherwise a cut made by a worse market could let it pass. INVARIANT: G7
    """
    findings: list[Finding] = []
    if sized.granted is not intent:
        findings += evaluate(ORDER_CHECKS, sized.granted, snapshot, session, limits)
    if sized.asked is not intent and not first_rejecting(findings):
        findings += evaluate(STOP_CHECKS, sized.asked, snapshot, session, limits)
    return [finding for finding in findings if finding.rejects]


def _approved(intent: Intent, snapshot: Snapshot, sized: Sized, limits: Limits) -> Decision:
    return Decision(
        intent.decision_id,
        intent.intent_id,
        snapshot.asof_ns,
        _APPROVED,
        None,
        tuple(sized.findings),
        sized.multiplier,
        sized.granted.notional_usd,
        order_of(sized.granted, snapshot, limits),
    )


def _rejected(intent: Intent, snapshot: Snapshot, findings: list[Finding], primary: Reason) -> Decision:
    return Decision(
        intent.decision_id, intent.intent_id, snapshot.asof_ns, _REJECTED, primary, tuple(findings), 0, 0, None
    )
