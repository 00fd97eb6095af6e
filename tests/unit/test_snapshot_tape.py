"""The tape of one asset: windows, averages, the day's extremes, bands in play, fees."""

from __future__ import annotations

import msgspec

from tests.support.market_tape import START, STATIC_BANDS, bar_at, fee_at, market
from tidegate.model.observation import Bar, Channel
from tidegate.model.snapshot import Missing, Reading
from tidegate.snapshot.state import MarketState
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, fixed


def flat_bar(index: int, price: int, **changes: int) -> Bar:
    return bar_at(index, "BTC", fixed(price), fixed(price), **changes)


def test_vwap_weighs_the_typical_price_by_volume_inside_the_window() -> None:
    state = market()
    state.apply(flat_bar(0, 500, volume=fixed(100)))
    for index in range(1, 10):
        state.apply(flat_bar(index, 100, volume=0))
    state.apply(flat_bar(10, 100, high=fixed(130), low=fixed(100), volume=fixed(1)))
    tape = state.asset("BTC")
    assert tape.vwap(5 * MINUTE_NS) == fixed(110)
    assert tape.vwap(6 * MINUTE_NS) == (fixed(500) * 300 + fixed(330)) // 303
    assert tape.vwap(30 * SECOND_NS) == fixed(110)


def test_vwap_without_volume_is_none() -> None:
    state = market()
    assert state.asset("BTC").vwap(MINUTE_NS) is None
    state.apply(flat_bar(0, 100, volume=0))
    assert state.asset("BTC").vwap(MINUTE_NS) is None


def test_windows_leave_out_bars_before_a_gap() -> None:
    state = market()
    state.apply(flat_bar(0, 1))
    state.apply(flat_bar(20, 100))
    assert [bar.close for bar in state.asset("BTC").recent(5 * MINUTE_NS)] == [fixed(100)]
    assert state.asset("BTC").low_since(5 * MINUTE_NS) == fixed(100)
    assert state.asset("BTC").high_since(HOUR_NS) == fixed(100)
    assert state.asset("BTC").low_since(HOUR_NS) == fixed(1)


def test_the_minute_range_median_needs_five_whole_minutes() -> None:
    state = market()
    state.apply(flat_bar(-1, 100))
    for index in range(9):
        state.apply(flat_bar(index, 100, high=fixed(100 + index)))
    assert state.asset("BTC").minute_range_median(30 * MINUTE_NS) is None
    state.apply(flat_bar(9, 100, high=fixed(109)))
    assert state.asset("BTC").minute_range_median(30 * MINUTE_NS) == fixed(5)


def test_the_minute_bar_is_there_only_when_a_minute_closes() -> None:
    state = market()
    state.apply(flat_bar(0, 100))
    assert state.asset("BTC").minute is None
    state.apply(flat_bar(1, 101))
    minute = state.asset("BTC").minute
    assert minute is not None
    assert (minute.start_ns, minute.end_ns) == (START, START + MINUTE_NS)
    state.apply(flat_bar(2, 102))
    assert state.asset("BTC").minute is None


def day_of(low_at: int, high_at: int, bars: int) -> MarketState:
    """Return a market after `bars` bars at 100 with one low of 50 and one high of 150."""
    state = market(bands=msgspec.structs.replace(STATIC_BANDS, sources=("range",)))
    for index in range(bars):
        low = fixed(50) if index == low_at else fixed(100)
        high = fixed(150) if index == high_at else fixed(100)
        state.apply(bar_at(index, "BTC", fixed(100), fixed(100), low=low, high=high))
    return state


DAY = DAY_NS // (30 * SECOND_NS)
HOUR = HOUR_NS // (30 * SECOND_NS)


def test_day_extremes_need_a_whole_day() -> None:
    assert day_of(5, 6, DAY - 1).asset("BTC").day_extremes() is None
    state = day_of(5, 6, DAY)
    assert state.asset("BTC").day_extremes() == (fixed(50), fixed(150))


def test_day_extremes_leave_out_the_last_hour() -> None:
    assert day_of(DAY - HOUR, DAY - HOUR + 1, DAY).asset("BTC").day_extremes() == (fixed(100), fixed(100))
    assert day_of(DAY - HOUR - 1, DAY - HOUR - 2, DAY).asset("BTC").day_extremes() == (fixed(50), fixed(150))


def test_day_extremes_forget_what_is_older_than_a_day() -> None:
    assert day_of(9, 9, DAY + 10).asset("BTC").day_extremes() == (fixed(100), fixed(100))
    assert day_of(10, 10, DAY + 10).asset("BTC").day_extremes() == (fixed(50), fixed(150))


def test_range_bands_stand_on_the_day_extremes() -> None:
    tape = day_of(5, 6, DAY + 1).asset("BTC")
    lower, upper = tape.lower_band(), tape.upper_band()
    assert lower is not None
    assert upper is not None
    assert (lower.low, lower.high, lower.source) == (fixed(50), fixed("50.095"), "range")
    assert (upper.low, upper.high) == (fixed(150), fixed("150.405"))


def test_bands_follow_their_validity_in_time() -> None:
    state = market(bands=msgspec.structs.replace(STATIC_BANDS, valid_until_ns=START + 60 * SECOND_NS))
    state.apply(flat_bar(0, 108_402))
    assert state.asset("BTC").lower_band() is not None
    state.apply(flat_bar(1, 108_402))
    assert state.asset("BTC").lower_band() is not None
    state.apply(flat_bar(2, 108_402))
    assert state.asset("BTC").lower_band() is None


def test_only_the_asset_of_the_bands_has_any() -> None:
    state = market()
    state.apply(bar_at(0, "ETH", fixed(1), fixed(1)))
    assert state.asset("ETH").lower_band() is None
    assert state.asset("ETH").upper_band() is None


def test_fees_are_smoothed_over_ten_seconds() -> None:
    state = market()
    for second, value in ((0, 100), (4, 900), (8, 100), (12, 100)):
        state.apply(fee_at(second, value))
    fee = state.asset("SOL").priority_fee
    assert isinstance(fee, Reading)
    assert fee.value == fixed(100)
    assert fee.observed_ns == START + 12 * SECOND_NS


def test_the_tip_ratio_is_the_tip_over_its_ten_minute_median() -> None:
    state = market()
    for second in range(0, 300, 20):
        state.apply(fee_at(second, "0.00001", Channel.TIP))
    assert isinstance(state.view("SOL", START + 280 * SECOND_NS).tip_ratio, Missing)
    state.apply(fee_at(320, "0.000016", Channel.TIP))
    ratio = state.view("SOL", START + 320 * SECOND_NS).tip_ratio
    assert isinstance(ratio, Reading)
    assert ratio.value == fixed("1.6")


def test_fee_history_is_bounded() -> None:
    state = market()
    for second in range(8_000):
        state.apply(fee_at(second, second % 17))
    assert len(state.asset("SOL").fees) <= 3_601 + 64
