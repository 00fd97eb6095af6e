"""The service: many asynchronous submitters, one writer, one fsync for all who wait.

In: proposals and commands from any task of one event loop, and market batches. Out: answers, each only after its record is durable.
One task takes whatever is queued, lets the engine decide each in order (no await between deciding and reserving), asks for one shared commit, and
while that fsync runs the next arrivals gather. Effects leave after the commit, and only then listeners hear what happened. INVARIANT: S1 J2

When the journal has failed there is nothing durable to tell, and still halts, fills and exits must be seen (INVARIANT: K4): they are told with
the seq `ASIDE`. Intents and decisions that never became durable are not told: their askers were answered with the fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from tidegate.engine.clock import Clock
from tidegate.engine.engine import Engine
from tidegate.errors import JournalFault, TidegateError
from tidegate.journal.port import Journal
from tidegate.journal.record import Record
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, Event, IntentReceived, OrderIntended
from tidegate.model.intent import Proposal
from tidegate.model.observation import MarketEvent
from tidegate.model.order import OrderRole
from tidegate.units import Nanoseconds

Commit = Callable[[], "asyncio.Future[int]"]
DurableBatch = Sequence[tuple[Record, Event]]
DurableListener = Callable[[DurableBatch], None]
_Job = tuple[Callable[[], Any], "asyncio.Future[Any]", bool]
TICK_S = 1.0
ASIDE = 0


class EngineService:
    """Serialises everything that happens to one engine. Use as `async with`.

    `clock` moves the engine's time at every turn and once a second, so that dead feeds cannot stop it, and its steps are watched.
    A bug in a job or a listener stops the writer: everybody who waits gets the error, `broken` ends, and leaving the `async with` raises it.
    """

    def __init__(self, engine: Engine, request_commit: Commit, clock: Clock | None = None) -> None:
        self._engine = engine
        self._request_commit = request_commit
        self._clock = clock
        self._queue: asyncio.Queue[_Job] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None
        self._broken = asyncio.Event()
        self._listeners: list[DurableListener] = []
        self._unheard: list[tuple[Record, Event]] = []
        self._told_seq = engine.chronicle.durable_seq
        engine.chronicle.listen(self._hear)

    @property
    def told_seq(self) -> int:
        """Return the seq of the last record that is durable and told."""
        return self._told_seq

    async def __aenter__(self) -> EngineService:
        self._tell()
        self._tasks = [asyncio.create_task(self._serve(), name="engine-writer")]
        if self._clock is not None:
            self._tasks.append(asyncio.create_task(self._keep_time(), name="engine-time"))
        return self

    async def __aexit__(self, *unused: object) -> None:
        if self._failure is None:
            await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    def listen(self, listener: DurableListener) -> None:
        """Call `listener(batch)` on the loop with the records that became durable in a turn, in order. It must be quick and must not raise."""
        self._listeners.append(listener)

    async def broken(self) -> BaseException:
        """Wait until a bug has stopped the writer, and return it."""
        await self._broken.wait()
        assert self._failure is not None
        return self._failure

    async def submit(self, proposal: Proposal) -> Decision:
        """Judge one proposal; returns once the decision is durable. Raises InputError; a cancelled caller changes nothing. INVARIANT: S7"""
        decision: Decision = await self.call(lambda: self._engine.submit(proposal))
        return decision

    async def on_batch(self, now_ns: Nanoseconds, events: Sequence[MarketEvent]) -> None:
        """Take one market batch. What it records is durable when this returns, or put aside: a failed journal blinds no exit. INVARIANT: J4"""
        await self.call(lambda: self._engine.take_batch(now_ns, events), acts_on_fault=True)

    async def call(self, job: Callable[[], Any], acts_on_fault: bool = False) -> Any:
        """Run one job on the writer's turn and return its result once everything it recorded is durable.

        `acts_on_fault` is for halt and flatten: they take effect even when the journal cannot be written, and must not be told otherwise.
        """
        if self._failure is not None:
            raise self._failure
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((job, future, acts_on_fault))
        return await future

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self.call(lambda: None, acts_on_fault=True)

    async def _serve(self) -> None:
        jobs: list[_Job] = []
        try:
            while True:
                jobs = [await self._queue.get()]
                while not self._queue.empty():
                    jobs.append(self._queue.get_nowait())
                self._move_time()
                answers = [_run(job) for job, _, _ in jobs]
                fault = await self._make_durable()
                for (_, future, acts_on_fault), (result, error) in zip(jobs, answers, strict=True):
                    _answer(future, result, error or (None if acts_on_fault else fault))
                    self._queue.task_done()
                jobs = []
                self._tell()
        except asyncio.CancelledError:
            raise
        except BaseException as bug:  # handed to everybody who waits, and raised again on the way out
            self._fail(bug, jobs)
            raise

    def _move_time(self) -> None:
        if self._clock is not None:
            self._engine.note_clock(self._clock.step_ns())
            self._engine.take_batch(max(self._engine.now_ns, self._clock.now_ns()), ())

    async def _make_durable(self) -> JournalFault | None:
        """Share one commit among all jobs of this turn, then let effects leave. A fault is the answer to all of them: nothing was accepted."""
        fault: JournalFault | None = None
        if self._engine.chronicle.dirty:
            try:
                self._engine.chronicle.acknowledge(await self._request_commit())
            except JournalFault as error:
                fault = error
        self._engine.flush()
        return fault

    def _hear(self, record: Record, event: Event) -> None:
        self._unheard.append((replace(record, seq=ASIDE) if self._engine.chronicle.fault else record, event))

    def _tell(self) -> None:
        """Tell what this turn made durable; after a fault, what was put aside and is no answer to anybody. INVARIANT: J2 K4"""
        if not self._unheard:
            return
        heard, self._unheard = self._unheard, []
        durable_seq = self._engine.chronicle.durable_seq
        batch = [(record, event) for record, event in heard if ASIDE < record.seq <= durable_seq]
        if len(batch) < len(heard):
            aside = [(record, event) for record, event in heard if not ASIDE < record.seq <= durable_seq]
            batch += [(replace(record, seq=ASIDE), event) for record, event in aside if not _is_an_answer(event)]
        self._told_seq = max(self._told_seq, durable_seq)
        for listener in self._listeners if batch else ():
            listener(batch)

    def _fail(self, bug: BaseException, jobs: list[_Job]) -> None:
        self._failure = bug
        self._broken.set()
        while not self._queue.empty():
            jobs.append(self._queue.get_nowait())
        for _, future, _ in jobs:
            _answer(future, None, bug)
            self._queue.task_done()


def _answer(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _run(job: Callable[[], Any]) -> tuple[Any, TidegateError | None]:
    """Run one job; errors of the house are answers, a bug propagates and stops the writer."""
    try:
        return job(), None
    except TidegateError as error:
        return None, error


def commit_in_turn(journal: Journal) -> Commit:
    """Return a commit without a thread, for journals in memory: done when it returns."""

    def commit() -> asyncio.Future[int]:
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(journal.commit())
        except JournalFault as fault:
            future.set_exception(fault)
        return future

    return commit


def _is_an_answer(event: Event) -> bool:
    """Say whether an event is (part of) an answer to a proposal: not durable, not given, and its entry never leaves."""
    if isinstance(event, OrderIntended):
        return event.order.role is OrderRole.ENTRY
    return isinstance(event, (IntentReceived, DecisionMade))
