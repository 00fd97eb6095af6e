"""Factors: every input of the gate with its levels: at its limit, over, under, missing, stale; and covering arrays over them.

In: nothing. Out: for each factor, level -> overrides of `CALM`. "over" is the side that refuses or acts, "under" the other one. Factors
are named for the rule they move. Two factors may set the same key (a crowd rule and the strategy's own); the later one then wins.
"""

from __future__ import annotations

from itertools import combinations, product

from tests.oracle.plan import AT, E8, SECOND, Plan, reservation

Factors = dict[str, dict[str, Plan]]


def _edge(key: str, limit: int, step: int = 1) -> dict[str, Plan]:
    return {"at": {key: limit}, "over": {key: limit + step}, "under": {key: limit - step}}


def _ages(name: str, arrival_s: int) -> dict[str, Plan]:
    """Return a reading exactly at both age limits, just over each, and missing."""
    key, grace = f"{name}_at", 120 * SECOND
    return {
        "fresh at limit": {key: (arrival_s * SECOND, grace, 0)},
        "stale": {key: (arrival_s * SECOND + 1, 0, 0)},
        "stale value": {key: (0, grace + 1, 0)},
        "future": {key: (-2 * SECOND - 1, 0, 0)},
        "missing": {key: "missing"},
    }


def _slots(count: int) -> Plan:
    return {"reservations": tuple(reservation(f"D{n}", "ETH", "long", E8, 0) for n in range(10, 10 + count))}


def _earlier(count: int, age: int) -> Plan:
    return {"recent": tuple((age, "operator:anna", "ETH", "long", 7 * E8 + n) for n in range(count))}


def _twin(age: int) -> Plan:
    return {"recent": ((age, "operator:anna", "BTC", "short", 25 * E8),)}


def _exposed(usd: int) -> Plan:
    return {"reservations": (reservation("D10", "ETH", "long", usd, 0),)}


def _traded(asset: str, side: str) -> Plan:
    return {"reservations": (reservation("D10", asset, side, E8, 0),)}


