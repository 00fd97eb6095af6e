"""Decisions and their outcomes: linked by the id, from the journal, with sequence and paging; and the operator's routes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.api_desk import ApiDesk, run
from tidegate.engine.casebook import Casebook
from tidegate.engine.chronicle import encode
from tidegate.journal.store_sqlite import SqliteJournal


def test_an_open_trade_shows_its_orders_fills_and_is_not_final() -> None:
    async def story(api: ApiDesk) -> None:
        decision_id = (await api.propose(evidence="reclaim of the lower band")).body["decision_id"]
        early = (await api.get(f"/api/decisions/{decision_id}")).body
        assert (early["outcome"]["status"], early["outcome"]["final"], early["outcome"]["fills"]) == ("working", False, [])
        assert early["intent"]["evidence"] == "reclaim of the lower band"
        await api.pass_time(2)
        body = (await api.get(f"/api/decisions/{decision_id}")).body
        assert (body["verdict"], body["code"], len(body["findings"])) == ("APPROVED", None, 43)
        outcome = body["outcome"]
        assert (outcome["status"], outcome["final"]) == ("open", False)
        assert [fill["role"] for fill in outcome["fills"]] == ["ENTRY"]
        assert outcome["profit"] == -outcome["fees_usd"] < 0
        roles = {order["role"]: order["state"] for order in outcome["orders"]}
        assert roles["ENTRY"] == "filled"
        assert roles["STOP"] == "working"

    run(story)


def test_a_flattened_trade_is_closed_with_its_label_and_final_money() -> None:
    async def story(api: ApiDesk) -> None:
        decision_id = (await api.propose()).body["decision_id"]
        await api.pass_time(2)
        assert (await api.post("/api/flatten", {"reason": "test"})).status == 200
        await api.pass_time(5)
        outcome = (await api.get(f"/api/decisions/{decision_id}")).body["outcome"]
        assert (outcome["status"], outcome["final"], outcome["exit_label"]) == ("closed", True, "FLATTEN")
        assert outcome["profit"] < 0
        assert outcome["r_multiple"] < 0
        assert outcome["closed"] > outcome["opened"]
        assert api.engine.session.trades == {}

    run(story)


def test_a_rejected_decision_shows_every_finding_with_numbers_units_sources_and_ages() -> None:
    async def story(api: ApiDesk) -> None:
        decision_id = (await api.propose(side="short")).detail["decision_id"]
        body = (await api.get(f"/api/decisions/{decision_id}")).body
        crowded = next(each for each in body["findings"] if each["code"] == "L2_SHORTS_CROWDED")
        assert (crowded["status"], crowded["observed"], crowded["limit"], crowded["unit"]) == ("failed", 56.2, 54, "%")
        assert crowded["source"] == "scenario"
        assert crowded["arrival_age_s"] >= 0
        assert crowded["fix"]
        assert body["outcome"]["status"] == "rejected"
        assert body["outcome"]["final"] is True

    run(story, scenario="seed-day")


@pytest.mark.parametrize("window", [2, 3, 7, 256])
def test_latest_decisions_come_newest_first_and_page_without_gap_or_repeat(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.engine.casebook._FIRST_WINDOW", window)

    async def story(api: ApiDesk) -> None:
        made = [(await api.propose(amount=500 + number)).detail["decision_id"] for number in range(45)]
        seen: list[str] = []
        path = "/api/decisions?limit=10"
        while True:
            page = (await api.get(path)).body
            seen += [row["decision_id"] for row in page["decisions"]]
            if page["next"] is None:
                break
            path = f"/api/decisions?limit=10&before={page['next']}"
        assert seen == made[::-1]

    run(story)


def test_an_unknown_decision_is_404_whatever_its_form() -> None:
    async def story(api: ApiDesk) -> None:
        await api.propose()
        for wrong in ("nothing", "DP11b308ffff", "DP11b3080000000003", "DT11b308003", "IP11b308003", "DP11b3080033", "%00", "..", "D" * 128):
            for path in (f"/api/decisions/{wrong}", f"/api/decisions/{wrong}/explain"):
                reply = await api.get(path)
                assert (reply.status, reply.detail["code"]) == (404, "NOT_FOUND"), wrong

    run(story)


def test_explain_tells_what_was_asked_known_found_and_what_became_of_it() -> None:
    async def story(api: ApiDesk) -> None:
        decision_id = (await api.propose()).body["decision_id"]
        await api.pass_time(2)
        text = "\n".join((await api.get(f"/api/decisions/{decision_id}/explain")).body["lines"])
        for pattern in (
            f"Decision {decision_id}, record",
            r"asked by agent:local for agent_signal in paper: long BTC 25 USD on okx:BTC-USDT-SWAP, stop 30 bps",
            r"APPROVED: All risk gates passed",
            r"What the gate found",
            r"warned +L3_HEALTH_FACTOR_LOW +Aave HF 2.45 close to minimum",
            r"price +\d+(\.\d+)? USD \(scenario, arrived",
            r"ENTRY bought 0.0002 at",
        ):
            assert re.search(pattern, text), pattern

    run(story)


def test_the_casebook_reads_a_journal_file_as_it_reads_memory(tmp_path: Path) -> None:
    async def story(api: ApiDesk) -> None:
        ids = [(await api.propose(amount=500 + number)).detail["decision_id"] for number in range(3)]
        ids.append((await api.propose(pair="ETH/USD")).body["decision_id"])
        await api.pass_time(2)
        journal = SqliteJournal.open(tmp_path / "copy.db", mode="paper", create=True)
        for record in api.journal.read():
            assert journal.append(record.ts_ns, record.kind, record.payload).hash == record.hash
        journal.close()
        final_seq = api.desk.durable_seq
        books = (Casebook(None, api.desk.records), Casebook(tmp_path / "copy.db", api.desk.records))
        for decision_id in ids:
            memory, file = (book.find(decision_id, final_seq) for book in books)
            assert memory == file
            assert memory is not None
            assert encode(memory.made)
        assert books[0].latest(4, final_seq) == books[1].latest(4, final_seq)

    run(story)


def test_halt_by_anybody_here_lift_only_by_a_named_human() -> None:
    async def story(api: ApiDesk) -> None:
        halted = (await api.post("/api/halt", {"reason": "lunch"})).body
        assert (halted["state"], [halt["cause"] for halt in halted["halts"]]) == ("HALTED", ["L4_OPERATOR"])
        assert "local (no token): lunch" in halted["halts"][0]["detail"]
        refused = await api.propose()
        assert (refused.status, refused.detail["code"]) == (400, "L4_HALTED")
        assert (await api.get("/api/health")).body["status"] == "halted"
        order = {"cause": "L4_OPERATOR", "reason": "back", "by": "Ada"}
        assert (await api.post("/api/lift", order)).status == 401
        lifted = await api.post("/api/lift", order, api.operator())
        assert (lifted.status, lifted.body["state"], lifted.body["halts"]) == (200, "ACTIVE", [])
        assert (await api.propose(amount=30)).status == 200

    run(story)


def test_no_text_makes_an_agent_an_operator(tmp_path: Path) -> None:
    from tests.support.api_desk import propose_tokens

    tokens = tmp_path / "tokens.json"
    agent = propose_tokens(tokens, 1)[0]

    async def story(api: ApiDesk) -> None:
        for path, order in (
            ("lift", {"cause": "L4_OPERATOR", "reason": "the operator says so", "by": "Ada the operator"}),
            ("review", {"reason": "the operator says so", "by": "Ada"}),
            ("strategies/start", {}),
            ("strategies/stop", {}),
        ):
            reply = await api.post(f"/api/{path}", order, agent)
            assert (reply.status, reply.detail["code"]) == (403, "FORBIDDEN"), path

    run(story, tokens=tokens)


def test_strategies_start_and_stop_and_a_cap_can_only_tighten() -> None:
    async def story(api: ApiDesk) -> None:
        operator = api.operator()
        assert (await api.get("/api/health")).body["strategies_enabled"] is False
        started = (await api.post("/api/strategies/start", {"max_trades": 4}, operator)).body
        assert (started["strategies_enabled"], started["entries_per_day_max"]) == (True, 4)
        assert (await api.post("/api/strategies/start", {"max_trades": 10}, operator)).body["entries_per_day_max"] == 4
        assert (await api.post("/api/strategies/start", {"max_trades": 0}, operator)).status == 422
        stopped = (await api.post("/api/strategies/stop", {}, operator)).body
        assert stopped["strategies_enabled"] is False
        for path in ("/api/health", "/api/session"):
            assert (await api.get(path)).body["strategies_enabled"] is False

    run(story)


def test_a_review_is_recorded_under_the_tokens_name() -> None:
    async def story(api: ApiDesk) -> None:
        assert (await api.post("/api/review", {"reason": "stops were right", "by": "Bob"}, api.operator())).status == 200
        last = [record for record in api.journal.read() if record.kind == "ReviewDone"][-1]
        assert b'"by":"Ada, for Bob"' in last.payload

    run(story)


def test_blank_reasons_are_refused() -> None:
    async def story(api: ApiDesk) -> None:
        for reason in ("", "   ", "\u200b"):
            assert (await api.post("/api/halt", {"reason": reason})).status in (400, 422)
        assert (await api.post("/api/halt", {})).status == 422
        assert api.engine.session.halts == {}

    run(story)


def test_metrics_count_what_was_answered_and_decided() -> None:
    async def story(api: ApiDesk) -> None:
        await api.propose()
        await api.propose(amount=500)
        await api.get("/nowhere")
        text = (await api.get("/metrics")).raw.decode()
        for line in (
            'tidegate_decisions_total{reason="",verdict="approved"} 1.0',
            'tidegate_decisions_total{reason="L1_NOTIONAL_TOO_LARGE",verdict="rejected"} 1.0',
            'tidegate_requests_total{route="post_api_trade_execute",status="200"} 1.0',
            'tidegate_requests_total{route="post_api_trade_execute",status="400"} 1.0',
            'tidegate_requests_total{route="none",status="404"} 1.0',
            'tidegate_request_seconds_count{route="post_api_trade_execute"} 2.0',
            "tidegate_open_trades 1.0",
            'tidegate_feed_fresh{asset="BTC",feed="price"} 1.0',
            'tidegate_health{state="healthy"} 1.0',
            "tidegate_stream_clients 0.0",
        ):
            assert line in text, line

    run(story)
