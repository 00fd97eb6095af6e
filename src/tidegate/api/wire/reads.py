"""Read models on the wire: health, performance, session, positions, market, config. All numbers exact, all times UTC, every reading with its age.

In: the desk's views. Out: structs. A fact that is not known is null and says why; it is never zero. INVARIANT: F1 R3
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidegate.api.alerts.alerts import AlertsStatus
from tidegate.api.wire.values import Number, Time, moment, number, seconds, seconds_or_none
from tidegate.api.wire.vital_signs import Activity, Health
from tidegate.engine.session_view import FeedAge, LimitLine, PositionLine, VerdictLine
from tidegate.model.halt import Halt
from tidegate.model.pair import PairTrade
from tidegate.model.snapshot import Band, BookView, Missing, Reading
from tidegate.units import Nanoseconds


class FeedState(msgspec.Struct, frozen=True, gc=False):
    """One feed: arrival age against its limit in seconds; `age_s` null: never heard. `fresh` also judges the value's own age."""

    name: str
    asset: str | None
    age_s: Number | None
    limit_s: Number
    fresh: bool
    source: str


class HaltState(msgspec.Struct, frozen=True):
    """One halt: its cause, since when, what it covers (no asset: all), and who may lift it."""

    cause: str
    since: Time
    detail: str
    assets: tuple[str, ...]
    flattens: bool
    lifts: str


class AlertTarget(msgspec.Struct, frozen=True):
    """One target of alerts, named by number and kind and never by its address; `failures` counts tries in a row."""

    target: str
    waiting: int
    sent: int
    failures: int
    dropped: int


class AlertsState(msgspec.Struct, frozen=True):
    """How alerting stands: off (no address), on, failing (a target does not take them) or unusable; `reason` says why, and what to do."""

    state: str
    reason: str
    targets: tuple[AlertTarget, ...]


class HealthAnswer(msgspec.Struct, frozen=True):
    """How the whole is. `session_pnl` is the UTC day's result in USD, open trades at mark included."""

    status: Health
    uptime_seconds: Number
    active_strategies: int
    risk_gate_status: str
    aave_health_factor: Number | None
    session_pnl: Number
    mode: str
    version: str
    source: str
    time: Time
    strategies_enabled: bool
    open_trades: int
    halts: tuple[HaltState, ...]
    feeds: tuple[FeedState, ...]
    alerts: AlertsState
    journal_seq: int


class StrategyPerformance(msgspec.Struct, frozen=True):
    """One strategy's closed trades. `success_rate` 0 to 1, `avg_execution_time` in ms from decision to first fill; `last_trade` null: none yet."""

    name: str
    key: str
    type: str
    total_trades: int
    total_profit: Number
    success_rate: Number
    avg_execution_time: Number
    last_trade: Time | None
    status: Activity
    sides: tuple[str, ...]
    assets: tuple[str, ...]


class PerformanceAnswer(msgspec.Struct, frozen=True):
    """Closed trades of this journal, net of fees and funding."""

    strategies: tuple[StrategyPerformance, ...]
    total_profit: Number
    total_trades: int
    session_start: Time


class LimitState(msgspec.Struct, frozen=True, gc=False):
    """One limit: `used` of `limit`, what is `left`, and `share` = used / limit."""

    name: str
    used: Number
    limit: Number
    left: Number
    unit: str
    share: Number


class VerdictState(msgspec.Struct, frozen=True):
    """One decision in a line; GET its `decision_id` for all of it."""

    time: Time
    decision_id: str
    principal: str
    strategy: str
    asset: str
    side: str | None
    approved: bool
    code: str | None
    notional_usd: Number
    sentence: str


class SessionAnswer(msgspec.Struct, frozen=True):
    """The trading day: limits with the nearest first, halts, feeds, the last verdicts."""

    mode: str
    time: Time
    state: str
    realised_day_usd: Number
    unrealised_usd: Number
    equity_usd: Number
    aave_health_factor: Number | None
    aave_health_factor_min: Number
    strategies_enabled: bool
    open_trades: int
    trades_closed: int
    intents: int
    approvals: int
    flattening: bool
    residual: str
    halts: tuple[HaltState, ...]
    limits: tuple[LimitState, ...]
    feeds: tuple[FeedState, ...]
    verdicts: tuple[VerdictState, ...]


class PositionState(msgspec.Struct, frozen=True):
    """One open trade, marked at the last known price."""

    trade_id: str
    strategy: str
    asset: str
    side: str
    quantity: Number
    entry_price: Number
    mark_price: Number
    stop_price: Number
    target_prices: tuple[Number, ...]
    time_left_s: Number
    unrealised_usd: Number
    realised_usd: Number


