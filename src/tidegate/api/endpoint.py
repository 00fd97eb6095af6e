"""Endpoints: what one route of the API is, and what its handler is given. Routes, scopes, errors and the OpenAPI document all come from these.

In: a request that was admitted and decoded. Out: an `Answer`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from tidegate.api.door.admission import Admission, Level
from tidegate.api.errors import BAD_INPUT, ApiError

if TYPE_CHECKING:
    from tidegate.api.alerts.alerts import AlertsStatus
    from tidegate.api.answered import Answered
    from tidegate.api.envelopes import RecentEnvelopes
    from tidegate.api.metrics import Metrics
    from tidegate.api.stream.hub import Hub
    from tidegate.engine.desk import Desk

JSON = "application/json"
Schema = dict[str, Any]


class Request(msgspec.Struct, frozen=True, gc=False):
    """The request as it came: method, path, headers with lower-case names, body bytes; `began_s` is on the performance counter."""

    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    began_s: float

    def __repr__(self) -> str:
        """Show the names of headers without their values, and no body: whatever prints a request prints no token. INVARIANT: C3"""
        names = ", ".join(sorted({name.decode("latin-1") for name, _ in self.headers}))
        return f"Request({self.method!r}, {self.path!r}, headers: {names}, body: {len(self.body)} bytes)"

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name, None when absent. Raises ApiError 400 when it is given more than once."""
        found = [value for own, value in self.headers if own == name]
        if len(found) > 1:
            raise ApiError(BAD_INPUT, f"the header {name.decode()} must be given once")
        return found[0].decode("latin-1") if found else None


class Call(msgspec.Struct, frozen=True, gc=False):
    """One admitted request. `body` and `query` are decoded into the endpoint's own types; None where it takes none.

    `answered` knows which keyed decisions were answered before, `envelopes` what was allowed a moment ago; `metrics` are this server's meters,
    `alerts` says how alerting stands.
    """

    desk: Desk
    hub: Hub
    admission: Admission
    body: Any
    path_values: Mapping[str, str]
    query: Any
    request: Request
    answered: Answered
    metrics: Metrics
    envelopes: RecentEnvelopes
    alerts: Callable[[], AlertsStatus]


class Answer(msgspec.Struct, frozen=True):
    """What goes back: a struct to be encoded as JSON, or bytes of `content_type` as they are."""

    status: int
    content: Any = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON


Handler = Callable[[Call], Awaitable[Answer]]


class Example(msgspec.Struct, frozen=True):
    """One worked example: a body to send (None for none) and what came back, both as plain JSON values."""

    summary: str
    body: Any = None
    status: int = 200
    answer: Any = None


class Endpoint(msgspec.Struct, frozen=True):
    """One route.

    `path` may hold `{name}` segments, described in `path_schemas`; `header_schemas` are headers it reads. `body` and `query` are struct types
    that refuse unknown fields.
    `answer` is the type of the 200 answer, None where it is not JSON (`content_type` says what it is). `errors` are the statuses beyond those
    that every route may give.
    `open_on_loopback`: a caller without a token may use it on loopback in PAPER although `scope` is higher. INVARIANT: A2 A8
    """

    method: str
    path: str
    scope: Level
    handler: Handler
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    summary: str = ""
    description: str = ""
    examples: tuple[Example, ...] = ()
    errors: tuple[int, ...] = ()
    open_on_loopback: bool = False
    query: type[msgspec.Struct] | None = None
    path_schemas: Mapping[str, Schema] = {}
    header_schemas: Mapping[str, Schema] = {}
    content_type: str = JSON

    @property
    def segments(self) -> tuple[str, ...]:
        """Return the path in pieces."""
        return tuple(self.path.split("/"))

    @property
    def name(self) -> str:
        """Return the operation's name: `post_api_trade_execute`."""
        return _name(self.method, self.path)


@cache
def _name(method: str, path: str) -> str:
    words = path.replace("{", "").replace("}", "").replace(".", "_").replace("-", "_").split("/")
    return "_".join([method.lower(), *(word for word in words if word)])
