"""The client hears every journaled event once and in order, whatever happens to the line. INVARIANT: A7"""

from __future__ import annotations

import ast
import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

import tidegate.client
from tests.support.raw_server import raw_server as http_server
from tests.support.raw_server import says
from tidegate.client import AsyncTidegateClient, GateError, StreamEvent, TidegateClient
from tidegate.client.http_text import server_of
from tidegate.client.listening import PAUSE_S_MAX, Ear

Turn = Callable[[ServerConnection], None]


class StreamServer:
    """A WebSocket server with one turn for each connection; the last turn serves all that follow."""

    def __init__(self, turns: tuple[Turn, ...]) -> None:
        self._turns = list(turns)
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.url = ""

    def take(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        self.asked.append(request.path)
        self.tokens.append(request.headers.get("Authorization"))
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        with suppress(ConnectionClosed):
            turn(connection)


@contextmanager
def stream_server(*turns: Turn) -> Iterator[StreamServer]:
    state = StreamServer(turns)
    with serve(state.take, "127.0.0.1", 0) as server:
        state.url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join(10)


def event(name: str, seq: int | None = None, **content: Any) -> str:
    return json.dumps({"event": name, "data": content, **({"seq": seq} if seq is not None else {})})


def tells(*messages: str, close: tuple[int, str] | None = None, breaks: bool = False) -> Turn:
    """Send messages; then break the line, close it with a code, or keep it open until the client leaves."""

    def turn(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message)
        if breaks:
            connection.socket.close()
        elif close is not None:
            connection.close(*close)
        else:
            connection.recv()

    return turn


def heard(kind: str, url: str, count: int, since: int | None = None, token: str | None = None) -> list[StreamEvent]:
    """Listen with either client for so many events."""
    if kind == "sync":
        stream = TidegateClient(url, token, 5.0).events(since)
        return list(islice(stream, count))

    async def listen() -> list[StreamEvent]:
        found: list[StreamEvent] = []
        async with AsyncTidegateClient(url, token, 5.0).events(since) as stream, asyncio.timeout(20):
            async for each in stream:
                found.append(each)
                if len(found) == count:
                    break
        return found

    return asyncio.run(listen())


@pytest.fixture(params=["sync", "async"], autouse=True)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(Ear, "pause_s", lambda self: 0.0)
    return str(request.param)


def test_events_come_as_they_are_with_event_data_and_seq(kind: str) -> None:
    with stream_server(tells(event("connected", status="healthy"), event("decision", 7, approved=True))) as server:
        first, second = heard(kind, server.url, 2)
    assert (first.event, first.data, first.seq) == ("connected", {"status": "healthy"}, None)
    assert (second.event, second.data["approved"], second.seq) == ("decision", True, 7)
    assert server.asked == ["/ws/dashboard"]


@pytest.mark.parametrize("after", [{"breaks": True}, {"close": (1012, "restart")}, {"close": (1013, "later")}, {"close": (1000, "")}])
def test_after_a_break_it_goes_on_after_the_last_record_without_gap_or_repetition(kind: str, after: dict[str, Any]) -> None:
    before = tells(event("connected"), event("decision", 7), event("fill", 9), **after)
    again = tells(event("connected"), event("fill", 9), event("trade_completed", 9), event("decision", 10))
    with stream_server(before, again) as server:
        found = heard(kind, server.url, 6)
    journaled = [(each.event, each.seq) for each in found if each.seq is not None]
    assert journaled == [("decision", 7), ("fill", 9), ("trade_completed", 9), ("decision", 10)]
    assert server.asked == ["/ws/dashboard", "/ws/dashboard?since=9"]


def test_a_break_before_the_first_event_leaves_no_gap_and_brings_nothing_old(kind: str) -> None:
    before = tells(event("connected", seq=None, resumed_after=41), breaks=True)
    again = tells(event("connected", resumed_after=41), event("trade_completed", 41), event("decision", 42))
    with stream_server(before, again) as server:
        found = heard(kind, server.url, 3)
    assert [(each.event, each.seq) for each in found if each.seq] == [("decision", 42)]
    assert server.asked == ["/ws/dashboard", "/ws/dashboard?since=41"]


def test_it_begins_after_the_record_asked_for(kind: str) -> None:
    with stream_server(tells(event("connected", resumed_after=5), event("trade_completed", 5), event("fill", 6))) as server:
        found = heard(kind, server.url, 3, since=5)
    assert server.asked == ["/ws/dashboard?since=5"]
    assert [each.event for each in found] == ["connected", "trade_completed", "fill"]


def test_the_token_goes_into_the_header_and_not_into_the_address(kind: str) -> None:
    with stream_server(tells(event("connected"))) as server:
        heard(kind, server.url, 1, token="canary-token")
    assert server.tokens == ["Bearer canary-token"]
    assert "canary" not in server.asked[0]


def test_a_refused_start_is_an_error_and_not_an_endless_loop(kind: str) -> None:
    refusal = event("error", detail={"code": "BAD_INPUT", "reason": "since is 99 and this journal ends at 5", "retryable": False})
    with stream_server(tells(refusal, close=(1008, "since is 99 and this journal ends at 5"))) as server:
        with pytest.raises(GateError, match="BAD_INPUT: since is 99"):
            heard(kind, server.url, 3, since=99)
        assert len(server.asked) == 1


def test_a_revoked_token_ends_the_listening(kind: str) -> None:
    with (
        stream_server(tells(event("connected"), close=(4401, "the token was revoked"))) as server,
        pytest.raises(GateError, match="UNAUTHENTICATED: the token"),
    ):
        heard(kind, server.url, 3)


def test_a_handshake_that_is_refused_says_why(kind: str) -> None:
    refusal = {"detail": {"error": "no", "reason": "this token is not known", "code": "UNAUTHENTICATED", "retryable": False}}
    with http_server(says(401, refusal)) as server, pytest.raises(GateError, match="UNAUTHENTICATED: this token is not known"):
        heard(kind, server.url, 1)


def test_a_redirect_is_never_followed(kind: str) -> None:
    with stream_server(tells(event("connected"))) as elsewhere:
        away = f"location: {elsewhere.url.replace('http', 'ws')}/ws/dashboard\r\n"
        with http_server(says(302, {}, away)) as server, pytest.raises(GateError):
            heard(kind, server.url, 1)
        assert elsewhere.asked == []


def test_a_server_that_is_busy_is_asked_again(kind: str) -> None:
    busy = {"detail": {"error": "no", "reason": "too many", "code": "TOO_MANY_REQUESTS", "retryable": True}}
    with http_server(says(429, busy), says(503, busy), says(401, busy)) as server:
        with pytest.raises(GateError):
            heard(kind, server.url, 1)
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    "message", ["not JSON", "[]", "7", "{}", '{"event":1,"data":{}}', '{"event":"a","data":[]}', '{"event":"a","data":{},"seq":"7"}']
)
def test_a_message_that_is_not_one_of_the_streams_is_an_error(kind: str, message: str) -> None:
    with stream_server(tells(message)) as server, pytest.raises(GateError, match="GATE_UNREADABLE"):
        heard(kind, server.url, 1)


