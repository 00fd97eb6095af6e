"""Alerts: tells people within seconds what they must know, once, and what to do about it. INVARIANT: K1 O5

In: a desk's durable events, and a look at the engine once a second for what has no event. Out: alerts to the couriers, and a status for
health and logs. The loop's part is a few comparisons an event; reading addresses, importing apprise and sending happen elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tidegate.api.alerts.digest import COUNTED, DayBook
from tidegate.api.alerts.post import LOG, Courier, CourierStatus, couriers_to
from tidegate.api.alerts.rules import (
    Alert,
    RejectionStorms,
    Urgency,
    alerts_of,
    defect,
    halt_latched,
    journal_fault,
    place,
    quoted,
    residual,
    utc,
)
from tidegate.api.alerts.settings import AlertsUnusable, load_settings, settings_path
from tidegate.engine.chronicle import decode
from tidegate.engine.desk import Desk
from tidegate.errors import JournalError
from tidegate.journal.record import Record
from tidegate.model.event import Event
from tidegate.units import DAY_NS, Nanoseconds

QUIET_S: Final = 300.0
LOOK_EVERY_S: Final = 1.0
CLOSE_WITHIN_S: Final = 4.0
KEYS_MAX = 1_024


class AlertsStatus(msgspec.Struct, frozen=True):
    """How alerting stands. `state` is off (nothing configured), on, failing (a target does not take them) or unusable (with the reason)."""

    state: str
    reason: str
    targets: tuple[CourierStatus, ...]

    @classmethod
    def off(cls) -> AlertsStatus:
        """Return the status of a server that tells nobody."""
        return cls("off", "", ())


class Told:
    """Remembers what was told: the same state of the same key is told again only after QUIET_S seconds, a changed one at once."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, float]] = {}

    def is_new(self, alert: Alert, now_s: float) -> bool:
        """Say whether any of its keys stands otherwise than it was told, and take note that it is told now."""
        keys = alert.key.split("\n")
        if all(self._is_known(key, alert.state, now_s) for key in keys):
            return False
        for key in keys:
            self._told.pop(key, None)
            self._told[key] = (alert.state, now_s)
        while len(self._told) > KEYS_MAX:
            del self._told[next(iter(self._told))]
        return True

    def _is_known(self, key: str, state: str, now_s: float) -> bool:
        told, told_s = self._told.get(key, ("", 0.0))
        return told == state and now_s - told_s < QUIET_S


class Alerts:
    """Listens to one desk. Use as `async with Alerts(desk)`, on the desk's loop, after recovery and before the first request.

    Nothing here can stop the server: what cannot be used is logged once and shown in `status`. `broken` waits for the bug that stops the
    engine and returns it. `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        desk: Desk,
        couriers: Sequence[Courier] | None = None,
        broken: Callable[[], Awaitable[BaseException]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk, self._clock = desk, clock
        self._mode = desk.engine.session.mode
        self._couriers = tuple(couriers) if couriers is not None else ()
        self._configured = couriers is not None
        self._problem = ""
        self._told, self._storms = Told(), RejectionStorms()
        self._day = DayBook(desk.closed, desk.engine.now_ns)
        self._broken = broken
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def status(self) -> AlertsStatus:
        """Return how alerting stands."""
        targets = tuple(courier.status for courier in self._couriers)
        if self._problem:
            return AlertsStatus("unusable", self._problem, targets)
        failing = [target.target for target in targets if target.failures]
        reason = f"not taken by target {', '.join(failing)}" if failing else ""
        return AlertsStatus("failing" if failing else "on" if targets else "off", reason, targets)

    async def __aenter__(self) -> Alerts:
        if not self._configured:
            await asyncio.to_thread(self._configure, settings_path())
        if not self._couriers:
            return self
        self._take_in_today()
        for courier in self._couriers:
            courier.start()
        self._desk.listen(self.note)
        self.tell(self._started())
        self._tasks.append(asyncio.create_task(self._keep_looking(), name="alerts"))
        if self._broken is not None:
            self._tasks.append(asyncio.create_task(self._wait_for_bug(self._broken), name="alerts-bug"))
        return self

    async def __aexit__(self, *unused: object) -> None:
        if not self._tasks:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.tell(self._stopped())
        ended = await asyncio.gather(*(asyncio.to_thread(each.close, CLOSE_WITHIN_S) for each in self._couriers))
        if not all(ended):
            LOG.warning("the server ends with alerts that a target did not take")

    def note(self, batch: Sequence[tuple[Record, Event]]) -> None:
        """Follow what became durable (a desk listener)."""
        for alert in alerts_of((event for _, event in batch), self._mode):
            self.tell(alert)
        for record, event in batch:
            self.tell(self._storms.note(event, self._mode))
            self.tell(self._day.note(record.seq, event, self._mode))

    def look(self) -> None:
        """Tell what no durable event may say: a journal that failed, halts that only memory holds, a flatten that does not get flat."""
        engine = self._desk.engine
        if engine.chronicle.fault:
            self.tell(journal_fault(engine.chronicle.fault, self._mode))
            for halt in engine.session.halts.values():
                self.tell(halt_latched((halt,), self._mode))
        if engine.flattening.residual:
            self.tell(residual(engine.flattening.residual, self._mode))

    def tell(self, alert: Alert | None) -> None:
        """Hand one alert to every courier, unless the same was told a moment ago."""
        if alert is None or not self._told.is_new(alert, self._clock()):
            return
        for courier in self._couriers:
            courier.put(alert)

    def _configure(self, path: Path) -> None:
        try:
            settings = load_settings(path)
            if settings is not None:
                self._couriers = couriers_to(settings.urls)
        except AlertsUnusable as error:
            self._problem = str(error)
            LOG.warning("no alerts will be sent: %s", error)

    def _take_in_today(self) -> None:
        try:
            self._day.take_in(today(self._desk))
        except JournalError as error:
            LOG.warning("the digest of today counts from now on only: %s", error)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    async def _wait_for_bug(self, broken: Callable[[], Awaitable[BaseException]]) -> None:
        self.tell(defect(type(await broken()).__name__, self._mode))

    def _started(self) -> Alert:
        session = self._desk.engine.session
        halts = "; ".join(f"{halt.key} ({quoted(halt.detail)})" for halt in session.halts.values()) or "none"
        body = (
            f"Source: {self._desk.source}\nState: {session.state}, open trades {session.open_count}, halts: {halts}\n"
            f"Time: {utc(self._desk.started_ns)}. Nothing to do unless you did not start it."
        )
        return Alert("server", "started", Urgency.NOTE, f"{place(self._mode)}: the server started", body)

    def _stopped(self) -> Alert:
        session = self._desk.engine.session
        body = (
            f"State: {session.state}, open trades {session.open_count}. Nothing here watches them until the next start.\n"
            f"Time: {utc(self._desk.engine.now_ns)}. Do: start it again if you did not stop it."
        )
        return Alert("server", "stopped", Urgency.WARNING, f"{place(self._mode)}: the server stops", body)


def today(desk: Desk) -> Iterator[tuple[int, Event]]:
    """Yield `(seq, event)` of today's records that a digest counts, oldest first: finds the day's first record by halving."""
    since_ns: Nanoseconds = desk.engine.now_ns // DAY_NS * DAY_NS
    low, high = 1, desk.durable_seq + 1
    while low < high:
        middle = (low + high) // 2
        record = next(desk.records(middle), None)
        if record is not None and record.ts_ns < since_ns:
            low = middle + 1
        else:
            high = middle
    for record in desk.records(low):
        if record.kind in COUNTED:
            yield record.seq, decode(record)
