"""Cases: a deterministic, boundary-biased stream of plans, the comparison of the two gates, and the shrinking of a difference.

In: a seed. Out: (overrides, tags) for ever the same; tags are `AIM:level`. Most cases bend one to three inputs of a calm world to their
limits; some bend up to eight.
"""

from __future__ import annotations

import pprint
from collections.abc import Callable, Iterator
from random import Random

from tests.oracle.aims import AIMS
from tests.oracle.aims_account import holdings
from tests.oracle.naive_gate import Judgement, judge
from tests.oracle.plan import ASSETS, CALM, E8, HOME, SECOND, Plan, build, trade
from tidegate.model.decision import Decision
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot

Tags = tuple[str, ...]
Gate = Callable[[Intent, Snapshot, Session, Limits], Decision]
HOW_MANY = (0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 5, 6, 8)


def cases(seed: int, count: int) -> Iterator[tuple[Plan, Tags]]:
    """Yield `count` cases of a seed."""
    rng = Random(seed)
    for _ in range(count):
        yield one(rng)


def one(rng: Random) -> tuple[Plan, Tags]:
    """Draw one case: who asks for what, perhaps some holdings, then a few aims in random order."""
    overrides = asker(rng)
    tags: list[str] = []
    if rng.randrange(4) == 0:
        overrides.update(holdings(rng, {**CALM, **overrides})[1])
    for _ in range(rng.choice(HOW_MANY)):
        name, aim = AIMS[rng.randrange(len(AIMS))]
        level, bent = aim(rng, {**CALM, **overrides})
        overrides.update(bent)
        tags.append(f"{name}:{level}")
    return overrides, tuple(tags)


def odd_cases() -> list[Plan]:
    """Return a few cases that are too odd to draw: prices that are none, stops a quantum from where a guard widens them to."""
    held: Plan = {"trades": (trade("D1", "ETH", "long", E8 // 1_000, 388 * E8 // 100, 3_869 * E8),)}
    thin, shock = {"asset": "BTC", "depth_usual": None}, {"asset": "SOL", "tip_ratio": 2 * E8}
    return [
        {"price": 0},
        {"price": -1},
        {"price": 0, "limit_price": 1},
        *({**held, "marks": (("ETH", mark, None),)} for mark in (0, -1)),
        *({**thin, "stop": 35 * E8 + step} for step in (-1, 0, 1)),
        *({**shock, "stop": 45 * E8 + step} for step in (-1, 0, 1)),
    ]


def asker(rng: Random) -> Plan:
    """Draw an asset, strategy, side, principal, mode, notional, stop and price; odd quanta make rounding matter."""
    asset = rng.choice(ASSETS)
    plan: Plan = {"asset": asset}
    if rng.randrange(2):
        plan["side"] = "short"
    pick = rng.randrange(10)
    if pick < 3:
        plan["strategy"] = "agent_pick"
    if pick == 4 and rng.randrange(4) == 0:
        plan["strategy"] = rng.choice((*HOME.values(), "no_such_strategy"))
    if rng.randrange(3) == 0:
        plan["principal"] = rng.choice(("agent:scout", "agent:scout", "strategy:x", "system:engine", "agent:stranger"))
    if rng.randrange(3) == 0:
        plan["mode"] = rng.choice(("test", "live"))
    if rng.randrange(2):
        plan["notional"] = 25 * E8 + rng.randrange(-(5 * E8), 30 * E8)
    if rng.randrange(2):
        plan["stop"] = 22 * E8 + rng.randrange(0, 40 * E8)
    if rng.randrange(8) == 0:
        plan["received_ago"] = rng.choice((1, -1, SECOND))
    if rng.randrange(4) == 0:
        plan["price"] = {"BTC": 10_840_200_000_000, "ETH": 388_000_000_000, "SOL": 18_700_000_000, "XRP": 236_000_000}[
            asset
        ]
        plan["price"] += rng.randrange(-999, 999)
    return plan


def told(decision: Decision) -> Judgement:
    """Return a decision in the oracle's terms."""
    rejecting = frozenset(finding.reason for finding in decision.findings if finding.rejects)
    order = decision.order
    lots, stop = (order.lots, order.stop_bps) if order is not None else (0, 0)
    return str(decision.verdict), decision.primary, rejecting, decision.approved_notional_usd, lots, stop


def answer(gate: Gate, plan: Plan) -> Judgement:
    """Return what a gate says about a plan, in the oracle's terms."""
    return told(gate(*build(plan)))


def differs(gate: Gate, plan: Plan) -> bool:
    """Say whether the gate and the oracle disagree about a plan in any part of the answer."""
    return answer(gate, plan) != judge(*build(plan))


def shrink(gate: Gate, plan: Plan) -> Plan:
    """Return a smallest set of overrides that still differs: leave out one key after the other until none can go."""
    smallest = dict(plan)
    going = True
    while going:
        going = False
        for key in list(smallest):
            without = {name: value for name, value in smallest.items() if name != key}
            if differs(gate, without):
                smallest, going = without, True
    return smallest


def reproduction(gate: Gate, seed: int, number: int, plan: Plan) -> str:
    """Say how two gates differ on a plan, in lines that can be pasted into Python at the root of the project."""
    small = shrink(gate, plan)
    got, wanted = answer(gate, small), judge(*build(small))
    parts = ("verdict", "primary", "rejecting", "approved_notional_usd", "lots", "stop_bps")
    lines = [f"the gate and the naive gate differ: seed {seed}, case {number}"]
    for part, said, should in zip(parts, got, wanted, strict=True):
        if said != should:
            shown = (sorted(said), sorted(should)) if isinstance(said, frozenset) else (said, should)  # type: ignore[arg-type]
            lines.append(f"  {part}: gate {shown[0]}, naive gate {shown[1]}")
    lines += [
        "reproduce:",
        "from tests.oracle.cases import answer, build, judge",
        "from tidegate.gate.decide import decide",
        f"plan = {pprint.pformat(small, width=120)}",
        "print(answer(decide, plan)); print(judge(*build(plan)))",
    ]
    return "\n".join(lines)
