"""The trading routes: execute, check, and the dashboard's notice board.

In: admitted requests. Out: answers that are durable before they leave. Nothing here decides: the gate does, behind the desk. INVARIANT: G1 J2
"""

from __future__ import annotations

import time
from typing import Any, cast

from tidegate.api.endpoint import Answer, Call
from tidegate.api.wire.trade import (
    DashboardUpdate,
    DashboardUpdated,
    ExecuteRequest,
    check_answer,
    execute_answer,
    key_of,
    proposal_of,
    rejection,
)
from tidegate.api.wire.values import moment
from tidegate.gate.intake import plain_text

_KEY = b"idempotency-key"
_FIRST: tuple[tuple[str, str], ...] = ()
REPLAYED = (("idempotent-replayed", "true"),)


async def execute(call: Call) -> Answer:
    """Judge a proposal and, when approved, place it: 200, or 400 with the reason. Durable when it answers."""
    body: ExecuteRequest = call.body
    key = key_of(body, call.request.header(_KEY))
    proposal = proposal_of(body, call.admission.principal, key)
    asked_ns = call.desk.engine.now_ns
    decision = await call.desk.submit(proposal)
    took_s, headers = time.perf_counter() - call.request.began_s, _FIRST
    if key is not None:
        first_s = call.answered.repeat(decision, asked_ns, took_s)
        if first_s is not None:
            took_s, headers = first_s, REPLAYED
    if decision.approved:
        return Answer(200, execute_answer(decision, proposal.notional_usd, took_s), headers)
    return Answer(400, rejection(decision), headers)


async def check(call: Call) -> Answer:
    """Judge a proposal as execute would right now, with every finding; nothing is recorded, reserved or counted."""
    body: ExecuteRequest = call.body
    proposal = proposal_of(body, call.admission.principal, key_of(body, call.request.header(_KEY)))
    decision = await call.desk.check(proposal)
    return Answer(200, check_answer(decision, proposal.notional_usd))


async def dashboard_update(call: Call) -> Answer:
    """Pass a message on to the dashboards, labelled untrusted. It never changes P&L, limits or market facts. INVARIANT: A4"""
    body: DashboardUpdate = call.body
    call.hub.broadcast("dashboard_update", {"event": plain_text(body.event), "data": _plain(body.data)}, trusted=False)
    return Answer(200, DashboardUpdated(True, True, moment(call.desk.engine.now_ns)))


def _plain(value: Any) -> Any:
    """Return JSON values with control characters taken out of every text; depth and length were bounded at the door. INVARIANT: B3"""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {plain_text(name): _plain(each) for name, each in cast("dict[str, Any]", value).items()}
    return value
