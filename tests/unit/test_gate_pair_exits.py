"""The exit gate and pairs: only the excess of one leg over the other may be unwound, and nothing can stand in its way. INVARIANT: G12"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support import gate_world
from tests.support import pair_world as world
from tests.support.pair_world import AT, CB, OKX
from tidegate.gate.exits import approve_exit
from tidegate.model.decision import ExitApproval
from tidegate.model.intent import Mode
from tidegate.model.order import Order, OrderKind, OrderRole
from tidegate.units import fixed

HALF, WHOLE = fixed("0.0001"), fixed("0.0002")


def unwinding(**changes: Any) -> Order:
    """Return a sale of what pair D7 has bought too much, with parts replaced."""
    order = Order("C1", "D7", OKX, OrderRole.UNWIND, OrderKind.IOC, False, HALF, 1, True, AT)
    return msgspec.structs.replace(order, **changes)


def holding(bought: int = WHOLE, sold: int = HALF, **changes: Any) -> Any:
    pair = world.under_way(bought_quantity=bought, sold_quantity=sold)
    return gate_world.session(**{"pairs": {"D7": pair}, **changes})


def test_all_or_part_of_what_was_bought_too_much_may_be_sold_where_it_is() -> None:
    for quantity in (1, HALF - 1, HALF):
        answer = approve_exit(unwinding(quantity=quantity), holding(), Mode.PAPER)
        assert answer == ExitApproval("C1", Mode.PAPER, OKX, HALF)


def test_what_was_sold_too_much_is_bought_back_where_it_was_sold() -> None:
    back = unwinding(instrument_id=CB, buys=True, quantity=WHOLE)
    assert approve_exit(back, holding(0, WHOLE), Mode.PAPER) == ExitApproval("C1", Mode.PAPER, CB, WHOLE)


def test_the_excess_may_also_be_evened_out_at_the_other_venue_where_lots_may_be_finer() -> None:
    there = unwinding(instrument_id=CB)
    assert approve_exit(there, holding(), Mode.PAPER) == ExitApproval("C1", Mode.PAPER, CB, HALF)


def test_no_halt_loss_or_flatten_stands_in_the_way() -> None:
    stopped = holding(halts=gate_world.halted(gate_world.halt()), flattening=True, losses=9, loss_streak=9)
    assert isinstance(approve_exit(unwinding(), stopped, Mode.PAPER), ExitApproval)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": HALF + 1}, "is for 0.00010001, pair D7 has an excess of 0.0001"),
        ({"quantity": 0}, "is for 0"),
        ({"buys": True}, "would add to the excess of pair D7"),
        ({"instrument_id": CB, "buys": True}, "would add to the excess of pair D7"),
        ({"instrument_id": gate_world.BTC}, "pair D7 is on okx:BTC-USDT and coinbase:BTC-USD"),
        ({"reduce_only": False}, "not a reduce-only exit"),
        ({"decision_id": "D6"}, "no pair D6"),
        ({"role": OrderRole.HEDGE}, "not a reduce-only exit"),
        ({"role": OrderRole.FLATTEN}, "no open trade D7"),
    ],
)
def test_what_is_not_the_excess_is_refused_with_the_reason(changes: dict[str, Any], why: str) -> None:
    answer = approve_exit(unwinding(**changes), holding(), Mode.PAPER)
    assert isinstance(answer, str)
    assert why in answer


def test_an_even_pair_has_nothing_to_unwind() -> None:
    assert approve_exit(unwinding(), holding(WHOLE, WHOLE), Mode.PAPER) == "no pair D7 with one leg more than the other"


def test_another_modes_session_approves_nothing() -> None:
    """INVARIANT: M3"""
    assert isinstance(approve_exit(unwinding(), holding(), Mode.LIVE), str)


def test_a_single_leg_trade_is_not_left_by_an_unwinding() -> None:
    held = gate_world.session(trades={"D7": gate_world.trade("D7")})
    order = unwinding(instrument_id=gate_world.BTC)
    assert approve_exit(order, held, Mode.PAPER) == "no pair D7 with one leg more than the other"
