"""The envelope says what `decide` would: the largest amount it names is approved, the next cent is not, and it holds until it says."""

from __future__ import annotations

from msgspec.structs import replace

from tests.support.api_desk import ApiDesk, run
from tidegate.engine.envelope import EnvelopeRow, envelope
from tidegate.model.decision import Decision
from tidegate.model.intent import Principal, PrincipalKind, Proposal
from tidegate.model.limits import StrategyKind
from tidegate.units import ONE, fixed, render

LOCAL = Principal(PrincipalKind.AGENT, "local")
CENT = ONE // 100


def ask(api: ApiDesk, row: EnvelopeRow, notional_usd: int) -> Decision:
    """Ask the gate for one amount of a row's strategy, instrument and side."""
    arbitrage = api.engine.limits.strategies[row.strategy].kind is StrategyKind.ARBITRAGE
    side = None if arbitrage else row.side
    return api.engine.check(Proposal(LOCAL, row.strategy, row.asset, notional_usd, side=side, idempotency_key="k"))


def require_true(api: ApiDesk) -> tuple[EnvelopeRow, ...]:
    """Check every row against the gate and return them."""
    rows = envelope(api.engine, LOCAL)
    for row in rows:
        if row.notional_usd_max:
            best, above = ask(api, row, row.notional_usd_max), ask(api, row, row.notional_usd_max + CENT)
            assert best.approved
            assert best.approved_notional_usd == row.granted_usd
            assert not above.approved
            assert above.primary is row.binding
        else:
            for amount in (11, 25, 100, 415):
                assert not ask(api, row, fixed(amount)).approved, row
    return rows


def test_every_row_is_what_the_gate_would_say() -> None:
    async def story(api: ApiDesk) -> None:
        rows = require_true(api)
        assert {row.strategy for row in rows} == set(api.engine.limits.strategies)
        assert any(row.notional_usd_max == fixed(415) for row in rows)

    run(story)


def test_rows_follow_the_crowd_open_trades_and_halts() -> None:
    async def story(api: ApiDesk) -> None:
        short = next(row for row in require_true(api) if (row.strategy, row.asset, row.side) == ("agent_signal", "BTC", "short"))
        assert (short.notional_usd_max, short.binding) == (0, "L2_SHORTS_CROWDED")
        assert (await api.propose(amount=400)).status == 200
        await api.pass_time(65)
        require_true(api)
        await api.post("/api/halt", {"reason": "test"})
        assert {row.binding for row in require_true(api)} >= {"L4_HALTED"}
        assert all(row.notional_usd_max == 0 for row in envelope(api.engine, LOCAL))

    run(story, scenario="seed-day")


def test_little_room_binds_at_an_amount_in_between() -> None:
    async def story(api: ApiDesk) -> None:
        api.engine.limits = replace(api.engine.limits, daily_loss_usd_max=fixed("0.6"))
        rows = require_true(api)
        row = next(each for each in rows if (each.strategy, each.asset, each.side) == ("agent_signal", "BTC", "long"))
        assert fixed(25) < row.notional_usd_max < fixed(415)
        assert row.binding == "L1_LOSS_AT_RISK"
        assert row.granted_usd < row.notional_usd_max

    run(story)


def test_a_row_holds_until_it_says_and_no_longer_when_nothing_is_heard() -> None:
    async def story(api: ApiDesk) -> None:
        row = next(each for each in envelope(api.engine, LOCAL) if each.notional_usd_max)
        assert row.until_ns is not None
        assert 0 < row.until_ns - api.engine.now_ns <= 5 * 10**9
        api.engine.tick(row.until_ns)
        assert ask(api, row, fixed(100)).approved
        api.engine.tick(row.until_ns + 10**8)
        stale = ask(api, row, fixed(100))
        assert not stale.approved
        assert "L3_FEED_STALE" in {str(each.reason) for each in stale.findings if each.rejects}

    run(story)


def test_asking_for_the_envelope_changes_nothing() -> None:
    async def story(api: ApiDesk) -> None:
        before = (api.journal.last_seq, api.engine.session)
        assert (await api.get("/api/envelope")).status == 200
        assert (api.journal.last_seq, api.engine.session) == before

    run(story)


def test_the_route_filters_and_renders() -> None:
    async def story(api: ApiDesk) -> None:
        rows = (await api.get("/api/envelope?strategy=agent%20signal&asset=btc")).body["rows"]
        assert [(row["strategy"], row["side"]) for row in rows] == [("agent_signal", "long"), ("agent_signal", "short")]
        long = rows[0]
        assert (long["allowed"], long["notional_usd_max"], long["code"]) == (True, 415, "L1_NOTIONAL_TOO_LARGE")
        assert long["expires"].endswith("Z")
        assert long["reason"] == f"Notional {render(fixed('415.01'), 2)} USD is more than 415.00 USD"
        assert (rows[1]["allowed"], rows[1]["expires"]) == (False, None)

    run(story)
