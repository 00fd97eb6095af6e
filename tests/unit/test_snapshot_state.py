"""The market state: what the snapshot carries, with which ages, and what is not taken."""

from __future__ import annotations

import msgspec
import pytest

from tests.support import gate_world
from tests.support.market_tape import START, bar_at, market
from tidegate.model.observation import Bar, Book, Channel, Observation, TradePrint
from tidegate.model.snapshot import BookView, Missing, Reading
from tidegate.units import HOUR_NS, SECOND_NS, fixed

BTC = gate_world.BTC


def observed(
    channel: Channel, value: str, second: int = 0, *, asset: str = "BTC", venue: str = "", poll_s: int = 0
) -> Observation:
    at_ns = START + second * SECOND_NS
    return Observation(
        channel, asset, venue, fixed(value), venue or "feed", at_ns, at_ns, 300 * SECOND_NS, poll_s * SECOND_NS
    )


def book(second: int, mid: int = 108_402, instrument_id: str = BTC) -> Book:
    at_ns = START + second * SECOND_NS
    return Book(
        instrument_id, "BTC", ((fixed(mid) - 10**8, fixed(1)),), ((fixed(mid) + 10**8, fixed(1)),), "okx", at_ns, at_ns
    )


def trade(second: int, price: int, instrument_id: str = BTC) -> TradePrint:
    at_ns = START + second * SECOND_NS
    return TradePrint(instrument_id, "BTC", fixed(price), fixed(1), True, "okx", at_ns, at_ns)


def flat_bar(index: int, price: int, **changes: int) -> Bar:
    return bar_at(index, "BTC", fixed(price), fixed(price), **changes)


def test_nothing_heard_is_missing_everywhere() -> None:
    view = market().view("BTC", START)
    parts = (view.price, view.book, view.positioning, view.funding_a, view.funding_b, view.open_interest)
    assert all(isinstance(part, Missing) for part in (*parts, view.squeeze, view.priority_fee, view.tip_ratio))


def test_an_unknown_asset_is_missing_everywhere() -> None:
    view = market().view("DOGE", START)
    assert view.price == view.book == Missing("unknown asset")
    assert market().reading(Channel.PRICE, "DOGE", START) == Missing("unknown asset")


def test_readings_carry_value_source_and_both_times() -> None:
    state = market()
    state.apply(observed(Channel.POSITIONING, "56.2", 7))
    at_ns = START + 7 * SECOND_NS
    assert state.view("BTC", START + HOUR_NS).positioning == Reading(
        fixed("56.2"), "feed", at_ns, at_ns, 300 * SECOND_NS
    )


def test_the_two_funding_venues_are_kept_apart() -> None:
    state = market()
    state.apply(observed(Channel.FUNDING, "2.9", venue="binance"))
    state.apply(observed(Channel.FUNDING, "-0.7", venue="okx"))
    view = state.view("BTC", START)
    assert isinstance(view.funding_a, Reading)
    assert isinstance(view.funding_b, Reading)
    assert (view.funding_a.value, view.funding_b.value) == (fixed("2.9"), fixed("-0.7"))


def test_a_positioning_reading_is_of_the_kind_its_source_says_whatever_kind_the_limits_pin() -> None:
    state = market()
    assert state.view("BTC", START).positioning_kind == ""
    for second, kind in enumerate(("top_position", "account_ratio", "")):
        state.apply(msgspec.structs.replace(observed(Channel.POSITIONING, "50", second), kind=kind))
        assert state.view("BTC", START + 5 * SECOND_NS).positioning_kind == kind


def test_an_assumed_positioning_is_of_the_pinned_kind() -> None:
    assert market(assume=("positioning=50",)).view("BTC", START).positioning_kind == "account_ratio"


def test_only_the_two_venues_of_the_funding_rule_can_be_assumed() -> None:
    state = market(assume=("funding_a=1", "funding_b=2"))
    said = [state.reading(Channel.FUNDING, "BTC", START, venue) for venue in ("binance", "okx", "bybit")]
    assert [each.value if isinstance(each, Reading) else each for each in said] == [fixed(1), fixed(2), Missing("never received")]


