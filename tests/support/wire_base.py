"""What the samples of wire messages share: markets, times, envelopes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tidegate.feeds.wire import aave_v3, birdeye
from tidegate.feeds.wire.market import Market
from tidegate.units import MS_NS, SECOND_NS, fixed

AT_MS = 1_790_000_100_000
AT_S = AT_MS // 1_000
RECEIVED_NS = AT_MS * MS_NS + 40 * MS_NS
DAY_MS = 86_400_000
FIVE_MIN_MS = 300_000
FIVE_MIN_NS = FIVE_MIN_MS * MS_NS
ISO = "2026-09-21T14:15:00.123456Z"

BINANCE = Market("binance", "BTCUSDT", "BTC", "BTC/USDT:USDT@binance")
OKX = Market("okx", "BTC-USDT-SWAP", "BTC", "BTC/USDT:USDT@okx", contract_value=fixed("0.01"))
BYBIT = Market("bybit", "BTCUSDT", "BTC", "BTC/USDT:USDT@bybit")
HYPERLIQUID = Market("hyperliquid", "BTC", "BTC", "BTC/USDC:USDC@hyperliquid")
COINBASE = Market("coinbase", "BTC-USD", "BTC", "BTC/USD@coinbase")
SOL = Market("birdeye", birdeye.WRAPPED_SOL, "SOL", "SOL/USD@birdeye")
ACCOUNT = aave_v3.AaveAccount("ethereum", 1, "0x" + "a1" * 20, "0x" + "b2" * 20)
BLOCK = aave_v3.Block("0x1", RECEIVED_NS - 9 * SECOND_NS)


class Sample(NamedTuple):
    """A message, its reader, and how many events or facts it gives."""

    name: str
    read: Callable[[Any], Any]
    message: Any
    gives: int = 1

    @property
    def raw(self) -> bytes:
        return json.dumps(self.message).encode()


def words(*values: int) -> str:
    """Encode 256-bit words as an eth_call answers them."""
    return "0x" + "".join(f"{value:064x}" for value in values)


def rpc(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def okx_answer(*rows: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "", "data": list(rows)}


def bybit_answer(result: dict[str, Any]) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": AT_MS}


def coinglass_answer(data: Any) -> dict[str, Any]:
    return {"code": "0", "msg": "success", "data": data}
