"""Parameters of the triggers, with the values of SPEC §4 as defaults. Sizes, stops and targets are not here: they are `StrategyRules`.

In: the config room fills these from the operator's file. Out: one frozen struct a strategy, judged by `faults`.
"""

from __future__ import annotations

import msgspec

from tidegate.strategy.port import TAPE_REACH_NS
from tidegate.units import MINUTE_NS, ONE, SECOND_NS, Bps, Nanoseconds, Pct, Price, Ratio


class RangeScalpSettings(msgspec.Struct, frozen=True, gc=False):
    """BTC range scalp.

    A reclaim counts up to `reclaim_within_ns` after the flush (equal counts); one that closes back below within `fail_within_ns` (equal
    counts) has failed, and `fails_max` of them stand the touch down. A fail-break closes back between `close_back_from_ns` and
    `close_back_to_ns` after the wick (both count) and makes its lower high within `lower_high_bars` 60 s bars. The short is invalid when
    price holds `invalidation_hold_ns` above `invalidation_price`, stated for an upper band that begins at `invalidation_edge`; for any
    other band the same bps above its low edge.
    """

    reclaim_within_ns: Nanoseconds = 30 * MINUTE_NS
    fail_within_ns: Nanoseconds = 5 * MINUTE_NS
    fails_max: int = 2
    close_back_from_ns: Nanoseconds = 30 * SECOND_NS
    close_back_to_ns: Nanoseconds = 90 * SECOND_NS
    lower_high_bars: int = 5
    invalidation_price: Price = 110_050 * ONE
    invalidation_edge: Price = 109_700 * ONE
    invalidation_hold_ns: Nanoseconds = 60 * SECOND_NS


class FeeFadeSettings(msgspec.Struct, frozen=True, gc=False):
    """SOL fee-shock fade: a shock is a smoothed fee > `shock_ratio` x baseline; the fade needs a fall >= `decay_pct` from the peak within
    `decay_within_ns` (equal counts).
    """

    shock_ratio: Ratio = 3 * ONE
    decay_pct: Pct = 40 * ONE
    decay_within_ns: Nanoseconds = 120 * SECOND_NS
    baseline_ns: Nanoseconds = 10 * MINUTE_NS
    vwap_ns: Nanoseconds = 30 * MINUTE_NS


class CorridorSettings(msgspec.Struct, frozen=True, gc=False):
    """XRP corridor: a dip is a close under the VWAP by >= the larger of `dip_bps` and `range_ratio` x the median 1-min range."""

    dip_bps: Bps = 30 * ONE
    range_ratio: Ratio = 3 * ONE
    vwap_ns: Nanoseconds = 5 * MINUTE_NS
    range_ns: Nanoseconds = 30 * MINUTE_NS


class MirrorSettings(msgspec.Struct, frozen=True, gc=False):
    """ETH mirror: the asset may confirm up to `confirm_within_ns` after the leader's trigger (equal counts), on its extreme of `extreme_ns`."""

    confirm_within_ns: Nanoseconds = 120 * SECOND_NS
    extreme_ns: Nanoseconds = 5 * MINUTE_NS


class StrategySettings(msgspec.Struct, frozen=True, gc=False):
    """The parameters of all strategies."""

    range_scalp: RangeScalpSettings = RangeScalpSettings()
    fee_fade: FeeFadeSettings = FeeFadeSettings()
    corridor: CorridorSettings = CorridorSettings()
    mirror: MirrorSettings = MirrorSettings()

    def faults(self) -> tuple[tuple[str, Nanoseconds], ...]:
        """Return (name, value) of every look-back window the tape cannot serve: it must be > 0 and at most `TAPE_REACH_NS`."""
        windows = (
            ("fee_fade.baseline_ns", self.fee_fade.baseline_ns),
            ("fee_fade.vwap_ns", self.fee_fade.vwap_ns),
            ("corridor.vwap_ns", self.corridor.vwap_ns),
            ("corridor.range_ns", self.corridor.range_ns),
            ("mirror.extreme_ns", self.mirror.extreme_ns),
        )
        return tuple((name, value) for name, value in windows if not 0 < value <= TAPE_REACH_NS)