@pytest.mark.parametrize("second, received", [(0, 0), (29, 0), (30, 30), (89, 60), (3_600, 3_600)])
def test_a_virtual_poller_renews_the_receipt_and_not_the_value(second: int, received: int) -> None:
    state = market()
    state.apply(observed(Channel.POSITIONING, "50", poll_s=30))
    reading = state.reading(Channel.POSITIONING, "BTC", START + second * SECOND_NS)
    assert isinstance(reading, Reading)
    assert (reading.received_ns, reading.observed_ns) == (START + received * SECOND_NS, START)


def test_a_reading_older_than_the_last_one_is_ignored_and_counted() -> None:
    state = market()
    state.apply(observed(Channel.POSITIONING, "50", 10))
    late = observed(Channel.POSITIONING, "60", 9)
    state.apply(late)
    reading = state.reading(Channel.POSITIONING, "BTC", START + HOUR_NS)
    assert isinstance(reading, Reading)
    assert reading.value == fixed(50)
    assert state.ignored == {"positioning: time went backward": 1}
    assert state.last_ignored == late


def test_the_same_value_delivered_again_renews_its_receipt() -> None:
    state = market()
    first = observed(Channel.POSITIONING, "50")
    state.apply(first)
    state.apply(msgspec.structs.replace(first, received_ns=START + 60 * SECOND_NS))
    reading = state.reading(Channel.POSITIONING, "BTC", START + 60 * SECOND_NS)
    assert isinstance(reading, Reading)
    assert (reading.received_ns, reading.observed_ns) == (START + 60 * SECOND_NS, START)
    assert state.ignored == {}


def test_bars_trades_and_books_that_run_backward_are_ignored() -> None:
    state = market()
    for event in (
        flat_bar(1, 100),
        flat_bar(1, 200),
        flat_bar(0, 300),
        trade(90, 101),
        trade(80, 400),
        book(91),
        book(90),
    ):
        state.apply(event)
    assert state.ignored == {
        "bar: time went backward": 2,
        "trade: time went backward": 1,
        "book: time went backward": 1,
    }
    tape = state.asset("BTC")
    assert tape.bar == flat_bar(1, 100)
    assert tape.last_price == fixed(101)


def test_events_of_unknown_assets_are_ignored() -> None:
    state = market()
    state.apply(msgspec.structs.replace(flat_bar(0, 1), asset="DOGE", instrument_id="okx:DOGE-USDT-SWAP"))
    state.apply(observed(Channel.FUNDING, "1", asset="DOGE"))
    assert sum(state.ignored.values()) == 2


def test_the_price_is_the_mid_of_the_book_even_when_trades_are_newer() -> None:
    state = market()
    state.apply(trade(0, 108_000))
    state.apply(book(1))
    state.apply(trade(2, 108_100))
    price = state.reading(Channel.PRICE, "BTC", START + 2 * SECOND_NS)
    assert price == Reading(fixed(108_402), "okx", START + SECOND_NS, START + SECOND_NS)


def test_without_any_book_the_price_is_the_newer_of_trade_and_bar_close() -> None:
    state = market()
    state.apply(flat_bar(0, 100))
    assert state.asset("BTC").last_price == fixed(100)
    state.apply(trade(31, 101))
    price = state.reading(Channel.PRICE, "BTC", START)
    assert isinstance(price, Reading)
    assert price.value == fixed(101)


def test_another_listed_instrument_of_the_asset_marks_itself_and_leaves_the_tape_alone() -> None:
    spot = gate_world.instrument(instrument_id="coinbase:BTC-USD", venue="coinbase", kind="spot")
    perp = gate_world.instrument()
    state = market(instruments={perp.instrument_id: perp, spot.instrument_id: spot})
    state.apply(book(0))
    assert state.price_of(spot.instrument_id) == state.price_of(BTC)
    state.apply(book(1, 108_500, spot.instrument_id))
    prices = [state.price_of(name) for name in (BTC, spot.instrument_id)]
    assert [price.value for price in prices if isinstance(price, Reading)] == [fixed(108_402), fixed(108_500)]
    assert state.asset("BTC").books.book == book(0)


