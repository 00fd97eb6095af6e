"""Layer 1 at its boundaries: just under, at, just over, missing, stale. One quantum (10**-8) or one nanosecond either way decides."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.gate_case import ADJUSTED, FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Case, check, named
from tests.support.gate_world import (
    AGENT,
    AT,
    BTC,
    ETH,
    LONG,
    MISSING,
    OPERATOR,
    PRICES,
    SHORT,
    instrument,
    reservation,
    strategies,
    trade,
)
from tidegate.model.finding import Reason as R
from tidegate.model.intent import Mode, ModeCeiling, Principal, PrincipalKind
from tidegate.model.limits import AgentRules, StrategyRules
from tidegate.model.session import RecentIntent
from tidegate.model.snapshot import Reading
from tidegate.units import DAY_NS, MINUTE_NS, SECOND_NS, fixed

PRICE = PRICES["BTC"]
TWO_LOTS_USD = fixed("21.6804")
STALE_PRICE = Reading(PRICE, "test", AT, AT - 5 * SECOND_NS - 1)
OLDEST_PRICE = Reading(PRICE, "test", AT - 120 * SECOND_NS, AT - 5 * SECOND_NS)
MARK = Reading(PRICE, "test", AT, AT)
ONE_OPEN: dict[str, Any] = {"trades": {"D9": trade()}}
RISK_25_USD = fixed("0.095")  # 25 USD x (28 bps stop + 10 bps fees)


def asked(age_ns: int, count: int = 1, who: str = str(OPERATOR), notional_usd: int = fixed(25)) -> dict[str, Any]:
    """Return a session that remembers `count` intents like the default one."""
    return {"recent_intents": (RecentIntent(AT - age_ns, who, BTC, LONG, notional_usd),) * count}


def ceiling(mode_ceiling: ModeCeiling) -> dict[str, StrategyRules]:
    """Return the strategies with the BTC range scalp's mode ceiling replaced."""
    rules = strategies()
    key = "BTC_range_scalp"
    return {**rules, key: msgspec.structs.replace(rules[key], mode_ceiling=mode_ceiling)}


