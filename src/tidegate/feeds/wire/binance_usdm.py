"""Binance USD-M futures: streams and REST answers. Source: reference/apis.md section 2; developers.binance.com, pages named there.

Numbers are texts, times are ms. Funding is a fraction per interval (trap 1) whose interval only `fundingInfo` tells (trap 2). LSR and OI
history carry the END of their period, taker volume the START. `forceOrder.o.S` is the side of the liquidation ORDER (trap 6); the
stream tells at most one per symbol and second (trap 7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from types import MappingProxyType

from tidegate.errors import InputError
from tidegate.feeds.wire.depth import NO_ID, Depth, levels
from tidegate.feeds.wire.fields import (
    Raw,
    Row,
    amount,
    decoded,
    flag,
    observed,
    price,
    quantity,
    row,
    rows,
    same,
    some_rows,
    time_ms,
    whole,
    word,
)
from tidegate.feeds.wire.market import Market, Markets, market_of
from tidegate.feeds.wire.open_interest import OiPoint
from tidegate.feeds.wire.outcome import NotEnough, NotEntitled, Outcome, Refused, SlowDown, never_raises, shown
from tidegate.feeds.wire.parsed import Answer, Parsed
from tidegate.feeds.wire.readings import (
    ACCOUNT_RATIO,
    FRACTION_TO_BPS,
    FRACTION_TO_PER_CENT,
    TAKER_VOLUME,
    TOP_ACCOUNT,
    TOP_POSITION,
    Times,
    funding,
    positioning,
    short_of_shares,
    short_of_volumes,
)
from tidegate.feeds.wire.refusals import BINANCE
from tidegate.model.observation import SAMPLED, Liquidation, Side, TradePrint
from tidegate.units import HOUR_NS, MINUTE_NS, SECOND_NS, Nanoseconds, notional_of

PUBLIC_PATH = "/public"
MARKET_PATH = "/market"
PRIVATE_PATH = "/private"
TRADES_STREAM = "aggTrade"
"""Not `trade`, which the venue's own SDK does not list (trap 12)."""

STREAM_PATHS = MappingProxyType(
    {
        "depth": PUBLIC_PATH,
        "bookTicker": PUBLIC_PATH,
        TRADES_STREAM: MARKET_PATH,
        "markPrice": MARKET_PATH,
        "kline": MARKET_PATH,
        "forceOrder": MARKET_PATH,
    }
)
"""Since 2026-04-23 a stream asked for on another path is silently empty (trap 14)."""

