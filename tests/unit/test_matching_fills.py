"""Book walks, rounding against us, fees, and the record of a fill."""

from __future__ import annotations

import pytest

from tests.support.paper_desk import BTC, entry
from tidegate.matching.fills import (
    Execution,
    cash_change_usd,
    make_fill,
    round_against,
    stop_price,
    target_price,
    touch,
    walk,
)
from tidegate.matching.funding import funding_usd, next_settlement_ns, settlements_between
from tidegate.matching.settings import FILL_RULES, PaperSettings, assumptions
from tidegate.model.observation import Side
from tidegate.units import HOUR_NS, fixed

ASKS = ((fixed(100), fixed(1)), (fixed(101), fixed(2)), (fixed(103), fixed(5)))
BIDS = ((fixed(99), fixed(1)), (fixed(98), fixed(2)))


@pytest.mark.parametrize(
    ("quantity", "worst", "taken"),
    [
        ("0.5", "101", [("100", "0.5")]),
        ("1", "101", [("100", "1")]),
        ("2.5", "101", [("100", "1"), ("101", "1.5")]),
        ("9", "101", [("100", "1"), ("101", "2")]),
        ("9", "0", [("100", "1"), ("101", "2"), ("103", "5")]),
        ("1", "99.99999999", []),
        ("0", "0", []),
    ],
)
def test_a_buyer_walks_the_asks_up_to_the_worst_price_and_takes_it_too(quantity, worst, taken):
    expected = tuple((fixed(price), fixed(part)) for price, part in taken)
    assert walk(ASKS, fixed(quantity), fixed(worst), buys=True) == expected


def test_a_seller_walks_the_bids_down_to_the_worst_price():
    assert walk(BIDS, fixed(2), fixed("98.5"), buys=False) == ((fixed(99), fixed(1)),)
    assert walk(BIDS, fixed(2), fixed(98), buys=False) == ((fixed(99), fixed(1)), (fixed(98), fixed(1)))


def test_prices_round_to_the_tick_against_us():
    tick = fixed("0.1")
    assert round_against(fixed("108400.01"), tick, buys=True) == fixed("108400.1")
    assert round_against(fixed("108400.09"), tick, buys=False) == fixed(108400)
    assert round_against(fixed("108400.1"), tick, buys=True) == fixed("108400.1")


def test_the_assumed_touch_lies_half_the_spread_away_rounded_against_us():
    assert touch(fixed(108400), True, fixed("0.5"), BTC.tick) == fixed("108405.5")  # 5.42 up, to the tick above
    assert touch(fixed(108400), False, fixed("0.5"), BTC.tick) == fixed("108394.5")
    assert touch(fixed(108400), True, 0, BTC.tick) == fixed(108400)


def test_brackets_round_stops_toward_and_targets_away_from_the_entry():
    entry_price = fixed("108402")
    assert stop_price(entry_price, Side.LONG, fixed(28), BTC.tick) == fixed("108098.5")  # 108098.4744 up
    assert target_price(entry_price, Side.LONG, fixed(25), BTC.tick) == fixed("108673.1")  # 108673.005 up
    assert stop_price(entry_price, Side.SHORT, fixed(28), BTC.tick) == fixed("108705.5")  # 108705.5256 down
    assert target_price(entry_price, Side.SHORT, fixed(25), BTC.tick) == fixed("108130.9")  # 108130.995 down


def test_a_fill_rounds_notional_down_and_the_fee_up():
    order = entry("0.0002", "108402.1")
    fill = make_fill(order, Execution(fixed("108402.1"), fixed("0.0002"), False, 7), BTC)
    assert fill.notional_usd == fixed("21.68042")
    assert fill.fee_usd == fixed("0.01084021")
    odd = make_fill(order, Execution(fixed("0.33333333"), fixed("0.0001"), True, 7), BTC)
    assert odd.notional_usd == 3333  # 3333.3333 quanta down
    assert odd.fee_usd == 1  # 0.6666 quanta up


def test_cash_falls_by_a_buy_and_its_fee_and_rises_by_a_sale_less_its_fee():
    order = entry("0.0002", "108402")
    bought = make_fill(order, Execution(fixed(100_000), fixed("0.0002"), False, 7), BTC)
    assert cash_change_usd(bought) == -fixed(20) - fixed("0.01")
    sold = make_fill(entry("0.0002", "108402", side=Side.SHORT), Execution(fixed(100_000), fixed("0.0002"), True, 7), BTC)
    assert cash_change_usd(sold) == fixed(20) - fixed("0.004")


@pytest.mark.parametrize(
    ("side", "notional", "rate", "usd"),
    [
        (Side.LONG, "100", "2.9", "-0.029"),
        (Side.SHORT, "100", "2.9", "0.029"),
        (Side.LONG, "100", "-0.7", "0.007"),
        (Side.SHORT, "100", "-0.7", "-0.007"),
        (Side.LONG, "100", "0", "0"),
    ],
)
def test_longs_pay_a_positive_rate_and_shorts_receive_it(side, notional, rate, usd):
    assert funding_usd(side, fixed(notional), fixed(rate)) == fixed(usd)


def test_funding_is_rounded_against_us_both_ways():
    assert funding_usd(Side.LONG, 3333, fixed(1)) == -1
    assert funding_usd(Side.SHORT, 3333, fixed(1)) == 0


def test_funding_settles_at_midnight_eight_and_sixteen_utc():
    assert next_settlement_ns(0) == 8 * HOUR_NS
    assert next_settlement_ns(8 * HOUR_NS - 1) == 8 * HOUR_NS
    assert settlements_between(0, 24 * HOUR_NS) == (8 * HOUR_NS, 16 * HOUR_NS, 24 * HOUR_NS)
    assert settlements_between(8 * HOUR_NS, 16 * HOUR_NS - 1) == ()


def test_the_report_states_every_rule_and_the_numbers_behind_them():
    assert len(FILL_RULES) == 11
    text = " ".join(assumptions(PaperSettings(half_spread_bps={"BTC": fixed("0.5")}), ("BTC",)))
    assert "latency 150 ms" in text
    assert "spread in bps BTC 1" in text
