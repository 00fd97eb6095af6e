"""Short squeezes: a fast rise while shorts are being liquidated.

In: liquidations, liquidation heartbeats and bars of one asset. Out: the time of the last squeeze, or Missing when nobody can know.
Source: SPEC §2, L2_FRESH_SQUEEZE.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tidegate.model.limits import AssetLimits
from tidegate.model.observation import Bar, Liquidation, Observation, Side
from tidegate.model.snapshot import Missing, Reading
from tidegate.snapshot.fees import received_at
from tidegate.units import MINUTE_NS, SECOND_NS, Nanoseconds, Price, Usd, change_bps, price_at_bps

WINDOW_NS = 5 * MINUTE_NS


class SqueezeDetector:
    """Remembers the last moment at which the rise over 5 minutes and the short liquidations of the same 5 minutes both reached their limit.

    Rise: from the lowest price of the window to the highest one after it, bar by bar (a bar's own high counts against its open and earlier
    lows, its close also against its own low). Short liquidations: the larger of the events' sum over the window and the sources' own last totals
    (`Observation` on the liquidations channel: value = USD of shorts liquidated in the source's window, 0 when it was quiet). A window
    longer than 5 minutes over-counts, which can only refuse.
    `armed` says that the liquidations (possibly expired by now) reach the limit, so that bars must be looked at.
    A silent stream is not a dead one: heartbeats keep the reading's receipt young; events do too.
    """

    __slots__ = (
        "_assumed_usd",
        "_at_ns",
        "_due_usd",
        "_heard_ns",
        "_heartbeats",
        "_high_mark",
        "_latest",
        "_limits",
        "_low_mark",
        "_price_since_ns",
        "_sums",
        "_total",
        "armed",
    )

    def __init__(self, limits: AssetLimits | None, assumed_usd: Usd | None) -> None:
        self._limits = limits
        self._sums: deque[tuple[Nanoseconds, Usd]] = deque()
        self._heartbeats: dict[str, Observation] = {}
        self._latest: Observation | Liquidation | None = None
        self._total: Usd = 0
        self._heard_ns: Nanoseconds = 0
        self._price_since_ns: Nanoseconds = 0
        self._at_ns: Nanoseconds = 0
        self._low_mark: Price = 0
        self._high_mark: Price = 0
        self._assumed_usd = assumed_usd
        self._due_usd: Usd = assumed_usd or 0
        self.armed = limits is not None and self._due_usd >= limits.squeeze_liquidations_usd

    def __len__(self) -> int:
        return len(self._sums) + len(self._heartbeats)

    def take_liquidation(self, event: Liquidation) -> None:
        """Count a liquidation: sums are kept per second, so memory is bounded by the window."""
        self._hear(event, event.received_ns)
        if event.liquidated_side is not Side.SHORT:
            return
        second_ns = event.observed_ns // SECOND_NS * SECOND_NS
        if self._sums and second_ns <= self._sums[-1][0]:
            last_ns, usd = self._sums[-1]
            self._sums[-1] = (last_ns, usd + event.notional_usd)
        else:
            self._sums.append((second_ns, event.notional_usd))
        self._total += event.notional_usd
        self._recount(event.received_ns)

    def take_heartbeat(self, reading: Observation) -> None:
        """Take a source's own total; only its newest one counts."""
        self._hear(reading, reading.received_ns)
        self._heartbeats[reading.venue] = reading
        self._recount(reading.received_ns)

    def liquidated_usd(self, now_ns: Nanoseconds) -> Usd:
        """Return the short liquidations of the 5 minutes up to `now_ns`."""
        self._recount(now_ns)
        return self._due_usd

    def _hear(self, event: Observation | Liquidation, received_ns: Nanoseconds) -> None:
        if self._latest is None:
            self._heard_ns = received_ns
        self._latest = event
        self._low_mark = self._high_mark = 0

    def _recount(self, now_ns: Nanoseconds) -> None:
        since_ns = now_ns - WINDOW_NS
        while self._sums and self._sums[0][0] <= since_ns - SECOND_NS:
            self._total -= self._sums.popleft()[1]
        told = sum(reading.value for reading in self._heartbeats.values() if received_at(reading, now_ns) > since_ns)
        assumed = (self._assumed_usd or 0) if self._latest is None else 0
        self._due_usd = max(self._total, told, assumed)
        self.armed = self._limits is not None and self._due_usd >= self._limits.squeeze_liquidations_usd

    def wants(self, bar: Bar) -> bool:
        """Say whether this bar may complete the rise, from a lower bound of the window's low: cheap, and asked of every bar while `armed`."""
        if bar.low < self._low_mark:
            self._mark(bar.low)
        return bar.high >= self._high_mark

    def _mark(self, low: Price) -> None:
        self._low_mark = low
        self._high_mark = price_at_bps(low, self._limits.squeeze_rise_bps) if self._limits is not None else 0

    def look(self, bars: Sequence[Bar], now_ns: Nanoseconds) -> None:
        """Look for a squeeze at the close of a bar: `bars` are those of the last 5 minutes, newest last."""
        if self._limits is None or self.liquidated_usd(now_ns) < self._limits.squeeze_liquidations_usd or not bars:
            return
        low, rise_bps = bars[0].open, 0
        for bar in bars:
            low = min(low, bar.open)
            rise_bps = max(rise_bps, change_bps(bar.high, low))
            low = min(low, bar.low)
            rise_bps = max(rise_bps, change_bps(bar.close, low))
        self._mark(low)
        if rise_bps >= self._limits.squeeze_rise_bps:
            self._at_ns = now_ns

    def start_prices(self, start_ns: Nanoseconds) -> None:
        """Note when the price history begins."""
        self._price_since_ns = start_ns

    def alive(self, asof_ns: Nanoseconds) -> Reading | Missing:
        """Return the short liquidations of the last 5 minutes, with the age of the channel."""
        return self._reading(self.liquidated_usd(asof_ns), asof_ns)

    def squeeze(self, asof_ns: Nanoseconds) -> Reading | Missing:
        """Return the time in ns of the last squeeze, 0 for none; Missing without a channel or with under 5 minutes of history."""
        if self._limits is None:
            return Missing("no squeeze limits for this asset")
        if self._latest is None and self._assumed_usd is not None:
            return Reading(self._at_ns, "assumed", asof_ns, asof_ns)
        if self._latest is not None:
            since_ns = max(self._heard_ns, self._price_since_ns)
            if not self._price_since_ns or asof_ns - since_ns < WINDOW_NS:
                return Missing("under 5 min of liquidation and price history")
        return self._reading(self._at_ns, asof_ns)

    def _reading(self, value: int, asof_ns: Nanoseconds) -> Reading | Missing:
        match self._latest:
            case None:
                if self._assumed_usd is not None:
                    return Reading(value, "assumed", asof_ns, asof_ns)
                return Missing("no liquidation channel heard yet")
            case Observation() as seen:
                return Reading(value, seen.source, seen.observed_ns, received_at(seen, asof_ns), seen.period_ns)
            case Liquidation() as seen:
                return Reading(value, seen.source, seen.observed_ns, seen.received_ns)
