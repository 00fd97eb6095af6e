"""Proof that the differential run is not blind: gates with one character changed are told from the real one within a few thousand cases.

By default a list of planted faults; with `TIDEGATE_MUTANTS=all` (nightly, about a minute) every mutant of every check.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.oracle.cases import Gate, cases, odd_cases, told
from tests.oracle.mutants import Mutant, Nursery, mutants
from tests.oracle.naive_gate import Judgement, judge
from tests.oracle.plan import Four, build

SEED, CASES = 11, 6_000
EVERY_MUTANT = os.environ.get("TIDEGATE_MUTANTS", "") == "all"

# Functions some of whose changes nothing can tell, and why. Their other changes are told all the same.
EXPLAINED = {
    "worst_pnl_usd": "the smaller of two equals is the same",
    "remaining_room_usd": "the smaller of two equals, and zero with or without its sign, are the same",
    "below": "no check uses it",
    "rate_is_kept": "which of two broken rates is shown",
    "notional_buys_an_order": "the minimum that is shown",
    "funding_not_diverging": "when a long is warned, and which venue's age is shown",
    "health_factor_is_high": "when a long is warned",
    "feeds_are_fresh": "a snapshot of another asset: test_odd_cases",
    "_of_unfit": "failed or unknown: both reject",
    "strategy_may_enter": "a cooldown of one nanosecond",
    "agent_may_enter": "a cooldown of one nanosecond",
    "sight_of": "a price of one quantum",
    "_marks": "a mark of one quantum",
    "widened": "the wider of two equals is the same",
    "_worst_price": "a tick of zero; the worst price is judged by the gate's own tests",
}

# Planted faults of the default run: function of the gate, and a part of the change's description. All must be told.
PLANTED = (
    ("at_most", "> limit -> "),
    ("at_most", "limit + 1"),
    ("fewer", ">= count_max -> "),
    ("daily_loss_not_reached", "<= limit_usd -> "),
    ("loss_at_risk_fits_room", "> room_usd -> "),
    ("loss_at_risk_fits_room", "2 * own_usd > room_usd -> "),
    ("loss_at_risk_fits_room", "-> pass"),
    ("exposure_within_cap", "-> pass"),
    ("not_a_duplicate", "<= limits.duplicate_window_ns -> "),
    ("shorts_not_crowded", "> "),
    ("shorts_not_crowded", "-> pass"),
    ("open_interest_not_spiking", "<= limits.oi_change_pct_max -> "),
    ("no_fresh_squeeze", "<= limits.squeeze_window_ns -> "),
    ("funding_allows_strategy", ">= spread_bps_below -> "),
    ("tips_are_calm", "<="),
    ("target_exceeds_costs", "<= 0 -> "),
    ("drawdown_is_small", ">= limits.drawdown_usd_max -> "),
    ("health_factor_not_critical", "<"),
    ("fit", "> bounds.reject_after_ns -> "),
    ("fit", "_YOUNGEST_NS"),
)

Known = list[tuple[Four, Judgement]]


@pytest.fixture(scope="module")
def known() -> Known:
    plans = [*odd_cases(), *(plan for plan, _ in cases(SEED, CASES))]
    return [(build(plan), judge(*build(plan))) for plan in plans]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


def is_told(gate: Gate, known: Known) -> bool:
    """Say whether some case tells this gate from the naive one."""
    for four, wanted in known:
        try:
            if told(gate(*four)) != wanted:
                return True
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
            return True
    return False


def test_a_copy_of_the_gate_without_a_fault_is_not_told_from_the_naive_gate(nursery: Nursery, known: Known) -> None:
    assert not is_told(nursery.gate(None), known)


def test_every_planted_fault_is_told(nursery: Nursery, known: Known) -> None:
    every = list(mutants())
    for function, change in PLANTED:
        planted = [one for one in every if one.function == function and change in one.change]
        assert planted, f"the gate has no {function} with {change!r} any more: plant another fault"
        assert is_told(nursery.gate(planted[0]), known), f"no case tells the gate from one with {planted[0]}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not EVERY_MUTANT, reason="set TIDEGATE_MUTANTS=all to try every mutant of the gate")
def test_every_mutant_is_told_or_explained(nursery: Nursery, known: Known) -> None:
    alive: list[Mutant] = [mutant for mutant in mutants() if not is_told(nursery.gate(mutant), known)]
    unexplained = [str(mutant) for mutant in alive if mutant.function not in EXPLAINED]
    assert not unexplained, f"told by no case and explained nowhere: {unexplained}"
