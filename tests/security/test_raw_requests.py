"""A real server against raw bytes: what a browser, a proxy or an attacker may send that no client library would. INVARIANT: A1 A3 A5 A6 C3"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_server import ApiServer, api_server
from tidegate.api.door.admission import Level
from tidegate.api.door.token_file import create
from tidegate.api.door.token_text import new_secret

CHECK = b'{"strategy":"BTC Range Scalp","pair":"BTC/USD","amount":25,"side":"long"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("raw")) as running:
        yield running


_COUNT = itertools.count()


def bearer(server: ApiServer) -> bytes:
    """Return the header of a token nobody used yet, so that these tests never meet the rate limit."""
    secret, _ = create(server.folder / "var" / "tokens.json", f"bot {next(_COUNT)}", Level.PROPOSE, time.time_ns(), None)
    return b"Authorization: Bearer " + secret.encode()


def status_of(server: ApiServer, raw: bytes, ends: bool = False) -> int:
    """Send bytes as they are and return the status of the first answer; 0 when there was none. `ends`: nothing more will come."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(raw)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            line = answer.readline()
    return int(line.split()[1]) if line.startswith(b"HTTP/") else 0


def get(server: ApiServer, *lines: bytes, path: bytes = b"/api/health", host: bool = True) -> int:
    own = (b"Host: 127.0.0.1:%d" % server.port,) if host else ()
    return status_of(server, b"\r\n".join((b"GET %s HTTP/1.1" % path, *own, *lines, b"Connection: close", b"", b"")))


def post(server: ApiServer, body: bytes, *lines: bytes, ends: bool = False) -> int:
    own = (b"Host: 127.0.0.1:%d" % server.port, b"Connection: close", b"Content-Type: application/json", bearer(server))
    return status_of(server, b"\r\n".join((b"POST /api/trade/check HTTP/1.1", *own, *lines, b"", b"")) + body, ends)


def test_it_answers_the_plain_request(server: ApiServer) -> None:
    assert get(server, bearer(server)) == 200
    assert post(server, CHECK, b"Content-Length: %d" % len(CHECK)) == 200
    assert post(server, b"%x\r\n%s\r\n0\r\n\r\n" % (len(CHECK), CHECK), b"Transfer-Encoding: chunked") == 200


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"Host: evil.example",),
        (b"Host: 127.0.0.1:1",),
        (b"Host: 127.0.0.1", b"Host: 127.0.0.1"),
        (b"Host:",),
        (b"X: y", b"host: localhost.evil.example"),
    ],
)
def test_a_wrong_missing_or_doubled_host_is_refused(server: ApiServer, lines: tuple[bytes, ...]) -> None:
    assert get(server, *lines, host=False) in (400, 421)


def test_an_absolute_address_does_not_replace_the_host(server: ApiServer) -> None:
    assert get(server, b"Host: evil.example", path=b"http://127.0.0.1:%d/api/health" % server.port, host=False) in (400, 404, 421)
    assert status_of(server, b"GET http://127.0.0.1/api/health HTTP/1.0\r\n\r\n") in (400, 404, 421)


def test_an_old_request_without_a_host_is_refused(server: ApiServer) -> None:
    assert status_of(server, b"GET /api/health HTTP/1.0\r\n\r\n") in (400, 421)


@pytest.mark.parametrize("origin", [b"null", b"http://evil.example", b"http://localhost:3000", b""])
def test_a_page_elsewhere_is_refused_on_http_and_on_the_stream(server: ApiServer, origin: bytes) -> None:
    assert get(server, b"Origin: " + origin) == 403
    upgrade = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    raw = b"\r\n".join((b"GET /ws/dashboard HTTP/1.1", b"Host: 127.0.0.1:%d" % server.port, bearer(server), *upgrade))
    assert status_of(server, raw + b"\r\n\r\n") == 101
    assert status_of(server, raw + b"\r\nOrigin: " + origin + b"\r\n\r\n") == 403


