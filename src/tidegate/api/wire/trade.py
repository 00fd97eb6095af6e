"""Proposals and decisions on the wire: the seed's field names, kept for ever, and what was added beside them.

In: a decoded request. Out: a `Proposal`; and the answers that a `Decision` becomes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from tidegate.api.wire.values import (
    DISTANCE,
    MONEY,
    SHARE,
    ZERO,
    FieldError,
    FindingView,
    Number,
    Span,
    Time,
    finding_view,
    moment,
    number,
    passes_by_itself,
    read_number,
    real_number,
    spoken,
    warned,
)
from tidegate.model.decision import Decision
from tidegate.model.finding import Reason, Status
from tidegate.model.intent import Mode, Principal, Proposal
from tidegate.model.observation import Side

KEY_CHARS_MAX = 128
REJECTED = "Trade rejected by risk gate"
PASSED = "All risk gates passed"
_REJECTING = (Status.FAILED, Status.UNKNOWN)
_SIDES = {"auto": None, "long": Side.LONG, "short": Side.SHORT, None: None}


def _in(span: Span, about: str, *examples: float) -> Meta:
    return Meta(description=about, extra_json_schema={**span.schema, "examples": list(examples)})


def _or_null(span: Span, about: str, *examples: float) -> Meta:
    """Return the schema of a number that may be null. The decoder cannot take `Raw | None`: absent is UNSET, null is the text `null`."""
    return Meta(description=about, extra_json_schema={**span.schema, "type": ["number", "null"], "examples": list(examples)})


Amount = Annotated[Number, _in(MONEY, "Notional in USD; for a two-leg arbitrage that of each leg. It is not multiplied.", 25, 50.5)]
Key = Annotated[
    str, Meta(min_length=1, max_length=KEY_CHARS_MAX, description="Your own id of this request: the same key gets the same answer for ever.")
]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
Address = Annotated[str, Meta(min_length=1, max_length=128)]
StopBps = Annotated[Raw, _or_null(DISTANCE, "Stop distance in bps; absent: the strategy's own.", 28)]
TargetBps = Annotated[Number, _in(DISTANCE, "Target distance in bps.", 25)]
LimitPrice = Annotated[Raw, _or_null(MONEY, "The worst price in USD the entry may pay.", 108_500)]
Confidence = Annotated[Raw, _or_null(SHARE, "Your own confidence, 0 to 1; it can only make the gate stricter.", 0.85)]


class ExecuteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposal. Only `strategy`, `pair` and `amount` are required; null means absent."""

    strategy: Annotated[str, Meta(min_length=1, max_length=64, description="Key or display name of a configured strategy, in any case.")]
    pair: Annotated[str, Meta(min_length=1, max_length=32, description="`BTC/USD`, `BTC/USDT`, `BTC/USDT:USDT` or `BTC`.")]
    amount: Amount
    side: Annotated[
        Literal["auto", "long", "short"] | None, Meta(description="Absent or `auto`: the one side that is legal now, otherwise an error.")
    ] = None
    mode: Annotated[Mode | None, Meta(description="Absent means paper. It must be the mode this process runs in.")] = None
    exchanges: Annotated[list[Word], Meta(max_length=4, description="Venues: both of an arbitrage, or the one to trade on.")] | None = None
    stop_bps: StopBps | UnsetType = UNSET
    targets: Annotated[list[TargetBps], Meta(max_length=8, description="Each further than the one before; absent: the strategy's.")] | None = None
    limit_price: LimitPrice | UnsetType = UNSET
    confidence: Confidence | UnsetType = UNSET
    client_request_id: Key | None = None
    evidence: Annotated[str, Meta(max_length=2_000, description="Why: stored and shown escaped, never judged.")] | None = None
    addresses: Annotated[list[Address], Meta(max_length=16, description="Addresses the trade would touch.")] | None = None


def proposal_of(request: ExecuteRequest, principal: Principal, key: str | None) -> Proposal:
    """Return the proposal of a request. Raises FieldError naming the field."""
    return Proposal(
        principal=principal,
        strategy=request.strategy,
        pair=request.pair,
        notional_usd=read_number("amount", request.amount, MONEY),
        side=_SIDES[request.side],
        mode=request.mode,
        stop_bps=_optional("stop_bps", request.stop_bps, DISTANCE),
        targets_bps=_targets(request.targets or []),
        limit_price=_optional("limit_price", request.limit_price, MONEY),
        confidence=_optional("confidence", request.confidence, SHARE),
        idempotency_key=key,
        addresses=tuple(request.addresses or ()),
        evidence=request.evidence or "",
        exchanges=tuple(request.exchanges or ()),
    )


def _optional(name: str, raw: Raw | UnsetType, span: Span) -> int | None:
    return None if isinstance(raw, UnsetType) or bytes(raw).strip() == b"null" else read_number(name, raw, span)


def _targets(given: list[Raw]) -> tuple[int, ...]:
    targets = tuple(read_number(f"targets[{place}]", raw, DISTANCE) for place, raw in enumerate(given))
    if any(nearer >= further for nearer, further in pairwise(targets)):
        raise FieldError("targets", ", ".join(bytes(raw).decode() for raw in given), "distances in bps, each further than the one before")
    return targets


