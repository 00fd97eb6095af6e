"""Alerts: told within seconds, once, with what to do; a target that is down harms nobody; no address is ever shown."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.alert_inbox import CANARY, Target, receiver, settings_file
from tests.support.api_desk import ApiDesk, run
from tests.support.api_server import api_server
from tidegate.api.alerts.alerts import Alerts, Told, today
from tidegate.api.alerts.digest import Day, win_rate
from tidegate.api.alerts.post import Courier
from tidegate.api.alerts.rules import STORM_REJECTIONS, WORDS, Alert, Urgency, alerts_of, halt_latched
from tidegate.api.alerts.settings import ENVIRONMENT
from tidegate.errors import JournalFault
from tidegate.model.event import DayStarted, FlattenEnded, FlattenStarted, HaltLatched, HaltLifted
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.intent import Mode
from tidegate.units import DAY_NS, SECOND_NS, fixed, render

# -- what is said --


@pytest.mark.parametrize("cause", [reason for reason in Reason if reason.startswith("L4_") and reason is not Reason.L4_HALTED])
def test_every_halt_says_what_happened_what_to_do_and_who_lifts_it(cause: Reason) -> None:
    assert cause in WORDS
    told = halt_latched((Halt(cause, 1_760_000_000 * SECOND_NS, "seen: 1.99", ("BTC",)),), Mode.PAPER)
    assert told.title == f"Tidegate PAPER: HALT {cause} for BTC"
    assert told.urgency is Urgency.CRITICAL
    assert [line.split(":")[0] for line in told.body.splitlines()] == ["What", "Do", "Who lifts", "Since"]
    assert "seen: 1.99" in told.body
    assert "2025-10-09 08:53:20 UTC" in told.body
    assert "itself" in told.body if Halt(cause, 0, "").self_lifting else f"tidegate lift {cause.removeprefix('L4_')} --by" in told.body


def test_a_flatten_is_told_at_its_start_and_at_its_end_flat_or_not() -> None:
    (started,) = alerts_of([FlattenStarted(1, "ada", "news")], Mode.PAPER)
    (flat,) = alerts_of([FlattenEnded(2, True, "")], Mode.PAPER)
    (left,) = alerts_of([FlattenEnded(3, False, "0.1 BTC long")], Mode.PAPER)
    assert ("ada: news" in started.body, flat.urgency, left.urgency) == (True, Urgency.GOOD, Urgency.CRITICAL)
    assert "0.1 BTC long" in left.body
    assert "by hand" in left.body


def test_one_outage_of_several_assets_is_one_alert_and_so_is_its_end() -> None:
    outage = Reason.L4_FEED_OUTAGE
    latches = [HaltLatched(1, Halt(outage, 1, f"positioning {asset} stale for 601 s", (asset,))) for asset in ("BTC", "ETH")]
    lifts = [HaltLifted(2, f"{outage}:{asset}", outage, "system", "good for 60 s", 0) for asset in ("BTC", "ETH")]
    (latched,), (lifted,) = alerts_of(latches, Mode.PAPER), alerts_of(lifts, Mode.PAPER)
    assert latched.title == "Tidegate PAPER: HALT L4_FEED_OUTAGE for BTC, ETH"
    assert "positioning BTC stale for 601 s; positioning ETH stale for 601 s" in latched.body
    assert lifted.title == "Tidegate PAPER: lifted L4_FEED_OUTAGE:BTC, L4_FEED_OUTAGE:ETH"
    (again,) = alerts_of(latches[:1], Mode.PAPER)
    told = Told()
    assert [told.is_new(each, 0) for each in (latched, latched, again, lifted, again, latched)] == [True, False, False, True, True, True]


def test_words_of_people_are_cut_and_stripped_of_control_characters() -> None:
    (lifted,) = alerts_of([HaltLifted(1, "L4_OPERATOR", Reason.L4_OPERATOR, "ada", "ok\x1b[31m\n" + "x" * 1_000, 0)], Mode.PAPER)
    assert "\x1b" not in lifted.body
    assert len(lifted.body) < 500


# -- a desk, a real receiver --


def test_a_halt_reaches_a_real_receiver_within_five_seconds_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise")

    async def story(api: ApiDesk) -> None:
        async with Alerts(api.desk) as alerts:
            assert "server started" in (await asyncio.to_thread(inbox.next))["title"]
            await api.desk.halt("ada", "news at 14:00")
            told = await asyncio.to_thread(inbox.next)
            assert told["title"].startswith("Tidegate PAPER: HALT L4_OPERATOR for every asset")
            assert told["type"] == "failure"
            assert "news at 14:00" in told["message"]
            await api.desk.halt("ada", "again")
            assert alerts.status.state == "on"
        ended = await asyncio.to_thread(inbox.next)
        assert "server stops" in ended["title"]
        assert "HALT L4" not in ended["message"]
        assert inbox.messages.empty()

    with receiver() as inbox:
        monkeypatch.setenv(ENVIRONMENT, str(settings_file(tmp_path, json.dumps({"urls": [inbox.url]}))))
        run(story)


def test_a_real_server_tells_its_start_a_halt_a_flatten_and_its_end(tmp_path: Path) -> None:
    pytest.importorskip("apprise")
    with receiver() as inbox:
        (tmp_path / "var").mkdir()
        settings_file(tmp_path / "var", json.dumps({"urls": [inbox.url]}))
        with api_server(tmp_path) as server:
            assert inbox.next()["title"] == "Tidegate PAPER: the server started"
            server.post("/api/halt", {"reason": "news at 14:00"})
            assert "HALT L4_OPERATOR" in inbox.next()["title"]
            server.post("/api/flatten", {"reason": "enough"})
            told = inbox.next()["title"]
            assert "FLATTEN started" in told or "flat" in told
            code, _ = server.stop()
            assert code == 0
            logs = "".join(path.read_text(errors="replace") for path in (tmp_path / "logs").rglob("*.log"))
            assert CANARY not in logs + server.warned
        titles = [told]
        while "server stops" not in titles[-1]:
            titles.append(inbox.next()["title"])
        assert any("flat" in title.lower() for title in titles)


def test_a_journal_that_fails_is_told_although_nothing_can_be_made_durable() -> None:
    target = Target()

    async def story(api: ApiDesk) -> None:
        def no_commit() -> int:
            raise JournalFault("no space left on device")

        courier = Courier("1 (json)", target.send)
        async with Alerts(api.desk, [courier]) as alerts:
            api.journal.commit = no_commit  # type: ignore[method-assign]
            await api.propose()
            alerts.look()
        assert "no space left on device" in "".join(each.body for each in target.taken)

    run(story)
    assert sum(each.body.count("HALT L4_JOURNAL") + each.title.count("HALT L4_JOURNAL") for each in target.taken) in (1, 2)


def test_a_bug_that_stops_the_engine_is_told_by_its_kind() -> None:
    target = Target()

    async def story(api: ApiDesk) -> None:
        async def broken() -> BaseException:
            return ZeroDivisionError(CANARY)

        async with Alerts(api.desk, [Courier("1 (json)", target.send)], broken):
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    run(story)
    said = "".join(each.title + each.body for each in target.taken)
    assert "stopped because of a defect" in said
    assert "ZeroDivisionError" in said
    assert CANARY not in said


def test_a_flatten_that_does_not_get_flat_is_told_again_every_five_minutes() -> None:
    target, now_s = Target(), [0.0]

    async def story(api: ApiDesk) -> None:
        courier = Courier("1 (json)", target.send)
        alerts = Alerts(api.desk, [courier], clock=lambda: now_s[0])
        api.engine.flattening.residual = "0.1 BTC long"
        for now_s[0] in (0.0, 1.0, 299.0, 300.0, 301.0):
            alerts.look()
            courier.step(now_s[0])

    run(story)
    assert [each.title for each in target.taken] == ["Tidegate PAPER: FLATTEN is not flat"] * 2
    assert "0.1 BTC long" in target.taken[0].body


def test_an_agent_that_is_refused_again_and_again_is_told_once() -> None:
    target = Target()

    async def story(api: ApiDesk) -> None:
        async with Alerts(api.desk, [Courier("1 (json)", target.send)]):
            for _ in range(STORM_REJECTIONS - 1):
                await api.propose(amount=500)
                await api.pass_time(3)
            before = [each.key for each in told]
            for _ in range(3):
                await api.propose(amount=500)
                await api.pass_time(3)
            assert (before, [each.key for each in told]) == ([], ["storm:agent:local"] * 3)
            assert "L1_NOTIONAL_TOO_LARGE 10" in told[0].body

    told: list[Alert] = []
    original = Alerts.tell

    def listening(self: Alerts, alert: Alert | None) -> None:
        if alert is not None and alert.key.startswith("storm"):
            told.append(alert)
        original(self, alert)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Alerts, "tell", listening)
        run(story)
    said = "\n".join(f"{each.title}\n{each.body}" for each in target.taken)
    assert said.count("10 rejections within 60 s") == 1


def test_rejections_that_are_spread_out_are_no_storm() -> None:
    target = Target()

    async def story(api: ApiDesk) -> None:
        async with Alerts(api.desk, [Courier("1 (json)", target.send)]):
            for _ in range(STORM_REJECTIONS + 2):
                await api.propose(amount=500)
                await api.pass_time(8)

    run(story)
    assert not any("again and again" in each.body + each.title for each in target.taken)


def test_a_missing_apprise_is_said_with_how_to_install_it_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv(ENVIRONMENT, str(settings_file(tmp_path, json.dumps({"urls": [f"json://localhost/{CANARY}"]}))))

    async def story(api: ApiDesk) -> None:
        async with Alerts(api.desk) as alerts:
            assert alerts.status.state == "unusable"
            assert "pip install" in alerts.status.reason
            assert (await api.propose()).status == 200

    run(story)


def test_without_settings_alerts_are_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "none.json"))

    async def story(api: ApiDesk) -> None:
        async with Alerts(api.desk) as alerts:
            assert (alerts.status.state, alerts.status.targets) == ("off", ())

    run(story)


# -- the digest --


def digest(alerts: Alerts, ts_ns: int) -> str:
    """Let the day end and return its digest."""
    ended = alerts._day.note(0, DayStarted(ts_ns, ts_ns // DAY_NS, 0), Mode.PAPER)
    assert ended is not None
    return f"{ended.title}\n{ended.body}"


def test_the_days_digest_counts_what_was_recorded_and_a_restart_forgets_nothing() -> None:
    async def story(api: ApiDesk) -> None:
        async with Alerts(api.desk, [Courier("1 (json)", Target().send)]) as alerts:
            for amount in (500, 25, 600):
                await api.propose(amount=amount)
                await api.pass_time(3)
            await api.desk.flatten("ada", "enough")
            await api.pass_time(30)
            tomorrow_ns = (api.engine.now_ns // DAY_NS + 1) * DAY_NS
            restarted = Alerts(api.desk, [])
            restarted._day.take_in(today(api.desk))
            restarted._day.take_in(today(api.desk))
            told = digest(alerts, tomorrow_ns)
            assert digest(restarted, tomorrow_ns) == told
            assert alerts._day.note(0, DayStarted(tomorrow_ns, 0, 0), Mode.PAPER) is None
        trade = api.desk.closed.latest(1)[0]
        assert told.splitlines() == [
            "Tidegate PAPER: the day 2025-10-19",
            "Trades closed: 1 (0 won, 1 lost)",
            f"Net: {render(trade.net_usd, 4)} USD (gross +{render(trade.gross_usd, 4)}, fees -{render(trade.fees_usd, 4)}, funding 0.0000)",
            "Win rate: 0.0 %, break-even: none (it needs a win and a loss)",
            "Proposals: 1 approved, 2 rejected (L1_NOTIONAL_TOO_LARGE 2)",
            "Halts: L4_OPERATOR 1",
            "Fewer than 30 trades: skill and luck cannot be told apart.",
        ]

    run(story)


def test_the_win_rate_never_stands_without_its_break_even() -> None:
    day = Day(0, trades=4, wins=3, losses=1, won_usd=fixed(3), lost_usd=-fixed(3))
    assert win_rate(day) == "Win rate: 75.0 %, break-even 75.0 %"
    assert "break-even: none" in win_rate(Day(0, trades=1, wins=1, won_usd=1))
    assert win_rate(Day(0)) == "Win rate: none, nothing was closed"
