"""Layer 3 at its boundaries: health factor, entries, cooldowns, streaks, feed ages, spread, costs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.gate_case import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, WARNED, Case, check, found, named
from tests.support.gate_world import AGENT, AT, BTC, MISSING, SHORT, book, instrument, reading, reservation, strategies
from tidegate.model.finding import Reason as R
from tidegate.model.intent import ModeCeiling
from tidegate.model.limits import AgentRules
from tidegate.model.snapshot import Reading
from tidegate.units import MINUTE_NS, SECOND_NS, fixed

SHORT_PICK: dict[str, Any] = {"side": SHORT, "strategy": "agent_pick", "stop_bps": fixed(30)}
COOL_NS = 60 * SECOND_NS


def health(value: int | str, **ages: int) -> dict[str, Any]:
    """Return a snapshot's health factor."""
    return {"health_factor": reading(value, **ages)}


def just(value: int) -> Reading:
    """Return a fresh reading of an unscaled value."""
    return Reading(value, "test", AT, AT)


def cooling(cooldown_ns: int) -> dict[str, Any]:
    """Return limits whose BTC range scalp has a cooldown."""
    rules = strategies()
    return {
        "strategies": {
            **rules,
            "BTC_range_scalp": msgspec.structs.replace(rules["BTC_range_scalp"], cooldown_ns=cooldown_ns),
        }
    }


def cool_agent(cooldown_ns: int) -> dict[str, Any]:
    """Return limits whose agent has a cooldown."""
    return {"agents": {"scout": AgentRules("scout", 4, cooldown_ns, ModeCeiling.LIVE)}}


