"""The rules of a pair where they differ from a single order's: both legs are listed, sized, fresh, narrow, counted; the edge is net.

In: intent, sight (of `pair_sight`), session, limits. Out: one Finding a check, under the code of the single-leg check whose place it takes
(`pair_checks`). Nobody is short here: what is sold was in the inventory, so the crowd's rules do not apply. Source: SPEC §4, arbitrage.
"""

from __future__ import annotations

import msgspec

from tidegate.gate.codes import (
    FAILED,
    L1_INSTRUMENT_UNKNOWN,
    L1_LOSS_AT_RISK,
    L1_NOTIONAL_TOO_SMALL,
    L1_OPPOSITE_SIDE,
    L1_PRICE_COLLAR,
    L2_FRESH_SQUEEZE,
    L2_FUNDING_DIVERGENCE,
    L2_SHORTS_CROWDED,
    L3_COSTS_EXCEED_TARGET,
    L3_FEED_STALE,
    L3_SPREAD_WIDE,
    PASSED,
)
from tidegate.gate.findings import at_most, failed, not_applicable, passed, unfit, unknown
from tidegate.gate.layer1_account import exposure_within_cap, loss_at_risk_fits_room
from tidegate.gate.layer3_conditions import judge_feeds
from tidegate.gate.pair_sight import best_plan, feeds_of
from tidegate.gate.sight import Sight, Unfit
from tidegate.model.finding import Finding
from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits, StrategyKind
from tidegate.model.session import Session
from tidegate.model.snapshot import LegView
from tidegate.units import ONE

NET_EDGE = "net edge"
_LISTED = passed(L1_INSTRUMENT_UNKNOWN)
_NO_PRICE = not_applicable(L1_PRICE_COLLAR, "no price judged")
_NO_SIDE = not_applicable(L1_OPPOSITE_SIDE, "a pair has no side")
_NO_SHORT = not_applicable(L2_SHORTS_CROWDED, "a pair is not short")
_NO_FUNDING = not_applicable(L2_FUNDING_DIVERGENCE, "spot pays no funding")
_NO_SQUEEZE = not_applicable(L2_FRESH_SQUEEZE, "a pair is not short")


