"""A client that hangs up in the middle of a request neither loses nor doubles its decision, and disturbs nobody. INVARIANT: S7 S3"""

from __future__ import annotations

import json
import socket
import struct
from collections import Counter
from contextlib import closing

import pytest

from tests.support.api_load import tokens
from tests.support.api_server import TRADE, ApiServer, api_server, ask
from tidegate.engine.chronicle import decode
from tidegate.journal.store_sqlite import read_records
from tidegate.model.event import DecisionMade, IntentReceived

ROUNDS = 12


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, secrets: list[str]):
    folder = tmp_path_factory.mktemp("disconnects")
    secrets.extend(tokens(folder, 3))
    with api_server(folder) as running:
        yield running


def raw(server: ApiServer, secret: str, body: bytes) -> bytes:
    head = f"POST /api/trade/execute HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Type: application/json\r\n"
    return f"{head}Authorization: Bearer {secret}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def hung_up(server: ApiServer, content: bytes, rudely: bool) -> None:
    """Send bytes and hang up without reading an answer; rudely means with a reset."""
    with closing(socket.create_connection(("127.0.0.1", server.port))) as line:
        if rudely:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.sendall(content)


def asked_as(server: ApiServer, name: str) -> list[IntentReceived]:
    events = (decode(record) for record in read_records(server.journal))
    return [event for event in events if isinstance(event, IntentReceived) and event.intent.principal.name == name]


@pytest.mark.parametrize(("place", "rudely"), [(0, False), (1, True)])
def test_a_request_whose_client_hung_up_is_decided_at_most_once_and_asking_again_tells(
    server: ApiServer, secrets: list[str], place: int, rudely: bool
) -> None:
    secret = secrets[place]
    answers: dict[str, str] = {}
    for number in range(ROUNDS):
        key = f"gone-{number}"
        body = {**TRADE, "amount": 26 + place, "client_request_id": key}
        hung_up(server, raw(server, secret, json.dumps(body).encode()), rudely)
        with closing(server.connect()) as connection:
            status, answer = ask(connection, "POST", "/api/trade/execute", body, {"Authorization": f"Bearer {secret}"})
        while status == 429:
            status, answer = server.post("/api/trade/execute", body, {"Authorization": f"Bearer {secret}"})
        assert status in (200, 400), answer
        answers[key] = answer["decision_id"] if status == 200 else answer["detail"]["decision_id"]
    asked = asked_as(server, f"agent-{place}")
    assert Counter(event.intent.idempotency_key for event in asked) == Counter(answers.keys())
    decided = {
        event.decision.decision_id
        for event in (decode(record) for record in read_records(server.journal))
        if isinstance(event, DecisionMade)
    }
    assert set(answers.values()) <= decided


def test_a_whole_request_is_decided_although_nobody_waits_for_the_answer(server: ApiServer, secrets: list[str]) -> None:
    body = {**TRADE, "amount": 31, "client_request_id": "nobody-waits"}
    hung_up(server, raw(server, secrets[2], json.dumps(body).encode()), rudely=False)
    wanted = b'"nobody-waits"'
    while not any(wanted in record.payload for record in read_records(server.journal)):
        assert server.process.poll() is None
    assert [event.intent.idempotency_key for event in asked_as(server, "agent-2")] == ["nobody-waits"]


def test_half_a_request_is_no_request(server: ApiServer, secrets: list[str]) -> None:
    whole = raw(server, secrets[2], json.dumps(TRADE).encode())
    for end in range(len(whole) - 30, len(whole), 7):
        hung_up(server, whole[:end], rudely=False)
    assert server.get("/api/health")[0] == 200
    assert {event.intent.idempotency_key for event in asked_as(server, "agent-2")} <= {"nobody-waits"}
