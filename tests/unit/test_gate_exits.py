"""The exit gate: only what strictly reduces an open trade, and nothing else can stand in its way. INVARIANT: G12"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.gate_world import AT, BTC, ETH, SHORT, halt, halted, session, trade
from tidegate.gate.exits import approve_exit
from tidegate.model.decision import ExitApproval
from tidegate.model.finding import Reason
from tidegate.model.intent import Mode
from tidegate.model.order import Order, OrderKind, OrderRole
from tidegate.units import fixed

OPEN = fixed("0.0002")


def leaving(**changes: Any) -> Order:
    """Return a stop for the whole of the open long D9, with parts replaced."""
    order = Order("C1", "D9", BTC, OrderRole.STOP, OrderKind.STOP, False, OPEN, 1, True, AT)
    return msgspec.structs.replace(order, **changes)


def holding(**changes: Any) -> Any:
    """Return a session with the long D9 open."""
    return session(**{"trades": {"D9": trade()}, **changes})


def test_a_reduction_of_all_or_part_is_approved() -> None:
    for quantity in (1, OPEN - 1, OPEN):
        assert approve_exit(leaving(quantity=quantity), holding(), Mode.PAPER) == ExitApproval(
            "C1", Mode.PAPER, BTC, OPEN
        )


def test_a_short_is_reduced_by_buying() -> None:
    shorted = holding(trades={"D9": trade(side=SHORT)})
    assert isinstance(approve_exit(leaving(buys=True), shorted, Mode.PAPER), ExitApproval)
    assert approve_exit(leaving(), shorted, Mode.PAPER) == "order C1 would add to the short trade D9"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": OPEN + 1}, "has 0.0002 open"),
        ({"quantity": 0}, "is for 0"),
        ({"quantity": -1}, "is for -0.00000001"),
        ({"buys": True}, "would add to the long trade"),
        ({"reduce_only": False}, "not a reduce-only exit"),
        ({"role": OrderRole.ENTRY}, "not a reduce-only exit"),
        ({"instrument_id": ETH}, "no open trade D9 on okx:ETH-USDT-SWAP"),
        ({"decision_id": "D7"}, "no open trade D7"),
    ],
)
def test_what_could_flip_or_increase_is_refused_with_the_reason(changes: dict[str, Any], why: str) -> None:
    answer = approve_exit(leaving(**changes), holding(), Mode.PAPER)
    assert isinstance(answer, str)
    assert why in answer


def test_another_modes_session_gives_no_leave() -> None:
    assert approve_exit(leaving(), holding(), Mode.LIVE) == "the session is paper, the exit is for live"


def test_nothing_that_stops_entries_stops_an_exit() -> None:
    worst = holding(
        halts=halted(*(halt(reason) for reason in Reason if reason.startswith("L4"))),
        flattening=True,
        realised_day_usd=-fixed(500),
        losses=9,
        loss_streak=9,
        entries_day=9,
        drawdown_suspected_ns=AT,
        health_suspected_ns=AT,
    )
    assert isinstance(approve_exit(leaving(), worst, Mode.PAPER), ExitApproval)
