"""The desk: everything that API, agent bridge and command line may ask of a running engine, and nothing else.

In: proposals and the operator's commands, from any task of the engine's loop. Out: answers that are durable, a read model, and what became
durable, in order. It decides nothing: the gate does, behind the engine's one writer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from tidegate.engine.completed import CompletedTrades
from tidegate.engine.engine import Engine
from tidegate.engine.service import DurableBatch, DurableListener, EngineService
from tidegate.engine.session_view import SessionView, session_view
from tidegate.engine.verdicts import RecentVerdicts
from tidegate.errors import JournalFault
from tidegate.journal.port import Journal
from tidegate.journal.record import Record
from tidegate.model.decision import Decision
from tidegate.model.finding import Reason
from tidegate.model.intent import Proposal
from tidegate.units import Nanoseconds

_T = TypeVar("_T")


class Origin(msgspec.Struct, frozen=True):
    """What a desk runs on: the text of its source (`scenario:open-market:1 at 1x`), and its journal's file, if it has one."""

    source: str
    journal_path: Path | None = None


class Desk:
    """A running engine as its callers see it. All of it belongs to the loop's thread; `engine` is for reading only.

    `closed` must have followed the engine's chronicle since before it recovered (`CompletedTrades.following`).
    """

    def __init__(self, engine: Engine, service: EngineService, journal: Journal, closed: CompletedTrades, origin: Origin) -> None:
        self.engine = engine
        self.closed = closed
        self.source = origin.source
        self.journal_path = origin.journal_path
        self.started_ns: Nanoseconds = engine.now_ns
        self.started_monotonic_s = time.monotonic()
        self._service = service
        self._journal = journal
        self._verdicts = RecentVerdicts()
        service.listen(self._note_verdicts)

    @property
    def durable_seq(self) -> int:
        """Return the seq of the last record that is durable and was told to every listener: reading up to here leaves no gap. INVARIANT: J2"""
        return self._service.told_seq

    @property
    def next_seq(self) -> int:
        """Return the seq that the next record of the journal will get."""
        return self.engine.chronicle.next_seq

    @property
    def head(self) -> str:
        """Return the hash of the journal's last durable record, in hexadecimal; empty when there is none."""
        last = self._journal.last()
        return last.hash.hex() if last is not None else ""

    async def submit(self, proposal: Proposal) -> Decision:
        """Judge one proposal; the decision is durable when this returns. Raises InputError, KeyReused, JournalFault.

        Whoever stops waiting changes nothing: the decision is made and recorded all the same. INVARIANT: J2 S3 S7
        """
        decision: Decision = await self._service.call(lambda: self._judged(proposal))
        return decision

    async def check(self, proposal: Proposal) -> Decision:
        """Judge one proposal as `submit` would now; it is recorded nowhere, reserves and counts nothing. Raises InputError."""
        decision: Decision = await self._service.call(lambda: self.engine.check(proposal))
        return decision

    async def halt(self, by: str, reason: str) -> None:
        """Refuse entries until a named human lifts it; holds even when the journal cannot be written. Raises InputError. INVARIANT: K1 K4"""
        await self._service.call(lambda: self.engine.halt(by, reason), acts_on_fault=True)

    async def flatten(self, by: str, reason: str) -> None:
        """Halt, cancel everything, close everything; it goes on by itself until the venue says flat. Raises InputError. INVARIANT: K3 K4"""
        await self._service.call(lambda: self.engine.flatten(by, reason), acts_on_fault=True)

    async def lift(self, cause: Reason, by: str, reason: str) -> tuple[str, ...]:
        """Lift every halt of one cause and return their keys. Raises InputError, JournalFault. INVARIANT: K2"""
        keys: tuple[str, ...] = await self._service.call(self._if_durable(lambda: self.engine.lift(cause, by, reason)))
        return keys

    async def review(self, by: str, reason: str) -> None:
        """Record that the operator reviewed the losses: clears the two-loss pause, not the five-loss count. Raises InputError, JournalFault."""
        await self._service.call(self._if_durable(lambda: self.engine.review(by, reason)))

    async def start_strategies(self, max_trades: int | None, by: str) -> int:
        """Let the strategies propose, and return the entries a day in force: `max_trades` can only tighten them. Raises JournalFault.

        A tightened cap holds until this process ends, also after the strategies were stopped. INVARIANT: O3
        """

        def start() -> int:
            self.engine.strategies_enabled = True
            if max_trades is not None:
                self.engine.tighten(max_trades, by)
            return self.engine.limits.entries_per_day_max

        effective: int = await self._service.call(self._if_durable(start))
        return effective

    async def stop_strategies(self, by: str) -> None:
        """Let the strategies propose nothing more; their open trades keep their stops, targets and time limits."""

        def stop() -> None:
            self.engine.strategies_enabled = False

        await self._service.call(stop, acts_on_fault=True)

    def view(self) -> SessionView:
        """Return everything on the one screen, as it is now, with the verdicts that are durable."""
        return session_view(self.engine, self._verdicts.newest_first())

    def records(self, from_seq: int = 1) -> Iterator[Record]:
        """Stream the durable records with seq >= `from_seq`, oldest first, each checked. Reads the disk: take long stretches off the loop.

        Raises JournalCorrupt at the first break.
        """
        return self._journal.read(max(1, from_seq))

    def listen(self, listener: DurableListener) -> None:
        """Call `listener(batch)` on the loop whenever records have become durable, in order, none left out. INVARIANT: J2

        A record with seq `ASIDE` (0) stands in the side file only, because the journal failed. A listener must be quick and must not raise.
        """
        self._service.listen(listener)

    def _judged(self, proposal: Proposal) -> Decision:
        """Judge one proposal, but none that is new once the journal has failed: the side file's room is for exits. INVARIANT: J2 J4"""
        if self.engine.chronicle.fault and (known := self.engine.answered.find(proposal)) is not None:
            return known
        return self._if_durable(lambda: self.engine.submit(proposal))()

    def _if_durable(self, job: Callable[[], _T]) -> Callable[[], _T]:
        """Return a job that raises JournalFault where nothing can be made durable any more. INVARIANT: J4"""

        def run() -> _T:
            if fault := self.engine.chronicle.fault:
                raise JournalFault(fault)
            return job()

        return run

    def _note_verdicts(self, batch: DurableBatch) -> None:
        for record, event in batch:
            self._verdicts.note(record, event)
