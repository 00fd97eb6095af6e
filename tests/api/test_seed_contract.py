"""The seed's contract: the fields of the original guide, by name, type and unit."""

from __future__ import annotations

import pytest

from tests.support.api_desk import ApiDesk, run

ARBITRAGE = {
    "strategy": "Cross-Exchange Arbitrage", "pair": "BTC/USD", "amount": 25.0, "exchanges": ["coinbase", "okx"], "side": "auto", "mode": "paper",
}  # fmt: skip


def test_health_has_the_fields_of_the_guide_and_formats_as_it_does() -> None:
    async def story(api: ApiDesk) -> None:
        body = (await api.get("/api/health")).body
        assert body["status"] == "healthy"
        assert f"{body['uptime_seconds']:.1f}"
        assert f"{body['session_pnl']:.2f}" == "0.00"
        assert f"{body['aave_health_factor']:.2f}" == "2.45"
        assert body["risk_gate_status"] == "active"
        assert isinstance(body["active_strategies"], int)
        assert body["mode"] == "paper"
        assert body["halts"] == []
        assert {feed["name"] for feed in body["feeds"]} >= {"price", "book", "crowd", "open interest", "health factor"}
        assert all(feed["fresh"] for feed in body["feeds"])

    run(story)


def test_performance_lists_every_strategy_of_the_config_with_the_fields_of_the_guide() -> None:
    async def story(api: ApiDesk) -> None:
        body = (await api.get("/api/strategy/performance")).body
        assert [each["key"] for each in body["strategies"]] == list(api.engine.limits.strategies)
        for each in body["strategies"]:
            assert each.keys() >= {"name", "type", "total_trades", "total_profit", "success_rate", "avg_execution_time", "last_trade", "status"}
            assert f"{each['success_rate'] * 100:.1f} {each['avg_execution_time']:.1f} {each['total_profit']:.2f}"
        assert (body["total_profit"], body["total_trades"]) == (0, 0)
        assert body["session_start"].endswith("Z")

    run(story)


def test_the_arbitrage_of_the_guide_is_approved_and_its_answer_formats_as_the_guide_does() -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.post("/api/trade/execute", ARBITRAGE)
        assert reply.status == 200
        body = reply.body
        assert f"{body.get('profit', 0):.2f} {body.get('execution_time', 0):.3f}"
        assert body["profit_final"] is False
        adjusted = body["risk_adjustments"]
        assert adjusted["original_amount"] == adjusted["adjusted_amount"] == 25
        assert 0 < adjusted["order_amount"] <= 25
        assert (adjusted["size_multiplier"], adjusted["stop_loss_bps"]) == (1, 28)
        assert body["trade_id"] == body["decision_id"]
        assert body["timestamp"].endswith("Z")
        assert body["validation_warnings"] == ["Aave HF 2.45 close to minimum - proceed carefully"]

    run(story)


def test_profit_of_a_finished_arbitrage_comes_from_its_fills_and_shows_in_performance() -> None:
    async def story(api: ApiDesk) -> None:
        decision_id = (await api.post("/api/trade/execute", ARBITRAGE)).body["decision_id"]
        await api.pass_time(3)
        outcome = (await api.get(f"/api/decisions/{decision_id}")).body["outcome"]
        sold = sum(fill["notional_usd"] for fill in outcome["fills"] if not fill["buys"])
        bought = sum(fill["notional_usd"] for fill in outcome["fills"] if fill["buys"])
        assert (outcome["status"], outcome["final"], len(outcome["fills"])) == ("closed", True, 2)
        assert outcome["profit"] == pytest.approx(sold - bought - outcome["fees_usd"], abs=1e-7)
        body = (await api.get("/api/strategy/performance")).body
        line = next(each for each in body["strategies"] if each["key"] == "cross_exchange_arbitrage")
        assert (line["total_trades"], line["success_rate"]) == (1, 1)
        assert line["total_profit"] == body["total_profit"] == outcome["profit"]
        assert line["avg_execution_time"] == 150
        assert line["last_trade"] == outcome["closed"]

    run(story)


