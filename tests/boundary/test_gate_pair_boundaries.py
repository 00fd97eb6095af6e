"""The rules of a pair at their boundaries: listing, lots, minimums, unwinding, exposure, entries, and what does not concern it."""

from __future__ import annotations

import msgspec
import pytest

from tests.support import gate_world
from tests.support import pair_world as world
from tests.support.gate_case import ADJUSTED, FAILED, NOT_APPLICABLE, PASSED, UNKNOWN
from tests.support.pair_case import (
    BOOK_NS,
    EDGE,
    GONE,
    QUANTITY,
    Row,
    check,
    dearer_fee,
    decided,
    okx_rate,
    rate,
)
from tests.support.pair_world import AT, CB, OKX, leg
from tidegate.gate.decide import decide
from tidegate.model.finding import Reason as R
from tidegate.model.snapshot import PairView, Reading
from tidegate.units import ONE, fixed

TOUCH_USD = {"cb": fixed(109_000) * QUANTITY // ONE, "okx": fixed(108_601) * world.USDT // ONE * QUANTITY // ONE}
UNWIND_USD = fixed("0.095")  # 25 USD x (28 + 2 x 5) bps

LISTING = (
    Row("the seed's pair", R.L1_INSTRUMENT_UNKNOWN, PASSED),
    Row(
        "turned round",
        R.L1_INSTRUMENT_UNKNOWN,
        PASSED,
        PairView(leg(OKX), leg(CB)),
        {"instrument_id": OKX, "hedge_instrument_id": CB},
    ),
    Row("one venue twice", R.L1_INSTRUMENT_UNKNOWN, FAILED, intent={"hedge_instrument_id": CB}),
    Row("a leg nobody lists", R.L1_INSTRUMENT_UNKNOWN, FAILED, intent={"hedge_instrument_id": "kraken:BTC/USD"}),
    Row("a perpetual as a leg", R.L1_INSTRUMENT_UNKNOWN, FAILED, intent={"hedge_instrument_id": gate_world.BTC}),
    Row("another asset as a leg", R.L1_INSTRUMENT_UNKNOWN, FAILED, intent={"hedge_instrument_id": "okx:ETH-USDT"}),
    Row(
        "a venue not configured",
        R.L1_INSTRUMENT_UNKNOWN,
        FAILED,
        limits=world.limits(arbitrage=world.arbitrage(venues=("coinbase", "kraken"))),
    ),
    Row("no arbitrage configured", R.L1_INSTRUMENT_UNKNOWN, FAILED, limits=world.limits(arbitrage=None)),
    Row("another strategy", R.L1_INSTRUMENT_UNKNOWN, FAILED, intent={"strategy": "agent_pick"}),
)
SIZE = (
    Row("the largest leg", R.L1_NOTIONAL_TOO_LARGE, PASSED, intent={"notional_usd": fixed(415)}),
    Row("a leg over the largest", R.L1_NOTIONAL_TOO_LARGE, FAILED, intent={"notional_usd": fixed(415) + 1}),
    Row(
        "exactly one lot of both",
        R.L1_NOTIONAL_TOO_SMALL,
        PASSED,
        intent={"notional_usd": fixed("10.9")},
        limits=world.limits(world.spot("okx", lot=10_000)),
    ),
    Row(
        "just under one lot",
        R.L1_NOTIONAL_TOO_SMALL,
        FAILED,
        intent={"notional_usd": fixed("10.9") - 1},
        limits=world.limits(world.spot("okx", lot=10_000)),
    ),
    Row(
        "the sale's minimum notional",
        R.L1_NOTIONAL_TOO_SMALL,
        PASSED,
        limits=world.limits(world.spot(notional_min_usd=TOUCH_USD["cb"])),
    ),
    Row(
        "under the sale's minimum",
        R.L1_NOTIONAL_TOO_SMALL,
        FAILED,
        limits=world.limits(world.spot(notional_min_usd=TOUCH_USD["cb"] + 1)),
    ),
    Row(
        "the buy's minimum quantity",
        R.L1_NOTIONAL_TOO_SMALL,
        PASSED,
        limits=world.limits(world.spot("okx", quantity_min=QUANTITY)),
    ),
    Row(
        "under the buy's minimum quantity",
        R.L1_NOTIONAL_TOO_SMALL,
        FAILED,
        limits=world.limits(world.spot("okx", quantity_min=QUANTITY + 1)),
    ),
    Row(
        "the buy's minimum notional in its own rate",
        R.L1_NOTIONAL_TOO_SMALL,
        FAILED,
        limits=world.limits(world.spot("okx", notional_min_usd=TOUCH_USD["okx"] + 2)),
    ),
    Row("no rate", R.L1_NOTIONAL_TOO_SMALL, UNKNOWN, okx_rate(GONE), says="rate of USDT missing"),
    Row("unwinding as wide as a stop may be", R.L1_STOP_TOO_WIDE, PASSED, intent={"stop_bps": fixed(500)}),
    Row("unwinding too wide", R.L1_STOP_TOO_WIDE, FAILED, intent={"stop_bps": fixed(500) + 1}),
    Row("no unwinding", R.L1_STOP_MISSING, FAILED, intent={"stop_bps": None}),
)
ACCOUNT = (
    Row("unwinding fits the room", R.L1_LOSS_AT_RISK, ADJUSTED, limits=world.limits(drawdown_usd_max=UNWIND_USD)),
    Row("unwinding exceeds the room", R.L1_LOSS_AT_RISK, FAILED, limits=world.limits(drawdown_usd_max=UNWIND_USD - 1)),
    Row("half the room", R.L1_LOSS_AT_RISK, PASSED, limits=world.limits(drawdown_usd_max=2 * UNWIND_USD)),
    Row("over half the room", R.L1_LOSS_AT_RISK, ADJUSTED, limits=world.limits(drawdown_usd_max=2 * UNWIND_USD - 1)),
    Row(
        "the dearer venue's fee counts",
        R.L1_LOSS_AT_RISK,
        FAILED,
        limits=msgspec.structs.replace(dearer_fee("6"), drawdown_usd_max=UNWIND_USD),
    ),
    Row("both legs at the cap", R.L1_EXPOSURE, PASSED, limits=world.limits(exposure_usd_max=fixed(50))),
    Row("both legs over the cap", R.L1_EXPOSURE, FAILED, limits=world.limits(exposure_usd_max=fixed(50) - 1)),
    Row(
        "three under way",
        R.L1_TOO_MANY_OPEN,
        FAILED,
        session={"pairs": {f"D{n}": world.under_way(f"D{n}") for n in range(3)}},
    ),
    Row(
        "a pair whose market has no mark",
        R.L1_EXPOSURE,
        UNKNOWN,
        session={"pairs": {"D7": world.under_way()}},
        marks={OKX: rate(fixed(108_600))},
    ),
    Row(
        "a pair whose mark is stale",
        R.L1_DAILY_LOSS,
        UNKNOWN,
        session={"pairs": {"D7": world.under_way()}},
        marks={OKX: rate(fixed(108_600), BOOK_NS + 1), CB: rate(fixed(109_000))},
    ),
    Row(
        "a pair with both marks",
        R.L1_DAILY_LOSS,
        PASSED,
        session={"pairs": {"D7": world.under_way()}},
        marks={OKX: rate(fixed(108_600), BOOK_NS), CB: rate(fixed(109_000))},
    ),
)
TWO_LEGS = {"D7": world.under_way()}
RESERVED = {"D7": gate_world.reservation("D7", strategy=world.KEY, instrument_id=OKX, principal=gate_world.AGENT)}
BOTH_MARKS = {OKX: rate(fixed(108_600)), CB: rate(fixed(109_000))}
ENTERED = {"pairs": TWO_LEGS, "reservations": RESERVED, "entries_day": 5}
DISCIPLINE = (
    Row(
        "a pair under way is one entry, counted when its first leg filled",
        R.L3_DAILY_TRADE_CAP,
        PASSED,
        session={**ENTERED, "entries_by": {world.KEY: 5, "agent:scout": 3}},
        marks=BOTH_MARKS,
        intent={"principal": gate_world.AGENT},
    ),
    Row(
        "the sixth of its strategy",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        session={**ENTERED, "entries_by": {world.KEY: 6}},
        marks=BOTH_MARKS,
    ),
    Row(
        "a pair that has not filled yet counts too",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        session={"reservations": RESERVED, "entries_day": 5},
    ),
    Row(
        "two and a pair under way",
        R.L1_TOO_MANY_OPEN,
        FAILED,
        session={
            **ENTERED,
            "reservations": {**RESERVED, "D5": gate_world.reservation("D5"), "D6": gate_world.reservation("D6")},
        },
        marks=BOTH_MARKS,
    ),
    Row(
        "one and a pair under way, which is one slot",
        R.L1_TOO_MANY_OPEN,
        PASSED,
        session={**ENTERED, "reservations": {**RESERVED, "D6": gate_world.reservation("D6")}},
        marks=BOTH_MARKS,
    ),
)
NOT_A_SHORT = (
    Row(
        "an open short",
        R.L1_OPPOSITE_SIDE,
        NOT_APPLICABLE,
        session={"trades": {}, "reservations": {"D8": gate_world.reservation(side=gate_world.SHORT, instrument_id=CB)}},
    ),
    Row("crowded shorts", R.L2_SHORTS_CROWDED, NOT_APPLICABLE, view={"positioning": gate_world.reading(90)}),
    Row("no positioning", R.L2_SHORTS_CROWDED, NOT_APPLICABLE, view={"positioning": gate_world.MISSING}),
    Row("diverging funding", R.L2_FUNDING_DIVERGENCE, NOT_APPLICABLE, view={"funding_a": gate_world.reading(9)}),
    Row("a squeeze now", R.L2_FRESH_SQUEEZE, NOT_APPLICABLE, view={"squeeze": Reading(AT, "test", AT, AT)}),
    Row("open interest over 3 %", R.L2_OI_SPIKE, ADJUSTED, view={"open_interest": gate_world.reading("3.00000001")}),
    Row("no open interest", R.L2_OI_SPIKE, UNKNOWN, view={"open_interest": gate_world.MISSING}),
    Row("confidence under 0.80", R.L2_CONFIDENCE, FAILED, intent={"confidence": fixed("0.79")}),
)
ROWS = (*LISTING, *SIZE, *ACCOUNT, *DISCIPLINE, *NOT_A_SHORT)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.code.value}: {row.name}" for row in ROWS])
def test_a_rule_of_pairs_ends_as_its_row_says(row: Row) -> None:
    check(row)


