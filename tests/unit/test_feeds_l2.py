"""The raw L2 recording: right books or none, signed trades, and quarantine of everything unreadable."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.support.tape_files import IDS
from tidegate.errors import InputError
from tidegate.feeds.l2_book import DepthBook, DepthUpdate
from tidegate.feeds.l2_recording import L2Recording
from tidegate.model.observation import Book, MarketEvent, TradePrint
from tidegate.units import MS_NS, fixed

START_NS = 1_760_868_000_000_000_000
Levels = list[tuple[str, str]]
BIDS: Levels = [("100.0", "1"), ("99.9", "2")]
ASKS: Levels = [("100.1", "1.5"), ("100.2", "2")]


def at(ms: int) -> int:
    return START_NS + ms * MS_NS


def line(ms: int, message: object) -> str:
    return f"{at(ms)} {message if isinstance(message, str) else json.dumps(message)}"


def stream(ms: int, body: dict[str, object], ahead_ms: int = 0) -> str:
    clock = {"E": at(ms) // MS_NS + ahead_ms, "T": at(ms) // MS_NS + ahead_ms, "s": "BTCUSDT"}
    return line(ms, {"stream": "btcusdt", "data": {**clock, **body}})


def snapshot(ms: int, last_update_id: int = 10) -> str:
    return line(ms, {"lastUpdateId": last_update_id, "bids": BIDS, "asks": ASKS})


def diff(ms: int, ids: tuple[int, int, int], bids: Levels | None = None, asks: Levels | None = None) -> str:
    first, last, previous = ids
    return stream(ms, {"e": "depthUpdate", "U": first, "u": last, "pu": previous, "b": bids or [], "a": asks or []})


def trade(ms: int, **changes: object) -> str:
    return stream(ms, {"e": "trade", "t": 1, "p": "100.1", "q": "0.5", "X": "MARKET", "m": False, **changes})


def recording(folder: Path, lines: list[str]) -> L2Recording:
    path = folder / "recording.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    return L2Recording(path, IDS)


def played(feed: L2Recording) -> list[tuple[int, MarketEvent]]:
    return [(now, event) for now, events in feed.batches() for event in events]


def books(feed: L2Recording) -> list[Book]:
    return [event for _, event in played(feed) if isinstance(event, Book)]


def test_a_book_is_the_snapshot_and_the_diffs_after_it(tmp_path: Path) -> None:
    feed = recording(tmp_path, [snapshot(0), diff(1, (8, 12, 7), [("100.0", "0"), ("99.7", "7")], [("100.1", "0.25")])])
    [book] = books(feed)
    assert book.bids == ((fixed("99.9"), fixed(2)),)  # 99.7 lies beyond 12 bps of the touch
    assert book.asks == ((fixed("100.1"), fixed("0.25")), (fixed("100.2"), fixed(2)))
    assert (book.instrument_id, book.asset, book.received_ns) == (IDS["BTC"], "BTC", at(1))


def test_diffs_before_the_snapshot_are_kept_for_it_and_older_ones_dropped(tmp_path: Path) -> None:
    lines = [
        diff(0, (1, 5, 0), [("100.05", "9")]),
        diff(1, (6, 11, 5), [("100.0", "3")]),
        snapshot(2),
        diff(200, (12, 13, 11)),
    ]
    [book] = books(recording(tmp_path, lines))
    assert book.bids[0] == (fixed(100), fixed(3))


def test_there_is_no_book_without_a_snapshot(tmp_path: Path) -> None:
    assert books(recording(tmp_path, [diff(0, (1, 5, 0), BIDS, ASKS), diff(1, (6, 7, 5))])) == []


def test_a_gap_ends_the_book_until_the_next_snapshot(tmp_path: Path) -> None:
    lines = [
        snapshot(0),
        diff(1, (8, 12, 7)),
        diff(200, (20, 21, 19)),
        diff(400, (22, 23, 21)),
        snapshot(500, 23),
        diff(600, (24, 24, 23)),
    ]
    feed = recording(tmp_path, lines)
    assert [book.received_ns for book in books(feed)] == [at(1), at(600)]
    assert any("gap in the diffs" in reason for reason in feed.quarantined)


def test_a_first_diff_that_begins_after_the_snapshot_gives_no_book(tmp_path: Path) -> None:
    feed = recording(tmp_path, [snapshot(0), diff(1, (15, 16, 14)), diff(200, (17, 18, 16))])
    assert books(feed) == []
    assert any("the first diff begins" in reason for reason in feed.quarantined)


def test_a_crossed_book_is_never_emitted(tmp_path: Path) -> None:
    feed = recording(tmp_path, [snapshot(0), diff(1, (8, 12, 7), [("100.1", "4")]), diff(200, (13, 14, 12))])
    assert books(feed) == []
    assert any("crossed book" in reason for reason in feed.quarantined)


@pytest.mark.parametrize("level", [("nan", "1"), ("-1", "1"), ("100", "-1"), ("0", "1"), ("100", "Infinity")])
def test_a_bad_level_ends_the_book(level: tuple[str, str]) -> None:
    book = DepthBook()
    book.take_snapshot(10, BIDS, ASKS)
    book.take_update(DepthUpdate(1, 1, "BTCUSDT", 8, 12, 7, [level], []))
    assert book.broken
    assert book.levels("id", "BTC", 1, 1) is None


def test_books_come_at_most_every_100_ms_of_the_recorder(tmp_path: Path) -> None:
    lines = [snapshot(0), diff(1, (8, 12, 7)), *(diff(1 + 10 * n, (12 + n, 12 + n, 11 + n)) for n in range(1, 31))]
    assert [book.received_ns for book in books(recording(tmp_path, lines))] == [at(1), at(101), at(201), at(301)]


@pytest.mark.parametrize(("buyer_is_maker", "taker_buys"), [(False, True), (True, False)])
def test_the_taker_bought_when_the_buyer_was_not_the_maker(
    tmp_path: Path, buyer_is_maker: bool, taker_buys: bool
) -> None:
    [(now, event)] = played(recording(tmp_path, [trade(0, m=buyer_is_maker)]))
    assert isinstance(event, TradePrint)
    assert (event.taker_buys, event.price, event.quantity, now) == (taker_buys, fixed("100.1"), fixed("0.5"), at(0))


@pytest.mark.parametrize(
    "changes", [{"X": "INSURANCE_FUND"}, {"p": "0"}, {"p": "NaN"}, {"q": "-1"}, {"q": "x"}, {"s": "ETHUSDT"}]
)
def test_trades_that_are_not_the_market_s_are_quarantined(tmp_path: Path, changes: dict[str, object]) -> None:
    feed = recording(tmp_path, [trade(0), trade(1, **changes)])
    assert len(played(feed)) == 1
    assert len(feed.quarantined) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("garbage", "no time in ns"),
        ("1760868000000 {}", "no time in ns"),
        (line(1, "{broken"), "unreadable message"),
        (line(1, {"stream": "x", "data": {"e": "unheard of", "s": "BTCUSDT"}}), "unreadable message"),
        (line(1, {"something": "else"}), "neither a stream message nor a snapshot"),
        (line(-5, json.loads(trade(0).partition(" ")[2])), "backward time"),
        (line(1, '"\ud800"'.encode("utf-8", "surrogatepass").decode("latin-1")), "unreadable message"),
    ],
)
def test_an_unreadable_line_is_quarantined_with_its_number_and_reason(tmp_path: Path, bad: str, reason: str) -> None:
    feed = recording(tmp_path, [trade(0), bad, trade(2)])
    assert [now for now, _ in played(feed)] == [at(0), at(2)]
    [told] = feed.quarantined
    assert reason in told
    assert "line 2" in told


def test_lines_of_the_same_instant_are_one_batch_and_times_increase(tmp_path: Path) -> None:
    feed = recording(tmp_path, [trade(0), trade(0), trade(1), trade(1), trade(2)])
    assert [(now, len(events)) for now, events in feed.batches()] == [(at(0), 2), (at(1), 2), (at(2), 1)]


def test_a_cut_recording_plays_to_the_cut_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    whole = gzip.compress(("\n".join(trade(ms, t=ms) for ms in range(5_000)) + "\n").encode())
    path.write_bytes(whole[: len(whole) // 2])
    feed = L2Recording(path, IDS)
    assert 0 < len(played(feed)) < 5_000
    assert any("cut or damaged" in reason for reason in feed.quarantined)


def test_an_exchange_clock_ahead_of_the_recorder_is_shifted_and_said(tmp_path: Path) -> None:
    body: dict[str, object] = {"e": "trade", "p": "100.1", "q": "0.5", "m": False}
    feed = recording(
        tmp_path, [stream(0, body, ahead_ms=1_268), stream(5, body, ahead_ms=1_264), stream(9, body, ahead_ms=1_300)]
    )
    prints = [event for _, event in played(feed) if isinstance(event, TradePrint)]
    assert [print_.observed_ns for print_ in prints] == [at(0), at(1), at(9)]
    assert all(print_.observed_ns <= print_.received_ns for print_ in prints)
    assert any("1268 ms" in note for note in feed.description.approximations)


def test_a_recording_of_another_symbol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="symbol"):
        recording(tmp_path, [trade(0, s="DOGEUSDT")])


def test_a_recording_without_a_readable_message_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lines of"):
        recording(tmp_path, ["hello"])


def test_a_recording_says_what_it_lacks(tmp_path: Path) -> None:
    names = {lack.name for lack in recording(tmp_path, [trade(0)]).description.lacks}
    assert {"positioning", "funding_a", "funding_b", "open_interest", "liquidations", "health_factor"} <= names
