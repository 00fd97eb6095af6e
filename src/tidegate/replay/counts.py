"""What people and the scripted operator did in a run, as a fold of the same events: the part of a report that `session.totals` leaves out.

In: events, in journal order. Out: counts by name. Live runs and recomputation use this one fold, so that their numbers can be compared.
"""

from __future__ import annotations

import msgspec

from tidegate.journal.record import Record
from tidegate.model.event import (
    DayStarted,
    Event,
    FeedChanged,
    FlattenEnded,
    FlattenStarted,
    HaltLifted,
    ReviewDone,
    RunEnded,
    RunStarted,
)


class RunCounts(msgspec.Struct):
    """Counts of one journal. `reviews` and `lifts` by who did it (`system` lifts what lifts itself); `ended` is how the run ended, if it did."""

    events: int = 0
    starts: int = 0
    days: int = 0
    reviews: dict[str, int] = {}
    lifts: dict[str, int] = {}
    flattens: int = 0
    flattened: int = 0
    feeds_lost: int = 0
    first_ns: int = 0
    last_ns: int = 0
    ended: str = ""

    @staticmethod
    def begun(start_ns: int) -> RunCounts:
        """Return the counts just after the first record, the start of a run: the engine writes that one before anybody can listen."""
        return RunCounts(events=1, starts=1, first_ns=start_ns, last_ns=start_ns)

    def note(self, record: Record, event: Event) -> None:
        """Follow a chronicle (a listener)."""
        self.see(event)

    def see(self, event: Event) -> None:
        """Count one event."""
        self.events += 1
        self.first_ns = self.first_ns or event.ts_ns
        self.last_ns = event.ts_ns
        match event:
            case RunStarted():
                self.starts += 1
            case DayStarted():
                self.days += 1
            case ReviewDone():
                self.reviews[event.by] = self.reviews.get(event.by, 0) + 1
            case HaltLifted():
                key = f"{event.cause} by {event.by}"
                self.lifts[key] = self.lifts.get(key, 0) + 1
            case FlattenStarted():
                self.flattens += 1
            case FlattenEnded():
                self.flattened += 1 if event.flat else 0
            case FeedChanged():
                self.feeds_lost += 0 if event.fresh else 1
            case RunEnded():
                self.ended = event.detail
            case _:
                pass
