"""No bytes whatsoever make the client raise, hang or allow what was not allowed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.test_client import APPROVAL, REJECTION
from tests.support.raw_server import http
from tidegate.client import GateError, Verdict
from tidegate.client.calls import CHECK, EXECUTE, Ask, ask, unobtained, verdict_of
from tidegate.client.http_text import Answer, AnswerReader, server_of
from tidegate.client.listening import Ear

ASKED = Ask(EXECUTE, "{}", "key")
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
VALID = (http(200, json.dumps(APPROVAL).encode()), http(400, json.dumps(REJECTION).encode()), CHUNKED, b"HTTP/1.1 100 Go\r\n\r\n" + CHUNKED)
NAMES = st.sampled_from([*APPROVAL, *REJECTION["detail"], "detail", "approved", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=12,
)
FIELDS = st.sampled_from(["strategy", "pair", "amount", "side", "targets", "mode", "client_request_id", "unknown"])


def read(received: bytes, cuts: list[int]) -> Answer | str:
    """Feed bytes in pieces, then the end; return the answer or the code of the refusal."""
    reader, places = AnswerReader(500), sorted({0, len(received), *(cut for cut in cuts if cut < len(received))})
    try:
        for start, end in pairwise(places):
            answer = reader.feed(received[start:end])
            if answer is not None:
                return answer
        return reader.feed(b"") or "nothing"
    except GateError as error:
        return error.code


def verdict(received: bytes, cuts: list[int]) -> Verdict:
    answer = read(received, cuts)
    return verdict_of(answer, ASKED) if isinstance(answer, Answer) else unobtained(GateError(answer, "x"), ASKED)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a valid answer with a few bytes changed, taken out or put in."""
    received = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(0, len(received) - 1)))
        match draw(st.sampled_from(("change", "cut", "insert"))):
            case "change":
                received[place : place + 1] = bytes([draw(st.integers(0, 255))])
            case "cut":
                del received[place : place + draw(st.integers(1, 20))]
            case _:
                received[place:place] = draw(st.binary(max_size=6))
    return bytes(received)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | damaged(), st.lists(st.integers(0, 800), max_size=6))
def test_any_bytes_are_an_answer_or_unreadable_however_they_arrive(received: bytes, cuts: list[int]) -> None:
    whole = read(received, [])
    assert read(received, cuts) == whole
    assert whole != "nothing"


@settings(max_examples=150, deadline=None)
@given(damaged(), st.lists(st.integers(0, 800), max_size=3))
def test_a_damaged_answer_is_allowed_only_with_a_decision_and_a_trade(received: bytes, cuts: list[int]) -> None:
    found = verdict(received, cuts)
    assert isinstance(found.reason, str)
    if found:
        content = json.loads(received.partition(b"\r\n\r\n")[2])
        assert found.decision_id == content["decision_id"] != ""
        assert found.trade_id == content["trade_id"] != ""
        assert found.code == ""


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([200, 201, 204, 302, 400, 409, 500, 503]), JSON, st.sampled_from([EXECUTE, CHECK]))
def test_any_json_is_a_verdict_and_only_a_200_can_allow(status: int, content: Any, path: str) -> None:
    body = json.dumps(content).encode()
    found = verdict_of(Answer(status, {}, body), Ask(path, "{}", "key"))
    assert not found or status == 200
    assert found or found.code
    assert not (path == CHECK and found.outcome_unknown)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(FIELDS, JSON | st.decimals()))
def test_any_fields_are_a_request_of_valid_json_or_a_refusal(fields: dict[str, Any]) -> None:
    made = ask(EXECUTE, {"strategy": "s", "pair": "BTC/USD", "amount": 25, **fields})
    if isinstance(made, Verdict):
        assert (made.allowed, made.code) == (False, "BAD_INPUT")
    else:
        assert json.loads(made.body)["client_request_id"] == made.client_request_id != ""


@settings(max_examples=120, deadline=None)
@given(st.lists(st.text(max_size=30) | JSON.map(json.dumps), max_size=8))
def test_any_messages_are_events_in_order_or_an_error(messages: list[str]) -> None:
    ear, last = Ear(server_of("http://localhost", None), None, None), -1
    for text in messages:
        try:
            event = ear.take(text)
        except GateError:
            continue
        if event is not None and event.seq is not None:
            assert event.seq >= last
            last = event.seq
