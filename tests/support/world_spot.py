"""The world's spot markets: a book per venue around the same price, premiums that come and go, and the rate of USDT; with faults of their own.

In: a `random.Random` of its own, so that worlds without pairs stay as they are; the prices of the perpetuals. Out: books and rates of one instant.
"""

from __future__ import annotations

from random import Random

from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.model.limits import Limits
from tidegate.model.observation import Book, Channel, MarketEvent, Observation
from tidegate.units import MS_NS, ONE, SECOND_NS, fixed

LEVELS = 3


class WorldSpots:
    """Both venues' spot books. `faulty` worlds have thin books, silent venues and a currency that loses its peg."""

    def __init__(self, chance: Random, limits: Limits, faulty: bool) -> None:
        self.chance, self.faulty = chance, faulty
        self.instruments = [one for one in limits.instruments.values() if one.kind is InstrumentKind.SPOT]
        self.rate = fixed("0.9996")
        self._premiums_bps = {one.instrument_id: 0 for one in self.instruments}
        self._silent_until: dict[str, int] = {}
        self._thin_until: dict[str, int] = {}

    def calm(self) -> None:
        """Switch the faults off."""
        self.faulty = False
        self._silent_until.clear()
        self._thin_until.clear()

    def batch(self, prices: dict[str, int], now_ns: int) -> list[MarketEvent]:
        """Return what both venues and the rate's source say now."""
        self._draw(now_ns)
        events: list[MarketEvent] = []
        if self._silent_until.get("rate", 0) <= now_ns:
            events.append(Observation(Channel.RATE, "USDT", "world", self.rate, "world", now_ns, now_ns, 2 * SECOND_NS))
        for one in self.instruments:
            if self._silent_until.get(one.instrument_id, 0) <= now_ns:
                events.append(self._book(one, prices[one.asset], now_ns))
        return events

    def _draw(self, now_ns: int) -> None:
        chance = self.chance
        self.rate = min(fixed("1.002"), max(fixed("0.995"), self.rate + chance.randint(-2_000, 2_000)))
        for name in self._premiums_bps:
            if chance.random() < 0.05:
                self._premiums_bps[name] = chance.choice((0, 0, -20, 20, -60, 60, 90, -140))
        if not self.faulty:
            return
        if chance.random() < 0.01:
            silent = chance.choice([*self._premiums_bps, "rate"])
            self._silent_until[silent] = now_ns + chance.choice((3, 12, 40, 300)) * SECOND_NS
        if chance.random() < 0.02:
            self._thin_until[chance.choice(list(self._premiums_bps))] = now_ns + chance.choice((5, 60)) * SECOND_NS
        if chance.random() < 0.002:
            self.rate = self.rate * chance.choice((97, 103)) // 100

    def _book(self, of: Instrument, price: int, now_ns: int) -> Book:
        chance = self.chance
        native = price * ONE // (ONE if of.quote == "USD" else self.rate)
        bid = native * (10_000 + self._premiums_bps[of.instrument_id]) // 10_000 // of.tick * of.tick
        step = max(of.tick, bid // 20_000 // of.tick * of.tick)
        level_usd = chance.choice((3, 40, 200)) if self._thin_until.get(of.instrument_id, 0) > now_ns else chance.choice((150, 600, 5_000))
        quantity = max(1, fixed(level_usd) * ONE // bid // of.lot) * of.lot
        bids = tuple((bid - level * step, quantity) for level in range(LEVELS))
        asks = tuple((bid + of.tick + level * step, quantity) for level in range(LEVELS))
        return Book(of.instrument_id, of.asset, bids, asks, "world", now_ns - chance.choice((0, 20, 400)) * MS_NS, now_ns)