def test_an_unlisted_instrument_keeps_its_own_price_and_never_becomes_the_tape() -> None:
    state = market()
    state.apply(book(0, 999, instrument_id="coinbase:BTC-USD"))
    assert isinstance(state.reading(Channel.BOOK, "BTC", START), Missing)
    state.apply(book(0))
    price = state.price_of("coinbase:BTC-USD")
    assert isinstance(price, Reading)
    assert price.value == fixed(999)
    own = state.price_of(BTC)
    assert isinstance(own, Reading)
    assert own.value == fixed(108_402)


def test_where_no_perpetual_is_listed_the_first_instrument_heard_is_the_tape() -> None:
    state = market(instruments={})
    state.apply(book(0, 999, instrument_id="binance:BTCUSDT"))
    state.apply(book(1, 111, instrument_id="bybit:BTCUSDT"))
    price = state.reading(Channel.PRICE, "BTC", START)
    assert isinstance(price, Reading)
    assert price.value == fixed(999)


def test_the_number_of_other_instruments_is_bounded() -> None:
    state = market()
    for number in range(70):
        state.apply(book(0, instrument_id=f"venue{number}:BTC"))
    assert state.ignored == {"book: unknown instrument": 6}


def test_a_snapshot_is_of_one_instant_and_marks_what_was_asked() -> None:
    state = market()
    state.apply(book(0))
    snapshot = state.assemble("BTC", [BTC, gate_world.ETH], START + HOUR_NS)
    assert snapshot.asof_ns == START + HOUR_NS
    assert list(snapshot.marks) == [BTC]
    assert snapshot.marks[BTC].received_ns == START


def test_the_health_factor_is_account_wide_and_none_where_aave_is_not_configured() -> None:
    state = market()
    assert isinstance(state.health_factor(START), Missing)
    state.apply(observed(Channel.HEALTH_FACTOR, "2.45", asset=""))
    reading = state.health_factor(START)
    assert isinstance(reading, Reading)
    assert reading.value == fixed("2.45")
    assert state.reading(Channel.HEALTH_FACTOR, "", START) == reading
    assert market(aave_configured=False).health_factor(START) is None


def test_assumptions_fill_what_is_missing_and_never_replace_what_was_heard() -> None:
    state = market(assume=("positioning=50", "positioning.SOL=60", "funding_b=1", "health_factor=3"))
    state.apply(observed(Channel.POSITIONING, "56.2"))
    later = START + 5
    btc, sol = state.view("BTC", later).positioning, state.view("SOL", later)
    assert isinstance(btc, Reading)
    assert (btc.value, btc.source) == (fixed("56.2"), "feed")
    assert sol.positioning == Reading(fixed(60), "assumed", later, later)
    assert sol.funding_b == Reading(fixed(1), "assumed", later, later)
    assert isinstance(sol.funding_a, Missing)
    assert state.health_factor(later) == Reading(fixed(3), "assumed", later, later)


def test_a_tape_without_books_may_assume_spread_and_depth() -> None:
    state = market(assume=("spread_bps=2", "depth_usd=1000000"))
    assert isinstance(state.view("BTC", START).book, Missing)
    state.apply(flat_bar(0, 100_000))
    view = state.view("BTC", START + 30 * SECOND_NS).book
    assert isinstance(view, BookView)
    assert (view.bid, view.ask, view.mid) == (fixed(99_990), fixed(100_010), fixed(100_000))
    assert (view.spread_bps, view.depth_usd, view.depth_baseline_usd, view.top3_falling) == (
        fixed(2),
        fixed(10**6),
        fixed(10**6),
        False,
    )
    assert view.source == "assumed"
    state.apply(book(31))
    real = state.view("BTC", START + 31 * SECOND_NS).book
    assert isinstance(real, BookView)
    assert real.source == "okx"


def test_an_assumed_spread_without_depth_says_that_depth_is_unknown() -> None:
    state = market(assume=("spread_bps=2",))
    state.apply(flat_bar(0, 100_000))
    view = state.view("BTC", START).book
    assert isinstance(view, BookView)
    assert (view.depth_usd, view.depth_baseline_usd, view.top3_falling) == (0, None, None)
