"""The host: one engine that serves, over a scenario, with its journal, its feed, its control files and its orderly end.

In: settings, a feed, where the journal is. Out: a `Desk` to ask, for as long as the `async with` lasts. The journal is continued, never begun again
over: session, halts, positions and idempotency keys are those of the last process. Nothing here knows HTTP, so that halt and flatten by
control file work with the API dead. INVARIANT: S4 S5 K2 K4
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from tidegate import __version__
from tidegate.config.load import Settings
from tidegate.engine.bootstrap import RunRequest, assemble
from tidegate.engine.chronicle import decode
from tidegate.engine.completed import CompletedTrades
from tidegate.engine.control import Answer, Command, ControlFolder
from tidegate.engine.desk import Desk, Origin
from tidegate.engine.engine import Engine
from tidegate.engine.recovery import recover_engine
from tidegate.engine.run import obey
from tidegate.engine.scenario_clock import RealTimetable, ScenarioTimetable, Timetable
from tidegate.engine.scripted_operator import ReviewPolicy
from tidegate.engine.service import EngineService
from tidegate.errors import JournalError, TidegateError
from tidegate.feeds.port import Batch, Feed
from tidegate.journal.group_commit import GroupCommitter
from tidegate.journal.side_file import read_side, retire_side
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.event import RunEnded, RunStarted
from tidegate.model.intent import Mode
from tidegate.model.order import OrderState
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import Nanoseconds

_CONTROL_EVERY_S = 0.2
_WARM_UP_BATCHES = 20
_SETTLE_S_MAX, _SETTLE_EVERY_S = 2.0, 0.02
_ACTS_ON_FAULT = ("halt", "flatten", "state")
_log = logging.getLogger("tidegate.host")


class HostRequest(msgspec.Struct, frozen=True):
    """How to serve. `speed` (> 0) holds for scenarios that end; an endless one runs in real time. Strategies are idle unless told."""

    journal_path: Path
    speed: float = 1.0
    strategies_enabled: bool = False
    max_trades: int | None = None


class Host:
    """A served engine. Make it with `open`, use it as `async with`; `resumed` is how many records the journal already had and
    `changed` what is different since its last start.

    Leaving it finishes what was asked, closes the journal without ending the run, and raises the bug that stopped the engine, if one did.
    """

    def __init__(self, engine: Engine, feed: Feed, journal: SqliteJournal, timetable: Timetable, request: HostRequest) -> None:
        self.resumed = 0
        self.over = False
        self.changed = ""
        self.journal = journal
        self._feed = feed
        self._timetable = timetable
        self._control = ControlFolder(request.journal_path)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = asyncio.Event()
        self._bug: BaseException | None = None
        self._committer = GroupCommitter(journal)
        self._service = EngineService(engine, self._committer.request_commit_in_loop, timetable.clock)
        self._closed = CompletedTrades.following(engine.chronicle)
        self._origin = Origin(_source(feed, request), request.journal_path)
        self._engine = engine
        self.desk: Desk

    @classmethod
    def open(cls, settings: Settings, feed: Feed, request: HostRequest) -> Host:
        """Open or continue the journal and rebuild the engine from it; it serves from `async with` on.

        Raises JournalLocked (another process writes it), JournalCorrupt, JournalError (a finished run, or one of another source), InputError.
        """
        journal = SqliteJournal.open(request.journal_path, mode=str(Mode.PAPER), create=True)
        try:
            last_ns = _continued_from(journal, feed)
            return cls._rebuilt(settings, feed, journal, request, last_ns)
        except BaseException:
            journal.close()
            raise

    @classmethod
    def _rebuilt(
        cls, settings: Settings, feed: Feed, journal: SqliteJournal, request: HostRequest, last_ns: Nanoseconds
    ) -> Host:
        limits = settings.limits(Mode.PAPER, request.max_trades)
        run_request = RunRequest(request.journal_path, ReviewPolicy("none"), Assumptions(), request.max_trades, request.strategies_enabled)
        engine, venue = assemble(settings, limits, feed, journal, run_request)
        start_ns, end_ns = feed.description.start_ns, feed.description.end_ns
        timetable: Timetable
        if end_ns is None:
            timetable = RealTimetable(start_ns)
            start_ns = timetable.clock.now_ns()
        else:
            start_ns = max(start_ns, last_ns)
            timetable = ScenarioTimetable(start_ns, request.speed)
        host = cls(engine, feed, journal, timetable, request)
        try:
            side = read_side(request.journal_path)
            started = RunStarted(start_ns, limits.mode, __version__, f"{host._origin.source}; assumed: nothing", limits)
            host.changed = _changed_since(journal, started)
            host.resumed = recover_engine(engine, journal, started, side, venue).records
            if side:
                retire_side(request.journal_path, journal.durable_seq)
            host.desk = Desk(engine, host._service, journal, host._closed, host._origin)
        except BaseException:
            host._committer.close()
            raise
        return host

    async def __aenter__(self) -> Host:
        self._control.open()
        await self._service.__aenter__()
        for name, work in (("feed", self._play()), ("control-files", self._obey_files()), ("writer-watch", self._watch_writer())):
            task = asyncio.create_task(work, name=name)
            task.add_done_callback(self._note_end)
            self._tasks.append(task)
        return self

    async def settle(self) -> None:
        """Wait, two seconds at most, until the venue has answered every order that is on its way, so that the next start need not ask about it."""
        deadline_s = time.monotonic() + _SETTLE_S_MAX
        while self._bug is None and time.monotonic() < deadline_s:
            await self._service.call(lambda: None, acts_on_fault=True)
            if not any(order.state is OrderState.INTENDED for order in self._engine.execution.working.values()):
                return
            await asyncio.sleep(_SETTLE_EVERY_S)

    async def __aexit__(self, *unused: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._service.__aexit__()
        finally:
            self._committer.close()
            self._control.close()
            self.journal.close()
        if self._bug is not None:
            raise self._bug

    async def broken(self) -> BaseException:
        """Wait until a bug has stopped the engine, its feed or its control files, and return it."""
        await self._stopped.wait()
        assert self._bug is not None
        return self._bug

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (bug := task.exception()) is not None:
            _log.error("stopped by a bug in %s", task.get_name(), exc_info=bug)
            self._bug = self._bug or bug
            self._stopped.set()

    async def _watch_writer(self) -> None:
        raise await self._service.broken()

    async def _play(self) -> None:
        """Give the engine every batch when it is due. When there are no more, the server stays and its feeds go stale."""
        try:
            async for scenario_ns, events in self._batches_left():
                due_ns, placed = self._timetable.place(scenario_ns, events)
                await self._timetable.wait(due_ns)
                await self._service.on_batch(max(due_ns, self._engine.now_ns), placed)
            name = self._feed.description.name
            _log.warning("%s is over: feeds go stale and entries are refused; exits stay open", name)
        except TidegateError as error:
            _log.error("the feed stopped: %s; feeds go stale and entries are refused, exits stay open", error)
        self.over = True
        self._timetable.end()

    async def _batches_left(self) -> AsyncIterator[Batch]:
        """Yield the batches that come after what the journal knows; those before it only fill the market's windows, while requests are served."""
        left_ns = self._engine.now_ns if self._feed.description.end_ns is not None else 0
        known = 0
        for now_ns, events in self._feed.batches():
            if now_ns >= left_ns:
                yield now_ns, events
                continue
            self._engine.warm_up(now_ns, events)
            known += 1
            if not known % _WARM_UP_BATCHES:
                await asyncio.sleep(0)

    async def _obey_files(self) -> None:
        """Obey control files, with the API or without it. INVARIANT: K4"""
        while True:
            for path, command in self._control.waiting():
                self._control.answer(path, command if isinstance(command, Answer) else await self._obeyed(command))
            await asyncio.sleep(_CONTROL_EVERY_S)

    async def _obeyed(self, command: Command) -> Answer:
        try:
            text: str = await self._service.call(lambda: obey(self._engine, command), command.verb in _ACTS_ON_FAULT)
        except TidegateError as error:
            return Answer(False, str(error))
        if command.verb != "state":
            _log.warning("control file: %s by %s: %s", command.verb, command.by, text)
        return Answer(True, text)


