"""The client against a real server process: verdicts, reads, stops, and a stream that survives kill -9. INVARIANT: S3 S7 J1"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.api_server import ApiServer, api_server
from tests.support.raw_server import free_port
from tidegate.client import GATE_UNREACHABLE, AsyncTidegateClient, GateError, StreamEvent, TidegateClient
from tidegate.client.listening import EventStream

ARBITRAGE = ("Cross-Exchange Arbitrage", "BTC/USD", 25)


def test_everything_the_client_can_ask_is_answered(tmp_path: Path) -> None:
    with api_server(tmp_path) as server:
        client = TidegateClient(server.url)
        verdict = client.propose("agent_signal", "BTC/USD", "25.10", "long", confidence=0.9, stop_bps="30", targets=[25, "50.5"], evidence="é\n")
        assert verdict.allowed, verdict
        decision = client.decision(verdict.decision_id)
        assert decision["decision_id"] == verdict.decision_id
        assert [each["decision_id"] for each in client.decisions(1)["decisions"]] == [verdict.decision_id]
        refused = client.propose("agent_signal", "BTC/USD", 500, "long")
        assert (refused.code, refused.status, refused.outcome_unknown) == ("L1_NOTIONAL_TOO_LARGE", 400, False)
        checked = client.check("agent_signal", "BTC/USD", 500, "long")
        assert (checked.allowed, checked.code, checked.reason) == (False, refused.code, refused.reason)
        wrong = client.propose("nobody", "BTC/USD", 25)
        assert (wrong.code, wrong.status) == ("BAD_INPUT", 400)
        assert client.health()["open_trades"] == 1
        assert client.performance()["strategies"]
        assert client.envelope()["rows"]
        assert client.session()["intents"] == 2
        assert client.market("BTC")["asset"] == "BTC"
        assert client.positions()["time"]
        assert client.update_dashboard("note", {"text": "hello"})["success"] is True
        with pytest.raises(GateError, match="NOT_FOUND"):
            client.decision("DP000000000")
        assert client.halt("news at 14:00")["state"] == "HALTED"
        assert client.propose(*ARBITRAGE).code == "L4_HALTED"
        assert client.flatten("enough")["halts"]
        assert TidegateClient(server.url, "tg_p_" + "canary" * 8).propose(*ARBITRAGE).code == "UNAUTHENTICATED"


def test_the_stream_and_the_keys_survive_a_kill_and_a_restart(tmp_path: Path) -> None:
    port = free_port()

    async def story() -> list[StreamEvent]:
        client = AsyncTidegateClient(f"http://127.0.0.1:{port}")
        heard: list[StreamEvent] = []
        async with client.events() as stream, asyncio.timeout(60):
            first = await serve(tmp_path, port)
            try:
                heard.append(await anext(stream))
                before = await client.propose(*ARBITRAGE, client_request_id="before-the-kill")
                await until_decided(stream, heard, before.decision_id)
            finally:
                first.kill()
            gone = await client.propose(*ARBITRAGE, client_request_id="nobody-there")
            assert (gone.code, gone.outcome_unknown) == (GATE_UNREACHABLE, False)
            second = await serve(tmp_path, port)
            try:
                again = await client.propose(*ARBITRAGE, client_request_id="before-the-kill")
                assert (again.allowed, again.decision_id) == (before.allowed, before.decision_id)
                refused = await client.propose("agent_signal", "BTC/USD", 500, "long")
                await until_decided(stream, heard, refused.decision_id)
            finally:
                second.kill()
        return heard

    heard = asyncio.run(story())
    journaled = [(each.seq, each.event) for each in heard if each.seq is not None]
    assert journaled == sorted(set(journaled), key=journaled.index)
    assert [seq for seq, _ in journaled] == sorted(seq for seq, _ in journaled)
    assert len([each for each in heard if each.event == "connected"]) >= 2
    assert len([each for each in heard if each.event == "decision"]) == 2


async def serve(folder: Path, port: int) -> ApiServer:
    """Start a server without holding up the loop."""
    server = ApiServer(folder, "--port", str(port))
    try:
        return await asyncio.to_thread(server.wait_until_ready)
    except BaseException:
        server.kill()
        raise


async def until_decided(stream: EventStream, heard: list[StreamEvent], decision_id: str) -> None:
    """Listen until this decision was heard."""
    async for message in stream:
        heard.append(message)
        if message.event == "decision" and message.data["decision_id"] == decision_id:
            return
