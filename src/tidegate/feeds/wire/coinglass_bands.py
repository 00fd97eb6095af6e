"""Coinglass's estimates of where liquidations wait: map, heat-map, max pain (Professional plan). Source: apis.md section 7.

Out: price levels with USD, never events: they are a vendor's model and feed the bands, which say so. The heat-map's candles carry SECONDS,
everything else milliseconds.
"""

from __future__ import annotations

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.coinglass_v4 import content
from tidegate.feeds.wire.fields import Raw, amount, cell, floored, row, rows, some_rows, time_s, whole
from tidegate.feeds.wire.outcome import NotEnough, Outcome, never_raises
from tidegate.units import ONE, Nanoseconds, Price, Usd


class LevelEstimate(msgspec.Struct, frozen=True, gc=False):
    """USD that a vendor's model expects to be liquidated at a price. `leverage` 0 where it does not say."""

    price: Price
    notional_usd: Usd
    leverage: int = 0


class HeatMap(msgspec.Struct, frozen=True):
    """The newest column of a heat-map, and when its last candle opened."""

    observed_ns: Nanoseconds
    levels: tuple[LevelEstimate, ...]


Levels = tuple[LevelEstimate, ...]


@never_raises
def liquidation_map(raw: Raw) -> Levels | Outcome:
    """Read `liquidation/map` and `aggregated-map`: one level per price and leverage, lowest price first."""
    found = content(raw)
    if isinstance(found, Outcome):
        return found
    prices = row(row(found, "data").get("data"), "data.data")
    levels: list[LevelEstimate] = []
    for entries in prices.values():
        for each in rows(entries, "levels"):
            leverage = cell(each, 2, "leverage")
            at, usd = _price(cell(each, 0, "price")), amount(cell(each, 1, "level"), "level")
            levels.append(LevelEstimate(at, usd, 0 if leverage is None else floored(leverage, "leverage") // ONE))
    return _sorted(levels)


@never_raises
def heat_map(raw: Raw) -> HeatMap | Outcome:
    """Read `liquidation/heatmap/model1..3`: the cells of the newest candle. Cells are `[x, y, USD]`: x a candle, y a price."""
    found = content(raw)
    if isinstance(found, Outcome):
        return found
    source = row(found, "data")
    prices = [_price(each) for each in some_rows(source.get("y_axis"), "y_axis")]
    candles = some_rows(source.get("price_candlesticks"), "price_candlesticks")
    observed_ns = time_s(cell(candles[-1], 0, "price_candlesticks"), "price_candlesticks")
    levels: list[LevelEstimate] = []
    for each in rows(source.get("liquidation_leverage_data"), "liquidation_leverage_data"):
        candle, level = whole(cell(each, 0, "x"), "x"), whole(cell(each, 1, "y"), "y")
        if not 0 <= level < len(prices) or not 0 <= candle < len(candles):
            raise InputError("liquidation_leverage_data", each, "indexes of y_axis and price_candlesticks")
        if candle == len(candles) - 1:
            levels.append(LevelEstimate(prices[level], amount(cell(each, 2, "value"), "value")))
    return HeatMap(observed_ns, _sorted(levels))


@never_raises
def max_pain(raw: Raw, coin: str) -> tuple[LevelEstimate, LevelEstimate] | Outcome:
    """Read `liquidation/max-pain`: the level where longs hurt most, then the one where shorts do."""
    found = content(raw)
    if isinstance(found, Outcome):
        return found
    for each in some_rows(found, "data"):
        listed = row(each, "data")
        if listed.get("symbol") == coin:
            long = _price(listed.get("long_max_pain_liq_price"))
            short = _price(listed.get("short_max_pain_liq_price"))
            long_usd = amount(listed.get("long_max_pain_liq_level"), "long_max_pain_liq_level")
            short_usd = amount(listed.get("short_max_pain_liq_level"), "short_max_pain_liq_level")
            return LevelEstimate(long, long_usd), LevelEstimate(short, short_usd)
    raise NotEnough("data", coin, "this coin is not in the answer")


def _price(value: object) -> Price:
    found = floored(value, "price")
    if found <= 0:
        raise InputError("price", value, "a price > 0")
    return found


def _sorted(levels: list[LevelEstimate]) -> Levels:
    return tuple(sorted(levels, key=lambda level: (level.price, level.leverage)))
