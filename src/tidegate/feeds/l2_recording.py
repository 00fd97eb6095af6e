"""A raw recording of Binance USD-M streams: `<local ns> <json>` a line, replayed as books and trades.

In: `depth` diffs, one or more REST snapshots, `trade`, `bookTicker` (gzipped or not). Out: at most one `Book` per symbol per 100 ms of the
recorder's clock, and every market trade. Best-price messages are not used: the diffs carry the same prices within 50 ms, and two sources of one
book could disagree. A line that cannot be read is quarantined with its number and reason; where the diffs have a gap or the book is
crossed there is no book until the next snapshot, never a wrong one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.csv_text import open_bytes
from tidegate.feeds.l2_book import DepthBook, DepthUpdate, LevelTexts, exact
from tidegate.feeds.port import Batch, FeedDescription, Lack
from tidegate.feeds.quarantine import Quarantine
from tidegate.model.observation import Book, MarketEvent, TradePrint
from tidegate.units import MS_NS, Nanoseconds

BOOK_EVERY_NS = 100 * MS_NS
_TIME_DIGITS = 19
_LINE_BYTES_MAX = 4_000_000
_LACKS = (
    Lack(
        "positioning",
        ("L2_SHORTS_CROWDED for shorts", "L4_FEED_OUTAGE of positioning"),
        "supply with --assume positioning=VALUE",
    ),
    Lack("funding_a", ("L2_FUNDING_DIVERGENCE for shorts",), "supply with --assume funding_a=VALUE"),
    Lack("funding_b", ("L2_FUNDING_DIVERGENCE for shorts",), "supply with --assume funding_b=VALUE"),
    Lack("open_interest", ("L2_OI_SPIKE, needed by every entry",), "supply with --assume open_interest=VALUE"),
    Lack("liquidations", ("L2_FRESH_SQUEEZE for shorts",), "supply with --assume liquidations=0"),
    Lack(
        "health_factor",
        ("L3_HEALTH_FACTOR_LOW", "L4_HEALTH_FACTOR_CRITICAL"),
        "supply with --assume health_factor=VALUE, or aave: null",
    ),
    Lack("priority_fee", ("SOL priority-fee shock fade",), "not in this recording"),
)


class _Trade(msgspec.Struct, frozen=True, tag_field="e", tag="trade"):
    """One public trade; `m` is True when the buyer was the maker, so that the taker sold."""

    E: int
    T: int
    s: str
    p: str
    q: str
    m: bool
    X: str = "MARKET"


class _BestPrice(msgspec.Struct, frozen=True, tag_field="e", tag="bookTicker"):
    """A best-price message: known, not used."""

    E: int
    s: str


class _Frame(msgspec.Struct, frozen=True):
    """One line's JSON: a stream message, or (without `stream`) a REST snapshot, whose symbol is that of the recording."""

    stream: str = ""
    data: DepthUpdate | _Trade | _BestPrice | None = None
    lastUpdateId: int = 0
    bids: LevelTexts = []
    asks: LevelTexts = []


