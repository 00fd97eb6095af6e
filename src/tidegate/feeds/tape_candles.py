"""Candles of a tape: one file of OHLCV candles, streamed, checked row by row, and split into two approximate bars per candle.

In: `candles_<exchange>_<symbol>_<timeframe>.csv[.gz]` with the columns ts_ms (open time, UTC), open, high, low, close, volume (coins).
Out: pairs of `Bar`s of half a candle each. Prices and volumes are exact: a block that holds only digits, points and commas, no fraction
over eight digits, and numbers below 10**7 is read through `float`, whose nearest double then rounds to the one right integer; everything
else goes through `units.parse`. A gap, a repeated or backward time, NaN, a price <= 0, high < low or a missing column is refused with
file, line and reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, takewhile
from pathlib import Path

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.csv_text import blocks, exact, lines, time_ms
from tidegate.model.observation import Bar
from tidegate.units import MS_NS, ONE

HEADER = "ts_ms,open,high,low,close,volume"
Candle = tuple[int, int, int, int, int, int]

_FILE_NAME = re.compile(r"candles_([a-z]+)_([A-Z]+?)(USDT|USDC|USD)_(\d+)([mh])\.csv(?:\.gz)?")
_MINUTE_MS = 60_000
_PLAIN = b"0123456789.,\n"
_LONG_FRACTION = re.compile(rb"\.[0-9]{9}")
_FLOAT_EXACT_BELOW = 10**7 * ONE


class CandleFile(msgspec.Struct, frozen=True):
    """One candle file: where it is, what its name says, and the open time of its first candle."""

    path: Path
    exchange: str
    asset: str
    span_ms: int
    first_ms: int


def named(path: Path) -> CandleFile | None:
    """Read what a file name says, or None when it is not the name of a perpetual's candle file. `first_ms` is not read yet."""
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        return None
    minutes = int(match[4]) * (60 if match[5] == "h" else 1)
    return CandleFile(path, match[1], match[2], minutes * _MINUTE_MS, 0) if minutes else None


def opened(file: CandleFile) -> CandleFile:
    """Check the header and the first row, and return the file with `first_ms`. Raises InputError when it is empty or malformed."""
    text = lines(file.path)
    number, header = next(text, (1, ""))
    if header != HEADER:
        missing = [name for name in HEADER.split(",") if name not in header.split(",")]
        problem = f"missing: {', '.join(missing)}" if missing else "in this order"
        raise InputError(f"{file.path}, line {number}", header, f"the columns {HEADER}", problem)
    number, row = next(text, (2, ""))
    candle = careful(row, f"{file.path}, line {number}")
    if candle[0] % file.span_ms:
        raise InputError(
            f"{file.path}, line {number}, column ts_ms",
            candle[0],
            f"a multiple of the candle's span of {file.span_ms} ms",
        )
    return msgspec.structs.replace(file, first_ms=candle[0])


def candles(file: CandleFile) -> Iterator[list[Candle]]:
    """Yield `(ts_ms, open, high, low, close, volume)` of each candle, checked and exact, a block at a time. Raises InputError at a bad row."""
    span_ms, expected, beyond = file.span_ms, file.first_ms, _FLOAT_EXACT_BELOW
    for block, plain in _vetted(file.path):
        found: list[Candle] = []
        keep = found.append
        for line in block:
            at = open_ = high = low = close = volume = 0
            try:
                at_text, open_text, high_text, low_text, close_text, volume_text = (line if plain else "").split(",")
                open_, high = int(float(open_text) * 1e8 + 0.5), int(float(high_text) * 1e8 + 0.5)
                low, close = int(float(low_text) * 1e8 + 0.5), int(float(close_text) * 1e8 + 0.5)
                volume, at = int(float(volume_text) * 1e8 + 0.5), int(at_text)
            except ValueError:
                at = 0  # not plain, or not a row: the exact reading will say
            if at == expected and 0 < low <= open_ <= high >= close >= low and high < beyond > volume:
                keep((at, open_, high, low, close, volume))
            else:
                keep(_careful_next(line, file, expected))
            expected += span_ms
        yield found