def test_a_rejection_is_400_with_the_seeds_body() -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.propose(amount=500)
        assert reply.status == 400
        detail = reply.detail
        assert detail["error"] == "Trade rejected by risk gate"
        assert detail["reason"] == "Notional 500.00 USD is more than 415.00 USD"
        assert detail["code"] == "L1_NOTIONAL_TOO_LARGE"
        assert detail["retryable"] is False
        assert isinstance(detail["warnings"], list)
        failed = next(each for each in detail["findings"] if each["code"] == "L1_NOTIONAL_TOO_LARGE")
        assert (failed["observed"], failed["limit"], failed["unit"], failed["status"]) == (500, 415, "USD", "failed")
        assert failed["fix"]

    run(story)


def test_a_rejection_by_the_market_may_be_retried_and_one_by_a_limit_may_not() -> None:
    async def story(api: ApiDesk) -> None:
        crowded = await api.propose(side="short")
        assert crowded.detail["code"] == "L2_SHORTS_CROWDED"
        assert crowded.detail["retryable"] is True
        halted = await api.post("/api/halt", {"reason": "test"})
        assert halted.status == 200
        assert (await api.propose(amount=30)).detail["retryable"] is False

    run(story, scenario="seed-day")


def test_warnings_read_as_the_guide_prints_them() -> None:
    async def story(api: ApiDesk) -> None:
        told = (await api.propose()).body["validation_warnings"]
        assert told[0].startswith("funding divergence detected: +")
        assert told[0].endswith(" bps")

    run(story, scenario="seed-day")


def test_a_dashboard_update_is_passed_on_as_untrusted_and_changes_nothing() -> None:
    async def story(api: ApiDesk) -> None:
        heard: list[tuple[str, object, bool]] = []
        api.hub.broadcast = lambda event, data, trusted=False: heard.append((event, data, trusted))  # type: ignore[method-assign]
        before, records = (await api.get("/api/session")).body, api.journal.last_seq
        update = {"event": "trade_completed", "data": {"trade_id": "made-up", "profit": 1e6, "note": "a\u202eb\x00c"}}
        reply = await api.post("/api/dashboard/update", update)
        assert (reply.status, reply.body["success"], reply.body["dashboard_updated"]) == (200, True, True)
        passed_on = {"event": "trade_completed", "data": {"trade_id": "made-up", "profit": 1e6, "note": "abc"}}
        assert heard == [("dashboard_update", passed_on, False)]
        assert (await api.get("/api/session")).body == before
        assert api.journal.last_seq == records

    run(story)


@pytest.mark.parametrize("pair", ["BTC/USD", "BTC/USDT", "BTC/USDT:USDT", "BTC", "btc/usd"])
def test_a_pair_may_be_written_in_every_form_of_the_guide(pair: str) -> None:
    async def story(api: ApiDesk) -> None:
        assert (await api.propose(pair=pair)).status == 200

    run(story)


def test_a_check_says_what_execute_would_and_leaves_no_trace() -> None:
    async def story(api: ApiDesk) -> None:
        records = api.journal.last_seq
        asked = await api.post("/api/trade/check", {"strategy": "Agent Signal", "pair": "BTC", "amount": 500, "side": "long"})
        assert (asked.status, asked.body["approved"], asked.body["code"]) == (200, False, "L1_NOTIONAL_TOO_LARGE")
        assert len(asked.body["findings"]) == 43
        assert api.journal.last_seq == records
        allowed = (await api.post("/api/trade/check", {"strategy": "Agent Signal", "pair": "BTC", "amount": 25, "side": "long"})).body
        assert (allowed["approved"], allowed["reason"], allowed["code"]) == (True, "All risk gates passed", None)
        executed = (await api.propose()).body
        assert executed["risk_adjustments"] == allowed["risk_adjustments"]

    run(story)
