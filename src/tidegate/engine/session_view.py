"""One screen's worth of truth: a read model of a running engine, for monitor, API and dashboard alike.

In: an engine and the last verdicts heard. Out: `SessionView`, plain values with their ages and limits; nothing is formatted here and nothing
is changed. Depends on the engine and below only.
"""

from __future__ import annotations

import msgspec

from tidegate.engine.engine import Engine
from tidegate.gate.account import drawdown_usd, worst_pnl_usd
from tidegate.model.halt import Halt
from tidegate.model.limits import Limits
from tidegate.model.observation import Channel, Side
from tidegate.model.pair import PairTrade
from tidegate.model.session import Session
from tidegate.model.snapshot import AssetView, Band, BookView, Missing, Reading
from tidegate.model.trade import Trade
from tidegate.units import HOUR_NS, ONE, Bps, Nanoseconds, Pct, Price, Quantity, Ratio, Usd, price_at_bps

Known = Reading | BookView | Missing | None


class FeedAge(msgspec.Struct, frozen=True):
    """One feed of one asset: arrival age (None: never heard) against its limit. `fresh` also judges the value's own age. INVARIANT: F2"""

    name: str
    age_ns: Nanoseconds | None
    limit_ns: Nanoseconds
    fresh: bool
    source: str


class AssetLine(msgspec.Struct, frozen=True):
    """What one asset looks like now; None where it is not known. `low` and `high` are the edges of the last hour."""

    asset: str
    price: Price | None
    lower: Band | None
    upper: Band | None
    low: Price | None
    high: Price | None
    spread_bps: Bps | None
    spread_bps_max: Bps
    short_pct: Pct | None
    short_pct_max: Pct
    funding_a_bps: Bps | None
    funding_b_bps: Bps | None
    oi_change_pct: Pct | None
    feeds: tuple[FeedAge, ...]
    halted: bool


class LimitLine(msgspec.Struct, frozen=True):
    """One limit with its distance: `used` of `limit` in `unit`, `share` = used / limit."""

    name: str
    used: int
    limit: int
    unit: str
    share: Ratio


class PositionLine(msgspec.Struct, frozen=True):
    """One open trade. `targets` are prices of the legs still ahead; `left_ns` is what remains of its time.

    A pair (`is_pair`) has no stop (0), no targets and no time limit (0): `quantity` is its larger leg, `side` that of its excess, prices are USD.
    """

    trade_id: str
    strategy: str
    asset: str
    side: Side
    quantity: Quantity
    entry: Price
    mark: Price
    stop: Price
    targets: tuple[Price, ...]
    left_ns: Nanoseconds
    unrealised_usd: Usd
    realised_usd: Usd
    is_pair: bool = False


class VerdictLine(msgspec.Struct, frozen=True):
    """One decision as people read it. `sentence` is that of the primary reason, or of the first warning of an approval.

    The `side` of a pair (`is_pair`) says nothing: it buys and sells.
    """

    ts_ns: Nanoseconds
    decision_id: str
    principal: str
    strategy: str
    asset: str
    side: Side | None
    approved: bool
    primary: str
    notional_usd: Usd
    sentence: str
    is_pair: bool = False

    @property
    def way(self) -> str:
        """Return `long`, `short` or `pair`; `?` where the intent is not known."""
        return "pair" if self.is_pair else str(self.side or "?")


class SessionView(msgspec.Struct, frozen=True):
    """Everything on the one screen."""

    mode: str
    now_ns: Nanoseconds
    state: str
    halts: tuple[Halt, ...]
    realised_day_usd: Usd
    unrealised_usd: Usd
    health_factor: Ratio | None
    health_factor_min: Ratio
    health_factor_critical: Ratio
    health_feed: FeedAge | None
    funding_venues: tuple[str, str]
    oi_change_pct_max: Pct
    strategies_enabled: bool
    trades_closed: int
    intents: int
    approvals: int
    flattening: bool
    residual: str
    assets: tuple[AssetLine, ...]
    limits: tuple[LimitLine, ...]
    positions: tuple[PositionLine, ...]
    verdicts: tuple[VerdictLine, ...]

    @property
    def equity_usd(self) -> Usd:
        """Return the day's result so far: booked plus unrealised."""
        return self.realised_day_usd + self.unrealised_usd


def session_view(engine: Engine, verdicts: tuple[VerdictLine, ...] = ()) -> SessionView:
    """Read an engine. Marks are the last known prices, however old; the feeds' ages say how old. INVARIANT: R3"""
    session, limits, now_ns = engine.session, engine.limits, engine.now_ns
    marks = engine.known_prices()
    health = engine.market.health_factor(now_ns)
    run = engine.chronicle.totals.run
    return SessionView(
        mode=str(session.mode),
        now_ns=now_ns,
        state=str(session.state),
        halts=tuple(session.halts.values()),
        realised_day_usd=session.realised_day_usd,
        unrealised_usd=session.unrealised_usd(marks),
        health_factor=_value(health),
        health_factor_min=limits.health_factor_min,
        health_factor_critical=limits.health_factor_critical,
        health_feed=None if health is None else _age("health factor", Channel.HEALTH_FACTOR, health, limits, now_ns),
        funding_venues=limits.funding_venues,
        oi_change_pct_max=limits.oi_change_pct_max,
        strategies_enabled=engine.strategies_enabled,
        trades_closed=run.closed,
        intents=run.intents,
        approvals=run.approvals,
        flattening=session.flattening,
        residual=engine.flattening.residual,
        assets=tuple(_asset_line(engine, asset) for asset in engine.market.assets),
        limits=_limit_lines(session, limits, marks, now_ns),
        positions=(
            *(_position_line(trade, marks[trade.instrument_id], now_ns) for trade in session.trades.values()),
            *(_pair_line(pair, marks) for pair in session.pairs.values()),
        ),
        verdicts=verdicts,
    )


