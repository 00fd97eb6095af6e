"""The table of contents of the gate: every check, in order of precedence, each beside the code under which it speaks.

In: an intent, sight, session, limits. Out: one Finding a check, always: a check that raises is a check that cannot judge.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tidegate.gate.codes import ADJUSTED, NOT_APPLICABLE, PASSED, WARNED
from tidegate.gate.findings import unknown
from tidegate.gate.layer1_account import (
    daily_loss_not_reached,
    exposure_within_cap,
    loss_at_risk_fits_room,
    slot_is_free,
    trades_of_test_left,
)
from tidegate.gate.layer1_global import (
    instrument_is_listed,
    limit_price_within_collar,
    no_cold_wallet_touched,
    no_opposite_side_open,
    not_a_duplicate,
    notional_buys_an_order,
    notional_within_maximum,
    rate_is_kept,
    stop_is_given,
    stop_is_not_too_wide,
    trading_is_enabled,
)
from tidegate.gate.layer2_guards import (
    book_is_thick,
    crowd_allows_strategy,
    depth_allows_short,
    funding_allows_strategy,
    tips_are_calm,
)
from tidegate.gate.layer2_tactical import (
    confidence_is_enough,
    funding_not_diverging,
    no_fresh_squeeze,
    open_interest_not_spiking,
    shorts_not_crowded,
)
from tidegate.gate.layer3_conditions import (
    feeds_are_fresh,
    health_factor_is_high,
    spread_is_narrow,
    target_exceeds_costs,
)
from tidegate.gate.layer3_discipline import (
    agent_may_enter,
    entries_left_today,
    losing_streak_is_short,
    strategy_may_enter,
)
from tidegate.gate.layer4_kill import (
    clock_is_steady,
    drawdown_is_small,
    health_factor_not_critical,
    journal_is_writable,
    losses_are_few,
    no_feed_outage,
    nothing_is_halted,
    operator_allows,
    venue_is_reconciled,
)
from tidegate.gate.sight import Sight
from tidegate.model.finding import Finding, Reason
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session

Rule = Callable[[Intent, Sight, Session, Limits], Finding]
Check = tuple[Reason, Rule]

CHECKS: tuple[Check, ...] = (
    (Reason.L1_DISABLED, trading_is_enabled),
    (Reason.L1_INSTRUMENT_UNKNOWN, instrument_is_listed),
    (Reason.L1_COLD_WALLET, no_cold_wallet_touched),
    (Reason.L1_NOTIONAL_TOO_LARGE, notional_within_maximum),
    (Reason.L1_NOTIONAL_TOO_SMALL, notional_buys_an_order),
    (Reason.L1_STOP_MISSING, stop_is_given),
    (Reason.L1_STOP_TOO_WIDE, stop_is_not_too_wide),
    (Reason.L1_DAILY_LOSS, daily_loss_not_reached),
    (Reason.L1_LOSS_AT_RISK, loss_at_risk_fits_room),
    (Reason.L1_TOO_MANY_OPEN, slot_is_free),
    (Reason.L1_EXPOSURE, exposure_within_cap),
    (Reason.L1_TEST_TRADES, trades_of_test_left),
    (Reason.L1_PRICE_COLLAR, limit_price_within_collar),
    (Reason.L1_OPPOSITE_SIDE, no_opposite_side_open),
    (Reason.L1_DUPLICATE, not_a_duplicate),
    (Reason.L1_RATE, rate_is_kept),
    (Reason.L2_SHORTS_CROWDED, shorts_not_crowded),
    (Reason.L2_FUNDING_DIVERGENCE, funding_not_diverging),
    (Reason.L2_OI_SPIKE, open_interest_not_spiking),
    (Reason.L2_FRESH_SQUEEZE, no_fresh_squeeze),
    (Reason.L2_STRATEGY_GUARD, crowd_allows_strategy),
    (Reason.L2_STRATEGY_GUARD, funding_allows_strategy),
    (Reason.L2_STRATEGY_GUARD, depth_allows_short),
    (Reason.L2_STRATEGY_GUARD, book_is_thick),
    (Reason.L2_STRATEGY_GUARD, tips_are_calm),
    (Reason.L2_CONFIDENCE, confidence_is_enough),
    (Reason.L3_HEALTH_FACTOR_LOW, health_factor_is_high),
    (Reason.L3_DAILY_TRADE_CAP, entries_left_today),
    (Reason.L3_DAILY_TRADE_CAP, strategy_may_enter),
    (Reason.L3_DAILY_TRADE_CAP, agent_may_enter),
    (Reason.L3_LOSS_STREAK, losing_streak_is_short),
    (Reason.L3_FEED_STALE, feeds_are_fresh),
    (Reason.L3_SPREAD_WIDE, spread_is_narrow),
    (Reason.L3_COSTS_EXCEED_TARGET, target_exceeds_costs),
    (Reason.L4_HALTED, nothing_is_halted),
    (Reason.L4_SESSION_DRAWDOWN, drawdown_is_small),
    (Reason.L4_LOSSES, losses_are_few),
    (Reason.L4_HEALTH_FACTOR_CRITICAL, health_factor_not_critical),
    (Reason.L4_FEED_OUTAGE, no_feed_outage),
    (Reason.L4_RECONCILE, venue_is_reconciled),
    (Reason.L4_JOURNAL, journal_is_writable),
    (Reason.L4_CLOCK, clock_is_steady),
    (Reason.L4_OPERATOR, operator_allows),
)

# Judged again on what was asked once its stop has been widened: at the requested notional, so that no cut made by a worse market can
# let a wide stop pass. INVARIANT: G7
STOP_CHECKS: tuple[Check, ...] = (
    (Reason.L1_STOP_TOO_WIDE, stop_is_not_too_wide),
    (Reason.L1_LOSS_AT_RISK, loss_at_risk_fits_room),
)

# Judged again on what is granted: the notional after every cut, the stop after every widening. INVARIANT: G6
ORDER_CHECKS: tuple[Check, ...] = (
    (Reason.L1_NOTIONAL_TOO_LARGE, notional_within_maximum),
    (Reason.L1_NOTIONAL_TOO_SMALL, notional_buys_an_order),
    (Reason.L1_STOP_TOO_WIDE, stop_is_not_too_wide),
    (Reason.L1_LOSS_AT_RISK, loss_at_risk_fits_room),
    (Reason.L1_EXPOSURE, exposure_within_cap),
    (Reason.L3_COSTS_EXCEED_TARGET, target_exceeds_costs),
)

_HARMLESS = frozenset((NOT_APPLICABLE, WARNED))


class Judgement(msgspec.Struct, frozen=True):
    """Every finding in order of precedence, and the decisive few: those that reject or adjust."""

    findings: tuple[Finding, ...]
    decisive: list[Finding]

    @property
    def primary(self) -> Reason | None:
        """Return the code of the first finding that rejects, or None. Order is precedence. INVARIANT: G11"""
        for finding in self.decisive:
            if finding.status is not ADJUSTED:
                return finding.reason
        return None


def evaluate(checks: tuple[Check, ...], intent: Intent, sight: Sight, session: Session, limits: Limits) -> Judgement:
    """Ask every check, in order. One that raises is unknown under its own code, and unknown rejects. INVARIANT: G8

    The whole table is asked at once, and one by one only when a check of it raises: the checks are pure, so nothing is lost.
    """
    if checks is CHECKS:
        try:
            return judgement_of(every_finding(intent, sight, session, limits))
        except Exception:  # noqa: S110 - asked again below, to learn which check cannot judge and what the others say
            pass
    findings: list[Finding] = []
    for reason, holds in checks:
        try:
            findings.append(holds(intent, sight, session, limits))
        except Exception as error:
            findings.append(unknown(reason, f"check raised {type(error).__name__}"))
    return judgement_of(tuple(findings))


def judgement_of(findings: tuple[Finding, ...]) -> Judgement:
    """Return the findings with the decisive few."""
    return Judgement(
        findings, [finding for finding in findings if finding.status is not PASSED and finding.status not in _HARMLESS]
    )


def every_finding(intent: Intent, sight: Sight, session: Session, limits: Limits) -> tuple[Finding, ...]:
    """Ask every check of CHECKS, in its order, by direct calls; raises whatever a check raises.

    CPython specialises a call that always meets the same function, and cannot in a loop. A test holds this and the table together.
    """
    return (
        trading_is_enabled(intent, sight, session, limits),
        instrument_is_listed(intent, sight, session, limits),
        no_cold_wallet_touched(intent, sight, session, limits),
        notional_within_maximum(intent, sight, session, limits),
        notional_buys_an_order(intent, sight, session, limits),
        stop_is_given(intent, sight, session, limits),
        stop_is_not_too_wide(intent, sight, session, limits),
        daily_loss_not_reached(intent, sight, session, limits),
        loss_at_risk_fits_room(intent, sight, session, limits),
        slot_is_free(intent, sight, session, limits),
        exposure_within_cap(intent, sight, session, limits),
        trades_of_test_left(intent, sight, session, limits),
        limit_price_within_collar(intent, sight, session, limits),
        no_opposite_side_open(intent, sight, session, limits),
        not_a_duplicate(intent, sight, session, limits),
        rate_is_kept(intent, sight, session, limits),
        shorts_not_crowded(intent, sight, session, limits),
        funding_not_diverging(intent, sight, session, limits),
        open_interest_not_spiking(intent, sight, session, limits),
        no_fresh_squeeze(intent, sight, session, limits),
        crowd_allows_strategy(intent, sight, session, limits),
        funding_allows_strategy(intent, sight, session, limits),
        depth_allows_short(intent, sight, session, limits),
        book_is_thick(intent, sight, session, limits),
        tips_are_calm(intent, sight, session, limits),
        confidence_is_enough(intent, sight, session, limits),
        health_factor_is_high(intent, sight, session, limits),
        entries_left_today(intent, sight, session, limits),
        strategy_may_enter(intent, sight, session, limits),
        agent_may_enter(intent, sight, session, limits),
        losing_streak_is_short(intent, sight, session, limits),
        feeds_are_fresh(intent, sight, session, limits),
        spread_is_narrow(intent, sight, session, limits),
        target_exceeds_costs(intent, sight, session, limits),
        nothing_is_halted(intent, sight, session, limits),
        drawdown_is_small(intent, sight, session, limits),
        losses_are_few(intent, sight, session, limits),
        health_factor_not_critical(intent, sight, session, limits),
        no_feed_outage(intent, sight, session, limits),
        venue_is_reconciled(intent, sight, session, limits),
        journal_is_writable(intent, sight, session, limits),
        clock_is_steady(intent, sight, session, limits),
        operator_allows(intent, sight, session, limits),
    )


def restated(judged: Judgement, again: Judgement) -> Judgement:
    """Return a judgement in which checks that were asked again speak with their newer finding, in the same places."""
    newer = {finding.reason: finding for finding in again.findings}
    return judgement_of(tuple(newer.get(finding.reason, finding) for finding in judged.findings))
