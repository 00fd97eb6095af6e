"""Birdeye answers: SOL's spot price and swaps. A cross-check of the exchanges' SOL. Source: apis.md section 8.

Numbers are JSON numbers, read from their text; times are SECONDS. `Market.symbol` is the token's address. Candles are not read: empty ones
are left out by the vendor and they have no signed volume; ours come from trades.
"""

from __future__ import annotations

from types import MappingProxyType

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import Raw, Row, decoded, floored, observed, row, rows, same, text, time_s, word
from tidegate.feeds.wire.market import Market
from tidegate.feeds.wire.outcome import NotEntitled, Outcome, Refused, SlowDown, never_raises, shown
from tidegate.feeds.wire.parsed import Answer
from tidegate.feeds.wire.refusals import BIRDEYE
from tidegate.model.observation import Channel, Observation, TradePrint
from tidegate.units import MINUTE_NS, Nanoseconds

WRAPPED_SOL = "So11111111111111111111111111111111111111112"
KEY_HEADER = "X-API-KEY"
CHAIN_HEADER = ("x-chain", "solana")
STREAM_PROTOCOL = "echo-protocol"
STREAM_ORIGIN = "ws://public-api.birdeye.so"

_BOUGHT = MappingProxyType({"buy": True, "sell": False})
_KEY_WORDS = ("unauthorized", "forbidden", "api key", "permission", "upgrade", "suspended")
_BUSY_WORDS = ("too many", "rate limit", "compute units")
_MINUTE = "1m"


@never_raises
def price(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /defi/price`: USD, observed at `updateUnixTime`. The answer does not name its token."""
    found = _content(raw)
    if isinstance(found, Outcome):
        return found
    source = row(found, "data")
    at_ns = observed(time_s(source.get("updateUnixTime"), "updateUnixTime"), received_ns, "updateUnixTime")
    return (_price(market, source.get("value"), at_ns, received_ns),)


@never_raises
def message(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read one stream message: a `PRICE_DATA` of one-minute candles is a price, observed at most at its candle's end."""
    frame = row(decoded(raw), "message")
    kind = text(frame, "type")
    if kind == "ERROR":
        return Refused(f"birdeye: {shown(frame.get('data'))}")
    if kind != "PRICE_DATA":
        return ()
    source = row(frame.get("data"), "data")
    same(source, "address", market.symbol)
    same(source, "type", _MINUTE)
    start_ns = observed(time_s(source.get("unixTime"), "unixTime"), received_ns, "unixTime")
    return (_price(market, source.get("c"), min(start_ns + MINUTE_NS, received_ns), received_ns),)


@never_raises
def swaps(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /defi/v3/token/txs?tx_type=swap`: swaps of the token as trades in USD, oldest first. `side` is the swapper's."""
    found = _content(raw)
    if isinstance(found, Outcome):
        return found
    trades: list[TradePrint] = []
    for each in rows(row(found, "data").get("items"), "items"):
        swap = row(each, "items")
        bought = word(swap, "side", _BOUGHT)
        leg = row(swap.get("to" if bought else "from"), "leg")
        same(leg, "address", market.symbol)
        at_ns = observed(time_s(swap.get("block_unix_time"), "block_unix_time"), received_ns, "block_unix_time")
        paid, size = _positive(leg, "price"), _positive(leg, "ui_amount")
        ids = (market.instrument_id, market.asset)
        trades.append(TradePrint(*ids, paid, size, bought, "birdeye:swaps", at_ns, received_ns))
    return tuple(sorted(trades, key=lambda trade: trade.observed_ns))


def _price(market: Market, value: object, at_ns: Nanoseconds, received_ns: Nanoseconds) -> Observation:
    paid = _positive({"value": value}, "value")
    named = (Channel.PRICE, market.asset, "birdeye", paid, "birdeye:price")
    return Observation(*named, at_ns, received_ns, MINUTE_NS)


def _positive(source: Row, name: str) -> int:
    found = floored(source.get(name), name)
    if found <= 0:
        raise InputError(name, source.get(name), "a number > 0")
    return found


def _content(raw: Raw) -> object | Outcome:
    answer = row(decoded(raw), "message")
    if answer.get("success") is True:
        return answer.get("data")
    said = str(answer.get("message") or "")
    if answer.get("success") is not False:
        raise InputError("success", answer.get("success"), "true or false")
    if any(word in said.lower() for word in _BUSY_WORDS):
        return SlowDown(0)
    if any(word in said.lower() for word in _KEY_WORDS):
        return NotEntitled(BIRDEYE.entitlement)
    return Refused(f"birdeye: {shown(said)}")