class L2Recording:
    """A feed over one recording of one symbol. `instruments` maps its asset to the instrument id its events will carry.

    The recorder's clock is the clock of the replay. Where the exchange's clock was ahead of it at the first message, exchange times are
    shifted back by that much (said in the description), because a fact cannot be observed after it was received.
    """

    def __init__(self, path: str | Path, instruments: Mapping[str, str]) -> None:
        self._path = Path(path)
        self._quarantine = Quarantine()
        first = next(((at_ns, frame.data) for at_ns, frame in self._frames() if frame.data is not None), None)
        if first is None:
            raise InputError(
                str(path), "no readable stream message", "lines of `<local ns> <json>` of Binance USD-M streams"
            )
        start_ns, message = first
        self._symbol = message.s
        self._asset = message.s.removesuffix("USDT")
        if self._asset not in instruments:
            raise InputError(f"{path}, symbol", message.s, f"a perpetual of {', '.join(instruments)}")
        self._instrument_id = instruments[self._asset]
        self._ahead_ns = max(0, message.E * MS_NS - start_ns)
        self._first_ns = start_ns
        self._due_ns: Nanoseconds = 0
        self.description = self._describe()

    @property
    def quarantined(self) -> tuple[str, ...]:
        """Return what was set aside so far, by reason."""
        return self._quarantine.report()

    def batches(self) -> Iterator[Batch]:
        """Yield books and trades by their receipt; lines of the same ns together. Nothing is emitted out of order."""
        self._quarantine = Quarantine()
        self._due_ns = 0
        book = DepthBook()
        held: list[MarketEvent] = []
        held_ns = 0
        for now_ns, frame in self._frames():
            if now_ns != held_ns and held:
                yield held_ns, held
                held = []
            held_ns = now_ns
            event = self._event(frame, book, now_ns)
            if event is not None:
                held.append(event)
        if held:
            yield held_ns, held

    def _event(self, frame: _Frame, book: DepthBook, now_ns: Nanoseconds) -> MarketEvent | None:
        """Return what one message says, if anything."""
        match frame.data:
            case DepthUpdate() as update:
                return self._book(book, update, now_ns)
            case _Trade() as trade:
                return self._print(trade, now_ns)
            case _BestPrice():
                return None
            case None:
                book.take_snapshot(frame.lastUpdateId, frame.bids, frame.asks)
                return None

    def _book(self, book: DepthBook, update: DepthUpdate, now_ns: Nanoseconds) -> Book | None:
        """Apply a diff and return the book when one is due. A book that is lost is counted once, with its reason."""
        place = f"{self._path}, at {now_ns}"
        if update.s != self._symbol:
            self._quarantine.note(place, "another symbol")
            return None
        had = not book.broken
        book.take_update(update)
        levels = None
        if now_ns >= self._due_ns:
            levels = book.levels(self._instrument_id, self._asset, self._observed(update.T, now_ns), now_ns)
        if levels is not None:
            self._due_ns = now_ns + BOOK_EVERY_NS
        if had and book.broken:
            self._quarantine.note(place, f"no book until the next snapshot ({_kind(book.broken)})")
        return levels

    def _print(self, trade: _Trade, now_ns: Nanoseconds) -> TradePrint | None:
        """Return a trade of the market, or None for another kind (insurance fund, liquidation transfer) or a bad number."""
        place = f"{self._path}, at {now_ns}"
        if trade.X != "MARKET" or trade.s != self._symbol:
            self._quarantine.note(place, "not a market trade of this symbol")
            return None
        try:
            price, quantity = exact(trade.p), exact(trade.q)
        except InputError as error:
            self._quarantine.note(place, f"trade with a bad number, allowed: {error.allowed}")
            return None
        if price <= 0 or quantity <= 0:
            self._quarantine.note(place, "trade with a price or quantity that is not > 0")
            return None
        observed_ns = self._observed(trade.T, now_ns)
        return TradePrint(
            self._instrument_id, self._asset, price, quantity, not trade.m, "binance:trade", observed_ns, now_ns
        )

    def _observed(self, exchange_ms: int, now_ns: Nanoseconds) -> Nanoseconds:
        return min(exchange_ms * MS_NS - self._ahead_ns, now_ns)

    def _frames(self) -> Iterator[tuple[Nanoseconds, _Frame]]:
        """Yield `(local ns, frame)` of every readable line in time order; quarantine the others with line and reason."""
        decode = msgspec.json.Decoder(_Frame).decode
        last_ns = number = 0
        with open_bytes(self._path) as file:
            while True:
                number += 1
                place = f"{self._path}, line {number}"
                try:
                    line = file.readline(_LINE_BYTES_MAX)
                except (EOFError, OSError, zlib.error):
                    self._quarantine.note(place, "the file is cut or damaged: it ends here")
                    return
                if not line:
                    return
                time_text, _, text = line.partition(b" ")
                if len(time_text) != _TIME_DIGITS or not time_text.isdigit():
                    self._quarantine.note(place, "no time in ns at the start of the line")
                    continue
                at_ns = int(time_text)
                if at_ns < last_ns:
                    self._quarantine.note(place, "backward time")
                    continue
                try:
                    frame = decode(text)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    self._quarantine.note(place, f"unreadable message ({_kind(str(error))})")
                    continue
                if frame.data is None and not frame.lastUpdateId:
                    self._quarantine.note(place, "neither a stream message nor a snapshot")
                    continue
                last_ns = at_ns
                yield at_ns, frame

    def _describe(self) -> FeedDescription:
        notes = ["books are emitted at most every 100 ms, within 12 bps of the touch"]
        if self._ahead_ns:
            notes.append(
                f"the exchange's clock was {self._ahead_ns // MS_NS} ms ahead of the recorder's: exchange times are shifted by it"
            )
        provides = (f"book/{self._asset}", f"price/{self._asset}")
        return FeedDescription(f"l2:{self._path.name}", self._first_ns, None, provides, _LACKS, tuple(notes))


def _kind(why: str) -> str:
    """Return a reason without its numbers, so that equal reasons count together."""
    return why.partition(":")[0].partition(" - at")[0]
