"""The market of a scenario, second by second: one walk and one book per asset, spot books beside them. Integers only.

In: the acts that are under way. Out: `Book`s and `TradePrint`s. The price follows the path of its acts; noise wanders around the path and
is pulled back to it, so that what an act says happens whatever the seed.
"""

from __future__ import annotations

from tidegate.feeds.draws import Draws
from tidegate.feeds.scenario_file import AssetScript, Move, SpotScript, fixed_of, seconds_of
from tidegate.model.observation import Book, TradePrint
from tidegate.units import BPS_PER_UNIT, ONE, SECOND_NS, Bps, Nanoseconds, Price, Ratio

_LEVELS = 6
_LEVEL_STEP_BPS_X10 = 15
_SIDE_OF_1024 = {"buy": 920, "sell": 104}
_FOLLOWS_OF_1024 = 700
_EVEN_OF_1024 = 512


class PerpMarket:
    """One perpetual: its path, its noise, its book."""

    def __init__(self, asset: str, instrument_id: str, script: AssetScript, draws: Draws) -> None:
        self.asset, self.instrument_id = asset, instrument_id
        self._draws = draws
        self._tick = fixed_of(script.tick)
        self._noise_bps = fixed_of(script.noise_bps)
        self._settle_s = seconds_of(script.settle)
        self._spread = script.spread_ticks * self._tick
        self._level_usd, self._print_usd = fixed_of(script.level_usd), fixed_of(script.print_usd)
        self._from = self._to = fixed_of(script.price)
        self._from_ns = self._until_ns = 0
        self._taker = "mixed"
        self._offset_bps: Bps = 0
        self._thin: tuple[Nanoseconds, Ratio, Price] = (0, ONE, 0)
        self.price: Price = self._from
        self._rising = 0

    def begin_move(self, act: Move, now_ns: Nanoseconds) -> None:
        """Start towards a new price from where the path is now."""
        self._from, self._to = self._path(now_ns), fixed_of(act.to)
        self._from_ns, self._until_ns = now_ns, now_ns + seconds_of(act.over) * SECOND_NS
        self._taker = act.taker

    def begin_thin(self, until_ns: Nanoseconds, depth: Ratio, spread_ticks: int) -> None:
        """Thin the book until a time."""
        self._thin = (until_ns, depth, spread_ticks * self._tick)

    def _path(self, now_ns: Nanoseconds) -> Price:
        if now_ns >= self._until_ns:
            return self._to
        return self._from + (self._to - self._from) * (now_ns - self._from_ns) // (self._until_ns - self._from_ns)

    def advance(self, now_ns: Nanoseconds) -> None:
        """Move the price by one second."""
        self._offset_bps += self._noise_bps * self._draws.normal() // ONE - self._offset_bps // self._settle_s
        path = self._path(now_ns)
        price = max(self._tick, path + path * self._offset_bps // (BPS_PER_UNIT * ONE))
        self._rising = (price > self.price) - (price < self.price)
        self.price = price

    def book(self, now_ns: Nanoseconds) -> Book:
        """Return the book around the present price."""
        until_ns, depth, spread = self._thin
        thin = now_ns < until_ns
        usd = self._level_usd * depth // ONE if thin else self._level_usd
        wide = max(spread, self._spread) if thin else self._spread
        bid = max(self._tick, self.price // self._tick * self._tick)
        return book_of(self.instrument_id, self.asset, (bid, bid + wide, self._tick), usd, self._draws.bits(), now_ns)

    def prints(self, now_ns: Nanoseconds, book: Book) -> list[TradePrint]:
        """Return the one to three trades of this second, at the touch."""
        bits = self._draws.bits()
        count = 1 + (bits & 0xFF) % 3
        buys_of_1024 = self._buys_of_1024(now_ns)
        found: list[TradePrint] = []
        for _ in range(count):
            bits >>= 8
            taker_buys = (bits & 0x3FF) < buys_of_1024
            price = book.asks[0][0] if taker_buys else book.bids[0][0]
            usd = self._print_usd * (256 + (bits >> 10 & 0x3FF)) // 768
            found.append(
                TradePrint(
                    self.instrument_id, self.asset, price, usd * ONE // price, taker_buys, "scenario", now_ns, now_ns
                )
            )
            bits >>= 8
        return found

    def _buys_of_1024(self, now_ns: Nanoseconds) -> int:
        """Return how many of 1,024 takers buy: as the act says, else with the last change."""
        if now_ns < self._until_ns and self._taker != "mixed":
            return _SIDE_OF_1024[self._taker]
        if self._rising == 0:
            return _EVEN_OF_1024
        return _FOLLOWS_OF_1024 if self._rising > 0 else 1_024 - _FOLLOWS_OF_1024


class SpotMarket:
    """One spot market: the perpetual's price with a premium."""

    def __init__(self, instrument_id: str, script: SpotScript, perp: PerpMarket, draws: Draws) -> None:
        self.instrument_id, self.perp = instrument_id, perp
        self._draws = draws
        self._tick, self._noise_bps = fixed_of(script.tick), fixed_of(script.noise_bps)
        self._spread, self._level_usd = script.spread_ticks * self._tick, fixed_of(script.level_usd)
        self._premium: tuple[Nanoseconds, Bps] = (0, 0)

    def begin_premium(self, until_ns: Nanoseconds, bps: Bps) -> None:
        """Trade at a premium (negative: a discount) until a time."""
        self._premium = (until_ns, bps)

    def book(self, now_ns: Nanoseconds) -> Book:
        """Return the book around the perpetual's price and the present premium."""
        until_ns, bps = self._premium
        bps = (bps if now_ns < until_ns else 0) + self._noise_bps * self._draws.normal() // ONE
        price = self.perp.price + self.perp.price * bps // (BPS_PER_UNIT * ONE)
        bid = max(self._tick, price // self._tick * self._tick)
        touch = (bid, bid + self._spread, self._tick)
        return book_of(self.instrument_id, self.perp.asset, touch, self._level_usd, self._draws.bits(), now_ns)


def book_of(
    instrument_id: str, asset: str, touch: tuple[Price, Price, Price], level_usd: int, bits: int, now_ns: Nanoseconds
) -> Book:
    """Build a book of six levels a side, 1.5 bps apart, from (bid, ask, tick); each level holds `level_usd` within 7 %."""
    bid, ask, tick = touch
    step = max(tick, bid * _LEVEL_STEP_BPS_X10 // (10 * BPS_PER_UNIT) // tick * tick)
    quantity = level_usd * ONE // bid // 1_000
    bids: list[tuple[int, int]] = []
    asks: list[tuple[int, int]] = []
    for level in range(_LEVELS):
        price = bid - level * step
        if price > 0:
            bids.append((price, quantity * (937 + (bits & 0x7F))))
        asks.append((ask + level * step, quantity * (937 + (bits >> 7 & 0x7F))))
        bits >>= 5
    return Book(instrument_id, asset, tuple(bids), tuple(asks), "scenario", now_ns, now_ns)
