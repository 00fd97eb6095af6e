"""Aims: each one points a plan at one rule's edge: a quantum under, exactly at, a quantum over, far, missing, stale or in the future.

In: a random source and the plan so far. Out: (level, overrides). An aim that needs the account (room, exposure) works it out with the
oracle's own arithmetic. `AIMS` names the rule each one is about; the levels reached are counted by the differential test.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.oracle.naive_facts import Account, ceil_div, risk_of, the_account
from tests.oracle.plan import AT, CHANNEL_OF, DAY, E8, HOME, SECOND, Plan, build, limits_of, price_of, reservation, strategy_of
from tidegate.model.limits import Limits

Aimed = tuple[str, Plan]
Aim = Callable[[Random, Plan], Aimed]

STEPS = (("under", -1), ("equal", 0), ("over", 1))
LOT = {"BTC": E8 // 10_000, "ETH": E8 // 1_000, "SOL": E8 // 100, "XRP": E8}


def near(rng: Random, limit: int, far: int = E8) -> tuple[str, int]:
    """Return a level and the value one quantum under, at, one quantum over, or far from a limit."""
    pick = rng.randrange(8)
    if pick < 6:
        level, step = STEPS[pick % 3]
        return level, limit + step
    return ("far_over", limit + rng.randrange(1, far)) if pick == 6 else ("far_under", limit - rng.randrange(1, far))


def _limits(plan: Plan) -> Limits:
    return limits_of(
        plan["mode"], plan["asset"], plan["limits"], plan["instrument_rules"], plan["strategy_rules"], plan["agent_rules"]
    )


def _account(plan: Plan) -> tuple[Account, int | None, Limits]:
    """Return the account, this order's stop risk at the notional asked for, and the limits."""
    intent, snapshot, session, limits = build(plan)
    return the_account(snapshot, session, limits), risk_of(intent, intent.notional_usd, intent.stop_bps, limits), limits


def _changed(plan: Plan, key: str, *pairs: tuple[str, Any]) -> Plan:
    return {key: tuple(plan[key]) + pairs}


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
        rule = _limits(plan).stale[CHANNEL_OF[name]]
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
            return ("future_equal", "future_over")[pick - 6], {f"{name}_at": rng.choice(((ahead, 0, period), (0, ahead, period)))}
        return "missing", {f"{name}_at": "missing"}

    return aim


# --- layer 1 ---


def disabled(rng: Random, plan: Plan) -> Aimed:
    ceiling = rng.choice(("shadow", "paper", "test", "live"))
    return rng.choice(
        (
            ("over", _changed(plan, "limits", ("trading_enabled", False))),
            ("over", {"intent_mode": rng.choice(("paper", "test", "live"))}),
            ("over", {"session_mode": rng.choice(("paper", "test", "live"))}),
            (f"ceiling_{ceiling}", _changed(plan, "strategy_rules", ("mode_ceiling", ceiling))),
            (f"agent_ceiling_{ceiling}", {**_changed(plan, "agent_rules", ("mode_ceiling", ceiling)), "principal": "agent:scout"}),
        )
    )


def unknown_instrument(rng: Random, _plan: Plan) -> Aimed:
    return "over", {"instrument": rng.choice(("okx:DOGE-USDT-SWAP", "bybit:BTCUSDT", "OKX:BTC-USDT-SWAP"))}


