"""The auditor can fail: each promise is broken in the product on purpose, and the world must say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.plan import draw
from tests.simulation.world import World
from tests.support.world_market import FeedFaults
from tests.support.world_venue import VenueFaults
from tidegate.engine.chronicle import Chronicle
from tidegate.engine.execution import Execution
from tidegate.engine.reconciling import Reconciling
from tidegate.model.session import Session

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
