"""The config's limits: the four layers of the gate, the stale limits and the bounds per asset. Pure.

Values only; `ceilings` holds what each may be at most or at least, and a field's docstring is its description in the editor's schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from tidegate.config.fields import (
    Amount,
    Asset,
    Count,
    Fixed,
    Milliseconds,
    Positive,
    Seconds,
    SecondsOrZero,
    Section,
    Words,
    wrong,
)

FundingVenue = Literal["binance", "okx", "bybit", "hyperliquid"]
_FUNDING_ORDER: tuple[FundingVenue, ...] = ("binance", "okx", "bybit", "hyperliquid")


def _in_order(pair: tuple[FundingVenue, FundingVenue]) -> tuple[FundingVenue, FundingVenue]:
    """Refuse a pair of one venue (it never diverges) and one turned round (it would refuse the shorts that may pass, and pass the others)."""
    if _FUNDING_ORDER.index(pair[0]) >= _FUNDING_ORDER.index(pair[1]):
        raise wrong(
            f"two venues in this order: {', '.join(_FUNDING_ORDER)}", "the other way round would turn the rule's sign"
        )
    return pair


FundingPair = Annotated[tuple[FundingVenue, FundingVenue], AfterValidator(_in_order)]


class GlobalLimits(Section):
    """Layer 1: limits of the account that hold for every trade."""

    notional_usd_max: Positive
    """Largest notional of one trade (equal passes)."""
    stop_bps_max: Positive
    """Widest stop, also after widening (equal passes)."""
    daily_loss_usd_max: Positive
    """Loss of the UTC day, or of the last 24 h, net of fees and funding, at which entries end (equal fails)."""
    loss_resize_multiplier: Amount
    """Size multiplier when an order's stop risk exceeds half of the remaining room."""
    open_trades_max: Count
    """Open plus reserved trades at which no further entry is taken (equal fails)."""
    exposure_usd_max: Positive
    """Largest exposure in PAPER and LIVE: open at mark + reserved + the order (equal passes)."""
    test_exposure_usd_max: Positive
    """Largest exposure in TEST."""
    test_trades_max: Count
    """Trades per TEST session at which no further entry is taken."""
    price_collar_bps: Positive
    """Largest distance of a limit price from the fresh reference price (equal passes)."""
    duplicate_window_s: Seconds
    """Time in which the same intent without an idempotency key counts as sent twice."""
    intents_per_second_max: Count
    """Intents a principal may send per second (equal passes)."""
    intents_per_minute_max: Count
    """Intents a principal may send per minute (equal passes)."""


class TacticalLimits(Section):
    """Layer 2: crowd, funding and open interest. Bounds per asset stand under `assets`."""

    funding_divergence_bps_max: Amount
    """Funding of the first venue minus the second, per 8 h, over which shorts are refused (equal passes)."""
    funding_venues: FundingPair
    """The two venues of the divergence rule, first minus second, in the order binance, okx, bybit, hyperliquid."""
    oi_change_pct_max: Amount
    """24 h open-interest change, in coins, over which size is cut (equal: no cut)."""
    oi_size_multiplier: Amount
    """Size multiplier on an open-interest spike."""
    squeeze_window_s: Seconds
    """How long after a short squeeze shorts stay refused."""
    confidence_min: Amount
    """Lowest stated confidence of an agent that passes."""


class ReadingAges(Section):
    """Arrival age per channel over which a reading is stale (equal passes)."""

    price: Seconds
    """Last trade or mid."""
    book: Seconds
    """Order book."""
    priority_fee: Seconds
    """Solana priority fee."""
    tip: Seconds
    """Jito tips."""
    positioning: Seconds
    """Long/short ratio."""
    open_interest: Seconds
    """Open interest."""
    health_factor: Seconds
    """Aave health factor."""
    funding: Seconds
    """Funding rates."""
    liquidations: Seconds
    """Liquidation stream (a quiet stream is alive while its connection is)."""


class StaleSection(Section):
    """When a reading is too old to judge by."""

    reject_after_s: ReadingAges
    """Arrival age limit per channel."""
    value_grace_s: SecondsOrZero
    """Value age allowed beyond one publication period of the source (5-min series: 300 + 120 = 420 s)."""


