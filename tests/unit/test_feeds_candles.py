"""Candle files: exact numbers, a stated path that conserves volume, and refusal of every bad row."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tape_files import MINUTE_MS, START_MS, row, write_candles, write_text
from tidegate.errors import InputError
from tidegate.feeds.tape_candles import CandleFile, candles, half_bars, named, opened
from tidegate.model.observation import Bar
from tidegate.units import MINUTE_NS, MS_NS, ONE, SECOND_NS, fixed, parse, render

FOREVER_MS = 1 << 60


def file_of(path: Path) -> CandleFile:
    found = named(path)
    assert found is not None
    return opened(found)


def bars_of(path: Path, from_ms: int = 0, until_ms: int = FOREVER_MS) -> list[tuple[Bar, Bar]]:
    return list(half_bars(file_of(path), "okx:BTC-USDT-SWAP", from_ms, until_ms))


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        bars_of(path)
    return str(caught.value)


numbers = st.builds(lambda value: render(value), st.integers(min_value=1, max_value=10**7 * ONE - 1))


@given(text=numbers)
def test_the_fast_reading_of_a_number_equals_the_exact_one(text: str) -> None:
    assert int(float(text) * 1e8 + 0.5) == parse(text)


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_the_fast_reading_holds_up_to_its_limit_for_every_quantum(value: int) -> None:
    assert int(float(render(value)) * 1e8 + 0.5) == value


@pytest.mark.parametrize(
    "volume", ["12.5", "0", "0.00000001", "99999999.12345678", "1e-05", "123456789012345", "1.5e3"]
)
def test_volumes_of_every_shape_are_read_exactly(tmp_path: Path, volume: str) -> None:
    path = write_candles(tmp_path, [row(0, f"100,101,99,100.5,{volume}"), row(1)])
    first, second = bars_of(path)[0]
    assert first.volume + second.volume == parse(volume)


def test_an_up_candle_visits_its_low_first(tmp_path: Path) -> None:
    path = write_candles(tmp_path, [row(0, "100,104,98,103,22")])
    [(first, second)] = bars_of(path)
    assert (first.open, first.high, first.low, first.close) == tuple(fixed(p) for p in (100, 101, 98, 101))
    assert (second.open, second.high, second.low, second.close) == tuple(fixed(p) for p in (101, 104, 101, 103))
    assert first.end_ns == second.start_ns == START_MS * MS_NS + 30 * SECOND_NS
    assert second.end_ns == START_MS * MS_NS + MINUTE_NS
    assert first.approximate
    assert second.approximate
    # path 100-98-101 is 5 long, 101-104-103 is 4 long; net moves +1 and +2
    assert first.volume == fixed(22) * 5 // 9
    assert first.delta == first.volume // 5
    assert second.delta == second.volume * 2 // 4


def test_a_down_candle_visits_its_high_first(tmp_path: Path) -> None:
    path = write_candles(tmp_path, [row(0, "103,104,98,100,11")])
    [(first, second)] = bars_of(path)
    assert (first.open, first.high, first.low, first.close) == tuple(fixed(p) for p in (103, 104, 101, 101))
    assert (second.open, second.high, second.low, second.close) == tuple(fixed(p) for p in (101, 101, 98, 100))
    assert first.delta < 0
    assert second.delta < 0


@st.composite
def ohlcv(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    price = st.integers(min_value=1, max_value=10**13)
    four = sorted(draw(st.lists(price, min_size=4, max_size=4)))
    open_, close = (four[1], four[2]) if draw(st.booleans()) else (four[2], four[1])
    return open_, four[3], four[0], close, draw(st.integers(min_value=0, max_value=10**16))


@given(rows=st.lists(ohlcv(), min_size=1, max_size=5))
def test_two_halves_always_add_up_to_their_candle(
    rows: list[tuple[int, int, int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    texts = [row(index, ",".join(render(value) for value in values)) for index, values in enumerate(rows)]
    path = write_candles(tmp_path_factory.mktemp("tape"), texts, "candles_binance_BTCUSDT_1m.csv")
    for (open_, high, low, close, volume), (first, second) in zip(rows, bars_of(path), strict=True):
        assert first.volume + second.volume == volume
        assert (first.open, second.close, first.close) == (open_, close, second.open)
        assert (max(first.high, second.high), min(first.low, second.low)) == (high, low)
        for bar in (first, second):
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert -bar.volume <= bar.delta <= bar.volume


def test_a_file_of_many_blocks_loses_no_row(tmp_path: Path) -> None:
    path = write_candles(tmp_path, [row(minute) for minute in range(1_000)])
    starts = [first.start_ns for first, _ in bars_of(path)]
    assert starts == [(START_MS + minute * MINUTE_MS) * MS_NS for minute in range(1_000)]


def test_windows_line_ends_and_a_missing_last_newline_are_read(tmp_path: Path) -> None:
    path = write_text(
        tmp_path / "candles_binance_BTCUSDT_1m.csv", f"ts_ms,open,high,low,close,volume\r\n{row(0)}\r\n{row(1)}"
    )
    assert len(bars_of(path)) == 2


def test_a_slice_keeps_only_whole_candles_inside_it(tmp_path: Path) -> None:
    path = write_candles(tmp_path, [row(minute) for minute in range(300)])
    found = bars_of(path, START_MS + 100 * MINUTE_MS, START_MS + 200 * MINUTE_MS)
    assert len(found) == 100
    assert found[0][0].start_ns == (START_MS + 100 * MINUTE_MS) * MS_NS
    assert found[-1][1].end_ns == (START_MS + 200 * MINUTE_MS) * MS_NS


BAD_ROWS = [
    ("gap", row(3), "gap", "ts_ms"),
    ("repeated", row(1), "repeated time", "ts_ms"),
    ("backward", row(0), "backward time", "ts_ms"),
    ("nan", row(2, "100,nan,99,100,1"), "a decimal number", "column high"),
    ("infinity", row(2, "100,inf,99,100,1"), "a decimal number", "column high"),
    ("negative price", row(2, "100,101,-99,100,1"), "a price > 0", "column low"),
    ("zero price", row(2, "0,101,0,100,1"), "a price > 0", "column open"),
    ("negative volume", row(2, "100,101,99,100,-1"), "a volume >= 0", "column volume"),
    ("low over open", row(2, "100,101,100.5,101,1"), "low <= open", "line 4"),
    ("high under close", row(2, "100,101,99,102,1"), "low <= open", "line 4"),
    ("missing value", row(2, "100,101,99,100"), "six columns", "line 4"),
    ("empty value", row(2, "100,,99,100,1"), "a decimal number", "column high"),
    ("blank line", "", "six columns", "line 4"),
    ("underscore", row(2, "1_00,101,99,100,1"), "a decimal number", "column open"),
    ("nine decimals", row(2, "100,101,99,100,0.123456789"), "decimal places", "column volume"),
    ("seconds for ms", "1760868120,100,101,99,100,1", "milliseconds", "column ts_ms"),
    ("text", "hello", "six columns", "line 4"),
]


@pytest.mark.parametrize(
    ("bad", "reason", "column"), [case[1:] for case in BAD_ROWS], ids=[case[0] for case in BAD_ROWS]
)
def test_a_bad_row_is_refused_with_file_line_and_reason(tmp_path: Path, bad: str, reason: str, column: str) -> None:
    path = write_candles(tmp_path, [row(0), row(1), bad, row(4)])
    text = refusal(path)
    assert str(path) in text
    assert "line 4" in text
    assert reason in text
    assert column in text


@pytest.mark.parametrize("bad", [case[1] for case in BAD_ROWS[:6]])
def test_a_bad_row_is_refused_wherever_it_stands(tmp_path: Path, bad: str) -> None:
    path = write_candles(tmp_path, [row(0), row(1), bad, *(row(minute) for minute in range(4, 400))])
    assert "line 4" in refusal(path)


def test_a_gap_far_into_the_file_is_refused_with_its_own_line(tmp_path: Path) -> None:
    path = write_candles(tmp_path, [row(minute) for minute in range(900) if minute != 777])
    assert "line 779" in refusal(path)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("ts_ms,open,high,low,close", "missing: volume"),
        ("open,ts_ms,high,low,close,volume", "in this order"),
        ("", "missing: ts_ms"),
    ],
)
def test_a_header_without_its_columns_is_refused(tmp_path: Path, header: str, reason: str) -> None:
    assert reason in refusal(write_candles(tmp_path, [row(0)], header=header))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "line 1" in refusal(write_text(tmp_path / "candles_binance_BTCUSDT_1m.csv", ""))


def test_a_file_with_a_header_only_is_refused(tmp_path: Path) -> None:
    assert "line 2" in refusal(write_candles(tmp_path, []))


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles_binance_BTCUSDT_1m.csv.gz"
    whole = gzip.compress(
        "\n".join(["ts_ms,open,high,low,close,volume", *(row(minute) for minute in range(5_000))]).encode()
    )
    path.write_bytes(whole[: len(whole) // 2])
    assert "complete gzip file" in refusal(path)


def test_a_file_that_is_no_gzip_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles_binance_BTCUSDT_1m.csv.gz"
    path.write_bytes(b"ts_ms,open,high,low,close,volume\n")
    assert "complete gzip file" in refusal(path)


def test_a_first_candle_off_the_grid_is_refused(tmp_path: Path) -> None:
    assert "multiple" in refusal(write_candles(tmp_path, [f"{START_MS + 5},100,101,99,100,1"]))


@pytest.mark.parametrize(
    ("name", "asset", "span_ms"),
    [
        ("candles_binance_BTCUSDT_1m.csv.gz", "BTC", 60_000),
        ("candles_bybit_SOLUSDT_15m.csv", "SOL", 900_000),
        ("candles_hyperliquid_XRPUSDC_5m.csv.gz", "XRP", 300_000),
    ],
)
def test_a_file_name_says_exchange_asset_and_span(name: str, asset: str, span_ms: int) -> None:
    found = named(Path(name))
    assert found is not None
    assert (found.asset, found.span_ms) == (asset, span_ms)


@pytest.mark.parametrize(
    "name", ["candles_bybit_BTCUSDT_spot_5m.csv.gz", "funding_settled.csv", "candles_binance_BTCUSDT_0m.csv"]
)
def test_other_files_are_not_candles_of_a_perpetual(name: str) -> None:
    assert named(Path(name)) is None


def test_candles_come_back_exactly_as_written(tmp_path: Path) -> None:
    path = write_candles(tmp_path, [row(0, "95457.7,95467.7,95457.6,95467.7,29.715")])
    [[candle]] = list(candles(file_of(path)))
    assert candle == (START_MS, *(parse(text) for text in ("95457.7", "95467.7", "95457.6", "95467.7", "29.715")))
