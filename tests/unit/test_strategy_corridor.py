"""XRP corridor: dip under the 5-min VWAP by >= max(30 bps, 3x the median 1-min range), then an up-tick with positive delta."""

from __future__ import annotations

from tests.support.market_tape import StrategyRun
from tidegate.model.observation import Side
from tidegate.units import fixed


def quiet(minutes: int = 8, close: str = "2.4") -> StrategyRun:
    """Return a run of flat minutes at 2.4: median 1-min range 0."""
    corridor = StrategyRun("XRP_corridor_guard")
    corridor.path(*[close] * (2 * minutes))
    return corridor


def test_a_dip_and_an_up_tick_propose_a_long() -> None:
    corridor = quiet()
    assert corridor.path("2.38", "2.37") == []
    proposal = corridor.bar("2.371")
    assert proposal is not None
    assert proposal.side is Side.LONG
    assert proposal.notional_usd == fixed("12.5")
    assert proposal.stop_bps == fixed(22)
    assert proposal.targets_bps == (fixed(20), fixed(40), fixed(75))
    assert proposal.pair == "XRP/USDT:USDT"
    assert "up-tick bar with delta +2 XRP" in proposal.evidence


def test_without_an_up_tick_nothing_is_proposed() -> None:
    corridor = quiet()
    assert corridor.path("2.38", "2.37", "2.37", "2.369") == []
    assert corridor.bar("2.369", delta="5") is None


def test_an_up_tick_with_zero_or_negative_delta_proposes_nothing() -> None:
    corridor = quiet()
    corridor.path("2.38", "2.37")
    assert corridor.bar("2.371", delta="0") is None
    assert corridor.bar("2.372", delta="-1") is None
    assert corridor.bar("2.373", delta="1") is not None


def test_a_dip_of_less_than_thirty_bps_is_too_small() -> None:
    corridor = quiet()
    assert corridor.path("2.393", "2.394") == []


def test_a_dip_of_exactly_thirty_bps_is_enough() -> None:
    corridor = quiet()
    corridor.bar("2.39", volume="0")
    assert corridor.bar("2.3928", volume="0", delta="1") is not None


def test_a_hair_less_than_thirty_bps_is_not() -> None:
    corridor = quiet()
    corridor.bar("2.39", volume="0")
    assert corridor.bar("2.39280001", volume="0", delta="1") is None


def test_in_a_wild_market_the_dip_must_be_three_median_ranges_deep() -> None:
    corridor = StrategyRun("XRP_corridor_guard")
    corridor.path(*["2.4", "2.394"] * 15)
    corridor.bar("2.386", delta="-1")
    assert corridor.bar("2.387") is None
    corridor.bar("2.371")
    assert corridor.bar("2.372") is not None


def test_without_five_minutes_of_ranges_nothing_is_proposed() -> None:
    corridor = quiet(minutes=2)
    assert corridor.path("2.38", "2.37", "2.371") == []


def test_without_volume_there_is_no_vwap_and_no_proposal() -> None:
    corridor = StrategyRun("XRP_corridor_guard")
    for close in [*["2.4"] * 16, "2.37", "2.371"]:
        assert corridor.bar(close, volume="0", delta="1") is None


def test_a_dip_is_proposed_once_until_price_is_back() -> None:
    corridor = quiet()
    assert len(corridor.path("2.38", "2.37", "2.371", "2.372", "2.371", "2.372")) == 1
    corridor.path(*["2.4"] * 12)
    assert len(corridor.path("2.37", "2.371")) == 1


def test_a_rise_over_the_vwap_is_never_sold() -> None:
    assert quiet().path("2.42", "2.43", "2.42", "2.41", "2.43") == []
