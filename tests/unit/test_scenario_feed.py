"""The scenario feed: deterministic, on time, and doing what its acts say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.support.tape_files import IDS
from tests.unit.test_scenario_file import PLAIN
from tidegate.errors import InputError
from tidegate.feeds.port import Batch
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.model.observation import Book, Channel, Liquidation, MarketEvent, Observation, Side, TradePrint
from tidegate.units import BPS_PER_UNIT, HOUR_NS, MINUTE_NS, ONE, SECOND_NS, fixed


def scenario(folder: Path, acts: list[dict[str, Any]], **changes: object) -> ScenarioFeed:
    path = folder / "scenario.json"
    path.write_text(json.dumps({**PLAIN, "acts": acts, **changes}))
    return ScenarioFeed(path, 7, IDS)


def seconds(feed: ScenarioFeed, count: int | None = None) -> Iterator[tuple[int, list[MarketEvent]]]:
    for now, events in islice(feed.batches(), count):
        yield (now - feed.description.start_ns) // SECOND_NS, events


def told(feed: ScenarioFeed, channel: Channel) -> list[tuple[int, Observation]]:
    return [
        (at, e) for at, events in seconds(feed) for e in events if isinstance(e, Observation) and e.channel is channel
    ]


def mids(feed: ScenarioFeed) -> dict[int, int]:
    return {at: e.mid for at, events in seconds(feed) for e in events if isinstance(e, Book)}


@pytest.mark.parametrize("name", ["seed-day", "open-market", "crash"])
def test_one_batch_a_second_with_a_book_and_trades_of_every_asset(name: str) -> None:
    feed = ScenarioFeed(name, 7, IDS)
    for number, (now, events) in enumerate(islice(feed.batches(), 120)):
        assert now == feed.description.start_ns + number * SECOND_NS
        perps = [e for e in events if isinstance(e, Book) and e.instrument_id in IDS.values()]
        assert [book.asset for book in perps] == ["BTC", "ETH", "SOL", "XRP"]
        for asset in IDS:
            prints = [e for e in events if isinstance(e, TradePrint) and e.asset == asset]
            assert 1 <= len(prints) <= 3


@pytest.mark.parametrize("name", ["seed-day", "open-market", "crash"])
def test_books_are_never_crossed_and_have_five_levels_within_ten_bps(name: str) -> None:
    for _, events in islice(ScenarioFeed(name, 3, IDS).batches(), 0, 6_000, 10):
        for book in (e for e in events if isinstance(e, Book)):
            assert book.bids[0][0] < book.asks[0][0]
            assert list(book.bids) == sorted(book.bids, reverse=True)
            assert list(book.asks) == sorted(book.asks)
            reach = book.bids[0][0] * 10 // BPS_PER_UNIT
            assert sum(price >= book.bids[0][0] - reach for price, _ in book.bids) >= 5
            assert all(quantity > 0 for _, quantity in book.bids + book.asks)


def test_trades_happen_at_the_touch() -> None:
    for _, events in islice(ScenarioFeed("open-market", 7, IDS).batches(), 100):
        touch = {e.instrument_id: e for e in events if isinstance(e, Book)}
        for trade in (e for e in events if isinstance(e, TradePrint)):
            side = touch[trade.instrument_id].asks if trade.taker_buys else touch[trade.instrument_id].bids
            assert trade.price == side[0][0]
            assert trade.quantity > 0


def test_everything_the_gate_needs_is_heard_in_the_first_second() -> None:
    _, events = next(ScenarioFeed("open-market", 7, IDS).batches())
    heard = {(e.channel, e.asset, e.venue) for e in events if isinstance(e, Observation)}
    for asset in IDS:
        assert {(Channel.FUNDING, asset, "binance"), (Channel.FUNDING, asset, "okx")} <= heard
        for channel in (Channel.POSITIONING, Channel.OPEN_INTEREST, Channel.LIQUIDATIONS):
            assert (channel, asset, "scenario") in heard
    assert (Channel.HEALTH_FACTOR, "", "scenario") in heard


def test_no_fact_is_ever_observed_after_it_was_received() -> None:
    last: dict[tuple[object, ...], int] = {}
    for now, events in islice(ScenarioFeed("seed-day", 7, IDS).batches(), 1_000):
        for e in (e for e in events if isinstance(e, Observation)):
            assert e.observed_ns <= e.received_ns == now
            assert now - e.observed_ns <= e.period_ns + MINUTE_NS
            key = (e.channel, e.asset, e.venue)
            assert e.observed_ns >= last.get(key, 0)
            last[key] = e.observed_ns


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    def start(seed: int) -> list[Batch]:
        return list(islice(ScenarioFeed("seed-day", seed, IDS).batches(), 60))

    assert start(7) == start(7)
    assert start(7) != start(8)


def test_a_feed_plays_from_its_start_every_time() -> None:
    feed = ScenarioFeed("crash", 7, IDS)
    assert list(islice(feed.batches(), 50)) == list(islice(feed.batches(), 50))


def test_fewer_instruments_do_not_change_the_others() -> None:
    def btc(ids: dict[str, str]) -> list[MarketEvent]:
        batches = islice(ScenarioFeed("seed-day", 7, ids).batches(), 60)
        return [e for _, events in batches for e in events if isinstance(e, Book) and e.instrument_id == IDS["BTC"]]

    assert btc(IDS) == btc({"BTC": IDS["BTC"]})


def test_instruments_of_no_asset_of_the_scenario_are_refused() -> None:
    with pytest.raises(InputError, match="at least one of BTC"):
        ScenarioFeed("seed-day", 7, {"DOGE": "okx:DOGE-USDT-SWAP"})


def test_a_move_arrives_where_it_says_and_its_taker_pays(tmp_path: Path) -> None:
    feed = scenario(
        tmp_path, [{"at": "00:02:00", "act": "move", "asset": "BTC", "to": 98, "over": "00:01:00", "taker": "sell"}]
    )
    price = mids(feed)
    assert abs(price[110] - fixed(100)) < fixed("0.3")
    assert abs(price[150] - fixed(99)) < fixed("0.3")
    assert abs(price[200] - fixed(98)) < fixed("0.3")
    prints = [e for at, events in seconds(feed) if 120 <= at < 180 for e in events if isinstance(e, TradePrint)]
    assert sum(e.quantity if e.taker_buys else -e.quantity for e in prints) < 0


def test_a_fact_changes_at_once_or_in_a_line(tmp_path: Path) -> None:
    acts = [
        {"at": "00:02:00", "act": "set", "what": "health_factor", "to": 2.15},
        {"at": "00:04:00", "act": "set", "what": "health_factor", "to": 1.95, "over": "00:02:00"},
    ]
    values = dict(told(scenario(tmp_path, acts), Channel.HEALTH_FACTOR))
    assert [values[at].value for at in (108, 120, 240, 300, 360)] == [
        fixed(v) for v in ("2.45", "2.15", "2.15", "2.05", "1.95")
    ]


def test_positioning_is_five_minute_buckets_read_every_minute(tmp_path: Path) -> None:
    acts = [{"at": "00:02:00", "act": "set", "what": "positioning/BTC", "to": 60}]
    found = told(scenario(tmp_path, acts), Channel.POSITIONING)
    assert [at for at, _ in found] == list(range(0, 601, 60))
    assert [e.value for at, e in found if at < 300] == [fixed("51.5")] * 5
    assert [e.value for at, e in found if at >= 300] == [fixed(60)] * 6
    assert {(e.observed_ns % (5 * MINUTE_NS), e.period_ns) for _, e in found} == {(0, 5 * MINUTE_NS)}


def test_an_outage_silences_only_what_it_names_and_heals(tmp_path: Path) -> None:
    acts = [{"at": "00:02:00", "act": "outage", "what": ["positioning/*", "book/BTC"], "lasts": "00:03:00"}]
    feed = scenario(tmp_path, acts)
    assert [at for at, _ in told(feed, Channel.POSITIONING)] == [0, 60, 300, 360, 420, 480, 540, 600]
    heard = mids(feed)
    assert [at for at in range(601) if at not in heard] == list(range(120, 300))
    assert len(told(feed, Channel.HEALTH_FACTOR)) == 51
    assert all(any(isinstance(e, TradePrint) for e in events) for _, events in seconds(feed))


def test_a_thin_book_holds_less_and_may_be_wider(tmp_path: Path) -> None:
    acts = [{"at": "00:02:00", "act": "thin", "asset": "BTC", "depth": 0.25, "spread_ticks": 3, "lasts": "00:01:00"}]
    books = {at: e for at, events in seconds(scenario(tmp_path, acts)) for e in events if isinstance(e, Book)}

    def depth(book: Book) -> int:
        return sum(quantity for _, quantity in book.bids + book.asks)

    assert depth(books[150]) * 3 < depth(books[60])
    assert depth(books[200]) * 2 > depth(books[60])
    assert [books[at].asks[0][0] - books[at].bids[0][0] for at in (60, 150, 200)] == [
        fixed(t) for t in ("0.1", "0.3", "0.1")
    ]


def test_liquidations_are_events_and_a_five_minute_total(tmp_path: Path) -> None:
    acts = [{"at": "00:01:00", "act": "liquidate", "asset": "BTC", "side": "short", "usd": 6_000, "over": "00:01:00"}]
    feed = scenario(tmp_path, acts)
    events = [e for _, events in seconds(feed) for e in events if isinstance(e, Liquidation)]
    assert sum(e.notional_usd for e in events) == fixed(6_000)
    assert {e.liquidated_side for e in events} == {Side.SHORT}
    totals = {at: e.value for at, e in told(feed, Channel.LIQUIDATIONS)}
    assert list(totals) == list(range(0, 601, 30))
    assert [totals[at] for at in (30, 120, 360, 600)] == [0, fixed(6_000), fixed(6_000) - fixed(100), 0]


def test_long_liquidations_are_not_counted_as_shorts(tmp_path: Path) -> None:
    acts = [{"at": "00:01:00", "act": "liquidate", "asset": "BTC", "side": "long", "usd": 6_000, "over": "00:01:00"}]
    assert {e.value for _, e in told(scenario(tmp_path, acts), Channel.LIQUIDATIONS)} == {0}


@pytest.mark.parametrize("seed", [1, 7])
def test_the_open_market_stays_calm_and_its_arbitrage_window_open_from_the_first_second(seed: int) -> None:
    """22 to 27 bps net of both fees of 5 bps, at the touch, in dollars: over the 20 that Coinbase-OKX demands at any moment."""
    feed = ScenarioFeed("open-market", seed, IDS)
    assert feed.description.end_ns is None
    rate = 0
    for now, events in islice(feed.batches(), 7_200):
        book = {e.instrument_id: e for e in events if isinstance(e, Book)}
        rate = next((e.value for e in events if isinstance(e, Observation) and e.channel is Channel.RATE), rate)
        dear, cheap = book["coinbase:BTC-USD"].bids[0][0], book["okx:BTC-USDT"].asks[0][0] * rate // ONE
        net_bps = (dear * 9_995 - cheap * 10_005) * ONE // cheap
        assert fixed(22) < net_bps < fixed(27), now
        assert abs(book[IDS["BTC"]].mid - fixed(108_402)) < fixed(400), now


def test_the_premium_of_the_open_market_has_no_gap_where_it_begins_again(tmp_path: Path) -> None:
    act = {
        "at": "00:00:00",
        "act": "premium",
        "spot": "coinbase:BTC-USD",
        "bps": 30,
        "lasts": "00:01:00",
        "every": "00:01:00",
    }
    spots = {"coinbase:BTC-USD": {"asset": "BTC", "tick": 0.01, "noise_bps": 0, "level_usd": 1000}}
    feed = scenario(tmp_path, [act], spots=spots, duration="00:05:00")
    for at, events in seconds(feed):
        price = {e.instrument_id: e.bids[0][0] for e in events if isinstance(e, Book)}
        assert price["coinbase:BTC-USD"] > price[IDS["BTC"]] * 1_002 // 1_000, at


@pytest.mark.parametrize("name", ["seed-day", "open-market", "crash"])
def test_the_rate_of_tether_is_told_from_the_first_second_and_hardly_moves(name: str) -> None:
    feed = ScenarioFeed(name, 7, IDS)
    assert "rate/USDT" in feed.description.provides
    rates = {
        at: e
        for at, events in seconds(feed, 600)
        for e in events
        if isinstance(e, Observation) and e.channel is Channel.RATE
    }
    assert list(rates) == list(range(0, 600, 2))
    values = [each.value for each in rates.values()]
    assert len(set(values)) > 50
    assert max(values) - min(values) < fixed("0.00003")
    assert {each.asset for each in rates.values()} == {"USDT"}


def test_a_rate_can_fall_silent(tmp_path: Path) -> None:
    act = {"at": "00:00:10", "act": "outage", "what": ["rate/USDT"], "lasts": "00:00:20"}
    feed = scenario(tmp_path, [act], opening={"rate/USDT": 0.9998}, duration="00:01:00")
    assert [at for at, _ in told(feed, Channel.RATE)] == [*range(0, 10, 2), *range(30, 61, 2)]


def test_the_open_market_does_not_grow() -> None:
    feed = ScenarioFeed("open-market", 7, IDS)
    sizes = [len(events) for _, events in islice(feed.batches(), 3_600)]
    assert max(sizes[:600]) >= max(sizes[600:])


def test_spot_books_name_two_venues_and_come_after_the_perpetuals() -> None:
    feed = ScenarioFeed("seed-day", 7, IDS)
    assert feed.description.spot_venues == ("coinbase", "okx")
    _, events = next(feed.batches())
    ids = [e.instrument_id for e in events if isinstance(e, Book)]
    assert ids == [*(IDS[asset] for asset in ("BTC", "ETH", "SOL", "XRP")), "coinbase:BTC-USD", "okx:BTC-USDT"]


def test_the_crash_falls_from_121_000_to_101_500() -> None:
    found = [
        e.mid
        for _, events in ScenarioFeed("crash", 7, {"BTC": IDS["BTC"]}).batches()
        for e in events
        if isinstance(e, Book)
    ]
    assert max(found) > fixed(120_500)
    assert fixed(101_000) < min(found) < fixed(102_000)


def test_the_seed_day_opens_with_the_seed_s_facts() -> None:
    feed = ScenarioFeed("seed-day", 7, IDS)
    assert feed.description.start_ns == 1_760_875_200 * SECOND_NS
    assert feed.description.end_ns == feed.description.start_ns + 5 * HOUR_NS
    _, events = next(feed.batches())
    facts = {(e.channel, e.asset, e.venue): e.value for e in events if isinstance(e, Observation)}
    assert facts[Channel.POSITIONING, "BTC", "scenario"] == fixed("56.2")
    assert facts[Channel.FUNDING, "BTC", "binance"] - facts[Channel.FUNDING, "BTC", "okx"] == fixed("3.6")
    assert facts[Channel.OPEN_INTEREST, "BTC", "scenario"] == fixed("2.98")
    assert facts[Channel.HEALTH_FACTOR, "", "scenario"] == fixed("2.45")
