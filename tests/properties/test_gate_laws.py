"""Laws of the gate over thousands of worlds near their limits: G4, G5, G6, G7, G8, G10, G11, G12."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import gate_world as world
from tests.support.gate_world import AT, BTC, LONG, MISSING, SHORT
from tidegate.gate.checks import CHECKS, every_finding
from tidegate.gate.decide import decide
from tidegate.gate.exits import approve_exit
from tidegate.gate.sight import Unfit, fit, sight_of
from tidegate.gate.sizing import cut
from tidegate.model.decision import Decision, ExitApproval
from tidegate.model.finding import Finding, Reason, Status
from tidegate.model.intent import Intent, Mode
from tidegate.model.limits import Limits, StaleLimits
from tidegate.model.order import Order, OrderKind, OrderRole
from tidegate.model.session import Session
from tidegate.model.snapshot import Reading, Snapshot
from tidegate.units import ONE, SECOND_NS, fixed

QUICK = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
World = tuple[Intent, Snapshot, Session, Limits]


def near(*limits: str | int) -> st.SearchStrategy[int]:
    """Return numbers at, one quantum around and somewhere around the given limits."""
    edges = [fixed(limit) + step for limit in limits for step in (-1, 0, 1)]
    return st.sampled_from(edges) | st.integers(min(edges) * 9 // 10, max(edges) * 11 // 10 + 1)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return four values for `decide`: calm, with a few coordinates drawn near their limits."""
    return build(draw(st.sampled_from(("BTC", "ETH", "SOL", "XRP"))), draw(coordinates()))


def mostly(calm: int, edges: st.SearchStrategy[int]) -> st.SearchStrategy[int]:
    """Return the calm value four times in five, so that worlds have one or two things wrong with them, not all at once."""
    return st.one_of(*(st.just(calm),) * 4, edges)


def coordinates() -> st.SearchStrategy[dict[str, int]]:
    """Return one number per coordinate of the world."""
    drawn = st.fixed_dictionaries(
        {
            "short": st.integers(0, 1),
            "pick": st.integers(0, 1),
            "notional": near(25, 415) | near(11, 13),
            "stop": near(28, 35) | mostly(fixed(28), st.just(fixed(500))),
            "positioning": mostly(fixed(50), near(53, 54)),
            "funding_a": mostly(fixed(1), near("1.2", "1.25")),
            "open_interest": mostly(0, near(3)),
            "squeeze_age": mostly(-1, st.sampled_from((3_600 * SECOND_NS, 3_600 * SECOND_NS + 1))),
            "tip_ratio": mostly(ONE, near("1.5")),
            "depth": mostly(fixed(500_000), near(300_000)),
            "spread": mostly(ONE, near(5)),
            "health": mostly(fixed(3), near("2.5", "2.2", 2)),
            "pnl": mostly(0, near("-10", "-19.7", "-19.92").map(lambda usd: min(usd, 0)) | st.integers(0, fixed(500))),
            "age": mostly(0, st.sampled_from((5 * SECOND_NS, 5 * SECOND_NS + 1))),
            "streak": mostly(0, st.integers(1, 2)),
            "losses": mostly(0, st.sampled_from((4, 5))),
            "entries": mostly(0, st.sampled_from((1, 2, 5, 6))),
            "reserved": mostly(0, st.integers(1, 3)),
            "reserved_risk": st.sampled_from((0, ONE, fixed("6.5"))),
        }
    )
    return drawn.map(lambda at: {**at, "peak": max(at["pnl"], 0)})


def build(asset: str, at: dict[str, int]) -> World:
    """Return the world at the given coordinates."""
    market = world.calm_view(
        asset,
        price=Reading(world.PRICES[asset], "test", AT, AT - at["age"]),
        book=world.book(asset, depth_usd=at["depth"], spread_bps=at["spread"]),
        positioning=Reading(at["positioning"], "test", AT, AT),
        funding_a=Reading(at["funding_a"], "test", AT, AT),
        open_interest=Reading(at["open_interest"], "test", AT, AT),
        squeeze=Reading(0 if at["squeeze_age"] < 0 else AT - at["squeeze_age"], "test", AT, AT),
        tip_ratio=Reading(at["tip_ratio"], "test", AT, AT),
    )
    asked: dict[str, Any] = {"strategy": "agent_pick"} if at["pick"] else {}
    side = SHORT if at["short"] else LONG
    held = {
        name: world.reservation(name, asset, side=side, stop_risk_usd=at["reserved_risk"])
        for name in ("D1", "D2", "D3")[: at["reserved"]]
    }
    return (
        world.intent(asset, side=side, notional_usd=at["notional"], stop_bps=at["stop"], **asked),
        world.snapshot(asset, market=market, health_factor=Reading(at["health"], "test", AT, AT)),
        world.session(
            realised_day_usd=at["pnl"],
            equity_peak_usd=at["peak"],
            loss_streak=at["streak"],
            losses=at["losses"],
            entries_day=at["entries"],
            reservations=held,
        ),
        world.limits(),
    )


