"""Spot books and conversion rates in the market state: legs of a pair, marks in USD, and nothing assumed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support import pair_world as world
from tests.support.market_tape import START, STATIC_BANDS
from tests.support.pair_world import CB, OKX
from tidegate.gate.sight import Unfit, fit
from tidegate.model.limits import StaleLimits
from tidegate.model.observation import Book, Channel, Observation
from tidegate.model.snapshot import LegView, Missing, Reading, Snapshot
from tidegate.snapshot.assumptions import Assumptions
from tidegate.snapshot.spot import LEG_LEVELS_MAX
from tidegate.snapshot.state import MarketState
from tidegate.units import ONE, SECOND_NS, fixed

RATE_NS = 30 * SECOND_NS


def market(**changes: Any) -> MarketState:
    stale = {**world.limits().stale, Channel.RATE: StaleLimits(RATE_NS, RATE_NS)}
    return MarketState(world.limits(stale=stale, **changes), Assumptions(), STATIC_BANDS)


def rate(value: str = "0.9998", second: int = 0, currency: str = "USDT") -> Observation:
    at_ns = START + second * SECOND_NS
    return Observation(Channel.RATE, currency, "feed", fixed(value), "feed", at_ns, at_ns, 2 * SECOND_NS)


def book(name: str = OKX, second: int = 0, bid: int = 108_600, count: int = 1) -> Book:
    at_ns = START + second * SECOND_NS
    bids = world.levels(fixed(bid), -ONE, *(ONE,) * count)
    asks = world.levels(fixed(bid) + ONE, ONE, *(ONE,) * count)
    return Book(name, "BTC", bids, asks, "feed", at_ns, at_ns)


def assembled(state: MarketState, second: int = 0, pair: tuple[str, str] = (CB, OKX)) -> tuple[LegView | Missing, ...]:
    snapshot = state.assemble("BTC", (), START + second * SECOND_NS, pair=pair)
    assert snapshot.pair is not None
    return snapshot.pair.first, snapshot.pair.second


def test_a_leg_carries_its_book_with_both_times_and_the_rate_of_its_currency_with_its_own() -> None:
    state = market()
    for event in (rate(second=1), book(second=3)):
        state.apply(event)
    _, leg = assembled(state)
    assert isinstance(leg, LegView)
    assert (leg.instrument_id, leg.observed_ns, leg.received_ns) == (OKX, *(START + 3 * SECOND_NS,) * 2)
    assert leg.rate == Reading(fixed("0.9998"), "feed", START + SECOND_NS, START + SECOND_NS)


def test_a_dollar_book_is_worth_exactly_its_price_as_of_its_own_times() -> None:
    state = market()
    state.apply(book(CB, 3))
    leg, _ = assembled(state)
    assert isinstance(leg, LegView)
    assert leg.rate == Reading(ONE, "usd", START + 3 * SECOND_NS, START + 3 * SECOND_NS)
    assert state.price_of(CB) == Reading(fixed("108600.5"), "feed", START + 3 * SECOND_NS, START + 3 * SECOND_NS)


def test_without_a_rate_a_tether_book_has_no_price_and_its_leg_no_rate() -> None:
    """INVARIANT: F1. Never one, never the price of the perpetual."""
    state = market()
    state.apply(book(world.world.BTC))
    state.apply(book(OKX))
    _, leg = assembled(state)
    assert isinstance(leg, LegView)
    assert isinstance(leg.rate, Missing)
    assert isinstance(state.price_of(OKX), Missing)
    assert isinstance(state.price_of(CB), Missing)


def test_a_spot_price_in_dollars_is_as_old_as_its_price_while_its_rate_may_be_used() -> None:
    """A rate may be 30 s old and a price 5 s: a rate that comes every 20 s must not leave an open pair without a mark. INVARIANT: F2"""
    state = market()
    bounds = world.limits().stale[Channel.PRICE]
    for event in (rate("0.99", 1), book(OKX, 30)):
        state.apply(event)
    price = state.price_of(OKX)
    assert price == Reading(fixed("107514.495"), "feed", START + 30 * SECOND_NS, START + 26 * SECOND_NS)
    assert type(fit("mark", price, bounds, START + 31 * SECOND_NS)) is Reading
    assert type(fit("mark", price, bounds, START + 31 * SECOND_NS + 1)) is Unfit  # the rate is older than 30 s
    state.apply(rate("0.99", 31))
    assert state.price_of(OKX) == Reading(fixed("107514.495"), "feed", START + 30 * SECOND_NS, START + 30 * SECOND_NS)


def test_books_are_cut_to_their_best_levels() -> None:
    state = market()
    state.apply(book(OKX, count=20))
    _, leg = assembled(state)
    assert isinstance(leg, LegView)
    assert (len(leg.bids), len(leg.asks)) == (LEG_LEVELS_MAX, LEG_LEVELS_MAX)
    assert (leg.bids[0], leg.asks[0]) == ((fixed(108_600), ONE), (fixed(108_601), ONE))


def test_what_was_not_heard_or_is_not_listed_is_missing() -> None:
    assert assembled(market()) == (Missing("no order book received yet"),) * 2
    state = market()
    state.apply(book("kraken:BTC-USD"))
    state.apply(book(world.world.BTC))
    assert assembled(state, pair=("kraken:BTC-USD", world.world.BTC)) == (Missing("not a listed spot instrument"),) * 2


def test_a_single_leg_snapshot_has_no_pair() -> None:
    assert market().assemble("BTC", (), START).pair is None


def test_a_snapshot_with_a_pair_survives_the_journal_and_one_without_says_nothing_of_pairs() -> None:
    state = market()
    for event in (rate(), book(OKX)):
        state.apply(event)
    snapshot = state.assemble("BTC", (), START, pair=(CB, OKX))
    written = msgspec.json.encode(snapshot, order="deterministic")
    assert msgspec.json.decode(written, type=Snapshot) == snapshot
    assert b"pair" not in msgspec.json.encode(state.assemble("BTC", (), START))


def test_marks_of_spot_instruments_are_in_dollars() -> None:
    state = market()
    for event in (rate("0.99"), book(OKX), book(CB)):
        state.apply(event)
    marks = state.assemble("BTC", (OKX, CB), START).marks
    assert {name: mark.value for name, mark in marks.items()} == {OKX: fixed("107514.495"), CB: fixed("108600.5")}


def test_a_spot_book_never_becomes_the_tape_of_its_asset() -> None:
    state = market(instruments={OKX: world.spot("okx")})
    state.apply(book(OKX))
    assert isinstance(state.view("BTC", START).book, Missing)


@pytest.mark.parametrize(
    "event", [rate(currency="EUR"), rate(second=-5), book(OKX, -5)], ids=["unknown", "old rate", "old book"]
)
def test_other_currencies_and_what_runs_backward_are_counted_and_not_taken(event: Observation | Book) -> None:
    state = market()
    for each in (rate(), book(OKX), event):
        state.apply(each)
    assert sum(state.ignored.values()) == 1
    assert state.rate("EUR") == Missing("no conversion rate received yet")
    assert state.rate("USDT") == Reading(fixed("0.9998"), "feed", START, START)


def test_a_rate_is_fresh_for_thirty_seconds_whatever_its_period() -> None:
    state = market()
    state.apply(rate())
    assert state.lasts_until_ns(Channel.RATE, "USDT", START) == START + RATE_NS
    assert state.lasts_until_ns(Channel.RATE, "USDC", START) is None
