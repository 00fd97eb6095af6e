"""Each check decides on its own: a pair of worlds that differ in one thing, approved in the one, rejected by that check in the other.

INVARIANT: G13 (MC/DC). `also` names codes that cannot but fail with it: a latched halt is always L4_HALTED, a lost daily room is also
a lost risk room. Checks that adjust reject through the bound their adjustment breaks (`through`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from tests.support.gate_case import Case, decided, rejecting
from tests.support.gate_world import (
    AGENT,
    AT,
    BTC,
    LONG,
    MISSING,
    OPERATOR,
    SHORT,
    book,
    halt,
    halted,
    instrument,
    limits,
    reading,
    reservation,
)
from tidegate.gate.checks import CHECKS
from tidegate.model.finding import Reason as R
from tidegate.model.finding import Status
from tidegate.model.intent import Mode
from tidegate.model.session import RecentIntent
from tidegate.model.snapshot import Reading
from tidegate.units import SECOND_NS, fixed

FREE = Case("free", R.L1_DISABLED, Status.PASSED)
SHORT_BTC: dict[str, Any] = {"side": SHORT, "stop_bps": fixed(30)}
PICK: dict[str, Any] = {**SHORT_BTC, "strategy": "agent_pick"}
TEST: dict[str, Any] = {"mode": Mode.TEST}


class Pair(NamedTuple):
    """A check's name, its code, the world in which it lets pass, and the one change after which it does not."""

    check: str
    code: R
    base: Case
    change: dict[str, dict[str, Any]]
    also: tuple[R, ...] = ()
    through: R | None = None


def latch(check: str, code: R) -> Pair:
    """Return the pair of a check that looks at one latched cause."""
    return Pair(check, code, FREE, {"session": {"halts": halted(halt(code, "BTC"))}}, also=(R.L4_HALTED,))


def without_guards() -> dict[str, Any]:
    """Return limits whose asset bounds never refuse, so that only strategies' own guards can."""
    assets = {name: msgspec.structs.replace(each, short_pct_max=fixed(100)) for name, each in limits().assets.items()}
    return {"assets": assets, "funding_divergence_bps_max": fixed(100)}


RECENT = RecentIntent(AT - SECOND_NS, str(OPERATOR), BTC, LONG, fixed(25))
OTHERS = tuple(RecentIntent(AT - 5, str(OPERATOR), BTC, LONG, fixed(26) + n) for n in range(5))
XRP_SHORT = Case(
    "xrp",
    R.L1_DISABLED,
    Status.PASSED,
    intent={**PICK, "notional_usd": fixed(50)},
    asset="XRP",
    view={"positioning": reading(53)},
)

