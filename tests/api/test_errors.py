"""Every error of every kind has `detail.error`, `detail.reason`, `detail.code`, `detail.retryable`, and changes nothing."""

from __future__ import annotations

import json

import pytest

from tests.support.api_desk import JSON_TYPE, SIGNAL, ApiDesk, Reply, run
from tidegate.api.app import App
from tidegate.api.endpoint import Answer, Call
from tidegate.api.table import ENDPOINTS


def require_error(reply: Reply, status: int, code: str) -> str:
    """Check the shape of an error and return its reason."""
    assert reply.status == status, reply
    assert reply.detail.keys() >= {"error", "reason", "code", "retryable"}
    assert reply.detail["code"] == code
    assert isinstance(reply.detail["retryable"], bool)
    assert reply.detail["reason"]
    assert reply.headers["content-type"] == "application/json"
    return str(reply.detail["reason"])


def test_an_unknown_route_a_wrong_method_and_options_are_answered_in_kind() -> None:
    async def story(api: ApiDesk) -> None:
        require_error(await api.get("/api/nothing"), 404, "UNKNOWN_ROUTE")
        wrong = await api.get("/api/trade/execute")
        require_error(wrong, 405, "METHOD_NOT_ALLOWED")
        assert wrong.headers["allow"] == "OPTIONS, POST"
        require_error(await api.ask("DELETE", "/api/decisions/DP11b308003"), 405, "METHOD_NOT_ALLOWED")
        options = await api.ask("OPTIONS", "/api/health")
        assert (options.status, options.headers["allow"], options.raw) == (204, "GET, HEAD, OPTIONS", b"")
        assert "access-control-allow-origin" not in options.headers

    run(story)


def test_head_answers_like_get_without_the_body() -> None:
    async def story(api: ApiDesk) -> None:
        got, headed = await api.get("/api/config"), await api.ask("HEAD", "/api/config")
        assert headed.raw == b""
        assert headed.headers == got.headers

    run(story)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "it is empty; send a JSON object"),
        (b"{", "it ends too early"),
        (b"nonsense", "malformed|invalid"),
        (b'{"amount": NaN}', "NaN and Infinity are not JSON numbers"),
        (b'{"amount": Infinity}', "NaN and Infinity"),
        (b'{"amount": 01}', "invalid number"),
        (b"[]", "allowed: a JSON object with the fields strategy, pair, amount"),
        (b"null", "a JSON object"),
        (b"{}", "strategy: missing.*pair: missing.*amount: missing, allowed: a JSON number above 0"),
        (b'{"strategy":"Agent Signal","pair":"BTC","ammount":25}', "ammount: unknown field, allowed: strategy, pair, amount, side"),
        (b'{"strategy":"Agent Signal","pair":"BTC","amount":25,"side":"up"}', r'side: got "up", allowed: auto, long, short'),
        (b'{"strategy":"Agent Signal","pair":"BTC","amount":25,"mode":"demo"}', r'mode: got "demo", allowed: paper, test, live'),
        (b'{"strategy":"Agent Signal","pair":7,"amount":25}', "pair: got 7, allowed: text of 1 to 32 characters"),
        (b'{"strategy":"Agent Signal","pair":"BTC","amount":25,"amount":500}', "twice"),
        (b'{"strategy":"\xff","pair":"BTC","amount":25}', "UTF-8"),
    ],
)
def test_bad_bodies_name_the_place_what_was_given_and_what_is_allowed(raw: bytes, words: str) -> None:
    async def story(api: ApiDesk) -> None:
        before = api.journal.last_seq
        with_words = require_error(await api.post("/api/trade/execute", raw), 422, "BAD_INPUT")
        assert api.journal.last_seq == before
        _search(words, with_words)

    run(story)


def _search(pattern: str, text: str) -> None:
    import re

    assert re.search(pattern, text, re.DOTALL), text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategy": "nobody"}, "BTC Range Scalp (BTC_range_scalp)"),
        ({"pair": "DOGE/USD"}, "BTC/USD"),
        ({"pair": "BTC/EUR"}, "BTC/USD"),
        ({"side": "auto"}, "long, short"),
        ({"exchanges": ["coinbase"]}, "okx"),
    ],
)
def test_names_the_engine_does_not_know_are_400_and_list_the_known_ones(changes: dict[str, object], words: str) -> None:
    async def story(api: ApiDesk) -> None:
        before = api.journal.last_seq
        assert words in require_error(await api.propose(**changes), 400, "BAD_INPUT")
        assert api.journal.last_seq == before

    run(story)


