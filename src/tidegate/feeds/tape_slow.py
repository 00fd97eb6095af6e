"""The slow series of a tape: positioning, funding, open interest and liquidations, as observations of a virtual poller.

In: the CSV files beside the candles (each optional). Out: `Observation`s sorted by the time at which they were published, each standing for
a poll every 30 virtual seconds until a newer one (SPEC section 6). Nothing is known before it was published: `cg_*` rows carry the OPEN of
their bar and are published at its close. Source: ../shared/data/README.md, reference/apis.md section 1.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from tidegate.errors import InputError
from tidegate.feeds.csv_text import exact, rounded_down, rows, time_ms
from tidegate.model.observation import SAMPLED, Channel, Observation
from tidegate.units import HOUR_NS, MS_NS, ONE, SECOND_NS, Nanoseconds, change_pct

POLL_NS = 30 * SECOND_NS
POSITIONING_FILE = "cg_long_short_ratio_binance_btcusdt_4h.csv"
FUNDING_FILE = "funding_settled.csv"
OPEN_INTEREST_FILE = "cg_open_interest_binance_stablecoin_qty_ohlc_4h.csv"
LIQUIDATIONS_FILE = "cg_liquidations_binance_4h.csv"

_ACCOUNT_RATIO = "account_ratio"
_BAR_MS = 4 * 3_600_000
_DAY_MS = 24 * 3_600_000
_FOUR_HOURS_NS = 4 * HOUR_NS
_FUNDING_HOURS = {"binance": 8, "okx": 8, "bybit": 8, "hyperliquid": 1}
_RENEWED_EVERY_8_H_SINCE_MS = 1_756_425_600_000  # 2025-08-29T00:00Z


def slow_observations(folder: Path, assets: Container[str]) -> list[Observation]:
    """Return every slow observation of the folder about `assets`, by time of publication. Raises InputError on a bad row."""
    found: list[Observation] = []
    for name, read in (
        (POSITIONING_FILE, _positioning),
        (FUNDING_FILE, _funding),
        (OPEN_INTEREST_FILE, _open_interest),
        (LIQUIDATIONS_FILE, _liquidations),
    ):
        path = folder / name
        if path.exists():
            found.extend(observation for observation in read(path) if observation.asset in assets)
    found.sort(key=lambda observation: observation.received_ns)
    return found


def _positioning(path: Path) -> Iterator[Observation]:
    """Yield the short share of all accounts in per cent (`account_ratio`).

    A row whose three ratios all equal the row before was not renewed by the source: it is not a new publication, so the value ages. Since
    29 Aug 2025 the source renews every 8 h.
    """
    last: dict[str, tuple[str, ...]] = {}
    times = _Times(path)
    columns = (
        "time_ms",
        "symbol",
        "global_account_short_percent",
        "top_account_short_percent",
        "top_position_short_percent",
    )
    for number, (time_text, symbol, *ratios) in rows(path, columns):
        place = f"{path}, line {number}"
        opened_ms = times.next(time_text, symbol, place)
        short_pct = exact(ratios[0], f"{place}, column {columns[2]}")
        if not 0 <= short_pct <= 100 * ONE:
            raise InputError(f"{place}, column {columns[2]}", ratios[0], "a share between 0 and 100 per cent")
        if last.get(symbol) == tuple(ratios):
            continue
        last[symbol] = tuple(ratios)
        period_ns = _FOUR_HOURS_NS if opened_ms < _RENEWED_EVERY_8_H_SINCE_MS else 2 * _FOUR_HOURS_NS
        named = (symbol.removesuffix("USDT"), "binance", f"coinglass:binance:{_ACCOUNT_RATIO}")
        yield _polled(Channel.POSITIONING, named, short_pct, opened_ms + _BAR_MS, period_ns)


def _funding(path: Path) -> Iterator[Observation]:
    """Yield the last settled rate of each venue in bps per 8 h: fraction x 10**4, and x 8 where the venue settles hourly; rounded down."""
    times = _Times(path)
    columns = ("ts_ms", "exchange", "symbol", "funding_rate")
    for number, (time_text, venue, asset, fraction) in rows(path, columns):
        place = f"{path}, line {number}"
        settled_ms = times.next(time_text, f"{venue} {asset}", place)
        hours = _FUNDING_HOURS.get(venue)
        if hours is None:
            raise InputError(f"{place}, column exchange", venue, f"one of {', '.join(_FUNDING_HOURS)}")
        rate_bps = rounded_down(fraction, f"{place}, column funding_rate", shift=4) * 8 // hours
        if abs(rate_bps) > 1_000 * ONE:
            raise InputError(
                f"{place}, column funding_rate",
                fraction,
                "a fraction per interval under 10 % per 8 h (not per cent, not bps)",
            )
        yield _polled(Channel.FUNDING, (asset, venue, f"{venue}:settled"), rate_bps, settled_ms, hours * HOUR_NS)


def _open_interest(path: Path) -> Iterator[Observation]:
    """Yield the 24 h change of open interest in coins, in per cent: close against the close 24 h before, found by time, never by index."""
    closes: dict[str, dict[int, int]] = {}
    times = _Times(path)
    for number, (time_text, asset, close_text) in rows(path, ("time_ms", "coin", "close")):
        place = f"{path}, line {number}"
        opened_ms = times.next(time_text, asset, place)
        close = rounded_down(close_text, f"{place}, column close")
        if close <= 0:
            raise InputError(f"{place}, column close", close_text, "open interest > 0 in coins")
        history = closes.setdefault(asset, {})
        history[opened_ms] = close
        earlier = history.pop(opened_ms - _DAY_MS, None)
        if earlier is not None:
            change = change_pct(close, earlier)
            named = (asset, "binance", "coinglass:binance:open_interest_coins")
            yield _polled(Channel.OPEN_INTEREST, named, change, opened_ms + _BAR_MS, _FOUR_HOURS_NS)


def _liquidations(path: Path) -> Iterator[Observation]:
    """Yield the USD of shorts liquidated in each 4 h window, published at its end. Far too coarse for a five-minute squeeze rule.

    Summed from the venue's public stream, which is a sample (reference/apis.md, trap 7); the source says so.
    """
    times = _Times(path)
    for number, (time_text, asset, usd_text) in rows(path, ("time_ms", "coin", "aggregated_short_liquidation_usd")):
        place = f"{path}, line {number}"
        opened_ms = times.next(time_text, asset, place)
        usd = rounded_down(usd_text, f"{place}, column aggregated_short_liquidation_usd")
        if usd < 0:
            raise InputError(f"{place}, column aggregated_short_liquidation_usd", usd_text, "a notional >= 0 in USD")
        named = (asset, "binance", f"coinglass:binance:liquidations_4h{SAMPLED}")
        yield _polled(Channel.LIQUIDATIONS, named, usd, opened_ms + _BAR_MS, _FOUR_HOURS_NS)


class _Times:
    """Checks that the times of each series in one file go forward."""

    def __init__(self, path: Path) -> None:
        self._path, self._last = path, dict[str, int]()

    def next(self, text: str, series: str, place: str) -> int:
        """Return the time of a row. Raises InputError when it repeats or goes backward within its series."""
        at_ms = time_ms(text, place)
        last_ms = self._last.get(series, 0)
        if at_ms <= last_ms:
            wrong = "repeated time" if at_ms == last_ms else "backward time"
            raise InputError(f"{place}, time of {series}", at_ms, f"a time after {last_ms}", wrong)
        self._last[series] = at_ms
        return at_ms


def _polled(
    channel: Channel, named: tuple[str, str, str], value: int, at_ms: int, period_ns: Nanoseconds
) -> Observation:
    """Build an observation of `(asset, venue, source)` that is known from `at_ms` on and polled until a newer one."""
    asset, venue, source = named
    kind = _ACCOUNT_RATIO if channel is Channel.POSITIONING else ""
    return Observation(channel, asset, venue, value, source, at_ms * MS_NS, at_ms * MS_NS, period_ns, POLL_NS, kind)
