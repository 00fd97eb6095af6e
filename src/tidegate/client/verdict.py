"""What the client hands back: verdicts, events of the stream, and the one error.

Plain values, no I/O. A verdict that could not be obtained is a verdict too: it is not allowed. It fails closed.
"""

# No `from __future__ import annotations` here: a NamedTuple would compile each annotation again, a third of this package's import time.
from typing import Any, NamedTuple

GATE_UNREACHABLE = "GATE_UNREACHABLE"
GATE_SLOW = "GATE_SLOW"
GATE_UNREADABLE = "GATE_UNREADABLE"
BAD_INPUT = "BAD_INPUT"

Json = dict[str, Any]


class Verdict(NamedTuple):
    """The answer to one proposal. True exactly when the trade is allowed, so that `if verdict:` is safe.

    code: the gate's reason code of a refusal, the API's error code, or one of this client's GATE_* codes; empty when allowed.
    outcome_unknown: the request may have arrived although no readable answer came. Propose again with the same `client_request_id`
    to learn what happened: the same key never makes a second trade. retry_after_s: how long the server asks to wait, 0 when it does not say.
    answer: the whole JSON answer, as it was read.
    """

    allowed: bool
    code: str
    reason: str
    decision_id: str = ""
    trade_id: str = ""
    warnings: tuple[str, ...] = ()
    retryable: bool = False
    outcome_unknown: bool = False
    client_request_id: str = ""
    status: int = 0
    retry_after_s: int = 0
    answer: Json = {}  # noqa: RUF012 - a NamedTuple's default; nobody changes it

    def __bool__(self) -> bool:
        """Say whether the trade is allowed: a plain tuple would always be true."""
        return self.allowed


class StreamEvent(NamedTuple):
    """One message of the stream. `seq` is its place in the journal; None for what is not in the journal (`connected`, `pong`, ...)."""

    event: str
    data: Json
    seq: int | None
    message: Json


class GateError(Exception):
    """The gate could not be asked, or said no to something other than a proposal.

    `code` and `reason` as in a verdict; `status` is the HTTP status, 0 when no answer came. `sent` says whether the request may have
    arrived. Never carries a token.
    """

    def __init__(self, code: str, reason: str, status: int = 0, retryable: bool = False, sent: bool = True) -> None:
        self.code, self.reason, self.status, self.retryable, self.sent = code, reason, status, retryable, sent
        super().__init__(f"{code}: {reason}")
