"""OKX v5: public channels and REST answers. Source: reference/apis.md section 3; the OKX v5 docs, pages named there.

All numbers and times (ms) are texts. Sizes of swaps are CONTRACTS: x `contract_value` (trap 5, 8). The funding interval is
`nextFundingTime - fundingTime` (trap 2). The ratio is long/short only (trap 3). A liquidation message has MANY `details` (trap 8), whose
`side` is the side of the liquidation ORDER (trap 6), at most one per contract and second (trap 7). What `ts` of the ratio and
open-interest history marks is not documented; it is taken for the END, the older reading, so that age is never understated.
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
    cell,
    decoded,
    floored,
    observed,
    price,
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
from tidegate.feeds.wire.open_interest import OiPoint
from tidegate.feeds.wire.outcome import NotEntitled, Outcome, Refused, SlowDown, never_raises, shown
from tidegate.feeds.wire.parsed import Answer, Parsed, Wire
from tidegate.feeds.wire.readings import (
    ACCOUNT_RATIO,
    FRACTION_TO_BPS,
    TOP_ACCOUNT,
    TOP_POSITION,
    Times,
    coins,
    funding,
    positioning,
    short_of_ratio,
)
from tidegate.feeds.wire.refusals import OKX
from tidegate.model.observation import SAMPLED, Liquidation, Side, TradePrint
from tidegate.units import HOUR_NS, MINUTE_NS, SECOND_NS, Nanoseconds, notional_of

PUBLIC_PATH = "/ws/v5/public"
PING = "ping"
PERIODS = MappingProxyType(
    {"5m": 5 * MINUTE_NS, "15m": 15 * MINUTE_NS, "30m": 30 * MINUTE_NS, "1H": HOUR_NS, "4H": 4 * HOUR_NS}
)
FUNDING_PUBLISHED_NS = 90 * SECOND_NS
"""The funding channel pushes every 30 to 90 s."""

_BOUGHT = MappingProxyType({"buy": True, "sell": False})
_LIQUIDATED = MappingProxyType({"buy": Side.SHORT, "sell": Side.LONG})
_POSITION = MappingProxyType({"short": Side.SHORT, "long": Side.LONG, "net": None, "": None})
_WHOLE_BOOKS = ("books5", "bbo-tbt")
_DIFF_BOOKS = ("books", "books-l2-tbt", "books50-l2-tbt")
_WHOLE = MappingProxyType({"snapshot": True, "update": False})
_SLOW_DOWN = ("50011", "50013", "50061", "60014")
_KEY_REFUSED = (
    "50101",
    "50103",
    "50105",
    "50110",
    "50111",
    "50113",
    "50114",
    "50119",
    "60005",
    "60009",
    "60011",
    "60024",
)
_RATIOS = (ACCOUNT_RATIO, TOP_ACCOUNT, TOP_POSITION)


# Streams


@never_raises
def message(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read one message of a public channel. `pong`, acknowledgements and channels nobody uses are `()`."""
    if raw in (b"pong", "pong"):
        return ()
    frame = row(decoded(raw), "message")
    if "event" in frame:
        return _no(frame) if frame.get("event") == "error" else ()
    arg = row(frame.get("arg"), "arg")
    channel = text(arg, "channel")
    if channel in _DIFF_BOOKS or channel in _WHOLE_BOOKS:
        return _books(frame, arg, markets, received_ns)
    reader = _READERS.get(channel)
    if reader is None:
        return ()
    found: list[Wire] = []
    for each in rows(frame.get("data"), "data"):
        found.extend(reader(row(each, "data"), arg, markets, received_ns))
    return tuple(found)


