"""The intake: names and pairs in every form, defaults, and clear errors that say what is allowed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.gate_world import AGENT, AT, BTC, LONG, MISSING, OPERATOR, SHORT, SOL, calm, limits, session
from tidegate.errors import InputError
from tidegate.gate.decide import decide
from tidegate.gate.intake import complete
from tidegate.model.finding import Reason
from tidegate.model.intent import Intent, Invalidation, Mode, Proposal
from tidegate.units import MINUTE_NS, ONE, SECOND_NS, fixed


def asked(strategy: str = "BTC_range_scalp", pair: str = "BTC/USD", **changes: Any) -> Proposal:
    """Return a proposal of 25 USD, long, with parts replaced."""
    return msgspec.structs.replace(Proposal(AGENT, strategy, pair, fixed(25), LONG), **changes)


def completed(proposal: Proposal, **changes: Any) -> Intent:
    """Complete a proposal under the seed's limits."""
    return complete(proposal, limits(**changes), "I7", AT)


@pytest.mark.parametrize("name", ["BTC_range_scalp", "btc_RANGE_scalp", "BTC Range Scalp", " btc range scalp "])
@pytest.mark.parametrize("pair", ["BTC/USD", "BTC/USDT", "BTC/USDT:USDT", "BTC", "btc/usd"])
def test_names_and_pairs_are_understood_in_every_form(name: str, pair: str) -> None:
    intent = completed(asked(name, pair))
    assert (intent.strategy, intent.instrument_id, intent.asset) == ("BTC_range_scalp", BTC, "BTC")


def test_gaps_are_filled_from_the_strategy_and_from_nothing_else() -> None:
    intent = completed(asked())
    assert (intent.intent_id, intent.received_ns, intent.principal) == ("I7", AT, AGENT)
    assert (intent.stop_bps, intent.targets_bps) == (fixed(28), (fixed(25), fixed(50), fixed(90)))
    assert (intent.hold_ns, intent.uptick_exit_ns, intent.mode) == (240 * MINUTE_NS, 0, Mode.PAPER)
    assert intent.notional_usd == fixed(25)
    assert (intent.limit_price, intent.confidence, intent.idempotency_key) == (None, None, None)


def test_what_was_given_is_kept() -> None:
    given: dict[str, Any] = {
        "mode": Mode.LIVE,
        "stop_bps": fixed(40),
        "targets_bps": (fixed(30),),
        "limit_price": fixed(108_000),
        "confidence": ONE,
        "idempotency_key": "key-1",
        "addresses": ("bc1q",),
        "invalidation": Invalidation(fixed(110_050), True, 60 * SECOND_NS),
        "evidence": "because",
    }
    intent = completed(asked(**given))
    assert {name: getattr(intent, name) for name in given} == given


def test_the_only_side_a_strategy_has_is_taken_when_none_is_given() -> None:
    assert completed(asked("XRP Corridor", "XRP/USDT", side=None)).side is LONG


def test_with_two_legal_sides_the_market_may_decide_and_otherwise_the_error_names_them() -> None:
    open_question = asked("SOL Fee-Shock Fade", "SOL", side=None)
    hinted = complete(open_question, limits(), "I7", AT, market_side_hint=SHORT)
    assert (hinted.side, hinted.instrument_id) == (SHORT, SOL)
    with pytest.raises(InputError, match="side: got 'auto', allowed: long, short") as caught:
        completed(open_question)
    assert caught.value.path == "side"


@pytest.mark.parametrize(
    ("proposal", "path", "allowed"),
    [
        (asked("moon"), "strategy", "BTC Range Scalp \\(BTC_range_scalp\\), SOL Fee-Shock Fade"),
        (asked(pair="DOGE/USD"), "pair", "of an asset that BTC Range Scalp trades: BTC"),
        (asked(pair="ETH/USD"), "pair", "trades: BTC"),
        (asked(pair="BTC-USD"), "pair", "BTC/USDT:USDT or BTC"),
        (asked(pair="BTC/EUR"), "pair", "BTC/USDT:USDT or BTC"),
        (asked(pair="BTC/USD:USDT"), "pair", "BTC/USDT:USDT or BTC"),
        (asked(pair="BTC/"), "pair", "BTC/USDT:USDT or BTC"),
        (asked(pair=""), "pair", "BTC/USDT:USDT or BTC"),
        (asked("XRP Corridor", "XRP", side=SHORT), "side", "long \\(XRP Corridor\\)"),
        (asked(notional_usd=0), "notional_usd", "above 0"),
        (asked(notional_usd=-1), "notional_usd", "above 0"),
        (asked(stop_bps=0), "stop_bps", "above 0"),
        (asked(targets_bps=(fixed(50), fixed(25))), "targets_bps", "each further"),
        (asked(targets_bps=(0,)), "targets_bps", "above 0"),
        (asked(targets_bps=(1, 2, 3, 4)), "targets_bps", "1 to 3"),
        (asked(limit_price=0), "limit_price", "above 0"),
        (asked(confidence=-1), "confidence", "0 to 1"),
        (asked(confidence=ONE + 1), "confidence", "0 to 1"),
        (asked(invalidation=Invalidation(0, True, 0)), "invalidation", "above 0"),
        (asked(evidence="x" * 2_001), "evidence", "at most 2000 characters"),
        (asked(idempotency_key=""), "idempotency_key", "1 to 128"),
        (asked(idempotency_key="a\nb"), "idempotency_key", "printable"),
        (asked(addresses=("a",) * 17), "addresses", "at most 16"),
    ],
)
def test_bad_input_names_the_field_and_what_is_allowed(proposal: Proposal, path: str, allowed: str) -> None:
    with pytest.raises(InputError, match=allowed) as caught:
        completed(proposal)
    assert caught.value.path == path


def test_evidence_loses_what_could_hide_or_break() -> None:
    evidence = "line one\nline\ttwo \x1b[31m\u200bred\u202e \ud800end"
    assert completed(asked(evidence=evidence)).evidence == "line one line two [31mred end"
    assert len(completed(asked(evidence="x" * 2_000)).evidence) == 2_000


def test_a_strategys_asset_without_an_instrument_is_refused_by_the_whitelist_not_by_a_crash() -> None:
    bounds = limits(instruments={})
    intent = complete(asked(principal=OPERATOR), bounds, "I7", AT)
    assert intent.instrument_id == "BTC/USD"
    decision = decide(intent, calm(price=MISSING), session(), bounds)
    assert decision.primary is Reason.L1_INSTRUMENT_UNKNOWN
