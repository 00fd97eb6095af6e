"""The service: many asynchronous submitters, one writer, one fsync for all who wait.

In: proposals and commands from any task of one event loop, and market batches. Out: answers, each only after its record is durable.
One task takes whatever is queued, lets the engine decide each in order (no await between deciding and reserving), asks for one shared commit, and
while that fsync runs the next arrivals gather. Effects leave after the commit. INVARIANT: S1 J2
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tidegate.engine.engine import Engine
from tidegate.errors import JournalFault, TidegateError
from tidegate.model.decision import Decision
from tidegate.model.intent import Proposal
from tidegate.model.observation import MarketEvent
from tidegate.units import Nanoseconds

Commit = Callable[[], "asyncio.Future[int]"]
_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class EngineService:
    """Serialises everything that happens to one engine. Use as `async with`."""

    def __init__(self, engine: Engine, request_commit: Commit) -> None:
        self._engine = engine
        self._request_commit = request_commit
        self._queue: asyncio.Queue[_Job] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> EngineService:
        self._task = asyncio.create_task(self._serve(), name="engine-writer")
        return self

    async def __aexit__(self, *unused: object) -> None:
        await self._queue.join()
        if self._task is not None:
            self._task.cancel()

    async def submit(self, proposal: Proposal) -> Decision:
        """Judge one proposal; returns once the decision is durable. Raises InputError; a cancelled caller changes nothing. INVARIANT: S7"""
        decision: Decision = await self.call(lambda: self._engine.submit(proposal))
        return decision

    async def on_batch(self, now_ns: Nanoseconds, events: Sequence[MarketEvent]) -> None:
        """Take one market batch. What it records is durable when this returns."""
        await self.call(lambda: self._engine.take_batch(now_ns, events))

    async def call(self, job: Callable[[], Any]) -> Any:
        """Run one job on the writer's turn and return its result once everything it recorded is durable."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((job, future))
        return await future

    async def _serve(self) -> None:
        while True:
            jobs = [await self._queue.get()]
            while not self._queue.empty():
                jobs.append(self._queue.get_nowait())
            answers = [_run(job) for job, _ in jobs]
            fault = await self._make_durable()
            for (_, future), (result, error) in zip(jobs, answers, strict=True):
                self._queue.task_done()
                if future.done():
                    continue
                if error or fault:
                    future.set_exception(error or fault or AssertionError)
                else:
                    future.set_result(result)

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


def _run(job: Callable[[], Any]) -> tuple[Any, TidegateError | None]:
    """Run one job; errors of the house are answers, a bug propagates and stops the writer."""
    try:
        return job(), None
    except TidegateError as error:
        return None, error
