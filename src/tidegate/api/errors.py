"""Every error the front door can answer, in one shape: `{"detail": {"error", "reason", "code", "retryable", ...}}`.

In: what went wrong, as one of the kinds below (or the gate's own code) and a sentence. Out: status, headers and a body whose
`detail.reason` a client can always print. Nothing a caller sent is repeated in a reason by this room: it may be a secret. INVARIANT: A6 C3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from tidegate.errors import TidegateError


class ErrorKind(msgspec.Struct, frozen=True, gc=False):
    """What kind of error: HTTP status, a short title, a stable code, and whether the same request may succeed later."""

    status: int
    error: str
    code: str
    retryable: bool = False


BAD_INPUT: Final = ErrorKind(400, "Bad input", "BAD_INPUT")
BAD_SCHEMA: Final = ErrorKind(422, "Bad input", "BAD_INPUT")
UNAUTHENTICATED: Final = ErrorKind(401, "Not authenticated", "UNAUTHENTICATED")
FORBIDDEN: Final = ErrorKind(403, "Not allowed", "FORBIDDEN")
WRONG_ORIGIN: Final = ErrorKind(403, "Wrong origin", "WRONG_ORIGIN")
UNKNOWN_ROUTE: Final = ErrorKind(404, "Unknown route", "UNKNOWN_ROUTE")
NOT_FOUND: Final = ErrorKind(404, "Not found", "NOT_FOUND")
METHOD_NOT_ALLOWED: Final = ErrorKind(405, "Method not allowed", "METHOD_NOT_ALLOWED")
TOO_SLOW: Final = ErrorKind(408, "Request too slow", "TOO_SLOW", retryable=True)
KEY_REUSED: Final = ErrorKind(409, "Idempotency key reused", "KEY_REUSED")
TOO_LARGE: Final = ErrorKind(413, "Body too large", "TOO_LARGE")
WRONG_CONTENT_TYPE: Final = ErrorKind(415, "Wrong content type", "WRONG_CONTENT_TYPE")
WRONG_HOST: Final = ErrorKind(421, "Wrong host", "WRONG_HOST")
TOO_MANY_REQUESTS: Final = ErrorKind(429, "Too many requests", "TOO_MANY_REQUESTS", retryable=True)
BUG: Final = ErrorKind(500, "Internal error", "BUG")
JOURNAL_FAULT: Final = ErrorKind(503, "Journal fault", "JOURNAL_FAULT", retryable=True)
SHUTTING_DOWN: Final = ErrorKind(503, "Shutting down", "SHUTTING_DOWN", retryable=True)
TOKENS_UNREADABLE: Final = ErrorKind(503, "Token file unusable", "TOKENS_UNREADABLE", retryable=True)

KINDS: Final = (
    BAD_INPUT, BAD_SCHEMA, UNAUTHENTICATED, FORBIDDEN, WRONG_ORIGIN, UNKNOWN_ROUTE, NOT_FOUND, METHOD_NOT_ALLOWED, TOO_SLOW, KEY_REUSED,
    TOO_LARGE, WRONG_CONTENT_TYPE, WRONG_HOST, TOO_MANY_REQUESTS, BUG, JOURNAL_FAULT, SHUTTING_DOWN, TOKENS_UNREADABLE,
)  # fmt: skip


class ApiError(TidegateError):
    """An answer that is not a success. `more` adds fields to `detail`; the four fixed fields cannot be replaced by it."""

    def __init__(
        self,
        kind: ErrorKind,
        reason: str,
        headers: tuple[tuple[str, str], ...] = (),
        more: Mapping[str, object] | None = None,
    ) -> None:
        self.kind, self.reason, self.headers, self.more = kind, reason, headers, dict(more or {})
        super().__init__(f"{kind.status} {kind.code}: {reason}")

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.kind.status

    @property
    def error(self) -> str:
        """Return the short title."""
        return self.kind.error

    @property
    def code(self) -> str:
        """Return the stable code."""
        return self.kind.code

    @property
    def retryable(self) -> bool:
        """Say whether the same request may succeed later."""
        return self.kind.retryable

    def body(self) -> dict[str, dict[str, object]]:
        """Return the body to encode."""
        fixed = {"error": self.error, "reason": self.reason, "code": self.code, "retryable": self.retryable}
        return {"detail": {**self.more, **fixed}}
