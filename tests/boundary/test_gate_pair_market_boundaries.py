"""The markets of a pair at their boundaries: ages of books and rates, spreads, depth, and the net edge."""

from __future__ import annotations

import pytest

from tests.support import gate_world
from tests.support import pair_world as world
from tests.support.gate_case import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN
from tests.support.pair_case import (
    BOOK_NS,
    EDGE,
    GONE,
    QUANTITY,
    RATE_NS,
    Row,
    aged,
    check,
    dearer_fee,
    edge_from,
    okx_rate,
    rate,
)
from tests.support.pair_world import CB, OKX, leg, levels, pair
from tidegate.model.finding import Reason as R
from tidegate.model.snapshot import PairView
from tidegate.units import ONE, SECOND_NS, fixed

MOST = fixed("0.0022")


def walked_to(bps: int, further: int = 0) -> PairView:
    """Return both books where the last sat is bought that far from the touch."""
    touch = fixed(108_000)
    return pair(second=leg(OKX, bids=((touch - ONE, ONE),), asks=((touch, MOST), (touch + touch * bps // 10_000 + further, ONE))))


def sold_down(bps: int, further: int = 0) -> PairView:
    """Return both books where the last sat is sold that far from the touch."""
    touch = fixed(109_000)
    return pair(leg(CB, bids=((touch, QUANTITY - 1), (touch - touch * bps // 10_000 - further, ONE))))


FRESH = (
    Row("all fresh", R.L3_FEED_STALE, PASSED),
    Row(
        "the perpetual's own price and book are not needed",
        R.L3_FEED_STALE,
        PASSED,
        view={"price": gate_world.MISSING, "book": gate_world.MISSING},
    ),
    Row(
        "no pair in the snapshot",
        R.L3_FEED_STALE,
        UNKNOWN,
        PairView(GONE, GONE),
        says="book of coinbase:BTC-USD missing",
    ),
    Row("books in each other's place", R.L3_FEED_STALE, UNKNOWN, PairView(leg(OKX), leg(CB))),
    Row("first book 5 s old", R.L3_FEED_STALE, PASSED, pair(aged(CB, BOOK_NS))),
    Row(
        "first book older", R.L3_FEED_STALE, FAILED, pair(aged(CB, BOOK_NS + 1)), says="book of coinbase:BTC-USD stale"
    ),
    Row(
        "second book older",
        R.L3_FEED_STALE,
        FAILED,
        pair(second=aged(OKX, BOOK_NS + 1)),
        says="book of okx:BTC-USDT stale",
    ),
    Row("a book of an old value", R.L3_FEED_STALE, FAILED, pair(aged(CB, 0, 120 * SECOND_NS + 1))),
    Row("a book from the future", R.L3_FEED_STALE, FAILED, pair(aged(CB, -2 * SECOND_NS - 1))),
    Row("a book without bids", R.L3_FEED_STALE, UNKNOWN, pair(leg(CB, bids=()))),
    Row("a book with an empty level", R.L3_FEED_STALE, UNKNOWN, pair(leg(CB, asks=((world.CB_ASK, 0),)))),
    Row("a crossed book", R.L3_FEED_STALE, UNKNOWN, pair(leg(CB, asks=levels(world.CB_BID - 1, ONE, ONE)))),
    Row("rate 30 s old", R.L3_FEED_STALE, PASSED, okx_rate(rate(arrival_age_ns=RATE_NS, value_age_ns=RATE_NS))),
    Row(
        "rate arrived too long ago",
        R.L3_FEED_STALE,
        FAILED,
        okx_rate(rate(arrival_age_ns=RATE_NS + 1)),
        says="rate of USDT stale",
    ),
    Row("rate of an old value", R.L3_FEED_STALE, FAILED, okx_rate(rate(value_age_ns=RATE_NS + 1))),
    Row(
        "a publication period excuses nothing",
        R.L3_FEED_STALE,
        FAILED,
        okx_rate(rate(value_age_ns=RATE_NS + 1, period_ns=300 * SECOND_NS)),
    ),
    Row("rate missing", R.L3_FEED_STALE, UNKNOWN, okx_rate(GONE)),
    Row("rate of nothing", R.L3_FEED_STALE, UNKNOWN, okx_rate(rate(0))),
    Row("a dollar book with a stale rate", R.L3_FEED_STALE, FAILED, pair(leg(CB, rate=rate(ONE, RATE_NS + 1)))),
    Row("health factor stale", R.L3_HEALTH_FACTOR_LOW, PASSED),
)
MARKET = (
    Row(
        "spread of 5 bps",
        R.L3_SPREAD_WIDE,
        PASSED,
        pair(leg(CB, bids=levels(fixed(19_995), -ONE, ONE), asks=levels(fixed(20_005), ONE, ONE))),
    ),
    Row(
        "spread over 5 bps",
        R.L3_SPREAD_WIDE,
        FAILED,
        pair(leg(CB, bids=levels(fixed(19_995), -ONE, ONE), asks=levels(fixed(20_005) + 1, ONE, ONE))),
    ),
    Row(
        "the other spread over 5 bps",
        R.L3_SPREAD_WIDE,
        FAILED,
        pair(second=leg(OKX, bids=levels(fixed(108_000), -ONE, ONE))),
    ),
    Row("net edge a quantum over", R.L3_COSTS_EXCEED_TARGET, PASSED, limits=edge_from(EDGE - 1)),
    Row("net edge at the minimum", R.L3_COSTS_EXCEED_TARGET, FAILED, limits=edge_from(EDGE), says="must exceed"),
    Row("net edge under", R.L3_COSTS_EXCEED_TARGET, FAILED, limits=edge_from(EDGE + 1)),
    Row(
        "another pair of venues has its own minimum",
        R.L3_COSTS_EXCEED_TARGET,
        PASSED,
        limits=world.limits(arbitrage=world.arbitrage(edge_bps_min_between={"coinbase|kraken": fixed(90)})),
    ),
    Row(
        "the minimum of all others",
        R.L3_COSTS_EXCEED_TARGET,
        FAILED,
        limits=world.limits(arbitrage=world.arbitrage(edge_bps_min=EDGE, edge_bps_min_between={})),
    ),
    Row("a dearer fee eats the edge", R.L3_COSTS_EXCEED_TARGET, FAILED, limits=dearer_fee("20")),
    Row(
        "a tether under par would fake an edge: at its own rate there is none",
        R.L3_COSTS_EXCEED_TARGET,
        FAILED,
        okx_rate(rate(fixed("1.0037"))),
    ),
    Row("no rate", R.L3_COSTS_EXCEED_TARGET, UNKNOWN, okx_rate(GONE), says="rate of USDT missing"),
    Row("a stale rate", R.L3_COSTS_EXCEED_TARGET, UNKNOWN, okx_rate(rate(arrival_age_ns=RATE_NS + 1))),
    Row(
        "asks just deep enough",
        R.L3_COSTS_EXCEED_TARGET,
        PASSED,
        pair(second=leg(OKX, asks=levels(world.OKX_ASK, ONE, QUANTITY - 1, 1))),
    ),
    Row(
        "asks too thin",
        R.L3_COSTS_EXCEED_TARGET,
        UNKNOWN,
        pair(second=leg(OKX, asks=levels(world.OKX_ASK, ONE, QUANTITY - 1))),
        says="book of okx:BTC-USDT too thin",
    ),
    Row(
        "bids too thin",
        R.L3_COSTS_EXCEED_TARGET,
        UNKNOWN,
        pair(leg(CB, bids=levels(world.CB_BID, -ONE, QUANTITY - 1))),
        says="book of coinbase:BTC-USD too thin",
    ),
    Row(
        "nothing to judge",
        R.L3_COSTS_EXCEED_TARGET,
        UNKNOWN,
        intent={"notional_usd": 1},
        says="quantity floors to zero",
    ),
    Row("no pair in the snapshot", R.L3_COSTS_EXCEED_TARGET, UNKNOWN, PairView(GONE, GONE)),
    Row(
        "deeper levels cost their edge",
        R.L3_COSTS_EXCEED_TARGET,
        FAILED,
        pair(second=leg(OKX, asks=((world.OKX_ASK, 1), (fixed(108_900), ONE)))),
    ),
    Row("a limit price on two markets", R.L1_PRICE_COLLAR, UNKNOWN, intent={"limit_price": fixed(108_601)}),
    Row("the touch is the worst price", R.L1_PRICE_COLLAR, PASSED),
    Row("the buy walks 50 bps", R.L1_PRICE_COLLAR, PASSED, walked_to(50), {"notional_usd": fixed(250)}),
    Row("the buy walks further", R.L1_PRICE_COLLAR, FAILED, walked_to(50, 1), {"notional_usd": fixed(250)}),
    Row("the sale walks 50 bps", R.L1_PRICE_COLLAR, PASSED, sold_down(50)),
    Row("the sale walks further", R.L1_PRICE_COLLAR, FAILED, sold_down(50, 1)),
    Row("no worst price to judge", R.L1_PRICE_COLLAR, NOT_APPLICABLE, intent={"notional_usd": 1}),
    Row("no book to walk", R.L1_PRICE_COLLAR, UNKNOWN, PairView(GONE, leg(OKX))),
)
ROWS = (*FRESH, *MARKET)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.code.value}: {row.name}" for row in ROWS])
def test_a_rule_of_pairs_ends_as_its_row_says(row: Row) -> None:
    check(row)
