"""Layer 4 at its boundaries, as an entry meets it: halts and their scope, drawdown, losses, the critical health factor."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.gate_case import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Case, check, named, rejecting
from tests.support.gate_world import AT, BTC, MISSING, halt, halted, reading, trade
from tidegate.model.finding import Reason as R
from tidegate.model.snapshot import Reading
from tidegate.units import SECOND_NS, fixed

DRAWDOWN = fixed("19.92")
LATCHES = (
    R.L4_SESSION_DRAWDOWN,
    R.L4_LOSSES,
    R.L4_HEALTH_FACTOR_CRITICAL,
    R.L4_FEED_OUTAGE,
    R.L4_RECONCILE,
    R.L4_JOURNAL,
    R.L4_CLOCK,
    R.L4_OPERATOR,
)

CASES = (
    Case("nothing latched", R.L4_HALTED, PASSED),
    Case("flatten under way", R.L4_HALTED, FAILED, session={"flattening": True}),
    Case("just under 19.92 USD", R.L4_SESSION_DRAWDOWN, PASSED, session={"realised_day_usd": 1 - DRAWDOWN}),
    Case("19.92 USD", R.L4_SESSION_DRAWDOWN, FAILED, session={"realised_day_usd": -DRAWDOWN}),
    Case("from a peak", R.L4_SESSION_DRAWDOWN, FAILED, session={"equity_peak_usd": DRAWDOWN}),
    Case("just under, from a peak", R.L4_SESSION_DRAWDOWN, PASSED, session={"equity_peak_usd": DRAWDOWN - 1}),
    Case("suspected and not yet cleared", R.L4_SESSION_DRAWDOWN, FAILED, session={"drawdown_suspected_ns": AT - 1}),
    Case("mark missing", R.L4_SESSION_DRAWDOWN, UNKNOWN, session={"trades": {"D9": trade()}}),
    Case(
        "unrealised counts",
        R.L4_SESSION_DRAWDOWN,
        FAILED,
        session={"trades": {"D9": trade(open_cost_usd=fixed("21.6804") + DRAWDOWN)}},
        snapshot={"marks": {BTC: Reading(fixed(108_402), "test", AT, AT)}},
    ),
    Case("four losses", R.L4_LOSSES, PASSED, session={"losses": 4}),
    Case("five losses", R.L4_LOSSES, FAILED, session={"losses": 5}),
    Case("2.00", R.L4_HEALTH_FACTOR_CRITICAL, PASSED, snapshot={"health_factor": reading(2)}),
    Case(
        "just under 2.00",
        R.L4_HEALTH_FACTOR_CRITICAL,
        FAILED,
        snapshot={"health_factor": Reading(fixed(2) - 1, "test", AT, AT)},
    ),
    Case("suspected and not yet cleared", R.L4_HEALTH_FACTOR_CRITICAL, FAILED, session={"health_suspected_ns": AT - 1}),
    Case("missing", R.L4_HEALTH_FACTOR_CRITICAL, UNKNOWN, snapshot={"health_factor": MISSING}),
    Case(
        "stale",
        R.L4_HEALTH_FACTOR_CRITICAL,
        UNKNOWN,
        snapshot={"health_factor": reading(3, arrival_age_ns=120 * SECOND_NS + 1)},
    ),
    Case(
        "no aave",
        R.L4_HEALTH_FACTOR_CRITICAL,
        NOT_APPLICABLE,
        snapshot={"health_factor": None},
        limits={"aave_configured": False},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_a_layer_4_check_decides_exactly_at_its_boundary(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("cause", LATCHES)
@pytest.mark.parametrize(
    ("assets", "refused"), [((), True), (("BTC",), True), (("ETH", "BTC"), True), (("ETH",), False)]
)
def test_a_latched_halt_refuses_under_its_own_code_the_assets_it_covers(
    cause: R, assets: tuple[str, ...], refused: bool
) -> None:
    session: dict[str, Any] = {"halts": halted(halt(cause, *assets))}
    decision = check(Case("latched", cause, FAILED if refused else PASSED, session=session))
    assert rejecting(decision) == ({cause, R.L4_HALTED} if refused else set())
