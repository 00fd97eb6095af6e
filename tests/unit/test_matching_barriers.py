"""Hypothetical trades: labels, money, and agreement with the paper venue."""

from __future__ import annotations

import pytest

from tests.support.paper_desk import BTC, Desk, at, bar, printed
from tidegate.matching.barriers import Barriers, Bracket
from tidegate.matching.fills import stop_price, target_price
from tidegate.matching.lots import legs
from tidegate.model.intent import Invalidation
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole
from tidegate.units import MINUTE_NS, SECOND_NS, bps_of_up, fixed, notional_of, render

TARGETS = (fixed(25), fixed(50), fixed(90))
HALF = fixed("0.5")


def bracket(side: Side = Side.LONG, lots: int = 10, **more) -> Bracket:
    given = {"hold_ns": 240 * MINUTE_NS} | more
    return Bracket(side=side, lots=lots, stop_bps=fixed(28), targets=legs(lots, TARGETS, (45, 35, 20)), **given)


def follow(one: Bracket, *bars, entered_ms: int = 0):
    barriers = Barriers(one, BTC, (at(entered_ms), fixed(108400)), HALF)
    for each in bars:
        barriers.on_bar(each)
    return barriers.outcome


def test_a_stop_ends_the_trade_beyond_its_trigger_and_costs_two_taker_fees():
    outcome = follow(bracket(), bar("108400 108410 108000 108050"))
    assert outcome.label is OrderRole.STOP
    bought, sold = notional_of(fixed("108405.5"), fixed("0.001")), notional_of(fixed("108096.5"), fixed("0.001"))
    assert outcome.entry_price == fixed("108405.5")
    assert outcome.gross_usd == sold - bought  # trigger 108102, less half the spread and down to the tick
    assert outcome.fees_usd == bps_of_up(bought, fixed(5)) + bps_of_up(sold, fixed(5))
    assert outcome.net_usd == outcome.gross_usd - outcome.fees_usd
    assert render(outcome.net_bps, 1) == "-38.5"
    assert render(outcome.r_multiple, 2) == "-1.37"


def test_a_gap_over_the_stop_loses_more_than_the_stop():
    through = follow(bracket(), bar("108400 108410 108000 108050"))
    gap = follow(bracket(), bar("108400 108410 108350 108400"), bar("107500 107600 107400 107500", 30_000))
    assert gap.label is OrderRole.STOP
    assert gap.net_usd < through.net_usd


def test_all_targets_end_the_trade_with_the_last_ones_label():
    outcome = follow(bracket(), bar("108400 109500 108390 109400"))
    assert outcome.label is OrderRole.TARGET_3
    assert outcome.gross_usd > 0
    assert render(outcome.favourable_bps, 1) == "90.0"
    assert outcome.adverse_bps < 0


def test_a_target_then_the_stop_is_labelled_by_what_closed_it():
    outcome = follow(bracket(), bar("108400 108800 108000 108300"))
    assert outcome.label is OrderRole.STOP
    only_stop = follow(bracket(), bar("108400 108500 108000 108300"))
    assert outcome.net_usd > only_stop.net_usd


def test_a_trade_whose_time_is_up_leaves_at_the_price_of_that_moment():
    outcome = follow(bracket(hold_ns=15 * SECOND_NS), bar("108400 108500 108300 108450"))
    assert outcome.label is OrderRole.TIME
    assert outcome.ended_ns == at(15_000)
    assert outcome.gross_usd == notional_of(fixed("108394.5"), fixed("0.001")) - notional_of(fixed("108405.5"), fixed("0.001"))


def test_a_trade_without_a_mark_is_under_way():
    barriers = Barriers(bracket(), BTC, (at(0), fixed(108400)), HALF)
    assert barriers.on_bar(bar("108400 108410 108390 108400")) is None
    assert barriers.outcome is None


