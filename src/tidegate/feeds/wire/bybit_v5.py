"""Bybit v5, linear contracts: public topics and REST answers. Source: reference/apis.md section 4; the venue's docs repository.

Funding is a fraction per `fundingIntervalHour`. `allLiquidation.S` is the side of the POSITION that died (trap 6), and the topic claims
all of them (trap 7). `openInterest` counts both sides, `singleOpenInterest` one (trap 5). Periods are spelled `5min` (trap 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.depth import NO_ID, Depth, levels
from tidegate.feeds.wire.fields import (
    Raw,
    Row,
    amount,
    decoded,
    observed,
    price,
    quantity,
    row,
    rows,
    same,
    some_rows,
    text,
    time_ms,
    whole,
    word,
)
from tidegate.feeds.wire.market import Market, Markets, market_of
from tidegate.feeds.wire.open_interest import BOTH_SIDES, ONE_SIDE, OiPoint
from tidegate.feeds.wire.outcome import Down, NotEntitled, Outcome, Refused, SlowDown, never_raises, shown
from tidegate.feeds.wire.parsed import Answer, Parsed, Wire
from tidegate.feeds.wire.readings import (
    ACCOUNT_RATIO,
    FRACTION_TO_BPS,
    FRACTION_TO_PER_CENT,
    Times,
    funding,
    positioning,
    short_of_shares,
)
from tidegate.feeds.wire.refusals import BYBIT
from tidegate.model.observation import Liquidation, Observation, Side, TradePrint
from tidegate.units import HOUR_NS, MINUTE_NS, SECOND_NS, Nanoseconds, notional_of

PUBLIC_PATH = "/v5/public/linear"
PERIODS = MappingProxyType(
    {
        "5min": 5 * MINUTE_NS,
        "15min": 15 * MINUTE_NS,
        "30min": 30 * MINUTE_NS,
        "1h": HOUR_NS,
        "4h": 4 * HOUR_NS,
        "1d": 24 * HOUR_NS,
    }
)
"""The venue's own spelling. ccxt sends `5m` unless told otherwise (trap 10)."""

_BOUGHT = MappingProxyType({"Buy": True, "Sell": False})
_POSITION = MappingProxyType({"Buy": Side.LONG, "Sell": Side.SHORT})
_WHOLE = MappingProxyType({"snapshot": True, "delta": False})
_RESTARTED = 1
_SLOW_DOWN = (10006, 10018)
_KEY_REFUSED = (10003, 10004, 10005, 10007, 10009, 10010, 33004)
_BROKEN = (10000, 10016)


# Topics


