"""JSON-RPC 2.0 answers (Solana, EVM nodes): the result, or what the error means. INVARIANT: F1"""

from __future__ import annotations

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import Raw, decoded, row
from tidegate.feeds.wire.outcome import Down, NotEntitled, Outcome, Refused, SlowDown, shown
from tidegate.feeds.wire.refusals import Source

_NODE_BEHIND = (-32005, -32004, -32014, -32016)
_TOO_MANY = (429, -32429)
_BUSY_WORDS = ("too many", "rate limit", "limit exceeded", "exceeded your")
_KEY_WORDS = ("api key", "unauthorized", "forbidden", "invalid token")


def result(raw: Raw, source: Source) -> object | Outcome:
    """Return `result`, or the outcome of `error`: too many requests, a refused key, a node that is behind, or a refused request."""
    answer = row(decoded(raw), "message")
    if answer.get("error") is None:
        if "result" not in answer:
            raise InputError("result", answer, "a result or an error")
        return answer["result"]
    error = row(answer["error"], "error")
    code, said = error.get("code"), str(error.get("message") or "")
    lower = said.lower()
    if code in _TOO_MANY or any(word in lower for word in _BUSY_WORDS):
        return SlowDown(0)
    if any(word in lower for word in _KEY_WORDS):
        return NotEntitled(source.entitlement)
    if code in _NODE_BEHIND:
        return Down(f"{source.name}: {shown(said)}")
    return Refused(f"{source.name} {code if type(code) is int else ''}: {shown(said)}")
