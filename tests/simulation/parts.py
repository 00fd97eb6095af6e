"""Parts of a world: its limits, a side file in memory, and the report at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from tests.simulation.plan import Plan
from tidegate.config.load import Settings, load
from tidegate.journal.record import Record, next_record
from tidegate.model.intent import Mode
from tidegate.model.limits import Limits

SETTINGS: Settings = load()


class MemorySide:
    """A side file in memory: what `journal.side_file.SideFile` keeps on disk."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        """Keep one record."""
        record = next_record(self.records[-1] if self.records else None, ts_ns, kind, payload)
        self.records.append(record)
        return record


@dataclass
class Report:
    """What one world did, counted."""

    seed: int
    hours: float
    events: int = 0
    checks: int = 0
    intents: int = 0
    approved: int = 0
    fills: int = 0
    restarts: int = 0
    records: int = 0
    faults: dict[str, int] = field(default_factory=dict)


def limits_of(plan: Plan) -> Limits:
    """Return the product's limits; busy worlds may enter more often a day, so that slots and exposure are the limits that bind."""
    limits = SETTINGS.limits(Mode.PAPER)
    if not plan.busy_limits:
        return limits
    strategies = {
        key: replace(rules, entries_per_day_max=60, cooldown_ns=0) for key, rules in limits.strategies.items()
    }
    return replace(limits, entries_per_day_max=60, losses_max=12, strategies=strategies)
