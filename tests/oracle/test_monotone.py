"""The gate is monotone (PROMISES G7): a worse number or a tighter limit never approves what was refused, nor grants more.

The naive gate is not asked here: the law is checked on the gate itself, by bending one number of a drawn case for the worse.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.oracle.cases import answer, cases, reproduction
from tests.oracle.plan import CALM, E8, Plan
from tidegate.gate.decide import decide

# Which way is worse; a crowd or a funding spread is worse for shorts only.
WORSE = {
    "open_interest": 1,
    "health": -1,
    "spread": 1,
    "depth": -1,
    "tip_ratio": 1,
    "day_pnl": -1,
    "peak": 1,
    "confidence": -1,
    "stop": 1,
}
WORSE_FOR_SHORTS = {"positioning": 1, "funding_a": 1, "funding_b": -1}
MORE = ("streak", "losses", "entries_day")
TIGHTER = {
    "notional_usd_max": 415 * E8,
    "exposure_usd_max": 100 * E8,
    "daily_loss_usd_max": 100 * E8,
    "drawdown_usd_max": 1_992_000_000,
    "stop_bps_max": 500 * E8,
    "oi_change_pct_max": 3 * E8,
}
CHANGES, SEED = 20_000, 99


def worsened(rng: Random, plan: Plan) -> Plan:
    """Return the plan with one number worse, by a quantum or by a lot; the plan itself when the drawn number is absent."""
    full = {**CALM, **plan}
    ways = {**WORSE, **(WORSE_FOR_SHORTS if full["side"] == "short" else {})}
    key = rng.choice((*ways, *MORE, *TIGHTER))
    if key in MORE:
        return {**plan, key: full[key] + 1}
    if key in TIGHTER:
        bounds = dict(full["limits"])
        if full["mode"] != "test" and key == "exposure_usd_max":
            return plan
        bound = bounds.get(key, TIGHTER[key])
        bounds[key] = bound - rng.choice((1, E8 // 10, bound // 2, bound * 9 // 10))
        return {**plan, "limits": tuple(bounds.items())}
    number = full[key]
    # A stop of zero or less is no stop: making it one is not making it worse.
    if number is None or (key == "stop" and number <= 0):
        return plan
    return {**plan, key: number + ways[key] * rng.choice((1, E8 // 10, E8, 20 * E8, 1_000 * E8))}


def test_nothing_worse_or_tighter_ever_approves_more() -> None:
    rng = Random(SEED)
    for number, (plan, _) in enumerate(cases(SEED, CHANGES)):
        worse = worsened(rng, plan)
        before, after = answer(decide, plan), answer(decide, worse)
        if after[3] > before[3] or (before[0] == "REJECTED" and after[0] == "APPROVED"):
            pytest.fail(f"{before} became {after}: {reproduction(decide, SEED, number, worse)}", pytrace=False)
