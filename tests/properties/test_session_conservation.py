"""Properties of single trades: money is conserved however fills are cut up, and profit is never a loss."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.support.gate_world import AT
from tests.support.trade_facts import LOT, START, approved, filled
from tidegate.model.event import Event, FundingPaid
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole
from tidegate.session.pnl import state_hash, stop_price_of
from tidegate.session.totals import conservation_gap_usd, totals_of
from tidegate.units import BPS_PER_UNIT, ONE, bps_of_up, fixed, notional_of

PRICE = st.integers(min_value=1, max_value=200_000 * ONE)
CUTS = st.lists(st.tuples(st.integers(min_value=1, max_value=10**9), PRICE), min_size=1, max_size=8)


def part(role: OrderRole, quantity: int, price: int, side: Side) -> Event:
    notional = notional_of(price, quantity)
    buys = (side is Side.LONG) is (role is OrderRole.ENTRY)
    return filled(
        price=price,
        role=role,
        buys=buys,
        quantity=quantity,
        notional_usd=notional,
        fee_usd=bps_of_up(notional, fixed(5)),
    )


def pieces(total: int, cuts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Cut `total` into as many positive pieces as the cuts' weights allow; each with its price."""
    weights = sum(weight for weight, _ in cuts)
    sizes = [total * weight // weights for weight, _ in cuts]
    sizes[-1] += total - sum(sizes)
    return [(size, price) for size, (_, price) in zip(sizes, cuts, strict=True) if size > 0]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    side=st.sampled_from(Side),
    total=st.integers(min_value=1, max_value=10**9),
    entries=CUTS,
    exits=CUTS,
    funding=st.integers(-(10**9), 10**9),
)
def test_a_round_trip_books_exactly_the_cash_of_its_fills(
    side: Side, total: int, entries: list[tuple[int, int]], exits: list[tuple[int, int]], funding: int
) -> None:
    facts: list[Event] = [approved(side=side, quantity=total)]
    facts += [part(OrderRole.ENTRY, quantity, price, side) for quantity, price in pieces(total, entries)]
    facts.append(FundingPaid(AT, "D1", funding))
    facts += [part(OrderRole.TIME, quantity, price, side) for quantity, price in pieces(total, exits)]
    session, totals = totals_of(facts, START)
    assert (session.trades, session.reservations) == ({}, {})
    assert session.realised_day_usd == totals.cash_usd == totals.run.net_usd == totals.run.closed_net_usd
    assert session.losses == totals.run.losses == (1 if totals.cash_usd < 0 else 0)
    assert conservation_gap_usd(totals, session) == 0


@settings(max_examples=150, deadline=None, derandomize=True)
@given(side=st.sampled_from(Side), total=st.integers(min_value=1, max_value=10**9), entries=CUTS, exits=CUTS)
def test_money_is_conserved_at_every_step_of_a_trade(
    side: Side, total: int, entries: list[tuple[int, int]], exits: list[tuple[int, int]]
) -> None:
    facts: list[Event] = [approved(side=side, quantity=total)]
    facts += [part(OrderRole.ENTRY, quantity, price, side) for quantity, price in pieces(total, entries)]
    facts += [part(OrderRole.STOP, quantity, price, side) for quantity, price in pieces(total, exits)]
    for end in range(len(facts) + 1):
        session, totals = totals_of(facts[:end], START)
        assert conservation_gap_usd(totals, session) == 0
        assert state_hash(session) == state_hash(totals_of(facts[:end], START)[0])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    side=st.sampled_from(Side),
    price=st.integers(min_value=ONE // 1000, max_value=200_000 * ONE),
    lots=st.integers(min_value=1, max_value=10**6),
    bps=st.integers(min_value=0, max_value=500 * ONE),
)
def test_a_stop_is_never_further_from_the_average_entry_than_its_bps(
    side: Side, price: int, lots: int, bps: int
) -> None:
    quantity = lots * LOT
    notional = notional_of(price, quantity)
    stop = stop_price_of(side, notional, quantity, bps)
    exact_numerator = notional * ONE * (BPS_PER_UNIT * ONE - side.sign * bps)
    denominator = quantity * BPS_PER_UNIT * ONE
    assert side.sign * (stop * denominator - exact_numerator) >= 0
    assert side.sign * ((stop - side.sign) * denominator - exact_numerator) < 0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(gains=st.lists(st.integers(min_value=0, max_value=10_000 * ONE), min_size=1, max_size=6))
def test_trades_that_make_money_never_raise_losses_or_the_streak(gains: list[int]) -> None:
    facts: list[Event] = []
    for number, gain in enumerate(gains):
        paid = {"notional_usd": fixed(100), "fee_usd": 0}
        facts += [approved(f"D{number}"), filled(f"D{number}", **paid)]
        facts.append(filled(f"D{number}", role=OrderRole.TIME, notional_usd=fixed(100) + gain, fee_usd=0))
    session, _ = totals_of(facts, START)
    assert (session.losses, session.loss_streak) == (0, 0)
    assert session.realised_day_usd == sum(gains)
