"""The real captures beside the project, read by the wire parsers: counts and ranges are printed (`pytest -s`). Skipped where they are absent."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tidegate.feeds.l2_book import DepthBook, DepthUpdate
from tidegate.feeds.wire import binance_usdm, bybit_v5, coinglass_v4, hyperliquid, jito_tips, okx_v5, solana_fees
from tidegate.feeds.wire.depth import Depth
from tidegate.feeds.wire.local_book import Continuation, LocalBook, Resync
from tidegate.feeds.wire.market import Market
from tidegate.feeds.wire.outcome import Garbage, Outcome
from tidegate.model.observation import Book, Observation, TradePrint
from tidegate.units import HOUR_NS, MS_NS, ONE, SECOND_NS, render

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("TIDEGATE_DATA") or ROOT.parent / "shared" / "data")
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the recorded market beside the project (or TIDEGATE_DATA)"
)
LATER_NS = 1_795_000_000_000 * MS_NS
FIXTURES = DATA / "venue_fixtures"
CAPTURES = DATA / "ws_captures"


def market(venue: str, symbol: str, contract_value: int = ONE) -> Market:
    return Market(venue, symbol, symbol[:3], f"{symbol}@{venue}", contract_value)


def ranged(values: list[int], places: int = 4) -> str:
    return f"{len(values)} from {render(min(values), places)} to {render(max(values), places)}" if values else "none"


Reader = Callable[[bytes, Market], Any]


def _binance(raw: bytes, of: Market) -> Any:
    return binance_usdm.message(raw, {of.symbol: of}, LATER_NS)


def _okx(raw: bytes, of: Market) -> Any:
    return okx_v5.message(raw, {of.symbol: of}, LATER_NS)


def _bybit(raw: bytes, of: Market) -> Any:
    return bybit_v5.message(raw, {of.symbol: of}, LATER_NS)


FIXTURE_READERS: tuple[tuple[str, Reader, str, int], ...] = (
    ("binance_usdm/book_ticker_stream", _binance, "BNBUSDT", 0),
    ("binance_usdm/kline_stream_closed", _binance, "BTCUSDT", 0),
    ("binance_usdm/kline_stream_open", _binance, "BTCUSDT", 0),
    ("binance_usdm/ticker_stream", _binance, "BTCUSDT", 0),
    ("binance_usdm/liquidation_stream", _binance, "BTCUSDT", 1),
    ("binance_usdm/mark_price_stream", _binance, "BTCUSDT", 1),
    ("bybit/http_get_orderbook", lambda raw, of: bybit_v5.depth_snapshot(raw, of, LATER_NS), "BTCUSDT", 1),
    ("bybit/ws_orderbook_snapshot", _bybit, "BTCUSDT", 1),
    ("bybit/ws_orderbook_delta", _bybit, "BTCUSDT", 1),
    ("bybit/ws_ticker_linear", _bybit, "BTCUSDT", 1),
    ("bybit/ws_kline", _bybit, "BTCUSDT", 0),
    ("bybit/ws_subscription_ack", _bybit, "BTCUSDT", 0),
    ("okx/ws_books_snapshot", _okx, "BTC-USDT", 1),
    ("okx/ws_books_update", _okx, "BTC-USDT", 1),
    ("okx/ws_bbo_tbt", _okx, "BTC-USDT", 1),
    ("okx/ws_trades", _okx, "BTC-USD", 1),
    ("okx/ws_funding_rate", _okx, "BTC-USDT-SWAP", 1),
    ("okx/ws_tickers", _okx, "BTC-USDT", 0),
    ("okx/ws_candle", _okx, "BTC-USDT", 0),
    ("okx/http_get_trades", lambda raw, of: okx_v5.trades(raw, of, LATER_NS), "BTC-USDT", 2),
    ("hyperliquid/http_l2_book_btc", lambda raw, of: hyperliquid.l2_book(raw, {"BTC": of}, LATER_NS), "BTC", 1),
    ("hyperliquid/http_l2_book_snapshot", lambda raw, of: hyperliquid.l2_book(raw, {"BTC": of}, LATER_NS), "BTC", 1),
    ("hyperliquid/ws_book_data", lambda raw, of: hyperliquid.l2_book(raw, {"BTC": of}, LATER_NS), "BTC", 1),
    ("hyperliquid/http_recent_trades_btc", lambda raw, of: hyperliquid.recent_trades(raw, {"BTC": of}, LATER_NS), "BTC", 3),
    ("hyperliquid/ws_allmids", lambda raw, of: hyperliquid.message(raw, {"BTC": of}, LATER_NS), "BTC", 0),
)  # fmt: skip


@pytest.mark.parametrize(("name", "read", "symbol", "gives"), FIXTURE_READERS, ids=[row[0] for row in FIXTURE_READERS])
def test_single_messages_of_the_venues_are_read(name: str, read: Reader, symbol: str, gives: int) -> None:
    found = read((FIXTURES / f"{name}.json").read_bytes(), market("any", symbol))
    assert isinstance(found, tuple), found
    assert len(found) == gives
    print(f"\n{name}: {[type(each).__name__ for each in found]}")


MADE_UP_TIMES = ("agg_trade_stream", "depth_update_stream", "trade_stream")


@pytest.mark.parametrize("name", MADE_UP_TIMES)
def test_documentation_samples_with_made_up_times_are_refused(name: str) -> None:
    raw = (FIXTURES / "binance_usdm" / f"{name}.json").read_bytes()
    assert isinstance(_binance(raw, market("binance", "BTCUSDT")), Garbage)


def test_no_fixture_of_any_venue_makes_a_parser_raise() -> None:
    outcomes: Counter[str] = Counter()
    for path in sorted(FIXTURES.rglob("*.json")):
        for read in (_binance, _okx, _bybit, FIXTURE_READERS[-1][1]):
            outcomes[type(read(path.read_bytes(), market("any", "BTCUSDT"))).__name__] += 1
    print(f"\nfixtures x readers: {dict(outcomes)}")
    assert outcomes["Garbage"] > 100


def test_all_contexts_of_hyperliquid_s_main_dex_are_read() -> None:
    pushed = json.loads((FIXTURES / "hyperliquid" / "ws_all_dexs_asset_ctxs.json").read_text())
    contexts = pushed["data"]["ctxs"][0][1]
    names = [f"COIN{place}" for place in range(len(contexts))]
    markets = {name: Market("hyperliquid", name, name, name) for name in names}
    answer = [{"universe": [{"name": name} for name in names]}, contexts]
    found = hyperliquid.meta_and_asset_contexts(json.dumps(answer), markets, LATER_NS)
    assert isinstance(found, tuple), found
    rates = [each.value for each in found if isinstance(each, Observation)]
    print(f"\nhyperliquid funding bps/8h: {ranged(rates)}; open interest of {len(found) - len(rates)} coins")
    assert len(rates) == len(contexts) > 100


# WebSocket captures


def stamped(name: str) -> Iterator[tuple[int, str]]:
    """Yield `(receipt ns, text)` of the messages that came in."""
    with (CAPTURES / name).open() as lines:
        for line in lines:
            time_text, colon, text = line.partition(": ")
            if colon and time_text[:1].isdigit():
                yield int(Decimal(time_text) * SECOND_NS), text


def test_the_binance_capture_of_2021_gives_four_right_books_and_its_trades() -> None:
    symbols = ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT")
    markets = {symbol: market("binance", symbol) for symbol in symbols}
    books = {symbol: LocalBook(markets[symbol], Continuation.BINANCE, "binance:depth") for symbol in symbols}
    seen: Counter[str] = Counter()
    snapshots = list(_http_snapshots(markets))
    for received_ns, text in stamped("cryptofeed_BINANCE_FUTURES.ws.1.0.txt"):
        while snapshots and snapshots[0].received_ns <= received_ns:
            first = snapshots.pop(0)
            seen[type(books[first.symbol].take(first)).__name__] += 1
        found = binance_usdm.message(text, markets, received_ns)
        assert isinstance(found, tuple), found
        for each in found:
            answer = books[each.symbol].take(each) if isinstance(each, Depth) else each
            seen[type(answer).__name__] += 1
    print(f"\nbinance 2021: {dict(seen)}")
    assert seen["TradePrint"] == 91
    assert seen["Book"] > 400
    assert all(book.joined for book in books.values())


def _http_snapshots(markets: dict[str, Market]) -> Iterator[Depth]:
    for line in (CAPTURES / "cryptofeed_BINANCE_FUTURES.http.0.0.txt").read_text().splitlines():
        request, arrow, answer = line.partition(" -> ")
        if arrow:
            time_text, _, text = answer.partition(": ")
            symbol = request.partition("symbol=")[2].partition("&")[0]
            found = binance_usdm.depth_snapshot(text, markets[symbol], int(Decimal(time_text) * SECOND_NS))
            assert isinstance(found, tuple), found
            assert isinstance(found[0], Depth)
            yield found[0]


def test_every_checksum_of_the_okx_capture_of_2022_is_right() -> None:
    """Its books came before `seqId` did: the test numbers them, the checksums are the venue's own."""
    symbols = ("BTC-USD-220527", "BTC-USDT", "UNI-USD-SWAP")
    markets = {symbol: market("okx", symbol) for symbol in symbols}
    books = {symbol: LocalBook(markets[symbol], Continuation.OKX, "okx:books") for symbol in symbols}
    seen: Counter[str] = Counter()
    numbers: dict[str, int] = {}
    for number, (received_ns, text) in enumerate(stamped("cryptofeed_OKX.ws.1.0.txt")):
        message = json.loads(text)
        for row in message.get("data", ()) if message["arg"]["channel"] == "books" else ():
            book_id = f"{message['arg']['instId']}"
            row["prevSeqId"], row["seqId"] = numbers.get(book_id, -1), number
            numbers[book_id] = number
        found = okx_v5.message(message, markets, received_ns)
        assert isinstance(found, tuple), (found, text)
        for each in found:
            answer = books[each.symbol].take(each) if isinstance(each, Depth) else each
            seen[type(answer).__name__] += 1
    print(f"\nokx 2022: {dict(seen)}")
    assert seen["Resync"] == 0
    assert seen["Book"] > 280
    assert seen["TradePrint"] > 60