WORSE: dict[str, int] = {
    "positioning": 1,
    "funding_a": 1,
    "open_interest": 1,
    "tip_ratio": 1,
    "depth": -1,
    "spread": 1,
    "health": -1,
    "pnl": -1,
    "age": 1,
    "streak": 1,
    "losses": 1,
    "entries": 1,
    "reserved": 1,
    "reserved_risk": 1,
}
TIGHTER: dict[str, int] = {
    "notional_usd_max": -1,
    "stop_bps_max": -1,
    "daily_loss_usd_max": -1,
    "open_trades_max": -1,
    "exposure_usd_max": -1,
    "price_collar_bps": -1,
    "loss_resize_multiplier": -1,
    "funding_divergence_bps_max": -1,
    "oi_change_pct_max": -1,
    "oi_size_multiplier": -1,
    "squeeze_window_ns": 1,
    "confidence_min": 1,
    "health_factor_min": 1,
    "health_factor_critical": 1,
    "entries_per_day_max": -1,
    "loss_streak_max": -1,
    "losses_max": -1,
    "drawdown_usd_max": -1,
}


def granted(decision: Decision) -> tuple[int, int]:
    """Return what was granted: notional and lots, nothing when rejected."""
    return decision.approved_notional_usd, decision.order.lots if decision.order else 0


def assert_not_better(after: Decision, before: Decision) -> None:
    """Assert that the later decision approves no more than the earlier one."""
    assert before.approved or not after.approved
    assert all(small <= large for small, large in zip(granted(after), granted(before), strict=True))


@given(worlds())
@QUICK
def test_the_same_four_values_give_the_same_bytes(four: World) -> None:
    """INVARIANT: G4"""
    first, second = decide(*four), decide(*msgspec.msgpack.decode(msgspec.msgpack.encode(four), type=World))
    assert msgspec.json.encode(first, order="deterministic") == msgspec.json.encode(second, order="deterministic")


@given(worlds())
@QUICK
def test_asking_all_checks_at_once_and_one_by_one_is_the_same(four: World) -> None:
    """INVARIANT: G8"""
    intent, snapshot, session, limits = four
    sight = sight_of(intent, snapshot, session, limits)
    assert every_finding(intent, sight, session, limits) == tuple(
        check(intent, sight, session, limits) for _, check in CHECKS
    )


@given(worlds())
@QUICK
def test_the_gate_never_enlarges(four: World) -> None:
    """INVARIANT: G5"""
    asked, decision = four[0], decide(*four)
    assert 0 <= decision.approved_notional_usd <= asked.notional_usd
    assert 0 <= decision.size_multiplier <= ONE
    if decision.order:
        assert decision.order.notional_usd <= decision.approved_notional_usd
        assert decision.order.stop_bps >= (asked.stop_bps or 0)


def test_the_worlds_are_neither_all_approved_nor_all_rejected() -> None:
    seen: dict[bool, int] = {True: 0, False: 0}

    @given(worlds())
    @QUICK
    def count(four: World) -> None:
        seen[decide(*four).approved] += 1

    count()
    assert min(seen.values()) >= 6, seen


@given(
    st.integers(0, fixed(10_000)), st.lists(st.integers(-ONE, 2 * ONE), max_size=6), st.randoms(use_true_random=False)
)
@QUICK
def test_the_order_of_cuts_does_not_matter_and_none_enlarges(amount: int, multipliers: list[int], random: Any) -> None:
    """INVARIANT: G5"""
    findings = [Finding(Reason.L2_OI_SPIKE, Status.ADJUSTED, multiplier=multiplier) for multiplier in multipliers]
    shuffled = list(findings)
    random.shuffle(shuffled)
    assert cut(amount, findings) == cut(amount, shuffled) <= amount


@given(worlds())
@QUICK
def test_the_final_order_asked_for_as_it_stands_would_be_approved_whole(four: World) -> None:
    """INVARIANT: G6"""
    intent, snapshot, session, limits = four
    decision = decide(*four)
    if decision.order is None:
        return
    again = msgspec.structs.replace(
        intent, notional_usd=decision.approved_notional_usd, stop_bps=decision.order.stop_bps
    )
    rejecting = {finding.reason for finding in decide(again, snapshot, session, limits).findings if finding.rejects}
    assert rejecting <= {Reason.L1_NOTIONAL_TOO_SMALL}  # cut once more, it may no longer buy a lot


@given(
    st.sampled_from(("BTC", "ETH", "SOL", "XRP")),
    coordinates(),
    st.sampled_from(sorted(WORSE)),
    st.integers(1, fixed(2)),
)
@QUICK
def test_a_worse_condition_never_helps(asset: str, at: dict[str, int], coordinate: str, by: int) -> None:
    """INVARIANT: G7"""
    step = min(by, 3) if coordinate in ("streak", "losses", "entries", "reserved") else by
    worse = {**at, coordinate: at[coordinate] + WORSE[coordinate] * step}
    before, after = decide(*build(asset, at)), decide(*build(asset, worse))
    assert_not_better(after, before)


