"""Every route × every token × Host × Origin × content type × kind of server. A new route is in it by being in the table. INVARIANT: A2 A3"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from tests.security.lab import HOST, Keys
from tests.security.matrix import ADMITTED, DEAD, HOSTS, ORIGINS, SERVERS, TOKENS, TYPES, Ask, expected, request
from tests.support.api_desk import ApiDesk, run
from tidegate.api.app import App
from tidegate.api.door.admission import Level
from tidegate.api.door.guard import Guard, GuardSettings
from tidegate.api.endpoint import Answer, Call, Endpoint
from tidegate.api.stream.hub import PATH, Hub
from tidegate.api.table import ENDPOINTS
from tidegate.model.intent import Mode

PUBLIC = ("/api/operator/redeem", "/operator", "/operator/operator.css", "/operator/operator.js")
OPEN_ON_LOOPBACK = ("/api/flatten", "/api/halt")
LOOSENING = ("lift", "review", "halt", "flatten", "strateg", "operator")
ASKING_ONLY = ("/api/trade/check",)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "HALT", "")
PLENTY = 1_000_000


async def stub(call: Call) -> Answer:
    """Stand where a handler stood: whoever gets here was admitted."""
    return Answer(ADMITTED, {"by": str(call.admission.principal)})


def stubbed(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    return tuple(msgspec.structs.replace(each, handler=stub, body=None, query=None) for each in endpoints)


def path_of(endpoint: Endpoint) -> str:
    return "/".join("BTC" if piece.startswith("{") else piece for piece in endpoint.segments)


def guard_of(keys: Keys, server: str) -> Guard:
    settings: dict[str, Any] = {"mode": Mode.PAPER, "requests_per_s_max": PLENTY, **SERVERS[server]}
    return Guard(GuardSettings(**settings), keys.store(), keys.monotonic)


def app_of(api: ApiDesk, guard: Guard, endpoints: Iterable[Endpoint] = ENDPOINTS) -> App:
    return App(api.desk, guard, Hub(api.desk, guard), stubbed(endpoints))


async def answered(app: App, method: str, path: str, headers: list[tuple[bytes, bytes]], query: bytes = b"") -> tuple[int, bytes]:
    """Send one request with an empty object as body and return status and body."""
    sent: list[Any] = []
    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": headers, "client": ("127.0.0.1", 5)}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


def test_every_route_has_a_level_and_the_dangerous_ones_the_highest() -> None:
    for endpoint in ENDPOINTS:
        assert isinstance(endpoint.scope, Level), endpoint.path
        assert (endpoint.path in PUBLIC) == (endpoint.scope is Level.PUBLIC), endpoint.path
        assert not endpoint.open_on_loopback or endpoint.path in OPEN_ON_LOOPBACK, endpoint.path
        if endpoint.scope is Level.PUBLIC or endpoint.method == "GET" or endpoint.path in ASKING_ONLY:
            continue
        loosens = any(word in endpoint.path for word in LOOSENING)
        assert endpoint.scope is Level.OPERATE if loosens else endpoint.scope >= Level.PROPOSE, endpoint.path


def test_routes_use_only_two_methods_and_no_path_is_there_twice() -> None:
    served = Counter((each.method, each.path) for each in ENDPOINTS)
    assert set(served.values()) == {1}
    assert {method for method, _ in served} == {"GET", "POST"}


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_every_route_answers_every_caller_as_the_specification_says(keys: Keys, server: str) -> None:
    async def story(api: ApiDesk) -> None:
        app = app_of(api, guard_of(keys, server))
        wrong = []
        verdicts: Counter[int] = Counter()
        for endpoint, token, host, origin in itertools.product(ENDPOINTS, TOKENS, HOSTS, ORIGINS):
            ask = Ask(server, token, host, origin)
            headers, query = request(ask, keys)
            status, body = await answered(app, endpoint.method, path_of(endpoint), headers, query)
            verdicts[status] += 1
            if status != expected(endpoint, ask) or not _well_formed(status, body) or _leaks(body, keys):
                wrong.append((endpoint.path, ask, status, expected(endpoint, ask), body))
        assert not wrong, f"{len(wrong)} of {sum(verdicts.values())}, first: {wrong[:3]}"
        assert {ADMITTED, 401, 403, 421} <= set(verdicts)

    run(story)


def test_every_posting_route_takes_json_alone(keys: Keys) -> None:
    async def story(api: ApiDesk) -> None:
        app = app_of(api, guard_of(keys, "loopback paper"))
        for endpoint, kind, token in itertools.product(ENDPOINTS, TYPES, ("none", "operate", "wrong")):
            ask = Ask("loopback paper", token, "good", "same", kind)
            headers, query = request(ask, keys)
            length = (b"content-length", b"2")
            status, _ = await answered(app, endpoint.method, path_of(endpoint), [*headers, length], query)
            assert status == expected(endpoint, ask), (endpoint.path, ask)

    run(story)


def test_a_route_answers_its_own_method_and_no_other(keys: Keys) -> None:
    async def story(api: ApiDesk) -> None:
        app = app_of(api, guard_of(keys, "loopback paper"))
        served = {(each.method, each.path) for each in ENDPOINTS}
        for endpoint, method in itertools.product(ENDPOINTS, METHODS):
            status, _ = await answered(app, method, path_of(endpoint), [(b"host", HOST), keys.header("operate")])
            if ("GET" if method == "HEAD" else method, endpoint.path) in served:
                assert status in (ADMITTED, 415), (method, endpoint.path)
            else:
                assert status == (204 if method == "OPTIONS" else 405), (method, endpoint.path)

    run(story)


def test_what_is_not_in_the_table_is_not_served_and_only_readers_learn_that(keys: Keys) -> None:
    async def story(api: ApiDesk) -> None:
        app = app_of(api, guard_of(keys, "token required"))
        for path in (
            "/",
            "/api",
            "/api/",
            "/admin",
            "/api/trade/execute/",
            "//api/health",
            "/api/../api/health",
            "/static/../app.py",
            "/%2e%2e",
            "/.env",
        ):
            for token, wanted in (("none", 401), ("wrong", 401), ("read", 404)):
                headers, query = request(Ask("token required", token, "good", "absent"), keys)
                status, _ = await answered(app, "GET", path, headers, query)
                assert status == wanted, (path, token)

    run(story)


@pytest.mark.parametrize("server", sorted(SERVERS))
def test_the_stream_admits_as_a_reading_route_does(keys: Keys, server: str) -> None:
    stream = Endpoint("GET", PATH, Level.READ, stub)

    async def story(api: ApiDesk) -> None:
        app = app_of(api, guard_of(keys, server))
        for token, host, origin in itertools.product(TOKENS, HOSTS, ORIGINS):
            ask = Ask(server, token, host, origin)
            headers, query = request(ask, keys)
            status = await _handshake(app, headers, query)
            assert status == expected(stream, ask), ask

    run(story)


def test_the_matrix_would_notice_a_route_without_a_level_and_a_guard_that_looks_away(keys: Keys) -> None:
    class Open(Guard):
        def admit(self, scope: Any, need: Level, open_on_loopback: bool = False) -> Any:
            scope["headers"] = [each for each in scope["headers"] if each[0] not in (b"authorization", b"origin")]
            return super().admit(scope, min(need, Level.READ), open_on_loopback)

    async def story(api: ApiDesk) -> None:
        app = app_of(api, Open(GuardSettings(Mode.PAPER, requests_per_s_max=PLENTY), keys.store(), keys.monotonic))
        noticed = set()
        for endpoint, token, origin in itertools.product(ENDPOINTS, TOKENS, ORIGINS):
            ask = Ask("loopback paper", token, "good", origin)
            headers, query = request(ask, keys)
            status, _ = await answered(app, endpoint.method, path_of(endpoint), headers, query)
            if status != expected(endpoint, ask):
                noticed.add(endpoint.path)
        assert noticed == {each.path for each in ENDPOINTS}

    run(story)


def test_dead_tokens_are_told_apart_by_nobody(keys: Keys) -> None:
    async def story(api: ApiDesk) -> None:
        app = app_of(api, guard_of(keys, "loopback paper"))
        answers = set()
        for token in ("wrong", "expired", "revoked"):
            headers, query = request(Ask("loopback paper", token, "good", "absent"), keys)
            answers.add(await answered(app, "GET", "/api/health", headers, query))
        assert len(answers) == 1

    assert set(DEAD) < set(TOKENS)
    run(story)


async def _handshake(app: App, headers: list[tuple[bytes, bytes]], query: bytes) -> int:
    """Open a stream, leave at once when it was accepted, and return the status an HTTP route would have given."""
    sent: list[Any] = []
    waiting: list[Any] = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
    scope = {"type": "websocket", "path": PATH, "query_string": query, "headers": headers, "client": ("127.0.0.1", 5)}
    scope["extensions"] = {"websocket.http.response": {}}

    async def receive() -> Any:
        return waiting.pop(0) if waiting else await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    first = sent[0]
    return ADMITTED if first["type"] == "websocket.accept" else first["status"]


def _well_formed(status: int, body: bytes) -> bool:
    """Say whether a refusal carries what every error must."""
    if status == ADMITTED:
        return True
    detail = msgspec.json.decode(body)["detail"]
    return all(isinstance(detail.get(name), str) and detail[name] for name in ("error", "reason", "code")) and isinstance(
        detail.get("retryable"), bool
    )


def _leaks(body: bytes, keys: Keys) -> bool:
    return any(secret.encode() in body for secret in keys.secrets.values())
