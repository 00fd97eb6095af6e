"""One row of a boundary table: what differs from the calm gate world, and how a check must end.

`check(case)` decides the case and compares the findings under its code. Rejecting rows must reject the whole intent under that code;
passing rows must not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from tests.support import gate_world as world
from tidegate.gate.decide import decide
from tidegate.model.decision import Decision
from tidegate.model.finding import Finding, Reason, Status
from tidegate.model.limits import Limits
from tidegate.model.snapshot import Snapshot

Changes = Mapping[str, Any]
NOTHING: Changes = MappingProxyType({})
PASSED, FAILED, UNKNOWN = Status.PASSED, Status.FAILED, Status.UNKNOWN
WARNED, ADJUSTED, NOT_APPLICABLE = Status.WARNED, Status.ADJUSTED, Status.NOT_APPLICABLE


class Case(NamedTuple):
    """A named row. `intent`, `view`, `snapshot`, `session`, `limits`: what to replace; `note` picks one of several checks of a code."""

    name: str
    code: Reason
    status: Status
    intent: Changes = NOTHING
    view: Changes = NOTHING
    snapshot: Changes = NOTHING
    session: Changes = NOTHING
    limits: Changes = NOTHING
    asset: str = "BTC"
    note: str = ""


def decided(case: Case) -> Decision:
    """Return the decision of a case."""
    return decide(
        world.intent(case.asset, **case.intent),
        snapshot_of(case),
        world.session(**case.session),
        limits_of(case),
    )


def snapshot_of(case: Case) -> Snapshot:
    """Return the calm snapshot with the case's changes."""
    return msgspec.structs.replace(world.calm(case.asset, **case.view), **case.snapshot)


def limits_of(case: Case) -> Limits:
    """Return the limits with the case's changes."""
    return world.limits(**case.limits)


def found(decision: Decision, code: Reason, note: str = "") -> list[Finding]:
    """Return the findings under a code, or those of them whose note contains `note`."""
    return [finding for finding in decision.findings if finding.reason is code and note in finding.note]


def rejecting(decision: Decision) -> set[Reason]:
    """Return the codes that reject."""
    return {finding.reason for finding in decision.findings if finding.rejects}


def check(case: Case) -> Decision:
    """Assert that the case ends as its row says; return the decision."""
    decision = decided(case)
    statuses = [finding.status for finding in found(decision, case.code, case.note)]
    assert case.status in statuses, (
        f"{case.name}: {case.code} ended {statuses or 'without such a finding'}, expected {case.status}"
    )
    if case.status in (FAILED, UNKNOWN):
        assert not decision.approved
        assert case.code in rejecting(decision)
    else:
        assert case.code not in rejecting(decision)
    return decision


def named(cases: tuple[Case, ...]) -> list[str]:
    """Return test ids."""
    return [f"{case.code.value}: {case.name}" for case in cases]
