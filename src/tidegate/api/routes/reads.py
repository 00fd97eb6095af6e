"""The reading routes: health, performance, session, positions, market, config. They look at the engine between its turns and change nothing.

In: admitted requests. Out: read models as JSON.
"""

from __future__ import annotations

import time

from tidegate import __version__
from tidegate.api.endpoint import Answer, Call
from tidegate.api.errors import NOT_FOUND, ApiError
from tidegate.api.metrics import CONTENT_TYPE
from tidegate.api.wire.reads import (
    FeedState,
    HealthAnswer,
    MarketAnswer,
    PerformanceAnswer,
    PositionsAnswer,
    SessionAnswer,
    StrategyPerformance,
    alerts_state,
    band_state,
    fact,
    feed_state,
    halt_state,
    limit_state,
    pair_state,
    position_state,
    verdict_state,
)
from tidegate.api.wire.values import moment, moment_or_none, number, number_or_none, real_number
from tidegate.api.wire.vital_signs import active_strategies, activity_of, health_of
from tidegate.engine.desk import Desk
from tidegate.engine.session_view import SessionView
from tidegate.model.limits import StrategyKind, StrategyRules
from tidegate.model.snapshot import BookView
from tidegate.session.totals import Tally
from tidegate.units import HOUR_NS, MS_NS, ONE

_SHOWN_ADDRESS_CHARS = 6


async def health(call: Call) -> Answer:
    """Say how the whole is."""
    desk, view = call.desk, call.desk.view()
    engine = desk.engine
    return Answer(
        200,
        HealthAnswer(
            status=health_of(engine, view),
            uptime_seconds=real_number(time.monotonic() - desk.started_monotonic_s),
            active_strategies=active_strategies(engine),
            risk_gate_status=view.state.lower(),
            aave_health_factor=number_or_none(view.health_factor),
            session_pnl=number(view.equity_usd),
            mode=view.mode,
            version=__version__,
            source=desk.source,
            time=moment(view.now_ns),
            strategies_enabled=view.strategies_enabled,
            open_trades=engine.session.open_count,
            halts=tuple(halt_state(halt) for halt in view.halts),
            feeds=_feeds(view),
            alerts=alerts_state(call.alerts()),
            journal_seq=desk.durable_seq,
        ),
    )


async def performance(call: Call) -> Answer:
    """Say what every configured strategy has made."""
    desk, engine = call.desk, call.desk.engine
    totals = engine.chronicle.totals
    lines = tuple(_performance(desk, rules, totals.by_strategy.get(key, Tally())) for key, rules in engine.limits.strategies.items())
    return Answer(200, PerformanceAnswer(lines, number(totals.run.closed_net_usd), totals.run.closed, moment(desk.started_ns)))


def _performance(desk: Desk, rules: StrategyRules, tally: Tally) -> StrategyPerformance:
    times = desk.closed.by_strategy.get(rules.key)
    return StrategyPerformance(
        name=rules.display_name,
        key=rules.key,
        type=str(rules.kind),
        total_trades=tally.closed,
        total_profit=number(tally.closed_net_usd),
        success_rate=number(tally.wins * ONE // tally.closed if tally.closed else 0),
        avg_execution_time=number(times.mean_execution_ns * ONE // MS_NS if times is not None else 0),
        last_trade=moment_or_none(times.last_closed_ns if times is not None else 0),
        status=activity_of(desk.engine, rules),
        sides=("auto",) if rules.kind is StrategyKind.ARBITRAGE else tuple(str(side) for side in rules.sides),
        assets=rules.assets,
    )


async def session(call: Call) -> Answer:
    """Show the trading day: limits, halts, feeds and verdicts."""
    view, engine = call.desk.view(), call.desk.engine
    return Answer(
        200,
        SessionAnswer(
            mode=view.mode,
            time=moment(view.now_ns),
            state=view.state,
            realised_day_usd=number(view.realised_day_usd),
            unrealised_usd=number(view.unrealised_usd),
            equity_usd=number(view.equity_usd),
            aave_health_factor=number_or_none(view.health_factor),
            aave_health_factor_min=number(view.health_factor_min),
            strategies_enabled=view.strategies_enabled,
            open_trades=engine.session.open_count,
            trades_closed=view.trades_closed,
            intents=view.intents,
            approvals=view.approvals,
            flattening=view.flattening,
            residual=view.residual,
            halts=tuple(halt_state(halt) for halt in view.halts),
            limits=tuple(limit_state(line) for line in view.limits),
            feeds=_feeds(view),
            verdicts=tuple(verdict_state(line) for line in view.verdicts),
        ),
    )


async def positions(call: Call) -> Answer:
    """Show what is open, with stops, targets and the time left."""
    view, engine = call.desk.view(), call.desk.engine
    return Answer(
        200,
        PositionsAnswer(
            moment(view.now_ns),
            tuple(position_state(line) for line in view.positions),
            tuple(pair_state(pair) for pair in engine.session.pairs.values()),
            number(view.unrealised_usd),
            engine.session.entries_pending,
        ),
    )


async def market(call: Call) -> Answer:
    """Show what is known about one asset, each reading with its source and ages. Raises ApiError 404."""
    engine = call.desk.engine
    asset, now_ns = call.path_values["asset"].upper(), engine.now_ns
    if asset not in engine.market.assets:
        raise ApiError(NOT_FOUND, f"this asset is not known here; known are {', '.join(engine.market.assets)}")
    view, tape, bounds = engine.market.view(asset, now_ns), engine.market.asset(asset), engine.limits.assets.get(asset)
    first, second = engine.limits.funding_venues
    book = view.book if isinstance(view.book, BookView) else None
    return Answer(
        200,
        MarketAnswer(
            asset=asset,
            time=moment(now_ns),
            halted=any(halt.covers(asset) for halt in engine.session.halts.values()),
            bid=number(book.bid) if book is not None else None,
            ask=number(book.ask) if book is not None else None,
            facts=(
                fact("price", "USD", view.price, now_ns),
                fact("spread", "bps", view.book, now_ns),
                fact(f"shorts ({view.positioning_kind or 'unknown kind'})", "%", view.positioning, now_ns),
                fact(f"funding {first}", "bps/8h", view.funding_a, now_ns),
                fact(f"funding {second}", "bps/8h", view.funding_b, now_ns),
                fact("open interest 24 h", "%", view.open_interest, now_ns),
                fact("last short squeeze", "s since 1970", view.squeeze, now_ns),
                fact("priority fee", "micro-lamports/CU", view.priority_fee, now_ns),
                fact("tip over baseline", "x", view.tip_ratio, now_ns),
                fact("aave health factor", "", engine.market.health_factor(now_ns), now_ns),
            ),
            lower_band=band_state(tape.lower_band()),
            upper_band=band_state(tape.upper_band()),
            low_1h=number_or_none(tape.low_since(HOUR_NS)),
            high_1h=number_or_none(tape.high_since(HOUR_NS)),
            short_pct_max=number(bounds.short_pct_max if bounds is not None else 0),
            spread_bps_max=number(bounds.spread_bps_max if bounds is not None else 0),
        ),
    )


def _feeds(view: SessionView) -> tuple[FeedState, ...]:
    feeds = [feed_state(feed, line.asset) for line in view.assets for feed in line.feeds]
    return (*feeds, feed_state(view.health_feed, None)) if view.health_feed is not None else tuple(feeds)


async def metrics(call: Call) -> Answer:
    """Show the meters in Prometheus' text form."""
    return Answer(200, call.metrics.text(), content_type=CONTENT_TYPE)
