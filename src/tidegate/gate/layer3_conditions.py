"""Layer 3, market conditions: the health factor, the age of feeds, spread and costs.

In: intent, snapshot, session, limits. Out: one Finding a check. Source: SPEC §2.
"""

from __future__ import annotations

from tidegate.gate.codes import (
    BOOK,
    FAILED,
    FUNDING,
    HEALTH_FACTOR,
    L3_COSTS_EXCEED_TARGET,
    L3_FEED_STALE,
    L3_HEALTH_FACTOR_LOW,
    L3_SPREAD_WIDE,
    LIQUIDATIONS,
    OPEN_INTEREST,
    PASSED,
    POSITIONING,
    PRICE,
    PRIORITY_FEE,
    SHORT,
    TIP,
    WARNED,
)
from tidegate.gate.findings import not_applicable, passed, read, unknown, unusable
from tidegate.gate.freshness import fault_of, fresh
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits, StaleLimits
from tidegate.model.observation import Channel
from tidegate.model.session import Session
from tidegate.model.snapshot import BookView, Missing, Reading, Snapshot
from tidegate.units import ONE, SECOND_NS, Nanoseconds

_NO_AAVE = not_applicable(L3_HEALTH_FACTOR_LOW, "aave not configured")
_FEEDS_FRESH = passed(L3_FEED_STALE)

Feed = tuple[str, Channel, Reading | BookView | Missing | None]


def health_factor_is_high(_intent: Intent, snapshot: Snapshot, _session: Session, limits: Limits) -> Finding:
    """Refuse when the Aave health factor is < 2.20 (equal passes); warn when it is < 2.50, the floor plus the warning band.

    Missing or stale is unknown. Not applicable only where Aave is declared not configured and there is no reading.
    """
    if snapshot.health_factor is None and not limits.aave_configured:
        return _NO_AAVE
    asof_ns = snapshot.asof_ns
    health = fresh(snapshot.health_factor, limits.stale[HEALTH_FACTOR], asof_ns)
    if health is None:
        return unusable(L3_HEALTH_FACTOR_LOW, "health factor", snapshot.health_factor, asof_ns)
    floor = limits.health_factor_min
    if health.value < floor:
        return read(L3_HEALTH_FACTOR_LOW, FAILED, floor, health, asof_ns)
    status = WARNED if health.value < floor + limits.health_factor_warn_band else PASSED
    return read(L3_HEALTH_FACTOR_LOW, status, floor, health, asof_ns)


def feeds_are_fresh(intent: Intent, snapshot: Snapshot, _session: Session, limits: Limits) -> Finding:
    """Refuse when a feed this entry needs is missing, too old or from the future; equal to its bound passes (see `freshness.fresh`).

    The note names every such feed; numbers, source and ages are those of the first. A feed that is only missing is unknown. INVARIANT: F4
    """
    if snapshot.view.asset != intent.asset:
        return unknown(L3_FEED_STALE, f"market of {intent.asset} missing")
    faulty = [
        feed
        for feed in needed_feeds(intent, snapshot, limits)
        if fresh(feed[2], limits.stale[feed[1]], snapshot.asof_ns) is None
    ]
    return _faulty(faulty, snapshot.asof_ns, limits) if faulty else _FEEDS_FRESH


