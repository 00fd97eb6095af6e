"""The intake of two-leg strategies: venues in any order and case, defaults, and errors that say what a pair does not have."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support import gate_world
from tests.support import pair_world as world
from tests.support.pair_world import AT, CB, KEY, OKX
from tidegate.errors import InputError
from tidegate.gate.decide import decide
from tidegate.gate.intake import complete
from tidegate.model.finding import Reason
from tidegate.model.intent import Intent, Invalidation, Proposal
from tidegate.model.limits import Limits
from tidegate.units import MINUTE_NS, fixed


def asked(strategy: str = "Cross-Exchange Arbitrage", **changes: Any) -> Proposal:
    """Return what the seed's client sends, with parts replaced."""
    sent = Proposal(gate_world.AGENT, strategy, "BTC/USD", fixed(25), exchanges=("coinbase", "okx"))
    return msgspec.structs.replace(sent, **changes)


def completed(proposal: Proposal, limits: Limits | None = None) -> Intent:
    return complete(proposal, limits or world.limits(), "I7", AT)


@pytest.mark.parametrize("exchanges", [(), ("coinbase", "okx"), ("OKX", " Coinbase ")])
@pytest.mark.parametrize("name", [KEY, "cross-exchange ARBITRAGE"])
def test_two_venues_in_any_order_and_case_or_none_mean_both_instruments_in_the_configured_order(
    exchanges: tuple[str, ...], name: str
) -> None:
    intent = completed(asked(name, exchanges=exchanges))
    assert (intent.instrument_id, intent.hedge_instrument_id) == (CB, OKX)
    assert intent.is_pair


def test_the_configured_order_is_the_order_of_the_legs() -> None:
    turned = world.limits(arbitrage=world.arbitrage(venues=("okx", "coinbase")))
    intent = completed(asked(), turned)
    assert (intent.instrument_id, intent.hedge_instrument_id) == (OKX, CB)


def test_a_pair_has_no_side_targets_or_prices_and_its_stop_is_the_cost_of_unwinding() -> None:
    intent = completed(asked(mode=None, confidence=fixed("0.9"), idempotency_key="k", evidence="spread"))
    assert (intent.side, intent.stop_bps, intent.targets_bps) == (gate_world.LONG, fixed(28), ())
    assert (intent.limit_price, intent.invalidation, intent.uptick_exit_ns) == (None, None, 0)
    assert (intent.notional_usd, intent.hold_ns) == (fixed(25), 240 * MINUTE_NS)
    assert (intent.confidence, intent.idempotency_key, intent.evidence) == (fixed("0.9"), "k", "spread")


def test_the_seeds_request_is_approved_in_the_calm_pair_world() -> None:
    limits = world.limits()
    assert decide(completed(asked(), limits), world.snapshot(), gate_world.session(), limits).approved


@pytest.mark.parametrize(
    ("changes", "path", "allowed"),
    [
        ({"exchanges": ("coinbase",)}, "exchanges", "two different ones of coinbase, okx, or none"),
        ({"exchanges": ("coinbase", "okx", "kraken")}, "exchanges", "two different ones of coinbase, okx"),
        ({"exchanges": ("coinbase", "kraken")}, "exchanges", "got 'coinbase, kraken'"),
        ({"exchanges": ("okx", "OKX")}, "exchanges", "two different ones"),
        ({"exchanges": ("x" * 65, "okx")}, "exchanges", "at most 8 names of at most 64 characters"),
        ({"exchanges": ("okx",) * 9}, "exchanges", "got '9 names'"),
        ({"side": gate_world.LONG}, "side", "allowed: auto"),
        ({"side": gate_world.SHORT}, "side", "buys where it is cheap"),
        ({"stop_bps": fixed(28)}, "stop_bps", "a pair has none: its risk is unwind_bps \\(28\\)"),
        ({"targets_bps": (fixed(25),)}, "targets_bps", "a pair has none"),
        ({"limit_price": fixed(108_000)}, "limit_price", "a pair has none"),
        ({"invalidation": Invalidation(fixed(1), True, 0)}, "invalidation", "a pair has none"),
        ({"notional_usd": 0}, "notional_usd", "above 0"),
        ({"pair": "DOGE/USD"}, "pair", "trades: BTC, ETH"),
    ],
)
def test_what_a_pair_does_not_have_is_refused_with_the_reason(changes: dict[str, Any], path: str, allowed: str) -> None:
    with pytest.raises(InputError, match=allowed) as caught:
        completed(asked(**changes))
    assert caught.value.path == path


def test_without_arbitrage_in_the_limits_a_two_leg_strategy_is_bad_input() -> None:
    with pytest.raises(InputError, match="no arbitrage is configured"):
        completed(asked(), world.limits(arbitrage=None))


def test_a_market_that_is_not_listed_becomes_an_intent_that_the_gate_rejects_by_name() -> None:
    bare = world.limits()
    bare = msgspec.structs.replace(bare, instruments={k: v for k, v in bare.instruments.items() if k != OKX})
    intent = completed(asked(), bare)
    assert intent.hedge_instrument_id == "okx:BTC/USD"
    decision = decide(intent, world.snapshot(), gate_world.session(), bare)
    assert decision.primary is Reason.L1_INSTRUMENT_UNKNOWN


@pytest.mark.parametrize("exchanges", [(), ("okx",), ("OKX", "coinbase")])
def test_a_single_leg_strategy_takes_exchanges_that_name_its_venue(exchanges: tuple[str, ...]) -> None:
    intent = completed(asked("BTC Range Scalp", side=gate_world.LONG, exchanges=exchanges))
    assert (intent.instrument_id, intent.hedge_instrument_id, intent.is_pair) == (gate_world.BTC, "", False)


def test_a_single_leg_strategy_refuses_exchanges_without_its_venue() -> None:
    with pytest.raises(InputError, match="exchanges: got 'coinbase', allowed: none, or a list with okx"):
        completed(asked("BTC Range Scalp", side=gate_world.LONG, exchanges=("coinbase",)))
