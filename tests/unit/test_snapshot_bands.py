"""Bands: which source is valid, and which zone is in play."""

from __future__ import annotations

import pytest

from tidegate.model.snapshot import Band
from tidegate.snapshot.bands import BandBook, BandSettings, Zone
from tidegate.units import DAY_NS, HOUR_NS, SECOND_NS, fixed

T0 = 1_760_875_200 * SECOND_NS
EXTREMES = (fixed(100_000), fixed(104_000))


def chosen(settings: BandSettings, now_ns: int, price: int, *, always: bool = False) -> tuple[Band | None, Band | None]:
    book = BandBook(settings, always_static=always)
    book.choose(now_ns, fixed(price), EXTREMES)
    return book.lower, book.upper


def test_static_bands_come_first_and_are_named() -> None:
    lower, upper = chosen(BandSettings(set_ns=T0), T0, 108_402)
    assert lower == Band(fixed(106_600), fixed(106_800), "static")
    assert upper == Band(fixed(109_700), fixed(110_000), "static")


@pytest.mark.parametrize(
    "now_ns, source", [(T0 - 1, "range"), (T0, "static"), (T0 + DAY_NS, "static"), (T0 + DAY_NS + 1, "range")]
)
def test_static_bands_are_valid_from_when_they_were_set_for_a_day(now_ns: int, source: str) -> None:
    lower, _ = chosen(BandSettings(set_ns=T0), now_ns, 108_402)
    assert lower is not None
    assert lower.source == source


def test_the_operators_own_expiry_replaces_the_day() -> None:
    settings = BandSettings(set_ns=T0, valid_until_ns=T0 + HOUR_NS)
    assert settings.static_valid(T0 + HOUR_NS)
    assert not settings.static_valid(T0 + HOUR_NS + 1)


def test_a_replay_may_take_the_static_bands_as_valid_at_any_time() -> None:
    lower, _ = chosen(BandSettings(set_ns=T0), T0 - 100 * DAY_NS, 108_402, always=True)
    assert lower is not None
    assert lower.source == "static"


def test_the_order_of_sources_is_the_operators() -> None:
    lower, _ = chosen(BandSettings(set_ns=T0, sources=("range", "static")), T0, 108_402)
    assert lower is not None
    assert lower.source == "range"


def test_sources_that_are_not_available_are_skipped() -> None:
    assert chosen(BandSettings(set_ns=T0, sources=("liquidations", "coinglass")), T0, 108_402) == (None, None)


def test_range_zones_are_19_and_27_bps_above_the_extremes() -> None:
    lower, upper = chosen(BandSettings(sources=("range",)), T0, 102_000)
    assert lower == Band(fixed(100_000), fixed(100_190), "range")
    assert upper == Band(fixed(104_000), fixed("104280.8"), "range")


@pytest.mark.parametrize(
    "price, low, high",
    [
        (108_402, 106_600, 109_700),
        (106_600, 106_600, 109_700),
        (106_599, 105_100, 109_700),
        (105_099, 103_500, 109_700),
        (90_000, 103_500, 109_700),
        (110_000, 106_600, 109_700),
        (110_001, 106_600, 111_000),
        (112_000, 106_600, 112_500),
        (200_000, 106_600, 112_500),
    ],
)
def test_the_zone_in_play_is_the_next_one_that_price_has_not_gone_through(price: int, low: int, high: int) -> None:
    lower, upper = chosen(BandSettings(set_ns=T0), T0, price)
    assert lower is not None
    assert upper is not None
    assert (lower.low, upper.low) == (fixed(low), fixed(high))


@pytest.mark.parametrize("price", [90_000, 103_499, 104_000, 106_700, 108_000, 110_000, 110_500, 112_000, 120_000])
def test_the_stated_validity_is_where_the_same_choice_is_made(price: int) -> None:
    settings = BandSettings(set_ns=T0)
    book = BandBook(settings, always_static=False)
    book.choose(T0, fixed(price), EXTREMES)
    floor, ceiling, pair = book.valid_above, book.valid_below, (book.lower, book.upper)
    for other in (floor, ceiling - 1):
        again = BandBook(settings, always_static=False)
        again.choose(T0, other, EXTREMES)
        assert (again.lower, again.upper) == pair


def test_zones_may_be_moved() -> None:
    settings = BandSettings(
        lower=Zone(fixed(1), fixed(2)), upper=Zone(fixed(8), fixed(9)), lower_extra=(), upper_extra=(), set_ns=T0
    )
    lower, upper = chosen(settings, T0, 5)
    assert lower == Band(fixed(1), fixed(2), "static")
    assert upper == Band(fixed(8), fixed(9), "static")
