"""Bracket arithmetic: one rule for wins, losses and the win rate between them."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.paper_desk import BTC
from tidegate.matching.economics import Payoff, payoff
from tidegate.units import fixed


@pytest.mark.parametrize(
    ("win", "loss", "rate"),
    [("10", "10", "50"), ("30", "10", "25"), ("0", "10", "100"), ("-1", "10", "100"), ("2", "1", "33.33333334")],
)
def test_break_even_is_rounded_up_and_100_when_a_win_does_not_pay_its_fees(win: str, loss: str, rate: str) -> None:
    assert Payoff(fixed(win), fixed(loss)).break_even_pct == fixed(rate)


def test_both_legs_pay_the_taker_fee_whatever_the_maker_fee_is() -> None:
    for maker_bps in (0, fixed(2), fixed(5)):
        venue = msgspec.structs.replace(BTC, taker_bps=fixed(5), maker_bps=maker_bps)
        assert payoff(fixed(25), fixed(28), venue) == Payoff(fixed(15), fixed(38))


@pytest.mark.parametrize(("gain", "pays"), [("10", False), ("10.00000001", True)])
def test_a_win_pays_only_when_it_is_more_than_the_fees_of_both_ways(gain: str, pays: bool) -> None:
    assert payoff(fixed(gain), fixed(28), BTC).pays is pays