def test_waiting_may_be_cut_short_and_tried_again_without_losing_an_event() -> None:
    may_speak = threading.Event()

    def turn(connection: ServerConnection) -> None:
        connection.send(event("connected"))
        may_speak.wait(10)
        connection.send(event("decision", 7))
        connection.recv()

    async def listen(url: str) -> StreamEvent:
        async with AsyncTidegateClient(url).events() as stream:
            await anext(stream)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(stream)
            may_speak.set()
            return await anext(stream)

    with stream_server(turn) as server:
        assert asyncio.run(listen(server.url)).seq == 7
        assert len(server.asked) == 1


def test_pauses_grow_to_a_cap_with_jitter_and_shrink_after_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    ear = Ear(server_of("http://localhost", None), None, None)
    pauses = [ear.pause_s() for _ in range(50)]
    assert all(0.125 <= pause <= PAUSE_S_MAX for pause in pauses)
    assert 0.125 <= pauses[0] <= 0.25
    assert all(pause >= PAUSE_S_MAX / 2 for pause in pauses[6:])
    assert len(set(pauses[6:])) > 5
    ear.take(event("connected"))
    assert ear.pause_s() <= 0.25


def test_no_part_of_the_client_needs_more_than_the_standard_library_and_websockets() -> None:
    package = Path(tidegate.client.__file__).parent
    nodes = [node for path in package.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    own = [name for name in names if f"{name}.".startswith("tidegate.client.")]
    assert own
    assert {name.partition(".")[0] for name in names if name not in own} - set(sys.stdlib_module_names) == set()