CASES = (
    Case("armed, paper in paper", R.L1_DISABLED, PASSED),
    Case("trading disabled", R.L1_DISABLED, FAILED, limits={"trading_enabled": False}),
    Case("live asked of a paper process", R.L1_DISABLED, FAILED, intent={"mode": Mode.LIVE}),
    Case(
        "paper asked of a test process", R.L1_DISABLED, FAILED, limits={"mode": Mode.TEST}, session={"mode": Mode.TEST}
    ),
    Case("another mode's session", R.L1_DISABLED, FAILED, session={"mode": Mode.TEST}),
    Case("strategy nobody declared", R.L1_DISABLED, FAILED, intent={"strategy": "moon"}),
    Case("strategy ceiling is the mode", R.L1_DISABLED, PASSED, limits={"strategies": ceiling(ModeCeiling.PAPER)}),
    Case("strategy ceiling under the mode", R.L1_DISABLED, FAILED, limits={"strategies": ceiling(ModeCeiling.SHADOW)}),
    Case("declared agent's ceiling is the mode", R.L1_DISABLED, PASSED, intent={"principal": AGENT}),
    Case(
        "declared agent's ceiling under the mode",
        R.L1_DISABLED,
        FAILED,
        intent={"principal": AGENT},
        limits={"agents": {"scout": AgentRules("scout", 4, 0, ModeCeiling.SHADOW)}},
    ),
    Case(
        "undeclared agent in paper", R.L1_DISABLED, PASSED, intent={"principal": Principal(PrincipalKind.AGENT, "new")}
    ),
    Case(
        "undeclared agent in test",
        R.L1_DISABLED,
        FAILED,
        intent={"principal": Principal(PrincipalKind.AGENT, "new"), "mode": Mode.TEST},
        limits={"mode": Mode.TEST},
        session={"mode": Mode.TEST},
    ),
    Case("on the whitelist", R.L1_INSTRUMENT_UNKNOWN, PASSED),
    Case("not on the whitelist", R.L1_INSTRUMENT_UNKNOWN, FAILED, intent={"instrument_id": "DOGE/USD"}),
    Case("another asset's instrument", R.L1_INSTRUMENT_UNKNOWN, FAILED, intent={"instrument_id": ETH}),
    Case("no address", R.L1_COLD_WALLET, PASSED),
    Case("a warm address", R.L1_COLD_WALLET, PASSED, intent={"addresses": ("bc1qwarm",)}),
    Case(
        "a cold one in capitals",
        R.L1_COLD_WALLET,
        FAILED,
        intent={"addresses": (" BC1QCOLDSTORAGE0000000000000000000000000",)},
    ),
    Case("just under 415 USD", R.L1_NOTIONAL_TOO_LARGE, PASSED, intent={"notional_usd": fixed(415) - 1}),
    Case("415 USD", R.L1_NOTIONAL_TOO_LARGE, PASSED, intent={"notional_usd": fixed(415)}),
    Case("just over 415 USD", R.L1_NOTIONAL_TOO_LARGE, FAILED, intent={"notional_usd": fixed(415) + 1}),
    Case("one lot exactly", R.L1_NOTIONAL_TOO_SMALL, PASSED, intent={"notional_usd": fixed("10.8402")}),
    Case("one quantum under one lot", R.L1_NOTIONAL_TOO_SMALL, FAILED, intent={"notional_usd": fixed("10.8402") - 1}),
    Case(
        "venue minimum met exactly by the floored lots",
        R.L1_NOTIONAL_TOO_SMALL,
        PASSED,
        limits={"instruments": {BTC: instrument(notional_min_usd=TWO_LOTS_USD)}},
    ),
    Case(
        "venue minimum missed by the floored lots",
        R.L1_NOTIONAL_TOO_SMALL,
        FAILED,
        limits={"instruments": {BTC: instrument(notional_min_usd=TWO_LOTS_USD + 1)}},
    ),
    Case(
        "venue minimum quantity",
        R.L1_NOTIONAL_TOO_SMALL,
        FAILED,
        limits={"instruments": {BTC: instrument(quantity_min=fixed("0.0003"))}},
    ),
    Case("price missing", R.L1_NOTIONAL_TOO_SMALL, UNKNOWN, view={"price": MISSING}),
    Case("price stale", R.L1_NOTIONAL_TOO_SMALL, UNKNOWN, view={"price": STALE_PRICE}),
    Case("price as old as it may be", R.L1_NOTIONAL_TOO_SMALL, PASSED, view={"price": OLDEST_PRICE}),
    Case("price zero", R.L1_NOTIONAL_TOO_SMALL, UNKNOWN, view={"price": Reading(0, "test", AT, AT)}),
    Case("stop given", R.L1_STOP_MISSING, PASSED),
    Case("no stop", R.L1_STOP_MISSING, FAILED, intent={"stop_bps": None}),
    Case("stop of zero", R.L1_STOP_MISSING, FAILED, intent={"stop_bps": 0}),
    Case("500 bps", R.L1_STOP_TOO_WIDE, PASSED, intent={"stop_bps": fixed(500)}),
    Case("just over 500 bps", R.L1_STOP_TOO_WIDE, FAILED, intent={"stop_bps": fixed(500) + 1}),
    Case("no stop to judge", R.L1_STOP_TOO_WIDE, NOT_APPLICABLE, intent={"stop_bps": None}),
    Case("just over -100 USD", R.L1_DAILY_LOSS, PASSED, session={"realised_day_usd": 1 - fixed(100)}),
    Case("-100 USD", R.L1_DAILY_LOSS, FAILED, session={"realised_day_usd": -fixed(100)}),
    Case(
        "a profit of 1,000 USD",
        R.L1_DAILY_LOSS,
        PASSED,
        session={"realised_day_usd": fixed(1_000), "equity_peak_usd": fixed(1_000)},
    ),
    Case("-100 USD within 24 h", R.L1_DAILY_LOSS, FAILED, session={"ledger_24h": ((AT - DAY_NS + 1, -fixed(100)),)}),
    Case("-100 USD exactly 24 h ago", R.L1_DAILY_LOSS, PASSED, session={"ledger_24h": ((AT - DAY_NS, -fixed(100)),)}),
    Case("mark missing", R.L1_DAILY_LOSS, UNKNOWN, session=ONE_OPEN),
    Case("mark stale", R.L1_DAILY_LOSS, UNKNOWN, session=ONE_OPEN, snapshot={"marks": {BTC: STALE_PRICE}}),
    Case("mark fresh", R.L1_DAILY_LOSS, PASSED, session=ONE_OPEN, snapshot={"marks": {BTC: OLDEST_PRICE}}),
    Case(
        "unrealised loss counts",
        R.L1_DAILY_LOSS,
        FAILED,
        session={"trades": {"D9": trade(open_cost_usd=fixed("121.6804"))}},
        snapshot={"marks": {BTC: MARK}},
    ),
    Case("risk at half the room", R.L1_LOSS_AT_RISK, PASSED, limits={"drawdown_usd_max": 2 * RISK_25_USD}),
    Case("risk just over half the room", R.L1_LOSS_AT_RISK, ADJUSTED, limits={"drawdown_usd_max": 2 * RISK_25_USD - 1}),
    Case(
        "risk just over half the daily room",
        R.L1_LOSS_AT_RISK,
        ADJUSTED,
        session={"realised_day_usd": 2 * RISK_25_USD - 1 - fixed(100)},
        limits={"drawdown_usd_max": fixed(1_000)},
    ),
    Case(
        "risk is the room",
        R.L1_LOSS_AT_RISK,
        ADJUSTED,
        intent={"notional_usd": fixed(50)},
        limits={"drawdown_usd_max": 2 * RISK_25_USD},
    ),
    Case("risk just over the room", R.L1_LOSS_AT_RISK, FAILED, limits={"drawdown_usd_max": RISK_25_USD - 1}),
    Case(
        "reserved risk takes room",
        R.L1_LOSS_AT_RISK,
        FAILED,
        session={"reservations": {"D8": reservation(stop_risk_usd=fixed("19.825") + 1)}},
    ),
    Case(
        "reserved risk leaves just enough room",
        R.L1_LOSS_AT_RISK,
        PASSED,
        session={"reservations": {"D8": reservation(stop_risk_usd=fixed("19.825"))}},
    ),
    Case("stop missing", R.L1_LOSS_AT_RISK, UNKNOWN, intent={"stop_bps": None}),
    Case("mark missing", R.L1_LOSS_AT_RISK, UNKNOWN, session=ONE_OPEN),
    Case(
        "two open",
        R.L1_TOO_MANY_OPEN,
        PASSED,
        session={"reservations": {"D1": reservation("D1"), "D2": reservation("D2")}},
    ),
    Case(
        "one open and two reserved",
        R.L1_TOO_MANY_OPEN,
        FAILED,
        session={**ONE_OPEN, "reservations": {"D1": reservation("D1"), "D2": reservation("D2")}},
    ),
    Case(
        "exposure at the cap",
        R.L1_EXPOSURE,
        PASSED,
        session={"reservations": {"D8": reservation(notional_usd=fixed(1_220))}},
    ),
    Case(
        "just over the cap",
        R.L1_EXPOSURE,
        FAILED,
        session={"reservations": {"D8": reservation(notional_usd=fixed(1_220) + 1)}},
    ),
    Case("mark missing", R.L1_EXPOSURE, UNKNOWN, session=ONE_OPEN),
    Case("not in test mode", R.L1_TEST_TRADES, NOT_APPLICABLE, session={"entries_day": 3}),
    Case("limit price at the collar", R.L1_PRICE_COLLAR, PASSED, intent={"limit_price": PRICE + PRICE // 200}),
    Case("over the collar", R.L1_PRICE_COLLAR, FAILED, intent={"limit_price": PRICE + PRICE // 200 + 1}),
    Case("under the collar's lower edge", R.L1_PRICE_COLLAR, FAILED, intent={"limit_price": PRICE - PRICE // 200 - 1}),
    Case("at the collar's lower edge", R.L1_PRICE_COLLAR, PASSED, intent={"limit_price": PRICE - PRICE // 200}),
    Case("price missing", R.L1_PRICE_COLLAR, UNKNOWN, intent={"limit_price": PRICE}, view={"price": MISSING}),
    Case("no limit price", R.L1_PRICE_COLLAR, NOT_APPLICABLE, view={"price": MISSING}),
    Case("same side open", R.L1_OPPOSITE_SIDE, PASSED, session=ONE_OPEN, snapshot={"marks": {BTC: MARK}}),
    Case("opposite trade open", R.L1_OPPOSITE_SIDE, FAILED, session={"trades": {"D9": trade(side=SHORT)}}),
    Case(
        "opposite entry reserved", R.L1_OPPOSITE_SIDE, FAILED, session={"reservations": {"D8": reservation(side=SHORT)}}
    ),
    Case(
        "opposite on another instrument",
        R.L1_OPPOSITE_SIDE,
        PASSED,
        session={"reservations": {"D8": reservation("D8", "ETH", side=SHORT)}},
    ),
    Case("repeated after 2 s", R.L1_DUPLICATE, FAILED, session=asked(2 * SECOND_NS)),
    Case("repeated later", R.L1_DUPLICATE, PASSED, session=asked(2 * SECOND_NS + 1)),
    Case("other notional", R.L1_DUPLICATE, PASSED, session=asked(0, notional_usd=fixed(26))),
    Case("other principal", R.L1_DUPLICATE, PASSED, session=asked(0, who="agent:scout")),
    Case("with a key", R.L1_DUPLICATE, NOT_APPLICABLE, intent={"idempotency_key": "k"}, session=asked(0)),
    Case("fifth in a second", R.L1_RATE, PASSED, session=asked(SECOND_NS - 1, count=4)),
    Case("sixth in a second", R.L1_RATE, FAILED, session=asked(SECOND_NS - 1, count=5)),
    Case("five a second ago", R.L1_RATE, PASSED, session=asked(SECOND_NS, count=5)),
    Case("sixtieth in a minute", R.L1_RATE, PASSED, session=asked(MINUTE_NS - 1, count=59)),
    Case("sixty-first in a minute", R.L1_RATE, FAILED, session=asked(MINUTE_NS - 1, count=60)),
    Case("sixty a minute ago", R.L1_RATE, PASSED, session=asked(MINUTE_NS, count=60)),
    Case("another's sixty", R.L1_RATE, PASSED, session=asked(0, who="agent:scout", count=60)),
)


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_a_layer_1_check_decides_exactly_at_its_boundary(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(("used", "status"), [(2, PASSED), (3, FAILED)])
def test_a_test_session_has_three_trades(used: int, status: object) -> None:
    mode: dict[str, Any] = {"mode": Mode.TEST}
    limits = {**mode, "exposure_usd_max": fixed(100)}
    check(Case("test", R.L1_TEST_TRADES, status, intent=mode, session={**mode, "entries_day": used}, limits=limits))  # type: ignore[arg-type]
    under_way = {"entries_day": used - 1, "reservations": {"D8": reservation()}}
    check(Case("under way", R.L1_TEST_TRADES, status, intent=mode, session={**mode, **under_way}, limits=limits))  # type: ignore[arg-type]