def test_the_bybit_capture_of_2021_is_another_api_and_gives_nothing() -> None:
    markets = {symbol: market("bybit", symbol) for symbol in ("BTCUSD", "EOSUSD")}
    seen: Counter[str] = Counter()
    for received_ns, text in stamped("cryptofeed_BYBIT.ws.26.0.txt"):
        found = bybit_v5.message(text, markets, received_ns)
        seen[type(found).__name__] += 1
        assert found == () or isinstance(found, Outcome)
    print(f"\nbybit 2021: {dict(seen)}")


def test_the_l2_recording_gives_the_same_books_as_the_recording_s_own_reader() -> None:
    """Two implementations of Binance's rules over 6,551 real diffs: equal levels at every 40th of them."""
    of = market("binance", "BTCUSDT")
    mine, theirs = LocalBook(of, Continuation.BINANCE, "binance:depth"), DepthBook()
    books = compared = 0
    for received_ns, text in _depth_lines():
        body = json.loads(text)
        snapshot = "lastUpdateId" in body
        if snapshot:
            found = binance_usdm.depth_snapshot(text, of, received_ns)
            theirs.take_snapshot(body["lastUpdateId"], body["bids"], body["asks"])
        else:
            found = binance_usdm.message(text, {"BTCUSDT": of}, received_ns)
            theirs.take_update(_update(body["data"]))
        assert isinstance(found, tuple), found
        assert isinstance(found[0], Depth)
        answer = mine.take(found[0])
        books += isinstance(answer, Book)
        assert not isinstance(answer, Resync) or answer.cause == "no snapshot yet"
        if snapshot or books % 40 == 1:
            other = theirs.levels(of.instrument_id, of.asset, found[0].observed_ns, received_ns)
            assert (None if other is None else (other.bids, other.asks)) == _levels(answer)
            compared += 1
    print(f"\nl2 recording: {books} books, {compared} compared, all equal")
    assert books > 6_000
    assert compared > 150


