"""Plans of two-leg intents: the plan of `plan.py` with both books, rates, venues and pairs under way beside it.

In: overrides over `CALM_PAIR` (which is approved). Out: the four values of `decide`. Keys ending in _0 are Coinbase's (USD), in _1 OKX's
(USDT); `book_0_at`, `rate_1_at` and so on as in `plan.py`: None, "missing", or (arrival age, value age, period).
"""

from __future__ import annotations

from typing import Any

import msgspec

from tests.oracle.plan import AT, CALM, E8, Four, Plan, build, principal_of
from tests.support import pair_world as world
from tidegate.model.limits import Limits
from tidegate.model.pair import PairTrade
from tidegate.model.snapshot import LegView, Missing, PairView, Reading, Snapshot

NAMES = (world.CB, world.OKX)
CALM_PAIR: Plan = {
    **CALM,
    "strategy": world.KEY,
    "targets": (),
    "legs": NAMES,
    "shown": NAMES,
    "pair": True,
    "bids_0": world.levels(world.CB_BID, -E8, *(E8,) * 6),
    "asks_0": world.levels(world.CB_ASK, E8, *(E8,) * 6),
    "bids_1": world.levels(world.OKX_BID, -E8, *(E8,) * 6),
    "asks_1": world.levels(world.OKX_ASK, E8, *(E8,) * 6),
    "book_0_at": None,
    "book_1_at": None,
    "rate_0": E8,
    "rate_1": world.USDT,
    "rate_0_at": None,
    "rate_1_at": None,
    "spot_rules_0": (),
    "spot_rules_1": (),
    "arbitrage": (),
    "pairs": (),
    "spot_marks": (),
}


def build_pair(overrides: Plan) -> Four:
    """Return the four values of `decide` for a plan: `CALM_PAIR` with overrides."""
    plan = {**CALM_PAIR, **overrides}
    intent, snapshot, session, limits = build({key: value for key, value in plan.items() if key in CALM})
    intent = msgspec.structs.replace(intent, instrument_id=plan["legs"][0], hedge_instrument_id=plan["legs"][1])
    session = msgspec.structs.replace(session, pairs={each["id"]: _under_way(each) for each in plan["pairs"]})
    return intent, _with_pair(snapshot, plan), session, pair_limits(limits, plan)


def pair_limits(base: Limits, plan: Plan) -> Limits:
    """Return limits with both venues' spot instruments and the arbitrage's rules, with the plan's changes."""
    full = world.limits(
        msgspec.structs.replace(world.spot("coinbase"), **dict(plan["spot_rules_0"])),
        msgspec.structs.replace(world.spot("okx"), **dict(plan["spot_rules_1"])),
    )
    rules = msgspec.structs.replace(world.arbitrage(), **dict(plan["arbitrage"]))
    return msgspec.structs.replace(base, instruments=full.instruments, arbitrage=rules)


def pair_under_way(trade_id: str, bought: int, sold: int, cash_usd: int) -> Plan:
    """Return a pair of 0.0002 BTC that buys at OKX and sells at Coinbase."""
    return {"id": trade_id, "bought": bought, "sold": sold, "cash": cash_usd}


def _under_way(spec: Plan) -> PairTrade:
    return PairTrade(
        trade_id=spec["id"],
        principal=principal_of("operator:anna"),
        strategy=world.KEY,
        asset="BTC",
        buy_instrument_id=world.OKX,
        sell_instrument_id=world.CB,
        opened_ns=AT - 1,
        quantity=20_000,
        unwind_bps=28 * E8,
        bought_quantity=spec["bought"],
        sold_quantity=spec["sold"],
        cash_usd=spec["cash"],
    )


def _with_pair(snapshot: Snapshot, plan: Plan) -> Snapshot:
    marks = {**snapshot.marks}
    for name, value, at in plan["spot_marks"]:
        if (mark := _reading(value, at)) is not None:
            marks[name] = mark
    legs = PairView(_leg(plan, 0), _leg(plan, 1)) if plan["pair"] else None
    return msgspec.structs.replace(snapshot, marks=marks, pair=legs)


def _leg(plan: Plan, number: int) -> LegView | Missing:
    """Return the book that stands in one place of the pair: that of the venue whose name is shown there."""
    shown = plan["shown"][number]
    venue = 0 if shown == NAMES[0] else 1
    at = plan[f"book_{venue}_at"]
    if at == "missing":
        return Missing("no source")
    arrival_age, value_age, period = at or (0, 0, 0)
    rate = _reading(plan[f"rate_{venue}"], plan[f"rate_{venue}_at"]) or Missing("no source")
    levels = plan[f"bids_{venue}"], plan[f"asks_{venue}"]
    return LegView(shown, *levels, "test", AT - value_age, AT - arrival_age, rate, period)


def _reading(value: int, at: Any) -> Reading | None:
    if at == "missing":
        return None
    arrival_age, value_age, period = at or (0, 0, 0)
    return Reading(value, "test", AT - value_age, AT - arrival_age, period)
