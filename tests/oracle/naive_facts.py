# ruff: noqa: RUF015 - flat on purpose: one line of code for one sentence of SPEC
"""What the naive gate believes: facts that are fresh, the account at its marks, the order's risk, and the changes of size and stop.

In: the four values of `decide`. Out: plain integers, None for unknown. Same vow as `naive_gate`: SPEC alone, fields only, slow and obvious.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.oracle.naive_pair import KnownPair, best_way, is_pair, known_pair, legs_of
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Missing, Snapshot

E8 = 100_000_000
SECOND = 1_000_000_000
DAY = 86_400 * SECOND


class Account(NamedTuple):
    """The account at the marks of the snapshot; None where a mark that is needed cannot be trusted."""

    worst_pnl: int | None
    drawdown: int | None
    exposure: int | None
    open_risk: int | None


class Known(NamedTuple):
    """Every fact that may be believed now; None = missing, stale or from the future: unknown, never zero."""

    price: int | None
    book: Any
    positioning: int | None
    funding_a: int | None
    funding_b: int | None
    open_interest: int | None
    squeeze: int | None
    priority_fee: int | None
    tip_ratio: int | None
    health_factor: int | None
    account: Account
    pair: KnownPair | None


# --- what is known -------------------------------------------------------------------------------------------------------------------


def fresh(reading: Any, channel: str, now: int, limits: Limits) -> Any:
    """L3_FEED_STALE's rule for one reading: None unless both ages hold (equal passes) and no time is > 2 s ahead of now."""
    if reading is None or isinstance(reading, Missing):
        return None
    bounds = [rule for name, rule in limits.stale.items() if name == channel][0]
    arrival_age = now - reading.received_ns
    value_age = now - reading.observed_ns
    if arrival_age > bounds.reject_after_ns:
        return None
    if value_age > reading.period_ns + bounds.value_grace_ns:
        return None
    if arrival_age < -2 * SECOND or value_age < -2 * SECOND:
        return None
    return reading


