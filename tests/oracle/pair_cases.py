"""Cases of two-leg intents: a deterministic stream of plans bent to the edges of the pair's own rules, and of those it shares.

In: a seed. Out: (overrides, tags) for ever the same. An aim that needs the net edge, the quantity or the risk works it out with the oracle's
own arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.oracle.aims import AIMS
from tests.oracle.cases import HOW_MANY, Tags, told
from tests.oracle.edges import STEPS, Aim, Aimed
from tests.oracle.naive_facts import ceil_div, risk_of
from tests.oracle.naive_gate import Judgement, judge
from tests.oracle.naive_pair import Leg, Way, best_way, known_pair, legs_of, order_legs
from tests.oracle.pair_plan import CALM_PAIR, NAMES, build_pair, pair_under_way
from tests.oracle.plan import AT, E8, SECOND, Plan
from tidegate.gate.decide import decide
from tidegate.model.decision import Decision

# Aims of the single-leg stream that mean the same for a pair; the others bend what a pair does not look at.
SHARED = (
    "L1_DISABLED",
    "L1_COLD_WALLET",
    "L1_NOTIONAL_TOO_LARGE",
    "L1_STOP_MISSING",
    "L1_DAILY_LOSS",
    "L1_TOO_MANY_OPEN",
    "L1_TEST_TRADES",
    "L2_OI_SPIKE",
    "L2_CONFIDENCE",
    "L3_HEALTH_FACTOR_LOW",
    "L3_LOSS_STREAK",
    "L4_HALTED",
    "L4_LOSSES",
    "L4_HEALTH_FACTOR_CRITICAL",
    "HEALTH_SUSPECTED",
    "STALE_open_interest",
    "STALE_health",
    "STALE_price",
    "STALE_book",
    "L2_SHORTS_CROWDED",
    "L2_FUNDING_DIVERGENCE",
    "L2_FRESH_SQUEEZE",
)


def chosen(plan: Plan) -> Way | None:
    """Return the direction that the oracle chooses for a plan, None where it cannot."""
    intent, snapshot, _, limits = build_pair(plan)
    legs = legs_of(intent, known_pair(intent, snapshot, limits), limits)
    return best_way(intent.notional_usd, legs) if legs is not None and intent.notional_usd > 0 else None


def venue_of(leg: Leg) -> int:
    """Return which of the plan's two venues a leg belongs to."""
    return 0 if leg[0].instrument_id == NAMES[0] else 1


def edge(rng: Random, plan: Plan) -> Aimed:
    """Put the minimum a quantum under, at, or over the net edge of the plan as it is."""
    found = chosen(plan)
    if found is None or found.edge is None:
        return "none", {}
    level, step = STEPS[rng.randrange(3)]
    between: Plan = {} if rng.randrange(3) == 0 else {"coinbase|okx": found.edge + step}
    rules = (("edge_bps_min", found.edge + step), ("edge_bps_min_between", between))
    return level, {"arbitrage": (*plan["arbitrage"], *rules)}


def prices(rng: Random, _plan: Plan) -> Aimed:
    """Move Coinbase's book: from under OKX's to far over it, so that either direction may be the better one."""
    mid = 10_860_000_000_000 + rng.randrange(-60_000_000_000, 60_000_000_000)
    half = rng.randrange(1, 40) * E8
    return "moved", {"bids_0": ladder(rng, mid - half, -1), "asks_0": ladder(rng, mid + half, 1)}


def ladder(rng: Random, best: int, direction: int) -> tuple[tuple[int, int], ...]:
    """Return one to six levels of odd sizes, some of them tiny."""
    price, found = best, []
    for _ in range(rng.randrange(1, 7)):
        found.append((price, rng.choice((1, 5_000, 9_000, 20_000, E8))))
        price += direction * rng.randrange(1, 40) * E8 // rng.choice((1, 3))
    return tuple(found)


def ladders(rng: Random, plan: Plan) -> Aimed:
    venue, side = rng.randrange(2), rng.choice(("bids", "asks"))
    best = plan[f"{side}_{venue}"][0][0] if plan[f"{side}_{venue}"] else 10_860_000_000_000
    return "drawn", {f"{side}_{venue}": ladder(rng, best, -1 if side == "bids" else 1)}


