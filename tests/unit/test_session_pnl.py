"""Money arithmetic: stops from averages, shares of cost, the 24-hour ledger, and the state hash."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.gate_world import AT
from tests.support.trade_facts import PRICE, START, approved, asked, filled, run
from tidegate.model.event import FundingPaid
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole
from tidegate.session.pnl import state_hash, stop_price_of
from tidegate.units import DAY_NS, MINUTE_NS, SECOND_NS, fixed


@pytest.mark.parametrize(
    "side, notional, quantity, bps, expected",
    [
        (Side.LONG, fixed(100), fixed("0.001"), fixed(30), fixed(99_700)),
        (Side.SHORT, fixed(100), fixed("0.001"), fixed(30), fixed(100_300)),
        (Side.LONG, fixed(100), fixed(3), fixed(100), fixed(33)),
        (Side.LONG, fixed(1), fixed(3), fixed(100), fixed("0.33")),
        (Side.SHORT, fixed(1), fixed(3), fixed(100), fixed("0.33666666")),
        (Side.LONG, fixed(1), fixed(7), fixed(100), fixed("0.14142858")),
        (Side.SHORT, fixed(1), fixed(7), fixed(100), fixed("0.14428571")),
    ],
)
def test_the_stop_is_rounded_toward_the_entry(
    side: Side, notional: int, quantity: int, bps: int, expected: int
) -> None:
    assert stop_price_of(side, notional, quantity, bps) == expected


def test_exits_share_the_open_cost_rounded_down_and_the_last_one_takes_the_rest() -> None:
    odd = {"fee_usd": 0, "notional_usd": 100}
    session = run(approved(lots=3), filled(lots=3, **odd))
    costs = []
    for _ in range(3):
        before = session.trades["D1"].open_cost_usd
        session = run(filled(lots=1, role=OrderRole.TIME, fee_usd=0), session=session)
        costs.append(before - (session.trades["D1"].open_cost_usd if session.trades else 0))
    assert costs == [33, 33, 34]


def test_bookings_are_exact_until_they_share_a_minute() -> None:
    session = run(FundingPaid(AT, "", -5), FundingPaid(AT + MINUTE_NS, "", 7))
    assert session.ledger_24h == ((AT, -5), (AT + MINUTE_NS, 7))


def test_losses_of_one_minute_merge_under_the_later_time() -> None:
    session = run(FundingPaid(AT, "", -5), FundingPaid(AT + SECOND_NS, "", 9), FundingPaid(AT + 2 * SECOND_NS, "", -1))
    assert session.ledger_24h == ((AT + 2 * SECOND_NS, -6), (AT + SECOND_NS, 9))


def test_profits_of_one_minute_merge_under_the_earlier_time() -> None:
    session = run(FundingPaid(AT, "", 5), FundingPaid(AT + SECOND_NS, "", -9), FundingPaid(AT + 2 * SECOND_NS, "", 1))
    assert session.ledger_24h == ((AT, 6), (AT + SECOND_NS, -9))


def test_a_booking_leaves_the_ledger_when_it_is_24_hours_old() -> None:
    just_inside = run(FundingPaid(AT, "", -5), FundingPaid(AT + DAY_NS - 1, "", -1))
    assert just_inside.realised_24h_usd(AT + DAY_NS - 1) == -6
    exactly = run(FundingPaid(AT, "", -5), FundingPaid(AT + DAY_NS, "", -1))
    assert exactly.ledger_24h == ((AT + DAY_NS, -1),)
    assert exactly.realised_24h_usd(AT + DAY_NS) == -1


def test_the_ledger_has_a_greatest_length_however_many_bookings_there_are() -> None:
    session = START
    for second in range(600):
        session = run(FundingPaid(AT + second * SECOND_NS, "", 3 if second % 2 else -2), session=session)
    assert len(session.ledger_24h) == 20
    assert session.realised_24h_usd(AT + 600 * SECOND_NS) == session.realised_day_usd == 300


def test_equal_sessions_have_equal_hashes_whatever_the_order_of_their_dictionaries() -> None:
    one = run(approved("D1"), approved("D2"))
    other = run(approved("D2"), approved("D1"))
    assert list(one.reservations) != list(other.reservations)
    assert state_hash(one) == state_hash(other)


def test_any_difference_changes_the_hash() -> None:
    states = (
        START,
        run(asked()),
        run(approved()),
        run(approved(), filled()),
        run(approved(), filled(price=PRICE + 1_000)),
    )
    assert len({state_hash(state) for state in states}) == len(states)


def test_the_hash_is_the_same_in_every_process() -> None:
    program = (
        "from tests.support.trade_facts import *; from tidegate.session.fold import state_hash;"
        "print(state_hash(run(asked(), approved('D2'), approved(), filled(lots=4))))"
    )
    hashes = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    here = state_hash(run(asked(), approved("D2"), approved(), filled(lots=4)))
    assert hashes == [here, here]
