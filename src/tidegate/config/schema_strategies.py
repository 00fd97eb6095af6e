"""The config's strategies: five of ours, each with its parameters, and those an agent may name. Pure.

Values only; who proposes when is `strategy`, what is refused is `gate`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tidegate.config.fields import (
    Amount,
    Asset,
    Count,
    Name,
    Positive,
    Seconds,
    SecondsOrZero,
    Section,
    Words,
    ascending,
    wrong,
)
from tidegate.model.intent import ModeCeiling

Targets = Annotated[tuple[Positive, Positive, Positive], AfterValidator(ascending)]


SpotVenue = Literal["coinbase", "okx"]


class SideSection(Section):
    """Defaults of one direction."""

    size_multiplier: Positive
    """Share of the base notional this direction proposes; applied once, never to an amount sent over the API."""
    stop_bps: Positive
    """Stop distance."""
    targets_bps: Targets
    """Scale-out targets, nearest first."""


class BothSides(Section):
    """Defaults of the legal directions; an absent direction may not be traded."""

    long: SideSection | None = None
    """Long entries."""
    short: SideSection | None = None
    """Short entries."""


class LongOnly(Section):
    """Defaults of a strategy that only buys."""

    long: SideSection
    """Long entries."""


class StrategySection(Section):
    """What every strategy has."""

    display_name: Words
    """Name shown to people; requests may use it or the key."""
    assets: Annotated[tuple[Asset, ...], Field(min_length=1)]
    """Assets it may trade."""
    base_notional_usd: Positive
    """Base unit of a trade, before the size multiplier."""
    entries_per_day_max: Count
    """Its own entries per UTC day."""
    cooldown_s: SecondsOrZero
    """Pause between two of its entries."""
    mode_ceiling: ModeCeiling
    """How far it may go: shadow, paper, test or live. Raise it only when the promotion criteria are met."""
    hold_max_s: Seconds
    """Longest time a trade stays open."""


class InternalSection(StrategySection):
    """A strategy of ours: it trades exactly one asset."""

    assets: tuple[Asset]
    """The asset it trades."""


class RangeGuards(Section):
    """Own guards of the BTC range scalp; they can only be tightened."""

    short_pct_max: Amount
    """Shorts fail over this short share in per cent (equal passes)."""
    funding_spread_bps_below: Positive
    """Shorts fail at or over this funding spread."""
    thin_depth_ratio: Positive
    """A book under this share of its 10-min median depth counts as thin."""
    thin_stop_bps: Positive
    """Stop in a thin book."""


class RangeParameters(Section):
    """Triggers of the BTC range scalp."""

    reclaim_window_s: Seconds
    """A flush must be reclaimed within this time."""
    failed_reclaims_max: Count
    """Failed reclaims after which a touch is left alone."""
    failed_reclaims_window_s: Seconds
    """Time in which those failures count."""
    failbreak_min_s: Seconds
    """Earliest close back inside after the break."""
    failbreak_max_s: Seconds
    """Latest close back inside after the break."""
    lower_high_bars: Count
    """Bars within which a lower high must follow."""
    invalidation_hold_s: Seconds
    """Time the price must hold beyond the invalidation."""


class RangeScalp(InternalSection):
    """BTC range scalp: reclaim long at the lower band, fail-break short at the upper one."""

    sides: BothSides
    """Defaults per direction."""
    guards: RangeGuards
    """Own guards."""
    parameters: RangeParameters
    """Triggers."""


class FeeGuards(Section):
    """Own guards of the SOL fade: elevated Jito tips halve it and widen its stop."""

    tip_ratio_max: Positive
    """Tips over this multiple of their baseline are elevated."""
    tip_size_multiplier: Positive
    """Size multiplier while elevated."""
    tip_stop_bps: Positive
    """Stop while elevated."""


class FeeParameters(Section):
    """Triggers of the SOL fade."""

    fee_multiple: Positive
    """Shock: smoothed fee over this multiple of its baseline."""
    baseline_window_s: Seconds
    """Window of the baseline."""
    decay_pct: Positive
    """Decay from the peak in per cent that arms the fade."""
    decay_window_s: Seconds
    """Time in which the decay must come."""
    vwap_window_s: Seconds
    """Window of the VWAP that is faded to."""


class FeeShockFade(InternalSection):
    """SOL priority-fee shock fade."""

    sides: BothSides
    """Defaults per direction."""
    guards: FeeGuards
    """Own guards."""
    parameters: FeeParameters
    """Triggers."""


class CorridorGuards(Section):
    """Own guards of the XRP corridor; they refuse shorts of XRP, whoever asks."""

    short_pct_with_falling_depth: Amount
    """XRP shorts fail at or over this short share while top-3 depth falls."""


class CorridorParameters(Section):
    """Triggers of the XRP corridor."""

    vwap_window_s: Seconds
    """Window of the VWAP the dip is measured from."""
    dip_bps_min: Positive
    """Smallest dip."""
    range_multiple: Positive
    """Or this multiple of the median 1-min range, whichever is larger."""
    range_window_s: Seconds
    """Window of that median."""
    uptick_exit_after_s: Seconds
    """Age from which a trade leaves at the first uptick."""


class Corridor(InternalSection):
    """XRP corridor: buys dips only."""

    sides: LongOnly
    """Defaults of the long side."""
    guards: CorridorGuards
    """Own guards."""
    parameters: CorridorParameters
    """Triggers."""


class MirrorParameters(Section):
    """Triggers of the ETH mirror."""

    confirm_within_s: Seconds
    """ETH may confirm up to this long after BTC's trigger."""
    extreme_window_s: Seconds
    """ETH must make its own extreme over this window."""


