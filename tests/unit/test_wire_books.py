"""Local order books: the sequence rules of each venue, gaps, checksums, and what a broken book must never show."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import pytest

from tests.support.wire_base import AT_MS, BINANCE, BYBIT, COINBASE, HYPERLIQUID, ISO, OKX, RECEIVED_NS
from tidegate.feeds.wire import binance_usdm, bybit_v5, coinbase_spot, hyperliquid, okx_v5
from tidegate.feeds.wire.depth import Depth
from tidegate.feeds.wire.local_book import Continuation, LocalBook, Resync
from tidegate.feeds.wire.market import Market
from tidegate.feeds.wire.outcome import Garbage
from tidegate.model.observation import Book
from tidegate.units import ONE, fixed

Levels = list[list[str]]


def depth(answer: Any) -> Depth:
    assert isinstance(answer, tuple), answer
    assert isinstance(answer[0], Depth)
    return answer[0]


def binance_diff(first: int, last: int, previous: int, bids: Levels, asks: Levels, at_ms: int = AT_MS) -> Depth:
    message = {"e": "depthUpdate", "E": at_ms, "T": at_ms, "s": "BTCUSDT", "U": first, "u": last, "pu": previous}
    return depth(binance_usdm.message({**message, "b": bids, "a": asks}, {"BTCUSDT": BINANCE}, RECEIVED_NS))


def binance_snapshot(last: int) -> Depth:
    raw = {
        "lastUpdateId": last,
        "E": AT_MS,
        "T": AT_MS,
        "bids": [["100.0", "1"], ["99.9", "2"]],
        "asks": [["100.1", "3"]],
    }
    return depth(binance_usdm.depth_snapshot(raw, BINANCE, RECEIVED_NS))


def okx_book(
    action: str, ids: tuple[int, int], bids: Levels, asks: Levels, checksum: int = 0, at_ms: int = AT_MS
) -> Depth:
    row = {"bids": bids, "asks": asks, "ts": str(at_ms), "prevSeqId": ids[0], "seqId": ids[1], "checksum": checksum}
    message = {"arg": {"channel": "books", "instId": OKX.symbol}, "action": action, "data": [row]}
    return depth(okx_v5.message(message, {OKX.symbol: OKX}, RECEIVED_NS))


def bybit_book(kind: str, number: int, bids: Levels, asks: Levels) -> Depth:
    body = {"s": "BTCUSDT", "b": bids, "a": asks, "u": number, "seq": 9}
    message = {"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": AT_MS, "data": body}
    return depth(bybit_v5.message(message, {"BTCUSDT": BYBIT}, RECEIVED_NS))


def started(market: Market, rule: Continuation, *messages: Depth) -> LocalBook:
    book = LocalBook(market, rule, "test")
    for message in messages:
        book.take(message)
    return book


class TestBinance:
    def test_diffs_kept_before_the_snapshot_are_joined_to_it_and_older_ones_dropped(self) -> None:
        book = LocalBook(BINANCE, Continuation.BINANCE, "binance:depth")
        first = book.take(binance_diff(1, 4, 0, [["98", "9"]], []))
        assert isinstance(first, Resync)
        assert book.take(binance_diff(5, 9, 4, [["99.9", "5"]], [])) is None
        assert book.take(binance_diff(10, 12, 9, [], [["100.1", "0"], ["100.2", "7"]])) is None
        found = book.take(binance_snapshot(8))
        assert isinstance(found, Book)
        assert found.bids == ((100 * ONE, ONE), (fixed("99.9"), 5 * ONE))
        assert found.asks == ((fixed("100.2"), 7 * ONE),)

    def test_the_first_diff_must_hold_the_snapshot_s_number(self) -> None:
        book = started(BINANCE, Continuation.BINANCE, binance_snapshot(8))
        answer = book.take(binance_diff(10, 12, 9, [], []))
        assert isinstance(answer, Resync)
        assert not book.joined

    def test_a_snapshot_alone_is_not_yet_a_book(self) -> None:
        book = LocalBook(BINANCE, Continuation.BINANCE, "binance:depth")
        assert book.take(binance_snapshot(8)) is None

    def test_a_previous_number_that_does_not_match_forgets_the_book_until_the_next_snapshot(self) -> None:
        book = started(BINANCE, Continuation.BINANCE, binance_snapshot(8), binance_diff(7, 9, 6, [], []))
        assert isinstance(book.take(binance_diff(11, 12, 10, [], [])), Resync)
        assert book.take(binance_diff(13, 14, 12, [], [])) is None
        found = book.take(binance_snapshot(12))
        assert isinstance(found, Book)

    def test_numbers_that_jump_ahead_are_normal_as_long_as_the_previous_one_matches(self) -> None:
        book = started(BINANCE, Continuation.BINANCE, binance_snapshot(8), binance_diff(7, 9, 6, [], []))
        assert isinstance(book.take(binance_diff(50, 60, 9, [], [])), Book)


class TestOkx:
    def test_each_diff_must_name_the_one_before_and_a_quiet_minute_repeats_it(self) -> None:
        book = started(OKX, Continuation.OKX, okx_book("snapshot", (-1, 20), [["100", "10"]], [["100.1", "20"]]))
        assert isinstance(book.take(okx_book("update", (20, 27), [["100", "30"]], [])), Book)
        assert isinstance(book.take(okx_book("update", (27, 27), [], [])), Book)
        answer = book.take(okx_book("update", (28, 29), [], []))
        assert isinstance(answer, Resync)
        assert answer.cause == "gap in the diffs"

    def test_a_reset_of_the_numbers_by_maintenance_is_no_gap(self) -> None:
        book = started(OKX, Continuation.OKX, okx_book("snapshot", (-1, 20), [["100", "10"]], [["100.1", "20"]]))
        assert isinstance(book.take(okx_book("update", (20, 3), [], [])), Book)
        assert isinstance(book.take(okx_book("update", (3, 5), [], [])), Book)

    def test_sizes_are_contracts_and_the_book_is_in_coins(self) -> None:
        book = LocalBook(OKX, Continuation.OKX, "okx:books")
        found = book.take(okx_book("snapshot", (-1, 20), [["100", "10"]], [["100.1", "25"]]))
        assert isinstance(found, Book)
        assert (found.bids, found.asks) == (((100 * ONE, fixed("0.1")),), ((fixed("100.1"), fixed("0.25")),))

    def test_a_checksum_that_is_sent_is_verified_over_the_texts_as_sent(self) -> None:
        bids, asks = [["3366.10", "7"], ["3366", "6"]], [["3366.8", "9"], ["3368", "8"], ["3372", "8"]]
        shown = "3366.10:7:3366.8:9:3366:6:3368:8:3372:8"
        unsigned = crc32(shown.encode())
        right = unsigned - 2**32 if unsigned >= 2**31 else unsigned
        good, bad = LocalBook(OKX, Continuation.OKX, "x"), LocalBook(OKX, Continuation.OKX, "x")
        assert isinstance(good.take(okx_book("snapshot", (-1, 1), bids, asks, right)), Book)
        answer = bad.take(okx_book("snapshot", (-1, 1), bids, asks, right + 1))
        assert isinstance(answer, Resync)
        assert answer.cause == "wrong checksum"

    def test_a_checksum_of_zero_is_none_as_the_venue_sends_it_now(self) -> None:
        book = LocalBook(OKX, Continuation.OKX, "x")
        assert isinstance(book.take(okx_book("snapshot", (-1, 1), [["1", "1"]], [["2", "1"]], 0)), Book)

    def test_whole_books_need_no_numbers(self) -> None:
        row = {"bids": [["100", "1"]], "asks": [["100.1", "1"]], "ts": str(AT_MS), "seqId": 7}
        message = {"arg": {"channel": "books5", "instId": OKX.symbol}, "data": [row]}
        book = LocalBook(OKX, Continuation.WHOLE, "okx:books5")
        assert isinstance(book.take(depth(okx_v5.message(message, {OKX.symbol: OKX}, RECEIVED_NS))), Book)


class TestBybit:
    def test_numbers_go_up_by_one_and_a_missing_one_is_a_gap(self) -> None:
        book = started(BYBIT, Continuation.BYBIT, bybit_book("snapshot", 30, [["100", "1"]], [["101", "1"]]))
        assert isinstance(book.take(bybit_book("delta", 31, [["100", "2"]], [])), Book)
        assert isinstance(book.take(bybit_book("delta", 33, [], [])), Resync)

    def test_number_one_is_a_snapshot_whatever_its_type_says(self) -> None:
        book = started(BYBIT, Continuation.BYBIT, bybit_book("snapshot", 30, [["100", "1"]], [["101", "1"]]))
        found = book.take(bybit_book("delta", 1, [["90", "1"]], [["91", "1"]]))
        assert isinstance(found, Book)
        assert found.bids == ((90 * ONE, ONE),)

    def test_a_new_snapshot_replaces_the_book(self) -> None:
        book = started(BYBIT, Continuation.BYBIT, bybit_book("snapshot", 30, [["100", "1"]], [["101", "1"]]))
        found = book.take(bybit_book("snapshot", 500, [["90", "1"]], [["91", "1"]]))
        assert isinstance(found, Book)
        assert len(found.bids) == 1


class TestEveryBook:
    @pytest.mark.parametrize(
        ("bids", "asks", "cause"),
        [
            ([["101", "1"]], [], "crossed book"),
            ([["102", "1"]], [], "crossed book"),
            ([["100", "0"]], [], "one side is empty"),
            ([], [["101", "0"]], "one side is empty"),
        ],
    )
    def test_a_crossed_or_one_sided_book_is_forgotten_with_its_cause(
        self, bids: Levels, asks: Levels, cause: str
    ) -> None:
        book = started(BYBIT, Continuation.BYBIT, bybit_book("snapshot", 30, [["100", "1"]], [["101", "1"]]))
        answer = book.take(bybit_book("delta", 31, bids, asks))
        assert isinstance(answer, Resync)
        assert (answer.cause, book.joined) == (cause, False)

    def test_time_that_runs_backward_forgets_the_book(self) -> None:
        book = started(OKX, Continuation.OKX, okx_book("snapshot", (-1, 20), [["100", "10"]], [["100.1", "20"]]))
        answer = book.take(okx_book("update", (20, 21), [], [], at_ms=AT_MS - 1))
        assert isinstance(answer, Resync)
        assert answer.cause == "time went backward"

    def test_only_levels_within_12_bps_of_the_touch_are_shown_best_first(self) -> None:
        book = LocalBook(BYBIT, Continuation.BYBIT, "x")
        bids = [["9990", "1"], ["10000", "2"], ["9988", "3"], ["9987.9", "4"]]
        found = book.take(bybit_book("snapshot", 2, bids, [["10001", "1"], ["10013", "1"], ["10013.1", "1"]]))
        assert isinstance(found, Book)
        assert [price // ONE for price, _ in found.bids] == [10_000, 9_990, 9_988]
        assert [price // ONE for price, _ in found.asks] == [10_001, 10_013]

    def test_removing_a_level_that_is_not_there_is_normal(self) -> None:
        book = started(BYBIT, Continuation.BYBIT, bybit_book("snapshot", 30, [["100", "1"]], [["101", "1"]]))
        assert isinstance(book.take(bybit_book("delta", 31, [["55", "0"]], [])), Book)

    def test_a_message_of_another_market_changes_nothing(self) -> None:
        book = started(HYPERLIQUID, Continuation.WHOLE)
        assert book.take(binance_snapshot(1)) is None

    def test_a_bad_level_makes_the_whole_message_garbage(self) -> None:
        message = {
            "e": "depthUpdate",
            "E": AT_MS,
            "T": AT_MS,
            "s": "BTCUSDT",
            "U": 1,
            "u": 2,
            "pu": 0,
            "b": [["-1", "1"]],
            "a": [],
        }
        assert isinstance(binance_usdm.message(message, {"BTCUSDT": BINANCE}, RECEIVED_NS), Garbage)

    def test_hyperliquid_books_are_whole_each_time(self) -> None:
        body = {
            "coin": "BTC",
            "time": AT_MS,
            "levels": [[{"px": "100", "sz": "1", "n": 1}], [{"px": "101", "sz": "1", "n": 1}]],
        }
        book = LocalBook(HYPERLIQUID, Continuation.WHOLE, "hyperliquid:l2Book")
        for _ in range(2):
            assert isinstance(book.take(depth(hyperliquid.l2_book(body, {"BTC": HYPERLIQUID}, RECEIVED_NS))), Book)


class TestCoinbase:
    def message(self, number: int, kind: str, side: str, price: str, size: str) -> str:
        update = {"side": side, "event_time": ISO, "price_level": price, "new_quantity": size}
        other = {"side": "offer", "event_time": ISO, "price_level": "101", "new_quantity": "1"}
        event = {"type": kind, "product_id": "BTC-USD", "updates": [update, other]}
        return json.dumps({"channel": "l2_data", "timestamp": ISO, "sequence_num": number, "events": [event]})

    def test_the_book_follows_and_a_message_lost_on_the_connection_is_seen(self) -> None:
        book, sequence = LocalBook(COINBASE, Continuation.CONNECTION, "coinbase:level2"), coinbase_spot.Sequence()
        whole = self.message(0, "snapshot", "bid", "100", "1")
        later = self.message(1, "update", "bid", "100", "2")
        for raw in (whole, later):
            assert sequence.take(raw) is None
            found = book.take(depth(coinbase_spot.message(raw, {"BTC-USD": COINBASE}, RECEIVED_NS + ONE * 10)))
            assert isinstance(found, Book)
        assert found.bids == ((100 * ONE, 2 * ONE),)
        assert sequence.take('{"channel":"heartbeats","sequence_num":2,"events":[]}') is None
        assert isinstance(sequence.take(self.message(4, "update", "bid", "100", "2")), Resync)
        assert isinstance(sequence.take("{}"), Garbage)
