"""BTC range scalp: take the reclaim after a flush of the lower band; sell the fail-break of the upper band.

In: the BTC tape. Out: a long or a short proposal. Source: SPEC §4; the seed's checklist 3 and 4.

Long. A *touch* begins when a bar trades under the lower zone's high edge after a close at or above it (the flush); the zone is frozen there.
A bar that closes above the edge with positive delta reclaims it: one proposal, and no other before a bar has closed back below. Closing
back below is a new flush of the same touch (the 30 min start again); within 5 min of the reclaim it also counts as a failure, and after
two failures the touch is stood down. The touch ends when a bar closes above the zone by more than the zone's height, or, unless stood
down, when 30 min pass without a reclaim.

Short. The *wick* is the first bar that trades above the upper zone's low edge after a close at or below it; the zone is frozen there and
the wick's time is that bar's end. A 60 s bar must close under the edge 30 to 90 s later. Then, within five 60 s bars, a lower high: a 60 s
bar whose high stays under the highest price since the wick and which closes under the edge and under the 60 s close before it (the
bounce, if there was one, has failed). A bar that reaches that highest price again ends the attempt.
"""

from __future__ import annotations

import msgspec

from tidegate.model.intent import Invalidation, Proposal
from tidegate.model.observation import Bar, Side
from tidegate.model.snapshot import Band
from tidegate.strategy.ask import Asker
from tidegate.strategy.port import Tape
from tidegate.strategy.settings import RangeScalpSettings
from tidegate.units import SECOND_NS, Nanoseconds, Price, render


class Touch(msgspec.Struct, frozen=True, gc=False):
    """The life of one touch of the lower band. `reclaimed_ns` is 0 while price is flushed."""

    band: Band
    flushed_ns: Nanoseconds
    reclaimed_ns: Nanoseconds = 0
    failures: int = 0
    stood_down: bool = False


class Wick(msgspec.Struct, frozen=True, gc=False):
    """The life of one wick over the upper band. `closed_ns` is 0 until a 60 s bar closed back; `last_close` is the 60 s close before."""

    band: Band
    wick_ns: Nanoseconds
    high: Price
    closed_ns: Nanoseconds = 0
    last_close: Price = 0
    minutes: int = 0


class RangeScalpState(msgspec.Struct, frozen=True, gc=False):
    """What the strategy remembers: at most one touch and one wick."""

    touch: Touch | None = None
    wick: Wick | None = None


IDLE = RangeScalpState()


