"""One row of a boundary table of pairs: what differs from the calm pair world, and how one code must end."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from tests.support import gate_world
from tests.support import pair_world as world
from tests.support.gate_case import FAILED, UNKNOWN
from tests.support.pair_world import AT, OKX, leg, pair
from tidegate.gate.decide import decide
from tidegate.gate.reasons import sentence
from tidegate.model.decision import Decision
from tidegate.model.finding import Reason as R
from tidegate.model.finding import Status
from tidegate.model.limits import Limits
from tidegate.model.snapshot import LegView, Missing, PairView, Reading
from tidegate.units import ONE, SECOND_NS, fixed

NOTHING: Mapping[str, Any] = MappingProxyType({})
GONE = Missing("no source")
# Between 108,601 USDT at 0.9998 and 109,000 USD, both fees of 5 bps taken off.
EDGE = (fixed(109_000) * ONE * (10_000 * ONE - fixed(5)) - fixed(108_601) * world.USDT * (10_000 * ONE + fixed(5))) // (
    fixed(108_601) * world.USDT
)


class Row(NamedTuple):
    """A named row: what is other than in the calm pair world, and how one code must end."""

    name: str
    code: R
    status: Status
    pair: PairView | None = None
    intent: Mapping[str, Any] = NOTHING
    limits: Limits | None = None
    session: Mapping[str, Any] = NOTHING
    view: Mapping[str, Any] = NOTHING
    marks: Mapping[str, Reading] = NOTHING
    says: str = ""


def rate(value: int = world.USDT, arrival_age_ns: int = 0, value_age_ns: int = 0, period_ns: int = 0) -> Reading:
    return Reading(value, "test", AT - value_age_ns, AT - arrival_age_ns, period_ns)


def okx_rate(given: Reading | Missing) -> PairView:
    return pair(second=leg(OKX, rate=given))


def edge_from(least: int, **rules: Any) -> Limits:
    return world.limits(arbitrage=world.arbitrage(edge_bps_min_between={"coinbase|okx": least}, **rules))


def aged(name: str, arrival_age_ns: int, value_age_ns: int = 0) -> LegView:
    return leg(name, observed_ns=AT - value_age_ns, received_ns=AT - arrival_age_ns)


def dearer_fee(taker_bps: str) -> Limits:
    return world.limits(world.spot("okx", taker_bps=fixed(taker_bps)))


BOOK_NS, RATE_NS = 5 * SECOND_NS, 30 * SECOND_NS
QUANTITY = fixed(25) * ONE // fixed(109_000)


def decided(row: Row) -> Decision:
    snapshot = world.snapshot(pair=row.pair or pair(), marks=dict(row.marks))
    snapshot = msgspec.structs.replace(snapshot, view=msgspec.structs.replace(snapshot.view, **row.view))
    return decide(world.intent(**row.intent), snapshot, gate_world.session(**row.session), row.limits or world.limits())


def check(row: Row) -> None:
    """Assert that a row ends as it says, and that what rejects is never approved."""
    decision = decided(row)
    found = [finding for finding in decision.findings if finding.reason is row.code]
    assert row.status in [finding.status for finding in found]
    assert any(finding.rejects for finding in found) == (row.status in (FAILED, UNKNOWN))
    assert not (row.status in (FAILED, UNKNOWN) and decision.approved)
    assert row.says in " ".join(sentence(finding) for finding in found)