PAIRS = (
    Pair("trading_is_enabled", R.L1_DISABLED, FREE, {"limits": {"trading_enabled": False}}),
    Pair(
        "instrument_is_listed",
        R.L1_INSTRUMENT_UNKNOWN,
        FREE,
        {"limits": {"instruments": {BTC: instrument(asset="ETH")}}},
    ),
    Pair(
        "no_cold_wallet_touched",
        R.L1_COLD_WALLET,
        FREE,
        {"limits": {"cold_addresses": ("me",)}, "intent": {"addresses": ("me",)}},
    ),
    Pair("notional_within_maximum", R.L1_NOTIONAL_TOO_LARGE, FREE, {"intent": {"notional_usd": fixed(415) + 1}}),
    Pair("notional_buys_an_order", R.L1_NOTIONAL_TOO_SMALL, FREE, {"intent": {"notional_usd": fixed(10)}}),
    Pair("stop_is_given", R.L1_STOP_MISSING, FREE, {"intent": {"stop_bps": 0}}),
    Pair("stop_is_not_too_wide", R.L1_STOP_TOO_WIDE, FREE, {"intent": {"stop_bps": fixed(500) + 1}}),
    Pair(
        "daily_loss_not_reached",
        R.L1_DAILY_LOSS,
        FREE._replace(limits={"drawdown_usd_max": fixed(1_000)}, session={"realised_day_usd": fixed(-99)}),
        {"session": {"realised_day_usd": fixed(-100)}},
        also=(R.L1_LOSS_AT_RISK,),
    ),
    Pair(
        "loss_at_risk_fits_room",
        R.L1_LOSS_AT_RISK,
        FREE,
        {"session": {"reservations": {"D8": reservation(stop_risk_usd=fixed("19.9"))}}},
    ),
    Pair(
        "slot_is_free",
        R.L1_TOO_MANY_OPEN,
        FREE,
        {"session": {"reservations": {name: reservation(name) for name in ("D1", "D2", "D3")}}},
    ),
    Pair(
        "exposure_within_cap",
        R.L1_EXPOSURE,
        FREE,
        {"session": {"reservations": {"D8": reservation(notional_usd=fixed(1_221))}}},
    ),
    Pair(
        "trades_of_test_left",
        R.L1_TEST_TRADES,
        FREE._replace(intent=TEST, limits=TEST, session={**TEST, "entries_day": 2}),
        {"session": {"entries_day": 3}},
    ),
    Pair("limit_price_within_collar", R.L1_PRICE_COLLAR, FREE, {"intent": {"limit_price": fixed(109_000)}}),
    Pair(
        "no_opposite_side_open",
        R.L1_OPPOSITE_SIDE,
        FREE,
        {"session": {"reservations": {"D8": reservation(side=SHORT)}}},
    ),
    Pair("not_a_duplicate", R.L1_DUPLICATE, FREE, {"session": {"recent_intents": (RECENT,)}}),
    Pair("rate_is_kept", R.L1_RATE, FREE, {"session": {"recent_intents": OTHERS}}),
    Pair("shorts_not_crowded", R.L2_SHORTS_CROWDED, FREE._replace(intent=PICK), {"view": {"positioning": reading(55)}}),
    Pair(
        "funding_not_diverging",
        R.L2_FUNDING_DIVERGENCE,
        FREE._replace(intent=PICK),
        {"view": {"funding_a": reading(2)}},
    ),
    Pair(
        "open_interest_not_spiking",
        R.L2_OI_SPIKE,
        FREE._replace(intent={"notional_usd": fixed(11)}),
        {"view": {"open_interest": reading(4)}},
        through=R.L1_NOTIONAL_TOO_SMALL,
    ),
    Pair(
        "no_fresh_squeeze",
        R.L2_FRESH_SQUEEZE,
        FREE._replace(intent=PICK),
        {"view": {"squeeze": Reading(AT - 1, "test", AT, AT)}},
    ),
    Pair(
        "crowd_allows_strategy",
        R.L2_STRATEGY_GUARD,
        FREE._replace(intent=SHORT_BTC, limits=without_guards()),
        {"view": {"positioning": reading(55)}},
    ),
    Pair(
        "funding_allows_strategy",
        R.L2_STRATEGY_GUARD,
        FREE._replace(intent=SHORT_BTC),
        {"view": {"funding_a": reading("1.22")}},
    ),
    Pair("depth_allows_short", R.L2_STRATEGY_GUARD, XRP_SHORT, {"view": {"book": book("XRP", top3_falling=True)}}),
    Pair(
        "book_is_thick",
        R.L2_STRATEGY_GUARD,
        FREE._replace(limits={"stop_bps_max": fixed(30)}),
        {"view": {"book": book(depth_usd=0)}},
        through=R.L1_STOP_TOO_WIDE,
    ),
    Pair(
        "tips_are_calm",
        R.L2_STRATEGY_GUARD,
        FREE._replace(asset="SOL", limits={"stop_bps_max": fixed(40)}),
        {"view": {"tip_ratio": reading(2)}},
        through=R.L1_STOP_TOO_WIDE,
    ),
    Pair("confidence_is_enough", R.L2_CONFIDENCE, FREE, {"intent": {"confidence": fixed("0.79")}}),
    Pair("health_factor_is_high", R.L3_HEALTH_FACTOR_LOW, FREE, {"snapshot": {"health_factor": reading("2.1")}}),
    Pair("entries_left_today", R.L3_DAILY_TRADE_CAP, FREE, {"session": {"entries_day": 6}}),
    Pair("strategy_may_enter", R.L3_DAILY_TRADE_CAP, FREE, {"session": {"entries_by": {"BTC_range_scalp": 6}}}),
    Pair(
        "agent_may_enter",
        R.L3_DAILY_TRADE_CAP,
        FREE._replace(intent={"principal": AGENT}),
        {"session": {"entries_by": {"agent:scout": 4}}},
    ),
    Pair("losing_streak_is_short", R.L3_LOSS_STREAK, FREE, {"session": {"loss_streak": 2}}),
    Pair("feeds_are_fresh", R.L3_FEED_STALE, FREE._replace(asset="SOL"), {"view": {"priority_fee": MISSING}}),
    Pair("spread_is_narrow", R.L3_SPREAD_WIDE, FREE, {"view": {"book": book(spread_bps=fixed(6))}}),
    Pair("target_exceeds_costs", R.L3_COSTS_EXCEED_TARGET, FREE, {"intent": {"targets_bps": (fixed(10),)}}),
    Pair("nothing_is_halted", R.L4_HALTED, FREE, {"session": {"flattening": True}}),
    Pair("drawdown_is_small", R.L4_SESSION_DRAWDOWN, FREE, {"session": {"drawdown_suspected_ns": AT}}),
    Pair("losses_are_few", R.L4_LOSSES, FREE, {"session": {"losses": 5}}),
    Pair(
        "health_factor_not_critical",
        R.L4_HEALTH_FACTOR_CRITICAL,
        FREE._replace(limits={"health_factor_min": fixed(1)}),
        {"snapshot": {"health_factor": reading("1.9")}},
    ),
    latch("no_feed_outage", R.L4_FEED_OUTAGE),
    latch("venue_is_reconciled", R.L4_RECONCILE),
    latch("journal_is_writable", R.L4_JOURNAL),
    latch("clock_is_steady", R.L4_CLOCK),
    latch("operator_allows", R.L4_OPERATOR),
)


def test_every_check_has_its_pair() -> None:
    assert [pair.check for pair in PAIRS] == [check.__name__ for _, check in CHECKS]
    assert [pair.code for pair in PAIRS] == [code for code, _ in CHECKS]


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.check for pair in PAIRS])
def test_a_check_alone_turns_an_approval_into_a_rejection(pair: Pair) -> None:
    place = [check.__name__ for _, check in CHECKS].index(pair.check)
    changed = pair.base._replace(
        **{part: {**getattr(pair.base, part), **fields} for part, fields in pair.change.items()}
    )
    before, after = decided(pair.base), decided(changed)
    assert before.approved, rejecting(before)
    assert not before.findings[place].rejects
    assert not after.approved
    if pair.through:
        assert after.findings[place].status is Status.ADJUSTED
        assert rejecting(after) == {pair.through}
    else:
        assert after.findings[place].rejects
        assert rejecting(after) == {pair.code, *pair.also}
