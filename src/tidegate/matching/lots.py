"""Lots: how a whole order is split over its scale-out targets.

In: lots, weights in per cent, targets in bps. Out: lots per target, or target legs. Source: SPEC §2, Lots.
"""

from __future__ import annotations

from tidegate.errors import InputError
from tidegate.model.decision import TargetLeg
from tidegate.units import Bps


def scale_out(lots: int, weights_pct: tuple[int, ...]) -> tuple[int, ...]:
    """Split lots over targets (nearest first) by largest remainder; the parts always add up to `lots`.

    Ties go to the nearer target. A target that gets zero stays zero: its share went to another one. One lot exits whole at target 1,
    whatever the weights. Weights need not add up to 100: they are read as shares of their sum. Raises InputError for negative lots, and
    for weights that are empty, negative or all zero.
    """
    total = sum(weights_pct)
    if lots < 0:
        raise InputError("lots", lots, "a whole number >= 0")
    if total <= 0 or min(weights_pct) < 0:
        raise InputError("target weights", weights_pct, "one or more whole per cents >= 0, not all zero")
    if lots == 1:
        return (1,) + (0,) * (len(weights_pct) - 1)
    parts = [lots * weight // total for weight in weights_pct]
    by_remainder = sorted(range(len(parts)), key=lambda index: (-(lots * weights_pct[index] % total), index))
    for index in by_remainder[: lots - sum(parts)]:
        parts[index] += 1
    return tuple(parts)


def legs(lots: int, targets_bps: tuple[Bps, ...], weights_pct: tuple[int, ...]) -> tuple[TargetLeg, ...]:
    """Return the scale-out legs of an order, without empty ones; `number` is the target's place, from 1.

    Targets stand nearest first. With fewer targets than weights the first weights share the whole by the same rule; no targets, no legs.
    Raises InputError when there are more targets than weights.
    """
    if len(targets_bps) > len(weights_pct):
        raise InputError("targets", targets_bps, f"at most {len(weights_pct)} targets, one per scale-out weight")
    if not targets_bps:
        return ()
    parts = scale_out(lots, weights_pct[: len(targets_bps)])
    numbered = enumerate(zip(targets_bps, parts, strict=True), start=1)
    return tuple(TargetLeg(number=number, bps=bps, lots=part) for number, (bps, part) in numbered if part > 0)