FACTORS: Factors = {
    "enabled": {"over": {"limits": (("trading_enabled", False),)}, "under": {}},
    "intent mode": {"over": {"intent_mode": "live"}, "under": {"intent_mode": "paper"}},
    "instrument": {"over": {"instrument": "okx:DOGE-USDT-SWAP"}, "under": {}},
    "cold wallet": {
        "over": {"addresses": ("bc1qcoldstorage0000000000000000000000000",)},
        "under": {"addresses": ("bc1qhot",)},
    },
    "notional": _edge("notional", 415 * E8),
    "lots": _edge("notional", 1_084_020_000, -1),
    "stop": {**_edge("stop", 500 * E8), "missing": {"stop": None}},
    "day P&L": _edge("day_pnl", -100 * E8, -1),
    "24 h P&L": {
        name: {"ledger": ((SECOND, -100 * E8 + step),)} for name, step in (("at", 0), ("over", -1), ("under", 1))
    },
    "peak": _edge("peak", 1_992_000_000),
    "room": _edge("peak", 1_992_000_000 - 9_500_000),
    "slots": {"at": _slots(3), "over": _slots(4), "under": _slots(2)},
    "exposure": {"at": _exposed(1_220 * E8), "over": _exposed(1_220 * E8 + 1), "under": _exposed(1_220 * E8 - 1)},
    "test trades": {
        "at": {"mode": "test", "entries_day": 3},
        "over": {"mode": "test", "entries_day": 4},
        "under": {"mode": "test", "entries_day": 2},
    },
    "collar": {**_edge("limit_price", 10_894_401_000_000), "missing": {"limit_price": None}},
    "opposite": {"over": _traded("BTC", "long"), "under": _traded("BTC", "short")},
    "duplicate": {"at": _twin(2 * SECOND), "over": _twin(2 * SECOND - 1), "under": _twin(2 * SECOND + 1)},
    "rate": {"at": _earlier(4, SECOND - 1), "over": _earlier(5, SECOND - 1), "under": _earlier(5, SECOND)},
    "rate a minute": {
        "at": _earlier(59, 9 * SECOND),
        "over": _earlier(60, 9 * SECOND),
        "under": _earlier(60, 60 * SECOND),
    },
    "crowd": _edge("positioning", 54 * E8),
    "positioning": _ages("positioning", 120),
    "funding": _edge("funding_a", 125_000_000),
    "funding of the strategy": _edge("funding_a", 120_000_000),
    "funding a": _ages("funding_a", 300),
    "funding b": _ages("funding_b", 300),
    "open interest": _edge("open_interest", 3 * E8),
    "open interest ages": _ages("open_interest", 120),
    "squeeze": _edge("squeeze", AT - 3_600 * SECOND),
    "liquidations": _ages("squeeze", 120),
    "thin book": {**_edge("depth", 300_000 * E8, -1), "missing": {"depth_usual": None}},
    "falling depth": {
        "over": {"top3_falling": True},
        "under": {"top3_falling": False},
        "missing": {"top3_falling": None},
    },
    "tips": _edge("tip_ratio", 150_000_000),
    "tip ages": _ages("tip_ratio", 30),
    "fee ages": _ages("priority_fee", 30),
    "confidence": {**_edge("confidence", 80_000_000, -1), "missing": {"confidence": None}},
    "health": {**_edge("health", 220_000_000, -1), "missing": {"health": None}},
    "critical health": _edge("health", 2 * E8, -1),
    "health ages": _ages("health", 120),
    "entries": _edge("entries_day", 6),
    "streak": _edge("streak", 2),
    "price ages": _ages("price", 5),
    "book ages": _ages("book", 5),
    "spread": _edge("spread", 5 * E8),
    "costs": {
        **{name: {"targets": (11 * E8 + step,)} for name, step in (("at", 0), ("over", -1), ("under", 1))},
        "missing": {"targets": ()},
    },
    "halt": {"over": {"halts": (("L4_OPERATOR", ()),)}, "under": {"halts": (("L4_CLOCK", ("DOGE",)),)}},
    "flatten": {"over": {"flattening": True}, "under": {}},
    "losses": _edge("losses", 5),
    "health suspected": {"over": {"health_suspected": AT - SECOND}, "under": {}},
    "drawdown suspected": {"over": {"drawdown_suspected": AT - SECOND}, "under": {}},
}

Row = dict[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]


def every_pair(factors: Factors) -> set[Pair]:
    """Return every pair of levels of two different factors."""
    return {
        ((one, level), (other, beside))
        for one, other in combinations(factors, 2)
        for level, beside in product(factors[one], factors[other])
    }


def pairs_in(row: Row) -> set[Pair]:
    """Return the pairs of levels that a row covers."""
    return set(combinations(row.items(), 2))


def covering_array(factors: Factors) -> list[Row]:
    """Return few rows, each giving every factor a level, that together hold every pair: start from a missing pair, fill greedily."""
    missing = dict.fromkeys(sorted(every_pair(factors)))
    rows: list[Row] = []
    while missing:
        chosen = dict(next(iter(missing)))
        for factor, levels in factors.items():
            if factor not in chosen:
                chosen[factor] = max(levels, key=lambda level: _gain(factor, level, chosen, factors, missing))
        row = {factor: chosen[factor] for factor in factors}
        rows.append(row)
        for pair in pairs_in(row):
            missing.pop(pair, None)
    return rows


def _gain(factor: str, level: str, chosen: Row, factors: Factors, missing: dict[Pair, None]) -> int:
    """Count the missing pairs that a level would cover with what is chosen already."""
    order = list(factors)
    place = order.index(factor)
    gained = 0
    for other, beside in chosen.items():
        mine, theirs = (factor, level), (other, beside)
        pair = (mine, theirs) if place < order.index(other) else (theirs, mine)
        gained += pair in missing
    return gained


def merged(*parts: Plan) -> Plan:
    """Return one plan of several: the later part wins where two set the same key, except that reservations and limits add up."""
    plan: Plan = {}
    for part in parts:
        for key, value in part.items():
            adds = key in ("reservations", "limits", "halts", "recent", "ledger") and key in plan
            plan[key] = (*plan[key], *value) if adds else value
    return plan