CASES = (
    Case("2.20", R.L3_HEALTH_FACTOR_LOW, WARNED, snapshot=health("2.2")),
    Case("just under 2.20", R.L3_HEALTH_FACTOR_LOW, FAILED, snapshot={"health_factor": just(fixed("2.2") - 1)}),
    Case("just under 2.50", R.L3_HEALTH_FACTOR_LOW, WARNED, snapshot={"health_factor": just(fixed("2.5") - 1)}),
    Case("2.50", R.L3_HEALTH_FACTOR_LOW, PASSED, snapshot=health("2.5")),
    Case("missing", R.L3_HEALTH_FACTOR_LOW, UNKNOWN, snapshot={"health_factor": MISSING}),
    Case("absent though configured", R.L3_HEALTH_FACTOR_LOW, UNKNOWN, snapshot={"health_factor": None}),
    Case(
        "absent and not configured",
        R.L3_HEALTH_FACTOR_LOW,
        NOT_APPLICABLE,
        snapshot={"health_factor": None},
        limits={"aave_configured": False},
    ),
    Case(
        "read though not configured",
        R.L3_HEALTH_FACTOR_LOW,
        FAILED,
        snapshot=health(2),
        limits={"aave_configured": False},
    ),
    Case("120 s old", R.L3_HEALTH_FACTOR_LOW, PASSED, snapshot=health(3, arrival_age_ns=120 * SECOND_NS)),
    Case("stale", R.L3_HEALTH_FACTOR_LOW, UNKNOWN, snapshot=health(3, arrival_age_ns=120 * SECOND_NS + 1)),
    Case("old value", R.L3_HEALTH_FACTOR_LOW, UNKNOWN, snapshot=health(3, value_age_ns=120 * SECOND_NS + 1)),
    Case("five entries", R.L3_DAILY_TRADE_CAP, PASSED, session={"entries_day": 5}, note="account"),
    Case("six entries", R.L3_DAILY_TRADE_CAP, FAILED, session={"entries_day": 6}, note="account"),
    Case(
        "five and one under way",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        session={"entries_day": 5, "reservations": {"D8": reservation()}},
        note="account",
    ),
    Case(
        "xrp's first",
        R.L3_DAILY_TRADE_CAP,
        PASSED,
        session={"entries_by": {"XRP_corridor_guard": 1}},
        asset="XRP",
        note="strategy",
    ),
    Case(
        "xrp's second is its last",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        session={"entries_by": {"XRP_corridor_guard": 2}},
        asset="XRP",
        note="strategy",
    ),
    Case(
        "xrp's second under way",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        session={
            "entries_by": {"XRP_corridor_guard": 1},
            "reservations": {"D8": reservation(strategy="XRP_corridor_guard")},
        },
        asset="XRP",
        note="strategy",
    ),
    Case(
        "agent's third",
        R.L3_DAILY_TRADE_CAP,
        PASSED,
        intent={"principal": AGENT},
        session={"entries_by": {"agent:scout": 3}},
        note="agent",
    ),
    Case(
        "agent's fourth",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        intent={"principal": AGENT},
        session={"entries_by": {"agent:scout": 4}},
        note="agent",
    ),
    Case(
        "agent's fourth under way",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        intent={"principal": AGENT},
        session={"entries_by": {"agent:scout": 3}, "reservations": {"D8": reservation(principal=AGENT)}},
        note="agent",
    ),
    Case(
        "operator has no agent's cap",
        R.L3_DAILY_TRADE_CAP,
        NOT_APPLICABLE,
        session={"entries_by": {"agent:scout": 9}},
        note="agent",
    ),
    Case(
        "cooled down",
        R.L3_DAILY_TRADE_CAP,
        PASSED,
        session={"last_entry_ns": {"BTC_range_scalp": AT - COOL_NS}},
        limits=cooling(COOL_NS),
    ),
    Case(
        "cooling",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        session={"last_entry_ns": {"BTC_range_scalp": AT - COOL_NS + 1}},
        limits=cooling(COOL_NS),
        note="strategy cooldown",
    ),
    Case(
        "an entry under way starts the cooldown",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        session={"reservations": {"D8": reservation(reserved_ns=AT - COOL_NS + 1)}},
        limits=cooling(COOL_NS),
        note="strategy cooldown",
    ),
    Case(
        "agent cooled down",
        R.L3_DAILY_TRADE_CAP,
        PASSED,
        intent={"principal": AGENT},
        session={"last_entry_ns": {"agent:scout": AT - COOL_NS}},
        limits=cool_agent(COOL_NS),
        note="agent",
    ),
    Case(
        "agent cooling",
        R.L3_DAILY_TRADE_CAP,
        FAILED,
        intent={"principal": AGENT},
        session={"last_entry_ns": {"agent:scout": AT - COOL_NS + 1}},
        limits=cool_agent(COOL_NS),
        note="agent cooldown",
    ),
    Case("one loss", R.L3_LOSS_STREAK, PASSED, session={"loss_streak": 1}),
    Case("two losses in a row", R.L3_LOSS_STREAK, FAILED, session={"loss_streak": 2}),
    Case("spread 5 bps", R.L3_SPREAD_WIDE, PASSED, view={"book": book(spread_bps=fixed(5))}),
    Case("just over 5 bps", R.L3_SPREAD_WIDE, FAILED, view={"book": book(spread_bps=fixed(5) + 1)}),
    Case("book missing", R.L3_SPREAD_WIDE, UNKNOWN, view={"book": MISSING}),
    Case("book 5 s old", R.L3_SPREAD_WIDE, PASSED, view={"book": book(received_ns=AT - 5 * SECOND_NS)}),
    Case("book stale", R.L3_SPREAD_WIDE, UNKNOWN, view={"book": book(received_ns=AT - 5 * SECOND_NS - 1)}),
    Case("nets nothing", R.L3_COSTS_EXCEED_TARGET, FAILED, intent={"targets_bps": (fixed(11),)}),
    Case("nets a quantum", R.L3_COSTS_EXCEED_TARGET, PASSED, intent={"targets_bps": (fixed(11) + 1,)}),
    Case("no target", R.L3_COSTS_EXCEED_TARGET, UNKNOWN, intent={"targets_bps": ()}),
    Case("book missing", R.L3_COSTS_EXCEED_TARGET, UNKNOWN, view={"book": MISSING}),
    Case(
        "dearer venue", R.L3_COSTS_EXCEED_TARGET, FAILED, limits={"instruments": {BTC: instrument(taker_bps=fixed(12))}}
    ),
)


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_a_layer_3_check_decides_exactly_at_its_boundary(case: Case) -> None:
    check(case)