def test_a_preflight_of_another_origin_gets_no_permission(server: ApiServer) -> None:
    foreign = b"Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    raw = b"OPTIONS /api/halt HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % server.port + foreign
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(raw)
        with connection.makefile("rb") as answer:
            content = answer.read()
    assert content.startswith(b"HTTP/1.1 403")
    assert b"access-control" not in content.lower()


def test_two_authorizations_are_refused(server: ApiServer) -> None:
    own = bearer(server)
    assert get(server, own) == 200
    assert get(server, own, own) == 401


def test_forwarded_headers_move_nobody(server: ApiServer) -> None:
    assert get(server, b"X-Forwarded-For: 127.0.0.1") == 401
    assert get(server, b"X-Forwarded-For: 8.8.8.8", bearer(server)) == 200


@pytest.mark.parametrize(
    "lines,body,statuses",
    [
        ((b"Content-Length: 20000",), b"x" * 20_000, (413,)),
        ((b"Content-Length: 99999999999999999999",), b"{}", (400, 413)),
        ((b"Content-Length: -1",), b"{}", (400,)),
        ((b"Content-Length: 2", b"Content-Length: 3"), b"{} ", (400,)),
        ((b"Content-Length: 2", b"Transfer-Encoding: chunked"), b"0\r\n\r\n", (400, 422)),
        ((b"Transfer-Encoding: chunked",), b"2000\r\n" + b"x" * 0x2000 + b"\r\n2001\r\n" + b"x" * 0x2001 + b"\r\n0\r\n\r\n", (413,)),
        ((b"Content-Length: 2", b"Content-Encoding: gzip"), b"{}", (415,)),
        ((b"Content-Length: 2", b"Content-Type: text/plain"), b"{}", (415,)),
        ((b"Content-Length: 3",), b"\xff\xfe{", (422,)),
        ((b"Content-Length: 16384",), b"[" * 16_384, (422,)),
        ((b"Content-Length: 16384",), b'"\\' * 8_192, (422,)),
        ((b"Content-Length: 15",), b'{"amount":1e999', (422,)),
        ((), b"", (415, 422)),
    ],
)
def test_hostile_bodies_get_an_answer_that_is_no_crash(
    server: ApiServer, lines: tuple[bytes, ...], body: bytes, statuses: tuple[int, ...]
) -> None:
    assert post(server, body, *lines) in statuses
    assert get(server, bearer(server)) == 200


def test_a_body_that_breaks_off_changes_nothing_and_harms_nobody(server: ApiServer) -> None:
    assert post(server, b"{}", b"Content-Length: 10", ends=True) in (0, 400)
    assert get(server, bearer(server)) == 200


@pytest.mark.parametrize(
    "raw",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET /\x00 HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
     b"A" * 100_000, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_request_is_no_crash_either(server: ApiServer, raw: bytes) -> None:
    try:
        status = status_of(server, raw, ends=True)
    except OSError:  # it hung up while we were still talking
        status = 0
    assert status == 0 or 400 <= status < 500


def test_a_token_in_an_address_is_refused_and_in_no_log_of_the_server(tmp_path: Path) -> None:
    canary = new_secret(Level.OPERATE)
    with api_server(tmp_path) as server:
        secrets = (canary, server.token)
        for secret in secrets:
            assert get(server, path=b"/api/health?token=" + secret.encode()) == 401
            assert get(server, path=b"/api/health?x=" + secret.replace("_", "%5F").encode()) == 401
            assert get(server, path=b"/api/decisions/" + secret.encode()) == 401
            assert get(server, b"Authorization: Bearer " + canary.encode()) == 401
        _, said = server.stop()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "api.json")
    everything = kept + "\n".join((*server.said, said)).encode()
    assert not [secret for secret in secrets if secret.encode()[5:17] in everything]
    assert b"/api/health" in b"".join(path.read_bytes() for path in (tmp_path / "logs" / "api").iterdir())