def needed_feeds(intent: Intent, snapshot: Snapshot, limits: Limits) -> list[Feed]:
    """Return the feeds an entry needs, as (name, channel, reading), in a fixed order.

    Every perpetual: price, book, open interest. Shorts: positioning, both fundings, liquidations. Strategies on fees: fee and tip ratio.
    The health factor unless Aave is declared not configured. Source: SPEC §2, "Which inputs an entry needs".
    """
    view = snapshot.view
    feeds: list[Feed] = [
        ("price", PRICE, view.price),
        ("book", BOOK, view.book),
        ("open interest", OPEN_INTEREST, view.open_interest),
    ]
    if intent.side is SHORT:
        venue_a, venue_b = limits.funding_venues
        feeds += [
            ("positioning", POSITIONING, view.positioning),
            (f"funding of {venue_a}", FUNDING, view.funding_a),
            (f"funding of {venue_b}", FUNDING, view.funding_b),
            ("liquidations", LIQUIDATIONS, view.squeeze),
        ]
    rules = limits.strategies.get(intent.strategy)
    if rules is not None and rules.needs_fees:
        feeds += [("priority fee", PRIORITY_FEE, view.priority_fee), ("tip ratio", TIP, view.tip_ratio)]
    if limits.aave_configured or snapshot.health_factor is not None:
        feeds.append(("health factor", HEALTH_FACTOR, snapshot.health_factor))
    return feeds


def spread_is_narrow(intent: Intent, snapshot: Snapshot, _session: Session, limits: Limits) -> Finding:
    """Refuse when the book's spread is > the asset's maximum (5 bps); equal passes."""
    asof_ns = snapshot.asof_ns
    book = fresh(snapshot.view.book, limits.stale[BOOK], asof_ns)
    if book is None:
        return unusable(L3_SPREAD_WIDE, "book", snapshot.view.book, asof_ns)
    spread_bps_max = limits.assets[intent.asset].spread_bps_max
    status = FAILED if book.spread_bps > spread_bps_max else PASSED
    return Finding(L3_SPREAD_WIDE, status, book.spread_bps, spread_bps_max, "", ONE, 0, book.source)


def target_exceeds_costs(intent: Intent, snapshot: Snapshot, _session: Session, limits: Limits) -> Finding:
    """Refuse when the first target less round-trip taker fees less the spread is <= 0 bps; equal fails. The net is always shown."""
    instrument = limits.instruments.get(intent.instrument_id)
    if instrument is None or not intent.targets_bps:
        return unknown(L3_COSTS_EXCEED_TARGET, "instrument missing" if instrument is None else "first target missing")
    asof_ns = snapshot.asof_ns
    book = fresh(snapshot.view.book, limits.stale[BOOK], asof_ns)
    if book is None:
        return unusable(L3_COSTS_EXCEED_TARGET, "book", snapshot.view.book, asof_ns)
    net_bps = intent.targets_bps[0] - 2 * instrument.taker_bps - book.spread_bps
    return Finding(L3_COSTS_EXCEED_TARGET, FAILED if net_bps <= 0 else PASSED, net_bps, 0)


def _faulty(feeds: list[Feed], asof_ns: Nanoseconds, limits: Limits) -> Finding:
    """Return the finding about faulty feeds: failed with the age of the first old one, or unknown when none has an age."""
    note = ", ".join(f"{name} {fault_of(reading, asof_ns)}" for name, _, reading in feeds)
    for _, channel, reading in feeds:
        if reading is not None and not isinstance(reading, Missing):
            return _too_old(note, reading, limits.stale[channel], asof_ns)
    return unknown(L3_FEED_STALE, note)


def _too_old(note: str, reading: Reading | BookView, bounds: StaleLimits, asof_ns: Nanoseconds) -> Finding:
    """Return the failed finding of a reading, showing whichever of its two ages is over its bound, in seconds rounded up."""
    arrival_age_ns, value_age_ns = asof_ns - reading.received_ns, asof_ns - reading.observed_ns
    age_ns, bound_ns = arrival_age_ns, bounds.reject_after_ns
    if arrival_age_ns <= bound_ns:
        age_ns, bound_ns = value_age_ns, reading.period_ns + bounds.value_grace_ns
    age_s, bound_s = -(-age_ns * ONE // SECOND_NS), bound_ns * ONE // SECOND_NS
    return Finding(L3_FEED_STALE, FAILED, age_s, bound_s, note, ONE, 0, reading.source, arrival_age_ns, value_age_ns)