@given(worlds(), st.sampled_from(sorted(TIGHTER)), st.integers(1, fixed(3)))
@QUICK
def test_a_tighter_limit_never_helps(four: World, limit: str, by: int) -> None:
    """INVARIANT: G7"""
    intent, snapshot, session, limits = four
    before = decide(*four)
    value = getattr(limits, limit)
    tighter = msgspec.structs.replace(limits, **{limit: max(value + TIGHTER[limit] * by, 0)})
    after = decide(intent, snapshot, session, tighter)
    assert_not_better(after, before)


FEEDS = (
    "price",
    "book",
    "positioning",
    "funding_a",
    "funding_b",
    "open_interest",
    "squeeze",
    "priority_fee",
    "tip_ratio",
)


@given(worlds(), st.sampled_from((*FEEDS, "health_factor")), st.sampled_from(("missing", "old", "future")))
@QUICK
def test_a_part_that_is_missing_stale_or_from_the_future_never_helps(four: World, feed: str, how: str) -> None:
    """INVARIANT: G7 G8"""
    intent, snapshot, session, limits = four
    known = snapshot.health_factor if feed == "health_factor" else getattr(snapshot.view, feed)
    moved = {"old": AT - 1_000 * SECOND_NS, "future": AT + 3 * SECOND_NS}
    part = MISSING if how == "missing" else msgspec.structs.replace(known, received_ns=moved[how])
    if feed == "health_factor":
        broken = msgspec.structs.replace(snapshot, health_factor=part)
    else:
        broken = msgspec.structs.replace(snapshot, view=msgspec.structs.replace(snapshot.view, **{feed: part}))
    before, after = decide(*four), decide(intent, broken, session, limits)
    assert_not_better(after, before)
    needed = feed in ("price", "book", "open_interest", "health_factor") or (
        intent.side is SHORT and feed in FEEDS[2:7]
    )
    if needed:
        assert Reason.L3_FEED_STALE in {finding.reason for finding in after.findings if finding.rejects}


@given(st.integers(0, fixed(10_000)), st.integers(0, fixed(10_000)))
@QUICK
def test_profit_never_triggers_a_loss_limit(day_usd: int, ledger_usd: int) -> None:
    """INVARIANT: G10"""
    held = world.session(realised_day_usd=day_usd, equity_peak_usd=day_usd, ledger_24h=((AT - 1, ledger_usd),))
    assert decide(world.intent(), world.calm(), held, world.limits()).approved


@given(worlds())
@QUICK
def test_a_rejection_lists_every_failure_and_names_the_first(four: World) -> None:
    """INVARIANT: G11"""
    decision = decide(*four)
    rejecting = [finding.reason for finding in decision.findings if finding.rejects]
    assert decision.approved == (not rejecting)
    assert decision.primary == (min(rejecting, key=list(Reason).index) if rejecting else None)


@given(
    st.integers(-5, 30_000),
    st.booleans(),
    st.booleans(),
    st.sampled_from(OrderRole),
    st.sampled_from(("D9", "D7")),
    st.sampled_from((LONG, SHORT)),
)
@QUICK
def test_an_approved_exit_can_only_reduce(
    quantity: int, buys: bool, reduce_only: bool, role: OrderRole, trade_id: str, side: Any
) -> None:
    """INVARIANT: G12"""
    trade = world.trade(side=side)
    held = world.session(trades={"D9": trade}, losses=9, flattening=True)
    order = Order("C1", trade_id, BTC, role, OrderKind.IOC, buys, quantity, 0, reduce_only, AT)
    answer = approve_exit(order, held, Mode.PAPER)
    reduces = buys == (side is SHORT) and 0 < quantity <= trade.open_quantity
    assert isinstance(answer, ExitApproval) == (
        reduces
        and reduce_only
        and trade_id == "D9"
        and role not in (OrderRole.ENTRY, OrderRole.HEDGE, OrderRole.UNWIND)
    )


@given(
    st.integers(-(10**10), 10**12),
    st.integers(-(10**10), 10**12),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
)
@QUICK
def test_the_gate_and_the_feed_watch_mean_the_same_by_fresh(
    arrival: int, value: int, reject_after: int, grace: int, period: int
) -> None:
    """INVARIANT: F2. Both bounds as `StaleLimits.fresh_until_ns`, and times more than 2 s ahead as well."""
    bounds = StaleLimits(reject_after, grace)
    known = Reading(1, "test", AT - value, AT - arrival, period)
    fresh = bounds.fresh_until_ns(known.received_ns, known.observed_ns, period) >= AT
    future = arrival < -2 * SECOND_NS or value < -2 * SECOND_NS
    assert isinstance(fit("x", known, bounds, AT), Unfit) == (not fresh or future)