@never_raises
def message(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read one message of a public topic. Acknowledgements, pongs and topics nobody uses are `()`."""
    frame = row(decoded(raw), "message")
    if "topic" not in frame:
        return _acknowledged(frame)
    name, _, rest = text(frame, "topic").partition(".")
    reader = _READERS.get(name)
    if reader is None:
        return ()
    market = market_of(markets, rest.rpartition(".")[2], "topic")
    return reader(frame, market, received_ns)


def _trades(frame: Row, market: Market, received_ns: Nanoseconds) -> Parsed:
    """Read trades; `S` is the taker's side. Block trades are not of the book and are left out."""
    found: list[Wire] = []
    for each in rows(frame.get("data"), "data"):
        trade = row(each, "data")
        same(trade, "s", market.symbol)
        at_ns = observed(time_ms(trade.get("T"), "T"), received_ns, "T")
        paid, size = price(trade.get("p"), "p"), quantity(trade.get("v"), "v")
        bought = word(trade, "S", _BOUGHT)
        if trade.get("BT") is not True:
            ids = (market.instrument_id, market.asset)
            found.append(TradePrint(*ids, paid, size, bought, "bybit:publicTrade", at_ns, received_ns))
    return tuple(found)


def _liquidations(frame: Row, market: Market, received_ns: Nanoseconds) -> Parsed:
    """Read liquidations; `p` is the bankruptcy price. The topic claims all, so that its source is not marked as a sample."""
    found: list[Wire] = []
    for each in rows(frame.get("data"), "data"):
        dead = row(each, "data")
        same(dead, "s", market.symbol)
        at_ns = observed(time_ms(dead.get("T"), "T"), received_ns, "T")
        paid, size = price(dead.get("p"), "p"), quantity(dead.get("v"), "v")
        side, usd = word(dead, "S", _POSITION), notional_of(paid, size)
        found.append(Liquidation(market.asset, side, usd, paid, "bybit:allLiquidation", at_ns, received_ns))
    return tuple(found)


def _orderbook(frame: Row, market: Market, received_ns: Nanoseconds) -> Parsed:
    """Read a book message. `u` = 1 is a snapshot whatever its `type` says: the service was restarted."""
    book = row(frame.get("data"), "data")
    same(book, "s", market.symbol)
    last = whole(book.get("u"), "u")
    whole_book = word(frame, "type", _WHOLE) or last == _RESTARTED
    bids, asks = levels(book.get("b"), market, "b"), levels(book.get("a"), market, "a")
    at_ns = observed(time_ms(frame.get("ts"), "ts"), received_ns, "ts")
    return (Depth(market.symbol, whole_book, bids, asks, NO_ID, last, NO_ID, at_ns, received_ns),)


def _ticker(frame: Row, market: Market, received_ns: Nanoseconds) -> Parsed:
    """Read a ticker. A delta holds only what changed: without `fundingRate` it says nothing about funding."""
    ticker = row(frame.get("data"), "data")
    same(ticker, "symbol", market.symbol)
    at_ns = observed(time_ms(frame.get("ts"), "ts"), received_ns, "ts")
    if "fundingRate" not in ticker:
        return ()
    return (_funding_of(ticker, market, Times(at_ns, received_ns, SECOND_NS), "bybit:tickers"),)


_READERS: Mapping[str, Callable[[Row, Market, Nanoseconds], Parsed]] = MappingProxyType(
    {
        "publicTrade": _trades,
        "allLiquidation": _liquidations,
        "orderbook": _orderbook,
        "tickers": _ticker,
    }
)


# REST


@never_raises
def tickers(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /v5/market/tickers?category=linear&symbol=`: the running funding estimate. `time` of the answer is its age."""
    answer = row(decoded(raw), "message")
    listed = _listed(answer)
    if not isinstance(listed, list):
        return listed
    ticker = row(listed[0], "list")
    same(ticker, "symbol", market.symbol)
    at_ns = observed(time_ms(answer.get("time"), "time"), received_ns, "time")
    return (_funding_of(ticker, market, Times(at_ns, received_ns, SECOND_NS), "bybit:tickers"),)


@never_raises
def account_ratio(raw: Raw, market: Market, received_ns: Nanoseconds, period: str) -> Answer:
    """Read `GET /v5/market/account-ratio`: the newest row, of all accounts. Its `timestamp` is taken for the END of its period."""
    if period not in PERIODS:
        raise InputError("period", period, f"one of {', '.join(PERIODS)}")
    listed = _listed(row(decoded(raw), "message"))
    if not isinstance(listed, list):
        return listed
    history = [row(each, "list") for each in listed]
    for each in history:
        same(each, "symbol", market.symbol)
    newest = max(history, key=lambda each: time_ms(each.get("timestamp"), "timestamp"))
    at_ns = observed(time_ms(newest.get("timestamp"), "timestamp"), received_ns, "timestamp")
    short_pct = short_of_shares(newest.get("buyRatio"), newest.get("sellRatio"), FRACTION_TO_PER_CENT)
    return (positioning(market, short_pct, ACCOUNT_RATIO, Times(at_ns, received_ns, PERIODS[period]), "bybit"),)


@never_raises
def open_interest_history(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /v5/market/open-interest`: points in coins. One answer counts one way: with `singleOpenInterest` one side, else both."""
    answer = row(decoded(raw), "message")
    listed = _listed(answer)
    if not isinstance(listed, list):
        return listed
    same(row(answer.get("result"), "result"), "symbol", market.symbol)
    buckets = [row(each, "list") for each in listed]
    single = all("singleOpenInterest" in each for each in buckets)
    name, measure = ("singleOpenInterest", ONE_SIDE) if single else ("openInterest", BOTH_SIDES)
    points: list[OiPoint] = []
    for each in buckets:
        at_ns = observed(time_ms(each.get("timestamp"), "timestamp"), received_ns, "timestamp")
        points.append(OiPoint(market.symbol, at_ns, amount(each.get(name), name), measure))
    return tuple(points)


@never_raises
def depth_snapshot(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /v5/market/orderbook`."""
    answer = row(decoded(raw), "message")
    refused = _refused(answer)
    if refused is not None:
        return refused
    book = row(answer.get("result"), "result")
    return _orderbook({"type": "snapshot", "ts": book.get("ts"), "data": book}, market, received_ns)


def _funding_of(ticker: Row, market: Market, times: Times, source: str) -> Observation:
    """Return the funding of a ticker, whose own interval wins over the market's."""
    hours = ticker.get("fundingIntervalHour")
    if hours is not None:
        period_ns = whole(hours, "fundingIntervalHour") * HOUR_NS
        market = msgspec.structs.replace(market, funding_period_ns=period_ns)
    return funding(market, ticker.get("fundingRate"), FRACTION_TO_BPS, times, source)


def _acknowledged(frame: Row) -> Answer:
    if frame.get("success") is False:
        return Refused(f"bybit: {shown(frame.get('ret_msg'))}")
    if "op" not in frame:
        raise InputError("message", frame, "a message of this venue")
    return ()


def _listed(answer: Row) -> list[object] | Outcome:
    """Return the rows of an answer. `retCode` is a number and is not 0 when the venue says no, even with HTTP 200."""
    refused = _refused(answer)
    if refused is not None:
        return refused
    return some_rows(row(answer.get("result"), "result").get("list"), "list")


def _refused(answer: Row) -> Outcome | None:
    code = answer.get("retCode")
    if type(code) is not int:
        raise InputError("retCode", code, "a whole number")
    if code == 0:
        return None
    if code in _SLOW_DOWN:
        return SlowDown(0)
    if code in _KEY_REFUSED:
        return NotEntitled(BYBIT.entitlement)
    why = f"bybit {code}: {shown(answer.get('retMsg'))}"
    return Down(why) if code in _BROKEN else Refused(why)
