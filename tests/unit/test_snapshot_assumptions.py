"""Assumptions: `NAME=VALUE` texts of a replay."""

from __future__ import annotations

import pytest

from tidegate.errors import InputError
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import fixed


def test_the_most_specific_assumption_wins() -> None:
    assumptions = Assumptions.parse(["positioning=52", "positioning.SOL=46.3"])
    assert assumptions.get("positioning", "SOL") == fixed("46.3")
    assert assumptions.get("positioning", "BTC") == fixed(52)
    assert assumptions.get("open_interest", "BTC") is None


def test_they_are_stated_with_every_result() -> None:
    assumptions = Assumptions.parse(["spread_bps=1.5", "bands=static", "funding_b=-0.7"])
    assert assumptions.stated() == ("funding_b=-0.7", "spread_bps=1.5", "bands=static")
    assert assumptions.bands_static


@pytest.mark.parametrize(
    "text, said",
    [
        ("positioning", "NAME=VALUE"),
        ("positioning=", "NAME=VALUE"),
        ("position=50", "open_interest"),
        ("positioning=nan", "decimal number"),
        ("positioning=101", "0 to 100"),
        ("spread_bps=-1", ">= 0"),
        ("health_factor.BTC=2", "without an asset"),
        ("bands=range", "static"),
    ],
)
def test_bad_assumptions_say_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Assumptions.parse([text])
