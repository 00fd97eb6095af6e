"""Decisions and approvals: the gate's answer, and the only thing a venue will take an entry for."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.model.finding import Finding, Reason
from tidegate.model.intent import Invalidation, Mode
from tidegate.model.observation import Side
from tidegate.units import Bps, Nanoseconds, Price, Quantity, Ratio, Usd


class Verdict(StrEnum):
    """The two answers."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class TargetLeg(msgspec.Struct, frozen=True, gc=False):
    """One scale-out leg: leave `lots` at `bps` from the entry. Legs with zero lots do not exist."""

    number: int
    bps: Bps
    lots: int


class PairLeg(msgspec.Struct, frozen=True, gc=False):
    """One leg of a two-leg order. Prices are in the instrument's own quote currency, whole ticks.

    `limit_price` is the worst price of the first attempt: the last level that was judged. `second_price` is the worst price of the one
    second attempt that is allowed when only the other leg filled: what unwinding it would cost. `rate` is USD per unit of quote as judged.
    """

    instrument_id: str
    buys: bool
    quantity: Quantity
    reference_price: Price
    limit_price: Price
    second_price: Price
    rate: int


class SizedOrder(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The order that may be placed: floored to lots, judged again after sizing.

    `notional_usd` is lots x reference price. `limit_price` is the worst price the entry may pay (the collar, or the caller's own limit when
    tighter). `stop_risk_usd` is the loss at the stop, both fees included, rounded up. INVARIANT: G6
    A two-leg order has `legs` (the buy, then the sale, of equal quantity): then `instrument_id`, `quantity`, prices and `notional_usd` (of one
    leg, in USD, the dearer one) are the buy's, `lots` counts the coarser of both lots, `stop_bps` is the cost of unwinding, and there are no targets.
    """

    instrument_id: str
    asset: str
    side: Side
    lots: int
    quantity: Quantity
    reference_price: Price
    limit_price: Price
    notional_usd: Usd
    stop_bps: Bps
    stop_risk_usd: Usd
    targets: tuple[TargetLeg, ...]
    hold_ns: Nanoseconds
    uptick_exit_ns: Nanoseconds
    invalidation: Invalidation | None
    legs: tuple[PairLeg, ...] = ()

    @property
    def exposure_usd(self) -> Usd:
        """Return what the order adds to exposure: both legs count. INVARIANT: G9"""
        return self.notional_usd * max(1, len(self.legs))


class Decision(msgspec.Struct, frozen=True):
    """The gate's answer to one intent, with every finding. `approved_notional_usd` is the ceiling granted; the order is at most that."""

    decision_id: str
    intent_id: str
    asof_ns: Nanoseconds
    verdict: Verdict
    primary: Reason | None
    findings: tuple[Finding, ...]
    size_multiplier: Ratio
    approved_notional_usd: Usd
    order: SizedOrder | None

    @property
    def approved(self) -> bool:
        """Say whether the intent may become an order."""
        return self.verdict is Verdict.APPROVED


class Approval(msgspec.Struct, frozen=True, gc=False):
    """Leave to place one entry. Built only by `gate`; single use; valid in one mode. INVARIANT: G1 M3"""

    decision_id: str
    mode: Mode
    order: SizedOrder


class ExitApproval(msgspec.Struct, frozen=True, gc=False):
    """Leave to reduce a position: judged by the exit gate alone. Built only by `gate`. INVARIANT: G12"""

    client_order_id: str
    mode: Mode
    instrument_id: str
    quantity_max: Quantity
