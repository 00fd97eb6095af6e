"""ETH mirror: BTC's trigger, confirmed by ETH's own 5-min extreme. One condition removed at a time."""

from __future__ import annotations

from tests.support.market_tape import StrategyRun
from tidegate.model.intent import Mode, Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.units import fixed


def trigger(side: Side, key: str = "BTC_range_scalp") -> Proposal:
    """Return what BTC asked for."""
    return Proposal(Principal(PrincipalKind.STRATEGY, key), key, "BTC/USDT:USDT", fixed("17.5"), side, Mode.PAPER)


def dipped() -> StrategyRun:
    """Return a run whose 5-min low 3,870 was made by a bar with the high 3,880."""
    mirror = StrategyRun("ETH_mirror_btc")
    mirror.path(*[3900] * 9, 3880, 3870, 3872)
    return mirror


def test_a_long_follows_btc_when_eth_closes_above_the_bar_of_its_low() -> None:
    proposal = dipped().bar(3881, trigger(Side.LONG))
    assert proposal is not None
    assert proposal.side is Side.LONG
    assert proposal.notional_usd == fixed("12.5")
    assert proposal.stop_bps == fixed(30)
    assert proposal.targets_bps == (fixed(25), fixed(50), fixed(90))
    assert proposal.pair == "ETH/USDT:USDT"
    assert proposal.evidence == (
        "BTC_range_scalp triggered long 0 s ago; ETH closed 3881 above 3880, the high of the bar of its 5-min low 3870"
    )


def test_a_short_is_mirrored() -> None:
    mirror = StrategyRun("ETH_mirror_btc")
    mirror.path(*[3900] * 9, 3920, 3930, 3928)
    proposal = mirror.bar(3919, trigger(Side.SHORT))
    assert proposal is not None
    assert proposal.side is Side.SHORT
    assert "closed 3919 below 3920, the low of the bar of its 5-min high 3930" in proposal.evidence


def test_without_a_btc_trigger_nothing_is_proposed() -> None:
    assert dipped().path(3881, 3890, 3900) == []


def test_another_strategys_proposal_is_no_trigger() -> None:
    assert dipped().bar(3881, trigger(Side.LONG, "SOL_priority_fee_shock_fade")) is None


def test_a_close_exactly_at_the_edge_does_not_confirm() -> None:
    assert dipped().bar(3880, trigger(Side.LONG)) is None


def test_the_extreme_of_the_other_side_does_not_confirm() -> None:
    mirror = StrategyRun("ETH_mirror_btc")
    mirror.path(*[3900] * 9, 3890, 3880, 3902)
    assert mirror.bar(3901, trigger(Side.SHORT)) is None


def test_eth_may_confirm_up_to_120_s_later() -> None:
    mirror = dipped()
    mirror.bar(3873, trigger(Side.LONG))
    assert mirror.path(3873, 3873, 3873) == []
    proposal = mirror.bar(3881)
    assert proposal is not None
    assert "120 s ago" in proposal.evidence


def test_later_than_120_s_is_too_late() -> None:
    mirror = dipped()
    mirror.bar(3873, trigger(Side.LONG))
    assert mirror.path(3873, 3873, 3873, 3873, 3881, 3890) == []


def test_one_trigger_is_followed_once() -> None:
    mirror = dipped()
    mirror.bar(3881, trigger(Side.LONG))
    assert mirror.path(3885, 3890) == []


def test_a_newer_trigger_replaces_the_older() -> None:
    mirror = dipped()
    mirror.bar(3873, trigger(Side.SHORT))
    proposal = mirror.bar(3881, trigger(Side.LONG))
    assert proposal is not None
    assert proposal.side is Side.LONG


def test_without_five_minutes_of_history_nothing_confirms() -> None:
    mirror = StrategyRun("ETH_mirror_btc")
    mirror.path(*[3900] * 6, 3880, 3870)
    assert mirror.bar(3881, trigger(Side.LONG)) is None


def test_of_two_equal_lows_the_first_bar_counts() -> None:
    mirror = StrategyRun("ETH_mirror_btc")
    mirror.path(*[3900] * 9, 3870)
    mirror.bar(3875, low=3870)
    assert mirror.bar(3876, trigger(Side.LONG)) is None
    proposal = mirror.bar(3901)
    assert proposal is not None
    assert "above 3900" in proposal.evidence


def test_the_idle_path_returns_the_same_state() -> None:
    mirror = StrategyRun("ETH_mirror_btc")
    before = mirror.state
    mirror.path(3900, 3880, 3920)
    assert mirror.state is before