def _trade(source: Row, arg: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read a trade; `side` is the taker's."""
    market = _named(source, arg, markets)
    at_ns = observed(time_ms(source.get("ts"), "ts"), received_ns, "ts")
    paid, size = price(source.get("px"), "px"), coins(source.get("sz"), market, "sz")
    bought = word(source, "side", _BOUGHT)
    return (TradePrint(market.instrument_id, market.asset, paid, size, bought, "okx:trades", at_ns, received_ns),)


def _funding(source: Row, arg: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    market = _named(source, arg, markets)
    interval_ns = time_ms(source.get("nextFundingTime"), "nextFundingTime") - time_ms(
        source.get("fundingTime"), "fundingTime"
    )
    if interval_ns % HOUR_NS or not HOUR_NS <= interval_ns <= 24 * HOUR_NS:
        raise InputError("funding interval", interval_ns, "whole hours, at most 24")
    at_ns = observed(time_ms(source.get("ts"), "ts"), received_ns, "ts")
    _inside_the_caps(source)
    own = msgspec.structs.replace(market, funding_period_ns=interval_ns)
    times = Times(at_ns, received_ns, FUNDING_PUBLISHED_NS)
    return (funding(own, source.get("fundingRate"), FRACTION_TO_BPS, times, "okx:funding_rate"),)


def _open_interest(source: Row, arg: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read a point from `oiCcy`, which is in coins; `oi` is in contracts and `oiUsd` moves with the price (trap 5)."""
    market = _named(source, arg, markets)
    at_ns = observed(time_ms(source.get("ts"), "ts"), received_ns, "ts")
    return (OiPoint(market.symbol, at_ns, _positive(source.get("oiCcy"), "oiCcy")),)


def _liquidations(source: Row, arg: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read every one of the `details`; contracts that are not ours come with the channel and are left out."""
    del arg
    market = markets.get(str(source.get("instId")))
    if market is None:
        return ()
    found: list[Liquidation] = []
    for each in rows(source.get("details"), "details"):
        detail = row(each, "details")
        side, held = word(detail, "side", _LIQUIDATED), word(detail, "posSide", _POSITION)
        if held is not None and held is not side:
            raise InputError("posSide", held, "the position that the order closes")
        paid, size = price(detail.get("bkPx"), "bkPx"), coins(detail.get("sz"), market, "sz")
        at_ns = observed(time_ms(detail.get("ts"), "ts"), received_ns, "ts")
        usd = notional_of(paid, size)
        found.append(Liquidation(market.asset, side, usd, paid, f"okx:liquidation-orders{SAMPLED}", at_ns, received_ns))
    return tuple(found)


def _books(frame: Row, arg: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read a book message. `books5` and `bbo-tbt` are whole each time and have no `action`."""
    market = market_of(markets, arg.get("instId"), "instId")
    whole_book = arg.get("channel") in _WHOLE_BOOKS or word(frame, "action", _WHOLE)
    found: list[Wire] = []
    for each in rows(frame.get("data"), "data"):
        source = row(each, "data")
        bids, asks = levels(source.get("bids"), market, "bids"), levels(source.get("asks"), market, "asks")
        last = whole(source.get("seqId"), "seqId")
        previous = NO_ID if whole_book else whole(source.get("prevSeqId"), "prevSeqId")
        at_ns = observed(time_ms(source.get("ts"), "ts"), received_ns, "ts")
        checksum = source.get("checksum", 0)
        if type(checksum) is not int:
            raise InputError("checksum", checksum, "a whole number")
        ids = (NO_ID, last, previous)
        found.append(Depth(market.symbol, whole_book, bids, asks, *ids, at_ns, received_ns, checksum))
    return tuple(found)


_READERS: Mapping[str, Callable[[Row, Row, Markets, Nanoseconds], Parsed]] = MappingProxyType(
    {
        "trades": _trade,
        "trades-all": _trade,
        "funding-rate": _funding,
        "open-interest": _open_interest,
        "liquidation-orders": _liquidations,
    }
)


# REST


@never_raises
def funding_rate(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /api/v5/public/funding-rate?instId=`."""
    return _each(raw, market, received_ns, _funding)


@never_raises
def open_interest(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /api/v5/public/open-interest?instType=SWAP&instId=`: one point in coins."""
    return _each(raw, market, received_ns, _open_interest)


@never_raises
def trades(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /api/v5/market/trades`; the answer is newest first, the events are oldest first."""
    answer = _each(raw, market, received_ns, _trade)
    return answer[::-1] if isinstance(answer, tuple) else answer


@never_raises
def open_interest_history(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET .../rubik/stat/contracts/open-interest-history`: `[ts, contracts, coins, usd]`. At most 100 rows: 24 h need three pages."""
    answer = _rows(raw)
    if not isinstance(answer, list):
        return answer
    points: list[OiPoint] = []
    for each in answer:
        at_ns = observed(time_ms(cell(each, 0, "ts"), "ts"), received_ns, "ts")
        points.append(OiPoint(market.symbol, at_ns, _positive(cell(each, 2, "oiCcy"), "oiCcy")))
    return tuple(points)


@never_raises
def long_short(raw: Raw, market: Market, received_ns: Nanoseconds, kind: str, period: str) -> Answer:
    """Read one of the three contract ratios, `[ts, long/short]`: the newest row. The rows do not name their contract.

    `kind` is the caller's: account_ratio (all accounts), top_account or top_position (the top 5 %), each its own endpoint.
    """
    if kind not in _RATIOS or period not in PERIODS:
        raise InputError("kind, period", f"{kind}, {period}", f"of {', '.join(_RATIOS)} and {', '.join(PERIODS)}")
    answer = _rows(raw)
    if not isinstance(answer, list):
        return answer
    newest = max(answer, key=lambda each: time_ms(cell(each, 0, "ts"), "ts"))
    at_ns = observed(time_ms(cell(newest, 0, "ts"), "ts"), received_ns, "ts")
    times = Times(at_ns, received_ns, PERIODS[period])
    return (positioning(market, short_of_ratio(cell(newest, 1, "ratio")), kind, times, "okx"),)


def _each(
    raw: Raw,
    market: Market,
    received_ns: Nanoseconds,
    reader: Callable[[Row, Row, Markets, Nanoseconds], Parsed],
) -> Answer:
    """Read every row of an answer about one market with the reader of its channel."""
    answer = _rows(raw)
    if not isinstance(answer, list):
        return answer
    only = {market.symbol: market}
    found: list[Wire] = []
    for each in answer:
        found.extend(reader(row(each, "data"), {"instId": market.symbol}, only, received_ns))
    return tuple(found)


def _rows(raw: Raw) -> list[object] | Outcome:
    """Return the rows of an answer; `code` is a text and is not "0" when the venue says no, even with HTTP 200."""
    answer = row(decoded(raw), "message")
    if text(answer, "code") != "0":
        return _no(answer)
    return some_rows(answer.get("data"), "data")


def _named(source: Row, arg: Row, markets: Markets) -> Market:
    """Return the market of a row, which must be the one of its subscription where that names one."""
    market = market_of(markets, source.get("instId"), "instId")
    if "instId" in arg:
        same(arg, "instId", market.symbol)
    return market


def _inside_the_caps(source: Row) -> None:
    """A rate outside the caps that the same message states has another unit or is damaged."""
    lowest, highest = source.get("minFundingRate"), source.get("maxFundingRate")
    if not lowest or not highest:
        return
    shift = FRACTION_TO_BPS
    rate = floored(source.get("fundingRate"), "fundingRate", shift)
    if not floored(lowest, "minFundingRate", shift) <= rate <= floored(highest, "maxFundingRate", shift):
        raise InputError("fundingRate", source.get("fundingRate"), "between minFundingRate and maxFundingRate")


def _positive(value: object, name: str) -> int:
    found = floored(value, name)
    if found <= 0:
        raise InputError(name, value, "an amount > 0")
    return found


def _no(answer: Row) -> Outcome:
    code = text(answer, "code")
    if code in _SLOW_DOWN:
        return SlowDown(0)
    if code in _KEY_REFUSED:
        return NotEntitled(OKX.entitlement)
    return Refused(f"okx {shown(code)}: {shown(answer.get('msg'))}")
