"""Layer 3, market conditions: the health factor, the age of feeds, spread and costs.

In: intent, sight, session, limits. Out: one Finding a check. Source: SPEC §2.
"""

from __future__ import annotations

from tidegate.gate.codes import (
    FAILED,
    L3_COSTS_EXCEED_TARGET,
    L3_FEED_STALE,
    L3_HEALTH_FACTOR_LOW,
    L3_SPREAD_WIDE,
    PASSED,
    SHORT,
    WARNED,
)
from tidegate.gate.findings import not_applicable, passed, read, unfit, unknown
from tidegate.gate.sight import Sight, Unfit
from tidegate.model.finding import Finding
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import BookView, LegView, Reading
from tidegate.units import ONE, SECOND_NS

_NO_AAVE = not_applicable(L3_HEALTH_FACTOR_LOW, "aave not configured")
_FEEDS_FRESH = passed(L3_FEED_STALE)

Feed = Reading | BookView | LegView | Unfit | None


def health_factor_is_high(_intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse when the Aave health factor is < 2.20 (equal passes); warn when it is < 2.50, the floor plus the warning band.

    Missing or stale is unknown. Not applicable only where Aave is declared not configured and there is no reading.
    """
    health, asof_ns = sight.health_factor, sight.asof_ns
    if health is None:
        return _NO_AAVE
    if type(health) is Unfit:
        return unfit(L3_HEALTH_FACTOR_LOW, health)
    floor = limits.health_factor_min
    if health.value < floor:
        return read(L3_HEALTH_FACTOR_LOW, FAILED, floor, health, asof_ns)
    status = WARNED if health.value < floor + limits.health_factor_warn_band else PASSED
    return read(L3_HEALTH_FACTOR_LOW, status, floor, health, asof_ns)


def feeds_are_fresh(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse when a feed this entry needs is missing, too old or from the future; equal to its bound passes (see `sight.fit`).

    The note names every such feed; numbers, source and ages are those of the first that has any. Only missing ones: unknown. INVARIANT: F4
    """
    if sight.asset != intent.asset:
        return unknown(L3_FEED_STALE, f"market of {intent.asset} missing")
    feeds = needed_feeds(intent, sight, limits)
    for feed in feeds:
        if type(feed) is Unfit:
            return judge_feeds(feeds)
    return _FEEDS_FRESH


def judge_feeds(feeds: tuple[Feed, ...]) -> Finding:
    """Return the finding about feeds, each of which is needed."""
    bad = [feed for feed in feeds if type(feed) is Unfit]
    return _of_unfit(bad) if bad else _FEEDS_FRESH


def needed_feeds(intent: Intent, sight: Sight, limits: Limits) -> tuple[Feed, ...]:
    """Return the feeds an entry needs, in a fixed order.

    Every perpetual: price, book, open interest, and the health factor unless Aave is declared not configured. Shorts: positioning, both
    fundings, liquidations. Strategies on fees: fee and tip ratio. Source: SPEC §2, "Which inputs an entry needs".
    """
    feeds: tuple[Feed, ...] = (sight.price, sight.book, sight.open_interest, sight.health_factor)
    if intent.side is SHORT:
        feeds += (sight.positioning, sight.funding_a, sight.funding_b, sight.squeeze)
    rules = limits.strategies.get(intent.strategy)
    if rules is None or rules.needs_fees:
        feeds += (sight.priority_fee, sight.tip_ratio)
    return feeds


def spread_is_narrow(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse when the book's spread is > the asset's maximum (5 bps); equal passes."""
    book = sight.book
    if type(book) is Unfit:
        return unfit(L3_SPREAD_WIDE, book)
    spread_bps_max = limits.assets[intent.asset].spread_bps_max
    status = FAILED if book.spread_bps > spread_bps_max else PASSED
    ages_ns = sight.asof_ns - book.received_ns, sight.asof_ns - book.observed_ns
    return Finding(
        L3_SPREAD_WIDE, status, book.spread_bps, spread_bps_max, "", ONE, 0, book.source, ages_ns[0], ages_ns[1]
    )


def target_exceeds_costs(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse when the first target less round-trip taker fees less the spread is <= 0 bps; equal fails. The net is always shown."""
    instrument = limits.instruments.get(intent.instrument_id)
    if instrument is None or not intent.targets_bps:
        return unknown(L3_COSTS_EXCEED_TARGET, "instrument missing" if instrument is None else "first target missing")
    book = sight.book
    if type(book) is Unfit:
        return unfit(L3_COSTS_EXCEED_TARGET, book)
    net_bps = intent.targets_bps[0] - 2 * instrument.taker_bps - book.spread_bps
    return Finding(L3_COSTS_EXCEED_TARGET, FAILED if net_bps <= 0 else PASSED, net_bps, 0)


def _of_unfit(feeds: list[Unfit]) -> Finding:
    """Return the finding about unfit feeds: failed with the age of the first one that has any, else unknown. Seconds are rounded up."""
    note = ", ".join(f"{feed.name} {feed.why}" for feed in feeds)
    for feed in feeds:
        if feed.source or feed.why != "missing":
            age_s, bound_s = -(-feed.age_ns * ONE // SECOND_NS), feed.bound_ns * ONE // SECOND_NS
            ages_ns = feed.arrival_age_ns, feed.value_age_ns
            return Finding(L3_FEED_STALE, FAILED, age_s, bound_s, note, ONE, 0, feed.source, ages_ns[0], ages_ns[1])
    return unknown(L3_FEED_STALE, note)
