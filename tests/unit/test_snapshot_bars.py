"""The bar builder: 30 s bars on the UTC grid, nothing lost."""

from __future__ import annotations

from tidegate.model.observation import Bar, TradePrint
from tidegate.snapshot.bars import BarBuilder, minute_of
from tidegate.units import HOUR_NS, SECOND_NS, fixed

T0 = 1_760_875_200 * SECOND_NS


def trade(second: float, price: int, quantity: int = 1, *, buys: bool = True) -> TradePrint:
    at_ns = T0 + int(second * SECOND_NS)
    return TradePrint("okx:BTC", "BTC", fixed(price), fixed(quantity), buys, "okx", at_ns, at_ns)


def builder() -> BarBuilder:
    return BarBuilder("okx:BTC", "BTC")


def test_a_bar_closes_with_the_first_trade_after_it() -> None:
    made = builder()
    assert made.on_trade(trade(3, 100, 2)) == []
    assert made.on_trade(trade(10, 105, 1, buys=False)) == []
    assert made.on_trade(trade(20, 95, 3)) == []
    assert made.on_trade(trade(30, 101)) == [
        Bar(
            "okx:BTC",
            "BTC",
            T0,
            T0 + 30 * SECOND_NS,
            fixed(100),
            fixed(105),
            fixed(95),
            fixed(95),
            fixed(6),
            fixed(4),
            False,
        )
    ]


def test_a_bar_starts_on_the_grid_wherever_its_first_trade_falls() -> None:
    made = builder()
    made.on_trade(trade(44.5, 100))
    assert [bar.start_ns for bar in made.roll(T0 + 60 * SECOND_NS)] == [T0 + 30 * SECOND_NS]


def test_rolling_closes_at_the_boundary_and_not_before() -> None:
    made = builder()
    made.on_trade(trade(3, 100))
    assert made.end_ns == T0 + 30 * SECOND_NS
    assert made.roll(T0 + 30 * SECOND_NS - 1) == []
    assert len(made.roll(T0 + 30 * SECOND_NS)) == 1


def test_nothing_is_rolled_before_the_first_trade() -> None:
    made = builder()
    assert made.roll(T0 + HOUR_NS) == []
    assert made.end_ns > T0 + 1000 * HOUR_NS


def test_a_bar_without_a_trade_repeats_the_close_with_no_volume() -> None:
    made = builder()
    made.on_trade(trade(3, 100))
    _, empty = made.roll(T0 + 60 * SECOND_NS)
    assert (empty.open, empty.high, empty.low, empty.close) == (fixed(100),) * 4
    assert (empty.volume, empty.delta) == (0, 0)


def test_a_trade_after_an_empty_bar_opens_at_its_own_price() -> None:
    made = builder()
    made.on_trade(trade(3, 100))
    made.roll(T0 + 30 * SECOND_NS)
    made.on_trade(trade(40, 103))
    (bar,) = made.roll(T0 + 60 * SECOND_NS)
    assert (bar.open, bar.low) == (fixed(103), fixed(103))


def test_a_late_trade_adds_volume_to_the_open_bar_and_leaves_its_prices_alone() -> None:
    made = builder()
    made.on_trade(trade(3, 100))
    made.on_trade(trade(31, 101))
    made.on_trade(trade(29, 500, 2, buys=False))
    (bar,) = made.roll(T0 + 60 * SECOND_NS)
    assert (bar.high, bar.close, bar.volume, bar.delta) == (fixed(101), fixed(101), fixed(3), fixed(-1))


def test_a_silence_of_more_than_an_hour_is_not_filled_with_bars() -> None:
    made = builder()
    made.on_trade(trade(3, 100))
    closed = made.on_trade(trade(3 * 3600 + 5, 110))
    assert len(closed) == 1
    (bar,) = made.roll(T0 + (3 * 3600 + 30) * SECOND_NS)
    assert (bar.start_ns, bar.close) == (T0 + 3 * HOUR_NS, fixed(110))


def test_two_halves_make_a_minute() -> None:
    made = builder()
    made.on_trade(trade(3, 100, 2))
    (first,) = made.on_trade(trade(33, 90, 3, buys=False))
    (second,) = made.roll(T0 + 60 * SECOND_NS)
    minute = minute_of(first, second)
    assert minute is not None
    assert (minute.start_ns, minute.end_ns) == (T0, T0 + 60 * SECOND_NS)
    assert (minute.open, minute.high, minute.low, minute.close) == (fixed(100), fixed(100), fixed(90), fixed(90))
    assert (minute.volume, minute.delta) == (fixed(5), fixed(-1))


def test_halves_of_two_minutes_make_none() -> None:
    made = builder()
    made.on_trade(trade(3, 100))
    first, second, third = made.roll(T0 + 90 * SECOND_NS)
    assert minute_of(second, third) is None
    assert minute_of(first, third) is None
    assert minute_of(None, second) is None
