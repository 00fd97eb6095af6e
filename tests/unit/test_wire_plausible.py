"""Jumps and frozen values: doubted against what was believed before, and never for longer than they must be. INVARIANT: F5"""

from __future__ import annotations

import pytest

from tidegate.feeds.wire.outcome import Garbage
from tidegate.feeds.wire.plausible import Doubts, Plausible
from tidegate.model.observation import Book, Channel, Observation, TradePrint
from tidegate.units import MINUTE_NS, ONE, SECOND_NS, fixed

START_NS = 1_790_000_000 * SECOND_NS


def trade(price: int, after_s: int, source: str = "binance:aggTrade") -> TradePrint:
    at_ns = START_NS + after_s * SECOND_NS
    return TradePrint("BTC/USDT:USDT@binance", "BTC", price * ONE, ONE, True, source, at_ns, at_ns)


def book(bid: int, after_s: int) -> Book:
    at_ns = START_NS + after_s * SECOND_NS
    sides = (((bid * ONE, ONE),), (((bid + 1) * ONE, ONE),))
    return Book("BTC/USDT:USDT@binance", "BTC", *sides, "binance:depth", at_ns, at_ns)


def slow(channel: Channel, value: int, after_s: int) -> Observation:
    at_ns = START_NS + after_s * SECOND_NS
    return Observation(channel, "BTC", "binance", value, "source", at_ns, at_ns, SECOND_NS)


@pytest.mark.parametrize(("price", "believed"), [(1_100, True), (1_101, False), (900, True), (899, False)])
def test_a_price_may_move_by_the_limit_and_no_further_within_ten_seconds(price: int, believed: bool) -> None:
    memory = Plausible(Doubts())
    memory.take(trade(1_000, 0))
    assert isinstance(memory.take(trade(price, 10)), TradePrint) is believed


def test_a_doubted_price_does_not_become_the_measure_of_the_next_one() -> None:
    memory = Plausible(Doubts())
    memory.take(trade(1_000, 0))
    assert isinstance(memory.take(trade(5_000, 1)), Garbage)
    assert memory.take(trade(1_001, 2)) == trade(1_001, 2)


def test_a_real_crash_blinds_us_for_ten_seconds_at_most() -> None:
    memory = Plausible(Doubts())
    memory.take(trade(1_000, 0))
    assert isinstance(memory.take(trade(500, 10)), Garbage)
    assert memory.take(trade(500, 11)) == trade(500, 11)


def test_sources_are_judged_each_by_its_own_past() -> None:
    memory = Plausible(Doubts())
    memory.take(trade(1_000, 0))
    assert memory.take(trade(500, 1, "other")) == trade(500, 1, "other")


def test_a_book_that_jumps_is_doubted_like_a_trade() -> None:
    memory = Plausible(Doubts())
    memory.take(book(1_000, 0))
    assert isinstance(memory.take(book(1_200, 1)), Garbage)


def test_a_book_without_any_change_for_over_a_minute_is_frozen_until_it_changes() -> None:
    memory = Plausible(Doubts())
    assert memory.take(book(1_000, 0)) == book(1_000, 0)
    assert memory.take(book(1_000, 60)) == book(1_000, 60)
    frozen = memory.take(book(1_000, 61))
    assert isinstance(frozen, Garbage)
    assert frozen.cause == "binance:depth: frozen"
    assert memory.take(book(1_001, 62)) == book(1_001, 62)


def test_a_health_factor_with_debt_that_never_changes_is_frozen_one_without_debt_is_not() -> None:
    memory = Plausible(Doubts(health_factor_frozen_ns=10 * MINUTE_NS))
    for value, believed in ((fixed("2.45"), False), (1_000_000 * ONE, True)):
        memory.take(slow(Channel.HEALTH_FACTOR, value, 0))
        later = slow(Channel.HEALTH_FACTOR, value, 601)
        assert (memory.take(later) == later) is believed


@pytest.mark.parametrize("channel", [Channel.FUNDING, Channel.POSITIONING, Channel.OPEN_INTEREST, Channel.TIP])
def test_what_really_repeats_is_never_called_frozen_and_may_jump(channel: Channel) -> None:
    memory = Plausible(Doubts())
    for value, after_s in ((ONE, 0), (ONE, 100_000), (90 * ONE, 100_001)):
        assert memory.take(slow(channel, value, after_s)) == slow(channel, value, after_s)


def test_a_vendor_s_price_is_doubted_too() -> None:
    memory = Plausible(Doubts())
    memory.take(slow(Channel.PRICE, 180 * ONE, 0))
    assert isinstance(memory.take(slow(Channel.PRICE, 18_000 * ONE, 2)), Garbage)
