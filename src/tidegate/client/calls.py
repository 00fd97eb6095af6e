"""What is asked and how answers are read: one copy for both clients, without I/O.

In: a proposal's fields; an HTTP answer. Out: JSON text with exact numbers; a `Verdict`, or the answer's content. Anything that is not
exactly an approval is "not allowed", and an answer that cannot be read says so in its code.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate.client.http_text import Answer
from tidegate.client.verdict import BAD_INPUT, GATE_UNREACHABLE, GATE_UNREADABLE, GateError, Json, Verdict

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import TypedDict

    Number = str | int | float | Decimal

    class Terms(TypedDict, total=False):
        """What else a proposal may say. Absent: the strategy's defaults, and the server's mode must be paper."""

        mode: str
        exchanges: Sequence[str]
        stop_bps: Number
        targets: Sequence[Number]
        confidence: Number
        limit_price: Number
        evidence: str
        addresses: Sequence[str]


EXECUTE = "/api/trade/execute"
CHECK = "/api/trade/check"
ATTEMPTS = 2
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_CHARS_MAX = 64
_LEAST, _MOST = float("-inf"), float("inf")
_PATH_PART = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_REQUIRED = ("strategy", "pair", "amount")
_APPROVED = "approved"
_OK, _SERVER_ERROR, _REDIRECT = 200, 500, 300


class Ask(NamedTuple):
    """One proposal, ready to be sent: where, the body, and the key that makes asking twice harmless."""

    path: str
    body: str
    client_request_id: str


def ask(path: str, fields: dict[str, object]) -> Ask | Verdict:
    """Return the proposal as it is sent; or the refusal, when a field cannot be written as JSON. Absent fields are None."""
    key = fields.get("client_request_id") or f"c-{os.urandom(16).hex()}"
    fields = {**fields, "client_request_id": key if path == EXECUTE else None}
    written = []
    for name, value in fields.items():
        if value is None and name not in _REQUIRED:
            continue
        if name not in _WRITERS:
            return _bad_input(f"{name} is not a field of a proposal; allowed: {', '.join(_WRITERS)}")
        try:
            written.append(f"{json.dumps(name)}:{_WRITERS[name](value)}")
        except (TypeError, ValueError) as error:
            return _bad_input(f"{name}: {error}")
    return Ask(path, "{" + ",".join(written) + "}", str(key) if path == EXECUTE else "")


def number_text(value: object) -> str:
    """Return a number as exact JSON text: 25.1 stays `25.1`. Raises ValueError for anything else, NaN and infinity included."""
    if isinstance(value, bool):
        text = ""
    elif isinstance(value, float):
        text = float.__repr__(value)
    elif isinstance(value, int):
        text = int.__repr__(value)
    else:
        text = str(value)  # text, Decimal, and any other number that writes itself as JSON does
    if len(text) > _NUMBER_CHARS_MAX or not _NUMBER.fullmatch(text):
        raise ValueError(f'got {_shown(value)}, allowed: a finite decimal number such as 25, 25.1 or "25.10"')
    return text


def reason_body(reason: str) -> str:
    """Return the body of halt and flatten."""
    return json.dumps({"reason": reason})


def strategies_body(max_trades: int | None) -> str:
    """Return the body that starts the strategies."""
    return json.dumps({} if max_trades is None else {"max_trades": max_trades})


def update_body(event: str, content: Json) -> str:
    """Return the body of a dashboard update. Raises ValueError for NaN and infinity."""
    return json.dumps({"event": event, "data": content}, allow_nan=False)


def decision_path(decision_id: str) -> str:
    """Return the path of one decision. Raises ValueError for what cannot be an id."""
    return _path("/api/decisions/", "decision_id", decision_id, "an id such as DP862da18e3")


def market_path(asset: str) -> str:
    """Return the path of one asset. Raises ValueError for what cannot be one."""
    return _path("/api/market/", "asset", asset, "an asset such as BTC")


def _path(before: str, name: str, part: str, allowed: str) -> str:
    if not _PATH_PART.fullmatch(part) or part.strip(".") == "":
        raise ValueError(f"{name}: got {_shown(part)}, allowed: {allowed}")
    return before + part


def verdict_of(answer: Answer, asked: Ask) -> Verdict:
    """Read the answer to a proposal. Only a complete 200 that says so is an approval; never raises."""
    try:
        content = content_of(answer)
    except GateError as error:
        return _refusal(error, asked, detail_of(answer))._replace(retry_after_s=_retry_after_s(answer))
    try:
        verdict = _approval(content, asked) if asked.path == EXECUTE else _dry_run(content, asked)
    except (KeyError, TypeError, ValueError) as error:
        return unobtained(
            GateError(GATE_UNREADABLE, f"the answer lacks or garbles a field: {error}", answer.status), asked
        )
    return verdict._replace(status=answer.status)


def unobtained(error: GateError, asked: Ask) -> Verdict:
    """Return the refusal for a verdict that did not come; its outcome is unknown when the proposal may have arrived."""
    return _refusal(error, asked, {})


def with_earlier(earlier: Verdict | None, verdict: Verdict) -> Verdict:
    """Return a verdict that does not forget an unknown outcome: only the decision itself settles it."""
    if earlier is None or verdict.decision_id:
        return verdict
    return verdict._replace(outcome_unknown=True)


def worth_repeating(verdict: Verdict) -> bool:
    """Say whether asking again at once, with the same key, may settle it: the connection broke after the proposal was sent."""
    return verdict.outcome_unknown and verdict.code == GATE_UNREACHABLE and verdict.status == 0


def content_of(answer: Answer) -> Json:
    """Return the JSON object of a 200 answer. Raises GateError for every other answer, with the server's code and reason where it has them."""
    if answer.status == _OK:
        content = _json(answer.body)
        if not isinstance(content, dict):
            raise GateError(GATE_UNREADABLE, "the answer is not a JSON object", answer.status)
        return content
    detail = detail_of(answer)
    if detail:
        raise GateError(detail["code"], detail["reason"], answer.status, detail["retryable"])
    if answer.status >= _SERVER_ERROR:
        raise GateError(
            GATE_UNREACHABLE, f"the server answers {answer.status} and no reason", answer.status, retryable=True
        )
    if _REDIRECT <= answer.status < _REDIRECT + 100:
        raise GateError(
            GATE_UNREADABLE,
            f"the server redirects ({answer.status}), which is never followed: use the right url",
            answer.status,
        )
    raise GateError(GATE_UNREADABLE, f"the server answers {answer.status} and no readable reason", answer.status)


