"""30 s bars from trades, aligned to the UTC grid, and 60 s bars from pairs of them.

In: `TradePrint`s of one instrument and the time. Out: closed `Bar`s, every one of which starts on a whole 30 s. A driver (the engine, a
feed) holds the builder and applies the bars it returns; `MarketState` does not build bars by itself.
"""

from __future__ import annotations

from tidegate.model.observation import Bar, TradePrint
from tidegate.units import HOUR_NS, MINUTE_NS, SECOND_NS, Nanoseconds

BAR_NS = 30 * SECOND_NS
FILLED_GAP_NS = HOUR_NS
FAR_NS = 1 << 62


class BarBuilder:
    """Builds the bars of one instrument.

    A bar holds the trades observed in `[start, start + 30 s)`. Bars without a trade repeat the last close with volume 0. A late trade (its
    bar is closed already) adds its volume and delta to the open bar, so that nothing is lost, but leaves that bar's prices alone. A silence
    of more than an hour is not filled with bars: the builder closes the open one and goes on in the present slot.
    """

    __slots__ = ("_asset", "_close", "_delta", "_high", "_instrument_id", "_low", "_open", "_start_ns", "_volume")

    def __init__(self, instrument_id: str, asset: str) -> None:
        self._instrument_id, self._asset = instrument_id, asset
        self._start_ns: Nanoseconds = -1
        self._open = self._high = self._low = self._close = 0
        self._volume = self._delta = 0

    @property
    def end_ns(self) -> Nanoseconds:
        """Return when the open bar ends: `roll` closes nothing earlier. Far in the future before the first trade."""
        return self._start_ns + BAR_NS if self._start_ns >= 0 else FAR_NS

    def on_trade(self, trade: TradePrint) -> list[Bar]:
        """Take one trade and return the bars that its time closes."""
        at_ns = trade.observed_ns
        if self._start_ns >= 0:
            closed = self.roll(at_ns)
        else:
            closed = []
            self._begin(at_ns // BAR_NS * BAR_NS, trade.price)
        self._volume += trade.quantity
        self._delta += trade.quantity if trade.taker_buys else -trade.quantity
        if at_ns >= self._start_ns:
            self._move(trade.price)
        return closed

    def roll(self, now_ns: Nanoseconds) -> list[Bar]:
        """Close and return every bar that ended at or before `now_ns`; nothing before the first trade."""
        closed: list[Bar] = []
        if self._start_ns < 0 or now_ns < self._start_ns + BAR_NS:
            return closed
        silent = now_ns - self._start_ns > FILLED_GAP_NS + BAR_NS
        while now_ns >= self._start_ns + BAR_NS:
            closed.append(self._closed())
            self._begin(now_ns // BAR_NS * BAR_NS if silent else self._start_ns + BAR_NS, 0)
        return closed

    def _begin(self, start_ns: Nanoseconds, price: int) -> None:
        self._start_ns = start_ns
        self._open = self._high = self._low = price
        self._volume = self._delta = 0
        if price:
            self._close = price

    def _move(self, price: int) -> None:
        if not self._open:
            self._open = self._high = self._low = price
        self._high = max(self._high, price)
        self._low = min(self._low, price)
        self._close = price

    def _closed(self) -> Bar:
        start_ns, close = self._start_ns, self._close
        opened = self._open or close
        high, low = (self._high, self._low) if self._open else (close, close)
        ids = (self._instrument_id, self._asset)
        return Bar(*ids, start_ns, start_ns + BAR_NS, opened, high, low, close, self._volume, self._delta, False)


def minute_of(first: Bar | None, second: Bar) -> Bar | None:
    """Return the 60 s bar that `second` completes, or None when it is not the second half of a minute or the first half is not there."""
    if (
        first is None
        or second.end_ns % MINUTE_NS
        or first.end_ns != second.start_ns
        or first.start_ns + MINUTE_NS != second.end_ns
    ):
        return None
    return Bar(
        second.instrument_id,
        second.asset,
        first.start_ns,
        second.end_ns,
        first.open,
        max(first.high, second.high),
        min(first.low, second.low),
        second.close,
        first.volume + second.volume,
        first.delta + second.delta,
        first.approximate or second.approximate,
    )
