"""Liquidation bands: which zone of prices is in play, and who says so.

In: the operator's static zones with their validity, and the 24 h extremes of the tape. Out: one lower and one upper `Band`, or None.
The sources are tried in the operator's order; the first valid one is used and named. Source: SPEC §4, BTC range scalp.
"""

from __future__ import annotations

import msgspec

from tidegate.model.snapshot import Band
from tidegate.units import DAY_NS, ONE, Bps, Nanoseconds, Price, price_at_bps

STATIC = "static"
LIQUIDATIONS = "liquidations"
COINGLASS = "coinglass"
RANGE = "range"
FAR_NS = 1 << 62
SOURCES = (STATIC, LIQUIDATIONS, COINGLASS, RANGE)


class Zone(msgspec.Struct, frozen=True, gc=False):
    """A zone of prices without its source; both edges belong to it."""

    low: Price
    high: Price


class BandSettings(msgspec.Struct, frozen=True):
    """The operator's bands of one asset.

    `lower` and `upper` are the first zones; the extra levels continue outward (lower ones falling, upper ones rising): each is the low edge
    of a zone of `lower_zone_bps` / `upper_zone_bps`. `set_ns` is when the operator set them; they are valid up to and including
    `valid_until_ns` (0 = 24 h after they were set). `sources` is the order of preference; names not available here are skipped.
    """

    lower: Zone = Zone(106_600 * ONE, 106_800 * ONE)
    upper: Zone = Zone(109_700 * ONE, 110_000 * ONE)
    lower_extra: tuple[Price, ...] = (105_100 * ONE, 103_500 * ONE)
    upper_extra: tuple[Price, ...] = (111_000 * ONE, 112_500 * ONE)
    set_ns: Nanoseconds = 0
    valid_until_ns: Nanoseconds = 0
    sources: tuple[str, ...] = SOURCES
    lower_zone_bps: Bps = 19 * ONE
    upper_zone_bps: Bps = 27 * ONE
    asset: str = "BTC"

    @property
    def expires_ns(self) -> Nanoseconds:
        """Return the last instant at which the static bands are valid."""
        return self.valid_until_ns or self.set_ns + DAY_NS

    def static_valid(self, now_ns: Nanoseconds) -> bool:
        """Say whether the static bands hold at `now_ns`: from the moment they were set to their expiry, both included."""
        return self.set_ns <= now_ns <= self.expires_ns

    def lower_zones(self) -> tuple[Band, ...]:
        """Return the static lower zones, nearest to the middle first."""
        extra = tuple(Band(level, price_at_bps(level, self.lower_zone_bps), STATIC) for level in self.lower_extra)
        return (Band(self.lower.low, self.lower.high, STATIC), *extra)

    def upper_zones(self) -> tuple[Band, ...]:
        """Return the static upper zones, nearest to the middle first."""
        extra = tuple(Band(level, price_at_bps(level, self.upper_zone_bps), STATIC) for level in self.upper_extra)
        return (Band(self.upper.low, self.upper.high, STATIC), *extra)


class BandBook:
    """The bands in play of one asset, re-chosen when price leaves the zones chosen, the source changes or the 24 h extreme moves.

    The lower zone in play is the highest one whose low edge is <= the close before this bar (a zone that price has fallen through is no
    longer in play), the upper zone the lowest one whose high edge is >= it; when price is beyond all of them, the outermost.
    `always_static` is the replay assumption `bands=static`: valid at any time.
    """

    __slots__ = ("_lower_zones", "_settings", "_static", "_upper_zones", "lower", "upper", "valid_above", "valid_below")

    def __init__(self, settings: BandSettings, *, always_static: bool) -> None:
        self._settings = settings
        self._static = always_static
        self._lower_zones = settings.lower_zones()
        self._upper_zones = settings.upper_zones()
        self.lower: Band | None = None
        self.upper: Band | None = None
        self.valid_above: Price = 0
        self.valid_below: Price = 0

    def choose(self, now_ns: Nanoseconds, price: Price, extremes: tuple[Price, Price] | None) -> None:
        """Choose the bands in play at `price`; `extremes` are the 24 h (low, high) excluding the last 60 minutes, None if not known.

        They stay the right choice while `valid_above` <= price < `valid_below` and neither time nor the extremes change the source.
        """
        self.lower = self.upper = None
        self.valid_above, self.valid_below = 0, FAR_NS
        for source in self._settings.sources:
            if source == STATIC and (self._static or self._settings.static_valid(now_ns)):
                self._choose_static(price)
                return
            if source == RANGE and extremes is not None:
                low, high = extremes
                self.lower = Band(low, price_at_bps(low, self._settings.lower_zone_bps), RANGE)
                self.upper = Band(high, price_at_bps(high, self._settings.upper_zone_bps), RANGE)
                return

    def due_ns(self, now_ns: Nanoseconds, extremes_due_ns: Nanoseconds) -> Nanoseconds:
        """Return when time alone may change the choice: the extremes move, the static bands begin or expire."""
        begin_ns, end_ns = self._settings.set_ns, self._settings.expires_ns + 1
        return min([extremes_due_ns, *(edge_ns for edge_ns in (begin_ns, end_ns) if edge_ns > now_ns)])

    def _choose_static(self, price: Price) -> None:
        for band in self._lower_zones:
            self.lower = band
            if band.low <= price:
                self.valid_above = band.low
                break
            self.valid_below = band.low
        for band in self._upper_zones:
            self.upper = band
            if band.high >= price:
                self.valid_below = min(self.valid_below, band.high + 1)
                break
            self.valid_above = max(self.valid_above, band.high + 1)
