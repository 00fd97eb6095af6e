"""Settings: the checked document as the engine uses it.

In: a `Document` and where it came from. Out: `Limits` for a mode, fees and instruments, bands, paper settings and a hash of it all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from tidegate.config.jsonc import Source
from tidegate.config.rules import named_strategies, sides_of
from tidegate.config.schema import Document, Fees
from tidegate.config.schema_strategies import Arbitrage, Corridor, External, FeeShockFade, RangeScalp, StrategySection
from tidegate.matching.settings import PaperSettings
from tidegate.model.catalog import instruments
from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.model.intent import Mode
from tidegate.model.limits import (
    AgentRules,
    ArbitrageRules,
    AssetLimits,
    Limits,
    SideRules,
    StaleLimits,
    StrategyGuards,
    StrategyKind,
    StrategyRules,
)
from tidegate.model.observation import Channel, Side
from tidegate.snapshot.bands import BandSettings, Zone
from tidegate.strategy.settings import (
    CorridorSettings,
    FeeFadeSettings,
    MirrorSettings,
    RangeScalpSettings,
    StrategySettings,
)
from tidegate.units import DAY_NS, ONE


@dataclass(frozen=True, slots=True)
class Settings:
    """One config file, checked. `source` knows the line of every value."""

    place: str
    source: Source
    document: Document

    @property
    def config_hash(self) -> str:
        """Return sha256 over the values, so that comments and layout do not change it. INVARIANT: O1"""
        return hashlib.sha256(self.document.model_dump_json().encode()).hexdigest()

    @property
    def session_name(self) -> str:
        """Return the name of the session."""
        return self.document.session.name

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Return the execution venue's perpetuals of the whitelisted assets by id, with the configured fees."""
        return perpetuals(self.document, self.document.venue.name)

    @property
    def paper(self) -> PaperSettings:
        """Return the simulator's settings."""
        paper = self.document.paper
        spreads = {str(asset): bps for asset, bps in paper.half_spread_bps.items()}
        return PaperSettings(latency_ns=paper.latency_ms, half_spread_bps=spreads, start_cash_usd=paper.start_cash_usd)

    @property
    def bands(self) -> BandSettings:
        """Return the bands: zones marked by hand with their validity, the order of sources, and the zone widths."""
        bands, static = self.document.bands, self.document.bands.static
        return BandSettings(
            lower=Zone(*static.lower.zone_usd),
            upper=Zone(*static.upper.zone_usd),
            lower_extra=static.lower.next_usd,
            upper_extra=static.upper.next_usd,
            set_ns=static.set_at,
            valid_until_ns=static.valid_until if static.valid_until is not None else static.set_at + DAY_NS,
            sources=bands.order,
            lower_zone_bps=bands.range.lower_zone_bps,
            upper_zone_bps=bands.range.upper_zone_bps,
            asset=static.asset,
        )

    @property
    def strategy_settings(self) -> StrategySettings:
        """Return the parameters of the strategies' triggers."""
        return _strategy_settings(self.document)

    def limits(self, mode: Mode, max_trades: int | None = None) -> Limits:
        """Return the limits of one process.

        TEST has its own exposure cap. `max_trades` (command line) can only tighten the day's entries, and in TEST the session's trades.
        INVARIANT: M4 O3
        """
        return limits_of(self.document, mode, max_trades)


def perpetuals(document: Document, venue: str) -> dict[str, Instrument]:
    """Return a venue's perpetuals of the whitelisted assets, in the whitelist's order."""
    listed = [one for one in instruments(venue).values() if one.kind is InstrumentKind.PERP]
    fees = next((found for name, found in document.venue.fees.items() if name == venue), None)
    chosen = [one for asset in document.assets for one in listed if one.asset == asset]
    return {one.instrument_id: _with_fees(one, fees) for one in chosen}


def spots(document: Document) -> dict[str, Instrument]:
    """Return both venues' spot instruments of the arbitrage's assets, in the order of its venues, with the configured fees."""
    pair = document.strategies.cross_exchange_arbitrage
    found: dict[str, Instrument] = {}
    for venue in pair.parameters.venues:
        listed = [one for one in instruments(venue).values() if one.kind is InstrumentKind.SPOT]
        fees = document.venue.spot_fees.get(venue)
        chosen = [one for asset in pair.assets for one in listed if one.asset == asset]
        found.update({one.instrument_id: _with_fees(one, fees) for one in chosen})
    return found


