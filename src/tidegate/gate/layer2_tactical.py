"""Layer 2, the crowd: positioning, funding, open interest, squeezes, and the confidence an agent states.

In: intent, sight, session, limits. Out: one Finding a check. Strategies' own guards are in `layer2_guards.py`. Source: SPEC §2.
"""

from __future__ import annotations

from tidegate.gate.codes import (
    ADJUSTED,
    FAILED,
    L2_CONFIDENCE,
    L2_FRESH_SQUEEZE,
    L2_FUNDING_DIVERGENCE,
    L2_OI_SPIKE,
    L2_SHORTS_CROWDED,
    LONG,
    PASSED,
    SHORT,
    WARNED,
)
from tidegate.gate.findings import not_applicable, read, unfit, unknown
from tidegate.gate.sight import Sight, Unfit
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.observation import SAMPLED
from tidegate.model.session import Session
from tidegate.units import ONE, SECOND_NS

_LONG_CROWD = not_applicable(L2_SHORTS_CROWDED, "longs")
_LONG_FUNDING = not_applicable(L2_FUNDING_DIVERGENCE, "longs without funding")
_LONG_SQUEEZE = not_applicable(L2_FRESH_SQUEEZE, "longs")
_SAMPLED = "liquidations are only a sample"
_NO_CONFIDENCE = not_applicable(L2_CONFIDENCE, "no confidence stated")


def shorts_not_crowded(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a short when the short share is > the asset's maximum (BTC 54, ETH 54, SOL 53, XRP 53 %); equal passes.

    Missing or stale positioning, or another kind of ratio than the asset's pinned one, is unknown, and unknown rejects. Longs: not
    applicable; a crowd of shorts is what a long hopes for.
    """
    if intent.side is not SHORT:
        return _LONG_CROWD
    asof_ns = sight.asof_ns
    positioning = sight.positioning
    if type(positioning) is Unfit:
        return unfit(L2_SHORTS_CROWDED, positioning)
    asset = limits.assets[intent.asset]
    if sight.positioning_kind != asset.positioning_kind:
        return unknown(
            L2_SHORTS_CROWDED,
            f"positioning is {sight.positioning_kind or 'of no kind'}, pinned {asset.positioning_kind}",
        )
    status = FAILED if positioning.value > asset.short_pct_max else PASSED
    return read(L2_SHORTS_CROWDED, status, asset.short_pct_max, positioning, asof_ns, sight.positioning_kind)


def funding_not_diverging(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a short when funding at venue A less venue B (bps per 8 h) is > the maximum (0.25); equal passes.

    Longs are warned when the two differ by more than that either way, and not judged when funding is missing or
    stale. Source and ages shown are those of the older of the two.
    """
    funding_a, funding_b, is_long = sight.funding_a, sight.funding_b, intent.side is LONG
    if type(funding_a) is Unfit:
        return _LONG_FUNDING if is_long else unfit(L2_FUNDING_DIVERGENCE, funding_a)
    if type(funding_b) is Unfit:
        return _LONG_FUNDING if is_long else unfit(L2_FUNDING_DIVERGENCE, funding_b)
    limit_bps, spread_bps = limits.funding_divergence_bps_max, funding_a.value - funding_b.value
    if is_long:
        status = WARNED if abs(spread_bps) > limit_bps else PASSED
    else:
        status = FAILED if spread_bps > limit_bps else PASSED
    older = funding_a if funding_a.received_ns <= funding_b.received_ns else funding_b
    arrival_age_ns, value_age_ns = sight.asof_ns - older.received_ns, sight.asof_ns - older.observed_ns
    source = older.source
    return Finding(
        L2_FUNDING_DIVERGENCE, status, spread_bps, limit_bps, "", ONE, 0, source, arrival_age_ns, value_age_ns
    )


def open_interest_not_spiking(_intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Cut size to 0.80 when open interest (in coins) rose by > 3 % in 24 h; equal is no cut. Missing or stale is unknown."""
    asof_ns = sight.asof_ns
    change = sight.open_interest
    if type(change) is Unfit:
        return unfit(L2_OI_SPIKE, change)
    if change.value <= limits.oi_change_pct_max:
        return read(L2_OI_SPIKE, PASSED, limits.oi_change_pct_max, change, asof_ns)
    return Finding(
        L2_OI_SPIKE,
        ADJUSTED,
        change.value,
        limits.oi_change_pct_max,
        "size cut",
        limits.oi_size_multiplier,
        0,
        change.source,
        asof_ns - change.received_ns,
        asof_ns - change.observed_ns,
    )


def no_fresh_squeeze(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a short within 3,600 s (inclusive) of the last short squeeze; a reading of 0 says none was seen. Longs: not applicable.

    A source that hears only a sample of the liquidations is said so: it may have missed a squeeze.
    """
    if intent.side is not SHORT:
        return _LONG_SQUEEZE
    asof_ns = sight.asof_ns
    squeeze = sight.squeeze
    if type(squeeze) is Unfit:
        return unfit(L2_FRESH_SQUEEZE, squeeze)
    sampled = squeeze.source.endswith(SAMPLED)
    if squeeze.value == 0:
        status, since_s, note = PASSED, None, "none seen, " + _SAMPLED if sampled else "none seen"
    else:
        since_ns = asof_ns - squeeze.value
        status = FAILED if since_ns <= limits.squeeze_window_ns else PASSED
        since_s, note = since_ns * ONE // SECOND_NS, _SAMPLED if sampled else ""
    window_s = limits.squeeze_window_ns * ONE // SECOND_NS
    ages_ns = asof_ns - squeeze.received_ns, asof_ns - squeeze.observed_ns
    return Finding(L2_FRESH_SQUEEZE, status, since_s, window_s, note, ONE, 0, squeeze.source, ages_ns[0], ages_ns[1])


def confidence_is_enough(intent: Intent, _sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a stated confidence < 0.80; equal passes. None stated: not applicable. It can only make the gate stricter. INVARIANT: B2"""
    if intent.confidence is None:
        return _NO_CONFIDENCE
    status = FAILED if intent.confidence < limits.confidence_min else PASSED
    return Finding(L2_CONFIDENCE, status, intent.confidence, limits.confidence_min)
