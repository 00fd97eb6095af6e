"""Hyperliquid perpetuals: `POST /info` answers and WebSocket channels. Source: reference/apis.md section 5.

Funding is a fraction per HOUR (trap 2). Open interest is in coins; how it counts sides is disputed, so that only its own change is used
(trap 5), from a history we keep ourselves. Every book message is whole. There is no long/short ratio and no public liquidation channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.depth import NO_ID, Depth, keyed_levels
from tidegate.feeds.wire.fields import (
    Raw,
    Row,
    amount,
    cell,
    decoded,
    observed,
    price,
    quantity,
    row,
    rows,
    some_rows,
    text,
    time_ms,
    word,
)
from tidegate.feeds.wire.market import Market, Markets, market_of
from tidegate.feeds.wire.open_interest import OiPoint
from tidegate.feeds.wire.outcome import Refused, never_raises, shown
from tidegate.feeds.wire.parsed import Answer, Parsed, Wire
from tidegate.feeds.wire.readings import FRACTION_TO_BPS, Times, funding
from tidegate.model.observation import Observation, TradePrint
from tidegate.units import HOUR_NS, MINUTE_NS, Nanoseconds

FUNDING_PERIOD_NS = HOUR_NS
PUBLISHED_NS = MINUTE_NS
_BOUGHT = MappingProxyType({"B": True, "A": False})
_LEVEL_KEYS = ("px", "sz")
_PREDICTED_PERIODS = MappingProxyType({"HlPerp": HOUR_NS})


@never_raises
def message(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read one WebSocket message. Acknowledgements, pongs and channels nobody uses are `()`."""
    frame = row(decoded(raw), "message")
    channel = text(frame, "channel")
    if channel == "error":
        return Refused(f"hyperliquid: {shown(frame.get('data'))}")
    reader = _READERS.get(channel)
    return () if reader is None else reader(frame.get("data"), markets, received_ns)


@never_raises
def l2_book(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read the answer to `{"type": "l2Book", "coin": ...}`."""
    return _book(decoded(raw), markets, received_ns)


@never_raises
def recent_trades(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read the answer to `{"type": "recentTrades", "coin": ...}`: newest first there, oldest first here."""
    return _trades(decoded(raw), markets, received_ns)[::-1]


@never_raises
def meta_and_asset_contexts(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read `{"type": "metaAndAssetCtxs"}`: funding and one open-interest point of each of our coins.

    The two lists belong together by index; other lengths are garbage. The answer has no time: it was observed when it was received.
    """
    answer = decoded(raw)
    meta = row(cell(answer, 0, "meta"), "meta")
    universe = some_rows(meta.get("universe"), "universe")
    contexts = rows(cell(answer, 1, "contexts"), "contexts")
    if len(universe) != len(contexts):
        raise InputError("contexts", len(contexts), "as many as there are coins")
    found: list[Wire] = []
    for coin, context in zip(universe, contexts, strict=True):
        market = markets.get(str(row(coin, "universe").get("name")))
        if market is not None:
            found.extend(_context(row(context, "contexts"), market, received_ns))
    return tuple(found)


@never_raises
def predicted_fundings(
    raw: Raw, markets: Markets, received_ns: Nanoseconds, periods: dict[str, Nanoseconds]
) -> dict[str, Observation]:
    """Read `{"type": "predictedFundings"}`: by venue (`BinPerp`, `HlPerp`, `BybitPerp`), each at its own interval; a cross-check.

    `periods` gives the interval of each foreign venue; a venue without one is left out, never guessed. Keys are `<venue>/<asset>`.
    """
    known = {**periods, **_PREDICTED_PERIODS}
    found: dict[str, Observation] = {}
    for each in some_rows(decoded(raw), "predictedFundings"):
        market = markets.get(str(cell(each, 0, "coin")))
        for pair in rows(cell(each, 1, "venues"), "venues") if market is not None else ():
            venue, rate = str(cell(pair, 0, "venue")), cell(pair, 1, "rate")
            if market is None or venue not in known or rate is None:
                continue
            own = msgspec.structs.replace(market, funding_period_ns=known[venue])
            times = Times(received_ns, received_ns, PUBLISHED_NS)
            value = row(rate, "rate").get("fundingRate")
            found[f"{venue}/{market.asset}"] = funding(
                own, value, FRACTION_TO_BPS, times, f"hyperliquid:predicted:{venue}"
            )
    return found


def _book(value: object, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    book = row(value, "l2Book")
    market = market_of(markets, book.get("coin"), "coin")
    at_ns = observed(time_ms(book.get("time"), "time"), received_ns, "time")
    sides = book.get("levels")
    bids = keyed_levels(cell(sides, 0, "levels"), market, _LEVEL_KEYS, "bids")
    asks = keyed_levels(cell(sides, 1, "levels"), market, _LEVEL_KEYS, "asks")
    return (Depth(market.symbol, True, bids, asks, NO_ID, NO_ID, NO_ID, at_ns, received_ns),)


def _trades(value: object, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read trades; `side` is the taker's: B bought, A sold."""
    found: list[Wire] = []
    for each in rows(value, "trades"):
        trade = row(each, "trades")
        market = market_of(markets, trade.get("coin"), "coin")
        at_ns = observed(time_ms(trade.get("time"), "time"), received_ns, "time")
        paid, size = price(trade.get("px"), "px"), quantity(trade.get("sz"), "sz")
        ids = (market.instrument_id, market.asset)
        bought = word(trade, "side", _BOUGHT)
        found.append(TradePrint(*ids, paid, size, bought, "hyperliquid:trades", at_ns, received_ns))
    return tuple(found)


def _active_context(value: object, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    """Read `activeAssetCtx`: the context of one coin, pushed."""
    pushed = row(value, "activeAssetCtx")
    market = market_of(markets, pushed.get("coin"), "coin")
    return _context(row(pushed.get("ctx"), "ctx"), market, received_ns)


def _context(context: Row, market: Market, received_ns: Nanoseconds) -> Parsed:
    own = msgspec.structs.replace(market, funding_period_ns=FUNDING_PERIOD_NS)
    times = Times(received_ns, received_ns, PUBLISHED_NS)
    rate = funding(own, context.get("funding"), FRACTION_TO_BPS, times, "hyperliquid:funding")
    held = amount(context.get("openInterest"), "openInterest")
    return (rate, OiPoint(market.symbol, received_ns, held)) if held else (rate,)


_READERS: Mapping[str, Callable[[object, Markets, Nanoseconds], Parsed]] = MappingProxyType(
    {
        "l2Book": _book,
        "trades": _trades,
        "activeAssetCtx": _active_context,
    }
)
