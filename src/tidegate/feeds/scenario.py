"""The built-in market: a scenario's acts played second by second, the same for the same seed on every machine.

In: a scenario (built-in name or file), a seed, and the instruments that stand for its assets. Out: every second one book and one to three
trades per asset; slow facts at the pace of real sources; spot books. Everything is received at the instant it is observed, except that
positioning and open interest are five-minute buckets, as exchanges publish them. A spot book carries the asset of its perpetual (`BTC`)
and its own instrument id, and follows the perpetuals in each batch: only the id tells the two apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.draws import Draws
from tidegate.feeds.port import Batch, FeedDescription
from tidegate.feeds.scenario_file import (
    Act,
    Change,
    Fact,
    Liquidations,
    Move,
    Outage,
    Premium,
    Script,
    Thin,
    concerns,
    fact_of,
    fixed_of,
    load,
    seconds_of,
)
from tidegate.feeds.scenario_market import PerpMarket, SpotMarket
from tidegate.model.observation import Channel, Liquidation, MarketEvent, Observation, Side
from tidegate.units import MINUTE_NS, SECOND_NS, Nanoseconds, Usd

_SQUEEZE_WINDOW_NS = 5 * MINUTE_NS
_NOISE_BITS = 0xFF


class Pace(msgspec.Struct, frozen=True, gc=False):
    """How a channel is published: read every `every_s`, values renewed every `bucket_s` (0 = at every read), noise of `noise_pct` a read.

    `noise_ppm` is noise in millionths, for what hardly moves. `kind` as in `Observation`.
    """

    every_s: int
    bucket_s: int = 0
    noise_pct: int = 0
    noise_ppm: int = 0
    kind: str = ""


_PACES = {
    Channel.POSITIONING: Pace(60, bucket_s=300, kind="account_ratio"),
    Channel.OPEN_INTEREST: Pace(60, bucket_s=300),
    Channel.FUNDING: Pace(60),
    Channel.PRIORITY_FEE: Pace(5, noise_pct=10),
    Channel.TIP: Pace(10, noise_pct=5),
    Channel.HEALTH_FACTOR: Pace(12),
    Channel.RATE: Pace(2, noise_ppm=10),
}
_HEARTBEAT_S = 30
_APPROXIMATIONS = (
    "a made-up market: prices, books, positioning, funding, fees and health factor are written down in the scenario, not observed",
    "every fact is received at the instant it is observed",
)


class ScenarioFeed:
    """A feed over one scenario. `instruments` maps assets to the instrument ids of their perpetuals; assets without one are left out."""

    def __init__(self, name_or_path: str | Path, seed: int, instruments: Mapping[str, str]) -> None:
        self._script, self._seed = load(name_or_path), seed
        self._instruments = {asset: instruments[asset] for asset in self._script.assets if asset in instruments}
        if not self._instruments:
            raise InputError(
                "scenario instruments", ", ".join(instruments), f"at least one of {', '.join(self._script.assets)}"
            )
        self.description = self._describe()
        self.quarantined: tuple[str, ...] = ()

    def batches(self) -> Iterator[Batch]:
        """Yield one batch a second. Every call plays the scenario from its start again, identically."""
        play = _Play(self._script, self._seed, self._instruments)
        now_ns, end_ns = self.description.start_ns, self.description.end_ns
        while end_ns is None or now_ns <= end_ns:
            yield now_ns, play.second(now_ns)
            now_ns += SECOND_NS

    def _describe(self) -> FeedDescription:
        script = self._script
        assets = tuple(self._instruments)
        start_ns, seconds = script.start_ns, script.seconds
        end_ns = None if seconds is None else start_ns + seconds * SECOND_NS
        spots = {name: spot for name, spot in script.spots.items() if spot.asset in assets}
        live = tuple(f"{channel}/{asset}" for channel in ("book", "price", "liquidations") for asset in assets)
        slow = tuple(name for name in script.opening if concerns(fact_of(name), assets))
        venues = tuple(dict.fromkeys(name.partition(":")[0] for name in spots))
        provides = (*live, *slow, *(f"book.{name}" for name in spots))
        name = f"scenario:{script.name}:{self._seed}"
        return FeedDescription(name, start_ns, end_ns, provides, (), _APPROXIMATIONS, True, venues)


class _Play:
    """One performance of a script: what is under way at the present second."""

    def __init__(self, script: Script, seed: int, instruments: Mapping[str, str]) -> None:
        self._start_ns = script.start_ns
        self._perps = {
            asset: PerpMarket(asset, instruments[asset], entry, Draws(seed, asset))
            for asset, entry in script.assets.items()
            if asset in instruments
        }
        self._spots = {
            name: SpotMarket(name, entry, self._perps[entry.asset], Draws(seed, name))
            for name, entry in script.spots.items()
            if entry.asset in self._perps
        }
        self._facts = {
            fact: SlowFact(fact, fixed_of(number), Draws(seed, name))
            for name, number in script.opening.items()
            if concerns(fact := fact_of(name), tuple(self._perps))
        }
        self._silent: dict[Fact, Nanoseconds] = {}
        self._forced: list[_Forced] = []
        self._quiet = {asset: ShortLiquidations(asset) for asset in self._perps}
        self._acts: dict[int, list[Act]] = {}
        for act in script.acts:
            self._acts.setdefault(seconds_of(act.at), []).append(act)

    def second(self, now_ns: Nanoseconds) -> list[MarketEvent]:
        """Play one second and return its events: slow facts, liquidations, then the perpetuals, then the spot books."""
        elapsed_s = (now_ns - self._start_ns) // SECOND_NS
        for act in self._acts.pop(elapsed_s, ()):
            self._begin(act, now_ns, elapsed_s)
        for perp in self._perps.values():
            perp.advance(now_ns)
        events: list[MarketEvent] = []
        for fact, slow in self._facts.items():
            if elapsed_s % slow.every_s == 0 and not self._is_silent(fact, now_ns):
                events.append(slow.observe(now_ns))
        self._liquidate(now_ns, elapsed_s, events)
        for asset, perp in self._perps.items():
            book = perp.book(now_ns)
            prints = perp.prints(now_ns, book)
            if not self._is_silent((Channel.BOOK, asset, ""), now_ns):
                events.append(book)
            if not self._is_silent((Channel.PRICE, asset, ""), now_ns):
                events.extend(prints)
        events.extend(spot.book(now_ns) for spot in self._spots.values())
        return events

    def _begin(self, act: Act, now_ns: Nanoseconds, elapsed_s: int) -> None:
        match act:
            case Move():
                if act.asset in self._perps:
                    self._perps[act.asset].begin_move(act, now_ns)
            case Thin():
                if act.asset in self._perps:
                    self._perps[act.asset].begin_thin(_after(now_ns, act.lasts), fixed_of(act.depth), act.spread_ticks)
            case Change():
                if (slow := self._facts.get(fact_of(act.what))) is not None:
                    slow.begin_change(fixed_of(act.to), now_ns, seconds_of(act.over))
            case Outage():
                for name in act.what:
                    self._silent[fact_of(name)] = _after(now_ns, act.lasts)
            case Liquidations():
                if act.asset in self._perps:
                    self._forced.append(
                        _Forced(
                            act.asset, act.side, fixed_of(act.usd) // seconds_of(act.over), _after(now_ns, act.over)
                        )
                    )
            case Premium():
                if act.spot in self._spots:
                    self._spots[act.spot].begin_premium(_after(now_ns, act.lasts), fixed_of(act.bps))
                if act.every:
                    self._acts.setdefault(elapsed_s + seconds_of(act.every), []).append(act)

    def _is_silent(self, fact: Fact, now_ns: Nanoseconds) -> bool:
        if not self._silent:
            return False
        channel, asset, venue = fact
        names = ((channel, asset, venue), (channel, asset, ""), (channel, "*", venue), (channel, "*", ""))
        return any(now_ns < self._silent.get(name, 0) for name in names)

    def _liquidate(self, now_ns: Nanoseconds, elapsed_s: int, events: list[MarketEvent]) -> None:
        self._forced = [forced for forced in self._forced if now_ns < forced.until_ns]
        for forced in self._forced:
            if forced.side is Side.SHORT:
                self._quiet[forced.asset].add(forced.usd, now_ns)
            if not self._is_silent((Channel.LIQUIDATIONS, forced.asset, ""), now_ns):
                price = self._perps[forced.asset].price
                events.append(Liquidation(forced.asset, forced.side, forced.usd, price, "scenario", now_ns, now_ns))
        if elapsed_s % _HEARTBEAT_S == 0:
            for asset, quiet in self._quiet.items():
                if not self._is_silent((Channel.LIQUIDATIONS, asset, ""), now_ns):
                    events.append(quiet.heartbeat(now_ns))


class SlowFact:
    """One slow fact: its value now, read at its channel's pace."""

    def __init__(self, fact: Fact, value: int, draws: Draws) -> None:
        self._channel, self._asset, self._venue = fact
        if self._channel not in _PACES:
            raise InputError("fact", str(self._channel), f"one of {', '.join(_PACES)}")
        self._pace = _PACES[self._channel]
        self.every_s = self._pace.every_s
        self._draws = draws
        self._from = self._to = value
        self._from_ns = self._until_ns = 0
        self._bucket: tuple[Nanoseconds, int] = (-1, 0)

    def begin_change(self, value: int, now_ns: Nanoseconds, over_s: int) -> None:
        """Start towards a new value from the present one."""
        self._from, self._to = self._value(now_ns), value
        self._from_ns, self._until_ns = now_ns, now_ns + over_s * SECOND_NS

    def _value(self, now_ns: Nanoseconds) -> int:
        if now_ns >= self._until_ns:
            return self._to
        return self._from + (self._to - self._from) * (now_ns - self._from_ns) // (self._until_ns - self._from_ns)

    def observe(self, now_ns: Nanoseconds) -> Observation:
        """Read the fact: the newest whole bucket, or the value of this instant with its noise."""
        pace = self._pace
        if pace.bucket_s:
            bucket_ns = now_ns // (pace.bucket_s * SECOND_NS) * pace.bucket_s * SECOND_NS
            if bucket_ns != self._bucket[0]:
                self._bucket = (bucket_ns, self._value(now_ns))
            observed_ns, value, period_ns = *self._bucket, pace.bucket_s * SECOND_NS
        else:
            observed_ns, value, period_ns = now_ns, self._value(now_ns), pace.every_s * SECOND_NS
        if noise_ppm := pace.noise_pct * 10_000 + pace.noise_ppm:
            value += value * noise_ppm * ((self._draws.bits() & _NOISE_BITS) - 128) // (128 * 1_000_000)
        venue = self._venue or "scenario"
        times = (observed_ns, now_ns, period_ns)
        return Observation(self._channel, self._asset, venue, value, "scenario", *times, kind=pace.kind)