def cold_wallet(rng: Random, plan: Plan) -> Aimed:
    cold = _limits(plan).cold_addresses[0]
    hot = "bc1qhot00000000000000000000000000000000000"
    return rng.choice((("over", {"addresses": (cold,)}), ("over", {"addresses": (hot, cold.upper())}), ("under", {"addresses": (hot,)})))


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
        return f"quantity_{level}", _changed(plan, "instrument_rules", ("quantity_min", quantity + step))
    return f"notional_{level}", _changed(plan, "instrument_rules", ("notional_min_usd", quantity * price // E8 + step))


def stop_missing(rng: Random, _plan: Plan) -> Aimed:
    return rng.choice((("missing", {"stop": None}), ("missing", {"stop": None, "tip_ratio": 2 * E8}), ("equal", {"stop": 0})))


def stop_wide(rng: Random, plan: Plan) -> Aimed:
    """Point the stop itself, or the stop it is widened to, at the ceiling."""
    level, value = near(rng, 500 * E8)
    if rng.randrange(2):
        return level, {"stop": value}
    level, step = STEPS[rng.randrange(3)]
    ceiling = 35 * E8 if plan["asset"] == "BTC" else 45 * E8
    thin = {"depth": 1} if plan["asset"] == "BTC" else {"tip_ratio": 2 * E8}
    return f"widened_{level}", {**thin, **_changed(plan, "limits", ("stop_bps_max", ceiling - step))}


def daily_loss(rng: Random, plan: Plan) -> Aimed:
    """Point the UTC day, or the rolling 24 h (with bookings exactly a day old, a nanosecond more and less), at the daily limit."""
    account, _, limits = _account({**plan, "day_pnl": 0, "ledger": ()})
    if account.drawdown is None:
        return "unmarked", {}
    unrealised = plan["peak"] - account.drawdown
    level, step = STEPS[rng.randrange(3)]
    loss = -limits.daily_loss_usd_max - unrealised - (step if rng.randrange(2) else step * rng.randrange(1, E8))
    if rng.randrange(2):
        return level, {"day_pnl": loss, "peak": min(plan["peak"], loss + unrealised)}
    age = DAY + rng.choice((-1, 0, 1))
    extra = rng.choice(((), ((age, -rng.randrange(1, 200) * E8),), ((age, 50 * E8),)))
    return f"rolling_{level}", {"ledger": ((SECOND, loss), *extra)}


def _room(rng: Random, plan: Plan, room: int, unrealised: int) -> Plan:
    """Return what leaves exactly `room`: by the day, by the last 24 h, or by the drawdown."""
    limits = _limits(plan)
    day_pnl = room - limits.daily_loss_usd_max - unrealised
    drawn = unrealised + limits.drawdown_usd_max - room
    return rng.choice(
        (
            {"day_pnl": day_pnl, "ledger": (), "peak": day_pnl + unrealised},
            {"day_pnl": 0, "ledger": ((3_600 * SECOND, day_pnl),), "peak": unrealised},
            {"day_pnl": 0, "ledger": (), "peak": drawn},
        )
    )


def loss_at_risk(rng: Random, plan: Plan) -> Aimed:
    account, risk, _ = _account({**plan, "day_pnl": 0, "ledger": ()})
    if account.drawdown is None or account.open_risk is None or risk is None:
        return "unmarked", {}
    level, step = STEPS[rng.randrange(3)]
    return level, _room(rng, plan, account.open_risk + risk - step, plan["peak"] - account.drawdown)


def half_room(rng: Random, plan: Plan) -> Aimed:
    account, risk, _ = _account({**plan, "day_pnl": 0, "ledger": ()})
    if account.drawdown is None or risk is None:
        return "unmarked", {}
    level, step = STEPS[rng.randrange(3)]
    spike = {"open_interest": 4 * E8} if rng.randrange(3) == 0 else {}
    return level, {**_room(rng, plan, 2 * risk - step, plan["peak"] - account.drawdown), **spike}


def profit(rng: Random, _plan: Plan) -> Aimed:
    """A large profit, booked today, yesterday, or as an old peak: it must refuse nothing by itself (G10)."""
    usd = rng.randrange(1, 5_000) * E8
    return "far_under", rng.choice(({"day_pnl": usd, "peak": usd}, {"ledger": ((SECOND, usd),)}, {"day_pnl": usd}))


def too_many(rng: Random, plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    held = tuple(reservation(f"D{n}", "ETH", "long", E8, E8 // 100) for n in range(10, 13 + step))
    return level, {"reservations": held, "trades": (), "asset": plan["asset"]}


def exposure(rng: Random, plan: Plan) -> Aimed:
    account, _, limits = _account({**plan, "reservations": ()})
    if account.exposure is None:
        return "unmarked", {}
    level, step = STEPS[rng.randrange(3)]
    rest = limits.exposure_usd_max - account.exposure - plan["notional"] + step
    asset, side = rng.choice(((plan["asset"], plan["side"]), ("ETH", "long")))
    return level, {"reservations": (reservation("D20", asset, side, rest, E8 // 100),) if rest > 0 else ()}


def trades_of_test_mode(rng: Random, _plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    held = rng.randrange(2)
    return level, {
        "mode": "test",
        "entries_day": 3 + step - held,
        "reservations": tuple(reservation(f"D{n}", "ETH", "long", E8, 0) for n in range(held)),
    }


def collar(rng: Random, plan: Plan) -> Aimed:
    level, step = STEPS[rng.randrange(3)]
    sign = rng.choice((1, -1))
    edge = price_of(plan) * 50 // 10_000
    return level, {"limit_price": price_of(plan) + sign * (edge + step)}


def opposite(rng: Random, plan: Plan) -> Aimed:
    other = "short" if plan["side"] == "long" else "long"
    asset = rng.choice((plan["asset"], plan["asset"], "ETH"))
    side, level = rng.choice(((other, "over"), (plan["side"], "under")))
    if rng.randrange(2):
        return level, {"reservations": (reservation("D30", asset, side, E8, E8 // 100),)}
    return level, with_trades(rng, plan, ((asset, side),))


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
    level = "other" if who != plan["principal"] else "equal" if inside + 0 == most else "over" if inside > most else "under"
    return level, {"recent": tuple((ago, who, "ETH", "long", 7 * E8 + n) for n, ago in enumerate(sorted(others, reverse=True)))}


# --- layer 2 ---


def crowd(rng: Random, plan: Plan) -> Aimed:
    level, value = near(rng, (54 if plan["asset"] in ("BTC", "ETH") else 53) * E8)
    kind = {"positioning_kind": "taker_volume"} if rng.randrange(20) == 0 else {}
    return level, {"positioning": value, "side": "short", **kind}


def falling_depth(rng: Random, _plan: Plan) -> Aimed:
    level, value = near(rng, 53 * E8)
    strategy = rng.choice(("XRP_corridor_guard", "agent_pick", "cross_exchange_arbitrage"))
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
        return "absent", {"health": None, **_changed(plan, "limits", ("aave_configured", aave))}
    return level, {"health": value, **_changed(plan, "limits", ("aave_configured", aave))}


def health_critical(rng: Random, plan: Plan) -> Aimed:
    level, value = near(rng, 2 * E8, E8 // 10)
    floor = rng.choice((22 * E8 // 10, 19 * E8 // 10))
    return level, {"health": value, **_changed(plan, "limits", ("health_factor_min", floor))}


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
        **_changed(plan, rules, ("cooldown_ns", 900 * SECOND)),
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


def drawdown(rng: Random, plan: Plan) -> Aimed:
    account, _, limits = _account(plan)
    if account.drawdown is None:
        return "unmarked", {}
    if rng.randrange(8) == 0:
        return "suspected", {"drawdown_suspected": AT - SECOND}
    level, step = STEPS[rng.randrange(3)]
    return level, {"peak": plan["peak"] - account.drawdown + limits.drawdown_usd_max + step}


# --- the account ---


def with_trades(rng: Random, plan: Plan, held: tuple[tuple[str, str], ...]) -> Plan:
    """Return open trades of the given assets and sides at odd prices, some in profit, some past their stop, with their marks."""
    made, marks = [], {}
    for number, (asset, side) in enumerate(held):
        mark = marks.setdefault(asset, price_of({**plan, "asset": asset, "price": None}) + rng.randrange(-999, 999))
        sign = 1 if side == "long" else -1
        quantity = LOT[asset] * rng.randrange(1, 5)
        entry = mark + mark * rng.randrange(-60, 60) // 10_000
        made.append(
            {
                "id": f"D{number + 1}",
                "asset": asset,
                "side": side,
                "quantity": quantity,
                "cost": entry * quantity // E8 + rng.randrange(2),
                "stop_price": rng.choice((entry - sign * entry * 28 // 10_000, mark + sign, mark, mark - sign)),
                "strategy": HOME[asset],
                "principal": rng.choice(("operator:anna", "agent:scout")),
            }
        )
    return {"trades": tuple(made), "marks": tuple((asset, mark, None) for asset, mark in marks.items())}


def holdings(rng: Random, plan: Plan) -> Aimed:
    """Open one or two trades, sometimes with a reservation of its own remainder."""
    sides = [plan["side"], plan["side"], "long", "short"]
    held = tuple((rng.choice(("BTC", "ETH", "SOL", "XRP", plan["asset"])), rng.choice(sides)) for _ in range(rng.randrange(1, 3)))
    opened = with_trades(rng, plan, held)
    if rng.randrange(3) == 0:
        asset, side = held[0]
        rest = reservation(rng.choice(("D1", "D50")), asset, side, 5 * E8 + rng.randrange(9), rng.randrange(E8))
        opened["reservations"] = (rest,)
    return "holdings", opened


def marks(rng: Random, plan: Plan) -> Aimed:
    """Make the mark of an open trade too old, missing or from the future."""
    opened = plan if plan["trades"] else {**plan, **holdings(rng, plan)[1]}
    if not opened["marks"]:
        return "unmarked", {}
    level, at = rng.choice(
        (
            ("equal", (5 * SECOND, 0, 0)),
            ("over", (5 * SECOND + 1, 0, 0)),
            ("value_equal", (0, 120 * SECOND, 0)),
            ("value_over", (0, 120 * SECOND + 1, 0)),
            ("future_over", (-2 * SECOND - 1, 0, 0)),
            ("missing", None),
        )
    )
    first, *rest = opened["marks"]
    aged = () if level == "missing" else ((first[0], first[1], at),)
    return level, {"trades": opened["trades"], "reservations": opened["reservations"], "marks": (*aged, *rest)}


AIMS: tuple[tuple[str, Aim], ...] = (
    ("L1_DISABLED", disabled),
    ("L1_INSTRUMENT_UNKNOWN", unknown_instrument),
    ("L1_COLD_WALLET", cold_wallet),
    ("L1_NOTIONAL_TOO_LARGE", field("notional", 415 * E8)),
    ("L1_NOTIONAL_TOO_SMALL", lots),
    ("VENUE_MINIMUM", venue_minimum),
    ("L1_STOP_MISSING", stop_missing),
    ("L1_STOP_TOO_WIDE", stop_wide),
    ("L1_DAILY_LOSS", daily_loss),
    ("L1_LOSS_AT_RISK", loss_at_risk),
    ("HALF_ROOM", half_room),
    ("PROFIT", profit),
    ("L1_TOO_MANY_OPEN", too_many),
    ("L1_EXPOSURE", exposure),
    ("L1_TEST_TRADES", trades_of_test_mode),
    ("L1_PRICE_COLLAR", collar),
    ("L1_OPPOSITE_SIDE", opposite),
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
    ("L4_SESSION_DRAWDOWN", drawdown),
    ("L4_LOSSES", count("losses", 5)),
    ("L4_HEALTH_FACTOR_CRITICAL", health_critical),
    ("HEALTH_SUSPECTED", lambda _rng, _plan: ("suspected", {"health_suspected": AT - SECOND})),
    ("HOLDINGS", holdings),
    ("MARKS", marks),
    *((f"STALE_{name}", staleness(name)) for name in CHANNEL_OF),
)
