"""The seed day, played through the whole engine in paper mode: every rule that it promises has its moment, in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.config.load import load
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.scripted_operator import parse_policy
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.model.decision import Decision, Verdict
from tidegate.model.event import DecisionMade, Event, Filled, FlattenEnded, HaltLatched, HaltLifted
from tidegate.model.finding import Reason, Status
from tidegate.model.intent import Mode
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole
from tidegate.model.session import Session
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import SECOND_NS, fixed

CONFIG = Path(__file__).resolve().parent.parent.parent / "config" / "tactical_scalp_config.json"
pytestmark = pytest.mark.slow
Story = tuple[list[Event], Session]


@pytest.fixture(scope="module")
def story() -> Story:
    settings = load(CONFIG)
    feed = ScenarioFeed("seed-day", 7, settings.limits(Mode.PAPER).perpetuals())
    run = build_run(settings, feed, RunRequest(None, parse_policy("none"), Assumptions(), serve_control=False))
    events: list[Event] = []
    note: Callable[[object, Event], None] = lambda _, event: events.append(event)  # noqa: E731
    run.engine.chronicle.listen(note)
    run.drive()
    return events, run.engine.session


def decisions(story: Story) -> list[Decision]:
    return [event.decision for event in story[0] if isinstance(event, DecisionMade)]


def bought(decision: Decision) -> tuple[str, Side]:
    assert decision.order is not None
    return decision.order.asset, decision.order.side


def test_every_act_gets_its_verdict_in_order(story: Story) -> None:
    told = [(d.verdict, d.primary) for d in decisions(story)]
    crowded, unhealthy = Reason.L2_SHORTS_CROWDED, Reason.L3_HEALTH_FACTOR_LOW
    approved, rejected = (Verdict.APPROVED, None), Verdict.REJECTED
    assert told == [
        approved,
        approved,
        (rejected, crowded),
        (rejected, crowded),
        approved,
        approved,
        approved,
        (rejected, unhealthy),
        approved,
    ]


def test_the_entries_are_the_reclaims_the_mirror_the_fade_and_the_dip(story: Story) -> None:
    entries = [bought(d) for d in decisions(story) if d.approved]
    assert entries == [(asset, Side.LONG) for asset in ("BTC", "ETH", "BTC", "SOL", "XRP", "BTC")]
    assert story[1].entries_day == 6


def test_the_wick_short_is_vetoed_by_the_crowd_of_56_2(story: Story) -> None:
    finding = next(f for f in decisions(story)[2].findings if f.reason is Reason.L2_SHORTS_CROWDED)
    assert (finding.observed, finding.limit) == (fixed("56.2"), fixed(54))


def test_open_interest_over_three_per_cent_cuts_the_second_reclaim(story: Story) -> None:
    decision = decisions(story)[4]
    assert decision.size_multiplier == fixed("0.8")
    assert any(f.reason is Reason.L2_OI_SPIKE and f.status is Status.ADJUSTED for f in decision.findings)


def test_trades_run_to_their_targets_and_the_dip_leaves_within_a_minute(story: Story) -> None:
    fills = [event.fill for event in story[0] if isinstance(event, Filled)]
    roles = {fill.role for fill in fills}
    assert {OrderRole.TARGET_1, OrderRole.TARGET_2, OrderRole.TARGET_3, OrderRole.FLATTEN} <= roles
    assert OrderRole.STOP not in roles
    xrp = [fill.ts_ns for fill in fills if "XRP" in fill.instrument_id]
    assert max(xrp) - min(xrp) <= 61 * SECOND_NS
    assert story[1].losses <= 1


def test_the_outage_halts_every_asset_and_lifts_itself(story: Story) -> None:
    latched = [e for e in story[0] if isinstance(e, HaltLatched) and e.halt.cause is Reason.L4_FEED_OUTAGE]
    lifted = [e for e in story[0] if isinstance(e, HaltLifted) and e.cause is Reason.L4_FEED_OUTAGE]
    assert sorted(e.halt.assets for e in latched) == [("BTC",), ("ETH",), ("SOL",), ("XRP",)]
    assert [e.by for e in lifted] == ["system"] * 4


def test_the_second_read_of_1_99_flattens_an_open_trade(story: Story) -> None:
    halt = next(e for e in story[0] if isinstance(e, HaltLatched) and e.halt.cause is Reason.L4_HEALTH_FACTOR_CRITICAL)
    flat = next(e for e in story[0] if isinstance(e, FlattenEnded))
    closing = [e.fill for e in story[0] if isinstance(e, Filled) and e.fill.role is OrderRole.FLATTEN]
    assert len(closing) == 1
    assert halt.ts_ns <= closing[0].ts_ns <= flat.ts_ns
    assert flat.flat
    assert not story[1].trades
    assert str(Reason.L4_HEALTH_FACTOR_CRITICAL) in story[1].halts
