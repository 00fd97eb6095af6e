"""A local order book, kept correct or not at all: snapshot and diffs in, `Book`s or `Resync` out. Pure; one object per market.

| venue | the first diff after a snapshot | every next diff | a book starts again by |
|---|---|---|---|
| Binance USD-M | `U <= lastUpdateId <= u`; older ones are dropped | `pu` = the `u` before | another REST snapshot |
| OKX | `prevSeqId` = the snapshot's `seqId` | `prevSeqId` = the `seqId` before (60 s without a change: both equal) | subscribing again |
| Bybit | `u` = the snapshot's + 1 | `u` = the one before + 1; `u` = 1 is a snapshot | subscribing again |
| Coinbase | comes after the snapshot | any later one: gaps are the connection's (`coinbase_spot.Sequence`) | connecting again |
| whole books | every message is a snapshot (Hyperliquid, OKX `books5`) | | nothing |

OKX's checksum is verified when it is not 0: since 2026-09 it always is (ccxt pull request 30299). A gap, a wrong checksum, a crossed or
one-sided book, or time running backward forgets the book until the next snapshot. INVARIANT: F5. Source: reference/apis.md section 2.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from enum import StrEnum
from typing import assert_never
from zlib import crc32

import msgspec

from tidegate.feeds.wire.depth import NO_ID, Depth, Level
from tidegate.feeds.wire.market import Market
from tidegate.model.observation import Book
from tidegate.units import BPS_PER_UNIT, Bps, Nanoseconds, Price, Quantity

REACH_BPS: Bps = 12
CHECKED_LEVELS = 25
_EARLY_MAX = 2_000
_CRC_SIGN, _CRC_SPAN = 1 << 31, 1 << 32


class Continuation(StrEnum):
    """How a venue numbers its diffs."""

    BINANCE = "binance"
    OKX = "okx"
    BYBIT = "bybit"
    CONNECTION = "connection"
    WHOLE = "whole"


class Resync(msgspec.Struct, frozen=True, gc=False):
    """There is no book: fetch or ask for a new snapshot. `cause` has no values in it; `given` has."""

    cause: str
    given: str = ""


class _Side:
    """One side, prices sorted ascending. The texts as sent are kept only where a checksum is made of them."""

    __slots__ = ("_keeps_texts", "prices", "quantities", "texts")

    def __init__(self, keeps_texts: bool) -> None:
        self.prices: list[Price] = []
        self.quantities: dict[Price, Quantity] = {}
        self.texts: dict[Price, tuple[str, str]] = {}
        self._keeps_texts = keeps_texts

    def take(self, changes: tuple[Level, ...]) -> None:
        """Set absolute quantities; 0 removes a level (removing one that is not there is normal)."""
        prices, quantities = self.prices, self.quantities
        for level in changes:
            price = level.price
            known = price in quantities
            if level.quantity:
                quantities[price] = level.quantity
                if not known:
                    insort(prices, price)
                if self._keeps_texts:
                    self.texts[price] = level.texts
            elif known:
                del quantities[price]
                del prices[bisect_left(prices, price)]

    def between(self, lowest: Price, highest: Price) -> list[tuple[Price, Quantity]]:
        """Return the levels from lowest to highest, both included, ascending."""
        inside = self.prices[bisect_left(self.prices, lowest) : bisect_left(self.prices, highest + 1)]
        return list(zip(inside, map(self.quantities.__getitem__, inside), strict=True))


class LocalBook:
    """The book of one market. `take` answers with the book after the message, `Resync`, or None while there is nothing new to say.

    A book is shown at most every `every_ns` of receipt time (0: after every message); it is checked after every message all the same.
    `joined` says whether there is a right book now.
    """

    def __init__(self, market: Market, continuation: Continuation, source: str, every_ns: Nanoseconds = 0) -> None:
        self._market, self._continuation, self._source = market, continuation, source
        self._every_ns, self._due_ns = every_ns, 0
        self._bids, self._asks = self._sides()
        self._early: deque[Depth] = deque(maxlen=_EARLY_MAX)
        self._last_id = NO_ID
        self._waits_for_join = False
        self._observed_ns = self._received_ns = 0
        self.joined = False

    def take(self, depth: Depth) -> Book | Resync | None:
        """Apply one message. Diffs before any snapshot are kept for it; the first of them asks for one."""
        if depth.symbol != self._market.symbol:
            return None
        if depth.whole or (self._continuation is Continuation.BYBIT and depth.last_id == 1):
            return self._begin(depth)
        if not self.joined:
            self._early.append(depth)
            return Resync("no snapshot yet") if len(self._early) == 1 else None
        return self._follow(depth)

    def _begin(self, depth: Depth) -> Book | Resync | None:
        """Start from a snapshot, then follow the diffs that came before it. A snapshot older than the book is none."""
        if self.joined and depth.observed_ns < self._observed_ns:
            return self._forget("time went backward", f"{depth.observed_ns} after {self._observed_ns}", None)
        self._bids, self._asks = self._sides()
        self._last_id, self._observed_ns, self._received_ns = depth.last_id, depth.observed_ns, depth.received_ns
        self._waits_for_join = self._continuation is Continuation.BINANCE
        self.joined = True
        answer = self._apply(depth)
        early, self._early = self._early, deque(maxlen=_EARLY_MAX)
        for later in early:
            if self.joined and self._is_newer(later):
                answer = self._follow(later)
        return answer

    def _is_newer(self, depth: Depth) -> bool:
        """Say whether a diff that came before the snapshot says more than it. Binance's own rule drops only `u < lastUpdateId`."""
        return self._continuation is Continuation.BINANCE or depth.last_id > self._last_id

    def _follow(self, depth: Depth) -> Book | Resync | None:
        """Apply a diff that continues the book; forget the book at one that does not.

        A diff that was received before its snapshot may seem older than it, where the venue's clock is ahead of ours.
        """
        if self._waits_for_join:
            if depth.last_id < self._last_id:
                return None
            if depth.first_id > self._last_id:
                return self._forget("the first diff begins after the snapshot", f"{depth.first_id}", depth)
            self._waits_for_join = False
        elif not self._continues(depth):
            return self._forget(
                "gap in the diffs", f"{depth.previous_id}..{depth.last_id} after {self._last_id}", depth
            )
        if depth.observed_ns < self._observed_ns and depth.received_ns >= self._received_ns:
            return self._forget("time went backward", f"{depth.observed_ns} after {self._observed_ns}", None)
        self._last_id = depth.last_id
        self._observed_ns = max(self._observed_ns, depth.observed_ns)
        self._received_ns = max(self._received_ns, depth.received_ns)
        return self._apply(depth)

    def _continues(self, depth: Depth) -> bool:
        match self._continuation:
            case Continuation.BINANCE | Continuation.OKX:
                return depth.previous_id == self._last_id
            case Continuation.BYBIT:
                return depth.last_id == self._last_id + 1
            case Continuation.CONNECTION:
                return depth.last_id >= self._last_id
            case Continuation.WHOLE:
                return False
        assert_never(self._continuation)

    def _apply(self, depth: Depth) -> Book | Resync | None:
        """Change the levels, check the result, and show the book when it is due."""
        self._bids.take(depth.bids)
        self._asks.take(depth.asks)
        if depth.checksum and depth.checksum != self._checksum():
            return self._forget("wrong checksum", f"{depth.checksum}", None)
        if not self._bids.prices or not self._asks.prices:
            return self._forget("one side is empty", "", None)
        bid, ask = self._bids.prices[-1], self._asks.prices[0]
        if bid >= ask:
            return self._forget("crossed book", f"bid {bid}, ask {ask}", None)
        return None if self._waits_for_join or self._received_ns < self._due_ns else self._shown(bid, ask)

    def _shown(self, bid: Price, ask: Price) -> Book:
        """Return the levels within 12 bps of the touch, best first."""
        self._due_ns = self._received_ns + self._every_ns
        bids = self._bids.between(bid - bid * REACH_BPS // BPS_PER_UNIT, bid)[::-1]
        asks = self._asks.between(ask, ask + ask * REACH_BPS // BPS_PER_UNIT)
        times = (self._observed_ns, self._received_ns)
        return Book(self._market.instrument_id, self._market.asset, tuple(bids), tuple(asks), self._source, *times)

    def _sides(self) -> tuple[_Side, _Side]:
        keeps_texts = self._continuation is Continuation.OKX
        return _Side(keeps_texts), _Side(keeps_texts)

    def _checksum(self) -> int:
        """Return OKX's: CRC32, signed, of `price:size` texts of the best 25 levels, bid and ask in turn, missing ones left out."""
        bids = [self._bids.texts[price] for price in self._bids.prices[: -CHECKED_LEVELS - 1 : -1]]
        asks = [self._asks.texts[price] for price in self._asks.prices[:CHECKED_LEVELS]]
        parts: list[str] = []
        for place in range(max(len(bids), len(asks))):
            parts.extend(":".join(side[place]) for side in (bids, asks) if place < len(side))
        unsigned = crc32(":".join(parts).encode())
        return unsigned - _CRC_SPAN if unsigned >= _CRC_SIGN else unsigned

    def _forget(self, cause: str, given: str, keep: Depth | None) -> Resync:
        """Give up the book; the diff at which it broke may join the next snapshot."""
        self._bids, self._asks = self._sides()
        self.joined = False
        self._early.clear()
        if keep is not None:
            self._early.append(keep)
        return Resync(cause, given)
