"""The intake: from a proposal with gaps to a complete intent, or a clear error. Nothing is judged here but form and names.

In: a proposal, limits, an id, the engine's time. Out: an Intent; InputError names the field, what was given and what is allowed. Defaults
come from the strategy and are the only thing ever filled in. INVARIANT: G3
What is particular to two-leg strategies is in `pair_intake.py`.
"""

from __future__ import annotations

import unicodedata

from tidegate.errors import InputError
from tidegate.gate.pair_intake import pair_of, unwind_bps_of, venues_named
from tidegate.model.intent import Intent, Mode, Proposal
from tidegate.model.limits import Limits, SideRules, StrategyKind, StrategyRules
from tidegate.model.observation import Side
from tidegate.units import ONE, Bps, Nanoseconds

EVIDENCE_CHARS_MAX = 2_000
KEY_CHARS_MAX = 128
ADDRESSES_MAX = 16
_QUOTES = ("USD", "USDT")
_PAIR_FORMS = "a pair such as BTC/USD, BTC/USDT, BTC/USDT:USDT or BTC"


def complete(
    proposal: Proposal,
    limits: Limits,
    intent_id: str,
    received_ns: Nanoseconds,
    market_side_hint: Side | None = None,
) -> Intent:
    """Return the intent a proposal stands for: names resolved, defaults of its strategy filled in, text made safe.

    `market_side_hint` is the one side the market makes legal now, where the caller knows it; it decides only between a strategy's own
    sides. A listed strategy's asset that has no instrument keeps its pair as instrument id: L1_INSTRUMENT_UNKNOWN then rejects it.
    Absent mode means paper. The notional is never multiplied here. Raises InputError.
    A two-leg strategy names both its spot instruments, has no side, targets or prices of its own, and its stop is the cost of unwinding.
    """
    rules = _strategy(proposal.strategy, limits)
    asset = _listed_asset(proposal.pair, rules)
    _require_numbers(proposal)
    hedge_id = ""
    targets_bps: tuple[Bps, ...] = ()
    if rules.kind is StrategyKind.ARBITRAGE:
        instrument_id, hedge_id = pair_of(proposal, asset, rules, limits)
        side, stop_bps = Side.LONG, unwind_bps_of(limits)
    else:
        instrument_id = _instrument_id(proposal, asset, limits)
        side = _side(proposal.side, rules, market_side_hint)
        stop_bps = _stop(proposal.stop_bps, rules.sides[side])
        targets_bps = _targets(proposal.targets_bps, rules.sides[side], len(limits.target_weights_pct))
    return Intent(
        intent_id=intent_id,
        received_ns=received_ns,
        principal=proposal.principal,
        strategy=rules.key,
        instrument_id=instrument_id,
        asset=asset,
        side=side,
        notional_usd=proposal.notional_usd,
        mode=Mode.PAPER if proposal.mode is None else proposal.mode,
        stop_bps=stop_bps,
        targets_bps=targets_bps,
        hold_ns=rules.hold_ns,
        uptick_exit_ns=rules.uptick_exit_ns,
        invalidation=proposal.invalidation,
        limit_price=proposal.limit_price,
        confidence=proposal.confidence,
        idempotency_key=_idempotency_key(proposal.idempotency_key),
        addresses=_addresses(proposal.addresses),
        evidence=_evidence(proposal.evidence),
        hedge_instrument_id=hedge_id,
    )


def plain_text(text: str) -> str:
    """Return text without control, format, surrogate and unassigned characters; line breaks and tabs become spaces. INVARIANT: B3"""
    if text.isascii() and text.isprintable():
        return text
    spaced = (" " if character in "\r\n\t" else character for character in text)
    return "".join(character for character in spaced if not unicodedata.category(character).startswith("C"))


def _strategy(name: str, limits: Limits) -> StrategyRules:
    """Resolve a key or display name, whatever its case."""
    wanted = name.strip().casefold()
    for rules in limits.strategies.values():
        if wanted in (rules.key.casefold(), rules.display_name.casefold()):
            return rules
    known = ", ".join(f"{rules.display_name} ({rules.key})" for rules in limits.strategies.values())
    raise InputError("strategy", name, known or "nothing: no strategy is configured")