def test_the_process_mode_is_not_the_requests_to_choose() -> None:
    async def story(api: ApiDesk) -> None:
        for mode in ("test", "live"):
            reply = await api.propose(mode=mode)
            assert (reply.status, reply.detail["code"]) == (400, "L1_DISABLED")

    run(story)


def test_bodies_that_are_too_large_or_of_another_type_are_refused() -> None:
    async def story(api: ApiDesk) -> None:
        large = json.dumps({**SIGNAL, "evidence": "x" * 17_000}).encode()
        require_error(await api.post("/api/trade/execute", large), 413, "TOO_LARGE")
        raw = json.dumps(SIGNAL).encode()
        require_error(await api.ask("POST", "/api/trade/execute", raw, {"content-type": "text/plain"}), 415, "WRONG_CONTENT_TYPE")

    run(story)


def test_wrong_host_origin_token_and_level_are_refused_in_kind() -> None:
    async def story(api: ApiDesk) -> None:
        require_error(await api.get("/api/health", {"host": "evil.example"}), 421, "WRONG_HOST")
        require_error(await api.get("/api/health", {"origin": "http://evil.example"}), 403, "WRONG_ORIGIN")
        require_error(await api.get("/api/health", {"authorization": "Bearer nonsense"}), 401, "UNAUTHENTICATED")
        require_error(await api.post("/api/review", {"reason": "x"}), 401, "UNAUTHENTICATED")

    run(story)


def test_a_query_that_the_route_does_not_take_is_422() -> None:
    async def story(api: ApiDesk) -> None:
        for path in ("/api/health?x=1", "/api/decisions?limit=101", "/api/decisions?limit=ten", "/api/decisions?limit=1&limit=2"):
            require_error(await api.get(path), 422, "BAD_INPUT")

    run(story)


def test_a_journal_that_cannot_be_written_is_503_and_nothing_was_accepted() -> None:
    async def story(api: ApiDesk) -> None:
        api.journal.fail_next_commit("disk full")
        reply = await api.propose()
        require_error(reply, 503, "JOURNAL_FAULT")
        assert api.engine.session.trades == {}
        health = (await api.get("/api/health")).body
        assert health["status"] == "halted"
        assert [halt["cause"] for halt in health["halts"]] == ["L4_JOURNAL"]
        halted = await api.post("/api/halt", {"reason": "the disk is full"})
        assert halted.status == 200

    run(story)


def test_a_bug_is_500_with_an_incident_id_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(call: Call) -> Answer:
        raise RuntimeError("canary-secret in a traceback")

    async def story(api: ApiDesk) -> None:
        from msgspec.structs import replace

        endpoints = tuple(replace(each, handler=broken) if each.path == "/api/health" else each for each in ENDPOINTS)
        api.app = App(api.desk, api.guard, api.hub, endpoints)
        sent: list[Reply] = []
        with pytest.raises(RuntimeError):
            sent.append(await api.get("/api/health"))
        reply = api.last
        assert reply is not None
        reason = require_error(reply, 500, "BUG")
        incident = reply.detail["incident"]
        assert incident in reason
        assert b"canary" not in reply.raw
        assert any(incident in record.getMessage() for record in caplog.records)

    run(story)


def test_every_answer_carries_the_security_headers_and_none_opens_cors() -> None:
    async def story(api: ApiDesk) -> None:
        for reply in (
            await api.get("/api/health"),
            await api.get("/docs"),
            await api.get("/nowhere"),
            await api.propose(amount=500),
            await api.get("/api/health", {"host": "evil.example"}),
        ):
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
            assert reply.headers["cache-control"] == "no-store"
            assert not any(name.startswith("access-control-") for name in reply.headers)

    run(story)


def test_the_documentation_page_may_run_only_its_own_script() -> None:
    async def story(api: ApiDesk) -> None:
        page = await api.get("/docs")
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.headers["content-type"].startswith("text/html")
        for path, kind in (("/docs/docs.js", "text/javascript"), ("/docs/docs.css", "text/css")):
            assert (await api.get(path)).headers["content-type"].startswith(kind)
        assert b"<script>" not in page.raw
        assert b"style=" not in page.raw
        assert b"http" not in page.raw.replace(b'http-equiv', b"")
        script = (await api.get("/docs/docs.js")).raw
        assert b"innerHTML" not in script
        assert b"localStorage" not in script
        assert b"http:" not in script.replace(b"http://www.w3.org", b"")

    run(story)


def test_a_header_given_with_odd_bytes_is_never_a_500() -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.ask("POST", "/api/trade/execute", json.dumps(SIGNAL).encode(), {**JSON_TYPE, "idempotency-key": "\xff\x00"})
        assert 400 <= reply.status < 500

    run(story)