def test_an_entry_inside_a_bar_does_not_meet_the_part_before_it():
    low_first = bar("108400 108420 108000 108410")
    assert follow(bracket(), low_first, entered_ms=0).label is OrderRole.STOP
    assert follow(bracket(), low_first, entered_ms=18_000) is None


def test_from_its_age_on_it_leaves_at_the_first_close_that_rose():
    rules = {"hold_ns": 90 * SECOND_NS, "uptick_exit_ns": 45 * SECOND_NS}
    falling = (bar("108400 108410 108380 108390"), bar("108390 108395 108370 108380", 30_000))
    assert follow(bracket(**rules), *falling) is None
    outcome = follow(bracket(**rules), *falling, bar("108380 108390 108375 108385", 60_000))
    assert (outcome.label, outcome.ended_ns) == (OrderRole.TIME, at(90_000))


def test_a_price_held_beyond_the_invalidation_ends_the_trade():
    rule = Invalidation(price=fixed(108500), above=True, hold_ns=30 * SECOND_NS)
    beyond = bar("108400 108600 108400 108550"), bar("108550 108600 108540 108560", 30_000)
    assert follow(bracket(Side.SHORT, invalidation=rule), beyond[0]) is None
    assert follow(bracket(Side.SHORT, invalidation=rule), *beyond).label is OrderRole.INVALIDATED
    back = (beyond[0], bar("108550 108560 108450 108490", 30_000), bar("108490 108560 108480 108550", 60_000))
    assert follow(bracket(Side.SHORT, invalidation=rule), *back) is None


def test_prints_drive_a_trade_too_and_later_ones_change_nothing():
    barriers = Barriers(bracket(), BTC, (at(0), fixed(108400)), HALF)
    assert barriers.on_print(printed("108677", ms=0)) is None  # not later than the entry
    assert barriers.on_print(printed("108680", ms=10)) is None  # target 1
    outcome = barriers.on_print(printed("107000", ms=20))
    assert outcome.label is OrderRole.STOP
    assert barriers.on_print(printed("120000", ms=30)) is outcome
    assert barriers.on_bar(bar("120000 120000 120000 120000")) is outcome


@pytest.mark.parametrize("side", [Side.LONG, Side.SHORT])
@pytest.mark.parametrize(
    "bars",
    [
        ("108400 108410 108000 108050",),
        ("108400 109600 108390 109500",),
        ("108400 108410 107200 107300",),
        ("108400 108800 108000 108300", "108300 108310 107000 107050"),
        ("108400 108405 108395 108400", "107700 107800 107600 107650"),
        ("108400 108405 108395 108400", "109100 109700 109050 109600", "109600 109600 107000 107100"),
    ],
)
def test_the_paper_venue_books_the_same_money_for_the_same_bracket(side, bars):
    """One entry with its bracket, once as orders at the venue and once as a hypothetical trade."""
    shown = [bar(prices, 30_000 * (place + 1)) for place, prices in enumerate(bars)]
    one = bracket(side)
    outcome = follow(one, *shown, entered_ms=30_000)
    desk = Desk()
    desk.show(bar("108400 108410 108390 108400", 0))
    desk.enter("0.001", "109000" if side is Side.LONG else "107800", ms=30_000 - 150, side=side)
    (entered,) = desk.wait(30_000)
    assert entered.price == follow(one, bar("108400 99999999 1 108400", 30_000), entered_ms=30_000).entry_price
    buys = side is Side.SHORT
    desk.stop("0.001", render(stop_price(entered.price, side, one.stop_bps, BTC.tick)), ms=30_000 - 150, buys=buys)
    for leg in one.targets:
        price = target_price(entered.price, side, leg.bps, BTC.tick)
        desk.target(render(BTC.quantity_of(leg.lots)), render(price), ms=30_000 - 150, number=leg.number, buys=buys)
    desk.show(*shown)
    assert (outcome is None) is bool(desk.venue.positions())
    if outcome is not None:
        assert desk.venue.cash_usd == outcome.net_usd
