# ruff: noqa: SIM102, SIM114, RUF015 - flat on purpose: one line of code for one sentence of SPEC
"""A second gate: naive, slow and obvious, written from SPEC sections 2-4 and PROMISES G1-G13 alone.

In: the four values of `decide`. Out: what must come out of it. It shares no code with the gate: fields of the nouns are read, none of
their methods are called, and all arithmetic is done here on plain integers (fixed-point, 10**8 to one; times in ns). It is meant to be
read next to SPEC.md, top to bottom; it is deliberately not clever.
"""

from __future__ import annotations

from typing import Any

from tests.oracle.naive_facts import E8, SECOND, Known, adjustments, lots_of, risk_of, the_room, what_is_known
from tests.oracle.naive_pair import best_way, edge_min, is_pair, legs_of, spread_of, too_small, wrong_instruments
from tidegate.model.finding import Reason as R
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot

MODE_RANK = {"shadow": 0, "paper": 1, "test": 2, "live": 3}

Judgement = tuple[str, R | None, frozenset[R], int, int, int]


def judge(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Judgement:
    """Return (verdict, primary reason or None, all rejecting reasons, granted notional, lots, stop bps); zeros when rejected."""
    known = what_is_known(intent, snapshot, session, limits)

    # Stage 1. SPEC 2: "Every check is evaluated": at the notional and with the stop asked for.
    # (Three stages, each rejecting with its own list: DESIGN 6, "failures? reject -> size -> re-check". Settled; SPEC leaves it open.)
    reasons = size_and_stop(intent, intent.notional_usd, intent.notional_usd, intent.stop_bps, known, limits)
    reasons |= layer_1(intent, known, session, limits)
    reasons |= layer_2(intent, snapshot, known, limits)
    reasons |= layer_3(intent, snapshot, known, session, limits)
    reasons |= layer_4(intent, snapshot, known, session, limits)
    if reasons:
        return rejected(reasons)

    # Stage 2. Effects: "widen stop (within the ceiling)": at the notional asked for, so that no cut can let a wide stop pass (G7).
    size, stop = adjustments(intent, known, limits)
    reasons = size_and_stop(intent, intent.notional_usd, intent.notional_usd, stop, known, limits)
    if reasons:
        return rejected(reasons)

    # Stage 3. SPEC 2: "The sized, lot-rounded order is checked again." All inputs are known here, or we would have refused above.
    granted = intent.notional_usd * size // (E8 * E8 * E8)
    lots = lots_of(granted, intent, known, limits)
    order = order_usd(granted, lots, intent, known, limits)
    reasons = size_and_stop(intent, granted, order, stop, known, limits)
    if reasons:
        return rejected(reasons)
    return "APPROVED", None, frozenset(), granted, lots, stop


def order_usd(granted: int, lots: int, intent: Intent, known: Known, limits: Limits) -> int:
    """What the order is worth: lots at the reference price; of a pair, the dearer leg at the prices it was judged at."""
    if known.pair is None:
        return lots * limits.instruments[intent.instrument_id].lot * known.price // E8
    legs = legs_of(intent, known.pair, limits)
    return best_way(granted, legs).dearer_usd if legs is not None else 0


def rejected(reasons: set[R]) -> Judgement:
    """SPEC 2: "the primary reason is the first failing check in the order below (layer 1 first)"."""
    primary = [reason for reason in R if reason in reasons][0]
    return "REJECTED", primary, frozenset(reasons), 0, 0, 0


def size_and_stop(intent: Intent, notional: int, order: int, stop: int | None, known: Known, limits: Limits) -> set[R]:
    """Judge the rules that depend on size or stop. `order` is what risk and exposure use (SPEC 2, Lots: the floored order)."""
    reasons: set[R] = set()
    instrument = limits.instruments.get(intent.instrument_id)
    # L1_NOTIONAL_TOO_LARGE: "notional > 415 USD"; equal passes.
    if notional > limits.notional_usd_max:
        reasons.add(R.L1_NOTIONAL_TOO_LARGE)
    # L1_NOTIONAL_TOO_SMALL: "floors to zero lots or is under the venue's minimum"; equal passes.
    if known.pair is not None:
        legs_known = legs_of(intent, known.pair, limits)
        if legs_known is None or too_small(best_way(notional, legs_known)):
            reasons.add(R.L1_NOTIONAL_TOO_SMALL)
        reasons |= net_edge(intent, notional, known, limits)
    elif instrument is None or known.price is None:
        reasons.add(R.L1_NOTIONAL_TOO_SMALL)
    else:
        quantity = lots_of(notional, intent, known, limits) * instrument.lot
        worth = quantity * known.price // E8
        if quantity <= 0 or quantity < instrument.quantity_min or worth < instrument.notional_min_usd:
            reasons.add(R.L1_NOTIONAL_TOO_SMALL)
    # L1_STOP_MISSING: "no stop after the defaults of the strategy were applied".
    if stop is None or stop <= 0:
        reasons.add(R.L1_STOP_MISSING)
    # L1_STOP_TOO_WIDE: "stop > 500 bps (5 %), also after widening"; equal passes. No stop has no width: L1_STOP_MISSING says it.
    if stop is not None and stop > limits.stop_bps_max:
        reasons.add(R.L1_STOP_TOO_WIDE)
    # L1_LOSS_AT_RISK: "stop risk of all open and reserved + this order's > the smaller of the rooms"; equal passes.
    room, risk = the_room(known.account, limits), risk_of(intent, order, stop, limits)
    if room is None or risk is None or known.account.open_risk is None or known.account.open_risk + risk > room:
        reasons.add(R.L1_LOSS_AT_RISK)
    # L1_EXPOSURE: "open (at mark) + reserved + this order > cap"; equal passes. Arbitrage: "exposure counts both legs".
    legs = 2 if is_pair(intent) else 1
    if known.account.exposure is None or known.account.exposure + legs * order > limits.exposure_usd_max:
        reasons.add(R.L1_EXPOSURE)
    return reasons


def net_edge(intent: Intent, notional: int, known: Known, limits: Limits) -> set[R]:
    """SPEC 4: "L3_COSTS_EXCEED_TARGET judges the net edge, which must exceed 12.5 bps (20 bps Coinbase-OKX) after both venues' own fees"."""
    legs = legs_of(intent, known.pair, limits) if known.pair is not None else None
    if legs is None:
        return {R.L3_COSTS_EXCEED_TARGET}
    edge, least = best_way(notional, legs).edge, edge_min(intent, limits)
    return {R.L3_COSTS_EXCEED_TARGET} if edge is None or least is None or edge <= least else set()


# --- layer 1 -------------------------------------------------------------------------------------------------------------------------


def layer_1(intent: Intent, known: Known, session: Session, limits: Limits) -> set[R]:
    """Judge the global limits that do not depend on size."""
    reasons: set[R] = set()
    # L1_DISABLED: "trading disabled, mode not armed, or the request's mode is not this process's mode"; SPEC 4: mode_ceiling.
    same_mode = intent.mode == session.mode == limits.mode
    rules = limits.strategies.get(intent.strategy)
    below = [rules.mode_ceiling if rules is not None else "shadow"]
    if intent.principal.kind == "agent":
        agent = limits.agents.get(intent.principal.name)
        below.append(agent.mode_ceiling if agent is not None else "paper")  # SPEC 9: "mode ceiling (PAPER by default)"
    ceiling_too_low = any(MODE_RANK[ceiling] < MODE_RANK[session.mode] for ceiling in below)
    if not limits.trading_enabled or not same_mode or ceiling_too_low:
        reasons.add(R.L1_DISABLED)
    # L1_INSTRUMENT_UNKNOWN: "instrument not on the whitelist".
    if wrong_instruments(intent, limits) if is_pair(intent) else intent.instrument_id not in limits.instruments:
        reasons.add(R.L1_INSTRUMENT_UNKNOWN)
    # L1_COLD_WALLET: "touches a cold-storage address". Addresses are compared without regard to case: an upper-case one is the same one.
    cold = [address.lower() for address in limits.cold_addresses]
    if any(address.lower() in cold for address in intent.addresses):
        reasons.add(R.L1_COLD_WALLET)
    # L1_DAILY_LOSS: "<= -100 USD"; equal fails.
    if known.account.worst_pnl is None or known.account.worst_pnl <= -limits.daily_loss_usd_max:
        reasons.add(R.L1_DAILY_LOSS)
    # L1_TOO_MANY_OPEN: "open + reserved trades >= 3"; equal fails. An entry that is partly filled is one trade.
    if len(set(session.trades) | set(session.reservations) | set(session.pairs)) >= limits.open_trades_max:
        reasons.add(R.L1_TOO_MANY_OPEN)
    # L1_TEST_TRADES: "TEST mode: trades this session >= 3"; equal fails.
    if limits.mode == "test" and session.entries_day + len(pending(session)) >= limits.test_trades_max:
        reasons.add(R.L1_TEST_TRADES)
    # L1_PRICE_COLLAR: "limit price further than 50 bps from the fresh reference price"; equal passes.
    if is_pair(intent):
        if too_far(intent, known, limits):
            reasons.add(R.L1_PRICE_COLLAR)
    elif intent.limit_price is not None:
        if known.price is None:
            reasons.add(R.L1_PRICE_COLLAR)
        elif abs(intent.limit_price - known.price) * 10_000 * E8 > limits.price_collar_bps * known.price:
            reasons.add(R.L1_PRICE_COLLAR)
    # L1_OPPOSITE_SIDE: "an opposite position or entry is open on the instrument".
    open_or_reserved = list(session.trades.values()) + list(session.reservations.values())
    for other in open_or_reserved:
        if other.instrument_id == intent.instrument_id and other.side != intent.side and not is_pair(intent):
            reasons.add(R.L1_OPPOSITE_SIDE)
    return reasons | traffic(intent, session, limits)


def too_far(intent: Intent, known: Known, limits: Limits) -> bool:
    """L1_PRICE_COLLAR "runs per leg": the last price of a leg's walk is its limit, its own best price the reference. Unknown fails."""
    legs = legs_of(intent, known.pair, limits) if known.pair is not None else None
    if intent.limit_price is not None or legs is None:
        return True
    found = best_way(intent.notional_usd, legs)
    if found.edge is None:
        return False
    ask, bid = found.buy[1].asks[0][0], found.sell[1].bids[0][0]
    buy_far = (found.worst_buy - ask) * 10_000 * E8 > limits.price_collar_bps * ask
    return buy_far or (bid - found.worst_sell) * 10_000 * E8 > limits.price_collar_bps * bid


def traffic(intent: Intent, session: Session, limits: Limits) -> set[R]:
    """Judge L1_DUPLICATE and L1_RATE: both look at earlier intents of the same principal, from the receipt of this one."""
    reasons: set[R] = set()
    now = intent.received_ns
    me = f"{intent.principal.kind.value}:{intent.principal.name}"
    everyone = [earlier for asked in session.recent_intents.values() for earlier in asked]
    mine = [earlier for earlier in everyone if earlier.principal == me]
    # L1_DUPLICATE: "same principal, instrument, side, notional within 2 s without an idempotency key".
    for earlier in mine:
        same = (earlier.instrument_id, earlier.side, earlier.notional_usd) == (
            intent.instrument_id,
            intent.side,
            intent.notional_usd,
        )
        if same and now - earlier.received_ns <= limits.duplicate_window_ns and intent.idempotency_key is None:
            reasons.add(R.L1_DUPLICATE)
    # L1_RATE: "more than 5 intents/s or 60/min from a principal"; equal passes. This intent counts too.
    in_a_second = 1 + sum(1 for earlier in mine if earlier.received_ns > now - SECOND)
    in_a_minute = 1 + sum(1 for earlier in mine if earlier.received_ns > now - 60 * SECOND)
    if in_a_second > limits.intents_per_second_max or in_a_minute > limits.intents_per_minute_max:
        reasons.add(R.L1_RATE)
    return reasons


def pending(session: Session) -> list[Any]:
    """Return reserved entries without a fill yet: approval reserves a slot (SPEC 3)."""
    return [
        held
        for decision_id, held in session.reservations.items()
        if decision_id not in {**session.trades, **session.pairs}
    ]


# --- layer 2 -------------------------------------------------------------------------------------------------------------------------


def layer_2(intent: Intent, snapshot: Snapshot, known: Known, limits: Limits) -> set[R]:
    """Judge crowd, funding, open interest, squeeze, confidence. "shorts also positioning and funding"; longs are warned only."""
    reasons: set[R] = set()
    crowd_rules = intent.side == "short" and not is_pair(intent)
    asset = limits.assets.get(intent.asset)
    # L2_SHORTS_CROWDED: "side short and short % > limit"; equal passes. "The kind of ratio is pinned per asset".
    if crowd_rules:
        other_kind = asset is not None and snapshot.view.positioning_kind != asset.positioning_kind
        if asset is None or known.positioning is None or other_kind or known.positioning > asset.short_pct_max:
            reasons.add(R.L2_SHORTS_CROWDED)
    # L2_FUNDING_DIVERGENCE: "side short and (Binance - OKX funding) > 0.25 bps"; equal passes.
    if crowd_rules:
        if known.funding_a is None or known.funding_b is None:
            reasons.add(R.L2_FUNDING_DIVERGENCE)
        elif known.funding_a - known.funding_b > limits.funding_divergence_bps_max:
            reasons.add(R.L2_FUNDING_DIVERGENCE)
    # L2_OI_SPIKE: cuts the size; refuses only when open interest cannot be known.
    if known.open_interest is None:
        reasons.add(R.L2_OI_SPIKE)
    # L2_FRESH_SQUEEZE: "side short within 3,600 s of a short squeeze"; the reading is the time of the last one, 0 = none.
    if crowd_rules:
        window = limits.squeeze_window_ns
        if known.squeeze is None or (known.squeeze != 0 and snapshot.asof_ns - known.squeeze <= window):
            reasons.add(R.L2_FRESH_SQUEEZE)
    if strategy_guard_fails(intent, known, limits):
        reasons.add(R.L2_STRATEGY_GUARD)
    # L2_CONFIDENCE: "the agent stated a confidence < 0.80"; equal passes.
    if intent.confidence is not None and intent.confidence < limits.confidence_min:
        reasons.add(R.L2_CONFIDENCE)
    return reasons


def strategy_guard_fails(intent: Intent, known: Known, limits: Limits) -> bool:
    """SPEC 4: the guards of the intent's own strategy, and XRP's falling-depth rule, which binds any short of the asset."""
    rules = limits.strategies.get(intent.strategy)
    if rules is None:
        return True
    guards, short = rules.guards, intent.side == "short"
    # BTC short: "short % <= 54, funding spread < 0.2 bps".
    if short and guards.short_pct_max is not None:
        if known.positioning is None or known.positioning > guards.short_pct_max:
            return True
    if short and guards.funding_spread_bps_below is not None:
        if known.funding_a is None or known.funding_b is None:
            return True
        if known.funding_a - known.funding_b >= guards.funding_spread_bps_below:
            return True
    # "Any XRP short is refused when short % >= 53 and top-3 depth is falling."
    for other in limits.strategies.values():
        floor = other.guards.short_pct_with_falling_depth
        if short and floor is not None and intent.asset in other.assets:
            if known.positioning is None or known.book is None:
                return True
            if (
                known.positioning >= floor and known.book.top3_falling is not False
            ):  # None: cannot say that it is not falling
                return True
    # The stop of a thin book and the size of a tip shock cannot be set when the book or the tips cannot be read.
    if not short and guards.thin_depth_ratio is not None and known.book is None:
        return True
    return guards.tip_ratio_max is not None and known.tip_ratio is None


# --- layers 3 and 4 ------------------------------------------------------------------------------------------------------------------


def layer_3(intent: Intent, snapshot: Snapshot, known: Known, session: Session, limits: Limits) -> set[R]:
    """Judge market conditions and discipline."""
    reasons: set[R] = set()
    # L3_HEALTH_FACTOR_LOW: "< 2.20"; equal passes. Not applicable only where Aave is declared not configured.
    health_needed = not (snapshot.health_factor is None and not limits.aave_configured)
    if health_needed and (known.health_factor is None or known.health_factor < limits.health_factor_min):
        reasons.add(R.L3_HEALTH_FACTOR_LOW)
    if trade_cap_reached(intent, snapshot.asof_ns, session, limits):
        reasons.add(R.L3_DAILY_TRADE_CAP)
    # L3_LOSS_STREAK: ">= 2 losing trades in a row"; equal fails.
    if session.loss_streak >= limits.loss_streak_max:
        reasons.add(R.L3_LOSS_STREAK)
    # L3_FEED_STALE: any needed feed. "every perp entry needs price, book and OI; shorts also positioning and funding; SOL fade fees and tips".
    needed: list[Any] = [known.price, known.book, known.open_interest]
    if known.pair is not None:
        needed = [*known.pair.books, *known.pair.rates, known.open_interest]
    if intent.side == "short" and not is_pair(intent):
        needed += [known.positioning, known.funding_a, known.funding_b, known.squeeze]
    rules = limits.strategies.get(intent.strategy)
    if not is_pair(intent) and (rules is None or rules.needs_fees):
        needed += [known.priority_fee, known.tip_ratio]
    if health_needed:
        needed += [known.health_factor]
    if (
        any(fact is None for fact in needed) or snapshot.view.asset != intent.asset
    ):  # another asset's facts are not the needed ones
        reasons.add(R.L3_FEED_STALE)
    # L3_SPREAD_WIDE: "> 5 bps (per asset)"; equal passes.
    asset = limits.assets.get(intent.asset)
    spreads = [None if known.book is None else known.book.spread_bps]
    if known.pair is not None:
        spreads = [None if book is None else spread_of(book) for book in known.pair.books]
    if asset is None or any(spread is None or spread > asset.spread_bps_max for spread in spreads):
        reasons.add(R.L3_SPREAD_WIDE)
    # L3_COSTS_EXCEED_TARGET: "first target - round-trip fees - spread <= 0 bps"; equal fails.
    instrument = limits.instruments.get(intent.instrument_id)
    if is_pair(intent):
        pass  # the net edge stands in its place: size_and_stop, for it depends on the size
    elif instrument is None or known.book is None or not intent.targets_bps:
        reasons.add(R.L3_COSTS_EXCEED_TARGET)
    elif intent.targets_bps[0] - 2 * instrument.taker_bps - known.book.spread_bps <= 0:
        reasons.add(R.L3_COSTS_EXCEED_TARGET)
    return reasons


def trade_cap_reached(intent: Intent, now: int, session: Session, limits: Limits) -> bool:
    """L3_DAILY_TRADE_CAP: "entries >= 6, or the strategy's / agent's own entries_per_day_max or cooldown_s"; equal fails."""
    waiting = pending(session)
    if session.entries_day + len(waiting) >= limits.entries_per_day_max:
        return True
    rules = limits.strategies.get(intent.strategy)
    if rules is None:
        return True
    used = session.entries_by.get(intent.strategy, 0) + sum(1 for held in waiting if held.strategy == intent.strategy)
    times = [held.reserved_ns for held in session.reservations.values() if held.strategy == intent.strategy]
    if used >= rules.entries_per_day_max or cooling(intent.strategy, times, rules.cooldown_ns, now, session):
        return True
    if intent.principal.kind != "agent":
        return False
    agent, name = limits.agents.get(intent.principal.name), f"agent:{intent.principal.name}"
    if agent is None:  # nobody declared it: no bounds of its own
        return False
    used = session.entries_by.get(name, 0) + sum(1 for held in waiting if held.principal == intent.principal)
    times = [held.reserved_ns for held in session.reservations.values() if held.principal == intent.principal]
    return used >= agent.entries_per_day_max or cooling(name, times, agent.cooldown_ns, now, session)


def cooling(key: str, under_way: list[int], cooldown: int, now: int, session: Session) -> bool:
    """Say whether the last entry under `key`, filled or under way, is younger than its cooldown; exactly as old passes."""
    entered = [*under_way, *([session.last_entry_ns[key]] if key in session.last_entry_ns else [])]
    return any(now - moment < cooldown for moment in entered)


def layer_4(intent: Intent, snapshot: Snapshot, known: Known, session: Session, limits: Limits) -> set[R]:
    """Judge the kill switch as an intent meets it: latched halts, and conditions at their first bad read."""
    reasons: set[R] = set()
    # L4_HALTED: "a halt is latched"; a halt may concern some assets only. While a flatten is under way nothing may enter.
    covering = [halt for halt in session.halts.values() if not halt.assets or intent.asset in halt.assets]
    if covering or session.flattening:
        reasons.add(R.L4_HALTED)
    for halt in covering:
        reasons.add(halt.cause)
    # L4_SESSION_DRAWDOWN: "drawdown >= 1.2 % of capital: entries refused at the first mark"; equal fails.
    drawdown = known.account.drawdown
    if drawdown is None or drawdown >= limits.drawdown_usd_max or session.drawdown_suspected_ns != 0:
        reasons.add(R.L4_SESSION_DRAWDOWN)
    # L4_LOSSES: "5 losing trades in the session"; equal fails.
    if session.losses >= limits.losses_max:
        reasons.add(R.L4_LOSSES)
    # L4_HEALTH_FACTOR_CRITICAL: "< 2.00: entries refused at the first read"; equal passes.
    if not (snapshot.health_factor is None and not limits.aave_configured):
        health = known.health_factor
        if health is None or health < limits.health_factor_critical or session.health_suspected_ns != 0:
            reasons.add(R.L4_HEALTH_FACTOR_CRITICAL)
    return reasons