def _asset_line(engine: Engine, asset: str) -> AssetLine:
    limits, now_ns = engine.limits, engine.now_ns
    tape, view, bounds = engine.market.asset(asset), engine.market.view(asset, now_ns), limits.assets.get(asset)
    return AssetLine(
        asset=asset,
        price=_value(view.price),
        lower=tape.lower_band(),
        upper=tape.upper_band(),
        low=tape.low_since(HOUR_NS),
        high=tape.high_since(HOUR_NS),
        spread_bps=view.book.spread_bps if isinstance(view.book, BookView) else None,
        spread_bps_max=bounds.spread_bps_max if bounds is not None else 0,
        short_pct=_value(view.positioning),
        short_pct_max=bounds.short_pct_max if bounds is not None else 0,
        funding_a_bps=_value(view.funding_a),
        funding_b_bps=_value(view.funding_b),
        oi_change_pct=_value(view.open_interest),
        feeds=_feeds(view, limits, now_ns),
        halted=any(halt.covers(asset) for halt in engine.session.halts.values()),
    )


def _feeds(view: AssetView, limits: Limits, now_ns: Nanoseconds) -> tuple[FeedAge, ...]:
    first, second = limits.funding_venues
    named: list[tuple[str, Channel, Known]] = [
        ("price", Channel.PRICE, view.price),
        ("book", Channel.BOOK, view.book),
        ("crowd", Channel.POSITIONING, view.positioning),
        (f"funding {first}", Channel.FUNDING, view.funding_a),
        (f"funding {second}", Channel.FUNDING, view.funding_b),
        ("open interest", Channel.OPEN_INTEREST, view.open_interest),
    ]
    if any(rules.needs_fees and view.asset in rules.assets for rules in limits.strategies.values()):
        named.append(("fees", Channel.PRIORITY_FEE, view.priority_fee))
    return tuple(_age(name, channel, reading, limits, now_ns) for name, channel, reading in named)


def _age(name: str, channel: Channel, reading: Known, limits: Limits, now_ns: Nanoseconds) -> FeedAge:
    bounds = limits.stale[channel]
    if reading is None or isinstance(reading, Missing):
        return FeedAge(name, None, bounds.reject_after_ns, False, "")
    fresh = now_ns <= bounds.fresh_until_ns(reading.received_ns, reading.observed_ns, reading.period_ns)
    return FeedAge(name, now_ns - reading.received_ns, bounds.reject_after_ns, fresh, reading.source)


def _limit_lines(
    session: Session, limits: Limits, marks: dict[str, Price], now_ns: Nanoseconds
) -> tuple[LimitLine, ...]:
    """Return every account limit, the nearest first."""
    loss, drawdown = -worst_pnl_usd(session, marks, now_ns), drawdown_usd(session, marks)
    lines = [
        _limit("drawdown", max(0, drawdown), limits.drawdown_usd_max, "USD"),
        _limit("daily loss", max(0, loss), limits.daily_loss_usd_max, "USD"),
        _limit("exposure", session.exposure_usd(marks), limits.exposure_usd_max, "USD"),
        _limit("open trades", session.open_count * ONE, limits.open_trades_max * ONE, ""),
        _limit(
            "entries today", (session.entries_day + session.entries_pending) * ONE, limits.entries_per_day_max * ONE, ""
        ),
        _limit("loss streak", session.loss_streak * ONE, limits.loss_streak_max * ONE, ""),
        _limit("losses", session.losses * ONE, limits.losses_max * ONE, ""),
    ]
    return tuple(sorted(lines, key=lambda line: -line.share))


def _limit(name: str, used: int, limit: int, unit: str) -> LimitLine:
    return LimitLine(name, used, limit, unit, used * ONE // limit if limit else ONE)


def _position_line(trade: Trade, mark: Price, now_ns: Nanoseconds) -> PositionLine:
    sign = trade.side.sign
    targets = (price_at_bps(trade.entry_price, sign * leg.bps) for leg in trade.targets)
    return PositionLine(
        trade_id=trade.trade_id,
        strategy=trade.strategy,
        asset=trade.asset,
        side=trade.side,
        quantity=trade.open_quantity,
        entry=trade.entry_price,
        mark=mark,
        stop=trade.stop_price,
        targets=tuple(target for target in targets if sign * (target - mark) > 0),
        left_ns=trade.opened_ns + trade.hold_ns - now_ns,
        unrealised_usd=trade.unrealised_usd(mark),
        realised_usd=trade.realised_usd,
    )


def _pair_line(pair: PairTrade, marks: dict[str, Price]) -> PositionLine:
    return PositionLine(
        trade_id=pair.trade_id,
        strategy=pair.strategy,
        asset=pair.asset,
        side=Side.SHORT if pair.excess < 0 else Side.LONG,
        quantity=max(pair.bought_quantity, pair.sold_quantity),
        entry=pair.average_price,
        mark=marks[pair.excess_instrument_id or pair.buy_instrument_id],
        stop=0,
        targets=(),
        left_ns=0,
        unrealised_usd=pair.unrealised_usd(marks),
        realised_usd=-pair.fees_usd,
        is_pair=True,
    )


def _value(reading: Reading | Missing | None) -> int | None:
    return reading.value if isinstance(reading, Reading) else None
