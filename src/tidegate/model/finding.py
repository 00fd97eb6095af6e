"""Findings: what one check saw. A finding holds the rule and its numbers; its sentence is rendered only when somebody looks."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.units import ONE, Bps, Nanoseconds, Ratio


class Reason(StrEnum):
    """Stable codes, in order of precedence: layer 1 first. Never reused, never renamed. Source: SPEC §2."""

    __hash__ = str.__hash__  # an enum's own hash runs Python code at every dict lookup

    L1_DISABLED = "L1_DISABLED"
    L1_INSTRUMENT_UNKNOWN = "L1_INSTRUMENT_UNKNOWN"
    L1_COLD_WALLET = "L1_COLD_WALLET"
    L1_NOTIONAL_TOO_LARGE = "L1_NOTIONAL_TOO_LARGE"
    L1_NOTIONAL_TOO_SMALL = "L1_NOTIONAL_TOO_SMALL"
    L1_STOP_MISSING = "L1_STOP_MISSING"
    L1_STOP_TOO_WIDE = "L1_STOP_TOO_WIDE"
    L1_DAILY_LOSS = "L1_DAILY_LOSS"
    L1_LOSS_AT_RISK = "L1_LOSS_AT_RISK"
    L1_TOO_MANY_OPEN = "L1_TOO_MANY_OPEN"
    L1_EXPOSURE = "L1_EXPOSURE"
    L1_TEST_TRADES = "L1_TEST_TRADES"
    L1_PRICE_COLLAR = "L1_PRICE_COLLAR"
    L1_OPPOSITE_SIDE = "L1_OPPOSITE_SIDE"
    L1_DUPLICATE = "L1_DUPLICATE"
    L1_RATE = "L1_RATE"
    L2_SHORTS_CROWDED = "L2_SHORTS_CROWDED"
    L2_FUNDING_DIVERGENCE = "L2_FUNDING_DIVERGENCE"
    L2_OI_SPIKE = "L2_OI_SPIKE"
    L2_FRESH_SQUEEZE = "L2_FRESH_SQUEEZE"
    L2_STRATEGY_GUARD = "L2_STRATEGY_GUARD"
    L2_CONFIDENCE = "L2_CONFIDENCE"
    L3_HEALTH_FACTOR_LOW = "L3_HEALTH_FACTOR_LOW"
    L3_DAILY_TRADE_CAP = "L3_DAILY_TRADE_CAP"
    L3_LOSS_STREAK = "L3_LOSS_STREAK"
    L3_FEED_STALE = "L3_FEED_STALE"
    L3_SPREAD_WIDE = "L3_SPREAD_WIDE"
    L3_COSTS_EXCEED_TARGET = "L3_COSTS_EXCEED_TARGET"
    L4_HALTED = "L4_HALTED"
    L4_SESSION_DRAWDOWN = "L4_SESSION_DRAWDOWN"
    L4_LOSSES = "L4_LOSSES"
    L4_HEALTH_FACTOR_CRITICAL = "L4_HEALTH_FACTOR_CRITICAL"
    L4_FEED_OUTAGE = "L4_FEED_OUTAGE"
    L4_RECONCILE = "L4_RECONCILE"
    L4_JOURNAL = "L4_JOURNAL"
    L4_CLOCK = "L4_CLOCK"
    L4_OPERATOR = "L4_OPERATOR"


class Status(StrEnum):
    """How a check ended. FAILED and UNKNOWN reject; ADJUSTED and WARNED pass."""

    PASSED = "passed"
    FAILED = "failed"
    ADJUSTED = "adjusted"
    WARNED = "warned"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The result of one check.

    `observed` and `limit` are fixed-point in the reason's own unit (see the reasons table). `note` says which variant of the rule spoke
    (`positioning missing`, `aave hf close`). An ADJUSTED finding carries a size `multiplier` in [0, 1] and/or a wider `stop_bps` (0 = none).
    `source` and `ages_ns` (arrival, value) name the feed the number came from, where it came from one.
    """

    reason: Reason
    status: Status
    observed: int | None = None
    limit: int | None = None
    note: str = ""
    multiplier: Ratio = ONE
    stop_bps: Bps = 0
    source: str = ""
    arrival_age_ns: Nanoseconds = -1
    value_age_ns: Nanoseconds = -1

    @property
    def rejects(self) -> bool:
        """Say whether this finding alone refuses the entry."""
        return self.status is Status.FAILED or self.status is Status.UNKNOWN