AGES = (
    ("price", 5, {}, "BTC", "price"),
    ("book", 5, {}, "BTC", "book"),
    ("open_interest", 120, {}, "BTC", "open interest"),
    ("positioning", 120, SHORT_PICK, "BTC", "positioning"),
    ("funding_a", 300, SHORT_PICK, "BTC", "funding of binance"),
    ("funding_b", 300, SHORT_PICK, "BTC", "funding of okx"),
    ("squeeze", 120, SHORT_PICK, "BTC", "liquidations"),
    ("priority_fee", 30, {}, "SOL", "priority fee"),
    ("tip_ratio", 30, {}, "SOL", "tip ratio"),
    ("health_factor", 120, {}, "BTC", "health factor"),
)


@pytest.mark.parametrize(("feed", "seconds", "intent", "asset", "name"), AGES, ids=[row[4] for row in AGES])
def test_a_needed_feed_is_fresh_up_to_both_its_ages_and_no_further(
    feed: str, seconds: int, intent: dict[str, Any], asset: str, name: str
) -> None:
    bound_ns, grace_ns, period_ns = seconds * SECOND_NS, 120 * SECOND_NS, 5 * MINUTE_NS
    for received_ns, observed_ns, status in (
        (AT - bound_ns, AT, PASSED),
        (AT - bound_ns - 1, AT, FAILED),
        (AT, AT - grace_ns, PASSED),
        (AT, AT - grace_ns - 1, FAILED),
        (AT + 2 * SECOND_NS, AT, PASSED),
        (AT + 2 * SECOND_NS + 1, AT, FAILED),
        (AT, AT + 2 * SECOND_NS + 1, FAILED),
    ):
        decision = check(feed_case(feed, intent, asset, status, received_ns=received_ns, observed_ns=observed_ns))
        if status is FAILED:
            assert any(
                finding.note.startswith(name) and finding.source == "test"
                for finding in found(decision, R.L3_FEED_STALE)
            )
    published = {"received_ns": AT, "period_ns": period_ns}
    check(feed_case(feed, intent, asset, PASSED, observed_ns=AT - period_ns - grace_ns, **published))
    check(feed_case(feed, intent, asset, FAILED, observed_ns=AT - period_ns - grace_ns - 1, **published))


@pytest.mark.parametrize(("feed", "seconds", "intent", "asset", "name"), AGES, ids=[row[4] for row in AGES])
def test_a_missing_needed_feed_cannot_be_judged(
    feed: str, seconds: int, intent: dict[str, Any], asset: str, name: str
) -> None:
    absent: dict[str, Any] = {feed: MISSING}
    case = Case("missing", R.L3_FEED_STALE, UNKNOWN, intent=intent, asset=asset, note=f"{name} missing")
    check(case._replace(snapshot=absent) if feed == "health_factor" else case._replace(view=absent))


def test_every_stale_feed_is_named() -> None:
    decision = check(
        Case("two", R.L3_FEED_STALE, FAILED, view={"price": MISSING, "book": book(received_ns=AT - 6 * SECOND_NS)})
    )
    (finding,) = found(decision, R.L3_FEED_STALE)
    assert finding.note == "price missing, book stale"
    assert (finding.observed, finding.limit, finding.arrival_age_ns) == (fixed(6), fixed(5), 6 * SECOND_NS)


def test_a_wide_spread_names_the_books_source_and_both_its_ages() -> None:
    wide = book(spread_bps=fixed(6), source="okx", received_ns=AT - SECOND_NS, observed_ns=AT - 2 * SECOND_NS)
    (finding,) = found(check(Case("wide", R.L3_SPREAD_WIDE, FAILED, view={"book": wide})), R.L3_SPREAD_WIDE)
    assert (finding.source, finding.arrival_age_ns, finding.value_age_ns) == ("okx", SECOND_NS, 2 * SECOND_NS)


def test_a_snapshot_of_another_asset_cannot_be_judged() -> None:
    check(Case("mixed up", R.L3_FEED_STALE, UNKNOWN, view={"asset": "ETH"}, note="market of BTC missing"))


def feed_case(feed: str, intent: dict[str, Any], asset: str, status: Any, **times: int) -> Case:
    """Return a case whose one feed has the given times."""
    value = {"price": 1, "health_factor": fixed(3), "open_interest": 0, "squeeze": 0}.get(feed, fixed(1))
    known = book(asset, **times) if feed == "book" else msgspec.structs.replace(just(value), **times)
    case = Case(f"{feed} {times}", R.L3_FEED_STALE, status, intent=intent, asset=asset)
    return case._replace(snapshot={feed: known}) if feed == "health_factor" else case._replace(view={feed: known})
