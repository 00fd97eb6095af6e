"""Each check decides by itself (PROMISES G13, MC/DC): for every check a pair of cases that differ in one input only, with other verdicts.

The pairs stand on the edge itself: what the specification says about "equal" is one half of each. Every reason code must have a pair,
and every input that can be unknown must have one under the code of each check that needs it (G8).
"""

from __future__ import annotations

import pytest

from tests.oracle.cases import answer
from tests.oracle.naive_gate import judge
from tests.oracle.plan import AT, E8, SECOND, Plan, build, reservation
from tidegate.gate.decide import decide
from tidegate.model.finding import Reason

R = Reason
SHORT: Plan = {"side": "short"}
TESTING: Plan = {"mode": "test"}
SCOUT: Plan = {"principal": "agent:scout"}
XRP_SHORT: Plan = {"asset": "XRP", "side": "short", "strategy": "agent_pick", "positioning": 53 * E8}
COLD = "bc1qcoldstorage0000000000000000000000000"


def _slots(count: int) -> Plan:
    return {"reservations": tuple(reservation(f"D{n}", "ETH", "long", E8, 0) for n in range(10, 10 + count))}


def _held(asset: str, side: str, usd: int = E8, risk_usd: int = 0) -> Plan:
    return {"reservations": (reservation("D10", asset, side, usd, risk_usd),)}


def _twin(age: int) -> Plan:
    return {"recent": ((age, "operator:anna", "BTC", "long", 25 * E8),)}


def _earlier(count: int, age: int) -> Plan:
    return {"recent": tuple((age, "operator:anna", "ETH", "long", 7 * E8 + n) for n in range(count))}


def _halt(cause: Reason, *assets: str) -> Plan:
    return {"halts": ((cause.value, assets),)}


