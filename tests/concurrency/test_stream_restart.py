"""The stream across the death of its server: a listener that resumes by `since` on the next process misses no acknowledged decision.

PROMISES A7, J1, J2.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.api_server import TRADE, ApiServer, api_server

JOURNALED = "decision,order,fill,trade_completed,halt,feed"
PATIENCE_S = 20.0


def _listen(server: ApiServer, query: str = "") -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}/ws/dashboard?events={JOURNALED}{query}", open_timeout=PATIENCE_S)


def _next(client: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(client.recv(PATIENCE_S))
    return message


def _asked(server: ApiServer, count: int) -> list[str]:
    """Send proposals one after the other; return the ids of the decisions that were answered."""
    answers = [server.operate("/api/trade/execute", {**TRADE, "amount": 25 + number})[1] for number in range(count)]
    return [answer.get("decision_id") or answer["detail"]["decision_id"] for answer in answers]


def _until_killed(client: ClientConnection) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    try:
        while True:
            messages.append(_next(client))
    except (ConnectionClosed, OSError):
        return messages


def _up_to(client: ClientConnection, head: int) -> list[dict[str, Any]]:
    """Read until the stream of a quiet journal must have said everything up to `head`."""
    messages = []
    while not messages or messages[-1]["seq"] < head:
        messages.append(_next(client))
    return messages


def test_a_listener_that_outlives_a_killed_server_hears_every_acknowledged_decision_exactly_once(tmp_path: Path) -> None:
    journal = str(tmp_path / "one.db")
    with api_server(tmp_path, "--journal", journal) as server, _listen(server) as client:
        began = _next(client)["data"]
        acknowledged = _asked(server, 4)
        server.kill()
        heard = _until_killed(client)
    since = max((message["seq"] for message in heard), default=began["resumed_after"])
    with api_server(tmp_path, "--journal", journal) as server:
        with _listen(server, f"&since={since}&journal={began['journal']}") as client:
            assert _next(client)["data"]["resumed_after"] == since
            acknowledged += _asked(server, 4)
            server.operate("/api/halt", {"reason": "the end of this test"})
            after: list[dict[str, Any]] = []
            while not after or after[-1]["event"] != "halt":
                after.append(_next(client))
        with _listen(server, f"&since={began['resumed_after']}") as client:
            _next(client)
            whole = _up_to(client, after[-1]["seq"])
    told = {(each["event"], each["seq"]): each["data"] for each in (*heard, *after)}
    expected = {(each["event"], each["seq"]): each["data"] for each in whole}
    assert {key: told[key] for key in expected} == expected
    assert [each["data"]["decision_id"] for each in whole if each["event"] == "decision"] == acknowledged
