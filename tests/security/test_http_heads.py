"""Heads of requests that are too large, malformed or never end: refused in the house's shape, and nobody else notices. INVARIANT: A5 A6"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing

import pytest
import uvicorn

from tests.support.api_server import ApiServer, api_server, ask
from tidegate.api.door import http_protocol
from tidegate.api.door.http_protocol import HEAD_BYTES_MAX


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with api_server(tmp_path_factory.mktemp("heads")) as running:
        yield running


def answered(server: ApiServer, content: bytes) -> tuple[int, dict]:
    """Send bytes; return the status and body of what comes back before the end."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as line:
        line.sendall(content)
        answer = b""
        while chunk := line.recv(65_536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    "content",
    [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01\x02\x00"],
)
def test_what_is_not_http_is_answered_in_the_shape_of_every_error(server: ApiServer, content: bytes) -> None:
    status, answer = answered(server, content)
    assert status == 400
    assert set(answer["detail"]) >= {"error", "reason", "code", "retryable"}


def test_a_head_that_never_ends_is_cut_off(server: ApiServer) -> None:
    status, answer = answered(server, b"GET / HTTP/1.1\r\n" + b"X-A: " + b"a" * (HEAD_BYTES_MAX + 1))
    assert (status, answer["detail"]["code"]) == (431, "TOO_LARGE")


def test_many_small_headers_count_together(server: ApiServer) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as line:
        line.sendall(b"GET / HTTP/1.1\r\n")
        answer = b""
        for _ in range(HEAD_BYTES_MAX // 1_000 + 2):
            try:
                line.sendall(b"X-Filler: " + b"b" * 988 + b"\r\n")
            except OSError:
                break
        while chunk := line.recv(65_536):
            answer += chunk
    assert b" 431 " in answer


def test_a_connection_is_counted_anew_for_every_request(server: ApiServer) -> None:
    filler = {f"X-Filler-{number}": "b" * 900 for number in range(12)}
    with closing(server.connect()) as connection:
        assert [ask(connection, "GET", "/api/health", None, filler)[0] for _ in range(5)] == [200] * 5


def test_a_silent_connection_and_a_half_head_are_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S_MAX", 0.05)

    async def app(scope, receive, send) -> None:
        raise AssertionError("no whole request was sent")

    async def story() -> None:
        config = uvicorn.Config(app, http=http_protocol.BoundedHttpProtocol, lifespan="off", log_config=None)
        config.load()
        state = uvicorn.server.ServerState()
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: http_protocol.BoundedHttpProtocol(config, state, {}), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        for sent in (b"", b"GET / HTTP/1.1\r\nHost"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        listening.close()

    asyncio.run(story())