class Mirror(InternalSection):
    """ETH mirror of the BTC range scalp."""

    sides: BothSides
    """Defaults per direction."""
    parameters: MirrorParameters
    """Triggers."""


def _two_venues(pair: tuple[SpotVenue, SpotVenue]) -> tuple[SpotVenue, SpotVenue]:
    """Refuse a pair of one venue: there is nothing to arbitrage."""
    if pair[0] == pair[1]:
        raise wrong("two different venues")
    return pair


VenuePair = Annotated[tuple[SpotVenue, SpotVenue], AfterValidator(_two_venues)]


class ArbitrageParameters(Section):
    """Venues, edges and unwinding of the cross-exchange arbitrage."""

    venues: VenuePair
    """The two spot venues, both with inventory."""
    edge_bps_min: Positive
    """Net edge, after both venues' fees, that an entry must exceed."""
    edge_bps_min_coinbase_okx: Positive
    """The same between Coinbase and OKX."""
    unwind_bps: Positive
    """Loss assumed when one leg must be unwound: its stop risk."""
    rate_age_s_max: Seconds
    """Oldest usable rate between USD, USDT and USDC."""


class Arbitrage(StrategySection):
    """Cross-exchange arbitrage: spot on both venues from pre-funded inventory."""

    kind: Literal["arbitrage"]
    """Always `arbitrage`."""
    parameters: ArbitrageParameters
    """Edges and unwinding."""


class External(StrategySection):
    """A strategy that lives outside: an agent finds the signal, these are its defaults."""

    kind: Literal["external"]
    """Always `external`."""
    sides: BothSides
    """Legal directions and their defaults."""


class StrategiesSection(Section):
    """The five strategies, and those of agents."""

    BTC_range_scalp: RangeScalp
    """BTC Range Scalp."""
    SOL_priority_fee_shock_fade: FeeShockFade
    """SOL Fee-Shock Fade."""
    XRP_corridor_guard: Corridor
    """XRP Corridor."""
    ETH_mirror_btc: Mirror
    """ETH Mirror."""
    cross_exchange_arbitrage: Arbitrage
    """Cross-Exchange Arbitrage."""
    external: dict[Name, External]
    """Strategies an agent may name, by key."""


class AgentSection(Section):
    """What one agent may do, whichever strategy it names."""

    entries_per_day_max: Count
    """Its entries per UTC day."""
    cooldown_s: SecondsOrZero
    """Pause between two of its entries."""
    mode_ceiling: ModeCeiling
    """How far it may go."""
