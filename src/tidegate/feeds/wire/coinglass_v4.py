"""Coinglass v4 answers: ratios, funding, open interest. A cross-check: the exchanges' own series are primary. Source: apis.md section 7.

Funding is in PER CENT per interval (trap 1), ratios in per cent (trap 3). Every number may come as a JSON number or as text. `time` is
the OPEN of a bar, so that only closed bars are read, at their close. A refusal of the plan comes as HTTP 200 with a `code` (trap 19).
`open_interest_change_percent_24h` is the change of the USD value, not of coins: on 2025-10-20 it equals the change of the USD history
(ETH +0.97 % while its coins fell 1.8 %), so that it must be freed from the price before it is the snapshot's number.

Not read: `liquidation/order` and the liquidation stream, whose `side` nobody documents (apis.md section 16).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import (
    Raw,
    Row,
    amount,
    decoded,
    floored,
    row,
    rows,
    same,
    some_rows,
    text,
    time_ms,
    whole,
)
from tidegate.feeds.wire.market import Market
from tidegate.feeds.wire.open_interest import OiPoint
from tidegate.feeds.wire.outcome import NotEnough, NotEntitled, Outcome, Refused, SlowDown, never_raises, shown
from tidegate.feeds.wire.parsed import Answer
from tidegate.feeds.wire.readings import (
    ACCOUNT_RATIO,
    PER_CENT,
    PER_CENT_TO_BPS,
    TAKER_VOLUME,
    TOP_ACCOUNT,
    TOP_POSITION,
    Times,
    funding,
    positioning,
    short_of_shares,
    short_of_volumes,
)
from tidegate.feeds.wire.refusals import COINGLASS
from tidegate.model.observation import Channel, Observation
from tidegate.units import HOUR_NS, MINUTE_NS, ONE, SECOND_NS, Nanoseconds, Pct

KEY_HEADER = "CG-API-KEY"
RATIO_PREFIXES = MappingProxyType(
    {ACCOUNT_RATIO: "global_account", TOP_ACCOUNT: "top_account", TOP_POSITION: "top_position"}
)
PLAN_FINEST_NS = MappingProxyType({"hobbyist": 4 * HOUR_NS, "startup": 30 * MINUTE_NS})
"""The finest interval of each plan that has a limit. Neither can satisfy a 7-minute value age (trap 18)."""

CACHED_NS = 20 * SECOND_NS
_PLAN_CODES = ("401", "403", "30001", "30002")
_PLAN_WORDS = ("plan", "api key", "apikey", "unauthorized", "permission")
_BUSY_WORDS = ("too many", "rate limit")
_HOURS_MAX = 24
_PRICE_CHANGE_PCT_MIN, _PRICE_CHANGE_PCT_MAX = -90 * ONE, 900 * ONE


class HistoryBar(msgspec.Struct, frozen=True, gc=False):
    """One row of a history: open and close time of its bar and the values of the wanted columns, rounded down to the scale."""

    start_ns: Nanoseconds
    end_ns: Nanoseconds
    values: tuple[int, ...]


def entitled(plan: str, period_ns: Nanoseconds) -> NotEntitled | None:
    """Say whether a plan serves an interval; None when it does or when nothing is known about the plan. Source: apis.md, trap 18."""
    finest_ns = PLAN_FINEST_NS.get(plan.lower(), 0)
    if period_ns >= finest_ns:
        return None
    return NotEntitled(
        f"the Coinglass plan {plan} serves {finest_ns // MINUTE_NS} min and coarser; {COINGLASS.alternative}"
    )


@never_raises
def history(raw: Raw, columns: tuple[str, ...], period_ns: Nanoseconds) -> tuple[HistoryBar, ...] | Outcome:
    """Read any history (`time` and numeric columns), oldest first. Repeated or backward times are garbage."""
    found = content(raw)
    if isinstance(found, Outcome):
        return found
    bars: list[HistoryBar] = []
    for each in some_rows(found, "data"):
        source = row(each, "data")
        start_ns = time_ms(source.get("time"), "time")
        values = tuple(floored(source.get(name), name) for name in columns)
        bars.append(HistoryBar(start_ns, start_ns + period_ns, values))
    for earlier, later in pairwise(bars):
        if later.start_ns <= earlier.start_ns:
            raise InputError("time", later.start_ns, "after the time of the row before")
    return tuple(bars)


@never_raises
def long_short(raw: Raw, market: Market, received_ns: Nanoseconds, kind: str, period_ns: Nanoseconds) -> Answer:
    """Read the last closed bar of one of the three ratios, observed at its close."""
    prefix = RATIO_PREFIXES.get(kind)
    if prefix is None:
        raise InputError("kind", kind, f"one of {', '.join(RATIO_PREFIXES)}")
    found = _last_closed(raw, period_ns, received_ns)
    if isinstance(found, Outcome):
        return found
    newest, end_ns = found
    shares = newest.get(f"{prefix}_long_percent"), newest.get(f"{prefix}_short_percent")
    times = Times(end_ns, received_ns, period_ns)
    return (positioning(market, short_of_shares(*shares, PER_CENT), kind, times, f"coinglass:{market.venue}"),)


@never_raises
def taker_volume(raw: Raw, market: Market, received_ns: Nanoseconds, period_ns: Nanoseconds) -> Answer:
    """Read the last closed bar of aggregated taker volume as a sold share: another kind than accounts."""
    found = _last_closed(raw, period_ns, received_ns)
    if isinstance(found, Outcome):
        return found
    newest, end_ns = found
    short_pct = short_of_volumes(newest.get("aggregated_buy_volume_usd"), newest.get("aggregated_sell_volume_usd"))
    times = Times(end_ns, received_ns, period_ns)
    return (positioning(market, short_pct, TAKER_VOLUME, times, f"coinglass:{market.venue}"),)


@never_raises
def funding_history(raw: Raw, market: Market, received_ns: Nanoseconds, period_ns: Nanoseconds) -> Answer:
    """Read the close of the last closed bar, in per cent per the market's funding interval."""
    found = _last_closed(raw, period_ns, received_ns)
    if isinstance(found, Outcome):
        return found
    newest, end_ns = found
    times = Times(end_ns, received_ns, period_ns)
    return (funding(market, newest.get("close"), PER_CENT_TO_BPS, times, f"coinglass:{market.venue}:history"),)


