"""Layer 2, the strategies' own guards: they refuse, cut or widen under L2_STRATEGY_GUARD.

In: intent, sight, session, limits. Out: one Finding a check. Source: SPEC §4; the numbers are in `StrategyGuards`.
"""

from __future__ import annotations

from tidegate.gate.codes import (
    ADJUSTED,
    FAILED,
    L2_STRATEGY_GUARD,
    LONG,
    PASSED,
    SHORT,
)
from tidegate.gate.findings import not_applicable, read, unfit, unknown
from tidegate.gate.sight import Sight, Unfit
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.units import ONE, Pct

_NO_CROWD_GUARD = not_applicable(L2_STRATEGY_GUARD, "no crowd guard for this order")
_NO_FUNDING_GUARD = not_applicable(L2_STRATEGY_GUARD, "no funding guard for this order")
_NO_DEPTH_GUARD = not_applicable(L2_STRATEGY_GUARD, "no falling-depth guard for this order")
_NO_THIN_GUARD = not_applicable(L2_STRATEGY_GUARD, "no thin-book guard for this order")
_NO_TIP_GUARD = not_applicable(L2_STRATEGY_GUARD, "no tip guard for this order")


def crowd_allows_strategy(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a short when the short share is > the strategy's own maximum (BTC range scalp: 54 %); equal passes."""
    short_pct_max = limits.strategies[intent.strategy].guards.short_pct_max
    if short_pct_max is None or intent.side is not SHORT:
        return _NO_CROWD_GUARD
    asof_ns = sight.asof_ns
    positioning = sight.positioning
    if type(positioning) is Unfit:
        return unfit(L2_STRATEGY_GUARD, positioning)
    status = FAILED if positioning.value > short_pct_max else PASSED
    return read(L2_STRATEGY_GUARD, status, short_pct_max, positioning, asof_ns, "short share")


def funding_allows_strategy(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a short when the funding spread is >= the strategy's own bound (BTC range scalp: 0.2 bps); equal fails."""
    spread_bps_below = limits.strategies[intent.strategy].guards.funding_spread_bps_below
    if spread_bps_below is None or intent.side is not SHORT:
        return _NO_FUNDING_GUARD
    funding_a, funding_b = sight.funding_a, sight.funding_b
    if type(funding_a) is Unfit:
        return unfit(L2_STRATEGY_GUARD, funding_a)
    if type(funding_b) is Unfit:
        return unfit(L2_STRATEGY_GUARD, funding_b)
    spread_bps = funding_a.value - funding_b.value
    status = FAILED if spread_bps >= spread_bps_below else PASSED
    return Finding(L2_STRATEGY_GUARD, status, spread_bps, spread_bps_below, "funding spread")


def depth_allows_short(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse any short of an asset whose own strategy guards it (XRP) when the short share is >= 53 % while top-3 depth falls.

    It binds whatever strategy asks. An unknown depth trend at such a share is unknown.
    """
    if intent.side is not SHORT:
        return _NO_DEPTH_GUARD
    short_pct_max = _falling_depth_bound(intent.asset, limits)
    if short_pct_max is None:
        return _NO_DEPTH_GUARD
    asof_ns = sight.asof_ns
    positioning = sight.positioning
    if type(positioning) is Unfit:
        return unfit(L2_STRATEGY_GUARD, positioning)
    book = sight.book
    if type(book) is Unfit:
        return unfit(L2_STRATEGY_GUARD, book)
    if positioning.value >= short_pct_max and book.top3_falling is None:
        return unknown(L2_STRATEGY_GUARD, "depth trend missing")
    status = FAILED if positioning.value >= short_pct_max and book.top3_falling else PASSED
    return read(L2_STRATEGY_GUARD, status, short_pct_max, positioning, asof_ns, "short share with falling depth")


def book_is_thick(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Widen a long's stop (BTC range scalp: to 35 bps) when depth within 10 bps is < 60 % of its 10-min median; equal does not widen.

    Without enough history for a median, or with a median of 0, the book counts as thin. The rule stands in the long's line of SPEC §4;
    shorts have one stop.
    """
    guards = limits.strategies[intent.strategy].guards
    if guards.thin_depth_ratio is None or intent.side is not LONG:
        return _NO_THIN_GUARD
    book = sight.book
    if type(book) is Unfit:
        return unfit(L2_STRATEGY_GUARD, book)
    if not book.depth_baseline_usd:
        return Finding(
            L2_STRATEGY_GUARD, ADJUSTED, book.depth_usd, None, "depth history too short", ONE, guards.thin_stop_bps
        )
    limit_usd = -(-book.depth_baseline_usd * guards.thin_depth_ratio // ONE)
    if book.depth_usd < limit_usd:
        return Finding(L2_STRATEGY_GUARD, ADJUSTED, book.depth_usd, limit_usd, "thin book", ONE, guards.thin_stop_bps)
    return Finding(L2_STRATEGY_GUARD, PASSED, book.depth_usd, limit_usd, "depth")


def tips_are_calm(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Halve size and widen the stop (SOL fade: to 45 bps) while the p50 tip is > 1.5x its 10-min baseline; equal does not."""
    guards = limits.strategies[intent.strategy].guards
    if guards.tip_ratio_max is None:
        return _NO_TIP_GUARD
    asof_ns = sight.asof_ns
    tip_ratio = sight.tip_ratio
    if type(tip_ratio) is Unfit:
        return unfit(L2_STRATEGY_GUARD, tip_ratio)
    if tip_ratio.value <= guards.tip_ratio_max:
        return read(L2_STRATEGY_GUARD, PASSED, guards.tip_ratio_max, tip_ratio, asof_ns, "tips")
    return Finding(
        L2_STRATEGY_GUARD,
        ADJUSTED,
        tip_ratio.value,
        guards.tip_ratio_max,
        "tips elevated",
        guards.tip_size_multiplier,
        guards.tip_stop_bps,
        tip_ratio.source,
        asof_ns - tip_ratio.received_ns,
        asof_ns - tip_ratio.observed_ns,
    )


def _falling_depth_bound(asset: str, limits: Limits) -> Pct | None:
    """Return the strictest falling-depth bound that a strategy of the asset declares, or None."""
    bounds = [
        rules.guards.short_pct_with_falling_depth
        for rules in limits.strategies.values()
        if asset in rules.assets and rules.guards.short_pct_with_falling_depth is not None
    ]
    return min(bounds) if bounds else None
