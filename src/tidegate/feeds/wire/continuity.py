"""What one message cannot show: whether time goes forward within each series. A pure memory; its caller passes events in order.

In: parsed events. Out: the same events, or `Garbage` when one is older than the last one of its series (an old bucket delivered again has
an equal time and passes).
"""

from __future__ import annotations

from tidegate.feeds.wire.outcome import Garbage
from tidegate.model.observation import Bar, Book, Liquidation, MarketEvent, Observation, TradePrint
from tidegate.units import Nanoseconds

_Series = tuple[str, str, str]


class Forward:
    """The newest time of every series seen so far. A message is taken as a whole or not at all."""

    def __init__(self) -> None:
        self._newest_ns: dict[_Series, Nanoseconds] = {}

    def take(self, events: tuple[MarketEvent, ...]) -> tuple[MarketEvent, ...] | Garbage:
        """Return the events, or Garbage when one runs backward. Equal times pass; a refused message changes nothing."""
        ahead: dict[_Series, Nanoseconds] = {}
        for event in events:
            if isinstance(event, Liquidation):
                continue  # samples of many contracts, batched by the venue: their order says nothing
            series, at_ns = _series(event)
            last_ns = ahead.get(series, self._newest_ns.get(series, 0))
            if at_ns < last_ns:
                return Garbage("time went backward", f"{at_ns} after {last_ns}")
            ahead[series] = at_ns
        self._newest_ns.update(ahead)
        return events

    def forget(self) -> None:
        """Start afresh: after a reconnection the first answer may be older than the last push."""
        self._newest_ns.clear()


def _series(event: Observation | Bar | Book | TradePrint) -> tuple[_Series, Nanoseconds]:
    """Return what an event belongs to and its own time."""
    match event:
        case Observation():
            return (event.channel, f"{event.asset}:{event.kind}", event.source), event.observed_ns
        case Bar():
            return ("bar", event.instrument_id, ""), event.end_ns
        case Book():
            return ("book", event.instrument_id, event.source), event.observed_ns
        case TradePrint():
            return ("trade", event.instrument_id, event.source), event.observed_ns
