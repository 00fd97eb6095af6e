"""The config document: every section the operator's file has. Pure.

In: the tree that `jsonc` read. Out: a frozen `Document` of exact integers (`fields`), or pydantic's list of what is wrong, which `problems`
turns into the house's errors. The JSON Schema for editors is generated from here (`tidegate show-config --schema`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool

from tidegate.config.fields import (
    AaveAddress,
    Amount,
    Asset,
    ColdAddress,
    Count,
    Instant,
    Milliseconds,
    Name,
    Positive,
    Seconds,
    Section,
    Words,
    wrong,
)
from tidegate.config.schema_limits import AssetSection, ContextSection, LimitsSection
from tidegate.config.schema_strategies import AgentSection, SpotVenue, StrategiesSection
from tidegate.units import ONE


def _hundred(values: tuple[int, ...]) -> tuple[int, ...]:
    if sum(values) != 100:
        raise wrong("whole per cents that sum to 100", f"these sum to {sum(values)}")
    return values


def _zone(values: tuple[int, int]) -> tuple[int, int]:
    if values[0] >= values[1]:
        raise wrong("a zone as [low, high], low < high")
    return values


Weights = Annotated[tuple[Count, Count, Count], AfterValidator(_hundred)]
Zone = Annotated[tuple[Positive, Positive], AfterValidator(_zone)]
BandSource = Literal["static", "liquidations", "coinglass", "range"]


class Bias(Section):
    """One path the day may take."""

    weight_pct: Count
    """Weight in per cent; all weights sum to 100."""
    name: Words
    """Short name."""
    expects: Words
    """What would be seen."""


class SessionSection(Section):
    """What this session is about: words for people."""

    name: Words
    """Name of the session."""
    regime: Words
    """Regime in a few words."""
    thesis: tuple[Words, ...]
    """Why trade it."""
    reading_rules: tuple[Words, ...]
    """How to read crowd, funding, open interest and range."""
    bias: tuple[Bias, ...]
    """Weighted paths."""


class BaseRange(Section):
    """The range a base notional may have."""

    min: Positive
    """Smallest base unit."""
    max: Positive
    """Largest base unit."""


class CapitalSection(Section):
    """The money and the rules about it."""

    hot_wallet_usd: Positive
    """What is traded with; drawdown and position share are measured on it."""
    cold_wallet_usd: Amount
    """What lies on the Ledger: display only, read-only for ever."""
    position_pct_max: Positive
    """Largest position in per cent of the hot wallet."""
    base_notional_usd: BaseRange
    """Range of the base unit of every strategy."""
    profit_goal_usd: Zone
    """Monthly goal of the production phase, which the pre-flight checks with arithmetic."""
    rules: tuple[Words, ...]
    """The capital rules in words, printed by the pre-flight."""


class ExecutionSection(Section):
    """How approved trades are left."""

    target_weights_pct: Weights
    """Scale-out shares of targets 1 to 3."""


class LowerBand(Section):
    """A band to buy in once it has been swept and reclaimed."""

    zone_usd: Zone
    """Entry zone."""
    next_usd: tuple[Positive, ...]
    """Levels beyond, nearest first."""


class UpperBand(Section):
    """A band to sell in after a confirmed fail-break."""

    zone_usd: Zone
    """Entry zone."""
    next_usd: tuple[Positive, ...]
    """Levels beyond, nearest first."""
    invalidation_usd: Positive
    """A short is wrong when price holds over this."""


class StaticBands(Section):
    """Bands marked by hand, for one day."""

    asset: Asset
    """The asset they belong to."""
    set_at: Instant
    """When they were marked, UTC."""
    valid_until: Instant | None = None
    """When they end, UTC; 24 h after they were marked unless given."""
    mid_usd: Positive
    """Middle of the range."""
    lower: LowerBand
    """The band under the market."""
    upper: UpperBand
    """The band over the market."""


class RangeBands(Section):
    """Bands taken from the 24 h extreme without its last 60 minutes, frozen at the touch."""

    lower_zone_bps: Positive
    """Width of the lower zone."""
    upper_zone_bps: Positive
    """Width of the upper zone."""


class BandsSection(Section):
    """Where the liquidation bands come from: the first valid source is used and named."""

    order: Annotated[tuple[BandSource, ...], Field(min_length=1)]
    """Sources in order of preference."""
    static: StaticBands
    """Marked by hand."""
    range: RangeBands
    """From the 24 h extreme."""


class AaveSection(Section):
    """The lending account whose health factor the gate demands."""

    network: Literal["ethereum", "arbitrum", "base", "optimism", "polygon", "avalanche"]
    """Network of the Aave v3 pool."""
    address: AaveAddress
    """Public address, or `env:NAME`."""


class ColdWalletSection(Section):
    """The Ledger: a denylist, nothing else."""

    addresses: tuple[ColdAddress, ...]
    """Public addresses (or xpub/ypub/zpub) that no intent, account or address may touch."""


class Fees(Section):
    """Fees of one venue: never under the documented default, because a fee stated too low loosens costs and risk."""

    taker_bps: Amount
    """Fee of an order that takes."""
    maker_bps: Amount
    """Fee of an order that rests."""


class VenueSection(Section):
    """Where approved orders go."""

    name: Literal["okx"]
    """The execution venue; lots and minimums are its own."""
    fees: dict[Literal["okx", "binanceusdm", "bybit"], Fees]
    """Perpetual fees per venue; the execution venue must be among them."""
    spot_fees: dict[SpotVenue, Fees]
    """Spot fees per venue; both venues of the arbitrage must be among them."""


class PaperSection(Section):
    """The matching simulator."""

    latency_ms: Milliseconds
    """Time from sending an order, amendment or cancel to its arrival."""
    half_spread_bps: dict[Asset, Positive]
    """Half spread assumed where a tape has no book."""
    start_cash_usd: Positive
    """Cash the simulator starts with (display)."""


class MonitoringSection(Section):
    """How often each slow fact is asked for."""

    positioning_s: Seconds
    """Long/short ratio."""
    funding_s: Seconds
    """Funding rates."""
    open_interest_s: Seconds
    """Open interest."""
    health_factor_s: Seconds
    """Aave health factor."""


class ChecklistSection(Section):
    """What the operator goes through before and during a session."""

    session: tuple[Words, ...]
    """The seven points of the plan."""
    before_each_session: tuple[Words, ...]
    """Before each session."""


class Phase(Section):
    """One phase of the roll-out with its success criteria."""

    name: Words
    """Name."""
    duration: Words
    """When."""
    capital_usd: Positive
    """Capital at work."""
    success: tuple[Words, ...]
    """What must be true to go on."""


class Document(Section):
    """The operator's limits, strategies and plan."""

    schema_file: str = Field(default="", alias="$schema")
    """The schema an editor checks this file with."""
    trading_enabled: StrictBool
    """False refuses every entry; exits stay open."""
    session: SessionSection
    """What this session is about."""
    market_context: ContextSection
    """The market on that day."""
    capital: CapitalSection
    """The money."""
    limits: LimitsSection
    """The four layers."""
    assets: dict[Asset, AssetSection]
    """Bounds per asset; the whitelist."""
    execution: ExecutionSection
    """How trades are left."""
    strategies: StrategiesSection
    """Who proposes."""
    agents: dict[Name, AgentSection]
    """Agents outside."""
    bands: BandsSection
    """Liquidation bands."""
    venue: VenueSection
    """Where orders go."""
    paper: PaperSection
    """The simulator."""
    aave: AaveSection | None
    """The lending account, or null when there is none."""
    cold_wallet: ColdWalletSection
    """The Ledger."""
    monitoring: MonitoringSection
    """Cadence."""
    checklist: ChecklistSection
    """For the operator."""
    phases: tuple[Phase, ...]
    """The roll-out."""

    @property
    def drawdown_usd_max(self) -> int:
        """Return the drawdown limit in USD: per cent of the hot wallet, rounded down (19.92 on 1,660 at 1.2 %)."""
        return self.capital.hot_wallet_usd * self.limits.layer4_kill_switch.drawdown_pct_max // (100 * ONE)