def key_of(request: ExecuteRequest, header: str | None) -> str | None:
    """Return the request's idempotency key, from body or header. Raises FieldError when both are given and differ."""
    own = request.client_request_id
    if header is None or header == own:
        return own
    if own is not None:
        raise FieldError("Idempotency-Key", header, "the same text as client_request_id, or only one of the two")
    if not 0 < len(header) <= KEY_CHARS_MAX:
        raise FieldError("Idempotency-Key", header, f"1 to {KEY_CHARS_MAX} printable characters, or no such header")
    return header


class RiskAdjustments(msgspec.Struct, frozen=True, gc=False):
    """What the gate made of the size: asked, granted, ordered (whole lots), all in USD."""

    original_amount: Number
    adjusted_amount: Number
    order_amount: Number
    size_multiplier: Number
    stop_loss_bps: Number


class ExecuteAnswer(msgspec.Struct, frozen=True):
    """An approved proposal. `profit` is what is booked so far, net; final once `profit_final`. `execution_time` is in seconds until durable."""

    trade_id: str
    status: Literal["approved"]
    profit: Number
    profit_final: bool
    execution_time: Number
    timestamp: Time
    validation_warnings: tuple[str, ...]
    risk_adjustments: RiskAdjustments
    decision_id: str
    findings: tuple[FindingView, ...]


class RejectionDetail(msgspec.Struct, frozen=True):
    """Why: the sentence of the primary finding, its code, and every finding that rejected, cut or warned."""

    error: str
    reason: str
    code: Reason
    retryable: bool
    warnings: tuple[str, ...]
    findings: tuple[FindingView, ...]
    decision_id: str
    timestamp: Time


class Rejection(msgspec.Struct, frozen=True):
    """A rejected proposal."""

    detail: RejectionDetail


class CheckAnswer(msgspec.Struct, frozen=True):
    """What the gate would say now. Nothing was recorded, reserved or counted; `findings` are all of them."""

    approved: bool
    reason: str
    code: Reason | None
    retryable: bool
    timestamp: Time
    validation_warnings: tuple[str, ...]
    risk_adjustments: RiskAdjustments
    findings: tuple[FindingView, ...]


class DashboardUpdate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message for whoever watches the dashboard."""

    event: Annotated[str, Meta(min_length=1, max_length=64)]
    data: dict[str, Any] = {}


class DashboardUpdated(msgspec.Struct, frozen=True):
    """The message was passed on, labelled untrusted; it changed nothing."""

    success: bool
    dashboard_updated: bool
    timestamp: Time


def adjustments(decision: Decision, asked_usd: int) -> RiskAdjustments:
    """Return what the gate made of the size; a rejection grants and orders nothing."""
    order = decision.order
    return RiskAdjustments(
        number(asked_usd),
        number(decision.approved_notional_usd),
        number(order.notional_usd if order is not None else 0),
        number(decision.size_multiplier),
        number(order.stop_bps if order is not None else 0),
    )


def execute_answer(decision: Decision, asked_usd: int, took_s: float) -> ExecuteAnswer:
    """Return the 200 answer of an approval, as it stands the moment it is durable: nothing has filled yet."""
    views = spoken(decision.findings)
    return ExecuteAnswer(
        trade_id=decision.decision_id,
        status="approved",
        profit=ZERO,
        profit_final=False,
        execution_time=real_number(took_s, 6),
        timestamp=moment(decision.asof_ns),
        validation_warnings=warned(views),
        risk_adjustments=adjustments(decision, asked_usd),
        decision_id=decision.decision_id,
        findings=views,
    )


def rejection(decision: Decision) -> Rejection:
    """Return the 400 answer of a rejection."""
    assert decision.primary is not None
    views = spoken(decision.findings)
    return Rejection(
        RejectionDetail(
            error=REJECTED,
            reason=_reason(decision, views),
            code=decision.primary,
            retryable=passes_by_itself(decision.findings),
            warnings=warned(views),
            findings=views,
            decision_id=decision.decision_id,
            timestamp=moment(decision.asof_ns),
        )
    )


def check_answer(decision: Decision, asked_usd: int) -> CheckAnswer:
    """Return the answer of a dry run, with every finding."""
    views = tuple(finding_view(each) for each in decision.findings)
    return CheckAnswer(
        approved=decision.approved,
        reason=_reason(decision, views),
        code=decision.primary,
        retryable=not decision.approved and passes_by_itself(decision.findings),
        timestamp=moment(decision.asof_ns),
        validation_warnings=warned(views),
        risk_adjustments=adjustments(decision, asked_usd),
        findings=views,
    )


def _reason(decision: Decision, views: tuple[FindingView, ...]) -> str:
    """Return the decision in one sentence, as `gate.reasons.headline` says it: that of the finding which gave the primary reason."""
    for view in views:
        if view.code is decision.primary and view.status in _REJECTING:
            return view.sentence
    return PASSED


def told(decision: Decision) -> tuple[str, ...]:
    """Return the warnings of a decision as sentences: the answer's `validation_warnings`."""
    return warned(spoken(decision.findings))