# code, what both cases share, the input that is approved, the same input refused
PAIRS: tuple[tuple[Reason, Plan, Plan, Plan], ...] = (
    (R.L1_DISABLED, {}, {"limits": (("trading_enabled", True),)}, {"limits": (("trading_enabled", False),)}),
    (R.L1_DISABLED, {}, {"intent_mode": "paper"}, {"intent_mode": "live"}),
    (R.L1_DISABLED, {}, {"session_mode": "paper"}, {"session_mode": "test"}),
    (
        R.L1_DISABLED,
        TESTING,
        {"strategy_rules": (("mode_ceiling", "test"),)},
        {"strategy_rules": (("mode_ceiling", "paper"),)},
    ),
    (
        R.L1_DISABLED,
        {**TESTING, **SCOUT},
        {"agent_rules": (("mode_ceiling", "test"),)},
        {"agent_rules": (("mode_ceiling", "paper"),)},
    ),
    (R.L1_DISABLED, SCOUT, {"mode": "live"}, {"mode": "live", "principal": "agent:stranger"}),
    (R.L1_INSTRUMENT_UNKNOWN, {}, {"instrument": "okx:BTC-USDT-SWAP"}, {"instrument": "okx:DOGE-USDT-SWAP"}),
    (R.L1_COLD_WALLET, {}, {"addresses": ("bc1qhot",)}, {"addresses": (COLD,)}),
    (R.L1_COLD_WALLET, {}, {"addresses": ("bc1qhot",)}, {"addresses": (COLD.upper(),)}),
    (R.L1_NOTIONAL_TOO_LARGE, {}, {"notional": 415 * E8}, {"notional": 415 * E8 + 1}),
    (R.L1_NOTIONAL_TOO_SMALL, {}, {"notional": 1_084_020_000}, {"notional": 1_084_019_999}),
    (R.L1_NOTIONAL_TOO_SMALL, {"open_interest": 4 * E8}, {"notional": 1_355_025_000}, {"notional": 1_355_024_999}),
    (R.L1_STOP_MISSING, {}, {"stop": 1}, {"stop": None}),
    (R.L1_STOP_MISSING, {}, {"stop": 1}, {"stop": 0}),
    (R.L1_STOP_TOO_WIDE, {}, {"stop": 500 * E8}, {"stop": 500 * E8 + 1}),
    (
        R.L1_STOP_TOO_WIDE,
        {"depth": 1},
        {"limits": (("stop_bps_max", 35 * E8),)},
        {"limits": (("stop_bps_max", 35 * E8 - 1),)},
    ),
    (R.L1_DAILY_LOSS, {"peak": -90 * E8}, {"day_pnl": -90 * E8}, {"day_pnl": -100 * E8}),
    (R.L1_DAILY_LOSS, {}, {"ledger": ((86_400 * SECOND, -100 * E8),)}, {"ledger": ((86_400 * SECOND - 1, -100 * E8),)}),
    (R.L1_LOSS_AT_RISK, {}, _held("ETH", "long", E8, 1_982_500_000), _held("ETH", "long", E8, 1_982_500_001)),
    (R.L1_TOO_MANY_OPEN, {}, _slots(2), _slots(3)),
    (R.L1_EXPOSURE, {}, _held("ETH", "long", 1_220 * E8), _held("ETH", "long", 1_220 * E8 + 1)),
    (R.L1_EXPOSURE, TESTING, _held("ETH", "long", 75 * E8), _held("ETH", "long", 75 * E8 + 1)),
    (R.L1_TEST_TRADES, TESTING, {"entries_day": 2}, {"entries_day": 3}),
    (R.L1_PRICE_COLLAR, {}, {"limit_price": 10_894_401_000_000}, {"limit_price": 10_894_401_000_001}),
    (R.L1_PRICE_COLLAR, {}, {"limit_price": 10_785_999_000_000}, {"limit_price": 10_785_998_999_999}),
    (R.L1_OPPOSITE_SIDE, {}, _held("BTC", "long"), _held("BTC", "short")),
    (R.L1_DUPLICATE, {}, _twin(2 * SECOND + 1), _twin(2 * SECOND)),
    (R.L1_DUPLICATE, _twin(SECOND), {"idempotency_key": "k"}, {"idempotency_key": None}),
    (R.L1_RATE, {}, _earlier(4, SECOND - 1), _earlier(5, SECOND - 1)),
    (R.L1_RATE, {}, _earlier(59, 60 * SECOND - 1), _earlier(60, 60 * SECOND - 1)),
    (R.L2_SHORTS_CROWDED, {**SHORT, "strategy": "agent_pick"}, {"positioning": 54 * E8}, {"positioning": 54 * E8 + 1}),
    (R.L2_SHORTS_CROWDED, SHORT, {"positioning_kind": "account_ratio"}, {"positioning_kind": "top_position"}),
    (
        R.L2_FUNDING_DIVERGENCE,
        {**SHORT, "strategy": "agent_pick"},
        {"funding_a": 125_000_000},
        {"funding_a": 125_000_001},
    ),
    (R.L2_OI_SPIKE, {}, {"open_interest_at": (120 * SECOND, 0, 0)}, {"open_interest_at": (120 * SECOND + 1, 0, 0)}),
    (R.L2_FRESH_SQUEEZE, SHORT, {"squeeze": AT - 3_600 * SECOND - 1}, {"squeeze": AT - 3_600 * SECOND}),
    (R.L2_STRATEGY_GUARD, SHORT, {"funding_a": 120_000_000 - 1}, {"funding_a": 120_000_000}),
    (R.L2_STRATEGY_GUARD, XRP_SHORT, {"top3_falling": False}, {"top3_falling": True}),
    (R.L2_STRATEGY_GUARD, {**XRP_SHORT, "top3_falling": True}, {"positioning": 53 * E8 - 1}, {"positioning": 53 * E8}),
    (R.L2_STRATEGY_GUARD, SHORT, {"positioning": 54 * E8}, {"positioning": 54 * E8 + 1}),
    (R.L2_CONFIDENCE, {}, {"confidence": 80_000_000}, {"confidence": 79_999_999}),
    (R.L3_HEALTH_FACTOR_LOW, {}, {"health": 220_000_000}, {"health": 219_999_999}),
    (
        R.L3_HEALTH_FACTOR_LOW,
        {"health": None},
        {"limits": (("aave_configured", False),)},
        {"limits": (("aave_configured", True),)},
    ),
    (R.L3_DAILY_TRADE_CAP, {}, {"entries_day": 5}, {"entries_day": 6}),
    (R.L3_DAILY_TRADE_CAP, {}, {"entries_by": (("BTC_range_scalp", 5),)}, {"entries_by": (("BTC_range_scalp", 6),)}),
    (R.L3_DAILY_TRADE_CAP, SCOUT, {"entries_by": (("agent:scout", 3),)}, {"entries_by": (("agent:scout", 4),)}),
    (
        R.L3_DAILY_TRADE_CAP,
        {"strategy_rules": (("cooldown_ns", 900 * SECOND),)},
        {"last_entry_ago": (("BTC_range_scalp", 900 * SECOND),)},
        {"last_entry_ago": (("BTC_range_scalp", 900 * SECOND - 1),)},
    ),
    (R.L3_LOSS_STREAK, {}, {"streak": 1}, {"streak": 2}),
    (
        R.L3_FEED_STALE,
        {"asset": "SOL"},
        {"priority_fee_at": (30 * SECOND, 0, 0)},
        {"priority_fee_at": (30 * SECOND + 1, 0, 0)},
    ),
    (
        R.L3_FEED_STALE,
        {},
        {"price_at": (0, 420 * SECOND, 300 * SECOND)},
        {"price_at": (0, 420 * SECOND + 1, 300 * SECOND)},
    ),
    (R.L3_SPREAD_WIDE, {}, {"spread": 5 * E8}, {"spread": 5 * E8 + 1}),
    (R.L3_COSTS_EXCEED_TARGET, {}, {"targets": (11 * E8 + 1,)}, {"targets": (11 * E8,)}),
    (R.L4_HALTED, {}, {"flattening": False}, {"flattening": True}),
    *(
        (cause, {}, _halt(cause, "ETH"), _halt(cause, "BTC", "SOL"))
        for cause in (R.L4_FEED_OUTAGE, R.L4_RECONCILE, R.L4_JOURNAL, R.L4_CLOCK, R.L4_OPERATOR, R.L4_LOSSES)
    ),
    (R.L4_SESSION_DRAWDOWN, {}, {"peak": 1_992_000_000 - 9_500_000}, {"peak": 1_992_000_000}),
    (R.L4_SESSION_DRAWDOWN, {}, {"drawdown_suspected": 0}, {"drawdown_suspected": AT - SECOND}),
    (R.L4_LOSSES, {}, {"losses": 4}, {"losses": 5}),
    (
        R.L4_HEALTH_FACTOR_CRITICAL,
        {"limits": (("health_factor_min", 190_000_000),)},
        {"health": 200_000_000},
        {"health": 199_999_999},
    ),
    (R.L4_HEALTH_FACTOR_CRITICAL, {}, {"health_suspected": 0}, {"health_suspected": AT - SECOND}),
)

