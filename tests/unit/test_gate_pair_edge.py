"""The net edge by hand: direction, quantity, depth, fees, rates, and the prices of both legs."""

from __future__ import annotations

import pytest

from tests.support import gate_world
from tests.support import pair_world as world
from tests.support.pair_world import CB, OKX, leg, levels, pair
from tidegate.gate.decide import decide
from tidegate.gate.pair_edge import Offer, Plan, plan_of
from tidegate.model.decision import SizedOrder
from tidegate.model.instrument import Instrument
from tidegate.model.snapshot import PairView
from tidegate.units import ONE, fixed


def offer(venue: str, bid: int, ask: int, rate: int = ONE, **listed: int) -> Offer:
    """Return a market with one BTC on both sides."""
    name = CB if venue == "coinbase" else OKX
    book = leg(name, bids=((fixed(bid), ONE),), asks=((fixed(ask), ONE),))
    made: Instrument = world.spot(venue, **{"notional_min_usd": 0, "quantity_min": 1, "taker_bps": 0, **listed})
    return Offer(book, rate, made)


def bought(plan: Plan) -> str:
    return plan.buy.instrument.instrument_id


def test_the_cheap_market_is_bought_and_the_dear_one_sold_whatever_their_order() -> None:
    cheap, dear = offer("okx", 99_999, 100_000), offer("coinbase", 100_300, 100_301)
    for first, second in ((cheap, dear), (dear, cheap)):
        plan = plan_of(fixed(25), first, second)
        assert (bought(plan), plan.edge_bps) == (OKX, fixed(30))


def test_equal_edges_buy_the_first() -> None:
    one, other = offer("okx", 100_000, 100_000), offer("coinbase", 100_000, 100_000)
    assert bought(plan_of(fixed(25), one, other)) == OKX
    assert bought(plan_of(fixed(25), other, one)) == CB


@pytest.mark.parametrize(
    ("taker_buy", "taker_sell", "rate_buy", "rate_sell", "edge"),
    [
        (0, 0, ONE, ONE, "100"),
        (fixed(5), 0, ONE, ONE, "95"),
        (0, fixed(5), ONE, ONE, "94.95"),  # the sale's fee is paid on the dearer leg
        (fixed(5), fixed(5), ONE, ONE, "89.95"),
        (0, 0, ONE, fixed("0.99"), "-1"),
        (0, 0, fixed("1.01"), ONE, "0"),
    ],
)
def test_the_net_edge_is_of_the_buys_cost_after_both_fees_and_rates(
    taker_buy: int, taker_sell: int, rate_buy: int, rate_sell: int, edge: str
) -> None:
    buy = offer("okx", 1, 100_000, rate_buy, taker_bps=taker_buy)
    sell = offer("coinbase", 101_000, 900_000, rate_sell, taker_bps=taker_sell)
    assert plan_of(fixed(25), buy, sell).edge_bps == fixed(edge)


def test_what_is_left_over_by_the_division_is_lost() -> None:
    buy, sell = offer("okx", 1, 30_000), offer("coinbase", 30_001, 900_000)
    assert plan_of(fixed(25), buy, sell).edge_bps == fixed("0.33333333")
    buy, sell = offer("okx", 1, 30_001), offer("coinbase", 30_000, 900_000)
    assert plan_of(fixed(25), buy, sell).edge_bps == -fixed("0.33332223")


def test_books_are_walked_to_the_quantity_and_no_further() -> None:
    buy, sell = offer("okx", 1, 100_000), offer("coinbase", 101_000, 900_000)
    half = fixed(101) * ONE // fixed(101_000) // 2
    deep = leg(OKX, bids=((1, 1),), asks=((fixed(100_000), half), (fixed(102_000), half), (fixed(999_999), ONE)))
    plan = plan_of(fixed(101), Offer(deep, ONE, buy.instrument), sell)
    assert (plan.quantity, plan.edge_bps, plan.buy_worst) == (2 * half, 0, fixed(102_000))


def test_quantities_are_whole_lots_of_both_venues_and_neither_leg_exceeds_the_notional() -> None:
    buy, sell = offer("okx", 1, 100_000, lot=15_000), offer("coinbase", 101_000, 900_000, lot=10_000)
    plan = plan_of(fixed(100), buy, sell)
    assert plan.quantity == 90_000  # 99,009 sat at 101,000 USD, in steps of 30,000
    assert plan.lots == 6
    assert plan.notional_usd == fixed("90.9")


@pytest.mark.parametrize("asked", ["415", "414.99999999", "200.5", "101"])
def test_a_buy_that_walks_up_its_book_never_costs_more_than_was_granted(asked: str) -> None:
    """INVARIANT: G5 G6. What was sized at the touch alone cost more: over the 415 USD of one order, and both legs over the exposure cap."""
    asks = ((fixed(100_000), fixed("0.001")), (fixed(101_000), fixed("0.001")), (fixed(103_000), ONE))
    buy = Offer(leg(OKX, bids=((1, 1),), asks=asks), world.USDT, offer("okx", 1, 2, lot=7).instrument)
    sell = offer("coinbase", 104_000, 900_000, lot=3)
    plan = plan_of(fixed(asked), buy, sell)
    more = plan_of(fixed(asked), Offer(leg(OKX, bids=((1, 1),), asks=((1, ONE),)), ONE, buy.instrument), sell)
    assert 0 < plan.notional_usd <= fixed(asked)
    assert fixed(asked) - plan.notional_usd < fixed("0.03")  # no more is given away than one step of 21 sat
    assert plan.quantity % 21 == 0
    assert plan.edge_bps is not None
    assert more.quantity >= plan.quantity


