"""Limits: every configured bound, as the gate and the kill switch see it. Built by `config`; the gate never sees a file."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.model.intent import Mode, ModeCeiling
from tidegate.model.observation import Channel, Side
from tidegate.units import Bps, Nanoseconds, Pct, Ratio, Usd

_PERP = InstrumentKind.PERP


class AssetLimits(msgspec.Struct, frozen=True, gc=False):
    """Bounds of one asset. A short is refused when the short share is > `short_pct_max` (equal passes)."""

    asset: str
    short_pct_max: Pct
    positioning_kind: str
    spread_bps_max: Bps
    squeeze_rise_bps: Bps
    squeeze_liquidations_usd: Usd


class StaleLimits(msgspec.Struct, frozen=True, gc=False):
    """When a reading is too old: arrival age > `reject_after_ns`, or value age > one publication period + `value_grace_ns`. Equal passes."""

    reject_after_ns: Nanoseconds
    value_grace_ns: Nanoseconds

    def fresh_until_ns(self, received_ns: Nanoseconds, observed_ns: Nanoseconds, period_ns: Nanoseconds) -> Nanoseconds:
        """Return the last instant at which a reading with these times is still fresh. INVARIANT: F2"""
        return min(received_ns + self.reject_after_ns, observed_ns + period_ns + self.value_grace_ns)


class StrategyKind(StrEnum):
    """Who finds the signal: our code, an agent outside, or the arbitrage pair."""

    INTERNAL = "internal"
    EXTERNAL = "external"
    ARBITRAGE = "arbitrage"


class SideRules(msgspec.Struct, frozen=True, gc=False):
    """Defaults of one direction of a strategy. `size_multiplier` is applied once, by `propose`; never to an API amount."""

    size_multiplier: Ratio
    stop_bps: Bps
    targets_bps: tuple[Bps, ...]


class StrategyGuards(msgspec.Struct, frozen=True, gc=False):
    """A strategy's own guards (L2_STRATEGY_GUARD); None means the guard does not exist for it.

    short_pct_max: shorts fail when the share is > it. funding_spread_bps_below: shorts fail when the spread is >= it.
    short_pct_with_falling_depth: shorts of the asset fail when the share is >= it while top-3 depth is falling.
    thin_depth_ratio: depth under this share of its 10-min median widens the stop to `thin_stop_bps`.
    tip_ratio_max: tips over this multiple of their baseline multiply size by `tip_size_multiplier` and widen the stop to `tip_stop_bps`.
    """

    short_pct_max: Pct | None = None
    funding_spread_bps_below: Bps | None = None
    short_pct_with_falling_depth: Pct | None = None
    thin_depth_ratio: Ratio | None = None
    thin_stop_bps: Bps = 0
    tip_ratio_max: Ratio | None = None
    tip_size_multiplier: Ratio = 0
    tip_stop_bps: Bps = 0


class StrategyRules(msgspec.Struct, frozen=True, gc=False):
    """What the gate and the intake know of one strategy. `sides` maps each legal direction to its defaults."""

    key: str
    display_name: str
    kind: StrategyKind
    assets: tuple[str, ...]
    sides: dict[Side, SideRules]
    base_notional_usd: Usd
    entries_per_day_max: int
    cooldown_ns: Nanoseconds
    mode_ceiling: ModeCeiling
    hold_ns: Nanoseconds
    uptick_exit_ns: Nanoseconds
    needs_fees: bool
    guards: StrategyGuards


class AgentRules(msgspec.Struct, frozen=True, gc=False):
    """What one agent may do, whichever strategy it names."""

    name: str
    entries_per_day_max: int
    cooldown_ns: Nanoseconds
    mode_ceiling: ModeCeiling


class ArbitrageRules(msgspec.Struct, frozen=True, gc=False):
    """Bounds of the two-leg arbitrage. The net edge after both venues' fees must be > the minimum; equal fails. Source: SPEC §4.

    `edge_bps_min_between` overrides `edge_bps_min` for named pairs of venues (`coinbase|okx`, names in alphabetical order). `unwind_bps` is
    what getting rid of a single leg may cost. A conversion rate whose age is > `rate_age_ns_max` is stale; equal passes.
    """

    venues: tuple[str, ...]
    edge_bps_min: Bps
    edge_bps_min_between: dict[str, Bps]
    unwind_bps: Bps
    rate_age_ns_max: Nanoseconds

    def edge_bps_min_of(self, venue: str, other: str) -> Bps:
        """Return the least net edge between two venues, whatever their order."""
        return self.edge_bps_min_between.get("|".join(sorted((venue, other))), self.edge_bps_min)


class Limits(msgspec.Struct, frozen=True):
    """Every bound in force in one process. SPEC §2 names the rule and the boundary of each."""

    mode: Mode
    trading_enabled: bool
    capital_usd: Usd
    notional_usd_max: Usd
    stop_bps_max: Bps
    daily_loss_usd_max: Usd
    open_trades_max: int
    exposure_usd_max: Usd
    test_trades_max: int
    price_collar_bps: Bps
    duplicate_window_ns: Nanoseconds
    intents_per_second_max: int
    intents_per_minute_max: int
    loss_resize_multiplier: Ratio
    funding_divergence_bps_max: Bps
    funding_venues: tuple[str, str]
    oi_change_pct_max: Pct
    oi_size_multiplier: Ratio
    squeeze_window_ns: Nanoseconds
    confidence_min: Ratio
    health_factor_min: Ratio
    health_factor_warn_band: Ratio
    health_factor_critical: Ratio
    health_confirm_ns: Nanoseconds
    aave_configured: bool
    entries_per_day_max: int
    loss_streak_max: int
    losses_max: int
    drawdown_usd_max: Usd
    drawdown_confirm_ns: Nanoseconds
    feed_outage_ns: Nanoseconds
    self_lift_ns: Nanoseconds
    clock_step_ns_max: Nanoseconds
    target_weights_pct: tuple[int, ...]
    stale: dict[Channel, StaleLimits]
    assets: dict[str, AssetLimits]
    instruments: dict[str, Instrument]
    strategies: dict[str, StrategyRules]
    agents: dict[str, AgentRules]
    cold_addresses: tuple[str, ...] = ()
    arbitrage: ArbitrageRules | None = None

    def perpetuals(self) -> dict[str, str]:
        """Return asset -> instrument id of the perpetuals that may be traded."""
        return {i.asset: i.instrument_id for i in self.instruments.values() if i.kind is InstrumentKind.PERP}

    def instrument_for(self, asset: str) -> Instrument | None:
        """Return the perpetual of an asset, or None where there is none."""
        for one in reversed(self.instruments.values()):  # of two the last one counts, as in `perpetuals`; every intake asks this
            if one.asset == asset and one.kind is _PERP:
                return one
        return None

    def spot_for(self, asset: str, venue: str) -> Instrument | None:
        """Return the spot instrument of an asset at a venue, or None where there is none."""
        spots = (one for one in self.instruments.values() if one.kind is InstrumentKind.SPOT)
        return next((one for one in spots if one.asset == asset and one.venue == venue), None)
