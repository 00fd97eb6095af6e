"""The intake of a two-leg strategy: which two venues, and that nothing is asked for which a pair does not have.

In: a proposal, its asset, its strategy's rules, limits. Out: two instrument ids, in the order of the configured venues; InputError.
"""

from __future__ import annotations

from tidegate.errors import InputError
from tidegate.model.intent import Proposal
from tidegate.model.limits import ArbitrageRules, Limits, StrategyRules
from tidegate.units import Bps, render

_NAMES_MAX = 8
_NAME_CHARS_MAX = 64


def pair_of(proposal: Proposal, asset: str, rules: StrategyRules, limits: Limits) -> tuple[str, str]:
    """Return the spot instruments of both venues. One that is not listed keeps `venue:pair` as id: L1_INSTRUMENT_UNKNOWN then rejects it.

    Without `exchanges` the configured pair is meant. A side, stop, targets, limit price or invalidation is refused: a pair has none.
    """
    _require_nothing_else(proposal, rules, limits)
    arbitrage = _rules(limits)
    venues = _pair_named(proposal.exchanges, arbitrage) if proposal.exchanges else arbitrage.venues[:2]
    first, second = (_spot_id(proposal, asset, venue, limits) for venue in venues)
    return first, second


def unwind_bps_of(limits: Limits) -> Bps:
    """Return what getting rid of one leg may cost: the stop of a pair."""
    return _rules(limits).unwind_bps


def venues_named(exchanges: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of venues in lower case and without blanks. Raises InputError for lists that cannot be meant."""
    if len(exchanges) > _NAMES_MAX or any(len(name) > _NAME_CHARS_MAX for name in exchanges):
        given = f"{len(exchanges)} names"
        raise InputError("exchanges", given, f"at most {_NAMES_MAX} names of at most {_NAME_CHARS_MAX} characters")
    return tuple(name.strip().casefold() for name in exchanges)


def _rules(limits: Limits) -> ArbitrageRules:
    if limits.arbitrage is None:
        raise InputError("strategy", "two legs", "a single-leg strategy", "no arbitrage is configured")
    return limits.arbitrage


def _pair_named(exchanges: tuple[str, ...], arbitrage: ArbitrageRules) -> tuple[str, ...]:
    """Return two different configured venues in their configured order."""
    named = venues_named(exchanges)
    chosen = tuple(venue for venue in arbitrage.venues if venue in named)
    if len(named) != 2 or len(chosen) != 2:
        raise InputError(
            "exchanges", ", ".join(exchanges), f"two different ones of {', '.join(arbitrage.venues)}, or none"
        )
    return chosen


def _spot_id(proposal: Proposal, asset: str, venue: str, limits: Limits) -> str:
    instrument = limits.spot_for(asset, venue)
    return instrument.instrument_id if instrument is not None else f"{venue}:{proposal.pair.strip().upper()}"


def _require_nothing_else(proposal: Proposal, rules: StrategyRules, limits: Limits) -> None:
    if proposal.side is not None:
        why = f"{rules.display_name} buys where it is cheap and sells where it is dear"
        raise InputError("side", str(proposal.side), "auto", why)
    given = (
        ("stop_bps", proposal.stop_bps),
        ("targets_bps", proposal.targets_bps or None),
        ("limit_price", proposal.limit_price),
        ("invalidation", proposal.invalidation),
    )
    for field, value in given:
        if value is not None:
            risk = f"a pair has none: its risk is unwind_bps ({render(unwind_bps_of(limits))})"
            raise InputError(field, value, f"none with {rules.display_name}", risk)
