"""Sizing a pair: from what was granted to two legs of equal quantity, each with the worst prices it may get.

In: an intent that passed every check, at its granted notional; sight; limits. Out: the order. Source: SPEC §4, arbitrage.
"""

from __future__ import annotations

from tidegate.gate.account import stop_risk_usd
from tidegate.gate.pair_edge import Offer, Plan
from tidegate.gate.pair_sight import best_plan
from tidegate.gate.sight import Sight, Unfit
from tidegate.model.decision import PairLeg, SizedOrder
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.units import Bps, Price, price_at_bps


def order_of_pair(granted: Intent, sight: Sight, limits: Limits) -> SizedOrder:
    """Return the two-leg order for a granted intent. Raises KeyError or AssertionError for an intent that did not pass the checks."""
    plan = best_plan(granted, granted.notional_usd, sight, limits)
    assert type(plan) is not Unfit
    assert granted.stop_bps is not None
    legs = legs_of(plan, granted.stop_bps)
    dearer = max((plan.buy.instrument, plan.sell.instrument), key=lambda leg: leg.taker_bps)
    return SizedOrder(
        instrument_id=legs[0].instrument_id,
        asset=granted.asset,
        side=granted.side,
        lots=plan.lots,
        quantity=plan.quantity,
        reference_price=legs[0].reference_price,
        limit_price=legs[0].limit_price,
        notional_usd=plan.notional_usd,
        stop_bps=granted.stop_bps,
        stop_risk_usd=stop_risk_usd(plan.notional_usd, granted.stop_bps, dearer),
        targets=(),
        hold_ns=granted.hold_ns,
        uptick_exit_ns=0,
        invalidation=None,
        legs=legs,
    )


def legs_of(plan: Plan, unwind_bps: Bps) -> tuple[PairLeg, PairLeg]:
    """Return the buy, then the sale: reference at the touch, the last level judged, and that price moved by `unwind_bps` against us.

    Every limit is a whole tick, rounded toward tighter: a buy's down, a sale's up.
    """
    buy, sell = plan.buy, plan.sell
    buy_limit = _down(plan.buy_worst, buy.instrument.tick)
    buy_second = _down(price_at_bps(buy_limit, unwind_bps), buy.instrument.tick)
    sell_limit = -_down(-plan.sell_worst, sell.instrument.tick)
    sell_second = -_down(price_at_bps(-sell_limit, -unwind_bps), sell.instrument.tick)
    return (
        _leg(buy, plan, True, (buy.book.asks[0][0], buy_limit, buy_second)),
        _leg(sell, plan, False, (sell.book.bids[0][0], sell_limit, sell_second)),
    )


def _down(price: Price, tick: Price) -> Price:
    return price // tick * tick


def _leg(offer: Offer, plan: Plan, buys: bool, prices: tuple[Price, Price, Price]) -> PairLeg:
    return PairLeg(offer.instrument.instrument_id, buys, plan.quantity, *prices, offer.rate)
