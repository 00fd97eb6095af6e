"""A file of intents for a replay: JSON lines, checked whole before the run begins.

In: lines such as `{"at": "2025-05-08T14:30:00Z", "strategy": "agent_signal", "pair": "BTC/USDT", "side": "long", "amount": 25}`; optional
are `stop_bps`, `targets`, `exchanges` and `confidence`. Out: questions. Every bad line is named at once; numbers are read exactly as written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tidegate.errors import InputError, InputErrors
from tidegate.model.intent import Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.replay.questions import Question
from tidegate.units import SECOND_NS, Nanoseconds, parse

LINES_MAX = 1_000_000
AGENT = "intents_file"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXAMPLE = (
    '{"at": "2025-05-08T14:30:00Z", "strategy": "agent_signal", "pair": "BTC/USDT", "side": "long", "amount": 25}'
)
_Number = msgspec.Raw  # the digits as they stand in the file
_ABSENT = msgspec.Raw(b"null")


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at: str
    strategy: str
    pair: str
    amount: _Number
    side: str = "auto"
    stop_bps: _Number = _ABSENT
    targets: tuple[_Number, ...] = ()
    exchanges: tuple[str, ...] = ()
    confidence: _Number = _ABSENT


def read_intents(path: Path) -> tuple[Question, ...]:
    """Read a whole file. Raises InputErrors naming every bad line, InputError for a file that cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError("--intents", str(path), "a text file of JSON lines in UTF-8") from None
    except OSError as error:
        raise InputError(
            "--intents", str(path), f"a readable file ({(error.strerror or 'unreadable').lower()})"
        ) from None
    questions: list[Question] = []
    errors: list[InputError] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            questions.append(_question(f"line {number}", line))
        except InputError as error:
            errors.append(error)
    if errors:
        raise InputErrors(str(path), errors)
    if not questions:
        raise InputError("--intents", str(path), f"at least one line such as {_EXAMPLE}")
    return tuple(questions)


def _question(place: str, line: str) -> Question:
    try:
        read = msgspec.json.decode(line, type=_Line)
    except msgspec.DecodeError as error:
        raise InputError(place, line.strip(), f"a line such as {_EXAMPLE}", str(error)) from None
    proposal = Proposal(
        principal=Principal(PrincipalKind.AGENT, AGENT),
        strategy=read.strategy,
        pair=read.pair,
        notional_usd=_number(f"{place}, amount", read.amount),
        side=_side(f"{place}, side", read.side),
        stop_bps=_optional(f"{place}, stop_bps", read.stop_bps),
        targets_bps=tuple(_number(f"{place}, targets", each) for each in read.targets),
        confidence=_optional(f"{place}, confidence", read.confidence),
        exchanges=read.exchanges,
    )
    return Question(_at_ns(f"{place}, at", read.at), proposal, place)


def _number(place: str, raw: msgspec.Raw) -> int:
    text = bytes(raw).decode()
    try:
        return parse(text.strip('"'))
    except InputError as error:
        raise InputError(place, text, error.allowed) from None


def _optional(place: str, raw: msgspec.Raw) -> int | None:
    return None if bytes(raw) == b"null" else _number(place, raw)


def _side(place: str, text: str) -> Side | None:
    if text == "auto":
        return None
    if text not in (Side.LONG, Side.SHORT):
        raise InputError(place, text, "long, short or auto")
    return Side(text)


def _at_ns(place: str, text: str) -> Nanoseconds:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(place, text, "a UTC time such as 2025-05-08T14:30:00Z") from None
    if moment.tzinfo is None:
        raise InputError(place, text, "a time with its zone, such as 2025-05-08T14:30:00Z")
    return (moment - _EPOCH) // timedelta(microseconds=1) * (SECOND_NS // 1_000_000)