def depth(rng: Random, plan: Plan) -> Aimed:
    """Leave, in the book that is bought or sold, a quantum less, exactly, or a quantum more than the quantity."""
    found = chosen(plan)
    if found is None or found.quantity <= 2:
        return "none", {}
    level, step = STEPS[rng.randrange(3)]
    leg, side = rng.choice(((found.buy, "asks"), (found.sell, "bids")))
    key = f"{side}_{venue_of(leg)}"
    best = plan[key][0][0]
    worse = best + (1 if side == "asks" else -1) * E8
    return level, {key: ((best, 1), (worse, found.quantity - 1 + step))}


def collar(rng: Random, plan: Plan) -> Aimed:
    """Let the last quantum of a leg be taken a quantum nearer to its touch than the collar, exactly there, or a quantum further."""
    found = chosen(plan)
    if found is None or found.quantity <= 2:
        return "none", {}
    level, step = STEPS[rng.randrange(3)]
    leg, side = rng.choice(((found.buy, "asks"), (found.sell, "bids")))
    key, away = f"{side}_{venue_of(leg)}", 1 if side == "asks" else -1
    best = plan[key][0][0] // 10_000 * 10_000
    return level, {key: ((best, found.quantity - 1), (best + away * (best // 200 + step), E8))}


def empty(rng: Random, _plan: Plan) -> Aimed:
    key = rng.choice(("bids_0", "asks_0", "bids_1", "asks_1"))
    return "empty", {key: rng.choice(((), ((0, E8),), ((10_860_000_000_000, 0),)))}


def spread(rng: Random, _plan: Plan) -> Aimed:
    """Make one book exactly 5 bps wide (10 on 20,000), a quantum less, or a quantum more; or locked, or crossed by a quantum."""
    level, step = STEPS[rng.randrange(3)]
    venue, bid = rng.randrange(2), 19_995 * 543_000_000
    if rng.randrange(3) == 0:
        return f"locked_{level}", {f"bids_{venue}": ((bid, E8),), f"asks_{venue}": ((bid + step, E8),)}
    return level, {f"bids_{venue}": ((bid, E8),), f"asks_{venue}": ((20_005 * 543_000_000 + step, E8),)}


def another_market(_rng: Random, _plan: Plan) -> Aimed:
    return "wrong", {"view_asset": "ETH"}


def lots(rng: Random, plan: Plan) -> Aimed:
    """Give both venues odd lots, and put the notional a quantum under, at, or over a whole number of them."""
    own = rng.choice((1, 3, 10_000))
    other = rng.choice((1, 2, 7, 10_000, 15_000))
    rules: Plan = {"spot_rules_0": (("lot", own),), "spot_rules_1": (("lot", other),)}
    found = chosen({**plan, **rules})
    if found is None or found.quantity <= 0:
        return "none", rules
    level, step = STEPS[rng.randrange(3)]
    ask, bid = found.buy[1].asks[0][0], found.sell[1].bids[0][0]
    dearer = max(ceil_div(ask * found.buy[2], E8), ceil_div(bid * found.sell[2], E8))
    return level, {**rules, "notional": ceil_div(found.quantity * dearer, E8) + step}


def minimum(rng: Random, plan: Plan) -> Aimed:
    """Put one venue's minimum quantity or notional a quantum under, at, or over the leg."""
    found = chosen(plan)
    if found is None:
        return "none", {}
    level, step = STEPS[rng.randrange(3)]
    buying = rng.randrange(2) == 0
    leg, price = (found.buy, found.buy[1].asks[0][0]) if buying else (found.sell, found.sell[1].bids[0][0])
    key = f"spot_rules_{venue_of(leg)}"
    worth = price * found.quantity * leg[2] // E8**2
    rule = rng.choice((("quantity_min", found.quantity + step), ("notional_min_usd", worth + step)))
    return f"{rule[0]}_{level}", {key: (*plan[key], rule)}


def fees(rng: Random, plan: Plan) -> Aimed:
    key = rng.choice(("spot_rules_0", "spot_rules_1"))
    return "dearer", {key: (*plan[key], ("taker_bps", rng.choice((5, 6, 10, 60)) * E8 + rng.randrange(3)))}


def rate_value(rng: Random, _plan: Plan) -> Aimed:
    return "drawn", {rng.choice(("rate_0", "rate_1")): rng.choice((0, -1, 1, E8, 99_900_001, 100_100_000, 99_979_125))}


def rate_age(rng: Random, plan: Plan) -> Aimed:
    """Point either age of a rate at 30 s; a publication period must grant nothing."""
    oldest = dict(plan["arbitrage"]).get("rate_age_ns_max", 30 * SECOND)
    period = rng.choice((0, 300 * SECOND))
    pick = rng.randrange(9)
    key = rng.choice(("rate_0_at", "rate_1_at"))
    if pick < 6:
        level, step = STEPS[pick % 3]
        ages = (oldest + step, 0) if pick < 3 else (0, oldest + step)
        return f"{'arrival' if pick < 3 else 'value'}_{level}", {key: (*ages, period)}
    if pick == 8:
        return "missing", {key: "missing"}
    ahead = -2 * SECOND - (pick - 6)
    return ("future_equal", "future_over")[pick - 6], {key: (*rng.choice(((ahead, 0), (0, ahead))), period)}


def book_age(rng: Random, _plan: Plan) -> Aimed:
    period, key = rng.choice((0, 60 * SECOND)), rng.choice(("book_0_at", "book_1_at"))
    pick = rng.randrange(8)
    level, step = STEPS[pick % 3]
    if pick < 3:
        return f"arrival_{level}", {key: (5 * SECOND + step, 0, period)}
    if pick < 6:
        return f"value_{level}", {key: (0, period + 120 * SECOND + step, period)}
    return ("missing", {key: "missing"}) if pick == 6 else ("future_over", {key: (-2 * SECOND - 1, 0, period)})


def exposure(rng: Random, plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    return level, {"limits": (*plan["limits"], ("exposure_usd_max", 2 * plan["notional"] + step))}


def at_risk(rng: Random, plan: Plan) -> Aimed:
    """Point the room at the cost of unwinding, or at twice that, where the size is halved."""
    intent, _, _, limits = build_pair(plan)
    risk = risk_of(intent, plan["notional"], plan["stop"], limits)
    if risk is None:
        return "none", {}
    level, step = STEPS[rng.randrange(3)]
    half = rng.randrange(2)
    return f"half_{level}" if half else level, {
        "limits": (*plan["limits"], ("drawdown_usd_max", (1 + half) * risk + step))
    }


def listing(rng: Random, _plan: Plan) -> Aimed:
    cb, okx = NAMES
    names = rng.choice(
        (
            (okx, cb),
            (cb, cb),
            (okx, okx),
            (cb, "okx:BTC-USDT-SWAP"),
            ("kraken:BTC-USD", okx),
            (cb, "okx:ETH-USDT"),
            ("coinbase:ETH-USD", "okx:ETH-USDT"),
        )
    )
    shown = rng.choice((names, names, NAMES))
    return "turned" if names == (okx, cb) else "wrong", {"legs": names, "shown": shown}


def venues(rng: Random, plan: Plan) -> Aimed:
    given = rng.choice((("okx", "coinbase"), ("coinbase", "kraken"), ("coinbase", "okx", "kraken"), ()))
    return "drawn", {"arbitrage": (*plan["arbitrage"], ("venues", given))}


def another_strategy(rng: Random, _plan: Plan) -> Aimed:
    return "wrong", {"strategy": rng.choice(("agent_pick", "BTC_range_scalp", "no_such_strategy"))}


def absent(_rng: Random, _plan: Plan) -> Aimed:
    return "missing", {"pair": False}


def holding(rng: Random, _plan: Plan) -> Aimed:
    """Have a pair under way, even or not, with the marks of both its markets: fresh, at the edge of stale, or missing."""
    held = pair_under_way("D7", *rng.choice(((20_000, 0, -22 * E8), (20_000, 20_000, E8 // 20), (0, 20_000, 22 * E8))))
    _, step = STEPS[rng.randrange(3)]
    at = rng.choice((None, None, None, (5 * SECOND + step, 0, 0), "missing"))
    marks = ((NAMES[0], 10_900_000_000_000, None), (NAMES[1], 10_858_000_000_000, at))
    return "held", {"pairs": (held,), "spot_marks": marks}


def held_limit(rng: Random, plan: Plan) -> Aimed:
    """With a pair under way: put the exposure cap at everything that counts."""
    level, step = STEPS[rng.randrange(3)]
    held = {"pairs": (pair_under_way("D7", 20_000, 10_000, -11 * E8),)}
    marks = {"spot_marks": ((NAMES[0], 10_900_000_000_000, None), (NAMES[1], 10_858_000_000_000, None))}
    worth = 10_858_000_000_000 * 20_000 // E8 + 10_900_000_000_000 * 10_000 // E8
    cap = ("exposure_usd_max", worth + 2 * plan["notional"] + step)
    return level, {**held, **marks, "limits": (*plan["limits"], cap)}


def limit_price(_rng: Random, _plan: Plan) -> Aimed:
    return "given", {"limit_price": 10_860_000_000_000}


def cut(rng: Random, plan: Plan) -> Aimed:
    """Cut the size by open interest: the smaller order is judged again."""
    return "cut", {"open_interest": 3 * E8 + rng.choice((0, 1)), "notional": plan["notional"] + rng.randrange(1000)}


OWN: tuple[tuple[str, Aim], ...] = (
    ("EDGE", edge),
    ("PRICES", prices),
    ("LADDERS", ladders),
    ("DEPTH", depth),
    ("COLLAR", collar),
    ("EMPTY", empty),
    ("SPREAD", spread),
    ("MARKET", another_market),
    ("LOTS", lots),
    ("MINIMUM", minimum),
    ("FEES", fees),
    ("RATE_VALUE", rate_value),
    ("RATE_AGE", rate_age),
    ("BOOK_AGE", book_age),
    ("EXPOSURE", exposure),
    ("AT_RISK", at_risk),
    ("LISTING", listing),
    ("VENUES", venues),
    ("STRATEGY", another_strategy),
    ("ABSENT", absent),
    ("HOLDING", holding),
    ("HELD_LIMIT", held_limit),
    ("LIMIT_PRICE", limit_price),
    ("CUT", cut),
)
_NAMED = dict(AIMS)
ALL: tuple[tuple[str, Aim], ...] = (*OWN, *OWN, *((name, _NAMED[name]) for name in SHARED))


def pair_cases(seed: int, count: int) -> Iterator[tuple[Plan, Tags]]:
    """Yield `count` cases of a seed; the last aim is often the edge, for every other bend moves it."""
    rng = Random(seed)
    for _ in range(count):
        overrides: Plan = {}
        tags: list[str] = []
        if rng.randrange(2):
            overrides["notional"] = 25 * E8 + rng.randrange(-(20 * E8), 60 * E8)
        aims = [ALL[rng.randrange(len(ALL))] for _ in range(rng.choice(HOW_MANY))]
        for name, aim in [*aims, ("EDGE", edge)] if rng.randrange(3) == 0 else aims:
            level, bent = aim(rng, {**CALM_PAIR, **overrides})
            overrides.update(bent)
            tags.append(f"{name}:{level}")
        yield overrides, tuple(tags)


def told_pair(decision: Decision) -> tuple[Judgement, Any]:
    """Return a decision about a pair in the oracle's terms: what is told of every decision, and the legs."""
    order = decision.order
    legs = () if order is None else tuple(tuple(getattr(leg, f) for f in leg.__struct_fields__) for leg in order.legs)
    return told(decision), legs


def judge_pair(plan: Plan) -> tuple[Judgement, Any]:
    """Return the oracle's judgement of a plan, and the legs it would trade."""
    intent, snapshot, session, limits = build_pair(plan)
    said = judge(intent, snapshot, session, limits)
    if said[0] != "APPROVED":
        return said, ()
    legs = legs_of(intent, known_pair(intent, snapshot, limits), limits)
    assert legs is not None
    return said, order_legs(best_way(said[3], legs), said[5])


def answer_pair(plan: Plan) -> tuple[Judgement, Any]:
    """Return what the gate says about a plan, in the oracle's terms."""
    return told_pair(decide(*build_pair(plan)))


__all__ = ["ALL", "AT", "answer_pair", "judge_pair", "pair_cases"]
