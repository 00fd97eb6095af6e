"""Snapshots on the stream: what is true now, as opposed to what happened. They carry no seq and are never replayed.

In: a running desk. Out: the content of `connected`, `tick` and `stats_update`. Nothing here is stored or decided. Like every read of the API
a snapshot looks between the engine's turns, and may show what is still on its way to the disk: it acknowledges nothing. What has a seq does.
"""

from __future__ import annotations

from tidegate.api.stream.frames import Content
from tidegate.api.wire.reads import limit_state, pair_state, position_state
from tidegate.api.wire.values import moment, number, number_or_none
from tidegate.api.wire.vital_signs import active_strategies, health_of
from tidegate.engine.desk import Desk
from tidegate.engine.session_view import AssetLine, SessionView


def connected_content(desk: Desk, journal: str, cursor: int) -> Content:
    """Return the greeting. `seq` is the journal's newest record, `resumed_after` where this connection's stream goes on from."""
    engine = desk.engine
    return {
        "session_start": moment(desk.started_ns),
        "active_strategies": active_strategies(engine),
        "status": health_of(engine, desk.view()),
        "journal": journal,
        "seq": desk.durable_seq,
        "resumed_after": cursor,
        "mode": engine.limits.mode,
        "timestamp": moment(engine.now_ns),
        "trusted": True,
    }


def stats_content(desk: Desk) -> Content:
    """Return the session's figures; `total_trades` are open and closed ones; what is not known is null.

    `session_pnl_usd` is the UTC day's result at mark, as `session_pnl` of the health route; `oi_change_24h_pct` is that of BTC.
    """
    view, session = desk.view(), desk.engine.session
    open_interest = next((line.oi_change_pct for line in view.assets if line.asset == "BTC"), None)
    return {
        "session_pnl_usd": number(view.equity_usd),
        "realised_usd": number(view.realised_day_usd),
        "unrealised_usd": number(view.unrealised_usd),
        "consecutive_losses": session.loss_streak,
        "losses": session.losses,
        "open_trades": session.open_count,
        "closed_trades": view.trades_closed,
        "total_trades": session.open_count + view.trades_closed,
        "entries_today": session.entries_day,
        "intents": view.intents,
        "approvals": view.approvals,
        "aave_health_factor": number_or_none(view.health_factor),
        "oi_change_24h_pct": number_or_none(open_interest),
        "state": view.state,
        "halts": [halt.key for halt in view.halts],
        "mode": view.mode,
        "seq": desk.durable_seq,
        "timestamp": moment(view.now_ns),
    }


def tick_content(desk: Desk, view: SessionView) -> Content:
    """Return the market and the session as they are now; what is not known is null."""
    return {
        "timestamp": moment(view.now_ns),
        "state": view.state,
        "session_pnl_usd": number(view.equity_usd),
        "realised_usd": number(view.realised_day_usd),
        "unrealised_usd": number(view.unrealised_usd),
        "aave_health_factor": number_or_none(view.health_factor),
        "flattening": view.flattening,
        "strategies_enabled": view.strategies_enabled,
        "assets": [_asset(line) for line in view.assets],
        "positions": [position_state(line) for line in view.positions],
        "pairs": [pair_state(pair) for pair in desk.engine.session.pairs.values()],
        "limits": [limit_state(line) for line in view.limits],
    }


def _asset(line: AssetLine) -> Content:
    return {
        "asset": line.asset,
        "price": number_or_none(line.price),
        "spread_bps": number_or_none(line.spread_bps),
        "short_pct": number_or_none(line.short_pct),
        "funding_a_bps": number_or_none(line.funding_a_bps),
        "funding_b_bps": number_or_none(line.funding_b_bps),
        "oi_change_24h_pct": number_or_none(line.oi_change_pct),
        "halted": line.halted,
        "stale": [feed.name for feed in line.feeds if not feed.fresh],
    }
