"""What a house rule found: where, what, what is allowed instead. Rules return lists of these; tests fail with all of them at once."""

from __future__ import annotations

from typing import NamedTuple


class Offence(NamedTuple):
    """One breach of one rule, at one line."""

    path: str
    line: int
    what: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.allowed}"


def report(rule: str, offences: list[Offence]) -> str:
    """Render every offence, sorted by place, under the rule's name."""
    lines = [f"{rule}: {len(offences)} offence(s)", *(f"  {offence}" for offence in sorted(offences))]
    return "\n".join(lines)


def assert_none(rule: str, offences: list[Offence]) -> None:
    """Fail with the whole list when there is any offence."""
    assert not offences, report(rule, offences)