PERIODS = MappingProxyType(
    {"5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS, "30m": 30 * MINUTE_NS, "1h": HOUR_NS, "4h": 4 * HOUR_NS}
)
FUNDING_HOURS_WHEN_ABSENT = 8
_LIQUIDATED = MappingProxyType({"BUY": Side.SHORT, "SELL": Side.LONG})
_HOURS_MAX = 24
_RATIOS = MappingProxyType(
    {
        ACCOUNT_RATIO: "/futures/data/globalLongShortAccountRatio",
        TOP_ACCOUNT: "/futures/data/topLongShortAccountRatio",
        TOP_POSITION: "/futures/data/topLongShortPositionRatio",
    }
)
_SLOW_DOWN = (-1003, -1015)
_KEY_REFUSED = (-2014, -2015, -1022)


def stream_path(stream: str) -> str:
    """Return the path on which a stream such as `btcusdt@depth@100ms` is served. Raises InputError for one that is not listed."""
    kind = stream.partition("@")[2].partition("@")[0] if not stream.startswith("!") else stream[1:].partition("@")[0]
    name = next((known for known in STREAM_PATHS if kind.startswith(known)), None)
    if name is None:
        raise InputError("stream", stream, f"one of {', '.join(STREAM_PATHS)}")
    return STREAM_PATHS[name]


# Streams


@never_raises
def message(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read one message of a stream, wrapped (`{"stream", "data"}`) or bare. Acknowledgements and streams nobody uses are `()`."""
    frame = row(decoded(raw), "message")
    if "e" not in frame and "stream" not in frame:
        return () if "result" in frame and frame.get("result") is None else _no(frame)
    payload = row(frame.get("data"), "data") if "stream" in frame else frame
    kind = payload.get("e")
    reader = _READERS.get(kind) if type(kind) is str else None
    if reader is None:
        raise InputError("e", kind, f"one of {', '.join(_READERS)}")
    return reader(payload, markets, received_ns)


def _agg_trade(payload: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read a trade. `m` true: the buyer was the maker, so the taker sold. `q` is the whole quantity, retail orders included."""
    market = market_of(markets, payload.get("s"), "s")
    at_ns = observed(time_ms(payload.get("T"), "T"), received_ns, "T")
    bought, source = not flag(payload, "m"), f"binance:{TRADES_STREAM}"
    paid, size = price(payload.get("p"), "p"), quantity(payload.get("q"), "q")
    return (TradePrint(market.instrument_id, market.asset, paid, size, bought, source, at_ns, received_ns),)


def _depth(payload: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    market = market_of(markets, payload.get("s"), "s")
    first, last = whole(payload.get("U"), "U"), whole(payload.get("u"), "u")
    if not 0 <= first <= last:
        raise InputError("U", f"{first}..{last}", "an update range that goes forward")
    bids, asks = levels(payload.get("b"), market, "b"), levels(payload.get("a"), market, "a")
    at_ns = observed(time_ms(payload.get("T"), "T"), received_ns, "T")
    return (Depth(market.symbol, False, bids, asks, first, last, whole(payload.get("pu"), "pu"), at_ns, received_ns),)


def _mark_price(payload: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read the running funding estimate `r` of a perpetual."""
    market = market_of(markets, payload.get("s"), "s")
    at_ns = observed(time_ms(payload.get("E"), "E"), received_ns, "E")
    _settles_within(market, at_ns, time_ms(payload.get("T"), "T"))
    times = Times(at_ns, received_ns, 3 * SECOND_NS)
    return (funding(market, payload.get("r"), FRACTION_TO_BPS, times, "binance:markPrice"),)


def _liquidation_order(payload: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read a liquidation: what was filled at its average price, or the whole order while nothing is. Other symbols are not ours."""
    order = row(payload.get("o"), "o")
    market = markets.get(str(order.get("s")))
    if market is None:
        return ()
    side = word(order, "S", _LIQUIDATED)
    filled = amount(order.get("z"), "z")
    size = filled or quantity(order.get("q"), "q")
    paid = price(order.get("ap"), "ap") if filled else price(order.get("p"), "p")
    at_ns = observed(time_ms(order.get("T"), "T"), received_ns, "T")
    source = f"binance:forceOrder{SAMPLED}"
    return (Liquidation(market.asset, side, notional_of(paid, size), paid, source, at_ns, received_ns),)


def _unused(payload: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """A stream that is known and not used: two sources of one book could disagree, candles come from trades."""
    del payload, markets, received_ns
    return ()


_READERS: Mapping[str, Callable[[Row, Markets, Nanoseconds], Parsed]] = MappingProxyType(
    {
        TRADES_STREAM: _agg_trade,
        "depthUpdate": _depth,
        "markPriceUpdate": _mark_price,
        "forceOrder": _liquidation_order,
        "bookTicker": _unused,
        "kline": _unused,
        "24hrTicker": _unused,
    }
)


# REST


@never_raises
def depth_snapshot(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /fapi/v1/depth`. The answer does not name its symbol: the caller must know what it asked for."""
    answer = row(decoded(raw), "depth")
    if "lastUpdateId" not in answer:
        return _no(answer)
    last = whole(answer.get("lastUpdateId"), "lastUpdateId")
    bids, asks = levels(answer.get("bids"), market, "bids"), levels(answer.get("asks"), market, "asks")
    at_ns = observed(time_ms(answer.get("T"), "T"), received_ns, "T")
    return (Depth(market.symbol, True, bids, asks, NO_ID, last, NO_ID, at_ns, received_ns),)


@never_raises
def premium_index(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /fapi/v1/premiumIndex?symbol=`: the running funding estimate in bps per 8 h."""
    answer = row(decoded(raw), "premiumIndex")
    if "symbol" not in answer:
        return _no(answer)
    same(answer, "symbol", market.symbol)
    at_ns = observed(time_ms(answer.get("time"), "time"), received_ns, "time")
    _settles_within(market, at_ns, time_ms(answer.get("nextFundingTime"), "nextFundingTime"))
    times = Times(at_ns, received_ns, 3 * SECOND_NS)
    return (funding(market, answer.get("lastFundingRate"), FRACTION_TO_BPS, times, "binance:premiumIndex"),)


@never_raises
def funding_hours(raw: Raw) -> dict[str, int] | Outcome:
    """Read `GET /fapi/v1/fundingInfo`: hours per interval of the adjusted symbols. A symbol that is absent has 8 h."""
    answer = decoded(raw)
    if isinstance(answer, dict):
        return _no(row(answer, "fundingInfo"))
    found: dict[str, int] = {}
    for each in rows(answer, "fundingInfo"):
        listed = row(each, "fundingInfo")
        hours = whole(listed.get("fundingIntervalHours"), "fundingIntervalHours")
        if not 1 <= hours <= _HOURS_MAX:
            raise InputError("fundingIntervalHours", hours, "between 1 and 24")
        found[str(listed.get("symbol"))] = hours
    return found


@never_raises
def long_short(raw: Raw, market: Market, received_ns: Nanoseconds, kind: str, period: str) -> Answer:
    """Read one of the three long/short ratios (`kind`): the newest bucket. `timestamp` is the END of its period."""
    if kind not in _RATIOS:
        raise InputError("kind", kind, f"one of {', '.join(_RATIOS)}")
    found = _newest(raw, market)
    if not isinstance(found, dict):
        return found
    at_ns = observed(time_ms(found.get("timestamp"), "timestamp"), received_ns, "timestamp")
    short_pct = short_of_shares(found.get("longAccount"), found.get("shortAccount"), FRACTION_TO_PER_CENT)
    return (positioning(market, short_pct, kind, Times(at_ns, received_ns, _period(period)), "binance"),)


@never_raises
def taker_ratio(raw: Raw, market: Market, received_ns: Nanoseconds, period: str) -> Answer:
    """Read taker volume: the newest CLOSED bucket (`timestamp` is the START of its period). Not a crowd of accounts: another kind."""
    period_ns, found = _period(period), decoded(raw)
    if isinstance(found, dict):
        return _no(row(found, "takerlongshortRatio"))
    buckets = [row(each, "takerlongshortRatio") for each in some_rows(found, "takerlongshortRatio")]
    ended = [(time_ms(each.get("timestamp"), "timestamp") + period_ns, each) for each in buckets]
    closed = [pair for pair in ended if pair[0] <= received_ns]
    if not closed:
        raise NotEnough("takerlongshortRatio", len(ended), "no closed bucket")
    at_ns, newest = max(closed, key=itemgetter(0))
    short_pct = short_of_volumes(newest.get("buyVol"), newest.get("sellVol"))
    return (positioning(market, short_pct, TAKER_VOLUME, Times(at_ns, received_ns, period_ns), "binance"),)


@never_raises
def open_interest(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /fapi/v1/openInterest`: one point in coins, now."""
    answer = row(decoded(raw), "openInterest")
    if "symbol" not in answer:
        return _no(answer)
    same(answer, "symbol", market.symbol)
    at_ns = observed(time_ms(answer.get("time"), "time"), received_ns, "time")
    return (OiPoint(market.symbol, at_ns, quantity(answer.get("openInterest"), "openInterest")),)


@never_raises
def open_interest_history(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /futures/data/openInterestHist`: points in coins at the END of their periods. Missing buckets are normal."""
    answer = decoded(raw)
    if isinstance(answer, dict):
        return _no(row(answer, "openInterestHist"))
    points: list[OiPoint] = []
    for each in some_rows(answer, "openInterestHist"):
        bucket = row(each, "openInterestHist")
        same(bucket, "symbol", market.symbol)
        at_ns = observed(time_ms(bucket.get("timestamp"), "timestamp"), received_ns, "timestamp")
        points.append(OiPoint(market.symbol, at_ns, amount(bucket.get("sumOpenInterest"), "sumOpenInterest")))
    return tuple(points)


def _newest(raw: Raw, market: Market) -> Row | Outcome:
    """Return the newest row of a history whose rows all name the market."""
    answer = decoded(raw)
    if isinstance(answer, dict):
        return _no(row(answer, "history"))
    history = [row(each, "history") for each in some_rows(answer, "history")]
    for each in history:
        same(each, "symbol", market.symbol)
    return max(history, key=lambda each: time_ms(each.get("timestamp"), "timestamp"))


def _settles_within(market: Market, at_ns: Nanoseconds, next_ns: Nanoseconds) -> None:
    """A settlement further away than the interval means that the interval is wrong: the rate would be scaled wrongly (trap 2)."""
    if next_ns > at_ns + market.funding_period_ns + MINUTE_NS:
        raise InputError("next funding time", next_ns, "within one funding interval of this market")


def _period(period: str) -> Nanoseconds:
    if period not in PERIODS:
        raise InputError("period", period, f"one of {', '.join(PERIODS)}")
    return PERIODS[period]


def _no(answer: Row) -> Outcome:
    """Read an error body: `{"code", "msg"}`, or the same inside `error`."""
    error = row(answer.get("error"), "error") if "error" in answer else answer
    code = error.get("code")
    if code in _SLOW_DOWN:
        return SlowDown(0)
    if code in _KEY_REFUSED:
        return NotEntitled(BINANCE.entitlement)
    if type(code) is not int:
        raise InputError("message", answer, "a message of this venue")
    return Refused(f"binance {code}: {shown(error.get('msg'))}")