class ConditionLimits(Section):
    """Layer 3: market conditions and the pace of trading."""

    health_factor_min: Positive
    """Aave health factor under which entries are refused (equal passes)."""
    health_factor_warn_band: Amount
    """Distance above the minimum in which every entry carries a warning."""
    entries_per_day_max: Count
    """Entries per UTC day at which no further one is taken (equal fails)."""
    loss_streak_max: Count
    """Losing trades in a row that pause entries until an operator review (equal fails)."""
    stale: StaleSection
    """Stale limits of the feeds."""


class HaltConditions(Section):
    """Every halt condition and what it does. The keys are exactly the conditions that some code latches: another is refused, none left out.

    A test holds these keys against the code in both directions. INVARIANT: K6
    """

    L4_SESSION_DRAWDOWN: Literal["halt_and_flatten"]
    """Drawdown of marked session equity, confirmed by a second fresh book."""
    L4_LOSSES: Literal["halt"]
    """Losing trades in the session."""
    L4_HEALTH_FACTOR_CRITICAL: Literal["halt_and_flatten"]
    """Aave health factor, confirmed by a second read."""
    L4_FEED_OUTAGE: Literal["halt"]
    """A mandatory feed past its stale limit for too long; lifts itself."""
    L4_RECONCILE: Literal["halt"]
    """Orders or positions at the venue that nobody can explain, or an order whose outcome is unknown."""
    L4_JOURNAL: Literal["halt"]
    """The journal cannot be written."""
    L4_CLOCK: Literal["halt"]
    """A jump of the clock; lifts itself."""
    L4_OPERATOR: Literal["halt"]
    """The operator pressed halt (flatten closes everything too)."""


class KillLimits(Section):
    """Layer 4: what halts, and what flattens."""

    drawdown_pct_max: Positive
    """Drawdown of marked session equity from its peak, in per cent of the hot wallet, that halts and flattens (equal trips)."""
    drawdown_confirm_s: Seconds
    """Time after which a fresh book must confirm a drawdown before it flattens."""
    losses_max: Count
    """Losing trades in the session that halt (wins do not reset it)."""
    health_factor_critical: Positive
    """Aave health factor under which everything is halted and flattened once confirmed."""
    health_confirm_s: Seconds
    """Time after which a second read must confirm a critical health factor."""
    feed_outage_s: Seconds
    """Time past its stale limit after which a mandatory feed halts the assets concerned."""
    self_lift_s: Seconds
    """Good input needed before a self-lifting halt ends."""
    clock_step_ms_max: Milliseconds
    """Largest jump of the clock."""
    conditions: HaltConditions
    """Every halt condition and its action."""


class LimitsSection(Section):
    """The four layers. Ceilings stand in code: a value here can only be tighter."""

    layer1_global: GlobalLimits
    """Global limits."""
    layer2_tactical: TacticalLimits
    """Tactical guards."""
    layer3_conditions: ConditionLimits
    """Market conditions."""
    layer4_kill_switch: KillLimits
    """Kill switch."""


class AssetSection(Section):
    """Bounds of one asset."""

    short_pct_max: Amount
    """Crowd's short share in per cent over which shorts are refused (equal passes)."""
    positioning_kind: Literal["account_ratio", "taker_volume", "top_position"]
    """Which ratio is meant; a reading of another kind is not used."""
    spread_bps_max: Amount
    """Widest spread at which an entry is taken (equal passes)."""
    squeeze_rise_bps: Positive
    """Rise in 5 minutes that, with the liquidations below, counts as a short squeeze."""
    squeeze_liquidations_usd: Positive
    """Liquidated shorts in the same 5 minutes."""


class PositioningContext(Section):
    """A long/short split seen on the day of the session."""

    long_pct: Amount
    """Long share in per cent."""
    short_pct: Amount
    """Short share in per cent."""


class ContextSection(Section):
    """The market on the day the session was planned: for people and for the pre-flight's arithmetic. The gate never reads it."""

    asof: Words
    """The day described."""
    prices_usd: dict[Asset, Positive]
    """Reference prices for lots, legs and break-even in the pre-flight."""
    positioning: dict[Asset, PositioningContext]
    """Long/short split per asset (the seed names no source)."""
    funding_bps_8h: dict[str, Fixed]
    """Funding per venue, bps per 8 h."""
    open_interest_change_24h_pct: Fixed
    """24 h open-interest change of BTC."""
    aave_health_factor: Positive
    """Health factor of the lending account."""
    shorts_liquidated_usd: Amount
    """Shorts liquidated at the upper band just before the session."""
