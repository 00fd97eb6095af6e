"""The stream on the real server: ready-made frames, bounds on what a hostile client can cost, and how connections end. PROMISES A7."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import uvicorn
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.stream_lab import HUB, LabDesk, hub_on, settle, story, turns_until
from tidegate.api.stream.frames import frame
from tidegate.api.stream.hub import PATH, HubSettings
from tidegate.api.stream.subscriber import MESSAGE_BYTES_MAX
from tidegate.api.stream.ws_protocol import (
    BUFFER_BYTES_MAX,
    SLICE_BYTES,
    SMALL_FRAMES_PER_S_MAX,
    WS_OPTIONS,
    StreamProtocol,
)

PATIENCE_S = 10.0
HEAD_BYTES = b'{"event":"e","data":""}'


class _Place:
    """A hub behind a real server, in this loop."""

    def __init__(self, settings: HubSettings, now_s: Callable[[], float]) -> None:
        self.desk = LabDesk()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port: int = self.listener.getsockname()[1]
        self.hub = hub_on(self.desk, settings, now_s, self.port)
        config = uvicorn.Config(self.hub.serve, log_config=None, lifespan="off", interface="asgi3", timeout_graceful_shutdown=5, **WS_OPTIONS)
        self.server = _Quiet(config)
        self.serving = asyncio.create_task(self.server.serve(sockets=[self.listener]))

    @property
    def protocols(self) -> list[StreamProtocol]:
        return [each for each in self.server.server_state.connections if isinstance(each, StreamProtocol)]

    def url(self, query: str = "") -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}?{query}"

    async def raw(self, query: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection after its handshake, to be spoken to in bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        lines = (f"GET {PATH}?{query} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Upgrade: websocket", "Connection: Upgrade")
        writer.write("\r\n".join((*lines, "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Version: 13", "", "")).encode())
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer


class _Quiet(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave signals alone."""


Scene = Callable[[_Place], Awaitable[None]]


def _played(scene: Scene, settings: HubSettings = HUB, now_s: Callable[[], float] = time.monotonic) -> None:
    async def play() -> None:
        place = _Place(settings, now_s)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await scene(place)
        finally:
            place.server.should_exit = True
            await place.serving

    asyncio.run(play())


async def _next(client: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await client.recv())
    return message


async def _close_of(client: ClientConnection) -> tuple[int, str]:
    with suppress(ConnectionClosed):
        while True:
            await client.recv()
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


def test_a_client_of_the_original_guide_listens_as_it_always_did() -> None:
    async def scene(place: _Place) -> None:
        async with connect(place.url().rstrip("?")) as client:
            first = await _next(client)
            assert (first["event"], type(first["data"])) == ("connected", dict)
            await client.send(json.dumps({"type": "ping"}))
            assert (await _next(client))["event"] == "pong"
            await client.send(json.dumps({"type": "request_stats"}))
            assert {(await _next(client))["event"] for _ in range(2)} == {"stats_update", "tick"}
            place.desk.record(*story(1)).commit()
            assert [(await _next(client))["event"] for _ in range(3)] == ["decision", "decision", "fill"]

    _played(scene, replace(HUB, grace_s=PATIENCE_S))


@pytest.mark.parametrize("length", [125, 126, 127, 65_535, 65_536, 70_000])
def test_ready_made_frames_are_whole_at_every_length(length: int) -> None:
    async def scene(place: _Place) -> None:
        async with connect(place.url("events=dashboard_update"), max_size=None) as client:
            await _next(client)
            text = "x" * (length - len(HEAD_BYTES))
            made = frame("e", text)
            assert len(made.text) == length
            place.hub._lanes.notice(frame("dashboard_update", "x" * (length - len(HEAD_BYTES) - 15)))
            place.hub._announce()
            raw = await client.recv()
            assert len(raw) == length
            await client.send(json.dumps({"type": "ping"}))
            assert (await _next(client))["event"] == "pong"

    _played(scene)


def test_many_messages_in_one_write_arrive_as_many_messages() -> None:
    async def scene(place: _Place) -> None:
        for number in range(20):
            place.desk.record(*story(number))
        since = place.desk.durable_seq
        head = place.desk.commit()
        async with connect(place.url(f"since={since}&events=decision,order,fill,trade_completed,feed")) as client:
            await _next(client)
            seqs: list[int] = []
            while not seqs or seqs[-1] < head:
                seqs.append((await _next(client))["seq"])
            assert seqs == sorted(seqs)
            assert len(seqs) == 160

    _played(scene)


def test_a_message_over_four_kibibytes_closes_the_connection_with_1009() -> None:
    async def scene(place: _Place) -> None:
        async with connect(place.url("events=halt")) as client:
            await client.send("x" * (MESSAGE_BYTES_MAX + 1))
            assert (await _close_of(client))[0] == 1009

    _played(scene)


def test_who_may_not_listen_gets_the_answer_every_other_route_would_give() -> None:
    async def scene(place: _Place) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await connect(place.url(), additional_headers={"Authorization": "Bearer wrong"})
        assert refused.value.response.status_code == 401
        body = json.loads(refused.value.response.body or b"")
        assert body["detail"]["code"] == "UNAUTHENTICATED"
        with pytest.raises(InvalidStatus) as refused:
            await connect(place.url(), origin="http://evil.example")  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403

    _played(scene)


