"""One good message of every kind of the exchanges, made here in the documented shape."""

from __future__ import annotations

from typing import Any

from tests.support.wire_base import (
    AT_MS,
    BINANCE,
    BYBIT,
    DAY_MS,
    FIVE_MIN_MS,
    HYPERLIQUID,
    OKX,
    RECEIVED_NS,
    Sample,
    bybit_answer,
    okx_answer,
)
from tidegate.feeds.wire import (
    binance_usdm,
    bybit_v5,
    hyperliquid,
    okx_v5,
)
from tidegate.units import SECOND_NS


def _binance(raw: Any) -> Any:
    return binance_usdm.message(raw, {BINANCE.symbol: BINANCE}, RECEIVED_NS)


def _okx(raw: Any) -> Any:
    return okx_v5.message(raw, {OKX.symbol: OKX}, RECEIVED_NS)


def _bybit(raw: Any) -> Any:
    return bybit_v5.message(raw, {BYBIT.symbol: BYBIT}, RECEIVED_NS)


def _hyperliquid(raw: Any) -> Any:
    return hyperliquid.message(raw, {HYPERLIQUID.symbol: HYPERLIQUID}, RECEIVED_NS)


_PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "91000.10",
    "lastFundingRate": "0.00021000",
    "nextFundingTime": AT_MS + 7_200_000,
    "time": AT_MS,
}
_RATIO = {
    "symbol": "BTCUSDT",
    "longShortRatio": "0.8182",
    "longAccount": "0.4500",
    "shortAccount": "0.5500",
    "timestamp": AT_MS,
}
_BINANCE_SAMPLES = (
    Sample(
        "binance aggTrade",
        _binance,
        {
            "stream": "btcusdt@aggTrade",
            "data": {
                "e": "aggTrade",
                "E": AT_MS,
                "s": "BTCUSDT",
                "a": 7,
                "p": "91000.10",
                "q": "0.250",
                "T": AT_MS - 3,
                "m": True,
            },
        },
    ),
    Sample(
        "binance depthUpdate",
        _binance,
        {
            "e": "depthUpdate",
            "E": AT_MS,
            "T": AT_MS,
            "s": "BTCUSDT",
            "U": 11,
            "u": 14,
            "pu": 10,
            "b": [["91000.00", "1.5"]],
            "a": [["91000.10", "0"]],
        },
    ),
    Sample(
        "binance markPriceUpdate",
        _binance,
        {
            "e": "markPriceUpdate",
            "E": AT_MS,
            "s": "BTCUSDT",
            "p": "91000.1",
            "i": "91001",
            "r": "-0.00004000",
            "T": AT_MS + 3_600_000,
        },
    ),
    Sample(
        "binance forceOrder",
        _binance,
        {
            "e": "forceOrder",
            "E": AT_MS,
            "o": {
                "s": "BTCUSDT",
                "S": "BUY",
                "q": "0.5",
                "p": "91500.0",
                "ap": "91400.0",
                "X": "FILLED",
                "l": "0.5",
                "z": "0.5",
                "T": AT_MS,
            },
        },
    ),
    Sample(
        "binance depth",
        lambda raw: binance_usdm.depth_snapshot(raw, BINANCE, RECEIVED_NS),
        {"lastUpdateId": 12, "E": AT_MS, "T": AT_MS, "bids": [["91000.00", "1.5"]], "asks": [["91000.10", "2"]]},
    ),
    Sample("binance premiumIndex", lambda raw: binance_usdm.premium_index(raw, BINANCE, RECEIVED_NS), _PREMIUM),
    Sample("binance fundingInfo", binance_usdm.funding_hours, [{"symbol": "SOLUSDT", "fundingIntervalHours": 4}]),
    Sample(
        "binance ratio", lambda raw: binance_usdm.long_short(raw, BINANCE, RECEIVED_NS, "account_ratio", "5m"), [_RATIO]
    ),
    Sample(
        "binance taker ratio",
        lambda raw: binance_usdm.taker_ratio(raw, BINANCE, RECEIVED_NS, "5m"),
        [{"buySellRatio": "1.5", "buyVol": "60.0", "sellVol": "40.0", "timestamp": AT_MS - FIVE_MIN_MS}],
    ),
    Sample(
        "binance openInterest",
        lambda raw: binance_usdm.open_interest(raw, BINANCE, RECEIVED_NS),
        {"openInterest": "80000.5", "symbol": "BTCUSDT", "time": AT_MS},
    ),
    Sample(
        "binance openInterestHist",
        lambda raw: binance_usdm.open_interest_history(raw, BINANCE, RECEIVED_NS),
        [
            {
                "symbol": "BTCUSDT",
                "sumOpenInterest": "80000.5",
                "sumOpenInterestValue": "7280045500.123456789",
                "timestamp": AT_MS - DAY_MS,
            },
            {
                "symbol": "BTCUSDT",
                "sumOpenInterest": "82000.5",
                "sumOpenInterestValue": "7462045500.1",
                "timestamp": AT_MS,
            },
        ],
        2,
    ),
)
_FUNDING_ROW = {
    "instId": "BTC-USDT-SWAP",
    "fundingRate": "-0.0000800000000000",
    "fundingTime": str(AT_MS + 3_600_000),
    "nextFundingTime": str(AT_MS + 3_600_000 + 28_800_000),
    "nextFundingRate": "",
    "maxFundingRate": "0.00375",
    "minFundingRate": "-0.00375",
    "ts": str(AT_MS),
}
_TRADE_ROW = {"instId": "BTC-USDT-SWAP", "tradeId": "5", "px": "91000.1", "sz": "25", "side": "sell", "ts": str(AT_MS)}
_OKX_ARG = {"channel": "trades", "instId": "BTC-USDT-SWAP"}
_OKX_SAMPLES = (
    Sample("okx trades", _okx, {"arg": _OKX_ARG, "data": [_TRADE_ROW]}),
    Sample("okx funding-rate", _okx, {"arg": {**_OKX_ARG, "channel": "funding-rate"}, "data": [_FUNDING_ROW]}),
    Sample(
        "okx open-interest",
        _okx,
        {
            "arg": {**_OKX_ARG, "channel": "open-interest"},
            "data": [
                {
                    "instId": "BTC-USDT-SWAP",
                    "oi": "2700000.5",
                    "oiCcy": "27000.005",
                    "oiUsd": "2457000455",
                    "ts": str(AT_MS),
                }
            ],
        },
    ),
    Sample(
        "okx liquidation-orders",
        _okx,
        {
            "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
            "data": [
                {
                    "instId": "BTC-USDT-SWAP",
                    "details": [
                        {
                            "side": "buy",
                            "posSide": "short",
                            "bkPx": "91400",
                            "sz": "50",
                            "bkLoss": "0",
                            "ccy": "",
                            "ts": str(AT_MS),
                        },
                        {
                            "side": "buy",
                            "posSide": "short",
                            "bkPx": "91500",
                            "sz": "10",
                            "bkLoss": "0",
                            "ccy": "",
                            "ts": str(AT_MS),
                        },
                    ],
                }
            ],
        },
        2,
    ),
    Sample(
        "okx books",
        _okx,
        {
            "arg": {**_OKX_ARG, "channel": "books"},
            "action": "update",
            "data": [
                {
                    "asks": [["91000.2", "30", "0", "1"]],
                    "bids": [["91000.1", "0", "0", "0"]],
                    "ts": str(AT_MS),
                    "checksum": 0,
                    "prevSeqId": 20,
                    "seqId": 21,
                }
            ],
        },
    ),
    Sample("okx REST funding", lambda raw: okx_v5.funding_rate(raw, OKX, RECEIVED_NS), okx_answer(_FUNDING_ROW)),
    Sample("okx REST trades", lambda raw: okx_v5.trades(raw, OKX, RECEIVED_NS), okx_answer(_TRADE_ROW, _TRADE_ROW), 2),
    Sample(
        "okx ratio",
        lambda raw: okx_v5.long_short(raw, OKX, RECEIVED_NS, "account_ratio", "5m"),
        okx_answer([str(AT_MS), "0.8"], [str(AT_MS - FIVE_MIN_MS), "0.9"]),
    ),
    Sample(
        "okx open-interest-history",
        lambda raw: okx_v5.open_interest_history(raw, OKX, RECEIVED_NS),
        okx_answer([str(AT_MS), "2700000.5", "27000.005", "2457000455"]),
    ),
)
_BYBIT_SAMPLES = (
    Sample(
        "bybit publicTrade",
        _bybit,
        {
            "topic": "publicTrade.BTCUSDT",
            "type": "snapshot",
            "ts": AT_MS,
            "data": [
                {
                    "T": AT_MS,
                    "s": "BTCUSDT",
                    "S": "Buy",
                    "v": "0.002",
                    "p": "91000.10",
                    "L": "PlusTick",
                    "i": "x",
                    "BT": False,
                }
            ],
        },
    ),
    Sample(
        "bybit allLiquidation",
        _bybit,
        {
            "topic": "allLiquidation.BTCUSDT",
            "type": "snapshot",
            "ts": AT_MS,
            "data": [{"T": AT_MS, "s": "BTCUSDT", "S": "Buy", "v": "0.5", "p": "90500.0"}],
        },
    ),
    Sample(
        "bybit orderbook",
        _bybit,
        {
            "topic": "orderbook.50.BTCUSDT",
            "type": "delta",
            "ts": AT_MS,
            "data": {"s": "BTCUSDT", "b": [["91000.00", "0.4"]], "a": [["91000.10", "0"]], "u": 31, "seq": 900},
        },
    ),
    Sample(
        "bybit ticker delta",
        _bybit,
        {
            "topic": "tickers.BTCUSDT",
            "type": "delta",
            "ts": AT_MS,
            "cs": 1,
            "data": {"symbol": "BTCUSDT", "fundingRate": "0.00012", "fundingIntervalHour": "4"},
        },
    ),
    Sample(
        "bybit REST tickers",
        lambda raw: bybit_v5.tickers(raw, BYBIT, RECEIVED_NS),
        bybit_answer(
            {"category": "linear", "list": [{"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingIntervalHour": "8"}]}
        ),
    ),
    Sample(
        "bybit ratio",
        lambda raw: bybit_v5.account_ratio(raw, BYBIT, RECEIVED_NS, "5min"),
        bybit_answer(
            {"list": [{"symbol": "BTCUSDT", "buyRatio": "0.44", "sellRatio": "0.56", "timestamp": str(AT_MS)}]}
        ),
    ),
    Sample(
        "bybit open interest",
        lambda raw: bybit_v5.open_interest_history(raw, BYBIT, RECEIVED_NS),
        bybit_answer(
            {
                "symbol": "BTCUSDT",
                "list": [{"openInterest": "100", "singleOpenInterest": "50", "timestamp": str(AT_MS)}],
            }
        ),
    ),
)
_TWO_SIDES = [[{"px": "91000.0", "sz": "2.5", "n": 3}], [{"px": "91001.0", "sz": "1.5", "n": 2}]]
_HYPERLIQUID_SAMPLES = (
    Sample(
        "hyperliquid l2Book",
        _hyperliquid,
        {"channel": "l2Book", "data": {"coin": "BTC", "levels": _TWO_SIDES, "time": AT_MS}},
    ),
    Sample(
        "hyperliquid trades",
        _hyperliquid,
        {
            "channel": "trades",
            "data": [{"coin": "BTC", "side": "A", "px": "91000.0", "sz": "0.02", "time": AT_MS, "tid": 1}],
        },
    ),
    Sample(
        "hyperliquid metaAndAssetCtxs",
        lambda raw: hyperliquid.meta_and_asset_contexts(raw, {"BTC": HYPERLIQUID}, RECEIVED_NS),
        [
            {"universe": [{"name": "ETH", "szDecimals": 4}, {"name": "BTC", "szDecimals": 5}]},
            [
                {"funding": "0.00009", "openInterest": "1.5"},
                {"funding": "0.0000125", "openInterest": "30000.2579999999"},
            ],
        ],
        2,
    ),
    Sample(
        "hyperliquid predictedFundings",
        lambda raw: hyperliquid.predicted_fundings(
            raw, {"BTC": HYPERLIQUID}, RECEIVED_NS, {"BinPerp": 8 * 3_600 * SECOND_NS}
        ),
        [
            [
                "BTC",
                [
                    ["BinPerp", {"fundingRate": "0.0002", "nextFundingTime": AT_MS}],
                    ["HlPerp", {"fundingRate": "0.0000125"}],
                    ["X", None],
                ],
            ]
        ],
        2,
    ),
)
EXCHANGE_SAMPLES = (*_BINANCE_SAMPLES, *_OKX_SAMPLES, *_BYBIT_SAMPLES, *_HYPERLIQUID_SAMPLES)
