"""The world's market: four perpetuals as random walks, slow facts at the pace of real sources, and the faults of feeds; in worlds with pairs
also the spot books of two venues and the rate between their currencies (`world_spot.py`).

In: one `random.Random`, limits, which faults are on. Out: one batch of market events an instant; and what was really delivered, so that the auditor
can ask which feed was silent, which price was the last one seen, and which health factor was published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.support.world_spot import WorldSpots
from tidegate.model.limits import Limits
from tidegate.model.observation import Book, Channel, Liquidation, MarketEvent, Observation, Side, TradePrint
from tidegate.units import MINUTE_NS, ONE, SECOND_NS, fixed

START_PRICES = {"BTC": 108_402, "ETH": 3_880, "SOL": 187, "XRP": "2.36"}
LEVELS = 4
SLOW_S = {
    Channel.POSITIONING: 60,
    Channel.OPEN_INTEREST: 60,
    Channel.FUNDING: 60,
    Channel.LIQUIDATIONS: 60,
    Channel.PRIORITY_FEE: 20,
    Channel.TIP: 20,
    Channel.HEALTH_FACTOR: 30,
}
BUCKET_NS = 5 * MINUTE_NS
FEEDS = [*SLOW_S, Channel.BOOK, Channel.PRICE]


@dataclass
class FeedFaults:
    """Which faults of feeds are on, as chances per batch (0 = off)."""

    silence: float = 0.0
    duplicate: float = 0.0
    garbage: float = 0.0
    jump: float = 0.0
    frozen: float = 0.0
    late: float = 0.0
    thin: float = 0.0
    sick: float = 0.0
    crowd: float = 0.0


@dataclass
class WorldMarket:
    """The market's truth, and what of it was delivered."""

    chance: Random
    limits: Limits
    faults: FeedFaults
    volatility_bps: int = 3
    counts: dict[str, int] = field(default_factory=dict)
    heard_ns: dict[tuple[str, str, str], int] = field(default_factory=dict)
    last_health: int = fixed("2.45")
    published_health: list[tuple[int, int]] = field(default_factory=list)
    spots: WorldSpots | None = None

    def __post_init__(self) -> None:
        self.assets = tuple(self.limits.assets)
        self.names = self.limits.perpetuals()
        self.prices = {asset: fixed(START_PRICES[asset]) for asset in self.assets}
        self.marks: dict[str, int] = {}
        self._silent_until: dict[tuple[Channel, str], int] = {}
        self._frozen_until: dict[str, int] = {}
        self._thin_until: dict[str, int] = {}
        self._sick_until = self._crowded_until = 0
        self._next_ns: dict[tuple[Channel, str, str], int] = {}

    def calm(self) -> None:
        """Switch every fault off from here on."""
        self.faults = FeedFaults()
        for until in (self._silent_until, self._frozen_until, self._thin_until):
            until.clear()
        self._sick_until = self._crowded_until = 0
        if self.spots is not None:
            self.spots.calm()

    def batch(self, now_ns: int) -> list[MarketEvent]:
        """Move the market to `now_ns` and return what its feeds deliver."""
        self._draw_faults(now_ns)
        events: list[MarketEvent] = []
        for asset in self.assets:
            self._move(asset, now_ns)
        self._slow(now_ns, events)
        for asset in self.assets:
            book = self._book(asset, now_ns)
            if not self._silent(Channel.BOOK, asset, now_ns):
                events.append(book)
                self.marks[self.names[asset]] = book.mid
            if not self._silent(Channel.PRICE, asset, now_ns):
                events.append(self._print(asset, book, now_ns))
        if self.spots is not None:
            events += self.spots.batch(self.prices, now_ns)
        if self._hit("duplicate", self.faults.duplicate) and events:
            events.append(self.chance.choice(events))
        return events

    # --- faults ---------------------------------------------------------------------------------------------------------------------

    def _hit(self, name: str, probability: float) -> bool:
        if probability and self.chance.random() < probability:
            self.counts[f"feed {name}"] = self.counts.get(f"feed {name}", 0) + 1
            return True
        return False

    def _draw_faults(self, now_ns: int) -> None:
        faults, chance = self.faults, self.chance
        if self._hit("silence", faults.silence):
            channel = chance.choice(FEEDS)
            lasts_s = chance.choice((10, 60, 400, 700, 1_500))
            asset = "" if channel is Channel.HEALTH_FACTOR else chance.choice(self.assets)
            self._silent_until[channel, asset] = now_ns + lasts_s * SECOND_NS
        if self._hit("jump", faults.jump):
            asset = chance.choice(self.assets)
            self.prices[asset] += self.prices[asset] * chance.choice((-300, -80, -40, 40, 80, 300)) // 10_000
        if self._hit("frozen", faults.frozen):
            self._frozen_until[chance.choice(self.assets)] = now_ns + chance.choice((20, 200)) * SECOND_NS
        if self._hit("thin", faults.thin):
            self._thin_until[chance.choice(self.assets)] = now_ns + chance.choice((20, 120)) * SECOND_NS
        if self._hit("sick", faults.sick):
            self._sick_until = now_ns + chance.choice((5, 40, 200)) * SECOND_NS
        if self._hit("crowd", faults.crowd):
            self._crowded_until = now_ns + 300 * SECOND_NS

    def _silent(self, channel: Channel, asset: str, now_ns: int) -> bool:
        return self._silent_until.get((channel, asset), 0) > now_ns

    # --- prices ---------------------------------------------------------------------------------------------------------------------

    def _move(self, asset: str, now_ns: int) -> None:
        if self._frozen_until.get(asset, 0) > now_ns:
            return
        step = int(self.chance.gauss(0, self.volatility_bps) * 1_000)
        self.prices[asset] = max(1_000_000, self.prices[asset] + self.prices[asset] * step // 10_000_000)

    def _book(self, asset: str, now_ns: int) -> Book:
        instrument = self.limits.instruments[self.names[asset]]
        tick, chance = instrument.tick, self.chance
        bid = self.prices[asset] // tick * tick
        step = max(tick, bid // 10_000 // tick * tick)
        level_usd = 40_000
        if self._thin_until.get(asset, 0) > now_ns:
            level_usd = chance.choice((5, 15, 60))
        if self._hit("garbage", self.faults.garbage):
            bid = max(tick, bid * chance.choice((7, 13)) // 10 // tick * tick)
        lots = max(1, fixed(level_usd) * ONE // bid // instrument.lot)
        bids = tuple((bid - level * step, lots * instrument.lot) for level in range(LEVELS))
        asks = tuple((bid + tick + level * step, lots * instrument.lot) for level in range(LEVELS))
        observed_ns = now_ns - (
            chance.choice((0, 3, 30, 600)) * SECOND_NS if self._hit("late", self.faults.late) else 0
        )
        return Book(instrument.instrument_id, asset, bids, asks, "world", observed_ns, now_ns)

    def _print(self, asset: str, book: Book, now_ns: int) -> TradePrint:
        buys = self.chance.random() < 0.5
        price = book.asks[0][0] if buys else book.bids[0][0]
        lots = self.chance.randint(1, 40) * self.limits.instruments[book.instrument_id].lot
        return TradePrint(book.instrument_id, asset, price, lots, buys, "world", book.observed_ns, now_ns)

    # --- slow facts -----------------------------------------------------------------------------------------------------------------

    def _slow(self, now_ns: int, events: list[MarketEvent]) -> None:
        first, second = self.limits.funding_venues
        for asset in self.assets:
            for channel, venue in (
                (Channel.POSITIONING, "okx"),
                (Channel.OPEN_INTEREST, "okx"),
                (Channel.FUNDING, first),
                (Channel.FUNDING, second),
                (Channel.LIQUIDATIONS, "okx"),
            ):
                self._publish(channel, asset, venue, now_ns, events)
        self._publish(Channel.PRIORITY_FEE, "SOL", "rpc", now_ns, events)
        self._publish(Channel.TIP, "SOL", "jito", now_ns, events)
        self._publish(Channel.HEALTH_FACTOR, "", "aave", now_ns, events)
        if self._hit("liquidation", self.faults.crowd / 4):
            asset = self.chance.choice(self.assets)
            price = self.prices[asset]
            events.append(Liquidation(asset, Side.SHORT, fixed(2_000_000), price, "world", now_ns, now_ns))

    def _publish(self, channel: Channel, asset: str, venue: str, now_ns: int, events: list[MarketEvent]) -> None:
        key = (channel, asset, venue)
        if now_ns < self._next_ns.get(key, 0) or self._silent(channel, asset, now_ns):
            return
        self._next_ns[key] = now_ns + SLOW_S[channel] * SECOND_NS
        bucketed = channel in (Channel.POSITIONING, Channel.OPEN_INTEREST)
        observed_ns = now_ns // BUCKET_NS * BUCKET_NS if bucketed else now_ns
        value = self._value(channel, now_ns)
        kind = "account_ratio" if channel is Channel.POSITIONING else ""
        period_ns = BUCKET_NS if bucketed else 0
        events.append(Observation(channel, asset, venue, value, "world", observed_ns, now_ns, period_ns, kind=kind))
        self.heard_ns[str(channel), asset, venue] = now_ns
        if channel is Channel.HEALTH_FACTOR:
            self.last_health = value
            self.published_health.append((now_ns, value))

    def _value(self, channel: Channel, now_ns: int) -> int:
        garbage = self._hit("garbage", self.faults.garbage)
        chance = self.chance
        crowded = self._crowded_until > now_ns
        match channel:
            case Channel.POSITIONING:
                return (
                    fixed(chance.choice((1, 99)))
                    if garbage
                    else fixed(60 if crowded else 48) + chance.randint(0, 2) * ONE
                )
            case Channel.OPEN_INTEREST:
                return fixed(chance.choice((-60, 80))) if garbage else fixed(4 if crowded else 1)
            case Channel.FUNDING:
                return (
                    fixed(chance.choice((-70, 70)))
                    if garbage
                    else fixed("1.1") + (fixed(2) if crowded and chance.random() < 0.5 else 0)
                )
            case Channel.HEALTH_FACTOR:
                if self._sick_until > now_ns:
                    return fixed("1.8")
                return fixed(chance.choice(("1.2", "9.9"))) if garbage else fixed("2.62")
            case Channel.PRIORITY_FEE:
                return fixed(chance.choice((5_000, 6_000, 60_000 if crowded else 5_500)))
            case Channel.TIP:
                return fixed("0.0001")
            case _:
                return 0
