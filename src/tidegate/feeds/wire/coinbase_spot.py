"""Coinbase Advanced Trade, spot: the level2 channel and the product book. Source: docs.cdp.coinbase.com, Advanced Trade WebSocket channels.

Used for the arbitrage pair, which needs books. `sequence_num` counts every message of the CONNECTION, whatever its channel, so that the
caller feeds them all through `Sequence`. Trades are not read: whether `side` is the maker's or the taker's is disputed (the older
Exchange API documents the maker's), and a wrong sign would turn delta around.
"""

from __future__ import annotations

from types import MappingProxyType

from tidegate.errors import InputError
from tidegate.feeds.wire.depth import NO_ID, Depth, Level, keyed_levels, level
from tidegate.feeds.wire.fields import Raw, Row, decoded, observed, row, rows, same, text, time_iso, whole, word
from tidegate.feeds.wire.local_book import Resync
from tidegate.feeds.wire.market import Market, Markets, market_of
from tidegate.feeds.wire.outcome import Garbage, Refused, never_raises, shown
from tidegate.feeds.wire.parsed import Answer, Parsed, Wire
from tidegate.units import Nanoseconds

HEARTBEATS = "heartbeats"
"""Subscribe to it too: a quiet channel is closed after 60 to 90 s."""

LEVEL2 = "level2"
_LEVEL2_DATA = "l2_data"
_WHOLE = MappingProxyType({"snapshot": True, "update": False})
_IS_BID = MappingProxyType({"bid": True, "offer": False, "ask": False})
_BOOK_KEYS = ("price", "size")


@never_raises
def message(raw: Raw, markets: Markets, received_ns: Nanoseconds) -> Answer:
    """Read one message. Diffs of one product are numbered by the connection: `last_id` is the message's `sequence_num`."""
    frame = row(decoded(raw), "message")
    if frame.get("type") == "error":
        return Refused(f"coinbase: {shown(frame.get('message'))}")
    if text(frame, "channel") != _LEVEL2_DATA:
        return ()
    found: list[Wire] = []
    for each in rows(frame.get("events"), "events"):
        found.extend(_book(row(each, "events"), frame, markets, received_ns))
    return tuple(found)


def _book(event: Row, frame: Row, markets: Markets, received_ns: Nanoseconds) -> Parsed:
    market = market_of(markets, event.get("product_id"), "product_id")
    at_ns = observed(time_iso(frame.get("timestamp"), "timestamp"), received_ns, "timestamp")
    last = whole(frame.get("sequence_num"), "sequence_num")
    bids: list[Level] = []
    asks: list[Level] = []
    for each in rows(event.get("updates"), "updates"):
        update = row(each, "updates")
        side = bids if word(update, "side", _IS_BID) else asks
        side.append(level(update.get("price_level"), update.get("new_quantity"), market, "updates"))
    whole_book = word(event, "type", _WHOLE)
    return (Depth(market.symbol, whole_book, tuple(bids), tuple(asks), last, last, NO_ID, at_ns, received_ns),)


@never_raises
def product_book(raw: Raw, market: Market, received_ns: Nanoseconds) -> Answer:
    """Read `GET /api/v3/brokerage/market/product_book?product_id=`: a whole book, no sequence number."""
    answer = row(decoded(raw), "message")
    if "pricebook" not in answer:
        if "error" not in answer:
            raise InputError("pricebook", answer, "an object")
        return Refused(f"coinbase: {shown(answer.get('message', answer.get('error')))}")
    book = row(answer.get("pricebook"), "pricebook")
    same(book, "product_id", market.symbol)
    at_ns = observed(time_iso(book.get("time"), "time"), received_ns, "time")
    bids = keyed_levels(book.get("bids"), market, _BOOK_KEYS, "bids")
    asks = keyed_levels(book.get("asks"), market, _BOOK_KEYS, "asks")
    return (Depth(market.symbol, True, bids, asks, NO_ID, NO_ID, NO_ID, at_ns, received_ns),)


class Sequence:
    """The sequence numbers of one connection, from its first message on."""

    def __init__(self) -> None:
        self._next: int | None = None

    def take(self, raw: Raw) -> Resync | Garbage | None:
        """Return Resync when a message of any channel was lost: every book of the connection is then unknown. Garbage without a number."""
        number = _sequence_num(raw)
        if isinstance(number, int):
            expected, self._next = self._next, number + 1
            return None if expected in (None, number) else Resync("gap in the connection", f"{number}, not {expected}")
        return number if isinstance(number, Garbage) else None


@never_raises
def _sequence_num(raw: Raw) -> int:
    return whole(row(decoded(raw), "message").get("sequence_num"), "sequence_num")