def _listed_asset(pair: str, rules: StrategyRules) -> str:
    """Return the asset of a pair that the strategy trades."""
    asset = _asset(pair)
    if asset not in rules.assets:
        raise InputError(
            "pair", pair, f"{_PAIR_FORMS}, of an asset that {rules.display_name} trades: {', '.join(rules.assets)}"
        )
    return asset


def _instrument_id(proposal: Proposal, asset: str, limits: Limits) -> str:
    """Return the perpetual of an asset; where exchanges are named, its venue must be one of them."""
    instrument = limits.instrument_for(asset)
    if instrument is None:
        return proposal.pair.strip().upper()
    named = venues_named(proposal.exchanges)
    if named and instrument.venue not in named:
        given, fix = ", ".join(proposal.exchanges), f"{asset} is traded on {instrument.venue}"
        raise InputError("exchanges", given, f"none, or a list with {instrument.venue}", fix)
    return instrument.instrument_id


def _asset(pair: str) -> str:
    """Return the base asset of a pair in one of the accepted forms."""
    base, slash, quote = pair.strip().upper().partition("/")
    price_quote, colon, settlement = quote.partition(":")
    quoted = price_quote in _QUOTES and (not colon or settlement == price_quote == "USDT")
    if not base.isascii() or not base.isalnum() or (bool(slash) and not quoted):
        raise InputError("pair", pair, _PAIR_FORMS)
    return base


def _side(given: Side | None, rules: StrategyRules, hint: Side | None) -> Side:
    """Return the given side if the strategy has it; without one, the only legal one now."""
    allowed = ", ".join(str(side) for side in rules.sides)
    if given is not None:
        if given not in rules.sides:
            raise InputError("side", str(given), f"{allowed} ({rules.display_name})")
        return given
    if len(rules.sides) == 1:
        return next(iter(rules.sides))
    if hint is not None and hint in rules.sides:
        return hint
    raise InputError("side", "auto", f"{allowed} ({rules.display_name})", "name the side: more than one is legal now")


def _require_numbers(proposal: Proposal) -> None:
    """Raise for numbers that cannot be meant; what is merely too large or too small is the gate's to refuse."""
    if proposal.notional_usd <= 0:
        raise InputError("notional_usd", proposal.notional_usd, "an amount in USD above 0")
    if proposal.limit_price is not None and proposal.limit_price <= 0:
        raise InputError("limit_price", proposal.limit_price, "a price above 0, or none")
    if proposal.confidence is not None and not 0 <= proposal.confidence <= ONE:
        raise InputError("confidence", proposal.confidence, "0 to 1, or none")
    invalidation = proposal.invalidation
    if invalidation is not None and (invalidation.price <= 0 or invalidation.hold_ns < 0):
        raise InputError("invalidation", invalidation, "a price above 0 and a time of 0 or more")


def _stop(given: Bps | None, defaults: SideRules) -> Bps:
    stop_bps = defaults.stop_bps if given is None else given
    if stop_bps <= 0:
        raise InputError("stop_bps", stop_bps, "a distance in bps above 0, or none for the strategy's own")
    return stop_bps


def _targets(given: tuple[Bps, ...], defaults: SideRules, count_max: int) -> tuple[Bps, ...]:
    targets = given or defaults.targets_bps
    rising = all(nearer < further for nearer, further in zip((0, *targets), targets, strict=False))
    if not targets or not rising or len(targets) > count_max:
        raise InputError(
            "targets_bps", targets, f"1 to {count_max} distances in bps above 0, each further than the one before"
        )
    return targets


def _idempotency_key(given: str | None) -> str | None:
    if given is None:
        return None
    if not 0 < len(given) <= KEY_CHARS_MAX or plain_text(given) != given:
        raise InputError("idempotency_key", given, f"1 to {KEY_CHARS_MAX} printable characters, or none")
    return given


def _addresses(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(given) > ADDRESSES_MAX or any(len(address) > KEY_CHARS_MAX for address in given):
        raise InputError("addresses", given, f"at most {ADDRESSES_MAX} of at most {KEY_CHARS_MAX} characters")
    return tuple(plain_text(address) for address in given)


def _evidence(given: str) -> str:
    if len(given) > EVIDENCE_CHARS_MAX:
        raise InputError("evidence", f"{len(given)} characters", f"at most {EVIDENCE_CHARS_MAX} characters")
    return plain_text(given)
