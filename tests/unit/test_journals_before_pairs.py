"""Journals written before there were two-leg trades: every record decodes, decides, folds and answers as it did. INVARIANT: J5 R2 S3"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tests.support.world_desk import Desk
from tidegate.engine.chronicle import decode
from tidegate.engine.idempotency import request_hash
from tidegate.gate.decide import decide
from tidegate.journal.record import Record
from tidegate.model.event import DecisionMade, IntentReceived, RunStarted
from tidegate.model.intent import Invalidation, Mode, Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.model.session import Session
from tidegate.session.fold import fold, state_hash
from tidegate.units import fixed

LATER = ("hedge_instrument_id", "arbitrage", "pair", "legs")
SCOUT = Principal(PrincipalKind.AGENT, "scout")


def as_it_was(record: Record) -> Record:
    """Return a record as the build before pairs wrote it: without the fields, the channel and the instruments that came with them."""
    event = _without(json.loads(record.payload))
    if "limits" in event:
        limits = event["limits"]
        limits["stale"].pop("rate", None)
        limits["instruments"] = {name: one for name, one in limits["instruments"].items() if one["kind"] == "perp"}
    return msgspec.structs.replace(record, payload=json.dumps(event, separators=(",", ":")).encode())


def _without(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _without(value) for key, value in found.items() if key not in LATER}
    return [_without(each) for each in found] if isinstance(found, list) else found


def asked(**changes: Any) -> Proposal:
    return msgspec.structs.replace(Proposal(SCOUT, "agent_signal", "BTC/USDT", fixed(25), Side.LONG, idempotency_key="k1"), **changes)


def test_every_record_of_a_journal_without_the_later_fields_decides_and_folds_as_before() -> None:
    desk = Desk()
    desk.second(3)
    for number, side in enumerate((Side.LONG, Side.SHORT, Side.LONG)):
        desk.engine.submit(asked(side=side, idempotency_key=f"k{number}"))
        desk.engine.flush()
        desk.second(4)
    desk.engine.flatten("anna", "enough")
    desk.second(4)
    records = list(desk.journal.read())
    old = [as_it_was(record) for record in records]
    assert any(before.payload != after.payload for before, after in zip(records, old, strict=True))
    session, limits, intent, decisions = Session(desk.engine.limits.mode), desk.engine.limits, None, 0
    before = session
    for record in old:
        event = decode(record)
        if isinstance(event, RunStarted):
            limits = event.limits
        elif isinstance(event, IntentReceived):
            intent, before = event.intent, session
        elif isinstance(event, DecisionMade) and intent is not None:
            decisions += 1
            assert decide(intent, event.snapshot, before, limits) == event.decision
        session = fold(session, event)
    assert decisions == 3
    assert state_hash(session) == state_hash(desk.engine.session)


def test_a_request_has_the_hash_it_had_before_a_proposal_could_name_exchanges() -> None:
    """Both hashes were computed by the build before: with another one every keyed request of an old journal would be refused as reused."""
    assert request_hash(asked()) == "595ebd0a1b2aa6a07b21bb10250cc508ac3f9a23686ca88173c6f4e6551915d4"
    bent = asked(targets_bps=(1, 2), invalidation=Invalidation(True, 5, 6))
    assert request_hash(bent) == "43bb2c6f698eaa4029bfd6fc3581acbc8c04f620759e84c10cb15d642ee7e190"
    assert request_hash(asked(exchanges=("okx",))) != request_hash(asked())


def test_a_session_without_pairs_has_the_hash_it_had_before_there_were_any() -> None:
    """Computed by the build before. INVARIANT: J5"""
    assert state_hash(Session(Mode.PAPER)) == "48655491c337a388bb9ae1145ff388db2c09e475d5713a5d13937e1d1cb6d135"
    moved = msgspec.structs.replace(Session(Mode.PAPER), inventory={"okx:BTC-USDT": 1})
    assert state_hash(moved) != state_hash(Session(Mode.PAPER))