def _depth_lines() -> Iterator[tuple[int, str]]:
    with gzip.open(DATA / "l2_ticks" / "binance_usdm_btcusdt_2024-08-08.gz", "rt") as lines:
        for line in lines:
            time_text, _, text = line.partition(" ")
            if "@depth" in text[:40] or "lastUpdateId" in text[:60]:
                yield int(time_text), text


def _update(body: dict[str, Any]) -> DepthUpdate:
    return DepthUpdate(**{name: body[name] for name in ("E", "T", "s", "U", "u", "pu", "b", "a")})


def _levels(answer: Book | Resync | None) -> Any:
    return (answer.bids, answer.asks) if isinstance(answer, Book) else None


# Vendors


def test_real_slots_of_solana_give_a_p50_that_is_not_zero() -> None:
    with (DATA / "solana" / "solfees_slots_2024-10-13.csv").open() as lines:
        slots = [
            (int(row["slot"]), int(row["time_s"]), row["fee_level_1"], row["fee_level_2"])
            for row in csv.DictReader(lines)
        ]
    memory, p50s, minimums = solana_fees.SlotTimes(), list[int](), Counter[str]()
    for place in range(25, len(slots)):
        window = slots[max(0, place - 150) : place]
        received_ns = window[-1][1] * SECOND_NS
        for column, read in ((2, solana_fees.stock_fees), (3, solana_fees.triton_fees)):
            rows = [{"slot": slot[0], "prioritizationFee": int(slot[column])} for slot in window]
            found = read(json.dumps({"jsonrpc": "2.0", "id": 1, "result": rows}), received_ns, memory)
            if read is solana_fees.stock_fees:
                minimums[type(found).__name__] += 1
            else:
                assert isinstance(found, tuple), found
                p50s.extend(each.value for each in found if isinstance(each, Observation))
    print(f"\nsolana p50 micro-lamports/CU: {ranged(p50s, 0)}; medians of minimums: {dict(minimums)}")
    assert min(p50s) > 0


