"""A tape of candles: replay of recorded OHLCV candles with the slow series that lie beside them.

In: a folder (see `tape_candles` and `tape_slow` for its files) and the instruments that stand for its assets. Out: two approximate bars per
candle, all assets of an instant in one batch, and slow observations at the instant they were published. Candles are streamed: memory does
not grow with them. The slow rows (a few an hour) are read once and kept, because the description needs to know which series there are and
when each begins. What the folder lacks is named in the description, with the rules it disables.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from operator import attrgetter, itemgetter
from pathlib import Path

from tidegate.errors import InputError
from tidegate.feeds.port import Batch, FeedDescription
from tidegate.feeds.tape_candles import CandleFile, half_bars, named, opened
from tidegate.feeds.tape_lacks import lacks_of
from tidegate.feeds.tape_slow import slow_observations
from tidegate.model.observation import Channel, MarketEvent, Observation
from tidegate.units import MS_NS, Nanoseconds

_EXCHANGES = ("binance", "okx", "bybit", "hyperliquid")
_SCALP_SPAN_MS_MAX = 60_000
_FOREVER_MS = 1 << 62
_APPROXIMATIONS: tuple[str, ...] = (
    "each candle is two bars: an up candle runs open-low-high-close, a down candle open-high-low-close, half-way between its extremes",
    "volume is shared by path length; delta is the volume of the up moves less that of the down moves",
    "slow series are polled every 30 virtual seconds from their publication; a 4 h row is published at its close",
    "open interest and liquidations are Binance's alone",
)
_SETTLED = "funding is the last settled rate of each venue, not its running estimate"
_LIQUIDATIONS = (
    "short liquidations are 4 h sums where the rule wants 5 min: L2_FRESH_SQUEEZE refuses more shorts here, never fewer"
)
_COARSE = "bars of {minutes} min: this tape judges gate, kill switch and external intents, never sub-minute scalps"


class CandleTape:
    """A feed over one folder of candles.

    `instruments` maps each wanted asset to the instrument id its bars will carry; assets without a candle file are left out (and named).
    The tape runs where all its files overlap, cut to [`start_ns`, `end_ns`]. Raises InputError when nothing is left or a file is malformed.
    """

    def __init__(
        self,
        folder: str | Path,
        instruments: Mapping[str, str],
        start_ns: Nanoseconds | None = None,
        end_ns: Nanoseconds | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._instruments = dict(instruments)
        self._files = _chosen(self._folder, self._instruments)
        self._from_ms = max(*(file.first_ms for file in self._files), _ceil_ms(start_ns or 0))
        self._until_ms = _FOREVER_MS if end_ns is None else end_ns // MS_NS
        if self._until_ms <= self._from_ms:
            raise InputError(f"{folder}, end of the tape", end_ns, f"a time after its start {self._from_ms * MS_NS}")
        self._slow = slow_observations(self._folder, self._instruments)
        self.description = self._describe(end_ns)
        self.quarantined: tuple[str, ...] = ()

    def batches(self) -> Iterator[Batch]:
        """Yield `(now_ns, events)`: at each instant the slow observations first, then the bars that close. Raises InputError on a bad row."""
        slow = self._due_slow()
        due = next(slow, None)
        for now_ns, bars in self._bar_batches():
            while due is not None and due[0] < now_ns:
                yield due
                due = next(slow, None)
            if due is not None and due[0] == now_ns:
                yield now_ns, due[1] + bars
                due = next(slow, None)
            else:
                yield now_ns, bars

    def _bar_batches(self) -> Iterator[Batch]:
        """Yield the bars that close at each instant, from all files."""
        groups = [self._lockstep(span_ms) for span_ms in sorted({file.span_ms for file in self._files})]
        return groups[0] if len(groups) == 1 else _together(heapq.merge(*groups, key=itemgetter(0)))

    def _lockstep(self, span_ms: int) -> Iterator[Batch]:
        """Yield the bars of all files of one span; each is gapless, so that they move together from a common first candle."""
        from_ms = -(-self._from_ms // span_ms) * span_ms
        streams = [
            half_bars(file, self._instruments[file.asset], from_ms, self._until_ms)
            for file in self._files
            if file.span_ms == span_ms
        ]
        for pairs in zip(*streams, strict=False):
            first: list[MarketEvent] = [pair[0] for pair in pairs]
            second: list[MarketEvent] = [pair[1] for pair in pairs]
            yield pairs[0][0].end_ns, first
            yield pairs[0][1].end_ns, second

    def _due_slow(self) -> Iterator[Batch]:
        """Yield the slow observations by instant. The newest one of each series before the start is delivered with the first instant."""
        start_ns = self._from_ms * MS_NS
        first = bisect_right(self._slow, start_ns, key=attrgetter("received_ns"))
        before = {(seen.channel, seen.asset, seen.venue): seen for seen in islice(self._slow, first)}
        if before:
            yield start_ns, list(before.values())
        for at_ns, together in groupby(islice(self._slow, first, None), key=attrgetter("received_ns")):
            yield at_ns, list(together)

    def _describe(self, end_ns: Nanoseconds | None) -> FeedDescription:
        coarsest_ms = max(file.span_ms for file in self._files)
        fine = coarsest_ms <= _SCALP_SPAN_MS_MAX
        series = sorted({_series_name(observation) for observation in self._slow})
        provides = (*(f"bars.{file.exchange}/{file.asset}" for file in self._files), *series)
        notes: list[str] = [*_APPROXIMATIONS]
        if any(name.startswith(Channel.FUNDING) for name in series):
            notes.append(_SETTLED)
        if any(name.startswith(Channel.LIQUIDATIONS) for name in series):
            notes.append(_LIQUIDATIONS)
        if not fine:
            notes.append(_COARSE.format(minutes=coarsest_ms // 60_000))
        start_ns = self._from_ms * MS_NS
        lacks = lacks_of(self._slow, tuple(self._instruments), {file.asset for file in self._files}, start_ns)
        return FeedDescription(f"tape:{self._folder.name}", start_ns, end_ns, provides, lacks, tuple(notes), fine)


def _chosen(folder: Path, wanted: Mapping[str, str]) -> list[CandleFile]:
    """Choose one candle file per wanted asset: the preferred exchange, then the finest span. Raises InputError when there is none at all."""
    if not folder.is_dir():
        raise InputError("tape folder", str(folder), "a folder of candles_<exchange>_<symbol>_<timeframe>.csv.gz files")
    best: dict[str, tuple[tuple[int, int], CandleFile]] = {}
    for path in sorted(folder.iterdir()):
        file = named(path)
        if file is None or file.asset not in wanted or file.exchange not in _EXCHANGES:
            continue
        rank = (_EXCHANGES.index(file.exchange), file.span_ms)
        if file.asset not in best or rank < best[file.asset][0]:
            best[file.asset] = (rank, file)
    if not best:
        raise InputError("tape folder", str(folder), f"at least one candle file of {', '.join(wanted)}")
    return [opened(best[asset][1]) for asset in wanted if asset in best]


def _together(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Join batches of the same instant."""
    held = next(batches)
    for now_ns, events in batches:
        if now_ns == held[0]:
            held = (now_ns, held[1] + events)
        else:
            yield held
            held = (now_ns, events)
    yield held


def _series_name(observation: Observation) -> str:
    venue = f".{observation.venue}" if observation.channel is Channel.FUNDING else ""
    return f"{observation.channel}{venue}/{observation.asset}"


def _ceil_ms(at_ns: Nanoseconds) -> int:
    return -(-at_ns // MS_NS)
