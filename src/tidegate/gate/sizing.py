"""Sizing: from what was asked to what is granted. Only ever smaller; stops only ever wider. INVARIANT: G5

In: an intent that passed every check, and its decisive findings. Out: the intent with its final stop, with its granted notional, and the
order in whole lots. The caller judges each again before it believes it. INVARIANT: G6
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tidegate.gate.account import stop_risk_usd
from tidegate.gate.codes import ADJUSTED, LONG
from tidegate.gate.sight import Sight, Unfit
from tidegate.matching.lots import legs
from tidegate.model.decision import SizedOrder, TargetLeg
from tidegate.model.finding import Finding
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.units import ONE, Bps, Pct, Price, Usd, notional_of, price_at_bps


def widened(intent: Intent, decisive: list[Finding]) -> Intent:
    """Return the intent with the widest of its own stop and those that guards ask for; the same object when its own is.

    An intent without a stop stays without one: a guard's stop is not a default.
    """
    if intent.stop_bps is None:
        return intent
    stop_bps = intent.stop_bps
    for finding in decisive:
        if finding.status is ADJUSTED and finding.stop_bps > stop_bps:
            stop_bps = finding.stop_bps
    return intent if stop_bps == intent.stop_bps else msgspec.structs.replace(intent, stop_bps=stop_bps)


def reduced(asked: Intent, decisive: list[Finding]) -> Intent:
    """Return the intent at its granted notional: requested x every multiplier, rounded down; the same object when nothing cuts."""
    notional_usd = cut(asked.notional_usd, decisive)
    return asked if notional_usd == asked.notional_usd else msgspec.structs.replace(asked, notional_usd=notional_usd)


def cut(amount: Usd, decisive: list[Finding]) -> int:
    """Return `amount` x every multiplier of an adjustment, each applied once, exact and rounded down once: their order cannot matter.

    With ONE as amount: the size multiplier. A multiplier outside [0, 1] is clamped to it: nothing here enlarges. INVARIANT: G5
    """
    scale = 1
    for finding in decisive:
        if finding.status is ADJUSTED and finding.multiplier != ONE:
            amount *= min(max(finding.multiplier, 0), ONE)
            scale *= ONE
    return amount // scale


def order_of(granted: Intent, sight: Sight, limits: Limits) -> SizedOrder:
    """Return the order for a granted intent: floored to lots at the reference price, with its worst price, stop risk and legs.

    Raises KeyError or AssertionError for an intent that did not pass the checks.
    """
    instrument = limits.instruments[granted.instrument_id]
    assert type(sight.price) is not Unfit
    assert granted.stop_bps is not None
    price = sight.price.value
    lots = instrument.lots_in(granted.notional_usd, price)
    quantity = lots * instrument.lot
    notional_usd = notional_of(price, quantity)
    return SizedOrder(
        granted.instrument_id,
        granted.asset,
        granted.side,
        lots,
        quantity,
        price,
        _worst_price(granted, price, limits.price_collar_bps, instrument),
        notional_usd,
        granted.stop_bps,
        stop_risk_usd(notional_usd, granted.stop_bps, instrument),
        _legs(lots, granted.targets_bps, limits.target_weights_pct),
        granted.hold_ns,
        granted.uptick_exit_ns,
        granted.invalidation,
    )


@lru_cache(maxsize=1024)
def _legs(lots: int, targets_bps: tuple[Bps, ...], weights_pct: tuple[Pct, ...]) -> tuple[TargetLeg, ...]:
    """Return the scale-out legs. Remembered: a strategy asks for the same few splits all day. Targets beyond the weights get nothing."""
    return legs(lots, targets_bps[: len(weights_pct)], weights_pct)


def _worst_price(intent: Intent, price: Price, collar_bps: Bps, instrument: Instrument) -> Price:
    """Return the worst price the entry may pay: the collar, or the caller's own limit when tighter, rounded to the tick toward tighter."""
    tick = instrument.tick
    if intent.side is LONG:
        worst = price_at_bps(price, collar_bps)
        worst = worst if intent.limit_price is None else min(worst, intent.limit_price)
        return worst // tick * tick if worst >= tick > 0 else worst
    worst = -price_at_bps(-price, -collar_bps)
    worst = worst if intent.limit_price is None else max(worst, intent.limit_price)
    return -(-worst // tick) * tick if tick > 0 else worst
