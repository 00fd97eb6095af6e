"""Which facts wake somebody, and in which words: what happened, what to do, who may end it. INVARIANT: O5

In: durable events. Out: alerts, without deciding whether one was told already (`alerts.Told`) and without sending (`alert_post`). Words that
people or agents wrote are cut, stripped of control characters and quoted, never obeyed. INVARIANT: B3
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import Final

import msgspec

from tidegate.gate.intake import plain_text
from tidegate.model.event import DecisionMade, Event, FlattenEnded, FlattenStarted, HaltLatched, HaltLifted
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.intent import Mode, PrincipalKind
from tidegate.units import MINUTE_NS, SECOND_NS, Nanoseconds

STORM_REJECTIONS: Final = 10
STORM_WINDOW_NS: Final = MINUTE_NS
PRINCIPALS_MAX = 256
QUOTE_CHARS_MAX = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Urgency(IntEnum):
    """How much it matters, in order. CRITICAL: entries are halted or money is at risk."""

    NOTE = 0
    GOOD = 1
    WARNING = 2
    CRITICAL = 3


class Alert(msgspec.Struct, frozen=True, gc=False):
    """One message to people. `key` is what it is about (several lines: several such) and `state` how that stands.

    The same state of the same keys is not told twice in a row.
    """

    key: str
    state: str
    urgency: Urgency
    title: str
    body: str


class Words(msgspec.Struct, frozen=True, gc=False):
    """What to say about one cause of a halt."""

    what: str
    do: str
    lifts: str


_BY_ITSELF = "it lifts itself after 60 s of good input; a named human may lift it sooner"
_HUMAN = "a named human with a reason: tidegate lift {cause} --by NAME --reason WHY"

WORDS: Final = MappingProxyType(
    {
        Reason.L4_OPERATOR: Words("somebody pressed halt or flatten", "ask them; the reason stands above", _HUMAN),
        Reason.L4_SESSION_DRAWDOWN: Words(
            "marked equity fell to the drawdown limit, twice; everything is being closed",
            "check that it ends flat (tidegate state), then read every losing trade (tidegate explain)",
            _HUMAN + " (the peak starts anew, the day's P&L does not)",
        ),
        Reason.L4_LOSSES: Words(
            "the session has its five losing trades", "the plan says: the session is over; read the trades", _HUMAN
        ),
        Reason.L4_HEALTH_FACTOR_CRITICAL: Words(
            "the Aave health factor is critical, read twice; everything is being closed",
            "repay debt or add collateral on Aave first: that is where the money is",
            _HUMAN + " (after a reading over 2.20)",
        ),
        Reason.L4_FEED_OUTAGE: Words(
            "a mandatory feed has been out for over 600 s",
            "look at the source, then at the network: docs/runbooks/feed-outage.md",
            _BY_ITSELF,
        ),
        Reason.L4_RECONCILE: Words(
            "the venue holds something that nobody here made, or an outcome is unknown",
            "compare with the venue by eye; explain it or close it there",
            _HUMAN + " (when both agree)",
        ),
        Reason.L4_JOURNAL: Words(
            "the journal cannot be written; exits go on from memory and the side file",
            "free or replace the disk now: docs/runbooks/journal.md",
            "a new start on a good disk, then " + _HUMAN,
        ),
        Reason.L4_CLOCK: Words(
            "the clock stepped by more than 250 ms", "repair time synchronisation: docs/runbooks/clock.md", _BY_ITSELF
        ),
    }
)
_OTHER = Words("entries are halted", "read docs/runbooks/halted.md", _HUMAN)


def alerts_of(events: Iterable[Event], mode: Mode) -> tuple[Alert, ...]:
    """Return what the events of one turn make worth telling; what one cause did to several assets is one alert."""
    found: list[Alert] = []
    latched: dict[Reason, list[Halt]] = {}
    lifted: dict[tuple[Reason, str, str], list[HaltLifted]] = {}
    for event in events:
        match event:
            case HaltLatched():
                latched.setdefault(event.halt.cause, []).append(event.halt)
            case HaltLifted():
                lifted.setdefault((event.cause, event.by, event.reason), []).append(event)
            case FlattenStarted():
                found.append(_flatten_started(event, mode))
            case FlattenEnded():
                found.append(_flatten_ended(event, mode))
            case _:
                pass
    halts = [halt_latched(group, mode) for group in latched.values()]
    return (*(_lifted(group, mode) for group in lifted.values()), *halts, *found)


def halt_latched(halts: Sequence[Halt], mode: Mode) -> Alert:
    """Return the alert of halts with one cause, latched together."""
    first = halts[0]
    words = WORDS.get(first.cause, _OTHER)
    whom = ", ".join(asset for halt in halts for asset in halt.assets) or "every asset"
    details = "; ".join(dict.fromkeys(quoted(halt.detail) for halt in halts))
    cause = str(first.cause).removeprefix("L4_")
    return Alert(
        "\n".join(f"halt:{halt.key}" for halt in halts),
        "latched",
        Urgency.CRITICAL,
        f"{place(mode)}: HALT {first.cause} for {whom}",
        f"What: {words.what} ({details}). Entries are refused; stops, targets and flatten go on.\n"
        f"Do: {words.do}.\nWho lifts: {words.lifts.format(cause=cause)}.\nSince: {utc(first.since_ns)}.",
    )


def journal_fault(fault: str, mode: Mode) -> Alert:
    """Return the alert of a journal that cannot be written; same key as its halt, so that it is told once."""
    return halt_latched((Halt(Reason.L4_JOURNAL, 0, fault),), mode)


def residual(left: str, mode: Mode) -> Alert:
    """Return the alert of a flatten that does not get flat; it is told again every few minutes until it does."""
    return Alert(
        "flatten:residual",
        "not flat",
        Urgency.CRITICAL,
        f"{place(mode)}: FLATTEN is not flat",
        f"After 60 s the venue still shows: {quoted(left)}. It goes on trying.\n"
        "Do: look at the venue and close by hand what is left: docs/runbooks/flatten-not-flat.md.",
    )


def defect(kind: str, mode: Mode) -> Alert:
    """Return the alert of a bug that stops the engine; only its kind is told, its text stands in the log."""
    return Alert(
        "server",
        "defect",
        Urgency.CRITICAL,
        f"{place(mode)}: the engine stopped because of a defect",
        f"What: {kind}. Nothing is traded and nothing is watched until the next start, which begins halted where the journal says so.\n"
        "Do: look at logs/api/server.log, close by hand what must not stay open, start again, and report the defect.",
    )


class RejectionStorms:
    """Notices an agent that keeps proposing what is refused: STORM_REJECTIONS rejections within STORM_WINDOW_NS (equal counts)."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[tuple[Nanoseconds, str]]] = {}

    def note(self, event: Event, mode: Mode) -> Alert | None:
        """Follow one event; return an alert when this rejection makes, or goes on with, a storm."""
        if (
            not isinstance(event, DecisionMade)
            or event.decision.approved
            or event.principal.kind is not PrincipalKind.AGENT
        ):
            return None
        name = str(event.principal)
        if name not in self._recent and len(self._recent) >= PRINCIPALS_MAX:
            del self._recent[next(iter(self._recent))]
        recent = self._recent.setdefault(name, deque(maxlen=STORM_REJECTIONS))
        recent.append((event.ts_ns, str(event.decision.primary)))
        if len(recent) < STORM_REJECTIONS or event.ts_ns - recent[0][0] > STORM_WINDOW_NS:
            return None
        codes = Counter(code for _, code in recent)
        return Alert(
            f"storm:{name}",
            "storm",
            Urgency.WARNING,
            f"{place(mode)}: {name} is refused again and again",
            f"{STORM_REJECTIONS} rejections within {STORM_WINDOW_NS // SECOND_NS} s: {counted(codes)}.\n"
            "Do: stop the agent or mend what it asks for; to lock it out: tidegate token revoke. Nothing it asked for was traded.\n"
            f"Last: {utc(event.ts_ns)}.",
        )