def what_is_known(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> Known:
    """Sort the snapshot into facts that may be used and None."""
    now, view = snapshot.asof_ns, snapshot.view

    def value(reading: Any, channel: str) -> int | None:
        found = fresh(reading, channel, now, limits)
        return None if found is None else found.value

    price = value(view.price, "price")
    return Known(
        price=price
        if price is not None and price > 0 and not is_pair(intent)
        else None,  # nothing trades at zero or less: garbage is missing (F5); a pair trades at neither price nor book of the perpetual
        book=None if is_pair(intent) else fresh(view.book, "book", now, limits),
        positioning=value(view.positioning, "positioning"),
        funding_a=value(view.funding_a, "funding"),
        funding_b=value(view.funding_b, "funding"),
        open_interest=value(view.open_interest, "open_interest"),
        squeeze=value(view.squeeze, "liquidations"),
        priority_fee=value(view.priority_fee, "priority_fee"),
        tip_ratio=value(view.tip_ratio, "tip"),
        health_factor=value(snapshot.health_factor, "health_factor"),
        account=the_account(snapshot, session, limits),
        pair=known_pair(intent, snapshot, limits) if is_pair(intent) else None,
    )


def the_account(snapshot: Snapshot, session: Session, limits: Limits) -> Account:
    """Mark every open trade: SPEC 2 (L1_DAILY_LOSS, L1_EXPOSURE, L1_LOSS_AT_RISK, L4_SESSION_DRAWDOWN), SPEC 3 (marked equity)."""
    now = snapshot.asof_ns
    unrealised, held, open_risk = 0, 0, 0
    risk_known = True
    for trade in session.trades.values():
        mark = fresh(snapshot.marks.get(trade.instrument_id), "price", now, limits)
        if mark is None or mark.value <= 0:
            return Account(None, None, None, None)
        sign = 1 if trade.side == "long" else -1
        worth = mark.value * trade.open_quantity // E8
        held += worth
        unrealised += sign * (worth - trade.open_cost_usd)
        instrument = limits.instruments.get(trade.instrument_id)
        if instrument is None:
            risk_known = False  # its fees are not known, so its risk is not
            continue
        distance = max(0, sign * (mark.value - trade.stop_price))  # 0 when the stop is in profit
        open_risk += distance * trade.open_quantity // E8 + ceil_div(worth * instrument.taker_bps, 10_000 * E8)
    # SPEC 4: "exposure counts both legs"; what one leg has more than the other is worth its mark, and may cost `unwind_bps` and a fee.
    for pair in session.pairs.values():
        legs = (pair.buy_instrument_id, pair.bought_quantity), (pair.sell_instrument_id, pair.sold_quantity)
        prices = [fresh(snapshot.marks.get(name), "price", now, limits) for name, _ in legs]
        if any(price is None or price.value <= 0 for price in prices):
            return Account(None, None, None, None)
        held += sum(price.value * quantity // E8 for price, (_, quantity) in zip(prices, legs, strict=True))
        more = pair.bought_quantity - pair.sold_quantity
        name, price = (legs[0][0], prices[0].value) if more > 0 else (legs[1][0], prices[1].value)
        unrealised += pair.cash_usd + (price * more // E8 if more else 0)
        if more and name not in limits.instruments:
            risk_known = False
        elif more:
            worth = price * abs(more) // E8
            open_risk += ceil_div(worth * (pair.unwind_bps + limits.instruments[name].taker_bps), 10_000 * E8)
    for reservation in session.reservations.values():
        held += reservation.notional_usd
        open_risk += reservation.stop_risk_usd
    last_24_h = 0
    for booked_ns, usd in session.ledger_24h:
        if now - booked_ns < DAY:  # exactly 24 h old no longer counts
            last_24_h += usd
    worst = min(session.realised_day_usd, last_24_h) + unrealised
    drawdown = session.equity_peak_usd - (session.realised_day_usd + unrealised)
    return Account(worst, drawdown, held, open_risk if risk_known else None)


# --- size and stop -------------------------------------------------------------------------------------------------------------------


def adjustments(intent: Intent, known: Known, limits: Limits) -> tuple[int, int | None]:
    """Return the product of the three size multipliers (scaled by 10**24) and the stop after widening (None stays None)."""
    product, stop = E8 * E8, intent.stop_bps
    rules = limits.strategies.get(intent.strategy)
    # L2_OI_SPIKE: "> +3 %: size x 0.80"; equal: no cut.
    if known.open_interest is not None and known.open_interest > limits.oi_change_pct_max:
        product = product * limits.oi_size_multiplier // E8
    if rules is not None and stop is not None:
        guards = rules.guards
        # SPEC 4, SOL: "halved if Jito tips stay elevated (p50 tip > 1.5x baseline). Stop 35 bps, 45 if elevated."
        if guards.tip_ratio_max is not None and known.tip_ratio is not None and known.tip_ratio > guards.tip_ratio_max:
            product = product * guards.tip_size_multiplier // E8
            stop = max(stop, guards.tip_stop_bps)
        # SPEC 4, BTC, in the line of the long: "Stop 28 bps, 35 if the book thins (depth within 10 bps < 60 % of its 10-min median)".
        # The short has one stop. No median yet, or one of zero, counts as thin.
        if intent.side == "long" and guards.thin_depth_ratio is not None and known.book is not None:
            usual = known.book.depth_baseline_usd
            if not usual or known.book.depth_usd * E8 < guards.thin_depth_ratio * usual:
                stop = max(stop, guards.thin_stop_bps)
    # SPEC 2, Resize: "if this order's stop risk > half of the remaining room, size x 0.5". Judged at the notional asked for, or a worse
    # open interest could buy a larger size (G7).
    room, risk = the_room(known.account, limits), risk_of(intent, intent.notional_usd, stop, limits)
    if room is not None and risk is not None and 2 * risk > room:
        return product * limits.loss_resize_multiplier, stop
    return product * E8, stop


def the_room(account: Account, limits: Limits) -> int | None:
    """Return what may still be lost: the smaller of the daily room and the drawdown room, never below zero."""
    if account.worst_pnl is None or account.drawdown is None:
        return None
    loss_so_far = max(0, -account.worst_pnl)  # profit never counts (G10)
    daily_room = limits.daily_loss_usd_max - loss_so_far
    drawdown_room = limits.drawdown_usd_max - max(0, account.drawdown)  # above the peak there is no drawdown
    return max(0, min(daily_room, drawdown_room))


def risk_of(intent: Intent, notional: int, stop: int | None, limits: Limits) -> int | None:
    """Return this order's loss at its stop: stop distance and both taker fees, rounded up; None when it cannot be known."""
    names = (intent.instrument_id, intent.hedge_instrument_id) if is_pair(intent) else (intent.instrument_id,)
    if stop is None or any(name not in limits.instruments for name in names):
        return None
    # SPEC 4: "Stop risk = unwind_bps" of one leg of a pair; the dearer venue's fee, for nobody knows which leg it will be.
    taker = max(limits.instruments[name].taker_bps for name in names)
    return ceil_div(notional * (stop + 2 * taker), 10_000 * E8)


def lots_of(notional: int, intent: Intent, known: Known, limits: Limits) -> int:
    """SPEC 2, Lots: "the order is floored to the venue's lots"; of a pair, to both, counted in the coarser."""
    if known.pair is not None:
        legs = legs_of(intent, known.pair, limits)
        assert legs is not None
        return best_way(notional, legs).quantity // max(leg[0].lot for leg in legs)
    return notional * E8 // (limits.instruments[intent.instrument_id].lot * known.price)


def ceil_div(numerator: int, denominator: int) -> int:
    """Round up."""
    return -((-numerator) // denominator)
