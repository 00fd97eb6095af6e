"""Who may listen to the stream, from where, and how many: decided before the handshake, and again while it lasts. PROMISES A2, A3, A7."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.stream_lab import HUB, Caller, LabDesk, hub_on
from tidegate.api.stream.hub import Hub

Scene = Callable[[LabDesk, Hub], Awaitable[None]]
ADDRESSES = (
    "since=soon", "since=-1", "since=99999", "since=1e2", "since=", "sinc=5", "since=1&since=2", "events=fills", "events=", "since=" + "9" * 40,
    "&".join(["a=1"] * 50), "since=%zz", "since=\xb2", "since=1&journal=another",
)  # fmt: skip


def _played(scene: Scene, **settings: Any) -> None:
    async def play() -> None:
        desk = LabDesk()
        hub = hub_on(desk, replace(HUB, **settings))
        await scene(desk, hub)
        await hub.close()

    asyncio.run(play())


@pytest.mark.parametrize("query", ADDRESSES)
def test_an_address_that_is_not_understood_gets_an_error_and_a_close(query: str) -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, query)
        code, reason = await caller.ended()
        assert code == 1008
        assert [message["event"] for message in caller.messages] == ["error"]
        assert caller.messages[0]["data"]["detail"]["reason"].startswith(reason[:60])

    _played(scene)


def test_a_since_beyond_the_journal_says_that_it_is_another_journal() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        head = desk.durable_seq
        _, reason = await Caller(hub, f"since={head + 1}").ended()
        assert f"since is {head + 1} and this journal ends at {head}" in reason
        assert (await Caller(hub, f"since={head}").told(1))[0]["event"] == "connected"

    _played(scene)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (((b"host", b"evil.example"),), 421),
        (((b"host", b"127.0.0.1:8000"), (b"origin", b"http://evil.example")), 403),
        (((b"host", b"127.0.0.1:8000"), (b"authorization", b"Bearer wrong")), 401),
    ],
)
def test_who_may_not_listen_is_refused_before_the_handshake(headers: tuple[tuple[bytes, bytes], ...], status: int) -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, headers=headers)
        await caller.task
        assert [message["type"] for message in caller.sent] == ["websocket.http.response.start", "websocket.http.response.body"]
        assert caller.sent[0]["status"] == status
        assert hub.client_count == 0

    _played(scene)


def test_a_client_can_make_sure_that_it_resumes_in_the_same_journal() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        journal = (await Caller(hub).told(1))[0]["data"]["journal"]
        assert len(journal) == 16
        assert (await Caller(hub, f"since=1&journal={journal}").told(1))[0]["event"] == "connected"
        _, reason = await Caller(hub, f"since=1&journal={journal[::-1]}").ended()
        assert "not the one you listened to" in reason

    _played(scene)


def test_another_path_is_not_the_stream() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, path="/ws/other")
        await caller.task
        assert caller.sent[0]["status"] == 404

    _played(scene)


def test_a_server_that_cannot_send_an_answer_closes_with_a_code_of_its_own() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub, headers=((b"host", b"127.0.0.1:8000"), (b"authorization", b"Bearer wrong")))
        caller.scope["extensions"] = {}
        assert (await caller.ended())[0] == 4401

    _played(scene)


@pytest.mark.parametrize("cap", ["clients_max", "clients_of_one_max"])
def test_one_client_too_many_is_told_to_come_back_later(cap: str) -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        first, second = Caller(hub), Caller(hub)
        await first.told(1)
        await second.told(1)
        third = Caller(hub)
        await third.task
        assert third.sent[0]["status"] == 503
        await first.leave()
        assert (await Caller(hub).told(1))[0]["event"] == "connected"

    _played(scene, **{cap: 2})


def test_at_shutdown_every_client_is_closed_with_1012_and_a_reason_and_nobody_new_comes_in() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        callers = [Caller(hub, frames=frames) for frames in (False, True)]
        for caller in callers:
            await caller.told(1)
        await hub.close()
        for caller in callers:
            code, reason = await caller.ended()
            assert (code, "shutting down" in reason) == (1012, True)
        late = Caller(hub)
        await late.task
        assert late.sent[0]["status"] == 503

    _played(scene)


def test_a_revoked_token_ends_its_connections() -> None:
    async def scene(desk: LabDesk, hub: Hub) -> None:
        caller = Caller(hub)
        await caller.told(1)
        hub.guard.still_admitted = lambda admission: False  # type: ignore[method-assign]
        hub.pulse(1.0)
        assert (await caller.ended())[0] == 4401

    _played(scene)