def test_the_cap_of_one_order_holds_for_what_both_legs_will_cost() -> None:
    """INVARIANT: G6 G9"""
    asks = ((fixed(108_000), fixed("0.002")), (fixed(108_500), ONE))
    books = pair(leg(CB), leg(OKX, bids=((fixed(107_999), ONE),), asks=asks))
    snapshot = world.snapshot(pair=books)
    decision = decide(world.intent(notional_usd=fixed(415)), snapshot, gate_world.session(), world.limits())
    assert decision.order is not None, decision.primary
    assert decision.order.notional_usd <= decision.approved_notional_usd == fixed(415)


def test_a_smallest_order_is_what_it_says() -> None:
    buy, sell = (
        offer("okx", 1, 100_000, lot=15_000, quantity_min=40_000),
        offer("coinbase", 101_000, 900_000, lot=10_000),
    )
    smallest_usd = plan_of(fixed(100), buy, sell).smallest_usd
    assert smallest_usd == fixed("60.6")
    assert plan_of(smallest_usd, buy, sell).accepted
    assert not plan_of(smallest_usd - 1, buy, sell).accepted


@pytest.mark.parametrize("least", ["1", "9.99999999", "10"])
def test_a_smallest_order_reaches_the_minimum_notional_of_the_cheaper_leg_too(least: str) -> None:
    buy, sell = (
        offer("okx", 1, 100_003, world.USDT, notional_min_usd=fixed(least)),
        offer("coinbase", 101_007, 900_000, lot=7),
    )
    smallest_usd = plan_of(fixed(100), buy, sell).smallest_usd
    assert fixed(least) < smallest_usd < fixed("10.12")
    assert plan_of(smallest_usd, buy, sell).accepted
    assert not plan_of(smallest_usd - 1, buy, sell).accepted


def ordered(books: PairView, stop_bps: int = fixed(28)) -> SizedOrder:
    decision = decide(world.intent(stop_bps=stop_bps), world.snapshot(pair=books), gate_world.session(), world.limits())
    assert decision.order is not None, decision.primary
    return decision.order


def test_limits_are_the_last_level_judged_and_the_second_prices_are_unwinding_worse_in_whole_ticks() -> None:
    asks = ((world.OKX_ASK, 10_000), (fixed("108602.3"), ONE))
    bids = ((world.CB_BID, 10_000), (fixed("108998.77"), ONE))
    buy, sell = ordered(pair(leg(CB, bids=bids), leg(OKX, asks=asks))).legs
    assert (buy.reference_price, buy.limit_price, buy.second_price) == (
        world.OKX_ASK,
        fixed("108602.3"),
        fixed("108906.3"),
    )
    assert (sell.reference_price, sell.limit_price, sell.second_price) == (
        world.CB_BID,
        fixed("108998.77"),
        fixed("108693.58"),
    )
    assert (buy.rate, sell.rate) == (world.USDT, ONE)


def test_levels_between_ticks_are_rounded_toward_tighter() -> None:
    odd = pair(leg(CB, bids=((fixed("109000.001"), ONE),)), leg(OKX, asks=((fixed("108601.05"), ONE),)))
    buy, sell = ordered(odd).legs
    assert (buy.limit_price, sell.limit_price) == (fixed(108_601), fixed("109000.01"))


def test_the_order_counts_the_dearer_leg_and_the_unwinding_of_one() -> None:
    order = ordered(pair())
    assert order.instrument_id == OKX
    assert order.notional_usd == -(-world.CB_BID * order.quantity // ONE) <= fixed(25)
    assert order.stop_risk_usd == -(-order.notional_usd * 38 // 10_000)
    assert (order.limit_price, order.reference_price) == (order.legs[0].limit_price, order.legs[0].reference_price)


def test_open_interest_cuts_both_legs() -> None:
    market = world.snapshot()
    view = gate_world.calm_view(open_interest=gate_world.reading("3.2"))
    spiking = type(market)(market.asof_ns, view, {}, market.health_factor, market.pair)
    decision = decide(world.intent(), spiking, gate_world.session(), world.limits())
    assert decision.approved_notional_usd == fixed(20)
    assert decision.order is not None
    assert {each.quantity for each in decision.order.legs} == {fixed(20) * ONE // world.CB_BID}


def test_too_thin_a_book_is_named() -> None:
    thin = plan_of(
        fixed(25), offer("okx", 1, 100_000), Offer(leg(CB, bids=levels(fixed(101_000), -ONE, 1)), ONE, world.spot())
    )
    assert (thin.edge_bps, thin.too_thin) == (None, CB)
