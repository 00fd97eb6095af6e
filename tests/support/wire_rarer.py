"""Samples of the rarer answers: snapshots over REST, histories, bands, pushed contexts. Made here in the documented shape."""

from __future__ import annotations

from tests.support.wire_base import (
    AT_MS,
    AT_S,
    BINANCE,
    BYBIT,
    COINBASE,
    FIVE_MIN_MS,
    FIVE_MIN_NS,
    HYPERLIQUID,
    ISO,
    OKX,
    RECEIVED_NS,
    SOL,
    Sample,
    bybit_answer,
    coinglass_answer,
    okx_answer,
    rpc,
)
from tidegate.feeds.wire import (
    birdeye,
    bybit_v5,
    coinbase_spot,
    coinglass_bands,
    coinglass_v4,
    hyperliquid,
    okx_v5,
    solana_fees,
)

_OI_ROW = {"instId": OKX.symbol, "oi": "2700000.5", "oiCcy": "27000.005", "oiUsd": "2457000455", "ts": str(AT_MS)}
_BOOK = {
    "s": "BTCUSDT",
    "b": [["91000.0", "0.4"]],
    "a": [["91000.1", "2"]],
    "ts": AT_MS,
    "u": 31,
    "seq": 9,
    "cts": AT_MS,
}
_CONTEXT = {"funding": "0.0000125", "openInterest": "30000.25", "markPx": "91000.0", "oraclePx": "91001.0"}
_CLOSED_MS = AT_MS - FIVE_MIN_MS
_BUYS_AND_SELLS = {
    "time": _CLOSED_MS,
    "aggregated_buy_volume_usd": 2010459610.2712,
    "aggregated_sell_volume_usd": 1.5e9,
}
_FUNDING_BAR = {"time": _CLOSED_MS, "open": "0.0044", "high": "0.01", "low": "0.0043", "close": "0.01"}
_CANDLES = [[AT_S - 300, "1", "1", "1", "1", "1"], [AT_S, "1", "1", "1", "1", "1"]]
_HEAT = {"y_axis": [90000.0, 92000.5], "liquidation_leverage_data": [[1, 0, 7.25]], "price_candlesticks": _CANDLES}
_PAIN = {
    "symbol": "BTC",
    "long_max_pain_liq_price": 90000.5,
    "long_max_pain_liq_level": 5.25,
    "short_max_pain_liq_price": 92000.0,
    "short_max_pain_liq_level": 6.0,
}
_OI_LISTED = {"exchange": "Binance", "symbol": "BTC", "open_interest_quantity": 115736.939}
_CANDLE = {"c": 181.42, "o": 181.0, "type": "1m", "unixTime": AT_S, "symbol": "SOL", "address": birdeye.WRAPPED_SOL}
_PRICEBOOK = {
    "product_id": "BTC-USD",
    "bids": [{"price": "91000.01", "size": "0.5"}],
    "asks": [{"price": "91000.02", "size": "1"}],
    "time": ISO,
}
LATER_NS = RECEIVED_NS + 10**9

RARER_SAMPLES = (
    Sample("okx REST open interest", lambda raw: okx_v5.open_interest(raw, OKX, RECEIVED_NS), okx_answer(_OI_ROW)),
    Sample("bybit REST book", lambda raw: bybit_v5.depth_snapshot(raw, BYBIT, RECEIVED_NS), bybit_answer(_BOOK)),
    Sample(
        "hyperliquid activeAssetCtx",
        lambda raw: hyperliquid.message(raw, {"BTC": HYPERLIQUID}, RECEIVED_NS),
        {"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": _CONTEXT}},
        2,
    ),
    Sample(
        "coinbase product book",
        lambda raw: coinbase_spot.product_book(raw, COINBASE, LATER_NS),
        {"pricebook": _PRICEBOOK},
    ),
    Sample(
        "coinglass taker volume",
        lambda raw: coinglass_v4.taker_volume(raw, BINANCE, RECEIVED_NS, FIVE_MIN_NS),
        coinglass_answer([_BUYS_AND_SELLS]),
    ),
    Sample(
        "coinglass funding history",
        lambda raw: coinglass_v4.funding_history(raw, BINANCE, RECEIVED_NS, FIVE_MIN_NS),
        coinglass_answer([_FUNDING_BAR]),
    ),
    Sample(
        "coinglass history",
        lambda raw: coinglass_v4.history(raw, ("open", "close"), FIVE_MIN_NS),
        coinglass_answer([_FUNDING_BAR, {**_FUNDING_BAR, "time": AT_MS}]),
        2,
    ),
    Sample(
        "coinglass open interest point",
        lambda raw: coinglass_v4.open_interest_point(raw, BINANCE, "Binance", RECEIVED_NS),
        coinglass_answer([_OI_LISTED]),
    ),
    Sample("coinglass heat-map", coinglass_bands.heat_map, coinglass_answer(_HEAT)),
    Sample("coinglass max pain", lambda raw: coinglass_bands.max_pain(raw, "BTC"), coinglass_answer([_PAIN]), 2),
    Sample(
        "birdeye PRICE_DATA",
        lambda raw: birdeye.message(raw, SOL, RECEIVED_NS),
        {"type": "PRICE_DATA", "data": _CANDLE},
    ),
    Sample(
        "solana triton fees",
        lambda raw: solana_fees.triton_fees(raw, RECEIVED_NS, solana_fees.SlotTimes()),
        rpc([{"slot": 500 + place, "prioritizationFee": 5_000 + place} for place in range(7)]),
    ),
)
