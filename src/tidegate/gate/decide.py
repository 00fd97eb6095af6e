"""The decision: the one pure function that is the product.

In: an intent, a snapshot, the session so far (without this intent), limits. Out: a Decision with every Finding; and, from an approved
Decision, the Approval that a venue asks for.
"""

from __future__ import annotations

from tidegate.gate.checks import CHECKS, ORDER_CHECKS, STOP_CHECKS, Judgement, evaluate, restated
from tidegate.gate.pair_checks import PAIR_CHECKS, PAIR_ORDER_CHECKS, PAIR_STOP_CHECKS
from tidegate.gate.pair_sight import sight_of_pair
from tidegate.gate.pair_sizing import order_of_pair
from tidegate.gate.sight import Sight, sight_of
from tidegate.gate.sizing import cut, order_of, reduced, widened
from tidegate.model.decision import Approval, Decision, Verdict
from tidegate.model.intent import Intent, Mode
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot
from tidegate.units import ONE

_APPROVED, _REJECTED = Verdict.APPROVED, Verdict.REJECTED


def decide(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Decision:
    """Judge one intent. Pure and total: the same four values give the same decision, for ever. INVARIANT: G4

    Every check; then the stop again where a guard widened it; then the order again where it is not what was asked. INVARIANT: G6
    A two-leg intent has its own rows of the same tables.
    """
    if intent.hedge_instrument_id:
        sight, checks = sight_of_pair(intent, snapshot, session, limits), PAIR_CHECKS
        stop_checks, order_checks = PAIR_STOP_CHECKS, PAIR_ORDER_CHECKS
    else:
        sight, checks = sight_of(intent, snapshot, session, limits), CHECKS
        stop_checks, order_checks = STOP_CHECKS, ORDER_CHECKS
    judged = evaluate(checks, intent, sight, session, limits)
    if not judged.decisive:
        return _approved(intent, sight, limits, judged)
    if judged.primary is not None:
        return _rejected(intent, sight, judged)
    asked = widened(intent, judged.decisive)
    if asked is not intent:
        judged = restated(judged, evaluate(stop_checks, asked, sight, session, limits))
        if judged.primary is not None:
            return _rejected(intent, sight, judged)
    granted = reduced(asked, judged.decisive)
    if granted is not intent:
        again = evaluate(order_checks, granted, sight, session, limits)
        if again.primary is not None:
            return _rejected(intent, sight, restated(judged, again))
    return _approved(granted, sight, limits, judged)


def approval_of(decision: Decision, mode: Mode) -> Approval:
    """Return the leave to place an approved decision's order, in the mode it was made in. INVARIANT: G1 M3

    The mode is the first letter of the id after its `D`. Raises ValueError for a rejection and for a decision of another mode.
    """
    if decision.order is None or not decision.approved:
        raise ValueError(f"decision {decision.decision_id} is {decision.verdict}: only an approved one may be placed")
    if not decision.decision_id.startswith("D" + mode.letter):
        raise ValueError(
            f"decision {decision.decision_id} was not made in mode {mode}: ids of that mode start with D{mode.letter}"
        )
    return Approval(decision.decision_id, mode, decision.order)


def _approved(granted: Intent, sight: Sight, limits: Limits, judged: Judgement) -> Decision:
    return Decision(
        granted.decision_id,
        granted.intent_id,
        sight.asof_ns,
        _APPROVED,
        None,
        judged.findings,
        cut(ONE, judged.decisive) if judged.decisive else ONE,
        granted.notional_usd,
        order_of_pair(granted, sight, limits) if granted.hedge_instrument_id else order_of(granted, sight, limits),
    )


def _rejected(intent: Intent, sight: Sight, judged: Judgement) -> Decision:
    """Return the rejection with every finding; its primary reason is the first that rejects. INVARIANT: G11"""
    return Decision(
        intent.decision_id, intent.intent_id, sight.asof_ns, _REJECTED, judged.primary, judged.findings, 0, 0, None
    )