def half_bars(file: CandleFile, instrument_id: str, from_ms: int, until_ms: int) -> Iterator[tuple[Bar, Bar]]:
    """Iterate over the halves of each candle that opens at or after `from_ms` and closes at or before `until_ms`. Raises InputError.

    Stated path: an up candle (close >= open) runs open-low-high-close, a down candle open-high-low-close, and half-way through it the
    price is midway between its extremes. Volume is shared in proportion to path length (a flat candle: half and half); the halves add
    up to the candle's volume exactly. Delta is the volume of the up moves less that of the down moves, rounded down.
    """
    last_ms = until_ms - file.span_ms
    begun = (block for block in candles(file) if block and block[-1][0] >= from_ms)
    wanted = takewhile(lambda block: block[0][0] <= last_ms, begun)
    cut = (
        block
        if block[0][0] >= from_ms and block[-1][0] <= last_ms
        else [c for c in block if from_ms <= c[0] <= last_ms]
        for block in wanted
    )
    return chain.from_iterable(_halved(block, file.asset, instrument_id, file.span_ms * MS_NS) for block in cut)


def _halved(block: list[Candle], asset: str, instrument_id: str, span_ns: int) -> list[tuple[Bar, Bar]]:
    """Split candles into two bars each. Inlined and with short-lived locals: this is the hot loop of a replay."""
    halves: list[tuple[Bar, Bar]] = []
    keep = halves.append
    for at, open_, high, low, close, volume in block:
        middle = (low + high) >> 1
        if close >= open_:
            length_1, length_2 = open_ + middle - low - low, high + high - middle - close
            high_1, low_1 = (open_ if open_ > middle else middle), low
            high_2, low_2 = high, (middle if middle < close else close)
        else:
            length_1, length_2 = high + high - open_ - middle, middle + close - low - low
            high_1, low_1 = high, (open_ if open_ < middle else middle)
            high_2, low_2 = (middle if middle > close else close), low
        length = length_1 + length_2
        volume_1 = volume * length_1 // length if length else volume >> 1
        volume_2 = volume - volume_1
        delta_1 = volume_1 * (middle - open_) // length_1 if length_1 else 0
        delta_2 = volume_2 * (close - middle) // length_2 if length_2 else 0
        start_ns = at * MS_NS
        middle_ns, end_ns = start_ns + (span_ns >> 1), start_ns + span_ns
        first = Bar(instrument_id, asset, start_ns, middle_ns, open_, high_1, low_1, middle, volume_1, delta_1, True)
        second = Bar(instrument_id, asset, middle_ns, end_ns, middle, high_2, low_2, close, volume_2, delta_2, True)
        keep((first, second))
    return halves


def careful(line: str, place: str) -> Candle:
    """Parse and check one row exactly. Raises InputError that names place and column."""
    fields = line.split(",")
    if len(fields) != 6:
        raise InputError(place, line, f"the six columns {HEADER}")
    at = time_ms(fields[0], f"{place}, column ts_ms")
    names = ("open", "high", "low", "close", "volume")
    open_, high, low, close, volume = (
        exact(text, f"{place}, column {name}") for text, name in zip(fields[1:], names, strict=True)
    )
    for price, name in ((open_, "open"), (high, "high"), (low, "low"), (close, "close")):
        if price <= 0:
            raise InputError(f"{place}, column {name}", line, "a price > 0")
    if not (low <= open_ <= high and low <= close <= high):
        raise InputError(place, line, "low <= open, close <= high")
    if volume < 0:
        raise InputError(f"{place}, column volume", line, "a volume >= 0")
    return at, open_, high, low, close, volume


def _vetted(path: Path) -> Iterator[tuple[list[str], bool]]:
    """Yield the rows of each block and whether all its numbers are plain enough for the fast reading."""
    first = True
    for block in blocks(path):
        body = block.partition(b"\n")[2] if first else block
        first = False
        plain = not body.translate(None, _PLAIN) and _LONG_FRACTION.search(body) is None
        yield body.decode("ascii", "replace").split("\n")[:-1], plain


def _careful_next(line: str, file: CandleFile, expected_ms: int) -> Candle:
    """Parse a row exactly and require that it is the next candle. Raises InputError: gap, repeated, backward, or what `careful` finds."""
    place = f"{file.path}, line {(expected_ms - file.first_ms) // file.span_ms + 2}"
    candle = careful(line, place)
    if candle[0] != expected_ms:
        last_ms = expected_ms - file.span_ms
        wrong = "repeated time" if candle[0] == last_ms else "backward time" if candle[0] < last_ms else "gap"
        raise InputError(f"{place}, column ts_ms", candle[0], f"{expected_ms}, one candle after the row before", wrong)
    return candle