def _approval(content: Json, asked: Ask) -> Verdict:
    _require(content, {"decision_id": str, "trade_id": str, "status": str, "risk_adjustments": dict})
    if not content["decision_id"] or not content["trade_id"] or content["status"] != _APPROVED:
        raise ValueError(f"a 200 must carry decision_id and trade_id, and its status must be {_APPROVED}")
    return Verdict(
        allowed=True,
        code="",
        reason="All risk gates passed",
        decision_id=content["decision_id"],
        trade_id=content["trade_id"],
        warnings=_texts(content, "validation_warnings"),
        client_request_id=asked.client_request_id,
        answer=content,
    )


def _dry_run(content: Json, asked: Ask) -> Verdict:
    _require(content, {"approved": bool, "reason": str, "risk_adjustments": dict})
    if not content["approved"]:
        _require(content, {"code": str})
    return Verdict(
        allowed=content["approved"],
        code="" if content["approved"] else content["code"],
        reason=content["reason"],
        warnings=_texts(content, "validation_warnings"),
        retryable=content.get("retryable") is True,
        client_request_id=asked.client_request_id,
        answer=content,
    )


def _refusal(error: GateError, asked: Ask, detail: Json) -> Verdict:
    unknown = not detail or error.status >= _SERVER_ERROR
    return Verdict(
        allowed=False,
        code=error.code,
        reason=error.reason,
        decision_id=_text(detail, "decision_id"),
        warnings=_texts(detail, "warnings") if _is_texts(detail.get("warnings")) else (),
        retryable=error.retryable,
        outcome_unknown=unknown and error.sent and asked.path == EXECUTE,
        client_request_id=asked.client_request_id,
        status=error.status,
        answer={"detail": detail} if detail else {},
    )


def _bad_input(reason: str) -> Verdict:
    return Verdict(allowed=False, code=BAD_INPUT, reason=reason)


def detail_of(answer: Answer) -> Json:
    """Return the house's error body of an answer, or nothing when it has none."""
    if answer.status == _OK:
        return {}
    try:
        content = _json(answer.body)
        detail = content["detail"]
        _require(detail, {"code": str, "reason": str, "retryable": bool})
    except (GateError, KeyError, TypeError, ValueError):
        return {}
    return dict(detail) if detail["code"] else {}


def _json(body: bytes) -> Any:
    """Decode strict JSON. Raises GateError; a number that is not one and nesting too deep for the decoder are unreadable too."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise GateError(GATE_UNREADABLE, "the answer is not JSON") from None


def _finite(text: str) -> float:
    """Read a number that is one. Raises ValueError for NaN, Infinity and what overflows to it."""
    number = float(text)
    if not _LEAST < number < _MOST:
        raise ValueError(text)
    return number


def _require(content: Any, types: dict[str, type]) -> None:
    for name, kind in types.items():
        if not isinstance(content[name], kind):
            raise TypeError(f"{name} is {type(content[name]).__name__}")


def _texts(content: Json, name: str) -> tuple[str, ...]:
    found = content.get(name, [])
    if not _is_texts(found):
        raise TypeError(f"{name} is not a list of texts")
    return tuple(found)


def _retry_after_s(answer: Answer) -> int:
    """Return what the answer's Retry-After says, 0 for none and for anything but a few digits."""
    text = answer.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0


def _is_texts(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _text(content: Json, name: str) -> str:
    found = content.get(name, "")
    return found if isinstance(found, str) else ""


def _text_json(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"got {_shown(value)}, allowed: text")
    return json.dumps(value)


def _listed(value: object, write: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"got {_shown(value)}, allowed: a list")
    return "[" + ",".join(write(each) for each in value) + "]"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


_WRITERS: dict[str, Any] = {
    "strategy": _text_json,
    "pair": _text_json,
    "amount": number_text,
    "side": _text_json,
    "mode": _text_json,
    "exchanges": lambda value: _listed(value, _text_json),
    "stop_bps": number_text,
    "targets": lambda value: _listed(value, number_text),
    "confidence": number_text,
    "limit_price": number_text,
    "evidence": _text_json,
    "addresses": lambda value: _listed(value, _text_json),
    "client_request_id": _text_json,
}
