"""What a newcomer meets in the first minute, and the operator at three: plain words instead of puzzles, and nothing secret in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.api_desk import ApiDesk, run
from tests.support.pair_desk import leg_fill, pair_decided
from tidegate.api.alerts.alerts import Alerts, AlertsStatus
from tidegate.api.alerts.post import CourierStatus
from tidegate.api.app import build_app
from tidegate.api.endpoint import Endpoint, Request
from tidegate.api.errors import ApiError
from tidegate.api.stream.ticks import tick_content
from tidegate.api.table import ENDPOINTS
from tidegate.api.wire.problems import decoded
from tidegate.api.wire.reads import alerts_state
from tidegate.api.wire.values import encode
from tidegate.api.wire.vital_signs import Health, health_of
from tidegate.model.event import HaltLatched
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.order import OrderRole

CANARY = "canary-5f1c"


def test_a_request_that_is_printed_shows_no_token_and_no_body() -> None:
    request = Request(
        "POST", "/api/halt", [(b"authorization", CANARY.encode()), (b"host", b"localhost")], CANARY.encode(), 0.0
    )
    for shown in (repr(request), str(request), f"{request}", f"{[request]}", f"{(request, None)!r}"):
        assert CANARY not in shown
        assert "authorization" in shown
        assert "/api/halt" in shown


def test_health_says_that_nobody_is_told_and_how_to_change_that() -> None:
    async def story(api: ApiDesk) -> None:
        told = (await api.get("/api/health")).body["alerts"]
        assert (told["state"], told["targets"]) == ("off", [])
        assert "tidegate alerts add" in told["reason"]

    run(story)


def test_health_shows_alerts_that_cannot_be_sent_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "alerts.json"
    place.write_text(f'{{"urls": ["json://localhost/{CANARY}"]}}')
    place.chmod(0o644)
    monkeypatch.setenv("TIDEGATE_ALERTS", str(place))

    async def story(api: ApiDesk) -> None:
        alerts = Alerts(api.desk)
        api.app = build_app(api.desk, api.guard, api.hub, alerts)
        assert (await api.get("/api/health")).body["alerts"]["state"] == "off"
        async with alerts:
            reply = await api.get("/api/health")
            assert reply.body["alerts"]["state"] == "unusable"
            assert reply.body["alerts"]["reason"]
            assert CANARY.encode() not in reply.raw

    run(story)


def test_a_failing_target_is_named_by_number_and_kind() -> None:
    shown = alerts_state(
        AlertsStatus("failing", "not taken by target 1 (json)", (CourierStatus("1 (json)", 2, 3, 4, 5),))
    )
    assert (shown.targets[0].target, shown.targets[0].failures, shown.targets[0].dropped) == ("1 (json)", 4, 5)
    assert shown.reason == "not taken by target 1 (json)"


def test_a_tick_shows_the_pairs_that_the_positions_show() -> None:
    async def story(api: ApiDesk) -> None:
        now_ns = api.engine.now_ns
        api.engine.chronicle.record(pair_decided("DP1", now_ns))
        api.engine.chronicle.record(leg_fill(OrderRole.ENTRY, decision_id="DP1", at_ns=now_ns))
        ticked = json.loads(encode(tick_content(api.desk, api.desk.view())))["pairs"]
        assert [each["trade_id"] for each in ticked] == ["DP1"]
        assert (ticked[0]["bought_quantity"], ticked[0]["sold_quantity"]) == (0.001, 0)
        assert ticked == (await api.get("/api/positions")).body["pairs"]

    run(story)


@pytest.mark.parametrize(
    ("query", "words"),
    [("strategy=Martingale", "strategy: .*agent_signal"), ("asset=DOGE", "asset: .*BTC, ETH, SOL, XRP")],
)
def test_an_envelope_of_an_unknown_name_is_an_error_and_not_an_empty_permission(query: str, words: str) -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.get(f"/api/envelope?{query}")
        assert (reply.status, reply.detail["code"]) == (400, "BAD_INPUT")
        assert re.search(words, reply.detail["reason"])
        assert (await api.get("/api/envelope?strategy=AGENT%20signal&asset=btc")).body["rows"]

    run(story)


def test_the_stream_opened_as_a_page_says_that_it_is_a_websocket() -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.get("/ws/dashboard")
        assert (reply.status, reply.detail["code"]) == (404, "UNKNOWN_ROUTE")
        assert "WebSocket" in reply.detail["reason"]

    run(story)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a":', "it ends too early"),
        (b'{"leverage":10,"amount', "it ends too early"),
        (b'{"amount":"25","pair":', "it ends too early"),
    ],
)
def test_a_body_that_is_no_json_is_told_in_words_a_person_understands(raw: bytes, words: str) -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.post("/api/trade/execute", raw)
        assert (reply.status, reply.detail["code"]) == (422, "BAD_INPUT")
        assert words in reply.detail["reason"]

    run(story)


def test_targets_are_shown_as_they_were_written() -> None:
    async def story(api: ApiDesk) -> None:
        assert "targets: got '90, 50'," in (await api.propose(targets=[90, 50])).detail["reason"]

    run(story)


def test_it_is_halted_and_not_merely_degraded_when_every_asset_is_halted() -> None:
    async def story(api: ApiDesk) -> None:
        engine, view = api.engine, api.desk.view()
        assets = tuple(engine.limits.assets)
        one, rest = (Halt(Reason.L4_FEED_OUTAGE, 1, "x", some) for some in (assets[:1], assets[1:]))
        engine.chronicle.record(HaltLatched(engine.now_ns, one))
        assert health_of(engine, replace(view, halts=(one,))) is Health.DEGRADED
        engine.chronicle.record(HaltLatched(engine.now_ns, rest))
        assert health_of(engine, replace(view, halts=(one, rest))) is Health.HALTED

    run(story)


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.body is not None], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "start", ['{"leverage":1,', '{"amount":"x","reason":7,', '{"max_trades":[],"name":"\\q","event":3,', "[1,", "{"]
)
def test_a_body_that_breaks_off_anywhere_behind_anything_wrong_is_422_and_never_a_bug(
    endpoint: Endpoint, start: str
) -> None:
    """A wrong field first and a cut later was a DecodeError inside the refusal: 500."""
    assert endpoint.body is not None
    whole = f'{start}"strategy":"Agent Signal","pair":"BTC/USD","data":{{"a":[1,null]}},"reason":"x\\u00e9"'.encode()
    for length in range(len(whole) + 1):
        with pytest.raises(ApiError) as refused:
            decoded(endpoint.body, whole[:length])
        assert refused.value.status == 422
