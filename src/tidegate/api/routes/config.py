"""The configuration in force, for reading: limits, assets, strategies, agents, instruments. No key is here because none exists; addresses are masked.

In: the engine's limits. Out: JSON with exact numbers, units in the names. INVARIANT: C3 O3
"""

from __future__ import annotations

from typing import Any

from tidegate import __version__
from tidegate.api.endpoint import Answer, Call
from tidegate.api.wire.reads import ConfigAnswer
from tidegate.api.wire.values import number, seconds
from tidegate.model.instrument import Instrument
from tidegate.model.limits import AgentRules, AssetLimits, Limits, StrategyRules

_SHOWN = 6
_COUNTS = ("open_trades_max", "test_trades_max", "intents_per_second_max", "intents_per_minute_max", "entries_per_day_max",
           "loss_streak_max", "losses_max")  # fmt: skip
_NUMBERS = ("capital_usd", "notional_usd_max", "stop_bps_max", "daily_loss_usd_max", "exposure_usd_max", "drawdown_usd_max",
            "price_collar_bps", "loss_resize_multiplier", "funding_divergence_bps_max", "oi_change_pct_max", "oi_size_multiplier",
            "confidence_min", "health_factor_min", "health_factor_warn_band", "health_factor_critical")  # fmt: skip
_SPANS = ("duplicate_window_ns", "squeeze_window_ns", "health_confirm_ns", "drawdown_confirm_ns", "feed_outage_ns", "self_lift_ns",
          "clock_step_ns_max")  # fmt: skip


async def config(call: Call) -> Answer:
    """Show the limits and rules of this process."""
    limits = call.desk.engine.limits
    return Answer(
        200,
        ConfigAnswer(
            mode=str(limits.mode),
            version=__version__,
            limits=_account(limits),
            assets={name: _asset(bounds) for name, bounds in limits.assets.items()},
            strategies={key: _strategy(rules) for key, rules in limits.strategies.items()},
            agents={name: _agent(rules) for name, rules in limits.agents.items()},
            instruments={name: _instrument(each) for name, each in limits.instruments.items()},
            cold_addresses=tuple(_masked(each) for each in limits.cold_addresses),
        ),
    )


def _account(limits: Limits) -> dict[str, Any]:
    shown: dict[str, Any] = {"trading_enabled": limits.trading_enabled, "aave_configured": limits.aave_configured}
    shown |= {name: number(getattr(limits, name)) for name in _NUMBERS}
    shown |= {name: getattr(limits, name) for name in _COUNTS}
    shown |= {name.replace("_ns", "_s", 1): seconds(getattr(limits, name)) for name in _SPANS}
    shown["funding_venues"] = limits.funding_venues
    shown["target_weights_pct"] = limits.target_weights_pct
    shown["stale_s"] = {
        str(channel): {"reject_after_s": seconds(bounds.reject_after_ns), "value_grace_s": seconds(bounds.value_grace_ns)}
        for channel, bounds in limits.stale.items()
    }
    if limits.arbitrage is not None:
        shown["arbitrage"] = {
            "venues": limits.arbitrage.venues,
            "edge_bps_min": number(limits.arbitrage.edge_bps_min),
            "edge_bps_min_between": {pair: number(bps) for pair, bps in limits.arbitrage.edge_bps_min_between.items()},
            "unwind_bps": number(limits.arbitrage.unwind_bps),
            "rate_age_s_max": seconds(limits.arbitrage.rate_age_ns_max),
        }
    return shown


def _asset(bounds: AssetLimits) -> dict[str, Any]:
    return {
        "short_pct_max": number(bounds.short_pct_max),
        "positioning_kind": bounds.positioning_kind,
        "spread_bps_max": number(bounds.spread_bps_max),
        "squeeze_rise_bps": number(bounds.squeeze_rise_bps),
        "squeeze_liquidations_usd": number(bounds.squeeze_liquidations_usd),
    }


def _strategy(rules: StrategyRules) -> dict[str, Any]:
    return {
        "display_name": rules.display_name,
        "kind": str(rules.kind),
        "assets": rules.assets,
        "base_notional_usd": number(rules.base_notional_usd),
        "entries_per_day_max": rules.entries_per_day_max,
        "cooldown_s": seconds(rules.cooldown_ns),
        "mode_ceiling": str(rules.mode_ceiling),
        "hold_max_s": seconds(rules.hold_ns),
        "sides": {
            str(side): {
                "size_multiplier": number(own.size_multiplier),
                "stop_bps": number(own.stop_bps),
                "targets_bps": [number(each) for each in own.targets_bps],
            }
            for side, own in rules.sides.items()
        },
    }


def _agent(rules: AgentRules) -> dict[str, Any]:
    return {
        "entries_per_day_max": rules.entries_per_day_max,
        "cooldown_s": seconds(rules.cooldown_ns),
        "mode_ceiling": str(rules.mode_ceiling),
    }


def _instrument(each: Instrument) -> dict[str, Any]:
    return {
        "symbol": each.symbol,
        "kind": str(each.kind),
        "tick": number(each.tick),
        "lot": number(each.lot),
        "quantity_min": number(each.quantity_min),
        "notional_min_usd": number(each.notional_min_usd),
        "taker_bps": number(each.taker_bps),
        "maker_bps": number(each.maker_bps),
    }


def _masked(address: str) -> str:
    return f"{address[:_SHOWN]}...{address[-4:]}" if len(address) > 2 * _SHOWN else "..."