def _continued_from(journal: SqliteJournal, feed: Feed) -> Nanoseconds:
    """Return the time of a journal's last record, 0 for a new one. Raises JournalError for one that this source cannot continue."""
    last = journal.last()
    if last is None:
        return 0
    path, name = journal.path, feed.description.name
    if last.kind == RunEnded.__name__:
        raise JournalError(f"journal {path} holds a finished run: give another --journal, or read it with: tidegate report {path}")
    first = decode(next(journal.read()))
    if not isinstance(first, RunStarted) or not first.feed.startswith(f"{name} at "):
        begun = first.feed if isinstance(first, RunStarted) else first.__class__.__name__
        raise JournalError(f"journal {path} was begun by {begun!r}, not by serving {name}: give another --journal, or --fresh")
    return last.ts_ns


def _changed_since(journal: SqliteJournal, started: RunStarted) -> str:
    """Say what differs from the last start of this journal: another build or other limits are journaled and shown. INVARIANT: O1"""
    last: RunStarted | None = None
    for record in journal.read(kinds={RunStarted.__name__}):
        event = decode(record)
        last = event if isinstance(event, RunStarted) else last
    if last is None:
        return ""
    version = f"version {last.version} before, {started.version} now" if last.version != started.version else ""
    limits = "other limits" if last.limits != started.limits else ""
    return ", ".join(text for text in (version, limits) if text)


def _source(feed: Feed, request: HostRequest) -> str:
    """Return what the engine listens to and how fast: `scenario:open-market:1 at 1x`."""
    described = feed.description
    return f"{described.name} at 1x" if described.end_ns is None else f"{described.name} at {request.speed:g}x"
