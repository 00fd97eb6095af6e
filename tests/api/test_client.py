"""The client fails closed: whatever a server does, a proposal is allowed only by a complete answer that says so."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import ssl
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw_server import Turn, drips, free_port, hangs, http, raw_server, resets, says, sends
from tidegate.client import (
    BAD_INPUT,
    GATE_SLOW,
    GATE_UNREACHABLE,
    GATE_UNREADABLE,
    AsyncTidegateClient,
    GateError,
    TidegateClient,
    Verdict,
)

APPROVAL: dict[str, Any] = {
    "trade_id": "DP1",
    "decision_id": "DP1",
    "status": "approved",
    "profit": 0.0,
    "risk_adjustments": {"original_amount": 25},
    "validation_warnings": ["funding divergence detected: +3.60 bps"],
}
REJECTION = {
    "detail": {
        "error": "Trade rejected by risk gate",
        "reason": "Shorts are crowded: 56.20 % short",
        "code": "L2_SHORTS_CROWDED",
        "retryable": True,
        "warnings": ["careful"],
        "decision_id": "DP2",
    }
}
DRY_RUN = {"approved": True, "reason": "All risk gates passed", "code": None, "retryable": False, "risk_adjustments": {}, "validation_warnings": []}
Propose = Callable[..., Verdict]


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def call(kind: str, url: str, verb: str, *arguments: Any, timeout_s: float = 5.0, token: str | None = None, tls: Any = None, **more: Any) -> Any:
    """Call one method of either client."""
    if kind == "sync":
        return getattr(TidegateClient(url, token, timeout_s, tls), verb)(*arguments, **more)

    async def ask() -> Any:
        return await getattr(AsyncTidegateClient(url, token, timeout_s, tls), verb)(*arguments, **more)

    return asyncio.run(ask())


def propose(kind: str, url: str, timeout_s: float = 5.0, **more: Any) -> Verdict:
    return call(kind, url, "propose", "BTC_range_scalp", "BTC/USD", 25, "long", timeout_s=timeout_s, **more)


def test_an_approval_is_allowed_with_its_ids_and_warnings(kind: str) -> None:
    with raw_server(says(200, APPROVAL)) as server:
        verdict = propose(kind, server.url)
    assert verdict
    assert (verdict.allowed, verdict.code, verdict.reason) == (True, "", "All risk gates passed")
    assert (verdict.trade_id, verdict.decision_id, verdict.status) == ("DP1", "DP1", 200)
    assert verdict.warnings == ("funding divergence detected: +3.60 bps",)
    assert verdict.answer == APPROVAL
    assert not verdict.outcome_unknown


def test_a_rejection_carries_the_gates_code_reason_and_decision(kind: str) -> None:
    with raw_server(says(400, REJECTION)) as server:
        verdict = propose(kind, server.url)
    assert not verdict
    assert (verdict.code, verdict.reason, verdict.decision_id) == ("L2_SHORTS_CROWDED", "Shorts are crowded: 56.20 % short", "DP2")
    assert (verdict.warnings, verdict.retryable, verdict.outcome_unknown, verdict.status) == (("careful",), True, False, 400)
    assert verdict.answer == REJECTION


GOOD = json.dumps(APPROVAL).encode()
LIES: dict[str, tuple[Turn, str]] = {
    "not JSON": (sends(http(200, b"<html>approved</html>")), GATE_UNREADABLE),
    "not HTTP": (sends(b"APPROVED\r\n\r\n"), GATE_UNREADABLE),
    "an empty answer": (sends(b""), GATE_UNREADABLE),
    "an empty body": (sends(http(200, b"")), GATE_UNREADABLE),
    "a list": (says(200, [APPROVAL]), GATE_UNREADABLE),
    "true": (says(200, True), GATE_UNREADABLE),
    "an approval without decision": (says(200, {**APPROVAL, "decision_id": ""}), GATE_UNREADABLE),
    "an approval without trade": (says(200, {name: value for name, value in APPROVAL.items() if name != "trade_id"}), GATE_UNREADABLE),
    "a status that is no approval": (says(200, {**APPROVAL, "status": "rejected"}), GATE_UNREADABLE),
    "a number for an id": (says(200, {**APPROVAL, "decision_id": 7}), GATE_UNREADABLE),
    "warnings that are none": (says(200, {**APPROVAL, "validation_warnings": "no"}), GATE_UNREADABLE),
    "NaN": (sends(http(200, GOOD.replace(b"0.0", b"NaN"))), GATE_UNREADABLE),
    "another charset": (sends(http(200, json.dumps(APPROVAL).encode("utf-16"))), GATE_UNREADABLE),
    "nested too deep": (sends(http(200, b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}")), GATE_UNREADABLE),
    "over-long by its header": (sends(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + GOOD), GATE_UNREADABLE),
    "over-long without a header": (sends(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2_000_000 + GOOD), GATE_UNREADABLE),
    "a head without end": (sends(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000), GATE_UNREADABLE),
    "a length that is none": (sends(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n" + GOOD), GATE_UNREADABLE),
    "cut off": (sends(http(200, GOOD)[:-1]), GATE_UNREADABLE),
    "shorter than announced": (sends(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + GOOD), GATE_UNREADABLE),
    "a chunk cut off": (sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n" + GOOD), GATE_UNREADABLE),
    "a chunk without length": (sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n" + GOOD), GATE_UNREADABLE),
    "compressed": (sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n" + GOOD), GATE_UNREADABLE),
    "created": (says(201, APPROVAL), GATE_UNREADABLE),
    "a redirect": (says(302, APPROVAL, "location: http://127.0.0.1:1/\r\n"), GATE_UNREADABLE),
    "a permanent redirect": (says(308, APPROVAL, "location: http://127.0.0.1:1/\r\n"), GATE_UNREADABLE),
    "an error that says approved": (says(400, APPROVAL), GATE_UNREADABLE),
    "an error without code": (says(400, {"detail": {"reason": "no", "code": "", "retryable": False}}), GATE_UNREADABLE),
    "a detail that is text": (says(422, {"detail": "no"}), GATE_UNREADABLE),
    "a number that overflows": (sends(http(200, GOOD.replace(b"0.0", b"1e999"))), GATE_UNREADABLE),
    "a number of ten thousand digits": (sends(http(200, GOOD.replace(b"0.0", b"9" * 10_000))), GATE_UNREADABLE),
    "a bad gateway": (sends(http(502, b"<html>")), GATE_UNREACHABLE),
    "a crash with an approval": (says(500, APPROVAL), GATE_UNREACHABLE),
    "silence": (hangs, GATE_SLOW),
    "a drip": (drips(b""), GATE_SLOW),
    "a dripping body": (drips(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD), GATE_SLOW),
    "a body that never ends": (drips(b"HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n" + GOOD), GATE_SLOW),
}


@pytest.mark.parametrize("lie", LIES)
def test_whatever_a_broken_server_does_nothing_is_allowed_and_the_outcome_is_called_unknown(kind: str, lie: str) -> None:
    turn, code = LIES[lie]
    with raw_server(turn) as server:
        verdict = propose(kind, server.url, timeout_s=0.3 if code == GATE_SLOW else 5.0)
    assert not verdict
    assert (verdict.allowed, verdict.code, verdict.outcome_unknown) == (False, code, True)
    assert verdict.reason
    assert verdict.client_request_id


def test_nobody_there_is_not_allowed_and_surely_nothing_happened(kind: str) -> None:
    verdict = propose(kind, f"http://127.0.0.1:{free_port()}")
    assert (verdict.allowed, verdict.code, verdict.outcome_unknown, verdict.retryable) == (False, GATE_UNREACHABLE, False, True)
    assert "tidegate serve" in verdict.reason


def test_a_break_after_sending_is_asked_once_more_with_the_same_key(kind: str) -> None:
    with raw_server(resets, says(200, APPROVAL)) as server:
        verdict = propose(kind, server.url)
    first, second = (json.loads(server.body(number)) for number in (0, 1))
    assert verdict.allowed
    assert first["client_request_id"] == second["client_request_id"] == verdict.client_request_id


def test_two_breaks_are_an_unknown_outcome(kind: str) -> None:
    with raw_server(resets, resets, says(200, APPROVAL)) as server:
        verdict = propose(kind, server.url)
        assert len(server.requests) == 2
    assert (verdict.code, verdict.outcome_unknown) == (GATE_UNREACHABLE, True)


def test_only_the_decision_settles_an_unknown_outcome(kind: str) -> None:
    busy = {"detail": {"reason": "slow down", "code": "TOO_MANY_REQUESTS", "retryable": True}}
    with raw_server(resets, says(429, busy)) as server:
        verdict = propose(kind, server.url)
    assert (verdict.code, verdict.outcome_unknown) == ("TOO_MANY_REQUESTS", True)
    with raw_server(resets, says(400, REJECTION)) as server:
        settled = propose(kind, server.url)
    assert (settled.code, settled.outcome_unknown) == ("L2_SHORTS_CROWDED", False)


def test_a_slow_server_is_not_asked_again(kind: str) -> None:
    with raw_server(hangs, says(200, APPROVAL)) as server:
        verdict = propose(kind, server.url, timeout_s=0.2)
        assert len(server.requests) == 1
    assert (verdict.code, verdict.outcome_unknown) == (GATE_SLOW, True)


@pytest.mark.parametrize("status, code", [(401, "UNAUTHENTICATED"), (409, "KEY_REUSED"), (422, "BAD_INPUT"), (429, "TOO_MANY_REQUESTS")])
def test_an_error_of_the_api_keeps_its_code_and_its_outcome_is_known(kind: str, status: int, code: str) -> None:
    with raw_server(says(status, {"detail": {"error": "no", "reason": "because", "code": code, "retryable": False}})) as server:
        verdict = propose(kind, server.url)
    assert (verdict.code, verdict.reason, verdict.status, verdict.outcome_unknown) == (code, "because", status, False)


@pytest.mark.parametrize("given, seconds", [("2", 2), ("", 0), ("-1", 0), ("soon", 0), ("9" * 30, 0)])
def test_how_long_to_wait_is_what_the_server_says(kind: str, given: str, seconds: int) -> None:
    busy = {"detail": {"reason": "slow down", "code": "TOO_MANY_REQUESTS", "retryable": True}}
    with raw_server(says(429, busy, f"retry-after: {given}\r\n")) as server:
        assert propose(kind, server.url).retry_after_s == seconds


@pytest.mark.parametrize("warnings", ["no", [1], {"a": 1}, None, True])
def test_a_rejection_with_garbled_extras_is_still_a_rejection(kind: str, warnings: Any) -> None:
    detail = {**REJECTION["detail"], "warnings": warnings, "decision_id": warnings}
    with raw_server(says(400, {"detail": detail})) as server:
        verdict = propose(kind, server.url)
    assert (verdict.allowed, verdict.code, verdict.warnings) == (False, "L2_SHORTS_CROWDED", ())


@pytest.mark.parametrize("code", ["JOURNAL_FAULT", "SHUTTING_DOWN", "BUG"])
def test_a_failing_server_keeps_its_code_and_its_outcome_is_unknown(kind: str, code: str) -> None:
    with raw_server(says(503, {"detail": {"error": "no", "reason": "because", "code": code, "retryable": True}})) as server:
        verdict = propose(kind, server.url)
    assert (verdict.allowed, verdict.code, verdict.retryable, verdict.outcome_unknown) == (False, code, True, True)


NUMBERS = [
    (25, "25"),
    (25.1, "25.1"),
    (0.1 + 0.2, "0.30000000000000004"),
    ("25.10", "25.10"),
    (Decimal("25.10000001"), "25.10000001"),
    (Decimal("1E+2"), "1E+2"),
    (1e22, "1e+22"),
    (0, "0"),
    (-3, "-3"),
]


@pytest.mark.parametrize("given, text", NUMBERS)
def test_numbers_cross_as_their_own_text(kind: str, given: Any, text: str) -> None:
    with raw_server(says(200, APPROVAL)) as server:
        call(kind, server.url, "propose", "s", "BTC/USD", given, stop_bps=given, targets=[given], confidence=given)
    body = json.loads(server.body(), parse_float=str, parse_int=str)
    assert (body["amount"], body["stop_bps"], body["targets"], body["confidence"]) == (text, text, [text], text)


@pytest.mark.parametrize("given", [math.nan, math.inf, "", "25 ", "٢٥", "0x10", "1,5", "+1", ".5", "01", True, None, [25], "9" * 65, Decimal("NaN")])
def test_what_is_no_number_is_refused_without_asking(kind: str, given: Any) -> None:
    verdict = call(kind, f"http://127.0.0.1:{free_port()}", "propose", "s", "BTC/USD", given)
    assert (verdict.allowed, verdict.code, verdict.outcome_unknown) == (False, BAD_INPUT, False)


def test_fields_of_the_wrong_kind_or_name_are_refused_without_asking(kind: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    wrong: list[dict[str, Any]] = [{"stop_bp": 28}, {"targets": 25}, {"targets": "25"}, {"mode": 1}, {"exchanges": "okx"}, {"side": 7}]
    for terms in wrong:
        verdict = call(kind, url, "propose", "s", "BTC/USD", 25, **terms)
        assert (verdict.allowed, verdict.code) == (False, BAD_INPUT), terms
        assert verdict.reason.startswith(next(iter(terms)))


def test_everything_a_proposal_may_say_is_sent_and_nothing_else(kind: str) -> None:
    terms: dict[str, Any] = {
        "mode": "paper", "exchanges": ["okx"], "stop_bps": 28, "targets": [25, "50.5"], "confidence": 0.9, "limit_price": 108_500,
        "evidence": "a \"quoted\" reason\n", "addresses": ["bc1q"],
    }  # fmt: skip
    with raw_server(says(200, APPROVAL)) as server:
        call(kind, server.url, "propose", "agent_signal", "BTC/USD", 25, "long", "mine-1", **terms)
    sent = json.loads(server.body())
    named = {"strategy": "agent_signal", "pair": "BTC/USD", "amount": 25, "side": "long", "client_request_id": "mine-1"}
    assert sent == {**named, **terms, "targets": [25, 50.5]}
    assert server.requests[0].startswith(b"POST /api/trade/execute HTTP/1.1\r\nHost: 127.0.0.1:")


def test_each_proposal_gets_a_key_of_its_own(kind: str) -> None:
    with raw_server(says(200, APPROVAL), says(200, APPROVAL)) as server:
        keys = {propose(kind, server.url).client_request_id for _ in range(2)}
    assert len(keys) == 2


def test_a_dry_run_is_read_both_ways_and_leaves_no_key(kind: str) -> None:
    refused = {**DRY_RUN, "approved": False, "reason": "too large", "code": "L1_NOTIONAL_TOO_LARGE", "validation_warnings": ["near"]}
    with raw_server(says(200, DRY_RUN), says(200, refused), says(200, {**refused, "code": None})) as server:
        allowed, not_allowed, garbled = (call(kind, server.url, "check", "s", "BTC/USD", 500, "long") for _ in range(3))
    assert (allowed.allowed, allowed.code, allowed.trade_id) == (True, "", "")
    assert (not_allowed.allowed, not_allowed.code, not_allowed.reason) == (False, "L1_NOTIONAL_TOO_LARGE", "too large")
    assert not_allowed.warnings == ("near",)
    assert (garbled.allowed, garbled.code, garbled.outcome_unknown) == (False, GATE_UNREADABLE, False)
    assert "client_request_id" not in json.loads(server.body())


READS = {
    "health": ("GET", "/api/health", ()),
    "performance": ("GET", "/api/strategy/performance", ()),
    "envelope": ("GET", "/api/envelope", ()),
    "decision": ("GET", "/api/decisions/DP1", ("DP1",)),
    "decisions": ("GET", "/api/decisions?limit=5", (5,)),
    "market": ("GET", "/api/market/BTC", ("BTC",)),
    "positions": ("GET", "/api/positions", ()),
    "session": ("GET", "/api/session", ()),
    "update_dashboard": ("POST", "/api/dashboard/update", ("note", {"reason": "news"})),
    "halt": ("POST", "/api/halt", ("news",)),
    "flatten": ("POST", "/api/flatten", ("news",)),
}


@pytest.mark.parametrize("verb", READS)
def test_reads_and_stops_return_the_answer_or_raise(kind: str, verb: str) -> None:
    method, path, arguments = READS[verb]
    refusal = {"detail": {"error": "no", "reason": "operate needed", "code": "FORBIDDEN", "retryable": False}}
    with raw_server(says(200, {"a": 1}), says(403, refusal), resets) as server:
        assert call(kind, server.url, verb, *arguments) == {"a": 1}
        with pytest.raises(GateError, match="FORBIDDEN: operate needed"):
            call(kind, server.url, verb, *arguments)
        with pytest.raises(GateError, match=GATE_UNREACHABLE):
            call(kind, server.url, verb, *arguments)
    assert server.requests[0].startswith(f"{method} {path} HTTP/1.1".encode())
    assert ('{"reason": "news"}' in server.body()) == (method == "POST")


def test_an_answer_in_chunks_and_after_an_interim_answer_is_read(kind: str) -> None:
    chunks = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\n" + GOOD[:3] + b"\r\n"
    chunks += f"{len(GOOD) - 3:x}\r\n".encode() + GOOD[3:] + b"\r\n0\r\n\r\n"
    with raw_server(sends(chunks)) as server:
        assert propose(kind, server.url).allowed


def test_an_answer_until_the_end_is_read(kind: str) -> None:
    with raw_server(sends(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD)) as server:
        assert propose(kind, server.url).allowed


def test_https_is_checked_against_the_certificate(kind: str, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificate to test with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *subject]
    subprocess.run([*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusted = ssl.create_default_context(cafile=certificate)
    with raw_server(says(200, APPROVAL), says(200, APPROVAL), tls=context) as server:
        known = call(kind, server.url, "propose", "s", "BTC/USD", 25, token="canary-token", tls=trusted)
        unknown = call(kind, server.url, "propose", "s", "BTC/USD", 25, token="canary-token")
        assert len(server.requests) == 1
    assert known.allowed
    assert (unknown.allowed, unknown.code, unknown.outcome_unknown) == (False, GATE_UNREACHABLE, False)


def test_the_token_is_sent_and_never_shown(kind: str) -> None:
    token = "canary-0123456789abcdef0123456789"
    with raw_server(hangs) as server:
        verdict = propose(kind, server.url, timeout_s=0.2, token=token)
    assert b"\r\nAuthorization: Bearer " + token.encode() + b"\r\n" in server.requests[0]
    assert token not in f"{verdict!r} {TidegateClient(server.url, token)!r} {AsyncTidegateClient(server.url, token)!r}"


@pytest.mark.parametrize("decision_id", ["", "..", "../health", "a b", "a?b", "é"])
def test_a_decision_id_cannot_lead_elsewhere(kind: str, decision_id: str) -> None:
    with pytest.raises(ValueError, match="decision_id"):
        call(kind, f"http://127.0.0.1:{free_port()}", "decision", decision_id)
