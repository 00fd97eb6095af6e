"""The same key gets the same answer for ever; the same key with another body is a conflict. INVARIANT: S3"""

from __future__ import annotations

import asyncio

from tests.support.api_desk import ApiDesk, Reply, run

KEY = {"idempotency-key": "signal-1"}


def replayed(reply: Reply) -> bool:
    """Say whether an answer is labelled a repeat."""
    return reply.headers.get("idempotent-replayed") == "true"


def test_a_repeat_by_body_key_gets_the_same_bytes_and_says_so() -> None:
    async def story(api: ApiDesk) -> None:
        first = await api.propose(client_request_id="signal-1")
        records = api.journal.last_seq
        again = await api.propose(client_request_id="signal-1")
        assert (first.status, again.status) == (200, 200)
        assert again.raw == first.raw
        assert (replayed(first), replayed(again)) == (False, True)
        assert api.journal.last_seq == records

    run(story)


def test_header_and_body_key_are_the_same_key() -> None:
    async def story(api: ApiDesk) -> None:
        first = await api.propose(client_request_id="signal-1")
        both = await api.propose(KEY, client_request_id="signal-1")
        assert both.raw == first.raw
        header = await api.propose(KEY)
        assert header.raw == first.raw
        assert replayed(header)

    run(story)


def test_a_repeat_much_later_gets_the_first_answer() -> None:
    async def story(api: ApiDesk) -> None:
        first = await api.propose(KEY)
        await api.pass_time(30)
        again = await api.propose(KEY)
        assert (again.raw, replayed(again)) == (first.raw, True)

    run(story)


def test_a_rejection_is_repeated_too_even_when_the_reason_has_passed() -> None:
    async def story(api: ApiDesk) -> None:
        first = await api.propose(KEY, amount=500)
        await api.pass_time(10)
        again = await api.propose(KEY, amount=500)
        assert (first.status, again.status, again.raw) == (400, 400, first.raw)
        assert replayed(again)

    run(story)


def test_the_same_key_with_another_body_is_409_and_has_no_effect() -> None:
    async def story(api: ApiDesk) -> None:
        await api.propose(KEY)
        records = api.journal.last_seq
        for changes in ({"amount": 30}, {"side": "short"}, {"evidence": "another thought"}, {"pair": "ETH/USD"}):
            reply = await api.propose(KEY, **changes)
            assert (reply.status, reply.detail["code"], reply.detail["retryable"]) == (409, "KEY_REUSED", False)
        assert api.journal.last_seq == records

    run(story)


def test_two_different_keys_in_one_request_are_an_error() -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.propose(KEY, client_request_id="signal-2")
        assert reply.status == 422
        assert "client_request_id" in reply.detail["reason"]
        assert api.engine.chronicle.totals.run.intents == 0

    run(story)


def test_bad_input_uses_no_key_up() -> None:
    async def story(api: ApiDesk) -> None:
        assert (await api.propose(KEY, strategy="nobody")).status == 400
        assert (await api.propose(KEY)).status == 200

    run(story)


def test_fifty_racers_with_one_key_get_one_trade() -> None:
    async def story(api: ApiDesk) -> None:
        replies = await asyncio.gather(*(api.propose(KEY) for _ in range(50)))
        assert {reply.status for reply in replies} == {200}
        assert len({reply.raw for reply in replies}) == 1
        assert sum(not replayed(reply) for reply in replies) == 1
        assert api.engine.session.open_count == 1
        assert api.engine.chronicle.totals.run.intents == 1

    run(story)


def test_a_key_belongs_to_its_principal() -> None:
    async def story(api: ApiDesk) -> None:
        first = await api.propose(KEY)
        other = await api.propose({**KEY, **api.operator()}, pair="ETH/USD", amount=30)
        assert (first.status, other.status) == (200, 400)
        assert other.detail["code"] == "L3_DAILY_TRADE_CAP"
        assert other.detail["decision_id"] != first.body["decision_id"]

    run(story)


def test_a_check_uses_no_key_up() -> None:
    async def story(api: ApiDesk) -> None:
        body = {"strategy": "Agent Signal", "pair": "BTC/USD", "amount": 25, "side": "long"}
        assert (await api.post("/api/trade/check", body, KEY)).status == 200
        first = await api.propose(KEY)
        assert (first.status, replayed(first)) == (200, False)

    run(story)
