"""A journal that has failed: every later proposal is 503, nothing is loosened, the market goes on, halt and flatten act. INVARIANT: J2 J4 K4"""

from __future__ import annotations

import asyncio

from tests.support.api_desk import ApiDesk, run
from tidegate.model.event import DecisionMade, IntentReceived

FAULT = "no space left on device"


async def fail(api: ApiDesk) -> None:
    """Let the journal fail while something is asked."""
    api.journal.fail_next_commit(FAULT)
    assert (await api.propose()).status == 503


def test_every_proposal_after_the_failure_is_503_too_and_none_takes_the_side_files_room() -> None:
    """The second one was answered like any other although nothing had made it durable, and filled the room kept for exits."""

    async def story(api: ApiDesk) -> None:
        await fail(api)
        told: list[object] = []
        api.engine.chronicle.listen(lambda _, event: told.append(event))
        for amount in (25, 500):
            reply = await api.propose(amount=amount, client_request_id=f"again-{amount}")
            assert (reply.status, reply.detail["code"], reply.detail["retryable"]) == (503, "JOURNAL_FAULT", True)
        assert not [event for event in told if isinstance(event, (IntentReceived, DecisionMade))]
        assert (await api.post("/api/trade/check", {"strategy": "Agent Signal", "pair": "BTC/USD", "amount": 25, "side": "long"})).status == 200

    run(story)


def test_a_key_that_was_answered_before_the_failure_keeps_its_answer() -> None:
    async def story(api: ApiDesk) -> None:
        first = await api.propose(client_request_id="signal-1", amount=500)
        await fail(api)
        again = await api.propose(client_request_id="signal-1", amount=500)
        assert (again.status, again.body) == (first.status, first.body)
        assert (await api.propose(client_request_id="signal-1", amount=400)).status == 409

    run(story)


def test_nothing_is_loosened_while_it_cannot_be_journaled() -> None:
    async def story(api: ApiDesk) -> None:
        assert (await api.post("/api/halt", {"reason": "news"})).status == 200
        await fail(api)
        for path, body in (
            ("/api/lift", {"cause": "L4_OPERATOR", "reason": "news is out"}),
            ("/api/review", {"reason": "looked at both"}),
            ("/api/strategies/start", {}),
        ):
            assert (await api.post(path, body, api.operator())).status == 503, path
        assert {"L4_OPERATOR", "L4_JOURNAL"} == set(api.engine.session.halts)
        assert not api.engine.strategies_enabled

    run(story)


def test_the_market_goes_on_in_the_turn_in_which_the_journal_fails() -> None:
    """The batch of that turn was answered with the fault, and the feed stopped for good: exits were blind."""

    async def story(api: ApiDesk) -> None:
        before_ns = api.engine.now_ns
        api.journal.fail_next_commit(FAULT)
        await asyncio.gather(api.desk.halt("ada", "news"), api.pass_time(3))
        assert api.engine.chronicle.fault
        assert api.engine.now_ns > before_ns
        await api.pass_time(3)
        assert (await api.get("/api/market/BTC")).body["facts"][0]["arrival_age_s"] == 0

    run(story)


def test_halt_and_flatten_still_act() -> None:
    async def story(api: ApiDesk) -> None:
        await fail(api)
        assert (await api.post("/api/halt", {"reason": "disk"})).status == 200
        assert (await api.post("/api/flatten", {"reason": "disk"})).status == 200
        await api.pass_time(5)
        assert not api.engine.session.flattening

    run(story)
