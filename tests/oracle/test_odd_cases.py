"""Cases no stream draws: garbage that must never be approved, the worked example, and a pair's own rules."""

from __future__ import annotations

import msgspec
import pytest

from tests.oracle.cases import answer, odd_cases, told
from tests.oracle.naive_gate import judge
from tests.oracle.pair_cases import answer_pair, judge_pair
from tests.oracle.pair_plan import build_pair
from tests.oracle.plan import AT, E8, Plan, build, reservation, trade
from tidegate.gate.decide import decide
from tidegate.model.finding import Reason

R = Reason


@pytest.mark.parametrize("plan", odd_cases(), ids=str)
def test_the_two_gates_agree_on_odd_cases(plan: Plan) -> None:
    assert answer(decide, plan) == judge(*build(plan))


WORKED: Plan = {
    "positioning": 562 * E8 // 10,
    "funding_a": 29 * E8 // 10,
    "funding_b": -7 * E8 // 10,
    "open_interest": 298 * E8 // 100,
    "health": 245 * E8 // 100,
}


@pytest.mark.parametrize(
    ("bent", "verdict", "primary", "also", "granted"),
    [
        ({}, "APPROVED", None, (), 25 * E8),
        ({"side": "short"}, "REJECTED", R.L2_SHORTS_CROWDED, (R.L2_FUNDING_DIVERGENCE, R.L2_STRATEGY_GUARD), 0),
        ({"notional": 500 * E8}, "REJECTED", R.L1_NOTIONAL_TOO_LARGE, (), 0),
        ({"notional": 50 * E8, "open_interest": 320 * E8 // 100}, "APPROVED", None, (), 40 * E8),
        ({"health": 215 * E8 // 100}, "REJECTED", R.L3_HEALTH_FACTOR_LOW, (), 0),
        ({"day_pnl": -100 * E8, "losses": 2, "streak": 2}, "REJECTED", R.L1_DAILY_LOSS, (R.L3_LOSS_STREAK,), 0),
    ],
)
def test_both_gates_give_the_worked_example_of_the_specification(
    bent: Plan, verdict: str, primary: Reason | None, also: tuple[Reason, ...], granted: int
) -> None:
    for said in (answer(decide, {**WORKED, **bent}), judge(*build({**WORKED, **bent}))):
        assert (said[0], said[1], said[3]) == (verdict, primary, granted)
        assert set(also) <= said[2]


@pytest.mark.parametrize("notional_usd, lots", [(25, 2), (40, 3)])
def test_both_gates_floor_to_the_lots_of_the_specification(notional_usd: int, lots: int) -> None:
    plan = {"notional": notional_usd * E8}
    assert answer(decide, plan)[4] == judge(*build(plan))[4] == lots


@pytest.mark.parametrize("side", ["long", "short"])
def test_a_snapshot_of_another_asset_is_never_approved(side: str) -> None:
    said = answer(decide, {"side": side, "view_asset": "ETH"})
    assert said[0] == "REJECTED"
    assert R.L3_FEED_STALE in said[2]


def test_an_instrument_of_another_asset_is_never_approved() -> None:
    assert answer(decide, {"instrument": "okx:ETH-USDT-SWAP"})[:2] == ("REJECTED", R.L1_INSTRUMENT_UNKNOWN)


def test_an_open_trade_whose_instrument_is_no_longer_listed_leaves_the_risk_unknown() -> None:
    held = trade("D1", "ETH", "long", E8 // 1_000, 388_000_000, 386_900_000_000)
    intent, snapshot, session, limits = build({"trades": (held,), "marks": (("ETH", 388_000_000_000, None),)})
    left = {name: listed for name, listed in limits.instruments.items() if listed.asset != "ETH"}
    limits = msgspec.structs.replace(limits, instruments=left)
    said = told(decide(intent, snapshot, session, limits))
    assert said == judge(intent, snapshot, session, limits)
    assert said[2] == frozenset((R.L1_LOSS_AT_RISK,))


@pytest.mark.parametrize(
    ("bent", "rejecting"),
    [
        ({}, ()),
        ({"positioning": 60 * E8}, ()),
        ({"funding_a": 9 * E8}, ()),
        ({"positioning_at": "missing"}, ()),
        ({"squeeze": AT, "reservations": (reservation("D8", "BTC", "short", E8, 0),)}, ()),
        ({"notional": 400 * E8, "limits": (("exposure_usd_max", 800 * E8),)}, ()),
        ({"notional": 400 * E8, "limits": (("exposure_usd_max", 800 * E8 - 1),)}, (R.L1_EXPOSURE,)),
    ],
    ids=[
        "calm",
        "crowd",
        "funding",
        "no positioning",
        "squeeze, opposite side",
        "both legs at the cap",
        "both legs over it",
    ],
)
def test_arbitrage_is_judged_by_its_own_rules(bent: Plan, rejecting: tuple[Reason, ...]) -> None:
    said, legs = answer_pair(bent)
    assert (said, legs) == judge_pair(bent)
    assert said[2] == frozenset(rejecting)


def test_a_snapshot_without_the_pair_is_never_approved() -> None:
    said, _ = answer_pair({"pair": False})
    assert {R.L3_FEED_STALE, R.L3_COSTS_EXCEED_TARGET} <= said[2]


def test_one_leg_of_spot_alone_is_never_approved() -> None:
    intent, snapshot, session, limits = build_pair({"targets": (25 * E8,)})
    alone = msgspec.structs.replace(intent, hedge_instrument_id="")
    assert R.L1_INSTRUMENT_UNKNOWN in told(decide(alone, snapshot, session, limits))[2]
