"""Sight: what may be believed of a snapshot. The one place that judges missing and stale. INVARIANT: F1 F2

In: an intent, a snapshot and limits. Out: a Sight, in which every reading is either fit to be used or an Unfit that says why not; checks
see nothing else, so none can use a stale number by mistake.
"""

from __future__ import annotations

from typing import final

import msgspec

from tidegate.gate.account import drawdown_usd, worst_pnl_usd
from tidegate.gate.codes import (
    BOOK,
    FUNDING,
    HEALTH_FACTOR,
    LIQUIDATIONS,
    OPEN_INTEREST,
    POSITIONING,
    PRICE,
    PRIORITY_FEE,
    SHORT,
    TIP,
)
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits, StaleLimits
from tidegate.model.session import Session
from tidegate.model.snapshot import BookView, LegView, Missing, Reading, Snapshot
from tidegate.units import SECOND_NS, Nanoseconds, Price, Usd

FUTURE_TOLERANCE_NS = 2 * SECOND_NS
_YOUNGEST_NS = -FUTURE_TOLERANCE_NS


@final
class Unfit(msgspec.Struct, frozen=True, gc=False):
    """A reading that may not be used: `name` of the input and `why` (missing, stale, from the future).

    Source, ages and the bound that was broken are those of the reading there was; -1 and empty for one that is missing. Checks ask
    `type(x) is Unfit`: on a Struct class `isinstance` takes its slow path, six times as long, and a decision asks 40 times.
    """

    name: str
    why: str
    source: str = ""
    arrival_age_ns: Nanoseconds = -1
    value_age_ns: Nanoseconds = -1
    age_ns: Nanoseconds = -1
    bound_ns: Nanoseconds = -1


NOT_LOOKED_AT = Unfit("input", "not looked at")


@final
class PairSight(msgspec.Struct, frozen=True, gc=False):
    """Both books of a two-leg intent and the rate of each, in the order of its instruments. A fit leg has both sides, of numbers > 0."""

    first: LegView | Unfit
    second: LegView | Unfit
    first_rate: Reading | Unfit
    second_rate: Reading | Unfit


class Sight(msgspec.Struct, frozen=True, gc=False):
    """A snapshot as the checks see it. Fields as in `AssetView`; `health_factor` None: Aave declared not configured, and no reading.

    marks: a price per open instrument, or None when one of them is unfit; then the account's P&L (the worse of the day's and the last 24
    hours') and drawdown, which need them, are None too. pair: None for a single-leg intent; with one, price and book are not looked at.
    """

    asof_ns: Nanoseconds
    asset: str
    price: Reading | Unfit
    book: BookView | Unfit
    positioning: Reading | Unfit
    positioning_kind: str
    funding_a: Reading | Unfit
    funding_b: Reading | Unfit
    open_interest: Reading | Unfit
    squeeze: Reading | Unfit
    priority_fee: Reading | Unfit
    tip_ratio: Reading | Unfit
    health_factor: Reading | Unfit | None
    marks: dict[str, Price] | None
    pnl_usd: Usd | None
    drawdown_usd: Usd | None
    pair: PairSight | None = None