def _with_fees(instrument: Instrument, fees: Fees | None) -> Instrument:
    if fees is None:
        return instrument
    return msgspec.structs.replace(instrument, taker_bps=fees.taker_bps, maker_bps=fees.maker_bps)


def limits_of(document: Document, mode: Mode, max_trades: int | None) -> Limits:
    """Build `Limits` from a document."""
    first, second = document.limits.layer1_global, document.limits.layer2_tactical
    third, fourth = document.limits.layer3_conditions, document.limits.layer4_kill_switch
    return Limits(
        mode=mode,
        trading_enabled=document.trading_enabled,
        capital_usd=document.capital.hot_wallet_usd,
        notional_usd_max=first.notional_usd_max,
        stop_bps_max=first.stop_bps_max,
        daily_loss_usd_max=first.daily_loss_usd_max,
        open_trades_max=first.open_trades_max,
        exposure_usd_max=first.test_exposure_usd_max if mode is Mode.TEST else first.exposure_usd_max,
        test_trades_max=_tightened(first.test_trades_max, max_trades),
        price_collar_bps=first.price_collar_bps,
        duplicate_window_ns=first.duplicate_window_s,
        intents_per_second_max=first.intents_per_second_max,
        intents_per_minute_max=first.intents_per_minute_max,
        loss_resize_multiplier=first.loss_resize_multiplier,
        funding_divergence_bps_max=second.funding_divergence_bps_max,
        funding_venues=(second.funding_venues[0], second.funding_venues[1]),
        oi_change_pct_max=second.oi_change_pct_max,
        oi_size_multiplier=second.oi_size_multiplier,
        squeeze_window_ns=second.squeeze_window_s,
        confidence_min=second.confidence_min,
        health_factor_min=third.health_factor_min,
        health_factor_warn_band=third.health_factor_warn_band,
        health_factor_critical=fourth.health_factor_critical,
        health_confirm_ns=fourth.health_confirm_s,
        aave_configured=document.aave is not None,
        entries_per_day_max=_tightened(third.entries_per_day_max, max_trades),
        loss_streak_max=third.loss_streak_max,
        losses_max=fourth.losses_max,
        drawdown_usd_max=document.drawdown_usd_max,
        drawdown_confirm_ns=fourth.drawdown_confirm_s,
        feed_outage_ns=fourth.feed_outage_s,
        self_lift_ns=fourth.self_lift_s,
        clock_step_ns_max=fourth.clock_step_ms_max,
        target_weights_pct=document.execution.target_weights_pct,
        stale=_stale(document),
        assets=_assets(document),
        instruments={**perpetuals(document, document.venue.name), **spots(document)},
        strategies={key: _strategy(key, section) for key, _, section in named_strategies(document.strategies)},
        agents={
            name: AgentRules(name, agent.entries_per_day_max, agent.cooldown_s, agent.mode_ceiling)
            for name, agent in document.agents.items()
        },
        cold_addresses=document.cold_wallet.addresses,
        arbitrage=_arbitrage(document),
    )


def _strategy_settings(document: Document) -> StrategySettings:
    ours, upper = document.strategies, document.bands.static.upper
    scalp, fade = ours.BTC_range_scalp.parameters, ours.SOL_priority_fee_shock_fade.parameters
    corridor, mirror = ours.XRP_corridor_guard.parameters, ours.ETH_mirror_btc.parameters
    return StrategySettings(
        range_scalp=RangeScalpSettings(
            reclaim_within_ns=scalp.reclaim_window_s,
            fail_within_ns=scalp.failed_reclaims_window_s,
            fails_max=scalp.failed_reclaims_max,
            close_back_from_ns=scalp.failbreak_min_s,
            close_back_to_ns=scalp.failbreak_max_s,
            lower_high_bars=scalp.lower_high_bars,
            invalidation_price=upper.invalidation_usd,
            invalidation_edge=upper.zone_usd[0],
            invalidation_hold_ns=scalp.invalidation_hold_s,
        ),
        fee_fade=FeeFadeSettings(
            shock_ratio=fade.fee_multiple,
            decay_pct=fade.decay_pct,
            decay_within_ns=fade.decay_window_s,
            baseline_ns=fade.baseline_window_s,
            vwap_ns=fade.vwap_window_s,
        ),
        corridor=CorridorSettings(
            dip_bps=corridor.dip_bps_min,
            range_ratio=corridor.range_multiple,
            vwap_ns=corridor.vwap_window_s,
            range_ns=corridor.range_window_s,
        ),
        mirror=MirrorSettings(confirm_within_ns=mirror.confirm_within_s, extreme_ns=mirror.extreme_window_s),
    )


