"""What only a memory can doubt: a price that jumps, a book or a health factor that never changes. Pure; its caller passes the time. INVARIANT: F5

In: parsed events in order. Out: the event, or `Garbage`. Funding, ratios and open interest really repeat and are never called frozen.
A jump is judged against the last believed price of the same source while that is young; when it has grown old, the next price is
believed, so that a real crash cannot blind us for longer than `believed_for_ns`.
"""

from __future__ import annotations

import msgspec

from tidegate.feeds.wire.outcome import Garbage
from tidegate.model.observation import Book, Channel, MarketEvent, Observation, TradePrint
from tidegate.units import BPS_PER_UNIT, MINUTE_NS, ONE, SECOND_NS, Bps, Nanoseconds, Price, Ratio


class Doubts(msgspec.Struct, frozen=True, gc=False):
    """When an event is doubted.

    A price that differs by more than `jump_bps` (equal passes) from one believed at most `believed_for_ns` before; a book with the same
    levels, or a health factor with the same value, for more than its `_frozen_ns` of receipt time (equal passes). A health factor at or
    over `free_ratio` (no debt) may stay as it is.
    """

    jump_bps: Bps = 1_000 * ONE
    believed_for_ns: Nanoseconds = 10 * SECOND_NS
    book_frozen_ns: Nanoseconds = 60 * SECOND_NS
    health_factor_frozen_ns: Nanoseconds = 60 * MINUTE_NS
    free_ratio: Ratio = 1_000_000 * ONE


class _Believed(msgspec.Struct, gc=False):
    price: Price
    at_ns: Nanoseconds


class _Since(msgspec.Struct):
    content: object
    since_ns: Nanoseconds


class Plausible:
    """The memory of one feed: the last believed price and the last change of each of its series."""

    def __init__(self, doubts: Doubts) -> None:
        self._doubts = doubts
        self._believed: dict[tuple[str, str], _Believed] = {}
        self._unchanged: dict[tuple[str, str], _Since] = {}

    def take(self, event: MarketEvent) -> MarketEvent | Garbage:
        """Return the event when it can be believed. One that is not believed leaves no trace in the prices."""
        match event:
            case TradePrint():
                doubt = self._jump((event.instrument_id, event.source), event.price, event.received_ns)
            case Book():
                series, levels = (event.instrument_id, event.source), (event.bids, event.asks)
                doubt = self._frozen(series, levels, event.received_ns, self._doubts.book_frozen_ns)
                doubt = doubt or self._jump(series, event.mid, event.received_ns)
            case Observation(channel=Channel.HEALTH_FACTOR) if event.value < self._doubts.free_ratio:
                series = (event.channel, event.source)
                doubt = self._frozen(series, event.value, event.received_ns, self._doubts.health_factor_frozen_ns)
            case Observation(channel=Channel.PRICE):
                doubt = self._jump((event.asset, event.source), event.value, event.received_ns)
            case _:
                doubt = None
        return doubt or event

    def _jump(self, series: tuple[str, str], price: Price, now_ns: Nanoseconds) -> Garbage | None:
        last = self._believed.get(series)
        if last is not None and now_ns - last.at_ns <= self._doubts.believed_for_ns:
            moved = abs(price - last.price) * BPS_PER_UNIT * ONE
            if moved > last.price * self._doubts.jump_bps:
                return Garbage("price: a jump", f"{price} after {last.price}")
        self._believed[series] = _Believed(price, now_ns)
        return None

    def _frozen(
        self, series: tuple[str, str], content: object, now_ns: Nanoseconds, limit_ns: Nanoseconds
    ) -> Garbage | None:
        last = self._unchanged.get(series)
        if last is None or last.content != content:
            self._unchanged[series] = _Since(content, now_ns)
            return None
        if now_ns - last.since_ns > limit_ns:
            return Garbage(f"{series[1]}: frozen", f"{(now_ns - last.since_ns) // SECOND_NS} s without a change")
        return None