def test_the_subprotocol_of_the_house_is_accepted_and_one_that_carries_a_token_is_never_echoed() -> None:
    async def scene(place: _Place) -> None:
        async with connect(place.url(), subprotocols=["other", "tidegate.v1"]) as client:  # type: ignore[list-item]
            assert client.subprotocol == "tidegate.v1"
        with pytest.raises(InvalidStatus) as refused:
            await connect(place.url(), subprotocols=["tidegate.v1", "tidegate.bearer.wrong"])  # type: ignore[list-item]
        assert refused.value.response.status_code == 401
        assert "tidegate.bearer" not in str(refused.value.response.headers)

    _played(scene)


def test_no_compression_is_negotiated() -> None:
    async def scene(place: _Place) -> None:
        async with connect(place.url(), compression="deflate") as client:
            assert client.protocol.extensions == []

    _played(scene)


def test_when_the_server_ends_clients_are_told_why() -> None:
    async def scene(place: _Place) -> None:
        async with connect(place.url()) as client:
            await _next(client)
            place.server.should_exit = True
            code, reason = await _close_of(client)
            assert (code, "shutting down" in reason) == (1012, True)

    _played(scene)


def test_a_client_that_never_reads_fills_a_bounded_buffer_and_then_learns_why_it_was_dropped() -> None:
    now = [100.0]

    async def scene(place: _Place) -> None:
        async with connect(place.url("events=dashboard_update")) as quick:
            await _next(quick)
            reader, writer = await place.raw("events=feed,decision,fill,order")
            await settle()
            stuck = next(each for each in place.protocols if each.scope["query_string"].startswith(b"events=feed"))
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            number = 0
            while stuck.writable.is_set():
                number += 1
                place.desk.record(*story(number)).commit()
                await settle(3)
            for _ in range(200):
                number += 1
                place.desk.record(*story(number)).commit()
                await settle(1)
            assert stuck.transport.get_write_buffer_size() <= 2 * BUFFER_BYTES_MAX
            now[0] += 31.0
            place.hub.pulse(now[0])
            await turns_until(lambda: place.hub.client_count == 1)
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            await reader.readuntil(b"nothing was read for 30 s: reconnect with since")
            writer.transport.abort()
            place.hub.broadcast("dashboard_update", {"still": "here"})
            while (message := await _next(quick))["event"] == "heartbeat":
                pass
            assert message["data"] == {"still": "here"}

    _played(scene, now_s=lambda: now[0])


PING = b"\x89\x80\0\0\0\0"
EMPTY_FRAGMENT = b"\x00\x80\0\0\0\0"
EMPTY_TEXT = b"\x81\x80\0\0\0\0"


@pytest.mark.parametrize("flood", [PING * 40_000, b"\x01\x80\0\0\0\0" + EMPTY_FRAGMENT * 40_000, EMPTY_TEXT * 40_000])
def test_a_flood_of_tiny_frames_ends_that_connection_and_nobody_elses(flood: bytes) -> None:
    async def scene(place: _Place) -> None:
        async with connect(place.url("events=halt")) as quick:
            await _next(quick)
            _, writer = await place.raw("events=halt")
            await turns_until(lambda: place.hub.client_count == 2)
            writer.write(flood)
            await quick.send(json.dumps({"type": "ping"}))
            assert (await _next(quick))["event"] == "pong"
            await turns_until(lambda: place.hub.client_count == 1)
            await quick.send(json.dumps({"type": "ping"}))
            assert (await _next(quick))["event"] == "pong"
            writer.transport.abort()

    _played(scene)


def test_pings_that_are_not_read_do_not_fill_the_buffer() -> None:
    async def scene(place: _Place) -> None:
        _, writer = await place.raw("events=halt")
        await settle()
        (protocol,) = place.protocols
        protocol.writable.clear()  # as the transport does when the client does not read
        writer.write((b"\x89\xfd\0\0\0\0" + b"p" * 125) * (SMALL_FRAMES_PER_S_MAX - 1))
        await turns_until(lambda: len(protocol._rate._admitted.get(None, ())) == SMALL_FRAMES_PER_S_MAX - 1)
        assert protocol.transport.get_write_buffer_size() == 0
        assert not protocol.close_sent
        protocol.writable.set()
        writer.transport.abort()

    _played(scene)


def test_what_arrives_is_parsed_a_slice_at_a_time() -> None:
    async def scene(place: _Place) -> None:
        _, writer = await place.raw("events=halt")
        await settle()
        (protocol,) = place.protocols
        sizes: list[int] = []
        receive = protocol.conn.receive_data
        protocol.conn.receive_data = lambda data: (sizes.append(len(data)), receive(data))[1]  # type: ignore[method-assign,func-returns-value]
        protocol.data_received(EMPTY_TEXT * 10_000)
        assert sizes == []
        await settle()
        assert sizes == [SLICE_BYTES]
        writer.transport.abort()

    _played(scene)
