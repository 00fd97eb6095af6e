"""The envelope: what the gate would allow right now, per strategy, instrument and side, so that nobody has to guess.

In: an engine, and who asks. Out: one row each: the largest amount that is approved, the rule that binds just above it (or refuses everything),
and until when that holds if nothing new is heard. It is `decide` itself that is asked, with larger and smaller amounts: there is no second
copy of a rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import product

import msgspec
from msgspec.structs import replace

from tidegate.engine.engine import Engine
from tidegate.errors import InputError
from tidegate.gate.decide import decide
from tidegate.gate.intake import complete
from tidegate.gate.layer3_conditions import feeds_are_fresh
from tidegate.gate.pair_rules import pair_feeds_are_fresh
from tidegate.gate.pair_sight import sight_of_pair
from tidegate.gate.reasons import fix, headline, sentence
from tidegate.gate.sight import sight_of
from tidegate.model.decision import Decision
from tidegate.model.finding import Finding, Reason, Status
from tidegate.model.intent import Intent, Principal, Proposal
from tidegate.model.limits import StrategyKind, StrategyRules
from tidegate.model.observation import Side
from tidegate.model.snapshot import Snapshot
from tidegate.units import MS_NS, ONE, SECOND_NS, Bps, Nanoseconds, Usd

HORIZON_NS: Nanoseconds = 600 * SECOND_NS
_STEP_USD: Usd = ONE // 100
_STEP_NS: Nanoseconds = 100 * MS_NS
_TOO_SMALL = Reason.L1_NOTIONAL_TOO_SMALL
_KEY = "envelope"  # a keyed request is never a duplicate: asking is not repeating


class EnvelopeRow(msgspec.Struct, frozen=True):
    """What one strategy may do now in one direction of one instrument.

    `notional_usd_max` is the largest amount that is approved (0: none), to the cent; it is granted as `granted_usd` and ordered as `ordered_usd`.
    `binding` refuses the next larger amount, or everything. `until_ns`: when the first reading it rests on grows too old, at most 600 s ahead;
    None when nothing is allowed. For a two-leg strategy amounts are per leg and `side` is LONG by convention.
    """

    strategy: str
    display_name: str
    asset: str
    instrument_id: str
    hedge_instrument_id: str
    side: Side
    notional_usd_max: Usd
    granted_usd: Usd
    ordered_usd: Usd
    stop_bps: Bps
    binding: Reason | None
    sentence: str
    fix: str
    warnings: tuple[str, ...]
    until_ns: Nanoseconds | None


class _Question:
    """One strategy, asset and side, to be asked with several amounts at one instant."""

    def __init__(self, engine: Engine, intent: Intent) -> None:
        self.engine, self.intent = engine, intent
        self.snapshot = engine.snapshot_for(intent)

    def ask(self, notional_usd: Usd) -> Decision:
        """Judge one amount."""
        return decide(replace(self.intent, notional_usd=notional_usd), self.snapshot, self.engine.session, self.engine.limits)


def envelope(engine: Engine, principal: Principal, strategy: str | None = None, asset: str | None = None) -> tuple[EnvelopeRow, ...]:
    """Return the rows for one asker, in the order of the configuration: all, or those of one strategy (key or display name) or asset.

    Pure reading; all of it takes some 15 ms. INVARIANT: R3
    """
    asked = _intents(engine, principal)
    return tuple(_row(engine, rules, intent) for rules, intent in asked if _is_wanted(rules, intent, strategy, asset))


def _intents(engine: Engine, principal: Principal) -> Iterator[tuple[StrategyRules, Intent]]:
    """Return an intent of the strategy's base amount per asset and side; what the intake refuses (no such instrument) has no row."""
    for rules in engine.limits.strategies.values():
        sides = (None,) if rules.kind is StrategyKind.ARBITRAGE else tuple(rules.sides)
        for asset, side in product(rules.assets, sides):
            asked = Proposal(principal, rules.key, asset, rules.base_notional_usd, side=side, mode=engine.limits.mode, idempotency_key=_KEY)
            with suppress(InputError):
                yield rules, complete(asked, engine.limits, "Ienvelope", engine.now_ns)


def _is_wanted(rules: StrategyRules, intent: Intent, strategy: str | None, asset: str | None) -> bool:
    named = strategy is None or strategy.strip().casefold() in (rules.key.casefold(), rules.display_name.casefold())
    return named and (asset is None or asset.strip().upper() == intent.asset)