# input that may be missing, what the case is, the codes that cannot judge without it
UNKNOWNS: tuple[tuple[str, Plan, tuple[Reason, ...]], ...] = (
    ("price", {"limit_price": 10_840_200_000_000}, (R.L1_NOTIONAL_TOO_SMALL, R.L1_PRICE_COLLAR, R.L3_FEED_STALE)),
    ("book", {}, (R.L2_STRATEGY_GUARD, R.L3_FEED_STALE, R.L3_SPREAD_WIDE, R.L3_COSTS_EXCEED_TARGET)),
    ("open_interest", {}, (R.L2_OI_SPIKE, R.L3_FEED_STALE)),
    ("positioning", SHORT, (R.L2_SHORTS_CROWDED, R.L2_STRATEGY_GUARD, R.L3_FEED_STALE)),
    ("funding_a", SHORT, (R.L2_FUNDING_DIVERGENCE, R.L2_STRATEGY_GUARD, R.L3_FEED_STALE)),
    ("funding_b", SHORT, (R.L2_FUNDING_DIVERGENCE, R.L2_STRATEGY_GUARD, R.L3_FEED_STALE)),
    ("squeeze", SHORT, (R.L2_FRESH_SQUEEZE, R.L3_FEED_STALE)),
    ("priority_fee", {"asset": "SOL"}, (R.L3_FEED_STALE,)),
    ("tip_ratio", {"asset": "SOL"}, (R.L2_STRATEGY_GUARD, R.L3_FEED_STALE)),
    ("health", {}, (R.L3_HEALTH_FACTOR_LOW, R.L3_FEED_STALE, R.L4_HEALTH_FACTOR_CRITICAL)),
)
UNFIT = {
    "missing": "missing",
    "stale": (301 * SECOND, 0, 0),
    "stale value": (0, 121 * SECOND, 0),
    "from the future": (-2 * SECOND - 1, 0, 0),
}