def pair_is_listed(intent: Intent, _sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a pair that is not two listed spot instruments of the intent's asset at two configured venues, or not of an arbitrage strategy."""
    rules, strategy = limits.arbitrage, limits.strategies.get(intent.strategy)
    if rules is None or strategy is None or strategy.kind is not StrategyKind.ARBITRAGE:
        return failed(L1_INSTRUMENT_UNKNOWN, "two legs are for an arbitrage strategy")
    venues: list[str] = []
    for name in (intent.instrument_id, intent.hedge_instrument_id):
        listed = limits.instruments.get(name)
        if listed is None or not _tradable(listed, intent, limits) or listed.venue not in rules.venues:
            return failed(L1_INSTRUMENT_UNKNOWN, name)
        venues.append(listed.venue)
    return _LISTED if venues[0] != venues[1] else failed(L1_INSTRUMENT_UNKNOWN, f"both legs at {venues[0]}")


def pair_buys_an_order(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a notional that floors to zero lots, or under either venue's minimum, on either leg; equal passes. Nothing rounds up."""
    if _unlisted(intent, limits):
        return unknown(L1_NOTIONAL_TOO_SMALL, "instrument missing")
    plan = best_plan(intent, intent.notional_usd, sight, limits)
    if type(plan) is Unfit:
        return unfit(L1_NOTIONAL_TOO_SMALL, plan)
    return Finding(L1_NOTIONAL_TOO_SMALL, PASSED if plan.accepted else FAILED, intent.notional_usd, plan.smallest_usd)


def unwinding_fits_room(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Judge the loss like a single order's, at the dearer venue's fee: what one leg costs to get rid of, for one leg at most is ever alone."""
    legs = [limits.instruments.get(name) for name in (intent.instrument_id, intent.hedge_instrument_id)]
    listed = [leg for leg in legs if leg is not None]
    if len(listed) < len(legs):
        return unknown(L1_LOSS_AT_RISK, "instrument missing")
    dearer = max(listed, key=lambda leg: leg.taker_bps)
    one_leg = msgspec.structs.replace(intent, instrument_id=dearer.instrument_id)
    return loss_at_risk_fits_room(one_leg, sight, session, limits)


def both_legs_within_cap(intent: Intent, sight: Sight, session: Session, limits: Limits) -> Finding:
    """Judge exposure with both legs counted; equal passes. INVARIANT: G9 M4"""
    both = msgspec.structs.replace(intent, notional_usd=2 * intent.notional_usd)
    return exposure_within_cap(both, sight, session, limits)


def worst_prices_within_collar(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse when the last level that a leg walks through is further than the collar (50 bps) from its own touch; equal passes.

    It becomes the leg's limit price. An intent with a limit price cannot be judged: there are two markets. What has no quantity, or too thin
    a book, has no worst price, and is refused elsewhere.
    """
    if intent.limit_price is not None:
        return unknown(L1_PRICE_COLLAR, "reference of one limit price on two markets missing")
    if _unlisted(intent, limits):
        return unknown(L1_PRICE_COLLAR, "instrument missing")
    plan = best_plan(intent, intent.notional_usd, sight, limits)
    if type(plan) is Unfit:
        return unfit(L1_PRICE_COLLAR, plan)
    return _NO_PRICE if plan.edge_bps is None else at_most(L1_PRICE_COLLAR, plan.slip_bps, limits.price_collar_bps)


def pairs_have_no_side(_intent: Intent, _sight: Sight, _session: Session, _limits: Limits) -> Finding:
    """Not applicable: both sides are open on purpose."""
    return _NO_SIDE


def pairs_are_not_short(_intent: Intent, _sight: Sight, _session: Session, _limits: Limits) -> Finding:
    """Not applicable: a pair sells what it has."""
    return _NO_SHORT


def pairs_pay_no_funding(_intent: Intent, _sight: Sight, _session: Session, _limits: Limits) -> Finding:
    """Not applicable: both legs are spot."""
    return _NO_FUNDING


def pairs_fear_no_squeeze(_intent: Intent, _sight: Sight, _session: Session, _limits: Limits) -> Finding:
    """Not applicable: a pair sells what it has."""
    return _NO_SQUEEZE


def pair_feeds_are_fresh(intent: Intent, sight: Sight, _session: Session, _limits: Limits) -> Finding:
    """Refuse when a book, a rate, open interest or the health factor is missing, too old or from the future; equal to its bound passes.

    A rate is too old when its arrival or its value is older than the arbitrage's own maximum (30 s). INVARIANT: F4
    """
    if sight.asset != intent.asset:
        return unknown(L3_FEED_STALE, f"market of {intent.asset} missing")
    return judge_feeds((*feeds_of(sight), sight.open_interest, sight.health_factor))


def both_spreads_are_narrow(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse when the spread of either book is > the asset's maximum (5 bps); equal passes. The wider one is shown."""
    books: list[LegView] = []
    for book in feeds_of(sight)[:2]:
        if type(book) is Unfit:
            return unfit(L3_SPREAD_WIDE, book)
        assert type(book) is LegView
        books.append(book)
    wider = max(books, key=lambda book: book.spread_bps)
    limit_bps = limits.assets[intent.asset].spread_bps_max
    status = FAILED if wider.spread_bps > limit_bps else PASSED
    ages_ns = sight.asof_ns - wider.received_ns, sight.asof_ns - wider.observed_ns
    named = (wider.instrument_id, ONE, 0, wider.source, *ages_ns)
    return Finding(L3_SPREAD_WIDE, status, wider.spread_bps, limit_bps, *named)


def net_edge_is_enough(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse when the better direction's net edge is <= the minimum of the two venues (12.5 bps; Coinbase-OKX 20); equal fails.

    Both books are walked for the floored quantity, each converted by its own rate, both taker fees are subtracted; a book that is too thin
    for the quantity cannot be judged.
    """
    first, second = (limits.instruments.get(name) for name in (intent.instrument_id, intent.hedge_instrument_id))
    if first is None or second is None or limits.arbitrage is None:
        return unknown(L3_COSTS_EXCEED_TARGET, "instrument missing")
    plan = best_plan(intent, intent.notional_usd, sight, limits)
    if type(plan) is Unfit:
        return unfit(L3_COSTS_EXCEED_TARGET, plan)
    edge_bps, limit_bps = plan.edge_bps, limits.arbitrage.edge_bps_min_of(first.venue, second.venue)
    if edge_bps is None:
        thin = plan.too_thin
        return unknown(L3_COSTS_EXCEED_TARGET, f"book of {thin} too thin" if thin else "quantity floors to zero")
    return Finding(L3_COSTS_EXCEED_TARGET, FAILED if edge_bps <= limit_bps else PASSED, edge_bps, limit_bps, NET_EDGE)


def _tradable(listed: Instrument, intent: Intent, limits: Limits) -> bool:
    return listed.kind is InstrumentKind.SPOT and listed.asset == intent.asset and intent.asset in limits.assets


def _unlisted(intent: Intent, limits: Limits) -> bool:
    return intent.instrument_id not in limits.instruments or intent.hedge_instrument_id not in limits.instruments
