"""What is remembered of an order book: the last one, and one depth sample a second for ten minutes.

In: `Book`s of one instrument. Out: the `BookView` the gate reads. Measures are taken when a sample is due or when somebody asks.
"""

from __future__ import annotations

from tidegate.model.observation import Book
from tidegate.model.snapshot import BookView, Missing, spread_bps_of
from tidegate.snapshot.rolling import RollingMedian
from tidegate.units import BPS_PER_UNIT, MINUTE_NS, ONE, Bps, Nanoseconds, Price, Usd, notional_of

DEPTH_BPS = 10
BASELINE_NS = 10 * MINUTE_NS
FALLING_NS = MINUTE_NS
NEVER_HEARD = Missing("no order book received yet")


def depth_usd(book: Book) -> Usd:
    """Return USD on both sides within 10 bps of the mid, the edge included."""
    doubled_mid = book.bids[0][0] + book.asks[0][0]
    floor = doubled_mid * (BPS_PER_UNIT - DEPTH_BPS)
    ceiling = doubled_mid * (BPS_PER_UNIT + DEPTH_BPS)
    total: Usd = 0
    for price, quantity in book.bids:
        if price * 2 * BPS_PER_UNIT < floor:
            break
        total += notional_of(price, quantity)
    for price, quantity in book.asks:
        if price * 2 * BPS_PER_UNIT > ceiling:
            break
        total += notional_of(price, quantity)
    return total


def top3_usd(book: Book) -> Usd:
    """Return USD on the best three levels of both sides."""
    return sum(notional_of(price, quantity) for side in (book.bids, book.asks) for price, quantity in side[:3])


class BookTracker:
    """The last book of one instrument and its depth history."""

    __slots__ = ("_depths", "_top3s", "_view", "book")

    def __init__(self) -> None:
        self.book: Book | None = None
        self._depths = RollingMedian(BASELINE_NS)
        self._top3s = RollingMedian(BASELINE_NS)
        self._view: BookView | None = None

    def __len__(self) -> int:
        return len(self._depths) + len(self._top3s)

    def take(self, book: Book) -> str:
        """Take a book, or say why it was refused: older than the last one, one-sided or crossed."""
        last = self.book
        if last is not None and (book.observed_ns < last.observed_ns or book.received_ns < last.received_ns):
            return "time went backward"
        if not book.bids or not book.asks:
            return "a side of the book is empty"
        if book.bids[0][0] > book.asks[0][0]:
            return "bid above ask"
        self.book, self._view = book, None
        if self._depths.wants(book.received_ns):
            self._depths.add(book.received_ns, depth_usd(book))
            self._top3s.add(book.received_ns, top3_usd(book))
        return ""

    def view(self) -> BookView | Missing:
        """Return what the gate needs of the last book, at the time it was received.

        The baseline is None until the samples of the last 10 minutes span 5. `top3_falling` compares with the newest sample that is at
        least 60 s older than the book, and is None when there is none within another 60 s.
        """
        if self._view is not None:
            return self._view
        book = self.book
        if book is None:
            return NEVER_HEARD
        top3 = top3_usd(book)
        minute_ago = self._top3s.before(book.received_ns - FALLING_NS, FALLING_NS)
        bid, ask = book.bids[0][0], book.asks[0][0]
        self._view = BookView(
            bid=bid,
            ask=ask,
            spread_bps=spread_bps_of(bid, ask),
            depth_usd=depth_usd(book),
            depth_baseline_usd=self._depths.value(book.received_ns, BASELINE_NS),
            top3_usd=top3,
            top3_falling=None if minute_ago is None else top3 < minute_ago,
            source=book.source,
            observed_ns=book.observed_ns,
            received_ns=book.received_ns,
        )
        return self._view


def assumed_view(price: Price, spread: Bps, depth: Usd | None, asof_ns: Nanoseconds) -> BookView:
    """Return the book that a replay assumes: `spread` wide with `price` in the middle, `depth` deep as always and not falling.

    Without an assumed depth it is 0 with no baseline and no trend: nobody can say whether the book is thin.
    """
    half = price * spread // (2 * BPS_PER_UNIT * ONE)
    falling = None if depth is None else False
    return BookView(
        price - half, price + half, spread, depth or 0, depth, depth or 0, falling, "assumed", asof_ns, asof_ns
    )