class _Forced(msgspec.Struct, frozen=True, gc=False):
    """Liquidations under way: `usd` a second until a time."""

    asset: str
    side: Side
    usd: Usd
    until_ns: Nanoseconds


class ShortLiquidations:
    """The USD of shorts liquidated in the last five minutes of one asset: the stream's heartbeat says it even when it is 0."""

    def __init__(self, asset: str) -> None:
        self._asset = asset
        self._recent: deque[tuple[Nanoseconds, Usd]] = deque()

    def add(self, usd: Usd, now_ns: Nanoseconds) -> None:
        """Count a liquidation."""
        self._recent.append((now_ns, usd))

    def heartbeat(self, now_ns: Nanoseconds) -> Observation:
        """Return the sum of the last five minutes as an observation."""
        while self._recent and self._recent[0][0] <= now_ns - _SQUEEZE_WINDOW_NS:
            self._recent.popleft()
        usd = sum(usd for _, usd in self._recent)
        return Observation(
            Channel.LIQUIDATIONS, self._asset, "scenario", usd, "scenario", now_ns, now_ns, _HEARTBEAT_S * SECOND_NS
        )


def _after(now_ns: Nanoseconds, lasts: str) -> Nanoseconds:
    return now_ns + seconds_of(lasts) * SECOND_NS
