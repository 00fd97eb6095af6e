"""SOL fee-shock fade: a shock > 3x baseline, then down >= 40 % within 120 s of the peak. One condition removed at a time."""

from __future__ import annotations

from tests.support.market_tape import StrategyRun, fee_at
from tidegate.model.intent import Proposal
from tidegate.model.observation import Side
from tidegate.units import fixed

CALM_UNTIL = 600


def calm(level: int = 100) -> StrategyRun:
    """Return a run with ten minutes of fees at `level` every 10 s and price at 187 on a VWAP near 186."""
    fade = StrategyRun("SOL_priority_fee_shock_fade")
    for second in range(0, CALM_UNTIL, 10):
        if second % 30 == 0:
            fade.bar(187 if second >= CALM_UNTIL - 60 else 186)
        fade.event(fee_at(second + 30, level))
    return fade


def fees(fade: StrategyRun, *readings: tuple[int, int]) -> list[Proposal]:
    """Deliver `(seconds after the calm, fee)` readings; return what was proposed."""
    made = [fade.event(fee_at(CALM_UNTIL + 30 + second, value)) for second, value in readings]
    return [proposal for proposal in made if proposal is not None]


def test_a_shock_that_decays_fast_is_faded_short_above_the_vwap() -> None:
    fade = calm()
    (proposal,) = fees(fade, (0, 1000), (30, 600))
    assert proposal.side is Side.SHORT
    assert proposal.notional_usd == fixed(15)
    assert proposal.stop_bps == fixed(35)
    assert proposal.targets_bps == (fixed(30), fixed(60), fixed(110))
    assert proposal.pair == "SOL/USDT:USDT"
    assert proposal.evidence.startswith(
        "priority fee peaked at 1000 and fell to 600 in 30 s; price 187 above 30-min VWAP 186."
    )


def test_it_is_faded_long_below_the_vwap() -> None:
    fade = calm()
    fade.bar(185)
    (proposal,) = fees(fade, (0, 1000), (30, 600))
    assert proposal.side is Side.LONG


def test_exactly_three_times_the_baseline_is_no_shock() -> None:
    assert fees(calm(), (0, 300), (30, 100)) == []


def test_just_over_three_times_the_baseline_is_a_shock() -> None:
    assert len(fees(calm(), (0, 301), (30, 100))) == 1


def test_a_fall_of_less_than_forty_per_cent_does_not_trigger() -> None:
    assert fees(calm(), (0, 1000), (30, 601)) == []


def test_a_decay_at_exactly_120_s_counts() -> None:
    assert len(fees(calm(), (0, 1000), (120, 600))) == 1


def test_a_slower_decay_spends_the_shock() -> None:
    assert fees(calm(), (0, 1000), (121, 600), (150, 300)) == []


def test_the_peak_is_the_highest_fee_of_the_shock_and_restarts_the_clock() -> None:
    fade = calm()
    assert fees(fade, (0, 1000), (100, 2000), (130, 1201)) == []
    assert len(fees(fade, (200, 1200))) == 1


def test_one_shock_is_faded_once() -> None:
    assert len(fees(calm(), (0, 1000), (30, 600), (60, 350), (90, 310))) == 1


def test_the_next_shock_needs_calm_between() -> None:
    fade = calm()
    fees(fade, (0, 1000), (30, 600))
    assert fees(fade, (60, 1000), (90, 500)) == []
    assert len(fees(fade, (120, 200), (150, 1000), (180, 500))) == 1


def test_the_baseline_is_floored_so_that_zero_fees_are_no_baseline_of_zero() -> None:
    assert fees(calm(level=0), (0, 3), (30, 0)) == []
    assert len(fees(calm(level=0), (0, 4), (30, 0))) == 1


def test_one_noisy_reading_among_many_is_smoothed_away() -> None:
    fade = calm()
    assert fees(fade, (0, 100), (2, 100), (4, 5000), (6, 100), (8, 100)) == []


def test_without_history_for_a_baseline_nothing_is_proposed() -> None:
    fade = StrategyRun("SOL_priority_fee_shock_fade")
    fade.bar(187)
    for second in range(0, 240, 10):
        fade.event(fee_at(second, 100))
    assert fade.event(fee_at(250, 1000)) is None
    assert fade.event(fee_at(270, 100)) is None


def test_price_exactly_at_the_vwap_has_no_side_to_fade() -> None:
    fade = StrategyRun("SOL_priority_fee_shock_fade")
    fade.bar(187)
    for second in range(30, 630, 10):
        fade.event(fee_at(second, 100))
    assert fees(fade, (0, 1000), (30, 100)) == []


def test_a_bar_without_a_new_fee_changes_nothing() -> None:
    fade = calm()
    fees(fade, (0, 1000))
    before = fade.state
    fade.bar(187)
    assert fade.state is before


def test_the_same_fee_delivered_again_changes_nothing() -> None:
    fade = calm()
    fees(fade, (0, 1000))
    before = fade.state
    assert fees(fade, (0, 1000)) == []
    assert fade.state is before
