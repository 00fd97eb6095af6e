"""Bringing alerts to people: one courier a target, each with its own thread, bounded queue, pace and patience.

In: alerts, from the loop's thread, which is never made to wait. Out: messages. A target that is down holds up nobody else; what it misses is
tried again with growing pauses, together in one message; when too much waits, the least urgent go first, and the message says how many.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tidegate.api.alerts.rules import Alert
from tidegate.api.alerts.settings import AlertsUnusable

GAP_S: Final = 3.0
AT_ONCE: Final = 5
PAUSE_S_FIRST: Final = 2.0
PAUSE_S_MAX: Final = 300.0
WAITING_MAX: Final = 64
BODY_CHARS_MAX = 3_000
LOG = logging.getLogger("tidegate.alerts")
Send = Callable[[Alert], bool]
_TYPES = ("info", "success", "warning", "failure")
_TALKATIVE = ("apprise", "urllib3", "requests")


class CourierStatus(msgspec.Struct, frozen=True):
    """How one target stands. `target` names it by number and kind, never by its address; `failures` counts tries in a row."""

    target: str
    waiting: int
    sent: int
    failures: int
    dropped: int


class Courier:
    """Brings alerts to one target: AT_ONCE messages at once, then one every GAP_S seconds; what gathers meanwhile goes together.

    `send` returns whether the target took it. Times are seconds of a monotonic clock. Only the thread calls `step`; `put` is for any thread.
    """

    def __init__(self, target: str, send: Send) -> None:
        self._target, self._send = target, send
        self._wake = threading.Condition()
        self._waiting: list[Alert] = []
        self._due_s = self._spent_s = 0.0
        self._sent = self._failures = self._dropped = self._dropped_unsaid = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> CourierStatus:
        """Return how the target stands."""
        return CourierStatus(self._target, len(self._waiting), self._sent, self._failures, self._dropped)

    def put(self, alert: Alert) -> None:
        """Queue one alert; never waits for the target."""
        with self._wake:
            self._waiting.append(alert)
            if len(self._waiting) > WAITING_MAX:
                least = min(self._waiting, key=lambda each: each.urgency)
                self._waiting.remove(least)
                self._dropped += 1
                self._dropped_unsaid += 1
            self._wake.notify()

    def step(self, now_s: float) -> float | None:
        """Send what is due; return how long to wait for the next due time, None when nothing waits."""
        with self._wake:
            if not self._waiting:
                return None
            if now_s < self._due_s:
                return self._due_s - now_s
            batch, dropped = self._waiting, self._dropped_unsaid
            self._waiting, self._dropped_unsaid = [], 0
        taken = self._send(together(batch, dropped))
        with self._wake:
            if taken:
                self._spent_s = max(self._spent_s, now_s) + GAP_S
                self._sent, self._failures, self._due_s = self._sent + 1, 0, self._spent_s - (AT_ONCE - 1) * GAP_S
            else:
                self._waiting, self._dropped_unsaid = batch + self._waiting, dropped + self._dropped_unsaid
                self._failures += 1
                self._due_s = now_s + pause_s(self._failures)
        if not taken:
            LOG.warning("alert target %s did not take it; next try in %.0f s", self._target, pause_s(self._failures))
        return self.step(now_s)

    def start(self) -> None:
        """Begin to serve in a thread."""
        self._thread = threading.Thread(target=self._serve, name=f"alerts {self._target}", daemon=True)
        self._thread.start()

    def close(self, within_s: float) -> bool:
        """Send what waits, once more, and end; say whether nothing was left within the time."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is None:
            return not self._waiting
        self._thread.join(within_s)
        return not self._waiting and not self._thread.is_alive()

    def _serve(self) -> None:
        while self._rest(self.step(time.monotonic())):
            pass
        self._due_s = 0.0
        self.step(time.monotonic())

    def _rest(self, wait_s: float | None) -> bool:
        """Wait until something may be due; say whether to go on."""
        with self._wake:
            if not self._closing and (wait_s is not None or not self._waiting):
                self._wake.wait(wait_s)
            return not self._closing


def pause_s(failures: int) -> float:
    """Return the pause after so many failures in a row: 2, 4, 8 ... up to 300 s."""
    return min(PAUSE_S_MAX, PAUSE_S_FIRST * float(1 << min(failures - 1, 10)))


def together(batch: list[Alert], dropped: int) -> Alert:
    """Return one message for several alerts, in the order they came, with the most urgent title in front."""
    lost = f"\n\n{dropped} less urgent alerts were dropped: too many waited." if dropped else ""
    if len(batch) == 1:
        return msgspec.structs.replace(batch[0], body=_cut(batch[0].body, lost))
    first = max(batch, key=lambda each: each.urgency)
    body = "\n\n".join(f"{each.title}\n{each.body}" for each in batch)
    return Alert("several", "", first.urgency, f"{first.title} (and {len(batch) - 1} more)", _cut(body, lost))


def _cut(body: str, lost: str) -> str:
    return (body if len(body) <= BODY_CHARS_MAX else body[: BODY_CHARS_MAX - 1] + "…") + lost


def couriers_to(urls: tuple[str, ...]) -> tuple[Courier, ...]:
    """Return a courier for each apprise address. Raises AlertsUnusable when apprise is not installed or an address means nothing to it."""
    apprise = _apprise()
    found = []
    for number, url in enumerate(urls, start=1):
        plugin = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if plugin is None:
            raise AlertsUnusable(
                f"alert url {number} of {len(urls)} is none that apprise understands; see its list of services"
            )
        found.append(Courier(f"{number} ({_scheme(url)})", _sender(plugin)))
    return tuple(found)


def _sender(plugin: Any) -> Send:
    def send(alert: Alert) -> bool:
        try:
            return bool(plugin.notify(body=alert.body, title=alert.title, notify_type=_TYPES[alert.urgency]))
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
            LOG.warning("apprise failed with %s", type(error).__name__)  # its text may hold the address
            return False

    return send


def _scheme(url: str) -> str:
    scheme = url.partition("://")[0]
    return scheme if scheme.isalnum() and len(scheme) <= 16 else "?"


def _apprise() -> Any:
    """Import apprise, and silence it and what it speaks through: their messages hold addresses. INVARIANT: C3"""
    try:
        import apprise
    except ImportError:
        raise AlertsUnusable(
            "alerts are configured but apprise is not installed: pip install 'tidegate[alerts]', or pip install apprise"
        ) from None
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return apprise
