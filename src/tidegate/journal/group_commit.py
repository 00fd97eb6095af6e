"""Group commit: many submitters, one order, one fsync for all who wait. INVARIANT: J2

In: appends from the engine (one writer task, or many threads) and requests for durability. Out: futures that complete only after the
commit that covers them has returned from fsync.

A thread of its own commits. While one fsync runs, new appends and requests gather; the next commit covers them all, so the cost per
record falls as the load grows. Those just released tend to come back together: the next commit waits for as many as the last one
served, at most half a millisecond, and a lone request waits for nothing. Every method may be called from any thread. From asyncio:

    record = committer.append(ts_ns, kind, payload)         # place in the chain, at once, no await
    await committer.request_commit_in_loop()                # acknowledged only after this

An engine that takes several commands a loop turn appends them all and asks once: that is cheaper still.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from concurrent.futures import Future

from tidegate.errors import JournalError, JournalFault
from tidegate.journal.record import Record
from tidegate.journal.store_sqlite import SqliteJournal

GATHER_S = 0.0005

Entry = tuple[int, str, bytes]


class GroupCommitter:
    """Commits a journal from a thread of its own. It does not own the journal: close the committer first, the journal after it."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self._order = threading.Lock()
        self._wake = threading.Condition()
        self._next: Future[int] | None = None
        self._requests, self._expected = 0, 1
        self._loop_turn: _LoopTurn | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="journal-commit", daemon=True)
        self._thread.start()

    def append(self, ts_ns: int, kind: str, payload: bytes) -> Record:
        """Append one record; its place in the chain is final when this returns, its durability is not. Raises as the journal does."""
        with self._order:
            return self._journal.append(ts_ns, kind, payload)

    def submit(self, entries: Iterable[Entry]) -> Future[int]:
        """Append entries next to each other and ask for their commit; see `request_commit`. Raises as the journal does."""
        with self._order:
            for ts_ns, kind, payload in entries:
                self._journal.append(ts_ns, kind, payload)
        return self.request_commit()

    def request_commit(self) -> Future[int]:
        """Ask for everything appended so far, by anyone, to become durable.

        The future gives the durable sequence number (>= the last append before this call), or raises JournalFault; after a fault all
        do. Everyone who waits for the same commit shares it, so it cannot be cancelled: whoever stops waiting disturbs nobody, and the
        records stay. Raises JournalError once closed.
        """
        with self._wake:
            if self._closing:
                raise JournalError("the group committer is closed: open the journal again")
            if self._next is None:
                self._next = Future()
                self._next.set_running_or_notify_cancel()
            self._requests += 1
            if self._requests in (1, self._expected):
                self._wake.notify()
            return self._next

    def request_commit_in_loop(self) -> asyncio.Future[int]:
        """Do as `request_commit`, for the tasks of one event loop: each gets a future of its own (free to be cancelled).

        Cheaper than `asyncio.wrap_future`: a commit wakes the loop once, however many wait. Call it from one running loop only.
        """
        shared, loop = self.request_commit(), asyncio.get_running_loop()
        if self._loop_turn is None or self._loop_turn.shared is not shared:
            self._loop_turn = _LoopTurn(shared, loop)
        waiter = loop.create_future()
        self._loop_turn.waiters.append(waiter)
        return waiter

    def close(self) -> None:
        """Serve everyone who waits, then stop the thread. Calling it twice is harmless."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def __enter__(self) -> GroupCommitter:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def _work(self) -> None:
        # The future is taken before its commit begins: whoever asks from then on may not be covered and gets the next one.
        while (future := self._next_waited_for()) is not None:
            _serve(self._journal, future)
            if not self._journal.faulted:
                _tidy(self._journal)

    def _next_waited_for(self) -> Future[int] | None:
        with self._wake:
            self._wake.wait_for(lambda: self._requests or self._closing)
            self._wake.wait_for(lambda: self._requests >= self._expected or self._closing, GATHER_S)
            self._requests, self._expected = 0, max(1, self._requests)
            future, self._next = self._next, None
            return future


class _LoopTurn:
    """The tasks of one loop that wait for the same commit. Touched by that loop's thread alone."""

    def __init__(self, shared: Future[int], loop: asyncio.AbstractEventLoop) -> None:
        self.shared = shared
        self.waiters: list[asyncio.Future[int]] = []
        self._loop = loop
        shared.add_done_callback(self._wake_loop)

    def _wake_loop(self, shared: Future[int]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        failure = self.shared.exception()
        for waiter in self.waiters:
            if waiter.done():
                continue
            if failure is None:
                waiter.set_result(self.shared.result())
            else:
                waiter.set_exception(failure)


def _serve(journal: SqliteJournal, future: Future[int]) -> None:
    """Commit once and release everyone who waited for it."""
    failure: BaseException = JournalFault(
        "the journal's commit thread stopped on a bug: restart, and report the traceback on stderr"
    )
    durable_seq: int | None = None
    try:
        durable_seq = journal.make_durable()
    except JournalError as error:
        failure = error
    finally:
        if durable_seq is None:
            future.set_exception(failure)
        else:
            future.set_result(durable_seq)


def _tidy(journal: SqliteJournal) -> None:
    """Move the WAL into the file when it is due, after the waiters have gone on; a failure is kept by the journal for the next of them."""
    try:
        journal.checkpoint_if_due()
    except JournalError:
        assert journal.faulted, "a checkpoint fails only by faulting the journal"