def _row(engine: Engine, rules: StrategyRules, intent: Intent) -> EnvelopeRow:
    question = _Question(engine, intent)
    best_usd, best, above = _largest(question, rules.base_notional_usd, engine.limits.notional_usd_max)
    order = best.order if best is not None else None
    binding = _first_rejecting(above)
    return EnvelopeRow(
        strategy=rules.key,
        display_name=rules.display_name,
        asset=intent.asset,
        instrument_id=order.instrument_id if order is not None else intent.instrument_id,
        hedge_instrument_id=order.legs[1].instrument_id if order is not None and order.legs else intent.hedge_instrument_id,
        side=intent.side,
        notional_usd_max=best_usd,
        granted_usd=best.approved_notional_usd if best is not None else 0,
        ordered_usd=order.notional_usd if order is not None else 0,
        stop_bps=order.stop_bps if order is not None else 0,
        binding=above.primary,
        sentence=headline(above) if binding is None else sentence(binding),
        fix="" if binding is None else fix(binding),
        warnings=_warnings(best) if best is not None else (),
        until_ns=_fresh_until(question) if best is not None else None,
    )


def _largest(question: _Question, base_usd: Usd, most_usd: Usd) -> tuple[Usd, Decision | None, Decision]:
    """Return the largest approved amount with its decision, and the decision that refuses the next larger one."""
    above = question.ask(most_usd)
    if above.approved:
        return most_usd, above, question.ask(most_usd + _STEP_USD)
    low_usd, best = _some_approved(question, base_usd, most_usd)
    if best is None:
        return 0, None, question.ask(base_usd)
    high_usd = most_usd
    while high_usd - low_usd > _STEP_USD:
        middle_usd = (low_usd + high_usd) // 2 // _STEP_USD * _STEP_USD
        if middle_usd <= low_usd:
            break
        tried = question.ask(middle_usd)
        if tried.approved:
            low_usd, best = middle_usd, tried
        else:
            high_usd, above = middle_usd, tried
    return low_usd, best, above


def _some_approved(question: _Question, base_usd: Usd, most_usd: Usd) -> tuple[Usd, Decision | None]:
    """Return an amount that is approved: the base, or a larger one where only whole lots stand in the way."""
    amount_usd = base_usd
    while amount_usd < most_usd:
        tried = question.ask(amount_usd)
        if tried.approved:
            return amount_usd, tried
        if any(each.rejects and each.reason is not _TOO_SMALL for each in tried.findings):
            return _smaller_approved(question, amount_usd)
        amount_usd *= 2
    return 0, None


def _smaller_approved(question: _Question, refused_usd: Usd) -> tuple[Usd, Decision | None]:
    """Return a smaller amount that is approved where the base already is too much (little room left); 0 where nothing is."""
    amount_usd = refused_usd // 2 // _STEP_USD * _STEP_USD
    while amount_usd >= ONE:
        tried = question.ask(amount_usd)
        if tried.approved:
            return amount_usd, tried
        if any(each.rejects and each.reason is _TOO_SMALL for each in tried.findings):
            break
        amount_usd = amount_usd // 2 // _STEP_USD * _STEP_USD
    return 0, None


def _fresh_until(question: _Question) -> Nanoseconds:
    """Return the last tenth of a second at which everything this intent needs is still fresh, at most `HORIZON_NS` ahead."""
    now_ns = question.snapshot.asof_ns
    low, high = 0, HORIZON_NS // _STEP_NS
    while low < high:
        middle = (low + high + 1) // 2
        if _is_fresh_at(question, replace(question.snapshot, asof_ns=now_ns + middle * _STEP_NS)):
            low = middle
        else:
            high = middle - 1
    return now_ns + low * _STEP_NS


def _is_fresh_at(question: _Question, later: Snapshot) -> bool:
    intent, session, limits = question.intent, question.engine.session, question.engine.limits
    if intent.is_pair:
        return not pair_feeds_are_fresh(intent, sight_of_pair(intent, later, session, limits), session, limits).rejects
    return not feeds_are_fresh(intent, sight_of(intent, later, session, limits), session, limits).rejects


def _first_rejecting(decision: Decision) -> Finding | None:
    return next((each for each in decision.findings if each.rejects and each.reason is decision.primary), None)


def _warnings(decision: Decision) -> tuple[str, ...]:
    return tuple(sentence(each) for each in decision.findings if each.status in (Status.WARNED, Status.ADJUSTED))
