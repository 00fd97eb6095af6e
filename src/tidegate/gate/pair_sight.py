"""What may be believed of a two-leg intent's snapshot: both books and the rate of each. INVARIANT: F1 F2

In: an intent, a snapshot, session, limits. Out: a `Sight` with a `PairSight`; the asset's own price and book are not looked at, because
nothing is traded there. No rate is ever assumed: without a fresh one the leg cannot be judged.
"""

from __future__ import annotations

import msgspec

from tidegate.gate.codes import BOOK
from tidegate.gate.pair_edge import Offer, Plan, plan_of
from tidegate.gate.sight import NOT_LOOKED_AT, PairSight, Sight, Unfit, fit, sight_of
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits, StaleLimits
from tidegate.model.session import Session
from tidegate.model.snapshot import LegView, Level, Missing, Reading, Snapshot
from tidegate.units import Nanoseconds, Usd

_NONE = Missing("no pair in the snapshot")


def sight_of_pair(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Sight:
    """Judge, at the snapshot's own instant, every part that checks of a two-leg intent may look at."""
    sight = sight_of(intent, snapshot, session, limits)
    legs, asof_ns = snapshot.pair, snapshot.asof_ns
    named = (
        (intent.instrument_id, _NONE if legs is None else legs.first),
        (intent.hedge_instrument_id, _NONE if legs is None else legs.second),
    )
    (first, first_rate), (second, second_rate) = (_leg(name, leg, limits, asof_ns) for name, leg in named)
    pair = PairSight(first, second, first_rate, second_rate)
    return msgspec.structs.replace(sight, price=NOT_LOOKED_AT, book=NOT_LOOKED_AT, pair=pair)


def feeds_of(sight: Sight) -> tuple[LegView | Reading | Unfit, ...]:
    """Return both books and both rates, in a fixed order."""
    pair = sight.pair
    assert pair is not None
    return (pair.first, pair.second, pair.first_rate, pair.second_rate)


def best_plan(intent: Intent, notional_usd: Usd, sight: Sight, limits: Limits) -> Plan | Unfit:
    """Return the better direction for a notional, or the first feed it needs that may not be used. Raises KeyError for an unlisted leg."""
    for feed in feeds_of(sight):
        if type(feed) is Unfit:
            return feed
    pair = sight.pair
    assert pair is not None
    assert type(pair.first) is LegView
    assert type(pair.second) is LegView
    assert type(pair.first_rate) is Reading
    assert type(pair.second_rate) is Reading
    return plan_of(
        notional_usd,
        Offer(pair.first, pair.first_rate.value, limits.instruments[intent.instrument_id]),
        Offer(pair.second, pair.second_rate.value, limits.instruments[intent.hedge_instrument_id]),
    )


def _leg(
    name: str, leg: LegView | Missing, limits: Limits, asof_ns: Nanoseconds
) -> tuple[LegView | Unfit, Reading | Unfit]:
    """Return one leg's book and rate, each fit to be used or not. The book of another instrument is none at all."""
    listed = limits.instruments.get(name)
    currency = f"rate of {listed.quote}" if listed is not None else "rate"
    if type(leg) is not LegView or leg.instrument_id != name:
        return Unfit(f"book of {name}", "missing"), Unfit(currency, "missing")
    return _fit_book(name, leg, limits.stale.get(BOOK), asof_ns), _fit_rate(currency, leg.rate, limits, asof_ns)


def _fit_book(name: str, leg: LegView, bounds: StaleLimits | None, asof_ns: Nanoseconds) -> LegView | Unfit:
    """Return the book if one of its age may be used. One with an empty or crossed side is none: it would show an edge that is not there."""
    if not _readable(leg.bids) or not _readable(leg.asks) or leg.bids[0][0] > leg.asks[0][0]:
        return Unfit(f"book of {name}", "missing")
    reading = fit(
        "book", Reading(0, leg.source, leg.observed_ns, leg.received_ns, leg.period_ns), bounds, asof_ns, name
    )
    return reading if type(reading) is Unfit else leg


def _fit_rate(name: str, rate: Reading | Missing, limits: Limits, asof_ns: Nanoseconds) -> Reading | Unfit:
    """Return the rate if neither its arrival nor its value is older than the maximum (equal passes); its period grants nothing."""
    rules = limits.arbitrage
    if type(rate) is not Reading or rules is None or rate.value <= 0:
        return Unfit(name, "missing")
    bounds = StaleLimits(rules.rate_age_ns_max, rules.rate_age_ns_max)
    return fit(name, Reading(rate.value, rate.source, rate.observed_ns, rate.received_ns), bounds, asof_ns)


def _readable(levels: tuple[Level, ...]) -> bool:
    return bool(levels) and all(price > 0 and quantity > 0 for price, quantity in levels)
