"""Books: depth, spread and their history; what is refused."""

from __future__ import annotations

from tidegate.model.observation import Book
from tidegate.model.snapshot import BookView
from tidegate.snapshot.books import BookTracker
from tidegate.units import SECOND_NS, fixed

T0 = 1_760_875_200 * SECOND_NS


def book(second: float = 0, *, bid: str = "999.5", ask: str = "1000.5", quantity: int | str = 1) -> Book:
    at_ns = T0 + int(second * SECOND_NS)
    return Book(
        "okx:BTC", "BTC", ((fixed(bid), fixed(quantity)),), ((fixed(ask), fixed(quantity)),), "okx", at_ns, at_ns
    )


def viewed(tracker: BookTracker) -> BookView:
    view = tracker.view()
    assert isinstance(view, BookView)
    return view


def fed(until: int, step: int = 10) -> BookTracker:
    tracker = BookTracker()
    for second in range(0, until + 1, step):
        assert tracker.take(book(second)) == ""
    return tracker


def test_spread_is_in_bps_of_the_mid_rounded_up() -> None:
    tracker = BookTracker()
    tracker.take(book())
    assert viewed(tracker).spread_bps == fixed(10)
    tracker.take(book(1, bid="999", ask="1000"))
    assert viewed(tracker).spread_bps == 1_000_500_251


def test_depth_counts_both_sides_within_10_bps_of_the_mid_edge_included() -> None:
    bids = tuple((fixed(price), fixed(2)) for price in ("999.9", "999", "998.9"))
    asks = tuple((fixed(price), fixed(3)) for price in ("1000.1", "1001", "1001.1"))
    tracker = BookTracker()
    tracker.take(Book("okx:BTC", "BTC", bids, asks, "okx", T0, T0))
    assert viewed(tracker).depth_usd == fixed("3997.8") + fixed("6003.3")


def test_top3_counts_three_levels_a_side() -> None:
    bids = tuple((fixed(1000 - step), fixed(1)) for step in range(1, 6))
    asks = tuple((fixed(1000 + step), fixed(1)) for step in range(1, 6))
    tracker = BookTracker()
    tracker.take(Book("okx:BTC", "BTC", bids, asks, "okx", T0, T0))
    assert viewed(tracker).top3_usd == fixed(999 + 998 + 997 + 1001 + 1002 + 1003)


def test_the_baseline_is_unknown_before_five_minutes() -> None:
    assert viewed(fed(299, 1)).depth_baseline_usd is None
    assert viewed(fed(300, 1)).depth_baseline_usd == fixed(2000)


def test_the_baseline_is_the_median_of_the_last_ten_minutes() -> None:
    tracker = fed(590)
    tracker.take(book(600, quantity=9))
    view = viewed(tracker)
    assert (view.depth_usd, view.depth_baseline_usd) == (fixed(18_000), fixed(2_000))


def test_samples_are_taken_once_a_second_so_memory_is_bounded() -> None:
    tracker = BookTracker()
    for tenth in range(20_000):
        tracker.take(book(tenth / 10))
    assert len(tracker) <= 2 * 601


def test_top3_falls_when_it_is_under_its_value_of_a_minute_ago() -> None:
    tracker = fed(60)
    tracker.take(book(70, quantity="0.99"))
    assert viewed(tracker).top3_falling is True
    tracker.take(book(80, quantity=1))
    assert viewed(tracker).top3_falling is False


def test_whether_top3_falls_is_unknown_without_a_minute_of_history_or_over_a_gap() -> None:
    assert viewed(fed(50)).top3_falling is None
    tracker = fed(60)
    tracker.take(book(181))
    assert viewed(tracker).top3_falling is None


def test_older_one_sided_and_crossed_books_are_refused() -> None:
    tracker = BookTracker()
    tracker.take(book(10))
    assert tracker.take(book(9)) == "time went backward"
    assert (
        tracker.take(Book("okx:BTC", "BTC", (), ((fixed(1), fixed(1)),), "okx", T0 * 2, T0 * 2))
        == "a side of the book is empty"
    )
    assert tracker.take(book(11, bid="1001")) == "bid above ask"
    assert viewed(tracker).received_ns == T0 + 10 * SECOND_NS
