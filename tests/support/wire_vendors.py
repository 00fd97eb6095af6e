"""One good message of every kind of the data vendors, the chains and Coinbase, made here in the documented shape."""

from __future__ import annotations

from tests.support.wire_base import (
    ACCOUNT,
    AT_MS,
    AT_S,
    BINANCE,
    BLOCK,
    COINBASE,
    FIVE_MIN_MS,
    FIVE_MIN_NS,
    ISO,
    OKX,
    RECEIVED_NS,
    SOL,
    Sample,
    coinglass_answer,
    rpc,
    words,
)
from tidegate.feeds.wire import (
    aave_v3,
    birdeye,
    coinbase_spot,
    coinglass_bands,
    coinglass_v4,
    jito_tips,
    solana_fees,
)
from tidegate.units import ONE

_BARS = [
    {"time": AT_MS - 2 * FIVE_MIN_MS, "global_account_long_percent": 44.5, "global_account_short_percent": 55.5},
    {"time": AT_MS - FIVE_MIN_MS, "global_account_long_percent": 43.1, "global_account_short_percent": 56.9},
    {"time": AT_MS, "global_account_long_percent": 40.0, "global_account_short_percent": 60.0},
]
_OI_ROW = {
    "exchange": "All",
    "symbol": "BTC",
    "open_interest_usd": 70000000000.5572,
    "open_interest_quantity": 650000.4603,
    "open_interest_change_percent_24h": 5.0,
}
VENDOR_SAMPLES = (
    Sample(
        "coinglass ratio",
        lambda raw: coinglass_v4.long_short(raw, BINANCE, RECEIVED_NS, "account_ratio", FIVE_MIN_NS),
        coinglass_answer(_BARS),
    ),
    Sample(
        "coinglass funding list",
        lambda raw: coinglass_v4.funding_list(raw, "BTC", {"Binance": BINANCE, "OKX": OKX}, RECEIVED_NS),
        coinglass_answer(
            [
                {
                    "symbol": "BTC",
                    "stablecoin_margin_list": [
                        {
                            "exchange": "Binance",
                            "funding_rate": 0.021,
                            "funding_rate_interval": 8,
                            "next_funding_time": AT_MS,
                        },
                        {"exchange": "OKX", "funding_rate": -0.008, "funding_rate_interval": None},
                    ],
                }
            ]
        ),
    ),
    Sample(
        "coinglass open interest",
        lambda raw: coinglass_v4.open_interest_change(raw, BINANCE, "All", RECEIVED_NS, 2 * ONE),
        coinglass_answer([_OI_ROW]),
    ),
    Sample(
        "coinglass map",
        coinglass_bands.liquidation_map,
        coinglass_answer({"data": {"90000": [[90000, 88000000.5, 50, None]], "92000": [[92000, 12.5, None, None]]}}),
        2,
    ),
    Sample(
        "birdeye price",
        lambda raw: birdeye.price(raw, SOL, RECEIVED_NS),
        {"success": True, "data": {"value": 181.4218, "updateUnixTime": AT_S}},
    ),
    Sample(
        "birdeye swaps",
        lambda raw: birdeye.swaps(raw, SOL, RECEIVED_NS),
        {
            "success": True,
            "data": {
                "items": [
                    {
                        "side": "buy",
                        "block_unix_time": AT_S,
                        "volume_usd": 907.1,
                        "from": {"address": "usdc", "price": 1.0, "ui_amount": 907.1},
                        "to": {"address": birdeye.WRAPPED_SOL, "price": 181.42, "ui_amount": 5.0},
                    }
                ],
                "has_next": False,
            },
        },
    ),
    Sample(
        "solana stock fees",
        lambda raw: solana_fees.stock_fees(raw, RECEIVED_NS, solana_fees.SlotTimes()),
        rpc([{"slot": 500 + place, "prioritizationFee": fee} for place, fee in enumerate((0, 0, 10, 20, 30, 40, 50))]),
    ),
    Sample(
        "solana helius fees",
        lambda raw: solana_fees.helius_fees(raw, RECEIVED_NS),
        rpc({"priorityFeeLevels": {"min": 0.0, "low": 2.0, "medium": 10082.5, "high": 120000.0, "unsafeMax": 4e9}}),
    ),
    Sample(
        "jito tip floor",
        lambda raw: jito_tips.tip_floor(raw, RECEIVED_NS + 10**9),
        [
            {
                "time": ISO,
                "landed_tips_25th_percentile": 4e-06,
                "landed_tips_50th_percentile": 1.2345e-05,
                "landed_tips_75th_percentile": 0.001,
                "landed_tips_95th_percentile": 0.0053,
                "landed_tips_99th_percentile": 0.0083,
                "ema_landed_tips_50th_percentile": 9.95e-06,
            }
        ],
    ),
    Sample(
        "aave health factor",
        lambda raw: aave_v3.health_factor(raw, ACCOUNT, BLOCK, RECEIVED_NS),
        rpc(words(4_000_000_000_000, 1_650_000_000_000, 1, 8_250, 8_000, 2 * 10**18)),
    ),
    Sample("aave block", aave_v3.block, rpc({"number": "0x10", "timestamp": hex(AT_S)})),
    Sample(
        "coinbase l2_data",
        lambda raw: coinbase_spot.message(raw, {"BTC-USD": COINBASE}, RECEIVED_NS + 10**9),
        {
            "channel": "l2_data",
            "timestamp": ISO,
            "sequence_num": 4,
            "events": [
                {
                    "type": "update",
                    "product_id": "BTC-USD",
                    "updates": [{"side": "bid", "event_time": ISO, "price_level": "91000.01", "new_quantity": "0.5"}],
                }
            ],
        },
    ),
)
