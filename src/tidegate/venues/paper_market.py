"""What the paper venue knows of one instrument's market: the last book, or the last price where there is no book.

In: books, prints, path points. Out: the levels a taker would meet, less what our own orders already took from them.
"""

from __future__ import annotations

from tidegate.matching.fills import Level, round_against, touch, walk
from tidegate.matching.settings import TAPE_DEPTH_USD, PaperSettings
from tidegate.model.instrument import Instrument
from tidegate.model.observation import Book
from tidegate.units import ONE, Nanoseconds, Price, Quantity


class PaperMarket:
    """The market of one instrument. A recorded book counts until a path point replaces it; a print only where there is no book."""

    __slots__ = ("_book", "_half_spread_bps", "_instrument", "_taken", "last_price", "priced_ns")

    def __init__(self, instrument: Instrument, settings: PaperSettings) -> None:
        self._instrument = instrument
        self._half_spread_bps = settings.half_spread_of(instrument.asset)
        self._book: Book | None = None
        self._taken: dict[Price, Quantity] = {}
        self.last_price: Price = 0
        self.priced_ns: Nanoseconds = 0

    @property
    def known(self) -> bool:
        """Say whether any price was ever seen."""
        return self._book is not None or self.last_price > 0

    def on_book(self, book: Book) -> None:
        """Replace the book; everything in it is there to be taken again."""
        self._book = book
        self._taken.clear()
        self.priced_ns = book.received_ns

    def on_print(self, price: Price, ts_ns: Nanoseconds) -> None:
        """Note the last trade; where there is a book, its age stays its own."""
        self.last_price = price
        if self._book is None:
            self._taken.clear()
            self.priced_ns = ts_ns

    def on_path(self, price: Price, ts_ns: Nanoseconds) -> None:
        """Note a point of a tape's path: tapes have no book."""
        self._book = None
        self._taken.clear()
        self.last_price = price
        self.priced_ns = ts_ns

    def trigger_price(self, buys: bool) -> Price:
        """Return the price a newly arrived stop is compared with: the last trade or path point, else the side of the book it would take."""
        if self.last_price or self._book is None:
            return self.last_price
        side = self._book.asks if buys else self._book.bids
        return side[0][0] if side else 0

    def take(self, quantity: Quantity, worst_price: Price, buys: bool) -> tuple[Level, ...]:
        """Take what is there up to `worst_price` (0: any) and remember it as gone."""
        taken = walk(self.levels(buys), quantity, worst_price, buys)
        for price, part in taken:
            self._taken[price] = self._taken.get(price, 0) + part
        return taken

    def levels(self, buys: bool) -> list[Level]:
        """Return the levels that a buyer (or seller) meets, best first: on the tick, in whole lots, less what our orders took before.

        Levels between ticks (a book of another venue) are rounded against us and added up.
        """
        tick, lot = self._instrument.tick, self._instrument.lot
        offered: dict[Price, Quantity] = {}
        for level_price, quantity in self._side(buys):
            price = round_against(level_price, tick, buys)
            offered[price] = offered.get(price, 0) + quantity
        left = ((price, (quantity - self._taken.get(price, 0)) // lot * lot) for price, quantity in offered.items())
        return [(price, quantity) for price, quantity in left if quantity > 0]

    def _side(self, buys: bool) -> tuple[Level, ...]:
        """Return one side of the book, or the one assumed level."""
        if self._book is not None:
            return self._book.asks if buys else self._book.bids
        if self.last_price <= 0:
            return ()
        price = touch(self.last_price, buys, self._half_spread_bps, self._instrument.tick)
        return ((price, TAPE_DEPTH_USD * ONE // price),) if price > 0 else ()
