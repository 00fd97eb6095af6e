"""Aims: each one points a plan at one rule's edge: a quantum under, exactly at, a quantum over, far, missing, stale or in the future.

In: a random source and the plan so far. Out: (level, overrides). An aim that needs the account (room, exposure) works it out with the
oracle's own arithmetic. `AIMS` names the rule each one is about; the levels reached are counted by the differential test.
"""

from __future__ import annotations

from random import Random

from tests.oracle import aims_account as account
from tests.oracle.edges import LOT, STEPS, Aim, Aimed, changed, limits_in, near
from tests.oracle.naive_facts import ceil_div
from tests.oracle.plan import AT, CHANNEL_OF, E8, HOME, SECOND, Plan, price_of, reservation, strategy_of


def field(key: str, limit: int, far: int = E8) -> Aim:
    """Return an aim that puts one number of the plan at a fixed limit."""

    def aim(rng: Random, _plan: Plan) -> Aimed:
        level, value = near(rng, limit, far)
        return level, {key: value}

    return aim


def count(key: str, limit: int) -> Aim:
    """Return an aim for a whole-number count: limit - 1, limit, limit + 1."""

    def aim(rng: Random, _plan: Plan) -> Aimed:
        level, step = STEPS[rng.randrange(3)]
        return level, {key: limit + step}

    return aim


def staleness(name: str) -> Aim:
    """Return an aim at one reading's freshness: both ages at their limit and 1 ns past it, the future, and Missing."""

    def aim(rng: Random, plan: Plan) -> Aimed:
        rule = limits_in(plan).stale[CHANNEL_OF[name]]
        pick = rng.randrange(10)
        period = rng.choice((0, 300 * SECOND))
        if pick < 3:
            level, step = STEPS[pick]
            return level, {f"{name}_at": (rule.reject_after_ns + step, 0, period)}
        if pick < 6:
            level, step = STEPS[pick - 3]
            return f"value_{level}", {f"{name}_at": (0, period + rule.value_grace_ns + step, period)}
        if pick < 8:
            ahead = -2 * SECOND - (pick - 6)
            return ("future_equal", "future_over")[pick - 6], {
                f"{name}_at": rng.choice(((ahead, 0, period), (0, ahead, period)))
            }
        return "missing", {f"{name}_at": "missing"}

    return aim


# --- layer 1 ---


def disabled(rng: Random, plan: Plan) -> Aimed:
    ceiling = rng.choice(("shadow", "paper", "test", "live"))
    return rng.choice(
        (
            ("over", changed(plan, "limits", ("trading_enabled", False))),
            ("over", {"intent_mode": rng.choice(("paper", "test", "live"))}),
            ("over", {"session_mode": rng.choice(("paper", "test", "live"))}),
            (f"ceiling_{ceiling}", changed(plan, "strategy_rules", ("mode_ceiling", ceiling))),
            (
                f"agent_ceiling_{ceiling}",
                {**changed(plan, "agent_rules", ("mode_ceiling", ceiling)), "principal": "agent:scout"},
            ),
        )
    )


def unknown_instrument(rng: Random, _plan: Plan) -> Aimed:
    return "over", {"instrument": rng.choice(("okx:DOGE-USDT-SWAP", "bybit:BTCUSDT", "OKX:BTC-USDT-SWAP"))}


def cold_wallet(rng: Random, plan: Plan) -> Aimed:
    cold = limits_in(plan).cold_addresses[0]
    hot = "bc1qhot00000000000000000000000000000000000"
    return rng.choice(
        (
            ("over", {"addresses": (cold,)}),
            ("over", {"addresses": (hot, cold.upper())}),
            ("under", {"addresses": (hot,)}),
        )
    )


def lots(rng: Random, plan: Plan) -> Aimed:
    """Point the notional at a whole number of lots, as asked for or after the open-interest cut."""
    level, step = STEPS[rng.randrange(3)]
    worth = rng.randrange(1, 4) * LOT[plan["asset"]] * price_of(plan)
    if rng.randrange(2):
        return level, {"notional": ceil_div(worth, E8) + step}
    return f"cut_{level}", {"notional": ceil_div(worth * 10, 8 * E8) + step, "open_interest": 3 * E8 + 1}