def counted(counts: Counter[str] | dict[str, int]) -> str:
    """Return counts as words, the most frequent first: `L1_RATE 7, L1_DUPLICATE 3`."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered)


def utc(ts_ns: Nanoseconds) -> str:
    """Return a time as `2025-10-19 12:00:00 UTC`, `now` for 0."""
    return (_EPOCH + timedelta(seconds=ts_ns // SECOND_NS)).strftime("%Y-%m-%d %H:%M:%S UTC") if ts_ns else "now"


def quoted(text: str) -> str:
    """Return somebody's words as plain, short text."""
    plain = plain_text(text).strip()
    return plain if len(plain) <= QUOTE_CHARS_MAX else plain[: QUOTE_CHARS_MAX - 1] + "…"


def place(mode: Mode) -> str:
    """Return what every title begins with: `Tidegate PAPER`."""
    return f"Tidegate {str(mode).upper()}"


def _lifted(events: Sequence[HaltLifted], mode: Mode) -> Alert:
    first, names = events[0], ", ".join(event.key for event in events)
    return Alert(
        "\n".join(f"halt:{event.key}" for event in events),
        "lifted",
        Urgency.GOOD,
        f"{place(mode)}: lifted {names}",
        f"{names}: lifted by {quoted(first.by)}: {quoted(first.reason)}.\nTime: {utc(first.ts_ns)}. Nothing to do; other halts stay.",
    )


def _flatten_started(event: FlattenStarted, mode: Mode) -> Alert:
    return Alert(
        "flatten",
        f"started {event.ts_ns}",
        Urgency.CRITICAL,
        f"{place(mode)}: FLATTEN started",
        f"By {quoted(event.by)}: {quoted(event.reason)}. Everything is being cancelled and closed.\nTime: {utc(event.ts_ns)}.\n"
        "Do: wait for the message that it ended flat; it comes only when the venue confirms.",
    )


def _flatten_ended(event: FlattenEnded, mode: Mode) -> Alert:
    if event.flat:
        return Alert(
            "flatten",
            f"flat {event.ts_ns}",
            Urgency.GOOD,
            f"{place(mode)}: flat",
            f"The venue confirms: no order and no position is left.\nTime: {utc(event.ts_ns)}.\n"
            "Entries stay halted until a named human lifts it: tidegate lift CAUSE --by NAME --reason WHY.",
        )
    return Alert(
        "flatten",
        f"residual {event.ts_ns}",
        Urgency.CRITICAL,
        f"{place(mode)}: FLATTEN ended with a residual",
        f"Left at the venue: {quoted(event.residual)}.\nTime: {utc(event.ts_ns)}.\n"
        "Do: close it by hand at the venue: docs/runbooks/flatten-not-flat.md.",
    )