@pytest.mark.parametrize(
    ("reason", "shared", "approved", "refused"), PAIRS, ids=[f"{n}-{pair[0]}" for n, pair in enumerate(PAIRS)]
)
def test_one_input_turns_an_approval_into_a_refusal(
    reason: Reason, shared: Plan, approved: Plan, refused: Plan
) -> None:
    for said in (answer(decide, {**shared, **approved}), judge(*build({**shared, **approved}))):
        assert said[0] == "APPROVED", said
    for said in (answer(decide, {**shared, **refused}), judge(*build({**shared, **refused}))):
        assert said[0] == "REJECTED"
        assert reason in said[2]


def test_every_reason_has_a_pair() -> None:
    assert {pair[0] for pair in PAIRS} == set(Reason)


@pytest.mark.parametrize("how", UNFIT)
@pytest.mark.parametrize(("name", "shared", "codes"), UNKNOWNS, ids=[row[0] for row in UNKNOWNS])
def test_an_unfit_input_refuses_under_the_code_of_every_check_that_needs_it(
    name: str, how: str, shared: Plan, codes: tuple[Reason, ...]
) -> None:
    assert answer(decide, shared)[0] == "APPROVED"
    plan = {**shared, f"{name}_at": UNFIT[how]}
    for said in (answer(decide, plan), judge(*build(plan))):
        assert said[2] == frozenset(codes)


@pytest.mark.parametrize("name", ["positioning", "funding_a", "funding_b", "squeeze", "priority_fee", "tip_ratio"])
def test_a_long_does_not_need_what_only_shorts_and_the_fee_fade_need(name: str) -> None:
    assert answer(decide, {f"{name}_at": "missing"})[0] == "APPROVED"


@pytest.mark.parametrize("mark", ["missing", "stale"])
def test_an_open_trade_without_a_fresh_mark_leaves_the_account_unknown(mark: str) -> None:
    held = {
        "id": "D1",
        "asset": "ETH",
        "side": "long",
        "quantity": E8 // 1_000,
        "cost": 388_000_000,
        "stop_price": 386_900_000_000,
    }
    trades = ({**held, "strategy": "ETH_mirror_btc", "principal": "operator:anna"},)
    fresh: Plan = {"trades": trades, "marks": (("ETH", 388_000_000_000, (5 * SECOND, 120 * SECOND, 0)),)}
    aged = () if mark == "missing" else (("ETH", 388_000_000_000, (5 * SECOND + 1, 0, 0)),)
    assert answer(decide, fresh)[0] == "APPROVED"
    expected = frozenset((R.L1_DAILY_LOSS, R.L1_LOSS_AT_RISK, R.L1_EXPOSURE, R.L4_SESSION_DRAWDOWN))
    for said in (answer(decide, {**fresh, "marks": aged}), judge(*build({**fresh, "marks": aged}))):
        assert said[2] == expected
