"""Sizing: from what was asked to what is granted. Only ever smaller; stops only ever wider. INVARIANT: G5

In: an intent that passed every check, and the findings. Out: a Sized: the intent at its final stop, the intent at its granted notional, and
the order in whole lots. The caller judges both intents again before it believes the order. INVARIANT: G6
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tidegate.gate.account import stop_risk_usd
from tidegate.gate.codes import ADJUSTED, L1_LOSS_AT_RISK, LONG
from tidegate.gate.layer1_global import reference_price
from tidegate.matching.lots import legs
from tidegate.model.decision import SizedOrder
from tidegate.model.finding import Finding
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.snapshot import Snapshot
from tidegate.units import ONE, Bps, Price, Ratio, Usd, notional_of, price_at_bps


class Sized(NamedTuple):
    """What sizing made of an intent. `asked` has the final stop and the requested notional, `granted` the approved notional as well.

    Both are the intent itself where nothing changed. `findings` are those given, and the resize when there was one.
    """

    asked: Intent
    granted: Intent
    multiplier: Ratio
    findings: list[Finding]


def size(intent: Intent, findings: list[Finding], limits: Limits) -> Sized:
    """Apply every cut and every widening once. Approved notional = requested x the exact product of the multipliers, rounded down.

    The loss resize (x 0.5 when stop risk > half the remaining room) judges the *requested* notional at the final stop. Judging it after the
    other cuts would let a worse market make the order larger. INVARIANT: G7
    """
    asked = _widened(intent, findings)
    if resize := _loss_resize(asked, findings, limits):
        findings = [*findings, resize]
    multipliers = [finding.multiplier for finding in findings if finding.status is ADJUSTED]
    if not multipliers:
        return Sized(asked, asked, ONE, findings)
    notional_usd, multiplier = _cut(asked.notional_usd, multipliers), _cut(ONE, multipliers)
    if notional_usd == asked.notional_usd:
        return Sized(asked, asked, multiplier, findings)
    return Sized(asked, msgspec.structs.replace(asked, notional_usd=notional_usd), multiplier, findings)


def order_of(granted: Intent, snapshot: Snapshot, limits: Limits) -> SizedOrder:
    """Return the order for a granted intent: floored to lots at the reference price, with its worst price, stop risk and legs.

    Raises KeyError or AssertionError for an intent that did not pass the checks.
    """
    instrument = limits.instruments[granted.instrument_id]
    reading = reference_price(snapshot, limits)
    assert reading is not None
    assert granted.stop_bps is not None
    price = reading.value
    lots = instrument.lots_in(granted.notional_usd, price)
    quantity = instrument.quantity_of(lots)
    notional_usd = notional_of(price, quantity)
    weights_pct = limits.target_weights_pct
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
        legs(lots, granted.targets_bps[: len(weights_pct)], weights_pct),
        granted.hold_ns,
        granted.uptick_exit_ns,
        granted.invalidation,
    )


def _widened(intent: Intent, findings: list[Finding]) -> Intent:
    """Return the intent with the widest of its own stop and those that guards ask for."""
    own_bps = intent.stop_bps or 0
    stop_bps = own_bps
    for finding in findings:
        if finding.status is ADJUSTED and finding.stop_bps > stop_bps:
            stop_bps = finding.stop_bps
    return intent if stop_bps == own_bps else msgspec.structs.replace(intent, stop_bps=stop_bps)


def _loss_resize(asked: Intent, findings: list[Finding], limits: Limits) -> Finding | None:
    """Return the resize finding when the stop risk of what was asked is > half of the room that L1_LOSS_AT_RISK judged; equal does not."""
    room_usd = next(finding.limit or 0 for finding in findings if finding.reason is L1_LOSS_AT_RISK)
    risk_usd = stop_risk_usd(asked.notional_usd, asked.stop_bps or 0, limits.instruments[asked.instrument_id])
    if 2 * risk_usd <= room_usd:
        return None
    note = "approaching loss limit"
    return Finding(L1_LOSS_AT_RISK, ADJUSTED, risk_usd, room_usd // 2, note, limits.loss_resize_multiplier)


def _cut(amount: Usd, multipliers: list[Ratio]) -> int:
    """Return amount x every multiplier, exact and rounded down once, so that order cannot matter; none enlarges or flips."""
    for multiplier in multipliers:
        amount *= min(max(multiplier, 0), ONE)
    return amount // ONE ** len(multipliers)


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
