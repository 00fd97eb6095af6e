"""The app: one ASGI callable over the table of endpoints. Guard first, then the route, then the body; every error is rendered here and nowhere else.

In: ASGI scopes. Out: answers with security headers. It is plain ASGI on purpose: the table is the router, and the hot path has nothing between
the server and the handler but the guard (ADR 6).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from tidegate.api.alerts.alerts import Alerts, AlertsStatus
from tidegate.api.answered import Answered
from tidegate.api.door.admission import Admission, Level
from tidegate.api.door.body import check_body_headers, read_body
from tidegate.api.door.guard import Guard
from tidegate.api.door.json_shape import check_json_shape
from tidegate.api.door.security_headers import headers_for
from tidegate.api.endpoint import Answer, Call, Endpoint, Request
from tidegate.api.envelopes import RecentEnvelopes
from tidegate.api.errors import BUG, METHOD_NOT_ALLOWED, UNKNOWN_ROUTE, ApiError
from tidegate.api.metrics import Metrics
from tidegate.api.routing import Routes
from tidegate.api.stream.hub import PATH, Hub
from tidegate.api.table import ENDPOINTS
from tidegate.api.wire.failures import api_error_of
from tidegate.api.wire.problems import decoded, queried
from tidegate.api.wire.values import encode
from tidegate.engine.desk import Desk
from tidegate.errors import TidegateError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_BODILESS = (204, 304)
_NO_ROUTE = "there is no such route; GET /openapi.json lists them all, /docs explains them"
_STREAM = f"{PATH} is a WebSocket, not a page: connect to it with ws:// and read its messages"
_LOG = logging.getLogger("tidegate.api")


def build_app(desk: Desk, guard: Guard, hub: Hub, alerts: Alerts | None = None) -> App:
    """Return the ASGI app over one running engine; without `alerts` nobody is told anything, and health says so."""
    app = App(desk, guard, hub)
    if alerts is not None:
        app.alerts = lambda: alerts.status
    return app


class App:
    """The API of one running engine. Belongs to the engine's loop."""

    def __init__(self, desk: Desk, guard: Guard, hub: Hub, endpoints: tuple[Endpoint, ...] = ENDPOINTS) -> None:
        self.desk, self.guard, self.hub = desk, guard, hub
        self.routes = Routes(endpoints)
        self.answered, self.envelopes = Answered(), RecentEnvelopes()
        self.alerts: Callable[[], AlertsStatus] = AlertsStatus.off
        self.metrics = Metrics(desk, hub, tuple(each.name for each in endpoints))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "websocket":
                await self.hub.serve(scope, receive, send)
            case _:
                await _live(receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_s = time.perf_counter()
        endpoint: Endpoint | None = None
        try:
            endpoint, path_values = self.routes.find(scope["method"], scope["path"])
            answer = await self._answer(endpoint, path_values, scope, receive, began_s)
        except ApiError as error:
            answer = _told(error)
        except TidegateError as error:
            answer = _told(api_error_of(error))
        except asyncio.CancelledError:
            raise
        except BaseException as bug:
            await self._send(_incident(scope, bug), scope, send)
            self.metrics.observe(endpoint.name if endpoint else "", 500, began_s)
            raise
        await self._send(answer, scope, send)
        self.metrics.observe(endpoint.name if endpoint else "", answer.status, began_s)

    async def _answer(self, endpoint: Endpoint | None, values: dict[str, str], scope: Scope, receive: Receive, began_s: float) -> Answer:
        """Admit, decode, handle. A route that does not exist is told only to those who may read. Raises TidegateError."""
        if endpoint is None:
            self.guard.admit(scope, Level.READ, False)
            return self._without_route(scope)
        admission = self.guard.admit(scope, endpoint.scope, endpoint.open_on_loopback)
        raw = b""
        if scope["method"] == "POST":
            check_body_headers(scope)
            raw = await read_body(receive)
        request = Request(scope["method"], scope["path"], scope["headers"], raw, began_s)
        return await endpoint.handler(self._call(endpoint, admission, values, scope, request))

    def _call(self, endpoint: Endpoint, admission: Admission, values: dict[str, str], scope: Scope, request: Request) -> Call:
        """Decode what was sent into the endpoint's own types. Raises ApiError 422."""
        body = query = None
        if endpoint.body is not None:
            check_json_shape(request.body)
            body = decoded(endpoint.body, request.body)
        if scope["query_string"] or endpoint.query is not None:
            pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            query = queried(endpoint.query, pairs)
        return Call(self.desk, self.hub, admission, body, values, query, request, self.answered, self.metrics, self.envelopes, self.alerts)

    def _without_route(self, scope: Scope) -> Answer:
        """Answer OPTIONS with what is allowed; anything else with 404 or 405. Raises ApiError."""
        allowed = self.routes.methods(scope["path"])
        if not allowed:
            raise ApiError(UNKNOWN_ROUTE, _STREAM if scope["path"] == PATH else _NO_ROUTE)
        words = ", ".join(allowed)
        if scope["method"] == "OPTIONS":
            return Answer(204, headers=(("allow", words),))
        raise ApiError(METHOD_NOT_ALLOWED, f"this route takes {words}", (("allow", words),))

    async def _send(self, answer: Answer, scope: Scope, send: Send) -> None:
        content = answer.content if isinstance(answer.content, bytes) else encode(answer.content)
        headers = list(headers_for(answer.content_type))
        if answer.status not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(content)))
        headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


def _told(error: ApiError) -> Answer:
    return Answer(error.status, error.body(), error.headers)


def _incident(scope: Scope, bug: BaseException) -> Answer:
    """Log a bug under an id, and tell only the id. INVARIANT: A6 C3"""
    incident = secrets.token_hex(8)
    _LOG.error("incident %s: %r %r: %s", incident, scope["method"], scope["path"], type(bug).__name__)
    reason = f"this is a bug in tidegate, not in the request; report incident {incident}, the server's log has the rest"
    return _told(ApiError(BUG, reason, more={"incident": incident}))


async def _live(receive: Receive, send: Send) -> None:
    """Take part in the server's start and end; the host, not this app, owns what must be closed."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
