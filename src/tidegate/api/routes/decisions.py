"""The decision routes: the latest decisions, one decision with its outcome, and in words; and the envelope: ask before you propose.

In: admitted requests. Out: what the journal holds, read off the loop.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from tidegate.api.endpoint import Answer, Call
from tidegate.api.errors import BAD_INPUT, NOT_FOUND, ApiError
from tidegate.api.wire.decisions import DecisionsAnswer, DecisionsQuery, ExplainAnswer, decision_answer, decision_row
from tidegate.api.wire.values import Number, Time, moment, moment_or_none, number
from tidegate.engine.casebook import Case, Casebook
from tidegate.engine.completed import CompletedTrade
from tidegate.engine.desk import Desk
from tidegate.engine.engine import Engine
from tidegate.engine.envelope import EnvelopeRow
from tidegate.engine.explain import explanation
from tidegate.model.finding import Reason


class EnvelopeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows; absent: all."""

    strategy: Annotated[str, Meta(min_length=1, max_length=64, description="Key or display name, in any case.")] | None = None
    asset: Annotated[str, Meta(min_length=1, max_length=16)] | None = None


class EnvelopeState(msgspec.Struct, frozen=True):
    """What one strategy may do now in one direction: `notional_usd_max` 0 means nothing, and `code` says which rule refuses."""

    strategy: str
    display_name: str
    asset: str
    instrument_id: str
    hedge_instrument_id: str | None
    side: str
    allowed: bool
    notional_usd_max: Number
    granted_usd: Number
    ordered_usd: Number
    stop_bps: Number
    code: Reason | None
    reason: str
    fix: str
    warnings: tuple[str, ...]
    expires: Time | None


class EnvelopeAnswer(msgspec.Struct, frozen=True):
    """What is allowed now for who asks. A row is a forecast of the gate, not a promise: only a decision reserves anything."""

    time: Time
    mode: str
    principal: str
    rows: tuple[EnvelopeState, ...]


async def latest(call: Call) -> Answer:
    """List the latest decisions, newest first."""
    query: DecisionsQuery = call.query
    final_seq = call.desk.durable_seq if query.before is None else min(query.before - 1, call.desk.durable_seq)
    cases = await asyncio.to_thread(_book(call.desk).latest, query.limit, final_seq)
    more = cases[-1].seq if len(cases) == query.limit else None
    return Answer(200, DecisionsAnswer(tuple(decision_row(case) for case in cases), more))


async def one(call: Call) -> Answer:
    """Show one decision with every finding and its outcome. Raises ApiError 404."""
    case, closed = await _found(call)
    execution_ns = call.desk.closed.execution_ns(case.made.decision.decision_id)
    return Answer(200, decision_answer(case, call.desk.engine.session, closed, execution_ns))


async def explained(call: Call) -> Answer:
    """Show one decision in words. Raises ApiError 404."""
    case, _ = await _found(call)
    return Answer(200, ExplainAnswer(case.made.decision.decision_id, explanation(case)))


async def allowed_now(call: Call) -> Answer:
    """Show what the gate would allow whoever asks, per strategy, instrument and side."""
    query: EnvelopeQuery = call.query
    _require_known(query, call.desk.engine)
    engine, principal = call.desk.engine, call.admission.principal
    rows = call.envelopes.rows(engine, principal, query.strategy, query.asset)
    return Answer(200, EnvelopeAnswer(moment(engine.now_ns), str(engine.session.mode), str(principal), tuple(map(_state, rows))))


def _require_known(query: EnvelopeQuery, engine: Engine) -> None:
    """Refuse a name that is not configured: no row would read as nothing allowed. Raises ApiError 400. SPEC §11"""
    strategies = {name.casefold() for rules in engine.limits.strategies.values() for name in (rules.key, rules.display_name)}
    if query.strategy is not None and query.strategy.strip().casefold() not in strategies:
        raise ApiError(BAD_INPUT, f"strategy: this one is not known here; allowed: {', '.join(engine.limits.strategies)}")
    if query.asset is not None and query.asset.strip().upper() not in engine.limits.assets:
        raise ApiError(BAD_INPUT, f"asset: this one is not known here; allowed: {', '.join(engine.limits.assets)}")


def _state(row: EnvelopeRow) -> EnvelopeState:
    return EnvelopeState(
        strategy=row.strategy,
        display_name=row.display_name,
        asset=row.asset,
        instrument_id=row.instrument_id,
        hedge_instrument_id=row.hedge_instrument_id or None,
        side=str(row.side),
        allowed=row.notional_usd_max > 0,
        notional_usd_max=number(row.notional_usd_max),
        granted_usd=number(row.granted_usd),
        ordered_usd=number(row.ordered_usd),
        stop_bps=number(row.stop_bps),
        code=row.binding,
        reason=row.sentence,
        fix=row.fix,
        warnings=row.warnings,
        expires=moment_or_none(row.until_ns or 0),
    )


async def _found(call: Call) -> tuple[Case, CompletedTrade | None]:
    """Return a decision, and its finished trade if it is; read again when the trade finished while it was read."""
    decision_id, desk = call.path_values["id"], call.desk
    while True:
        closed = desk.closed.of(decision_id)
        case = await asyncio.to_thread(_book(desk).find, decision_id, desk.durable_seq, closed.seq if closed is not None else None)
        if case is None:
            raise ApiError(NOT_FOUND, "this journal has no decision of that id; GET /api/decisions lists the latest")
        if desk.closed.of(decision_id) is closed:
            return case, closed


def _book(desk: Desk) -> Casebook:
    return Casebook(desk.journal_path, desk.records)
