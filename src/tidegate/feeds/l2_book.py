"""A local order book from a venue's diffs, kept correct or not at all.

In: one REST snapshot and the diffs of a Binance USD-M depth stream. Out: the levels near the touch, or None while nobody can know them.
Rules (reference/apis.md section 2): diffs older than the snapshot are dropped; the first one kept must hold the snapshot's update id
within `U..u`; after that every `pu` must equal the `u` before. A gap, a crossed book or a bad level forgets the book until the next snapshot.
"""

from __future__ import annotations

from collections import deque

import msgspec

from tidegate.errors import InputError
from tidegate.model.observation import Book
from tidegate.units import BPS_PER_UNIT, ONE_DIGITS, Nanoseconds, Price, Quantity, parse

LevelTexts = list[tuple[str, str]]

_BUFFERED_MAX = 2_000
_REACH_BPS = 12
_DIGITS_MAX = 28
_POWERS: tuple[int, ...] = tuple(10 ** (ONE_DIGITS - places) for places in range(ONE_DIGITS + 1))


class DepthUpdate(msgspec.Struct, frozen=True, tag_field="e", tag="depthUpdate"):
    """One diff: quantities are absolute, 0 removes a level."""

    E: int
    T: int
    s: str
    U: int
    u: int
    pu: int
    b: LevelTexts
    a: LevelTexts


class DepthBook:
    """The book of one symbol. `broken` says why there is none, empty while there is one."""

    def __init__(self) -> None:
        self._bids: dict[Price, Quantity] = {}
        self._asks: dict[Price, Quantity] = {}
        self._early: deque[DepthUpdate] = deque(maxlen=_BUFFERED_MAX)
        self._last_u = -1
        self._joined = False
        self.broken = "no snapshot yet"

    def take_snapshot(self, last_update_id: int, bids: LevelTexts, asks: LevelTexts) -> None:
        """Start again from a snapshot and the buffered diffs after it."""
        self._bids, self._asks = {}, {}
        self._last_u, self._joined, self.broken = last_update_id, False, ""
        self._apply(bids, asks)
        early, self._early = self._early, deque(maxlen=_BUFFERED_MAX)
        for update in early:
            if not self.broken:
                self.take_update(update)

    def take_update(self, update: DepthUpdate) -> None:
        """Apply one diff, or keep it for the snapshot that has not come yet."""
        if self.broken:
            self._early.append(update)
            return
        if not self._joined:
            if update.u < self._last_u:
                return
            if self._last_u < update.U:
                self._forget(f"the first diff begins at {update.U}, after the snapshot's {self._last_u}", update)
                return
            self._joined = True
        elif update.pu != self._last_u:
            self._forget(f"gap in the diffs: {update.pu} follows {self._last_u}", update)
            return
        self._last_u = update.u
        self._apply(update.b, update.a)

    def levels(self, instrument_id: str, asset: str, observed_ns: Nanoseconds, received_ns: Nanoseconds) -> Book | None:
        """Return the book within 12 bps of the touch, or None (and a reason in `broken`) when there is no right one."""
        if self.broken or not self._joined:
            return None
        if not self._bids or not self._asks:
            self._forget("one side is empty", None)
            return None
        bid, ask = max(self._bids), min(self._asks)
        if bid >= ask:
            self._forget(f"crossed book: bid {bid} is not under ask {ask}", None)
            return None
        floor, ceiling = bid - bid * _REACH_BPS // BPS_PER_UNIT, ask + ask * _REACH_BPS // BPS_PER_UNIT
        bids = sorted((level for level in self._bids.items() if level[0] >= floor), reverse=True)
        asks = sorted(level for level in self._asks.items() if level[0] <= ceiling)
        return Book(instrument_id, asset, tuple(bids), tuple(asks), "binance:depth", observed_ns, received_ns)

    def _apply(self, bids: LevelTexts, asks: LevelTexts) -> None:
        try:
            _set_levels(self._bids, bids)
            _set_levels(self._asks, asks)
        except InputError as error:
            self._forget(str(error), None)

    def _forget(self, why: str, update: DepthUpdate | None) -> None:
        self._bids, self._asks, self._joined, self.broken = {}, {}, False, why
        self._early.clear()
        if update is not None:
            self._early.append(update)


def _set_levels(side: dict[Price, Quantity], levels: LevelTexts) -> None:
    """Set absolute quantities; 0 removes a level. Raises InputError at the first bad one."""
    for price_text, quantity_text in levels:
        price, quantity = exact(price_text), exact(quantity_text)
        if price <= 0 or quantity < 0:
            raise InputError("level", f"{price_text} x {quantity_text}", "a price > 0 and a quantity >= 0")
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)


def exact(text: str) -> int:
    """Parse plain decimal text exactly; whatever is not plain goes through `units.parse`. Raises InputError."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if whole and len(fraction) <= ONE_DIGITS and len(digits) <= _DIGITS_MAX and digits.isascii() and digits.isdigit():
        return int(digits) * _POWERS[len(fraction)]
    return parse(text)
