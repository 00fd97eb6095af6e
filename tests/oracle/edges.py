"""The small tools of the aims: levels, steps of one quantum, and changes of limits.

In: a random source, a limit, a plan. Out: a level's name and the value or overrides that reach it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.oracle.plan import E8, Plan, limits_of
from tidegate.model.limits import Limits

Aimed = tuple[str, Plan]
Aim = Callable[[Random, Plan], Aimed]

STEPS = (("under", -1), ("equal", 0), ("over", 1))
LOT = {"BTC": E8 // 10_000, "ETH": E8 // 1_000, "SOL": E8 // 100, "XRP": E8}


def near(rng: Random, limit: int, far: int = E8) -> tuple[str, int]:
    """Return a level and the value one quantum under, at, one quantum over, or far from a limit."""
    pick = rng.randrange(8)
    if pick < 6:
        level, step = STEPS[pick % 3]
        return level, limit + step
    return ("far_over", limit + rng.randrange(1, far)) if pick == 6 else ("far_under", limit - rng.randrange(1, far))


def limits_in(plan: Plan) -> Limits:
    return limits_of(
        plan["mode"],
        plan["asset"],
        plan["limits"],
        plan["instrument_rules"],
        plan["strategy_rules"],
        plan["agent_rules"],
    )


def changed(plan: Plan, key: str, *pairs: tuple[str, Any]) -> Plan:
    return {key: tuple(plan[key]) + pairs}
