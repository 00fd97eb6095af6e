"""A run: one feed driven through one engine, paced, controlled, and ended in order.

In: a feed, an engine, a journal, a pacer, the operator's control files. Out: the journal on disk and an engine to read from. The loop below is the
only driver of scenarios, tapes and recordings; each of its turns is one batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from tidegate.engine.clock import Pacer
from tidegate.engine.control import Command, ControlFolder
from tidegate.engine.engine import Engine
from tidegate.engine.resume import ResumedJournal
from tidegate.engine.scripted_operator import ScriptedOperator
from tidegate.errors import InputError
from tidegate.feeds.port import Feed
from tidegate.journal.port import Journal
from tidegate.matching.random_entry import RandomControl
from tidegate.model.finding import Reason
from tidegate.model.observation import MarketEvent
from tidegate.units import Nanoseconds

_CONTROL_EVERY_S = 0.25
_SLICE_S = 0.05

Batches = Callable[[Nanoseconds, list[MarketEvent]], None]


class RunOutcome(msgspec.Struct, frozen=True):
    """How a run ended: batches and bars taken, first and last virtual time, and why it stopped."""

    batches: int
    bars: int
    first_ns: Nanoseconds
    last_ns: Nanoseconds
    stopped: str
    seconds: float


class Run:
    """One feed through one engine. Built by `engine.bootstrap`."""

    def __init__(self, engine: Engine, feed: Feed, journal: Journal, control: ControlFolder | None, operator: ScriptedOperator) -> None:
        self.engine = engine
        self.feed = feed
        self.journal = journal
        self.random_control: RandomControl | None = None
        self.before_batch: Batches | None = None
        self._control = control
        self._operator = operator
        self._stop = ""
        self._control_due_s = 0.0
        self._outcome = RunOutcome(0, 0, 0, 0, "", 0.0)

    @property
    def resumed(self) -> bool:
        """Say whether the run is still deriving again what an earlier process had recorded."""
        return isinstance(self.journal, ResumedJournal) and self.journal.catching_up

    def stop(self, why: str) -> None:
        """Ask the loop to end after the current batch; callable from a signal."""
        self._stop = self._stop or why

    def drive(self, speed: float = 0.0, on_tick: Callable[[Run], None] | None = None, until_ns: Nanoseconds | None = None) -> RunOutcome:
        """Run to the end of the feed, to `until_ns`, or until stopped. `speed` 0 is as fast as possible; `on_tick` is called about 4 times/s."""
        began_s = time.monotonic()
        pacer = Pacer(speed)
        batches = bars = first_ns = last_ns = 0
        engine, operator, control = self.engine, self._operator, self.random_control
        for now_ns, events in self.feed.batches():
            if until_ns is not None and now_ns > until_ns:
                self.stop("reached the requested end")
            if speed > 0:
                self._wait(pacer, now_ns, on_tick)
            if self._stop:
                break
            if self.before_batch is not None:
                self.before_batch(now_ns, events)
            engine.on_batch(now_ns, events)
            if now_ns >= operator.due_ns:
                operator.after_batch(engine)
            if control is not None and control.busy:
                for bar in engine.bars:
                    control.on_bar(bar)
            first_ns = first_ns or now_ns
            last_ns = now_ns
            batches += 1
            bars += len(engine.bars)
            if not batches & 255:
                self._between(on_tick)
        outcome = RunOutcome(batches, bars, first_ns, last_ns, self._stop or "the feed ended", time.monotonic() - began_s)
        self._outcome = outcome
        return outcome

    def close(self) -> None:
        """Record an orderly end when the feed is over, and close journal and control folder. A stopped run stays resumable."""
        try:
            if not self._stop and not self.journal.faulted:
                self.engine.end(self._outcome.stopped)
            else:
                self.engine.flush()
        finally:
            if self._control is not None:
                self._control.close()
            self.journal.close()

    def _wait(self, pacer: Pacer, now_ns: Nanoseconds, on_tick: Callable[[Run], None] | None) -> None:
        if self.resumed:
            pacer.restart()
            return
        while (left_s := pacer.wait_seconds(now_ns)) > 0 and not self._stop:
            time.sleep(min(left_s, _SLICE_S))
            self._between(on_tick)
        self._between(on_tick)

    def _between(self, on_tick: Callable[[Run], None] | None) -> None:
        """Serve control files and the monitor, a few times a second of real time."""
        now_s = time.monotonic()
        if now_s < self._control_due_s:
            return
        self._control_due_s = now_s + _CONTROL_EVERY_S
        if self._control is not None and not self.resumed and self._control.serve(self._obey):
            self.engine.flush()
        if on_tick is not None:
            on_tick(self)

    def _obey(self, command: Command) -> str:
        return obey(self.engine, command)


def obey(engine: Engine, command: Command) -> str:
    """Carry out one operator command and say in words what was done. Raises InputError."""
    match command.verb:
        case "halt":
            engine.halt(command.by, command.reason)
            return f"halted: {command.reason}; exits stay open"
        case "lift":
            keys = engine.lift(_cause_of(command.cause), command.by, command.reason)
            return f"lifted {', '.join(keys)}"
        case "review":
            engine.review(command.by, command.reason)
            return "reviewed: the two-loss pause is cleared; the session's loss count stays"
        case "flatten":
            engine.flatten(command.by, command.reason)
            return "flatten started: it repeats until the venue says flat"
        case "state":
            return describe_state(engine)
        case _:
            raise InputError("verb", command.verb, "halt, lift, review, flatten or state")


def describe_state(engine: Engine) -> str:
    """Return the trading state, open trades and halts in one line."""
    session = engine.session
    halts = ", ".join(f"{halt.cause} ({halt.detail})" for halt in session.halts.values()) or "none"
    residual = f"; residual: {engine.flattening.residual}" if engine.flattening.residual else ""
    return f"{session.state}; open trades {session.open_count}; halts: {halts}{residual}"


def _cause_of(text: str) -> Reason:
    known = [reason for reason in Reason if reason.startswith("L4_") and reason is not Reason.L4_HALTED]
    for reason in known:
        if text.upper() in (str(reason), str(reason).removeprefix("L4_")):
            return reason
    raise InputError("cause", text, ", ".join(known))
