"""The gate against the naive gate on two-leg intents, down to the prices of both legs; proof that the run is not blind; and monotony.

One pair case for every 25 of the single-leg run (`TIDEGATE_DIFFERENTIAL`); the first seed is the same.
"""

from __future__ import annotations

import os
import pprint
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.oracle.cases import Tags
from tests.oracle.mutants import JUDGES_OF_PAIRS, Nursery, mutants
from tests.oracle.pair_cases import answer_pair, judge_pair, pair_cases, told_pair
from tests.oracle.pair_plan import CALM_PAIR, build_pair
from tests.oracle.plan import E8, SECOND, Plan

CASES = int(os.environ.get("TIDEGATE_DIFFERENTIAL", "200000")) // 25
SEED = int(os.environ.get("TIDEGATE_DIFFERENTIAL_SEED", "20251019"))

# Every aim whose rule has an edge, with the levels that lie exactly on it.
EDGES = {
    "EDGE": ("under", "equal", "over"),
    "DEPTH": ("under", "equal"),
    "COLLAR": ("under", "equal", "over"),
    "LOTS": ("under", "equal"),
    "MINIMUM": ("quantity_min_equal", "quantity_min_over", "notional_min_usd_equal", "notional_min_usd_over"),
    "RATE_AGE": (
        "arrival_equal",
        "arrival_over",
        "value_equal",
        "value_over",
        "future_equal",
        "future_over",
        "missing",
    ),
    "BOOK_AGE": ("arrival_equal", "arrival_over", "value_equal", "value_over", "missing"),
    "EXPOSURE": ("equal", "over"),
    "HELD_LIMIT": ("equal", "over"),
    "AT_RISK": ("under", "equal", "half_under", "half_equal"),
    "SPREAD": ("equal", "over", "locked_equal", "locked_under"),
    "LISTING": ("turned", "wrong"),
}
# Planted faults: function of the gate, and a part of the change's description. All must be told.
PLANTED = (
    ("_walk", "left <= 0 -> "),
    ("_accepts", ">= instrument.quantity_min -> "),
    ("_accepts", ">= instrument.notional_min_usd -> "),
    ("net_edge_is_enough", "<= limit_bps -> "),
    ("net_edge_is_enough", "-> pass"),
    ("both_spreads_are_narrow", "-> pass"),
    ("both_spreads_are_narrow", "> limit_bps -> "),
    ("_fit_book", "> leg.asks[0][0] -> "),
    ("pair_feeds_are_fresh", "-> pass"),
    ("pair_is_listed", "!= venues[1] -> "),
    ("pair_is_listed", "-> pass"),
    ("_tradable", "== intent.asset -> "),
    ("_leg", "!= name -> "),
    ("_fit_rate", "<= 0 -> "),
    ("worst_prices_within_collar", "-> pass"),
    ("_affordable", "< available -> "),
)
# Functions some of whose changes nothing can tell, and why. Their other changes are told all the same.
EXPLAINED = {
    "plan_of": "which of two equal, losing directions is shown: the gate's own tests",
    "_walk": "an order of a quantum, or of none",
    "_accepts": "an order of a quantum, or of none: no minimum is 0",
    "too_thin": "which book is named",
    "_readable": "a price of one quantum",
    "_fit_book": "a book crossed by two quanta",
}
Known = list[tuple[Any, Any]]


