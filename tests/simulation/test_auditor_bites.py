"""The auditor can fail: each promise is broken in the product on purpose, and the world must say so."""

from __future__ import annotations

import pytest

from tests.simulation.world import live
from tidegate.engine.chronicle import Chronicle
from tidegate.engine.execution import Execution
from tidegate.engine.reconciling import Reconciling
from tidegate.model.session import Session

SEEDS = 40


def first_complaint() -> str:
    """Return what the auditor says first, over a few worlds."""
    for seed in range(1, SEEDS):
        try:
            live(seed)
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
    assert first_complaint().startswith("X5")


def test_an_order_that_leaves_before_its_record_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chronicle, "commit", lambda self: None)
    assert first_complaint().startswith("X3")


def test_a_fourth_trade_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "open_count", property(lambda self: len(self.trades)))
    assert first_complaint().startswith("S1")


def test_a_seventh_entry_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "entries_pending", property(lambda self: -5))
    assert first_complaint().startswith("S1")


def test_orders_that_protect_nothing_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Execution, "keep_brackets", lambda self, now_ns: None)
    assert first_complaint().startswith(("X7", "X4"))


def test_orders_nobody_asks_about_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reconciling, "_judge", lambda self, differences, now_ns: ())
    assert first_complaint().startswith("X4")
