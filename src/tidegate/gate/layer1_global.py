"""Layer 1, what is asked: mode, whitelist, wallet, size, stop, limit price, and how often it is asked.

In: intent, sight, session, limits. Out: one Finding a check. The account's own limits are in `layer1_account.py`. Source: SPEC §2.
"""

from __future__ import annotations

from types import MappingProxyType

from tidegate.gate.codes import (
    FAILED,
    L1_COLD_WALLET,
    L1_DISABLED,
    L1_DUPLICATE,
    L1_INSTRUMENT_UNKNOWN,
    L1_NOTIONAL_TOO_LARGE,
    L1_NOTIONAL_TOO_SMALL,
    L1_OPPOSITE_SIDE,
    L1_PRICE_COLLAR,
    L1_RATE,
    L1_STOP_MISSING,
    L1_STOP_TOO_WIDE,
    PASSED,
)
from tidegate.gate.findings import at_most, failed, not_applicable, passed, unfit, unknown
from tidegate.gate.sight import Sight, Unfit
from tidegate.model.finding import Finding
from tidegate.model.instrument import InstrumentKind
from tidegate.model.intent import Intent, Mode, ModeCeiling, PrincipalKind
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.units import BPS_PER_UNIT, MINUTE_NS, ONE, SECOND_NS, notional_of

_ENABLED = passed(L1_DISABLED)
_LISTED = passed(L1_INSTRUMENT_UNKNOWN)
_WARM = passed(L1_COLD_WALLET)
_STOP_GIVEN = passed(L1_STOP_MISSING)
_NO_STOP_TO_JUDGE = not_applicable(L1_STOP_TOO_WIDE, "no stop")
_NO_LIMIT_PRICE = not_applicable(L1_PRICE_COLLAR, "no limit price")
_AGENT = PrincipalKind.AGENT
_NO_OPPOSITE = passed(L1_OPPOSITE_SIDE)
_FIRST = passed(L1_DUPLICATE)
_KEYED = not_applicable(L1_DUPLICATE, "idempotency key given")

_PERP = InstrumentKind.PERP
_HIGHEST = ModeCeiling.LIVE
_RANK = MappingProxyType({"shadow": 0, "paper": 1, "test": 2, "live": 3})


