"""The port of every feed: a description of what it can and cannot say, and batches of events in time order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from tidegate.model.observation import MarketEvent
from tidegate.units import Nanoseconds

Batch = tuple[Nanoseconds, list[MarketEvent]]


class Lack(msgspec.Struct, frozen=True, gc=False):
    """Something that rules need and this feed does not have.

    `name` is the assumption's name (`positioning.SOL`, `depth_usd`); `disables` names the rules and strategies that cannot be judged
    without it; `remedy` says how to go on: what `--assume` would supply, or what a richer feed would be.
    """

    name: str
    disables: tuple[str, ...]
    remedy: str = ""

    def __str__(self) -> str:
        text = f"no {self.name}: cannot judge {', '.join(self.disables)}"
        return f"{text} ({self.remedy})" if self.remedy else text


class FeedDescription(msgspec.Struct, frozen=True):
    """What a feed is, printed with every result.

    `end_ns` None means endless or not known before the end. `provides` holds `channel/asset` texts (`book/BTC`, `funding.okx/BTC`,
    `health_factor`). `bar_scalps` False means that its bars are too coarse to judge sub-minute scalps: such a tape judges the gate, the kill
    switch and external intents only. `spot_venues` are venues whose spot books it carries (for the arbitrage pair).
    """

    name: str
    start_ns: Nanoseconds
    end_ns: Nanoseconds | None
    provides: tuple[str, ...]
    lacks: tuple[Lack, ...] = ()
    approximations: tuple[str, ...] = ()
    bar_scalps: bool = True
    spot_venues: tuple[str, ...] = ()

    @property
    def bars_only(self) -> bool:
        """Say whether it speaks in bars alone (`bars.<exchange>/<asset>`): between two of them nothing at all is known."""
        return any(text.startswith("bars") for text in self.provides)


class Feed(Protocol):
    """A source of market events."""

    @property
    def description(self) -> FeedDescription:
        """Return what the feed provides, lacks and approximates."""
        ...

    @property
    def quarantined(self) -> tuple[str, ...]:
        """Return one line per reason for which input was set aside so far, with counts and the first place."""
        ...

    def batches(self) -> Iterator[Batch]:
        """Yield `(now_ns, events)` with every event of one instant together; times strictly increase. Raises InputError on bad input."""
        ...