def venue_minimum(rng: Random, plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    price, lot = price_of(plan), LOT[plan["asset"]]
    quantity = plan["notional"] * E8 // (lot * price) * lot
    if rng.randrange(2):
        return f"quantity_{level}", changed(plan, "instrument_rules", ("quantity_min", quantity + step))
    return f"notional_{level}", changed(plan, "instrument_rules", ("notional_min_usd", quantity * price // E8 + step))


def stop_missing(rng: Random, _plan: Plan) -> Aimed:
    return rng.choice(
        (
            ("missing", {"stop": None}),
            ("missing", {"stop": None, "tip_ratio": 2 * E8}),
            ("equal", {"stop": 0}),
            ("over", {"stop": 1}),
        )
    )


def stop_wide(rng: Random, plan: Plan) -> Aimed:
    """Point the stop itself, or the stop it is widened to, at the ceiling."""
    level, value = near(rng, 500 * E8)
    if rng.randrange(2):
        return level, {"stop": value}
    level, step = STEPS[rng.randrange(3)]
    ceiling = 35 * E8 if plan["asset"] == "BTC" else 45 * E8
    thin = {"depth": 1} if plan["asset"] == "BTC" else {"tip_ratio": 2 * E8}
    return f"widened_{level}", {**thin, **changed(plan, "limits", ("stop_bps_max", ceiling - step))}


def collar(rng: Random, plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    sign = rng.choice((1, -1))
    edge = price_of(plan) * 50 // 10_000
    return level, {"limit_price": price_of(plan) + sign * (edge + step)}


def duplicate(rng: Random, plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    twin = [2 * SECOND + step, plan["principal"], plan["asset"], plan["side"], plan["notional"]]
    change = rng.randrange(8)
    if change == 0:
        twin[1], level = "agent:other", "other"
    if change == 1:
        twin[4], level = plan["notional"] + 1, "other"
    if change == 2:
        twin[2], level = ("ETH" if plan["asset"] != "ETH" else "SOL"), "other"
    if change == 3:
        twin[3], level = ("long" if plan["side"] == "short" else "short"), "other"
    if change == 4:
        return "keyed", {"recent": (tuple(twin),), "idempotency_key": "k1"}
    return level, {"recent": (tuple(twin),)}


def rate(rng: Random, plan: Plan) -> Aimed:
    """Five earlier intents make six in a second; sixty make sixty-one in a minute; the oldest sits on the window's edge."""
    _, step = STEPS[rng.randrange(3)]
    window, most = rng.choice(((SECOND, 5), (60 * SECOND, 60)))
    older = rng.choice((window - 1, window, window + 1))
    others = [older] + [window - 1 - (1_000_000_000 if window > SECOND else 0) - n for n in range(most - 2 + step)]
    who = plan["principal"] if rng.randrange(4) else "agent:other"
    inside = most + step if older < window else most + step - 1
    level = (
        "other" if who != plan["principal"] else "equal" if inside + 0 == most else "over" if inside > most else "under"
    )
    return level, {
        "recent": tuple((ago, who, "ETH", "long", 7 * E8 + n) for n, ago in enumerate(sorted(others, reverse=True)))
    }


# --- layer 2 ---


def crowd(rng: Random, plan: Plan) -> Aimed:
    level, value = near(rng, (54 if plan["asset"] in ("BTC", "ETH") else 53) * E8)
    kind = {"positioning_kind": "taker_volume"} if rng.randrange(20) == 0 else {}
    return level, {"positioning": value, "side": "short", **kind}


def falling_depth(rng: Random, _plan: Plan) -> Aimed:
    level, value = near(rng, 53 * E8)
    strategy = rng.choice(("XRP_corridor_guard", "agent_pick", "ETH_mirror_btc"))
    falling = rng.choice((True, True, None, False))
    return level, {"asset": "XRP", "side": "short", "strategy": strategy, "positioning": value, "top3_falling": falling}


def funding(rng: Random, plan: Plan) -> Aimed:
    level, spread = near(rng, rng.choice((E8 // 4, E8 // 5, -E8 // 4)))
    return level, {"funding_a": plan["funding_b"] + spread, "side": "short"}


def squeeze(rng: Random, _plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    moment = rng.choice((AT - 3_600 * SECOND + step, AT - 3_600 * SECOND + step, AT, AT + SECOND, 0, 1))
    return level, {"squeeze": moment, "side": "short"}


def thin_book(rng: Random, _plan: Plan) -> Aimed:
    usual = rng.choice((500_000 * E8, 500_000 * E8 + 3, 0, None))
    level, step = STEPS[rng.randrange(3)]
    depth = (usual or 500_000 * E8) * 6 // 10 + step
    return level, {"asset": "BTC", "depth": depth, "depth_usual": usual, "stop": rng.choice((28, 30, 35, 36)) * E8}


def tips(rng: Random, _plan: Plan) -> Aimed:
    level, value = near(rng, 15 * E8 // 10)
    return level, {"asset": "SOL", "tip_ratio": value, "stop": rng.choice((35, 44, 45, 46)) * E8}


# --- layers 3 and 4 ---


def health(rng: Random, plan: Plan) -> Aimed:
    level, value = near(rng, 22 * E8 // 10, E8 // 10)
    aave = rng.choice((True, True, True, False))
    if rng.randrange(6) == 0:
        return "absent", {"health": None, **changed(plan, "limits", ("aave_configured", aave))}
    return level, {"health": value, **changed(plan, "limits", ("aave_configured", aave))}


def health_critical(rng: Random, plan: Plan) -> Aimed:
    level, value = near(rng, 2 * E8, E8 // 10)
    floor = rng.choice((22 * E8 // 10, 19 * E8 // 10))
    return level, {"health": value, **changed(plan, "limits", ("health_factor_min", floor))}


def trade_cap(rng: Random, plan: Plan) -> Aimed:
    """Point entries of the day, of the strategy or of the agent, booked or reserved, at their caps."""
    level, step = STEPS[rng.randrange(3)]
    key, who = strategy_of(plan), rng.choice(("operator:anna", "agent:scout"))
    held = rng.randrange(2)
    asset, side = plan["asset"], plan["side"]
    waiting = tuple(reservation(f"D{n}", asset, side, E8, 0, strategy=key, principal=who) for n in range(40, 40 + held))
    most = {"all": 6, key: 2 if key == HOME["XRP"] else 6, "agent:scout": 4}
    which = rng.choice(tuple(most))
    base: Plan = {"reservations": waiting, "trades": (), "principal": who if which != "agent:scout" else "agent:scout"}
    if which == "all":
        return level, {**base, "entries_day": max(0, 6 + step - held)}
    return f"own_{level}", {**base, "entries_by": ((which, max(0, most[which] + step - held)),)}


def cooldown(rng: Random, plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    if rng.randrange(2):
        key, rules = strategy_of(plan), "strategy_rules"
    else:
        key, rules = "agent:scout", "agent_rules"
    who = {"principal": "agent:scout"} if rules == "agent_rules" else {}
    return level, {
        **changed(plan, rules, ("cooldown_ns", 900 * SECOND)),
        "last_entry_ago": ((key, 900 * SECOND + step),),
        **who,
    }


def costs(rng: Random, plan: Plan) -> Aimed:
    level, value = near(rng, 10 * E8 + plan["spread"])
    if rng.randrange(10) == 0:
        return "missing", {"targets": ()}
    return level, {"targets": (value, 2 * value)}


HALT_CAUSES = (
    "L4_OPERATOR",
    "L4_FEED_OUTAGE",
    "L4_RECONCILE",
    "L4_JOURNAL",
    "L4_CLOCK",
    "L4_LOSSES",
    "L4_SESSION_DRAWDOWN",
    "L4_HEALTH_FACTOR_CRITICAL",
)


def halted(rng: Random, plan: Plan) -> Aimed:
    if rng.randrange(8) == 0:
        return "over", {"flattening": True}
    scope, level = rng.choice((((), "over"), ((plan["asset"],), "over"), (("DOGE",), "under")))
    causes = rng.sample(HALT_CAUSES, rng.choice((1, 1, 2)))
    return level, {"halts": tuple((cause, scope) for cause in causes)}


AIMS: tuple[tuple[str, Aim], ...] = (
    ("L1_DISABLED", disabled),
    ("L1_INSTRUMENT_UNKNOWN", unknown_instrument),
    ("L1_COLD_WALLET", cold_wallet),
    ("L1_NOTIONAL_TOO_LARGE", field("notional", 415 * E8)),
    ("L1_NOTIONAL_TOO_SMALL", lots),
    ("VENUE_MINIMUM", venue_minimum),
    ("L1_STOP_MISSING", stop_missing),
    ("L1_STOP_TOO_WIDE", stop_wide),
    ("L1_DAILY_LOSS", account.daily_loss),
    ("L1_LOSS_AT_RISK", account.loss_at_risk),
    ("ABOVE_PEAK", account.above_peak),
    ("HALF_ROOM", account.half_room),
    ("PROFIT", account.profit),
    ("L1_TOO_MANY_OPEN", account.too_many),
    ("L1_EXPOSURE", account.exposure),
    ("L1_TEST_TRADES", account.trades_of_test_mode),
    ("L1_PRICE_COLLAR", collar),
    ("L1_OPPOSITE_SIDE", account.opposite),
    ("L1_DUPLICATE", duplicate),
    ("L1_RATE", rate),
    ("L2_SHORTS_CROWDED", crowd),
    ("XRP_FALLING_DEPTH", falling_depth),
    ("L2_FUNDING_DIVERGENCE", funding),
    ("L2_OI_SPIKE", field("open_interest", 3 * E8)),
    ("L2_FRESH_SQUEEZE", squeeze),
    ("THIN_BOOK", thin_book),
    ("TIPS", tips),
    ("L2_CONFIDENCE", field("confidence", 8 * E8 // 10, E8 // 10)),
    ("L3_HEALTH_FACTOR_LOW", health),
    ("L3_DAILY_TRADE_CAP", trade_cap),
    ("COOLDOWN", cooldown),
    ("L3_LOSS_STREAK", count("streak", 2)),
    ("L3_SPREAD_WIDE", field("spread", 5 * E8)),
    ("L3_COSTS_EXCEED_TARGET", costs),
    ("L4_HALTED", halted),
    ("L4_SESSION_DRAWDOWN", account.drawdown),
    ("L4_LOSSES", count("losses", 5)),
    ("L4_HEALTH_FACTOR_CRITICAL", health_critical),
    ("HEALTH_SUSPECTED", lambda _rng, _plan: ("suspected", {"health_suspected": AT - SECOND})),
    ("HOLDINGS", account.holdings),
    ("MARKS", account.marks),
    *((f"STALE_{name}", staleness(name)) for name in CHANNEL_OF),
)