class RangeScalp:
    """The strategy. Holds parameters only; its memory is the state passed in."""

    __slots__ = ("_ask", "_settings", "asset", "key")

    def __init__(self, ask: Asker, settings: RangeScalpSettings) -> None:
        self._ask = ask
        self._settings = settings
        self.key = ask.rules.key
        self.asset = ask.asset

    def initial(self) -> RangeScalpState:
        """Return the idle state."""
        return IDLE

    def step(
        self, state: RangeScalpState, tape: Tape, peer: Proposal | None
    ) -> tuple[RangeScalpState, Proposal | None]:
        """Look at one closed 30 s bar."""
        bar, previous = tape.bar, tape.previous
        if bar is None or previous is None:
            return state, None
        lower, upper = tape.lower_band(), tape.upper_band()
        if state is IDLE and (lower is None or bar.low >= lower.high) and (upper is None or bar.high <= upper.low):
            return state, None
        touch, long = self._follow_touch(state.touch, bar, previous, lower)
        wick, short = self._follow_wick(state.wick, bar, previous, upper, tape.minute)
        if touch is not state.touch or wick is not state.wick:
            state = RangeScalpState(touch, wick) if touch is not None or wick is not None else IDLE
        return state, long or short

    # Long: flush and reclaim

    def _follow_touch(
        self, touch: Touch | None, bar: Bar, previous: Bar, lower: Band | None
    ) -> tuple[Touch | None, Proposal | None]:
        if touch is None:
            if lower is None or bar.low >= lower.high or previous.close < lower.high:
                return None, None
            touch = Touch(lower, bar.end_ns)
        if touch.stood_down:
            return (None if _left(touch.band, bar.close) else touch), None
        touch, proposal = self._after_reclaim(touch, bar) if touch.reclaimed_ns else self._after_flush(touch, bar)
        return (None if _left(touch.band, bar.close) or self._expired(touch, bar) else touch), proposal

    def _after_flush(self, touch: Touch, bar: Bar) -> tuple[Touch, Proposal | None]:
        if (
            bar.close <= touch.band.high
            or bar.delta <= 0
            or bar.end_ns - touch.flushed_ns > self._settings.reclaim_within_ns
        ):
            return touch, None
        waited_s = (bar.end_ns - touch.flushed_ns) // SECOND_NS
        evidence = (
            f"flush below {render(touch.band.high)} (band {_named(touch.band)}), reclaimed after {waited_s} s: "
            f"30 s bar closed {render(bar.close)} with delta +{render(bar.delta)} {self.asset}"
        )
        reclaimed = Touch(touch.band, touch.flushed_ns, bar.end_ns, touch.failures)
        return reclaimed, self._ask.propose(Side.LONG, evidence)

    def _after_reclaim(self, touch: Touch, bar: Bar) -> tuple[Touch, Proposal | None]:
        if bar.close >= touch.band.high:
            return touch, None
        failed = bar.end_ns - touch.reclaimed_ns <= self._settings.fail_within_ns
        failures = touch.failures + 1 if failed else touch.failures
        return Touch(touch.band, bar.end_ns, 0, failures, failures >= self._settings.fails_max), None

    def _expired(self, touch: Touch, bar: Bar) -> bool:
        waited_ns = bar.end_ns - touch.flushed_ns
        return not touch.stood_down and not touch.reclaimed_ns and waited_ns >= self._settings.reclaim_within_ns

    # Short: wick, close back, lower high

    def _follow_wick(
        self, wick: Wick | None, bar: Bar, previous: Bar, upper: Band | None, minute: Bar | None
    ) -> tuple[Wick | None, Proposal | None]:
        if wick is not None:
            wick, proposal = (
                self._after_close_back(wick, bar, minute) if wick.closed_ns else self._after_wick(wick, bar, minute)
            )
            if wick is not None or proposal is not None:
                return wick, proposal
        if upper is None or bar.high <= upper.low or previous.close > upper.low:
            return None, None
        return Wick(upper, bar.end_ns, bar.high), None

    def _after_wick(self, wick: Wick, bar: Bar, minute: Bar | None) -> tuple[Wick | None, None]:
        waited_ns = bar.end_ns - wick.wick_ns
        high = max(wick.high, bar.high)
        if minute is not None and minute.close < wick.band.low and waited_ns >= self._settings.close_back_from_ns:
            in_time = waited_ns <= self._settings.close_back_to_ns
            return (Wick(wick.band, wick.wick_ns, high, bar.end_ns, minute.close) if in_time else None), None
        if waited_ns >= self._settings.close_back_to_ns:
            return None, None
        return (wick if high == wick.high else Wick(wick.band, wick.wick_ns, high)), None

    def _after_close_back(self, wick: Wick, bar: Bar, minute: Bar | None) -> tuple[Wick | None, Proposal | None]:
        if bar.high >= wick.high:
            return None, None
        if minute is None:
            return wick, None
        minutes = wick.minutes + 1
        if minute.close < wick.band.low and minute.close < wick.last_close:
            return None, self._propose_short(wick, minute, minutes)
        if minutes >= self._settings.lower_high_bars:
            return None, None
        return Wick(wick.band, wick.wick_ns, wick.high, wick.closed_ns, minute.close, minutes), None

    def _propose_short(self, wick: Wick, minute: Bar, minutes: int) -> Proposal | None:
        settings, edge = self._settings, wick.band.low
        invalid = edge * settings.invalidation_price // settings.invalidation_edge
        closed_s = (wick.closed_ns - wick.wick_ns) // SECOND_NS
        evidence = (
            f"wick to {render(wick.high)} over {render(edge)} (band {_named(wick.band)}), 60 s bar closed back after {closed_s} s, "
            f"lower high {render(minute.high)} and close {render(minute.close)} in bar {minutes}"
        )
        return self._ask.propose(Side.SHORT, evidence, Invalidation(invalid, True, settings.invalidation_hold_ns))


def _left(band: Band, close: Price) -> bool:
    """Say whether a close is above the zone by more than the zone's height."""
    return close > band.high + (band.high - band.low)


def _named(band: Band) -> str:
    return f"{band.source} {render(band.low)}-{render(band.high)}"
