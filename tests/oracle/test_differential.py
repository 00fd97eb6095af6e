"""The gate against the naive gate: 200,000 boundary-biased cases a run (PROMISES 2.3), and proof that the run is not blind.

`TIDEGATE_DIFFERENTIAL` sets the number of cases (nightly: 10000000), `TIDEGATE_DIFFERENTIAL_SEED` the first seed.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.oracle.cases import answer, cases, reproduction
from tests.oracle.naive_gate import judge
from tests.oracle.plan import build
from tidegate.gate.decide import decide
from tidegate.model.finding import Reason

CASES = int(os.environ.get("TIDEGATE_DIFFERENTIAL", "200000"))
FIRST_SEED = int(os.environ.get("TIDEGATE_DIFFERENTIAL_SEED", "20251019"))
CHUNKS = 4
SECONDS = max(120, CASES // CHUNKS // 500)

# Codes that only a latched halt of their own raises: L4_HALTED is then always the first of them.
BEHIND_L4_HALTED = {Reason.L4_FEED_OUTAGE, Reason.L4_RECONCILE, Reason.L4_JOURNAL, Reason.L4_CLOCK, Reason.L4_OPERATOR}

# Every aim whose rule has an edge, with the levels that lie exactly on it.
EDGES = {
    "L1_NOTIONAL_TOO_LARGE": ("equal",),
    "L1_NOTIONAL_TOO_SMALL": ("equal", "cut_equal"),
    "VENUE_MINIMUM": ("quantity_equal", "notional_equal"),
    "L1_STOP_TOO_WIDE": ("equal", "widened_equal"),
    "L1_DAILY_LOSS": ("equal", "rolling_equal"),
    "L1_LOSS_AT_RISK": ("equal",),
    "ABOVE_PEAK": ("equal",),
    "HALF_ROOM": ("equal",),
    "L1_TOO_MANY_OPEN": ("equal",),
    "L1_EXPOSURE": ("equal",),
    "L1_TEST_TRADES": ("equal",),
    "L1_PRICE_COLLAR": ("equal",),
    "L1_DUPLICATE": ("equal",),
    "L1_RATE": ("equal",),
    "L2_SHORTS_CROWDED": ("equal",),
    "XRP_FALLING_DEPTH": ("equal",),
    "L2_FUNDING_DIVERGENCE": ("equal",),
    "L2_OI_SPIKE": ("equal",),
    "L2_FRESH_SQUEEZE": ("equal",),
    "THIN_BOOK": ("equal",),
    "TIPS": ("equal",),
    "L2_CONFIDENCE": ("equal",),
    "L3_HEALTH_FACTOR_LOW": ("equal",),
    "L3_DAILY_TRADE_CAP": ("equal", "own_equal"),
    "COOLDOWN": ("equal",),
    "L3_LOSS_STREAK": ("equal",),
    "L3_SPREAD_WIDE": ("equal",),
    "L3_COSTS_EXCEED_TARGET": ("equal",),
    "L4_SESSION_DRAWDOWN": ("equal",),
    "L4_LOSSES": ("equal",),
    "L4_HEALTH_FACTOR_CRITICAL": ("equal",),
    "MARKS": ("equal", "value_equal"),
    **{
        f"STALE_{name}": ("equal", "value_equal", "future_equal", "missing")
        for name in (
            "price",
            "book",
            "positioning",
            "funding_a",
            "funding_b",
            "open_interest",
            "squeeze",
            "priority_fee",
            "tip_ratio",
            "health",
        )
    },
}


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_gate_and_the_naive_gate_give_the_same_answer_to_every_case(chunk: int) -> None:
    seed = FIRST_SEED + chunk
    primaries: Counter[Reason | None] = Counter()
    rejecting: Counter[Reason] = Counter()
    tags: Counter[str] = Counter()
    for number, (plan, aimed) in enumerate(cases(seed, CASES // CHUNKS)):
        wanted = judge(*build(plan))
        if answer(decide, plan) != wanted:
            pytest.fail(reproduction(decide, seed, number, plan), pytrace=False)
        primaries[wanted[1]] += 1
        rejecting.update(wanted[2])
        tags.update(aimed)
    not_blind(primaries, rejecting, tags)


def not_blind(primaries: Counter[Reason | None], rejecting: Counter[Reason], tags: Counter[str]) -> None:
    """Assert that the cases met every reason, approved enough, and stood on every edge at least 20 times."""
    total = sum(primaries.values())
    assert primaries[None] >= total * 3 // 100, f"only {primaries[None]} of {total} cases were approved"
    unmet = [reason.value for reason in Reason if not primaries[reason] and reason not in BEHIND_L4_HALTED]
    assert not unmet, f"no case has these as its primary reason: {unmet}"
    assert not [reason.value for reason in BEHIND_L4_HALTED if rejecting[reason] < 20]
    rare = {f"{aim}:{level}": tags[f"{aim}:{level}"] for aim, levels in EDGES.items() for level in levels}
    rare = {tag: count for tag, count in rare.items() if count < 20}
    assert not rare, f"edges met fewer than 20 times: {rare}"


def test_a_seed_gives_the_same_cases_again() -> None:
    assert list(cases(7, 200)) == list(cases(7, 200))
    assert list(cases(7, 200)) != list(cases(8, 200))


def test_a_difference_is_printed_as_a_small_plan_that_reproduces_it() -> None:
    plan = {"asset": "BTC", "side": "short", "positioning": 54 * 10**8 + 1, "streak": 1, "confidence": 9 * 10**7}
    wrong = lambda intent, snapshot, session, limits: decide(*build({}))  # noqa: E731
    said = reproduction(wrong, 1, 2, plan)
    assert "seed 1, case 2" in said
    assert "'positioning': 5400000001" in said
    assert "'side': 'short'" in said
    assert "streak" not in said
    assert "confidence" not in said, "what does not matter must have been left out"