def _tightened(cap: int, max_trades: int | None) -> int:
    return cap if max_trades is None else min(cap, max_trades)


def _arbitrage(document: Document) -> ArbitrageRules:
    parameters = document.strategies.cross_exchange_arbitrage.parameters
    return ArbitrageRules(
        venues=parameters.venues,
        edge_bps_min=parameters.edge_bps_min,
        edge_bps_min_between={"coinbase|okx": parameters.edge_bps_min_coinbase_okx},
        unwind_bps=parameters.unwind_bps,
        rate_age_ns_max=parameters.rate_age_s_max,
    )


def _stale(document: Document) -> dict[Channel, StaleLimits]:
    """Return the bounds of every channel. A conversion rate has no publication period and no grace: its value is as old as it is."""
    stale = document.limits.layer3_conditions.stale
    ages = {channel: getattr(stale.reject_after_s, channel) for channel in Channel if channel is not Channel.RATE}
    rate_ns = document.strategies.cross_exchange_arbitrage.parameters.rate_age_s_max
    return {
        **{channel: StaleLimits(age_ns, stale.value_grace_s) for channel, age_ns in ages.items()},
        Channel.RATE: StaleLimits(rate_ns, rate_ns),
    }


def _assets(document: Document) -> dict[str, AssetLimits]:
    return {
        str(asset): AssetLimits(
            asset=asset,
            short_pct_max=section.short_pct_max,
            positioning_kind=section.positioning_kind,
            spread_bps_max=section.spread_bps_max,
            squeeze_rise_bps=section.squeeze_rise_bps,
            squeeze_liquidations_usd=section.squeeze_liquidations_usd,
        )
        for asset, section in document.assets.items()
    }


def _strategy(key: str, section: StrategySection) -> StrategyRules:
    return StrategyRules(
        key=key,
        display_name=section.display_name,
        kind=_kind(section),
        assets=section.assets,
        sides=_sides(section),
        base_notional_usd=section.base_notional_usd,
        entries_per_day_max=section.entries_per_day_max,
        cooldown_ns=section.cooldown_s,
        mode_ceiling=section.mode_ceiling,
        hold_ns=section.hold_max_s,
        uptick_exit_ns=section.parameters.uptick_exit_after_s if isinstance(section, Corridor) else 0,
        needs_fees=isinstance(section, FeeShockFade),
        guards=_guards(section),
    )


def _kind(section: StrategySection) -> StrategyKind:
    if isinstance(section, External):
        return StrategyKind.EXTERNAL
    return StrategyKind.ARBITRAGE if isinstance(section, Arbitrage) else StrategyKind.INTERNAL


def _sides(section: StrategySection) -> dict[Side, SideRules]:
    """Return the defaults per legal direction. The arbitrage pair is one direction whose stop risk is the cost of unwinding a leg."""
    if isinstance(section, Arbitrage):
        return {Side.LONG: SideRules(size_multiplier=ONE, stop_bps=section.parameters.unwind_bps, targets_bps=())}
    found = sides_of(section)
    named = ((Side.LONG, getattr(found, "long", None)), (Side.SHORT, getattr(found, "short", None)))
    return {
        side: SideRules(rules.size_multiplier, rules.stop_bps, rules.targets_bps)
        for side, rules in named
        if rules is not None
    }


def _guards(section: StrategySection) -> StrategyGuards:
    match section:
        case RangeScalp(guards=guards):
            return StrategyGuards(
                short_pct_max=guards.short_pct_max,
                funding_spread_bps_below=guards.funding_spread_bps_below,
                thin_depth_ratio=guards.thin_depth_ratio,
                thin_stop_bps=guards.thin_stop_bps,
            )
        case FeeShockFade(guards=guards):
            return StrategyGuards(
                tip_ratio_max=guards.tip_ratio_max,
                tip_size_multiplier=guards.tip_size_multiplier,
                tip_stop_bps=guards.tip_stop_bps,
            )
        case Corridor(guards=guards):
            return StrategyGuards(short_pct_with_falling_depth=guards.short_pct_with_falling_depth)
        case _:
            return StrategyGuards()