def sight_of(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Sight:
    """Judge, once and at the snapshot's own instant, every part that checks of this intent may look at.

    The rest is Unfit ("not looked at"), so that a check which looks anyway cannot judge, and rejects. A price or mark <= 0 is missing.
    """
    view, asof_ns, stale = snapshot.view, snapshot.asof_ns, limits.stale
    funding, (venue_a, venue_b) = stale.get(FUNDING), limits.funding_venues
    is_short, rules = intent.side is SHORT, limits.strategies.get(intent.strategy)
    on_fees = rules is None or rules.needs_fees or rules.guards.tip_ratio_max is not None
    price = fit("price", view.price, stale.get(PRICE), asof_ns)
    health = snapshot.health_factor
    marks = _marks(snapshot, session, limits) if session.trades or session.pairs else {}
    on_aave = limits.aave_configured or health is not None
    return Sight(
        asof_ns,
        view.asset,
        price if type(price) is Unfit or price.value > 0 else Unfit("price", "missing"),
        _fit_book(view.book, stale.get(BOOK), asof_ns),
        fit("positioning", view.positioning, stale.get(POSITIONING), asof_ns) if is_short else NOT_LOOKED_AT,
        view.positioning_kind,
        fit("funding", view.funding_a, funding, asof_ns, venue_a),
        fit("funding", view.funding_b, funding, asof_ns, venue_b),
        fit("open interest", view.open_interest, stale.get(OPEN_INTEREST), asof_ns),
        fit("liquidations", view.squeeze, stale.get(LIQUIDATIONS), asof_ns) if is_short else NOT_LOOKED_AT,
        fit("priority fee", view.priority_fee, stale.get(PRIORITY_FEE), asof_ns) if on_fees else NOT_LOOKED_AT,
        fit("tip ratio", view.tip_ratio, stale.get(TIP), asof_ns) if on_fees else NOT_LOOKED_AT,
        fit("health factor", health, stale.get(HEALTH_FACTOR), asof_ns) if on_aave else None,
        marks,
        None if marks is None else worst_pnl_usd(session, marks, asof_ns),
        None if marks is None else drawdown_usd(session, marks),
    )


def fit(
    name: str, reading: Reading | Missing | None, bounds: StaleLimits | None, asof_ns: Nanoseconds, of: str = ""
) -> Reading | Unfit:
    """Return the reading if it may be used at `asof_ns`, else an Unfit that says why not; `of` is whose it is, for its name.

    Too old: arrival age > `reject_after_ns`, or value age > publication period + `value_grace_ns`; equal passes. A time more than 2 s in
    the future is no better; equal passes. Same rule as `StaleLimits.fresh_until_ns`: a property test holds the two together.
    Source: SPEC §2, L3_FEED_STALE.
    """
    if type(reading) is not Reading or bounds is None:
        return Unfit(f"{name} of {of}" if of else name, "missing")
    arrival_age_ns = asof_ns - reading.received_ns
    value_age_ns = asof_ns - reading.observed_ns
    if arrival_age_ns < _YOUNGEST_NS or value_age_ns < _YOUNGEST_NS:
        why, age_ns, bound_ns = "from the future", min(arrival_age_ns, value_age_ns), _YOUNGEST_NS
    elif arrival_age_ns > bounds.reject_after_ns:
        why, age_ns, bound_ns = "stale", arrival_age_ns, bounds.reject_after_ns
    elif value_age_ns > reading.period_ns + bounds.value_grace_ns:
        why, age_ns, bound_ns = "stale", value_age_ns, reading.period_ns + bounds.value_grace_ns
    else:
        return reading
    return Unfit(f"{name} of {of}" if of else name, why, reading.source, arrival_age_ns, value_age_ns, age_ns, bound_ns)


def _fit_book(book: BookView | Missing, bounds: StaleLimits | None, asof_ns: Nanoseconds) -> BookView | Unfit:
    """Return the book if a reading of its age may be used."""
    if type(book) is Missing:
        return Unfit("book", "missing")
    reading = fit("book", Reading(0, book.source, book.observed_ns, book.received_ns, book.period_ns), bounds, asof_ns)
    return reading if type(reading) is Unfit else book


def _marks(snapshot: Snapshot, session: Session, limits: Limits) -> dict[str, Price] | None:
    """Return a mark per open instrument, or None when one is unfit; the price's own ages apply."""
    marks: dict[str, Price] = {}
    bounds = limits.stale.get(PRICE)
    for instrument_id in session.open_instruments:
        mark = fit("mark", snapshot.marks.get(instrument_id), bounds, snapshot.asof_ns)
        if type(mark) is Unfit or mark.value <= 0:
            return None
        marks[instrument_id] = mark.value
    return marks