def trading_is_enabled(intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse when trading is off, or the intent, session, strategy or agent does not belong to this process's mode.

    A strategy's or agent's `mode_ceiling` counts shadow < paper < test < live; an agent nobody declared may go as far as paper (SPEC §9).
    """
    mode = limits.mode
    if not limits.trading_enabled:
        return failed(L1_DISABLED, "trading is disabled")
    if intent.mode is not mode:
        return failed(L1_DISABLED, f"asked for {intent.mode}, this process is {mode}")
    if session.mode is not mode:
        return failed(L1_DISABLED, f"the session is {session.mode}, this process is {mode}")
    rules = limits.strategies.get(intent.strategy)
    if rules is None:
        return failed(L1_DISABLED, "strategy not declared")
    if rules.mode_ceiling is not _HIGHEST and _beyond(mode, rules.mode_ceiling):
        return failed(L1_DISABLED, f"strategy may go as far as {rules.mode_ceiling}, this process is {limits.mode}")
    if intent.principal.kind is _AGENT:
        agent = limits.agents.get(intent.principal.name)
        ceiling = agent.mode_ceiling if agent else ModeCeiling.PAPER
        if _beyond(intent.mode, ceiling):
            return failed(L1_DISABLED, f"agent may go as far as {ceiling}, this process is {limits.mode}")
    return _ENABLED


def instrument_is_listed(intent: Intent, _sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse an instrument that is not on the whitelist, not a perpetual, or not of the intent's asset: one leg alone never trades spot."""
    instrument = limits.instruments.get(intent.instrument_id)
    if instrument is None or instrument.asset != intent.asset or intent.asset not in limits.assets:
        return failed(L1_INSTRUMENT_UNKNOWN, intent.instrument_id)
    return _LISTED if instrument.kind is _PERP else failed(L1_INSTRUMENT_UNKNOWN, intent.instrument_id)


def no_cold_wallet_touched(intent: Intent, _sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse an intent that names a cold-storage address, whatever its case; there is no override. INVARIANT: C1"""
    if intent.addresses:
        cold = tuple(address.strip().casefold() for address in limits.cold_addresses)
        if any(address.strip().casefold() in cold for address in intent.addresses):
            return failed(L1_COLD_WALLET, "cold address named")
    return _WARM


def notional_within_maximum(intent: Intent, _sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a notional > the maximum (415 USD, 25 % of the hot wallet); equal passes."""
    notional_usd, limit_usd = intent.notional_usd, limits.notional_usd_max
    return Finding(L1_NOTIONAL_TOO_LARGE, FAILED if notional_usd > limit_usd else PASSED, notional_usd, limit_usd)


def notional_buys_an_order(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a notional that floors to zero lots or under the venue's minimum at the reference price; equal passes.

    Nothing rounds up. The limit shown is the venue's minimum (or one lot) in USD.
    """
    instrument = limits.instruments.get(intent.instrument_id)
    if instrument is None:
        return unknown(L1_NOTIONAL_TOO_SMALL, "instrument missing")
    price = sight.price
    if type(price) is Unfit:
        return unfit(L1_NOTIONAL_TOO_SMALL, price)
    lots, lot, quantity_min = (
        instrument.lots_in(intent.notional_usd, price.value),
        instrument.lot,
        instrument.quantity_min,
    )
    status = PASSED if instrument.accepts(lots, price.value) else FAILED
    smallest_usd = notional_of(price.value, quantity_min if quantity_min > lot else lot)
    if instrument.notional_min_usd > smallest_usd:
        smallest_usd = instrument.notional_min_usd
    return Finding(L1_NOTIONAL_TOO_SMALL, status, intent.notional_usd, smallest_usd)


def stop_is_given(intent: Intent, _sight: Sight, _session: Session, _limits: Limits) -> Finding:
    """Refuse an intent without a stop (or with one <= 0): the strategy's default was already filled in by the intake."""
    if intent.stop_bps is None or intent.stop_bps <= 0:
        return failed(L1_STOP_MISSING, "no stop")
    return _STOP_GIVEN


def stop_is_not_too_wide(intent: Intent, _sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a stop > the maximum (500 bps); equal passes. Judged again after widening."""
    stop_bps, limit_bps = intent.stop_bps, limits.stop_bps_max
    if stop_bps is None:
        return _NO_STOP_TO_JUDGE
    return Finding(L1_STOP_TOO_WIDE, FAILED if stop_bps > limit_bps else PASSED, stop_bps, limit_bps)


def limit_price_within_collar(intent: Intent, sight: Sight, _session: Session, limits: Limits) -> Finding:
    """Refuse a limit price further than the collar (50 bps) from the fresh reference price, on either side; equal passes.

    The distance shown is rounded up, so that "over the limit" and "shown over the limit" are the same.
    """
    if intent.limit_price is None:
        return _NO_LIMIT_PRICE
    price = sight.price
    if type(price) is Unfit:
        return unfit(L1_PRICE_COLLAR, price)
    distance_bps = -(-abs(intent.limit_price - price.value) * BPS_PER_UNIT * ONE // price.value)
    return at_most(L1_PRICE_COLLAR, distance_bps, limits.price_collar_bps)


def no_opposite_side_open(intent: Intent, _sight: Sight, session: Session, _limits: Limits) -> Finding:
    """Refuse while a trade or reservation of the other side is open on the same instrument."""
    if not session.trades and not session.reservations:
        return _NO_OPPOSITE
    for trade in session.trades.values():
        if trade.instrument_id == intent.instrument_id and trade.side is not intent.side:
            return failed(L1_OPPOSITE_SIDE, f"{trade.side} trade {trade.trade_id} is open")
    for reservation in session.reservations.values():
        if reservation.instrument_id == intent.instrument_id and reservation.side is not intent.side:
            return failed(L1_OPPOSITE_SIDE, f"{reservation.side} entry {reservation.decision_id} is under way")
    return _NO_OPPOSITE


def not_a_duplicate(intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse the same principal, instrument, side and notional within the window (2 s, inclusive) without an idempotency key."""
    if intent.idempotency_key is not None:
        return _KEYED
    if not session.recent_intents:
        return _FIRST
    notional_usd = intent.notional_usd
    for recent in session.recent_intents.get(str(intent.principal), ()):
        if recent.notional_usd != notional_usd:
            continue
        age_ns = intent.received_ns - recent.received_ns
        same = recent.instrument_id == intent.instrument_id and recent.side is intent.side
        if same and age_ns <= limits.duplicate_window_ns:
            return Finding(L1_DUPLICATE, FAILED, _seconds(age_ns), _seconds(limits.duplicate_window_ns))
    return _FIRST


def rate_is_kept(intent: Intent, _sight: Sight, session: Session, limits: Limits) -> Finding:
    """Refuse the intent that exceeds 5 in the last second or 60 in the last minute of its principal, itself included; equal passes.

    An intent exactly one second (minute) old no longer counts.
    """
    in_second, in_minute = 1, 1
    if session.recent_intents:
        minute_ago_ns, second_ago_ns = intent.received_ns - MINUTE_NS, intent.received_ns - SECOND_NS
        for recent in session.recent_intents.get(str(intent.principal), ()):
            received_ns = recent.received_ns
            if received_ns > minute_ago_ns:
                in_minute += 1
            if received_ns > second_ago_ns:
                in_second += 1
    in_second_max, in_minute_max = limits.intents_per_second_max, limits.intents_per_minute_max
    if in_second <= in_second_max and in_minute > in_minute_max:
        return Finding(L1_RATE, FAILED, in_minute * ONE, in_minute_max * ONE, "intents in a minute")
    status = FAILED if in_second > in_second_max else PASSED
    return Finding(L1_RATE, status, in_second * ONE, in_second_max * ONE, "intents in a second")


def _beyond(mode: Mode, ceiling: ModeCeiling) -> bool:
    """Say whether a mode lies beyond a ceiling."""
    return _RANK[mode] > _RANK[ceiling]


def _seconds(duration_ns: int) -> int:
    """Return a duration in fixed-point seconds, rounded up."""
    return -(-duration_ns * ONE // SECOND_NS)
