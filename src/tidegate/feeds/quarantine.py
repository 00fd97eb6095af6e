"""Quarantine: input that was set aside, by reason. Nothing in it reaches the engine; its counts are printed with the result."""

from __future__ import annotations


class Quarantine:
    """Counts what was set aside: one entry per reason, with the first place where it was seen."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def note(self, place: str, reason: str) -> None:
        """Count one refused piece of input. `place` names file and line."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._first.setdefault(reason, place)

    @property
    def count(self) -> int:
        """Return how many pieces were set aside in all."""
        return sum(self._counts.values())

    def report(self) -> tuple[str, ...]:
        """Return one line per reason, in order of first sight."""
        return tuple(
            f"{reason}: {count} set aside, first at {self._first[reason]}" for reason, count in self._counts.items()
        )