@pytest.mark.timeout(max(120, CASES // 200))
def test_the_gate_and_the_naive_gate_give_the_same_answer_and_the_same_legs_to_every_pair() -> None:
    primaries: Counter[Any] = Counter()
    tags: Counter[str] = Counter()
    for number, (plan, aimed) in enumerate(pair_cases(SEED, CASES)):
        said, wanted = answer_pair(plan), judge_pair(plan)
        if said != wanted:
            small = shrink(plan)
            pytest.fail(
                f"seed {SEED}, case {number}: gate {answer_pair(small)}, naive {judge_pair(small)}\n{pprint.pformat(small)}",
                pytrace=False,
            )
        primaries[wanted[0][1]] += 1
        tags.update(aimed)
    assert primaries[None] >= CASES // 10, f"only {primaries[None]} of {CASES} cases were approved"
    rare = {f"{aim}:{level}": tags[f"{aim}:{level}"] for aim, levels in EDGES.items() for level in levels}
    assert not [tag for tag, times in rare.items() if times < min(20, CASES // 400)], rare


def shrink(plan: Plan) -> Plan:
    """Leave out one key after the other while the gates still differ."""
    for key in list(plan):
        without = {name: value for name, value in plan.items() if name != key}
        if answer_pair(without) != judge_pair(without):
            return shrink(without)
    return plan


@pytest.fixture(scope="module")
def known() -> Known:
    plans = [{}, *(plan for plan, _ in pair_cases(SEED + 1, 2_500))]
    return [(build_pair(plan), judge_pair(plan)) for plan in plans]


def is_told(gate: Any, known: Known) -> bool:
    """Say whether some case tells this gate from the naive one."""
    for four, wanted in known:
        try:
            if told_pair(gate(*four)) != wanted:
                return True
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
            return True
    return False


def test_every_planted_fault_in_the_judgement_of_pairs_is_told(known: Known) -> None:
    every = list(mutants(JUDGES_OF_PAIRS))
    with Nursery() as nursery:
        assert not is_told(nursery.gate(None), known)
        for function, change in PLANTED:
            planted = [one for one in every if one.function == function and change in one.change]
            assert planted, f"the gate has no {function} with {change!r} any more: plant another fault"
            assert is_told(nursery.gate(planted[0]), known), f"no case tells the gate from one with {planted[0]}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    os.environ.get("TIDEGATE_MUTANTS", "") != "all", reason="set TIDEGATE_MUTANTS=all to try every mutant of the gate"
)
def test_every_mutant_in_the_judgement_of_pairs_is_told_or_explained(known: Known) -> None:
    with Nursery() as nursery:
        alive = [one for one in mutants(JUDGES_OF_PAIRS) if not is_told(nursery.gate(one), known)]
    assert not [str(one) for one in alive if one.function not in EXPLAINED]


# Which way is worse for a pair, whatever else is asked.
WORSE = ("edge_min", "unwind", "fee", "rate_age", "thinner", "exposure", "health", "open_interest", "streak", "dearer")


def worsened(rng: Random, plan: Plan) -> Plan:
    """Return the plan with one thing worse or tighter."""
    full = {**CALM_PAIR, **plan}
    way, venue = rng.choice(WORSE), rng.randrange(2)
    if way == "edge_min":
        least = dict(full["arbitrage"]).get("edge_bps_min", 125 * E8 // 10) + rng.choice((1, E8))
        between = {
            names: bps + E8
            for names, bps in dict(full["arbitrage"]).get("edge_bps_min_between", {"coinbase|okx": 20 * E8}).items()
        }
        return {**plan, "arbitrage": (*full["arbitrage"], ("edge_bps_min", least), ("edge_bps_min_between", between))}
    if way == "unwind":
        return {**plan, "stop": full["stop"] + E8} if full["stop"] else plan
    if way == "fee":
        taker = dict(full[f"spot_rules_{venue}"]).get("taker_bps", 5 * E8)
        return {
            **plan,
            f"spot_rules_{venue}": (*full[f"spot_rules_{venue}"], ("taker_bps", taker + rng.choice((1, E8)))),
        }
    if way == "rate_age":
        at = full[f"rate_{venue}_at"]
        return plan if at == "missing" or min((at or (0,))[:2]) < 0 else {**plan, f"rate_{venue}_at": older(at)}
    if way == "thinner":
        key = f"{rng.choice(('bids', 'asks'))}_{venue}"
        return {**plan, key: tuple((price, quantity // 2) for price, quantity in full[key])}
    if way == "exposure":
        cap = dict(full["limits"]).get("exposure_usd_max", (100 if full["mode"] == "test" else 1_245) * E8)
        return {**plan, "limits": (*full["limits"], ("exposure_usd_max", cap - rng.choice((1, cap // 2))))}
    if way == "dearer":
        return {**plan, f"asks_{venue}": tuple((price + 5 * E8, quantity) for price, quantity in full[f"asks_{venue}"])}
    step = {"health": -E8 // 10, "open_interest": E8, "streak": 1}[way]
    return plan if full[way] is None else {**plan, way: full[way] + step}


def older(at: Any) -> Any:
    arrival_age, value_age, period = at or (0, 0, 0)
    return (arrival_age + 20 * SECOND, value_age, period)


def test_nothing_worse_or_tighter_ever_approves_a_pair_or_grants_it_more() -> None:
    """INVARIANT: G7"""
    rng = Random(SEED)
    for plan, _ in comparable(pair_cases(SEED + 2, 4_000)):
        worse = worsened(rng, plan)
        before, after = answer_pair(plan)[0], answer_pair(worse)[0]
        assert after[3] <= before[3], (plan, worse)
        assert not (before[0] == "REJECTED" and after[0] == "APPROVED"), (plan, worse)


def comparable(drawn: Any) -> list[tuple[Plan, Tags]]:
    """Return the cases that a worse number can only make worse.

    A leg that just missed a venue's minimum in USD may reach it at a dearer price, a dearer ask makes a crossed book whole, and
    lies nearer to the levels behind it.
    """
    odd = ("MINIMUM:notional_min_usd", "SPREAD:locked", "COLLAR")
    return [(plan, tags) for plan, tags in drawn if not any(tag.startswith(odd) for tag in tags)]
