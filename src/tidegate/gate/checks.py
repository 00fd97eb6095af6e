"""The table of contents of the gate: every check, in order of precedence, each beside the code under which it speaks.

In: an intent, sight, session, limits. Out: one Finding a check, always: a check that raises is a check that cannot judge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tidegate.gate import (
    layer1_account,
    layer1_global,
    layer2_guards,
    layer2_tactical,
    layer3_conditions,
    layer3_discipline,
    layer4_kill,
)
from tidegate.gate.codes import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN
from tidegate.gate.findings import unknown
from tidegate.gate.sight import Sight
from tidegate.model.finding import Finding, Reason
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session

Check = tuple[Reason, Callable[[Intent, Sight, Session, Limits], Finding]]

CHECKS: tuple[Check, ...] = (
    (Reason.L1_DISABLED, layer1_global.trading_is_enabled),
    (Reason.L1_INSTRUMENT_UNKNOWN, layer1_global.instrument_is_listed),
    (Reason.L1_COLD_WALLET, layer1_global.no_cold_wallet_touched),
    (Reason.L1_NOTIONAL_TOO_LARGE, layer1_global.notional_within_maximum),
    (Reason.L1_NOTIONAL_TOO_SMALL, layer1_global.notional_buys_an_order),
    (Reason.L1_STOP_MISSING, layer1_global.stop_is_given),
    (Reason.L1_STOP_TOO_WIDE, layer1_global.stop_is_not_too_wide),
    (Reason.L1_DAILY_LOSS, layer1_account.daily_loss_not_reached),
    (Reason.L1_LOSS_AT_RISK, layer1_account.loss_at_risk_fits_room),
    (Reason.L1_TOO_MANY_OPEN, layer1_account.slot_is_free),
    (Reason.L1_EXPOSURE, layer1_account.exposure_within_cap),
    (Reason.L1_TEST_TRADES, layer1_account.trades_of_test_left),
    (Reason.L1_PRICE_COLLAR, layer1_global.limit_price_within_collar),
    (Reason.L1_OPPOSITE_SIDE, layer1_global.no_opposite_side_open),
    (Reason.L1_DUPLICATE, layer1_global.not_a_duplicate),
    (Reason.L1_RATE, layer1_global.rate_is_kept),
    (Reason.L2_SHORTS_CROWDED, layer2_tactical.shorts_not_crowded),
    (Reason.L2_FUNDING_DIVERGENCE, layer2_tactical.funding_not_diverging),
    (Reason.L2_OI_SPIKE, layer2_tactical.open_interest_not_spiking),
    (Reason.L2_FRESH_SQUEEZE, layer2_tactical.no_fresh_squeeze),
    (Reason.L2_STRATEGY_GUARD, layer2_guards.crowd_allows_strategy),
    (Reason.L2_STRATEGY_GUARD, layer2_guards.funding_allows_strategy),
    (Reason.L2_STRATEGY_GUARD, layer2_guards.depth_allows_short),
    (Reason.L2_STRATEGY_GUARD, layer2_guards.book_is_thick),
    (Reason.L2_STRATEGY_GUARD, layer2_guards.tips_are_calm),
    (Reason.L2_CONFIDENCE, layer2_tactical.confidence_is_enough),
    (Reason.L3_HEALTH_FACTOR_LOW, layer3_conditions.health_factor_is_high),
    (Reason.L3_DAILY_TRADE_CAP, layer3_discipline.entries_left_today),
    (Reason.L3_DAILY_TRADE_CAP, layer3_discipline.strategy_may_enter),
    (Reason.L3_DAILY_TRADE_CAP, layer3_discipline.agent_may_enter),
    (Reason.L3_LOSS_STREAK, layer3_discipline.losing_streak_is_short),
    (Reason.L3_FEED_STALE, layer3_conditions.feeds_are_fresh),
    (Reason.L3_SPREAD_WIDE, layer3_conditions.spread_is_narrow),
    (Reason.L3_COSTS_EXCEED_TARGET, layer3_conditions.target_exceeds_costs),
    (Reason.L4_HALTED, layer4_kill.nothing_is_halted),
    (Reason.L4_SESSION_DRAWDOWN, layer4_kill.drawdown_is_small),
    (Reason.L4_LOSSES, layer4_kill.losses_are_few),
    (Reason.L4_HEALTH_FACTOR_CRITICAL, layer4_kill.health_factor_not_critical),
    (Reason.L4_FEED_OUTAGE, layer4_kill.no_feed_outage),
    (Reason.L4_RECONCILE, layer4_kill.venue_is_reconciled),
    (Reason.L4_JOURNAL, layer4_kill.journal_is_writable),
    (Reason.L4_CLOCK, layer4_kill.clock_is_steady),
    (Reason.L4_OPERATOR, layer4_kill.operator_allows),
)

# Judged again on what was asked once its stop has been widened: at the requested notional, so that no cut made by a worse market can
# let a wide stop pass. INVARIANT: G7
STOP_CHECKS: tuple[Check, ...] = (
    (Reason.L1_STOP_TOO_WIDE, layer1_global.stop_is_not_too_wide),
    (Reason.L1_LOSS_AT_RISK, layer1_account.loss_at_risk_fits_room),
)

# Judged again on what is granted: the notional after every cut, the stop after every widening. INVARIANT: G6
ORDER_CHECKS: tuple[Check, ...] = (
    (Reason.L1_NOTIONAL_TOO_LARGE, layer1_global.notional_within_maximum),
    (Reason.L1_NOTIONAL_TOO_SMALL, layer1_global.notional_buys_an_order),
    (Reason.L1_STOP_TOO_WIDE, layer1_global.stop_is_not_too_wide),
    (Reason.L1_LOSS_AT_RISK, layer1_account.loss_at_risk_fits_room),
    (Reason.L1_EXPOSURE, layer1_account.exposure_within_cap),
    (Reason.L3_COSTS_EXCEED_TARGET, layer3_conditions.target_exceeds_costs),
)


class Judgement(NamedTuple):
    """Every finding in order of precedence, and the notable few: those that reject, adjust or warn."""

    findings: list[Finding]
    notable: list[Finding]
    rejects: bool


def evaluate(checks: tuple[Check, ...], intent: Intent, sight: Sight, session: Session, limits: Limits) -> Judgement:
    """Ask every check, in order. One that raises is unknown under its own code, and unknown rejects. INVARIANT: G8"""
    findings: list[Finding] = []
    notable: list[Finding] = []
    for reason, holds in checks:
        try:
            finding = holds(intent, sight, session, limits)
        except Exception as error:
            finding = unknown(reason, f"check raised {type(error).__name__}")
        findings.append(finding)
        status = finding.status
        if status is not PASSED and status is not NOT_APPLICABLE:
            notable.append(finding)
    return Judgement(findings, notable, first_rejecting(notable) is not None)


def restated(judged: Judgement, again: Judgement) -> Judgement:
    """Return a judgement in which checks that were asked again speak with their newer finding, in the same places."""
    newer = {finding.reason: finding for finding in again.findings}
    findings = [newer.get(finding.reason, finding) for finding in judged.findings]
    notable = [finding for finding in findings if finding.status is not PASSED and finding.status is not NOT_APPLICABLE]
    return Judgement(findings, notable, first_rejecting(notable) is not None)


def first_rejecting(notable: list[Finding]) -> Reason | None:
    """Return the code of the first finding that rejects, or None. Order is precedence. INVARIANT: G11"""
    for finding in notable:
        if finding.status is FAILED or finding.status is UNKNOWN:
            return finding.reason
    return None
