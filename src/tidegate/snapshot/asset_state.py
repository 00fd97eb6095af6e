"""The rolling state of one asset: everything strategies and the gate may ask of its recent past, in bounded memory.

In: the market events of one asset, in time order. Out: the `Tape` of the strategies and the parts of the `AssetView`.
The hot path is `on_bar`: it stores, compares and returns; averages, medians and bands are worked out only when somebody asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter

from tidegate.model.limits import AssetLimits
from tidegate.model.observation import Bar, Book, TradePrint
from tidegate.model.snapshot import Band, BookView, Missing, Reading
from tidegate.snapshot.bands import BandBook
from tidegate.snapshot.bars import BAR_NS, minute_of
from tidegate.snapshot.books import BookTracker
from tidegate.snapshot.fees import FeeTracker
from tidegate.snapshot.rolling import SlidingExtremes, median
from tidegate.snapshot.squeeze import WINDOW_NS, SqueezeDetector
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, ONE, Nanoseconds, Price

REACH_NS = HOUR_NS
BUCKET_NS = 5 * MINUTE_NS
EXTREME_LAG_NS = HOUR_NS
MEDIAN_MINUTES_MIN = 5
_BARS_KEPT = REACH_NS // BAR_NS + 2
_NEVER = 1 << 62
_LOW = attrgetter("low")
_HIGH = attrgetter("high")


class AssetState:
    """What is known of one asset. Windows reach back `REACH_NS` at most; they hold the bars that ended in `(now - window, now]`.

    The 24 h extremes are kept in buckets of 5 minutes: a bucket counts once it is wholly older than 60 minutes, and until it began more
    than 24 h ago, so either edge of that window is exact to 5 minutes.
    """

    __slots__ = (
        "_band_ceiling",
        "_band_floor",
        "_bands",
        "_bucket_start_ns",
        "_due_ns",
        "_extremes",
        "_keep",
        "_lower",
        "_minute",
        "_minute_of_ns",
        "_upper",
        "asset",
        "bar",
        "bars",
        "books",
        "fees",
        "last_print",
        "now_ns",
        "previous",
        "squeezes",
        "tips",
    )

    def __init__(
        self, asset: str, limits: AssetLimits | None, bands: BandBook | None, assumed_liquidations: int | None
    ) -> None:
        self.asset = asset
        self.now_ns: Nanoseconds = 0
        self.bar: Bar | None = None
        self.previous: Bar | None = None
        self.bars: deque[Bar] = deque(maxlen=_BARS_KEPT)
        self._keep = self.bars.append
        self.last_print: TradePrint | None = None
        self.books = BookTracker()
        self.fees = FeeTracker(floor=ONE)
        self.tips = FeeTracker(floor=1)
        self.squeezes = SqueezeDetector(limits, assumed_liquidations)
        self._extremes = SlidingExtremes(DAY_NS, EXTREME_LAG_NS)
        self._bands = bands
        self._lower: Band | None = None
        self._upper: Band | None = None
        self._band_floor: Price = 0
        self._band_ceiling: Price = _NEVER
        self._bucket_start_ns: Nanoseconds = 0
        self._due_ns: Nanoseconds = 0
        self._minute: Bar | None = None
        self._minute_of_ns: Nanoseconds = 0

    # What happens to it

    def on_bar(self, bar: Bar) -> bool:
        """Take the next closed bar; False when it is not newer than the last one."""
        end_ns = bar.end_ns
        before = self.bar
        if before is None:
            before = self._begin(bar)
        elif end_ns <= before.end_ns:
            return False
        else:
            self.previous = before
        self.bar = bar
        self._keep(bar)
        if end_ns > self.now_ns:
            self.now_ns = end_ns
        if end_ns >= self._due_ns:
            self._on_schedule(end_ns)
        if not self._band_floor <= before.close < self._band_ceiling:
            self._choose_bands(before.close)
        if self.squeezes.armed and self.squeezes.wants(bar):
            self.squeezes.look(self.recent(WINDOW_NS), end_ns)
        return True

    def on_book(self, book: Book) -> str:
        """Take a book; the answer says why it was refused, if it was."""
        refused = self.books.take(book)
        if not refused and book.received_ns > self.now_ns:
            self.now_ns = book.received_ns
        return refused

    def on_print(self, trade: TradePrint) -> bool:
        """Take a trade as the last price; False when it is older than the last one. Bars come from a `BarBuilder`."""
        last = self.last_print
        if last is not None and trade.observed_ns < last.observed_ns:
            return False
        self.last_print = trade
        if trade.received_ns > self.now_ns:
            self.now_ns = trade.received_ns
        return True

    def _begin(self, bar: Bar) -> Bar:
        self._bucket_start_ns = self._due_ns = bar.start_ns // BUCKET_NS * BUCKET_NS
        self.squeezes.start_prices(bar.start_ns)
        return bar

    def _on_schedule(self, end_ns: Nanoseconds) -> None:
        """Do what is due at this bar: fold 5 minutes into the day's extremes; make the bands be chosen anew."""
        boundary_ns = end_ns // BUCKET_NS * BUCKET_NS
        if boundary_ns > self._bucket_start_ns:
            self._close_bucket(boundary_ns)
        self._due_ns = boundary_ns + BUCKET_NS
        if self._bands is not None:
            self._due_ns = self._bands.due_ns(end_ns, self._due_ns)
            self._band_floor, self._band_ceiling = 1, 0

    def _close_bucket(self, boundary_ns: Nanoseconds) -> None:
        """Fold the bars since the last bucket into one that ends at the newest multiple of 5 minutes."""
        start_ns = self._bucket_start_ns
        if self.now_ns == boundary_ns == start_ns + BUCKET_NS:
            inside = self._window(BUCKET_NS)
        else:
            inside = [bar for bar in self.bars if start_ns < bar.end_ns <= boundary_ns]
        if inside:
            self._extremes.add(start_ns, boundary_ns, min(map(_LOW, inside)), max(map(_HIGH, inside)))
        self._bucket_start_ns = boundary_ns

    def _choose_bands(self, price: Price) -> None:
        """Choose the bands in play at the close before this bar; they hold while closes stay in [floor, ceiling)."""
        bands = self._bands
        if bands is None:
            return
        bands.choose(self.now_ns, price, self._extremes.extremes(self.now_ns))
        self._lower, self._upper = bands.lower, bands.upper
        self._band_floor, self._band_ceiling = bands.valid_above, bands.valid_below

    def _window(self, window_ns: Nanoseconds) -> list[Bar]:
        """Return the window's bars, newest first: as many as fit on the grid, less those that are too old."""
        kept = list(islice(reversed(self.bars), window_ns // BAR_NS))
        since_ns = self.now_ns - window_ns
        while kept and kept[-1].end_ns <= since_ns:
            kept.pop()
        return kept

    # What strategies read (`strategy.port.Tape`)

    @property
    def last_price(self) -> Price | None:
        """Return the price of the newest trade or bar close."""
        bar, last = self.bar, self.last_print
        if last is not None and (bar is None or last.received_ns >= bar.end_ns):
            return last.price
        return bar.close if bar is not None else None

    @property
    def minute(self) -> Bar | None:
        """Return the 60 s bar that closed together with `bar`, or None in mid-minute or when its first half is missing."""
        bar = self.bar
        if bar is None:
            return None
        if bar.end_ns != self._minute_of_ns:
            self._minute, self._minute_of_ns = minute_of(self.previous, bar), bar.end_ns
        return self._minute

    def recent(self, window_ns: Nanoseconds) -> Sequence[Bar]:
        """Return the 30 s bars of the window, oldest first."""
        return self._window(window_ns)[::-1]

    def vwap(self, window_ns: Nanoseconds) -> Price | None:
        """Return the volume-weighted typical price (high + low + close) / 3 of the window, rounded down; None without volume."""
        weighted = volume = 0
        for bar in self._window(window_ns):
            quantity = bar.volume
            weighted += (bar.high + bar.low + bar.close) * quantity
            volume += quantity
        return weighted // (3 * volume) if volume else None

    def minute_range_median(self, window_ns: Nanoseconds) -> Price | None:
        """Return the median high - low of the whole minutes of the window, in USD; None with fewer than 5 of them."""
        ranges: list[int] = []
        first: Bar | None = None
        for bar in self.recent(window_ns):
            minute = minute_of(first, bar)
            if minute is not None:
                ranges.append(minute.high - minute.low)
            first = bar
        return median(ranges) if len(ranges) >= MEDIAN_MINUTES_MIN else None

    def low_since(self, window_ns: Nanoseconds) -> Price | None:
        """Return the lowest price of the window's bars; None without a bar."""
        return min(map(_LOW, self._window(window_ns)), default=None)

    def high_since(self, window_ns: Nanoseconds) -> Price | None:
        """Return the highest price of the window's bars; None without a bar."""
        return max(map(_HIGH, self._window(window_ns)), default=None)

    def day_extremes(self) -> tuple[Price, Price] | None:
        """Return (lowest, highest) price of 24 h excluding the last 60 min; None with less than 24 h of history."""
        return self._extremes.extremes(self.now_ns)

    @property
    def extremes_kept(self) -> int:
        """Return how many buckets the day's extremes hold."""
        return len(self._extremes)

    def lower_band(self) -> Band | None:
        """Return the lower band in play before this bar, or None when no source is valid."""
        return self._lower

    def upper_band(self) -> Band | None:
        """Return the upper band in play before this bar, or None when no source is valid."""
        return self._upper

    @property
    def fee_observed_ns(self) -> Nanoseconds:
        """Return the source's time of the newest priority fee, 0 for none."""
        latest = self.fees.latest
        return latest.observed_ns if latest is not None else 0

    @property
    def priority_fee(self) -> Reading | Missing:
        """Return the smoothed p50 priority fee."""
        return self.fees.reading(self.now_ns)

    def priority_fee_baseline(self, window_ns: Nanoseconds) -> int | None:
        """Return the floored baseline of the window; None with too little history."""
        return self.fees.baseline(self.now_ns, window_ns)

    @property
    def tip_ratio(self) -> Reading | Missing:
        """Return the p50 tip over its 10-min baseline."""
        return self.tips.ratio(self.now_ns)

    @property
    def book(self) -> BookView | Missing:
        """Return the last book."""
        return self.books.view()

    # What the snapshot reads

    def price(self) -> Reading | Missing:
        """Return the mid of the last book; where no book was ever heard (tapes), the last trade or bar close."""
        book = self.books.book
        if book is not None:
            return Reading(book.mid, book.source, book.observed_ns, book.received_ns)
        bar, last = self.bar, self.last_print
        if last is not None and (bar is None or last.received_ns >= bar.end_ns):
            return Reading(last.price, last.source, last.observed_ns, last.received_ns)
        if bar is not None:
            return Reading(bar.close, bar.instrument_id, bar.end_ns, bar.end_ns)
        return Missing("no book, trade or bar received yet")
