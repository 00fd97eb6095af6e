"""The auditor can fail: each promise is broken in the product on purpose, and the world must say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as struct_replace

from tests.simulation.plan import draw
from tests.simulation.world import World
from tests.support.world_market import FeedFaults
from tests.support.world_venue import VenueFaults
from tidegate.engine.chronicle import Chronicle
from tidegate.engine.execution import Execution
from tidegate.engine.pair_execution import PairExecution, PairOrders
from tidegate.engine.reconciling import Reconciling
from tidegate.model.decision import Approval, SizedOrder
from tidegate.model.event import PairClosed
from tidegate.model.order import Order
from tidegate.model.pair import PairTrade
from tidegate.model.session import Session
from tidegate.orders import pairs as pair_orders
from tidegate.orders.pairs import second_attempt

SEEDS = 40
LOSSY = {"venue": VenueFaults(lost_cancel=0.5, lost_amend=0.5)}
DYING = {"venue": VenueFaults(silence=0.2), "crash": 0.03, "remembers": False}
BUSY = {
    "agent": 1.0,
    "busy_limits": False,
    "volatility_bps": 6,
    "operator": {"lift": 0.3, "review": 0.3},
    "feeds": FeedFaults(),
}


def first_complaint(hot: dict[str, Any]) -> str:
    """Return what the auditor says first, over a few worlds in which the faults that matter are hot."""
    for seed in range(1, SEEDS):
        try:
            World(replace(draw(seed), **hot)).run()
        except AssertionError as complaint:
            return str(complaint)
    return ""


PAIRS = {"pairs": True, "agent": 1.0, "busy_limits": True, "volatility_bps": 1, "operator": {"lift": 0.3, "review": 0.3}, "feeds": FeedFaults()}


def test_a_pair_that_ends_uneven_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(self: PairExecution, pair: PairTrade, known: PairOrders, now_ns: int) -> None:
        self._chronicle.record(PairClosed(now_ns, pair.trade_id, pair.end))

    monkeypatch.setattr(PairExecution, "_unwind", give_up)
    assert first_complaint(PAIRS | {"venue": VenueFaults(refuse_entry=0.3)}).startswith("S6")


def test_a_second_attempt_for_more_than_is_missing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(approval: Approval, pair: PairTrade, lot: int, now_ns: int) -> Order | None:
        made = second_attempt(approval, pair, lot, now_ns)
        return None if made is None else struct_replace(made, quantity=2 * made.quantity)

    monkeypatch.setattr(pair_orders, "second_attempt", greedy)
    assert first_complaint(PAIRS | {"venue": VenueFaults(refuse_entry=0.2)}).startswith("G1")


def test_an_exposure_of_one_leg_only_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SizedOrder, "exposure_usd", property(lambda self: self.notional_usd))
    monkeypatch.setattr(PairTrade, "held_usd", lambda self, marks: 0)
    assert first_complaint(PAIRS | {"venue": VenueFaults(delay=0.9)}).startswith("L1_EXPOSURE")


class Forgetful(dict[str, None]):
    """A memory of fills that remembers nothing."""

    def __contains__(self, key: object) -> bool:
        return False


def test_a_fill_applied_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    build = Execution.__init__

    def forgetful(self: Execution, *given: object) -> None:
        build(self, *given)  # type: ignore[arg-type]
        self._fill_ids = Forgetful()

    monkeypatch.setattr(Execution, "__init__", forgetful)
    assert first_complaint({}).startswith("X5")


def test_an_order_that_leaves_before_its_record_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chronicle, "commit", lambda self: None)
    assert first_complaint({}).startswith("X3")


def test_a_fourth_trade_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "open_count", property(lambda self: len(self.trades)))
    assert first_complaint(BUSY | {"busy_limits": True, "volatility_bps": 1}).startswith("S1")


def test_a_seventh_entry_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "entries_pending", property(lambda self: -5))
    assert first_complaint(BUSY).startswith("S1")


def test_orders_that_protect_nothing_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Execution, "keep_brackets", lambda self, now_ns: None)
    assert first_complaint(LOSSY).startswith(("X7", "X4"))


def test_orders_nobody_asks_about_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reconciling, "_judge", lambda self, differences, now_ns: ())
    assert first_complaint(DYING).startswith("X4")