def test_the_recorded_tips_of_jito_are_read_from_their_text() -> None:
    tips = []
    for each in json.loads((DATA / "solana" / "jito_tip_floor_samples.json").read_text(), parse_float=str):
        found = jito_tips.tip_floor(each["body"], LATER_NS)
        assert isinstance(found, tuple), found
        tips.extend(each.value for each in found if isinstance(each, Observation))
    print(f"\njito p50 tips in SOL: {ranged(tips, 8)}")
    assert len(tips) == 4


EXCHANGES = {
    "Binance": Market("binance", "BTCUSDT", "BTC", "x"),
    "OKX": Market("okx", "BTC-USDT-SWAP", "BTC", "x"),
    "Bybit": Market("bybit", "BTCUSDT", "BTC", "x"),
    "Hyperliquid": Market("hyperliquid", "BTC", "BTC", "x"),
}
COINGLASS_DAY_NS = 1_761_004_800_000 * MS_NS
READ_ELSEWHERE = ("pairs_markets", "liquidation_exchange_list", "volume_exchange_list", "exchange_history_chart")


def _coinglass(path: Path) -> tuple[bytes, list[dict[str, Any]]]:
    """Return a parquet answer as the JSON it was, and its rows."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow to unpack the Coinglass captures")
    rows = parquet.read_table(path).to_pylist()
    return json.dumps({"code": "0", "msg": "success", "data": rows}).encode(), rows


def _coinglass_reading(path: Path, raw: bytes, rows: list[dict[str, Any]]) -> Any:
    """Read one answer with the parser of its kind; histories take their period from their own rows."""
    name, asset = path.stem, path.stem.rpartition("_")[2]
    if name.endswith("fundingRate_exchange_list"):
        return coinglass_v4.funding_list(raw, "BTC", EXCHANGES, COINGLASS_DAY_NS)
    if "openInterest_exchange_list" in name:
        return coinglass_v4.open_interest_change(
            raw, Market("coinglass", asset, asset, asset), "All", COINGLASS_DAY_NS, ONE
        )
    period_ns = (rows[1]["time"] - rows[0]["time"]) * MS_NS
    kinds = {
        "global_long": "account_ratio",
        "top_long_short_account": "top_account",
        "top_long_short_position": "top_position",
    }
    of = Market("binance", "BTCUSDT", "BTC", "x", funding_period_ns=HOUR_NS if "HYPERLIQUID" in name else 8 * HOUR_NS)
    for mark, kind in kinds.items():
        if mark in name:
            return coinglass_v4.long_short(raw, of, COINGLASS_DAY_NS, kind, period_ns)
    if "fundingRate" in name:
        return coinglass_v4.funding_history(raw, of, COINGLASS_DAY_NS, period_ns)
    if "taker_buy_sell" in name:
        return coinglass_v4.taker_volume(raw, of, COINGLASS_DAY_NS, period_ns)
    return coinglass_v4.history(raw, tuple(key for key in rows[0] if key != "time"), period_ns)


def test_the_coinglass_answers_of_one_day_are_read_and_in_range() -> None:
    read: Counter[str] = Counter()
    values: dict[str, list[int]] = {}
    for path in sorted((DATA / "coinglass_raw").glob("*.parquet")):
        raw, rows = _coinglass(path)
        if any(mark in path.stem for mark in READ_ELSEWHERE):
            read["left to the display"] += 1
            continue
        found = _coinglass_reading(path, raw, rows)
        assert isinstance(found, tuple), (path.name, found)
        read["read"] += 1
        for each in found:
            if isinstance(each, Observation):
                values.setdefault(f"{each.channel}{each.kind and '.'}{each.kind}", []).append(each.value)
            else:
                read["history bars"] += 1
    print(f"\ncoinglass: {dict(read)}")
    for channel, found_values in sorted(values.items()):
        print(f"  {channel}: {ranged(found_values)}")
    assert read["read"] + read["left to the display"] == 65


def test_the_coinglass_24_h_change_of_open_interest_is_of_its_usd_value() -> None:
    """The change in the exchange list follows the USD history, not the coins: it must be freed from the price (trap found here)."""
    for asset in ("BTC", "ETH", "SOL", "XRP"):
        _, listed = _coinglass(DATA / "coinglass_raw" / f"api_futures_openInterest_exchange_list_{asset}.parquet")
        _, history = _coinglass(
            DATA / "coinglass_raw" / f"api_futures_openInterest_ohlc_aggregated_history_{asset}.parquet"
        )
        stated = next(row["open_interest_change_percent_24h"] for row in listed if row["exchange"] == "All")
        counted = (float(history[-1]["close"]) / float(history[-7]["close"]) - 1) * 100
        print(f"\n{asset}: stated {stated:+.2f} %, USD history {counted:+.2f} %")
        assert abs(stated - counted) < 0.6


def test_trade_prints_of_the_okx_capture_carry_both_taker_sides() -> None:
    of = market("okx", "BTC-USDT")
    sides: Counter[bool] = Counter()
    for received_ns, text in stamped("cryptofeed_OKX.ws.1.0.txt"):
        if '"trades"' in text[:30]:
            found = okx_v5.message(text, {of.symbol: of}, received_ns)
            for each in found if isinstance(found, tuple) else ():
                sides[isinstance(each, TradePrint) and each.taker_buys] += 1
    assert sides[True] > 0
    assert sides[False] > 0