@never_raises
def funding_list(raw: Raw, coin: str, exchanges: Mapping[str, Market], received_ns: Nanoseconds) -> Answer:
    """Read `funding-rate/exchange-list`: the stablecoin-margined rate of each wanted exchange (by Coinglass's name of it).

    A rate whose interval is null is left out: it cannot be brought to 8 h. The rows carry no time: observed when received.
    """
    found = content(raw)
    if isinstance(found, Outcome):
        return found
    coins = [row(each, "data") for each in some_rows(found, "data")]
    own = next((each for each in coins if each.get("symbol") == coin), None)
    if own is None:
        raise NotEnough("data", coin, "this coin is not in the answer")
    rates: list[Observation] = []
    for each in rows(own.get("stablecoin_margin_list"), "stablecoin_margin_list"):
        listed = row(each, "stablecoin_margin_list")
        market = exchanges.get(str(listed.get("exchange")))
        if market is None or listed.get("funding_rate") is None or listed.get("funding_rate_interval") is None:
            continue
        hours = whole(listed.get("funding_rate_interval"), "funding_rate_interval")
        if not 1 <= hours <= _HOURS_MAX:
            raise InputError("funding_rate_interval", hours, "between 1 and 24 hours")
        market = msgspec.structs.replace(market, funding_period_ns=hours * HOUR_NS)
        times = Times(received_ns, received_ns, CACHED_NS)
        rates.append(funding(market, listed.get("funding_rate"), PER_CENT_TO_BPS, times, f"coinglass:{market.venue}"))
    if not rates:
        raise NotEnough("stablecoin_margin_list", coin, "none of the wanted exchanges has a rate with an interval")
    return tuple(rates)