def test_the_calm_pair_is_approved_with_the_buy_at_okx_and_the_sale_at_coinbase() -> None:
    decision = decided(Row("calm", R.L1_DISABLED, PASSED))
    order = decision.order
    assert decision.approved
    assert order is not None
    assert [(each.instrument_id, each.buys) for each in order.legs] == [(OKX, True), (CB, False)]
    assert {each.quantity for each in order.legs} == {order.quantity} == {QUANTITY}
    assert order.exposure_usd == 2 * order.notional_usd <= 2 * fixed(25)
    assert (order.targets, order.stop_bps) == ((), fixed(28))


def test_the_net_edge_shown_is_the_one_computed_by_hand() -> None:
    decision = decided(Row("calm", R.L1_DISABLED, PASSED))
    shown = next(finding for finding in decision.findings if finding.reason is R.L3_COSTS_EXCEED_TARGET)
    assert (shown.observed, shown.limit) == (EDGE, fixed(20))
    assert fixed(28) < EDGE < fixed(29)


def test_a_pair_sees_every_code_in_the_same_order_as_any_other_intent() -> None:
    single = decide(gate_world.intent(), gate_world.calm(), gate_world.session(), world.limits())
    paired = decided(Row("calm", R.L1_DISABLED, PASSED))
    assert [finding.reason for finding in paired.findings] == [finding.reason for finding in single.findings]


def test_a_missing_pair_view_rejects_under_both_codes_that_need_it() -> None:
    """INVARIANT: F1 G8"""
    decision = decide(world.intent(), world.snapshot(pair=None), gate_world.session(), world.limits())
    refused = {finding.reason for finding in decision.findings if finding.status is UNKNOWN}
    judged_by_it = {R.L3_FEED_STALE, R.L3_COSTS_EXCEED_TARGET, R.L1_NOTIONAL_TOO_SMALL, R.L1_PRICE_COLLAR, R.L3_SPREAD_WIDE}
    assert judged_by_it == refused
