"""Vital signs: is it well, and who may trade now. The same answers for health, performance, the stream's greeting and the metrics.

In: a running engine. Out: words and counts. A read model: nothing is decided here.
"""

from __future__ import annotations

from enum import StrEnum

from tidegate.engine.engine import Engine
from tidegate.engine.session_view import SessionView
from tidegate.model.halt import TradingState
from tidegate.model.limits import StrategyKind, StrategyRules


class Health(StrEnum):
    """How the whole is: DEGRADED trades on, but a feed is stale, an asset is halted or the journal has failed."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    HALTED = "halted"


class Activity(StrEnum):
    """What one strategy does now. RUNNING looks for its own signals, READY waits for proposals, IDLE was not started."""

    RUNNING = "running"
    READY = "ready"
    IDLE = "idle"
    HALTED = "halted"


def health_of(engine: Engine, view: SessionView) -> Health:
    """Return how the engine is."""
    if engine.session.state is not TradingState.ACTIVE or all(_is_halted(engine, asset) for asset in engine.limits.assets):
        return Health.HALTED
    feeds = [feed for asset in view.assets for feed in asset.feeds]
    stale = any(not feed.fresh for feed in feeds) or (view.health_feed is not None and not view.health_feed.fresh)
    return Health.DEGRADED if stale or view.halts or engine.chronicle.fault else Health.HEALTHY


def activity_of(engine: Engine, rules: StrategyRules) -> Activity:
    """Return what one strategy does now."""
    if engine.session.state is not TradingState.ACTIVE or all(_is_halted(engine, asset) for asset in rules.assets):
        return Activity.HALTED
    if rules.kind is not StrategyKind.INTERNAL:
        return Activity.READY
    return Activity.RUNNING if engine.strategies_enabled else Activity.IDLE


def active_strategies(engine: Engine) -> int:
    """Return how many strategies may trade now: those that run, and those that wait for proposals."""
    able = (Activity.RUNNING, Activity.READY)
    return sum(activity_of(engine, rules) in able for rules in engine.limits.strategies.values())


def _is_halted(engine: Engine, asset: str) -> bool:
    return any(halt.covers(asset) for halt in engine.session.halts.values())
