"""Plans: one case of the differential test as a small dict of plain values over `CALM`, and the four values built from it.

In: overrides such as `{"side": "short", "positioning": 5400000001}`. Out: (intent, snapshot, session, limits). `CALM` alone is approved.
A dict prints as Python, so that a difference can be pasted into a prompt, and shrinks by leaving keys out.
Readings: key `<name>` is the value, `<name>_at` is None (fresh), "missing", or (arrival age ns, value age ns, period ns).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from tests.support import gate_world as world
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.intent import Intent, Mode, Principal, PrincipalKind
from tidegate.model.limits import Limits
from tidegate.model.observation import Channel, Side
from tidegate.model.session import RecentIntent, Session
from tidegate.model.snapshot import AssetView, BookView, Missing, Reading, Snapshot
from tidegate.model.trade import Reservation, Trade

AT, E8, SECOND, DAY = world.AT, 10**8, 10**9, 86_400 * 10**9
Plan = dict[str, Any]
Four = tuple[Intent, Snapshot, Session, Limits]

ASSETS = ("BTC", "ETH", "SOL", "XRP")
HOME = {
    "BTC": "BTC_range_scalp",
    "ETH": "ETH_mirror_btc",
    "SOL": "SOL_priority_fee_shock_fade",
    "XRP": "XRP_corridor_guard",
}
READINGS = (
    "price",
    "book",
    "positioning",
    "funding_a",
    "funding_b",
    "open_interest",
    "squeeze",
    "priority_fee",
    "tip_ratio",
    "health",
)
CHANNEL_OF = {
    "price": Channel.PRICE,
    "book": Channel.BOOK,
    "positioning": Channel.POSITIONING,
    "funding_a": Channel.FUNDING,
    "funding_b": Channel.FUNDING,
    "open_interest": Channel.OPEN_INTEREST,
    "squeeze": Channel.LIQUIDATIONS,
    "priority_fee": Channel.PRIORITY_FEE,
    "tip_ratio": Channel.TIP,
    "health": Channel.HEALTH_FACTOR,
}

CALM: Plan = {
    # intent
    "asset": "BTC",
    "instrument": None,
    "strategy": None,
    "side": "long",
    "principal": "operator:anna",
    "intent_mode": None,
    "notional": 25 * E8,
    "stop": 28 * E8,
    "targets": (25 * E8, 50 * E8, 90 * E8),
    "limit_price": None,
    "confidence": None,
    "idempotency_key": None,
    "addresses": (),
    "received_ago": 0,
    # snapshot
    "view_asset": None,
    "price": None,
    "spread": 1 * E8,
    "depth": 500_000 * E8,
    "depth_usual": 500_000 * E8,
    "top3_falling": False,
    "positioning": 50 * E8,
    "positioning_kind": "account_ratio",
    "funding_a": 1 * E8,
    "funding_b": 1 * E8,
    "open_interest": 0,
    "squeeze": 0,
    "priority_fee": 5_000 * E8,
    "tip_ratio": 1 * E8,
    "health": 3 * E8,
    "marks": (),
    # session
    "session_mode": None,
    "day_pnl": 0,
    "ledger": (),
    "peak": 0,
    "drawdown_suspected": 0,
    "health_suspected": 0,
    "losses": 0,
    "streak": 0,
    "entries_day": 0,
    "entries_by": (),
    "last_entry_ago": (),
    "trades": (),
    "reservations": (),
    "halts": (),
    "recent": (),
    "flattening": False,
    # limits
    "mode": "paper",
    "limits": (),
    "instrument_rules": (),
    "strategy_rules": (),
    "agent_rules": (),
    **{f"{name}_at": None for name in READINGS},
}


def build(overrides: Plan) -> Four:
    """Return the four values of `decide` for a plan: `CALM` with overrides."""
    plan = {**CALM, **overrides}
    limits = limits_of(
        plan["mode"],
        plan["asset"],
        plan["limits"],
        plan["instrument_rules"],
        plan["strategy_rules"],
        plan["agent_rules"],
    )
    return _intent(plan), _snapshot(plan), _session(plan), limits


@lru_cache(maxsize=4096)
def limits_of(mode: str, asset: str, changes: Any, instrument: Any, strategy: Any, agent: Any) -> Limits:
    """Return SPEC's limits in a mode with changes: pairs (field, value) for the limits and for the asset's instrument, its own and the
    external strategy, and the agent."""
    limits = world.limits(mode=Mode(mode), **({"exposure_usd_max": 100 * E8} if mode == "test" else {}))
    if instrument:
        identity = f"okx:{asset}-USDT-SWAP"
        changed = msgspec.structs.replace(limits.instruments[identity], **dict(instrument))
        limits = msgspec.structs.replace(limits, instruments={**limits.instruments, identity: changed})
    if strategy:
        for key in (HOME[asset], "agent_pick"):
            changed_rules = msgspec.structs.replace(limits.strategies[key], **dict(strategy))
            limits = msgspec.structs.replace(limits, strategies={**limits.strategies, key: changed_rules})
    if agent:
        changed_agent = msgspec.structs.replace(limits.agents["scout"], **dict(agent))
        limits = msgspec.structs.replace(limits, agents={"scout": changed_agent})
    return msgspec.structs.replace(limits, **dict(changes))


def strategy_of(plan: Plan) -> str:
    """Return the plan's strategy: its asset's own unless one is named."""
    return plan["strategy"] or HOME[plan["asset"]]


def price_of(plan: Plan) -> int:
    """Return the plan's reference price: the seed's unless one is given."""
    return world.PRICES[plan["asset"]] if plan["price"] is None else plan["price"]


def principal_of(text: str) -> Principal:
    """Return `kind:name` as a principal."""
    kind, _, name = text.partition(":")
    return Principal(PrincipalKind(kind), name)


def _intent(plan: Plan) -> Intent:
    return Intent(
        intent_id="I1",
        received_ns=AT - plan["received_ago"],
        principal=principal_of(plan["principal"]),
        strategy=strategy_of(plan),
        instrument_id=plan["instrument"] or f"okx:{plan['asset']}-USDT-SWAP",
        asset=plan["asset"],
        side=Side(plan["side"]),
        notional_usd=plan["notional"],
        mode=Mode(plan["intent_mode"] or plan["mode"]),
        stop_bps=plan["stop"],
        targets_bps=plan["targets"],
        hold_ns=60 * SECOND,
        limit_price=plan["limit_price"],
        confidence=plan["confidence"],
        idempotency_key=plan["idempotency_key"],
        addresses=plan["addresses"],
    )


def _reading(value: int, at: Any) -> Reading | Missing:
    if at == "missing":
        return Missing("no source")
    arrival_age, value_age, period = at or (0, 0, 0)
    return Reading(value, "test", AT - value_age, AT - arrival_age, period)


def _snapshot(plan: Plan) -> Snapshot:
    price, asset = price_of(plan), plan["asset"]
    book: BookView | Missing = Missing("no source")
    if plan["book_at"] != "missing":
        arrival_age, value_age, period = plan["book_at"] or (0, 0, 0)
        book = BookView(
            price - price // 20_000,
            price + price // 20_000,
            plan["spread"],
            plan["depth"],
            plan["depth_usual"],
            50_000 * E8,
            plan["top3_falling"],
            "test",
            AT - value_age,
            AT - arrival_age,
            period,
        )
    view = AssetView(
        asset=plan["view_asset"] or asset,
        price=_reading(price, plan["price_at"]),
        book=book,
        positioning=_reading(plan["positioning"], plan["positioning_at"]),
        positioning_kind=plan["positioning_kind"],
        funding_a=_reading(plan["funding_a"], plan["funding_a_at"]),
        funding_b=_reading(plan["funding_b"], plan["funding_b_at"]),
        open_interest=_reading(plan["open_interest"], plan["open_interest_at"]),
        squeeze=_reading(plan["squeeze"], plan["squeeze_at"]),
        priority_fee=_reading(plan["priority_fee"], plan["priority_fee_at"]),
        tip_ratio=_reading(plan["tip_ratio"], plan["tip_ratio_at"]),
    )
    health = None if plan["health"] is None else _reading(plan["health"], plan["health_at"])
    marks = {f"okx:{name}-USDT-SWAP": _reading(value, at) for name, value, at in plan["marks"]}
    return Snapshot(asof_ns=AT, view=view, marks=marks, health_factor=health)  # type: ignore[arg-type]


def trade(
    trade_id: str, asset: str, side: str, *numbers: int, strategy: str = "", principal: str = "operator:anna"
) -> Plan:
    """Return an open trade for a plan; numbers: open quantity, open cost in USD, stop price."""
    quantity, cost_usd, stop_price = numbers
    return {
        "id": trade_id,
        "asset": asset,
        "side": side,
        "quantity": quantity,
        "cost": cost_usd,
        "stop_price": stop_price,
        "strategy": strategy or HOME[asset],
        "principal": principal,
    }


def reservation(
    trade_id: str, asset: str, side: str, *numbers: int, strategy: str = "", principal: str = "operator:anna"
) -> Plan:
    """Return a reservation for a plan; numbers: notional and stop risk in USD."""
    notional_usd, risk_usd = numbers
    return {
        "id": trade_id,
        "asset": asset,
        "side": side,
        "notional": notional_usd,
        "risk": risk_usd,
        "strategy": strategy or HOME[asset],
        "principal": principal,
    }


def _trade(spec: Plan) -> Trade:
    return Trade(
        trade_id=spec["id"],
        principal=principal_of(spec["principal"]),
        strategy=spec["strategy"],
        instrument_id=f"okx:{spec['asset']}-USDT-SWAP",
        asset=spec["asset"],
        side=Side(spec["side"]),
        opened_ns=AT - 60 * SECOND,
        entry_quantity=spec["quantity"],
        entry_notional_usd=spec["cost"],
        open_quantity=spec["quantity"],
        open_cost_usd=spec["cost"],
        gross_usd=0,
        fees_usd=0,
        funding_usd=0,
        stop_bps=28 * E8,
        stop_price=spec["stop_price"],
        targets=(),
        hold_ns=60 * SECOND,
        uptick_exit_ns=0,
        invalidation=None,
    )


def _reservation(spec: Plan) -> Reservation:
    return Reservation(
        decision_id=spec["id"],
        principal=principal_of(spec["principal"]),
        strategy=spec["strategy"],
        instrument_id=f"okx:{spec['asset']}-USDT-SWAP",
        asset=spec["asset"],
        side=Side(spec["side"]),
        notional_usd=spec["notional"],
        stop_risk_usd=spec["risk"],
        reserved_ns=AT - 10 * SECOND,
        quantity=1,
        stop_bps=28 * E8,
        targets=(),
        hold_ns=60 * SECOND,
        uptick_exit_ns=0,
        invalidation=None,
    )


def _session(plan: Plan) -> Session:
    halts = [Halt(Reason(cause), AT - 30 * SECOND, "planned", assets) for cause, assets in plan["halts"]]
    recent: dict[str, tuple[RecentIntent, ...]] = {}
    for ago, who, asset, side, notional in plan["recent"]:
        earlier = RecentIntent(AT - ago, who, f"okx:{asset}-USDT-SWAP", Side(side), notional)
        recent[who] = (*recent.get(who, ()), earlier)
    return Session(
        mode=Mode(plan["session_mode"] or plan["mode"]),
        day=AT // DAY,
        realised_day_usd=plan["day_pnl"],
        ledger_24h=tuple((AT - ago, usd) for ago, usd in plan["ledger"]),
        equity_peak_usd=plan["peak"],
        drawdown_suspected_ns=plan["drawdown_suspected"],
        health_suspected_ns=plan["health_suspected"],
        losses=plan["losses"],
        loss_streak=plan["streak"],
        entries_day=plan["entries_day"],
        entries_by=dict(plan["entries_by"]),
        last_entry_ns={key: AT - ago for key, ago in plan["last_entry_ago"]},
        trades={spec["id"]: _trade(spec) for spec in plan["trades"]},
        reservations={spec["id"]: _reservation(spec) for spec in plan["reservations"]},
        halts={halt.key: halt for halt in halts},
        recent_intents=recent,
        flattening=plan["flattening"],
    )