@never_raises
def open_interest_point(raw: Raw, market: Market, exchange: str, received_ns: Nanoseconds) -> Answer:
    """Read `open-interest/exchange-list`: one point in coins of one exchange, or of `All`."""
    found = _exchange_row(raw, market, exchange)
    if isinstance(found, Outcome):
        return found
    held = amount(found.get("open_interest_quantity"), "open_interest_quantity")
    return (OiPoint(market.symbol, received_ns, held, f"coins, coinglass {exchange}"),)


@never_raises
def open_interest_change(
    raw: Raw, market: Market, exchange: str, received_ns: Nanoseconds, price_change_pct: Pct
) -> Answer:
    """Return the 24 h change in coins: (1 + the change in USD) / (1 + the change of the price) - 1, in per cent, rounded down.

    `price_change_pct` is the asset's own change over the same 24 h, which the answer does not hold.
    """
    if not _PRICE_CHANGE_PCT_MIN <= price_change_pct <= _PRICE_CHANGE_PCT_MAX:
        raise InputError("price change", price_change_pct, "a 24 h price change between -90 and 900 per cent")
    found = _exchange_row(raw, market, exchange)
    if isinstance(found, Outcome):
        return found
    usd_pct = floored(found.get("open_interest_change_percent_24h"), "open_interest_change_percent_24h")
    if abs(usd_pct) > 500 * ONE:
        raise InputError("open_interest_change_percent_24h", usd_pct, "a change under 500 per cent")
    hundred = 100 * ONE
    change = (hundred + usd_pct) * hundred // (hundred + price_change_pct) - hundred
    named = (Channel.OPEN_INTEREST, market.asset, market.venue, change, f"coinglass:{exchange}:open_interest:derived")
    return (Observation(*named, received_ns, received_ns, CACHED_NS),)


def _exchange_row(raw: Raw, market: Market, exchange: str) -> Row | Outcome:
    """Return the row of one exchange, which must be about the market's asset."""
    found = content(raw)
    if isinstance(found, Outcome):
        return found
    for each in some_rows(found, "data"):
        listed = row(each, "data")
        if listed.get("exchange") == exchange:
            same(listed, "symbol", market.asset)
            return listed
    raise NotEnough("data", exchange, "this exchange is not in the answer")


def _last_closed(raw: Raw, period_ns: Nanoseconds, received_ns: Nanoseconds) -> tuple[Row, Nanoseconds] | Outcome:
    """Return the newest row whose bar has closed, and its close. A bar that still forms has no time of its own."""
    found = content(raw)
    if isinstance(found, Outcome):
        return found
    newest: tuple[Row, Nanoseconds] | None = None
    for each in some_rows(found, "data"):
        source = row(each, "data")
        end_ns = time_ms(source.get("time"), "time") + period_ns
        if end_ns <= received_ns and (newest is None or end_ns > newest[1]):
            newest = (source, end_ns)
    if newest is None:
        raise NotEnough("data", period_ns, "no closed bar")
    return newest


def content(raw: Raw) -> object | Outcome:
    """Return `data` of an answer whose `code` is the text "0"; anything else is an outcome, whatever the HTTP status was (trap 19)."""
    answer = row(decoded(raw), "message")
    code, said = answer.get("code"), str(answer.get("msg") or "")
    code = str(code) if type(code) is int else text(answer, "code")
    if code == "0":
        return answer.get("data")
    lower = said.lower()
    if code == "429" or any(word in lower for word in _BUSY_WORDS):
        return SlowDown(0)
    if code in _PLAN_CODES or any(word in lower for word in _PLAN_WORDS):
        return NotEntitled(COINGLASS.entitlement)
    return Refused(f"coinglass {shown(code)}: {shown(said)}")
