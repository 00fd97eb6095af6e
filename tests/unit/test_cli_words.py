"""Numbers as words: fixed widths, signs, spans and meters."""

from __future__ import annotations

import pytest

from tidegate.cli.words import fit, lasting, meter, moment_of, price, signed, span_of, time_of_day, when
from tidegate.errors import InputError
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, ONE, SECOND_NS, fixed


@pytest.mark.parametrize(
    ("span_ns", "text"),
    [
        (0, "0s"),
        (59 * SECOND_NS, "59s"),
        (MINUTE_NS, "1m00s"),
        (2 * HOUR_NS + 5 * MINUTE_NS, "2h05m"),
        (51 * DAY_NS + 4 * HOUR_NS, "51d04h"),
        (-SECOND_NS, "-1s"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(span_ns: int, text: str) -> None:
    assert lasting(span_ns) == text


@pytest.mark.parametrize(
    ("text", "span_ns"), [("90s", 90 * SECOND_NS), ("1h30m", 90 * MINUTE_NS), (" 2D ", 2 * DAY_NS)]
)
def test_a_span_is_read_with_its_units(text: str, span_ns: int) -> None:
    assert span_of(text) == span_ns


@pytest.mark.parametrize("text", ["", "90", "s", "-5m", "1.5h", "0s", "5 minutes", "99999999999s"])
def test_a_span_without_a_clear_meaning_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="such as 90s, 60m"):
        span_of(text)


def test_a_signed_number_carries_its_sign_and_zero_carries_none() -> None:
    assert [signed(fixed(text), 2) for text in ("3.6", "-0.7", "0", "0.001")] == ["+3.60", "-0.70", "0.00", "0.00"]


def test_a_price_has_as_many_decimals_as_its_size_deserves() -> None:
    assert [price(fixed(text)) for text in ("108402", "3940.256", "2.38011")] == ["108,402.0", "3,940.26", "2.3801"]


def test_a_meter_never_leaves_its_width_and_shows_a_first_cell_from_one_per_cent_on() -> None:
    assert [meter(share, 10).count("█") for share in (-ONE, 0, ONE // 200, ONE // 100, ONE // 2, ONE, 3 * ONE)] == [
        0,
        0,
        0,
        1,
        5,
        10,
        10,
    ]
    assert {len(meter(share, 10)) for share in (-ONE, 0, ONE // 3, 5 * ONE)} == {10}


def test_a_cut_text_ends_in_an_ellipsis() -> None:
    assert (fit("abcdef", 4), fit("ab", 4), fit("ab", -4)) == ("abc…", "ab  ", "  ab")


def test_times_are_utc_whatever_the_zone_they_were_given_in() -> None:
    assert moment_of("--from", "2025-10-10T21:20:00Z") == moment_of("--from", "2025-10-10T23:20:00+02:00")
    assert when(moment_of("--from", "2025-05-04")) == "2025-05-04 00:00:00"
    assert time_of_day(moment_of("--to", "2025-05-04T12:30")) == "12:30:00"


def test_a_time_that_cannot_be_read_names_its_option() -> None:
    with pytest.raises(InputError, match="--from: got 'yesterday'"):
        moment_of("--from", "yesterday")
