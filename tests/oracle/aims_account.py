"""Aims at the account: losses, room, slots, exposure, drawdown, and the open trades and marks they are worked out from.

In: a random source and the plan so far. Out: (level, overrides). Rooms are worked out with the oracle's own arithmetic.
"""

from __future__ import annotations

from random import Random

from tests.oracle.edges import LOT, STEPS, Aimed, limits_in
from tests.oracle.naive_facts import Account, risk_of, the_account
from tests.oracle.plan import AT, DAY, E8, HOME, SECOND, Plan, build, price_of, reservation
from tidegate.model.limits import Limits


def _account(plan: Plan) -> tuple[Account, int | None, Limits]:
    """Return the account, this order's stop risk at the notional asked for, and the limits."""
    intent, snapshot, session, limits = build(plan)
    return the_account(snapshot, session, limits), risk_of(intent, intent.notional_usd, intent.stop_bps, limits), limits


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
    limits = limits_in(plan)
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


def above_peak(rng: Random, plan: Plan) -> Aimed:
    """Put equity above its peak and fill the drawdown room to the quantum: profit must not have made it larger."""
    account, risk, limits = _account({**plan, "reservations": ()})
    if account.drawdown is None or account.open_risk is None or risk is None:
        return "unmarked", {}
    level, step = STEPS[rng.randrange(3)]
    rest = max(0, limits.drawdown_usd_max - account.open_risk - risk + step)
    held = reservation("D60", plan["asset"], plan["side"], E8, rest)
    return level, {"reservations": (held,), "peak": plan["peak"] - account.drawdown - rng.randrange(1, 50 * E8)}


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


def opposite(rng: Random, plan: Plan) -> Aimed:
    other = "short" if plan["side"] == "long" else "long"
    asset = rng.choice((plan["asset"], plan["asset"], "ETH"))
    side, level = rng.choice(((other, "over"), (plan["side"], "under")))
    if rng.randrange(2):
        return level, {"reservations": (reservation("D30", asset, side, E8, E8 // 100),)}
    return level, with_trades(rng, plan, ((asset, side),))


def drawdown(rng: Random, plan: Plan) -> Aimed:
    account, _, limits = _account(plan)
    if account.drawdown is None:
        return "unmarked", {}
    if rng.randrange(8) == 0:
        return "suspected", {"drawdown_suspected": AT - SECOND}
    level, step = STEPS[rng.randrange(3)]
    return level, {"peak": plan["peak"] - account.drawdown + limits.drawdown_usd_max + step}


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
    held = tuple(
        (rng.choice(("BTC", "ETH", "SOL", "XRP", plan["asset"])), rng.choice(sides)) for _ in range(rng.randrange(1, 3))
    )
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
