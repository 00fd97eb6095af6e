"""The same numbers again, from the journal alone: what anyone can do with the file and this build. INVARIANT: R2 J5

In: the path of a journal, finished or still being written. Out: its numbers, the chain's verdict, and where two sets of numbers differ.
Streams: memory does not grow with the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import msgspec

from tidegate.engine.chronicle import decode
from tidegate.errors import JournalError
from tidegate.journal.store_sqlite import read_records
from tidegate.journal.verify import verify
from tidegate.model.event import Event, RunStarted
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.replay.counts import RunCounts
from tidegate.replay.report import JournalFacts, Numbers, numbers_of
from tidegate.session.fold import fold
from tidegate.session.totals import Totals, tally


class Recomputed(msgspec.Struct, frozen=True):
    """What a journal says of itself."""

    numbers: Numbers
    session: Session
    limits: Limits
    source: str
    journal: JournalFacts


def events_of(path: Path, from_seq: int = 1) -> Iterator[tuple[int, Event]]:
    """Stream (seq, event) of a journal. Raises JournalError, JournalCorrupt."""
    for record in read_records(path, from_seq):
        yield record.seq, decode(record)


def beginning(path: Path) -> tuple[RunStarted, Session]:
    """Return the first record of a journal and the session before it. Raises JournalError when it does not begin like one."""
    for _, event in events_of(path):
        if isinstance(event, RunStarted):
            return event, Session(event.mode)
        break
    raise JournalError(f"journal {path} holds no run yet: its first record is the start of one")


def recompute(path: Path, progress: Callable[[int], None] | None = None) -> Recomputed:
    """Fold a whole journal again and check its chain. Raises JournalError, JournalCorrupt."""
    start, session = beginning(path)
    totals, counts = Totals(), RunCounts()
    for seq, event in events_of(path):
        totals = tally(totals, session, event)
        session = fold(session, event)
        counts.see(event)
        if progress is not None and seq % 10_000 == 0:
            progress(seq)
    return Recomputed(numbers_of(session, totals, counts), session, start.limits, start.feed, journal_facts(path))


def journal_facts(path: Path) -> JournalFacts:
    """Check a journal end to end."""
    found = verify(path)
    problem = "" if found.chain_break is None else f"record {found.chain_break.seq}: {found.chain_break.cause}"
    return JournalFacts(str(path), found.records, found.head_hash.hex(), found.mode, problem)


def differences(first: Numbers, second: Numbers) -> tuple[str, ...]:
    """Return every number that differs, as `name: first against second`; empty when all are equal."""
    return tuple(_differing("", msgspec.to_builtins(first), msgspec.to_builtins(second)))


def _differing(name: str, first: object, second: object) -> Iterator[str]:
    if isinstance(first, dict) and isinstance(second, dict):
        first, second = cast("dict[str, object]", first), cast("dict[str, object]", second)
        for key in sorted({*first, *second}):
            yield from _differing(f"{name}.{key}" if name else str(key), first.get(key), second.get(key))
    elif first != second:
        yield f"{name}: {first} in the run, {second} from the journal"
