"""Arrivals: what a client asks for in the address of the stream, `?since=SEQ&journal=ID&events=decision,fill`.

In: the query string, and what this journal can still tell. Out: where the client begins, or an error that says what is allowed. A word that is not
known is an error: a misspelt `since` would be a gap.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from tidegate.api.errors import BAD_INPUT, ApiError
from tidegate.api.stream.frames import CHOOSABLE
from tidegate.api.stream.subscriber import Start
from tidegate.engine.completed import KEPT
from tidegate.engine.desk import Desk

_DIGITS_MAX: Final = 18
_WORDS: Final = ("since", "journal", "events")
_JOURNAL_CHARS: Final = 16


def journal_of(desk: Desk) -> str:
    """Return the journal's id, the beginning of its first record's hash: the same seq in another journal is another record."""
    first = next(desk.records(1), None)
    return first.hash.hex()[:_JOURNAL_CHARS] if first is not None else ""


def start_of(query: bytes, desk: Desk, journal: str) -> Start:
    """Return where a client begins. Without `since`: after the newest record. `journal` is this journal's id. Raises ApiError."""
    asked = _asked(query)
    if asked.get("journal", journal) != journal:
        raise ApiError(BAD_INPUT, f"this is journal {journal}, not the one you listened to; reconnect without since")
    events = _events(asked["events"]) if "events" in asked else None
    if "since" not in asked:
        return Start(desk.durable_seq, 0, events)
    since = _since(asked["since"], desk)
    return Start(max(0, since - 1), since, events)


def _asked(query: bytes) -> dict[str, str]:
    asked: dict[str, str] = {}
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in _WORDS or name in asked:
            raise ApiError(BAD_INPUT, f"the stream takes {', '.join(_WORDS)} in its address, each at most once")
        asked[name] = text
    return asked


def _since(text: str, desk: Desk) -> int:
    head = desk.durable_seq
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MAX:
        raise ApiError(BAD_INPUT, f"since must be the seq of a record, a whole number from 0 to {head}")
    since = int(text)
    if since > head:
        reason = f"since is {since} and this journal ends at {head}: it is not the journal you listened to; reconnect without since"
        raise ApiError(BAD_INPUT, reason)
    if desk.closed.count > KEPT and since < (oldest := desk.closed.latest(KEPT)[-1].seq):
        reason = f"since is {since}, and trades that completed before {oldest} are no longer remembered; resume from {oldest} or later"
        raise ApiError(BAD_INPUT, reason)
    return since


def _events(text: str) -> frozenset[str]:
    chosen = frozenset(text.split(","))
    if not chosen <= frozenset(CHOOSABLE):
        raise ApiError(BAD_INPUT, f"events must be some of {', '.join(CHOOSABLE)}, separated by commas")
    return chosen