class PairState(msgspec.Struct, frozen=True):
    """One two-leg trade under way; `net_usd` is final only once both legs are even."""

    trade_id: str
    strategy: str
    asset: str
    buy_instrument_id: str
    sell_instrument_id: str
    opened: Time
    quantity: Number
    bought_quantity: Number
    sold_quantity: Number
    net_usd: Number


class PositionsAnswer(msgspec.Struct, frozen=True):
    """What is open."""

    time: Time
    positions: tuple[PositionState, ...]
    pairs: tuple[PairState, ...]
    unrealised_usd: Number
    reserved: int


class Fact(msgspec.Struct, frozen=True):
    """One reading: null with `missing` saying why, or a value with its source and both ages."""

    name: str
    unit: str
    value: Number | None
    source: str
    arrival_age_s: Number | None
    value_age_s: Number | None
    missing: str


class BandState(msgspec.Struct, frozen=True):
    """One liquidation band."""

    low: Number
    high: Number
    source: str


class MarketAnswer(msgspec.Struct, frozen=True):
    """What is known about one asset now."""

    asset: str
    time: Time
    halted: bool
    bid: Number | None
    ask: Number | None
    facts: tuple[Fact, ...]
    lower_band: BandState | None
    upper_band: BandState | None
    low_1h: Number | None
    high_1h: Number | None
    short_pct_max: Number
    spread_bps_max: Number


class ConfigAnswer(msgspec.Struct, frozen=True):
    """What is in force: limits, assets, strategies and agents of this process. Addresses are masked, keys do not exist."""

    mode: str
    version: str
    limits: dict[str, Any]
    assets: dict[str, Any]
    strategies: dict[str, Any]
    agents: dict[str, Any]
    instruments: dict[str, Any]
    cold_addresses: tuple[str, ...]


def feed_state(feed: FeedAge, asset: str | None) -> FeedState:
    """Render one feed's age."""
    return FeedState(feed.name, asset, seconds_or_none(feed.age_ns), seconds(feed.limit_ns), feed.fresh, feed.source)


def alerts_state(status: AlertsStatus) -> AlertsState:
    """Render how alerting stands."""
    targets = tuple(AlertTarget(each.target, each.waiting, each.sent, each.failures, each.dropped) for each in status.targets)
    off = "nobody is told: give an address with tidegate alerts add, then restart the server" if status.state == "off" else ""
    return AlertsState(status.state, status.reason or off, targets)


def pair_state(pair: PairTrade) -> PairState:
    """Render one two-leg trade under way."""
    return PairState(
        pair.trade_id, pair.strategy, pair.asset, pair.buy_instrument_id, pair.sell_instrument_id, moment(pair.opened_ns),
        number(pair.quantity), number(pair.bought_quantity), number(pair.sold_quantity), number(pair.net_usd),
    )  # fmt: skip


def halt_state(halt: Halt) -> HaltState:
    """Render one halt."""
    lifts = "itself, after a while of good input" if halt.self_lifting else "a named human with a reason: tidegate lift, or POST /api/lift"
    return HaltState(str(halt.cause), moment(halt.since_ns), halt.detail, halt.assets, halt.flattens, lifts)


def limit_state(line: LimitLine) -> LimitState:
    """Render one limit with its distance."""
    left = max(0, line.limit - line.used)
    return LimitState(line.name, number(line.used), number(line.limit), number(left), line.unit, number(line.share))


def verdict_state(line: VerdictLine) -> VerdictState:
    """Render one verdict."""
    side = line.way if line.side is not None else None
    return VerdictState(
        moment(line.ts_ns), line.decision_id, line.principal, line.strategy, line.asset, side, line.approved, line.primary or None,
        number(line.notional_usd), line.sentence,
    )  # fmt: skip


def position_state(line: PositionLine) -> PositionState:
    """Render one open trade."""
    return PositionState(
        line.trade_id, line.strategy, line.asset, str(line.side), number(line.quantity), number(line.entry), number(line.mark),
        number(line.stop), tuple(number(each) for each in line.targets), seconds(line.left_ns), number(line.unrealised_usd),
        number(line.realised_usd),
    )  # fmt: skip


def fact(name: str, unit: str, reading: Reading | BookView | Missing | None, now_ns: Nanoseconds) -> Fact:
    """Render one reading; None stands for what is declared not configured."""
    if reading is None:
        return Fact(name, unit, None, "", None, None, "not configured")
    if isinstance(reading, Missing):
        return Fact(name, unit, None, "", None, None, reading.cause)
    value = reading.spread_bps if isinstance(reading, BookView) else reading.value
    return Fact(name, unit, number(value), reading.source, seconds(now_ns - reading.received_ns), seconds(now_ns - reading.observed_ns), "")


def band_state(band: Band | None) -> BandState | None:
    """Render one band, or null."""
    return None if band is None else BandState(number(band.low), number(band.high), band.source)


