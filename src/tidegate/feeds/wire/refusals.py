"""HTTP answers that are no data: what each status means for a feed, and what to do. INVARIANT: F1

In: status, body, the `Retry-After` header. Out: an outcome, or None for 2xx (read the body: Coinglass sends its plan walls inside HTTP 200).
"""

from __future__ import annotations

import msgspec

from tidegate.feeds.wire.outcome import Down, NotAvailableHere, NotEntitled, Outcome, Refused, SlowDown, shown
from tidegate.units import MINUTE_NS, SECOND_NS

_RETRY_DIGITS_MAX = 7
_BLOCKED_PLACE = (b"restricted location", b"block access from your country", b"not available in your")
_BYBIT_403_WAIT_NS = 10 * MINUTE_NS


class Source(msgspec.Struct, frozen=True, gc=False):
    """A source in words for a person: its name, where else the same can be had, and what a refusal of the key means."""

    name: str
    alternative: str
    entitlement: str


_EXCHANGES = (
    "this exchange does not serve this place: use one that is legally open to you (Binance, OKX, Bybit, Hyperliquid)"
)
_KEYLESS = "public data need no key: remove the key, or allow this machine's address for it"
BINANCE = Source("Binance USD-M", _EXCHANGES, _KEYLESS)
OKX = Source("OKX", _EXCHANGES, _KEYLESS)
BYBIT = Source("Bybit", _EXCHANGES, _KEYLESS)
HYPERLIQUID = Source("Hyperliquid", _EXCHANGES, _KEYLESS)
COINBASE = Source("Coinbase", "use a spot venue that serves this place", _KEYLESS)
COINGLASS = Source(
    "Coinglass",
    "the exchanges' own 5-minute ratios, funding and open interest need no key",
    "check COINGLASS_API_KEY and its plan; the exchanges' own series stay primary and need no key",
)
BIRDEYE = Source(
    "Birdeye",
    "SOL trades and books of the exchanges",
    "check BIRDEYE_API_KEY and its plan; SOL prices of the exchanges need no key",
)
SOLANA = Source(
    "Solana RPC", "another RPC endpoint", "check the key in the endpoint's address, or use a public one without a key"
)
JITO = Source("Jito", "the priority fee alone (the fade then runs without its tip rule)", "the tip floor needs no key")
ETHEREUM = Source("Ethereum RPC", "another RPC endpoint", "check the key in the endpoint's address")


def http_refusal(source: Source, status: int, body: bytes, retry_after: str = "") -> Outcome | None:
    """Return what an HTTP status means, or None for 2xx.

    451, or a 403 whose body says so, means this place is not served; 429 slows down; 418 is a ban; Bybit's plain 403 is its rate limit
    (wait 10 minutes). 5xx and whatever else is not JSON means that the source is down.
    """
    if 200 <= status < 300:
        return None
    if status == 451 or (status in (400, 403) and any(mark in body for mark in _BLOCKED_PLACE)):
        return NotAvailableHere(source.alternative)
    if status in (418, 429):
        return SlowDown(_wait_ns(retry_after), status == 418)
    if status == 403 and source is BYBIT:
        return SlowDown(max(_wait_ns(retry_after), _BYBIT_403_WAIT_NS), True)
    if status in (401, 402, 403):
        return NotEntitled(source.entitlement)
    if 400 <= status < 500 and body[:1] in (b"{", b"["):
        return Refused(f"HTTP {status}: {shown(body.decode('ascii', 'replace'))}")
    return Down(f"HTTP {status}")


def _wait_ns(retry_after: str) -> int:
    plain = retry_after.isascii() and retry_after.isdigit() and len(retry_after) <= _RETRY_DIGITS_MAX
    return int(retry_after) * SECOND_NS if plain else 0
