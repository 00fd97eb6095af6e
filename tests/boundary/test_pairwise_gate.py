"""Every pair of {at, over, under, missing, stale} over all inputs of the gate, and a covering array that bends all of them at once.

The oracle is the naive gate; the promise is PROMISES 2.3, "pairwise over all checks, exhaustively".
"""

from __future__ import annotations

from itertools import combinations, product

import pytest

from tests.oracle.cases import differs, reproduction
from tests.oracle.factors import FACTORS, covering_array, every_pair, merged, pairs_in
from tests.oracle.plan import Plan
from tidegate.gate.decide import decide

BASES: dict[str, Plan] = {
    "a BTC short of its own strategy": {"side": "short"},
    "a SOL long on fees": {"asset": "SOL"},
    "an XRP short of an agent": {"asset": "XRP", "side": "short", "strategy": "agent_pick", "principal": "agent:scout"},
    "a BTC long, live": {"mode": "live"},
}


# All pairs on a short (every crowd rule speaks) and on the fee fade (every fee rule does); the other bases in the covering array.
PAIRED = ("a BTC short of its own strategy", "a SOL long on fees")


@pytest.mark.parametrize("base", [BASES[name] for name in PAIRED], ids=PAIRED)
def test_both_gates_agree_on_every_pair_of_levels(base: Plan) -> None:
    number = 0
    for one, other in combinations(FACTORS, 2):
        for level, beside in product(FACTORS[one].values(), FACTORS[other].values()):
            number += 1
            plan = merged(base, level, beside)
            if differs(decide, plan):
                pytest.fail(f"{one} with {other}: " + reproduction(decide, 0, number, plan), pytrace=False)
    assert number == len(every_pair(FACTORS))


def test_both_gates_agree_on_a_covering_array_with_every_input_bent_at_once() -> None:
    rows = covering_array(FACTORS)
    covered = set().union(*(pairs_in(row) for row in rows))
    assert covered == every_pair(FACTORS)
    for number, (row, base) in enumerate(product(rows, BASES.values())):
        plan = merged(base, *(FACTORS[factor][level] for factor, level in row.items()))
        if differs(decide, plan):
            pytest.fail(reproduction(decide, 0, number, plan), pytrace=False)
