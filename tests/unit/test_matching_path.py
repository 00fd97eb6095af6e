"""The stated path of a bar, and which resting orders it meets in which order."""

from __future__ import annotations

import pytest

from tests.support.paper_desk import BTC, at, bar
from tidegate.matching.path import points, price_at, price_on, time_at
from tidegate.matching.resting import met_along, resting
from tidegate.model.order import OrderKind
from tidegate.units import SECOND_NS, fixed, render


@pytest.mark.parametrize(
    ("prices", "visited"),
    [
        ("100 110 95 105", ["100", "95", "110", "105"]),
        ("105 110 95 100", ["105", "110", "95", "100"]),
        ("100 110 95 100", ["100", "95", "110", "100"]),
        ("100 103 95 100", ["100", "103", "95", "100"]),
        ("100 105 95 100", ["100", "95", "105", "100"]),
    ],
)
def test_an_up_bar_visits_its_low_first_a_down_bar_its_high_and_an_unchanged_one_the_nearer(prices, visited):
    steps = points(bar(prices))
    assert [render(price) for _, price in steps] == visited
    assert [ts_ns for ts_ns, _ in steps] == [at(0), at(10_000), at(20_000), at(30_000)]


def test_prices_and_times_between_two_points_lie_on_the_straight_line():
    start, end = (at(0), fixed(100)), (at(10_000), fixed(90))
    assert price_at(at(2_500), start, end) == fixed("97.5")
    assert price_at(at(-1), start, end) == fixed(100)
    assert price_at(at(10_001), start, end) == fixed(90)
    assert time_at(fixed("97.5"), start, end) == at(2_500)
    assert time_at(fixed(110), start, end) == at(0)
    assert time_at(fixed(100), start, (at(10_000), fixed(100))) == at(0)


def test_the_price_on_a_bar_is_its_open_before_and_its_close_after():
    one = bar("100 110 95 105")
    assert [price_on(one, at(ms)) for ms in (-5, 5_000, 15_000, 30_000, 31_000)] == [
        fixed(text) for text in ("100", "97.5", "102.5", "105", "105")
    ]


def test_levels_are_met_in_the_order_of_the_path_and_stops_first_where_they_coincide():
    tick = BTC.tick
    sell_near = resting("near", OrderKind.LIMIT, False, fixed(101), tick)
    sell_far = resting("far", OrderKind.LIMIT, False, fixed(103), tick)
    buy_stop = resting("stop", OrderKind.STOP, True, fixed("101.1"), tick)
    met = met_along([sell_far, sell_near, buy_stop], fixed(100), fixed(104))
    assert [one.resting.key for one in met] == ["stop", "near", "far"]
    assert [one.price for one in met] == [fixed("101.1"), fixed("101.1"), fixed("103.1")]


def test_a_path_that_begins_beyond_the_levels_meets_them_at_its_beginning_furthest_back_first():
    tick = BTC.tick
    levels = [resting("far", OrderKind.LIMIT, False, fixed(103), tick), resting("near", OrderKind.LIMIT, False, fixed(101), tick)]
    met = met_along(levels, fixed(110), fixed(90))
    assert [(one.resting.key, one.price) for one in met] == [("near", fixed(110)), ("far", fixed(110))]


@pytest.mark.parametrize(
    ("kind", "buys", "met_at", "not_at"),
    [
        (OrderKind.STOP, False, "100", "100.1"),
        (OrderKind.STOP, True, "100", "99.9"),
        (OrderKind.LIMIT, False, "100.1", "100"),
        (OrderKind.LIMIT, True, "99.9", "100"),
    ],
)
def test_a_stop_is_met_at_its_price_and_a_limit_one_tick_through_it(kind, buys, met_at, not_at):
    level = resting("one", kind, buys, fixed(100), BTC.tick)
    assert met_along([level], fixed(met_at), fixed(met_at))
    assert not met_along([level], fixed(not_at), fixed(not_at))


def test_a_path_point_lies_inside_the_bars_time():
    one = bar("100 110 95 105")
    assert all(one.start_ns <= ts_ns <= one.end_ns for ts_ns, _ in points(one))
    assert one.end_ns - one.start_ns == 30 * SECOND_NS
