"""BTC range scalp: each condition of SPEC section 4 removed once. Lower zone 106,600-106,800, upper zone 109,700-110,000."""

from __future__ import annotations

import pytest

from tests.support import gate_world
from tests.support.market_tape import START, StrategyRun, market
from tidegate.model.intent import Invalidation, Mode, Principal, PrincipalKind
from tidegate.model.observation import Side
from tidegate.snapshot.bands import BandSettings
from tidegate.strategy.ask import Asker
from tidegate.strategy.settings import RangeScalpSettings, StrategySettings
from tidegate.units import HOUR_NS, SECOND_NS, fixed

KEY = "BTC_range_scalp"


def run() -> StrategyRun:
    return StrategyRun(KEY)


# Long: flush, then reclaim


def test_a_flush_and_a_reclaim_with_positive_delta_propose_a_long() -> None:
    scalp = run()
    assert scalp.path("107000", "106700", "106650") == []
    proposal = scalp.bar("106820")
    assert proposal is not None
    assert proposal.side is Side.LONG
    assert proposal.notional_usd == fixed("17.5")
    assert proposal.stop_bps == fixed(28)
    assert proposal.targets_bps == (fixed(25), fixed(50), fixed(90))
    assert proposal.pair == "BTC/USDT:USDT"
    assert proposal.mode is Mode.PAPER
    assert proposal.principal == Principal(PrincipalKind.STRATEGY, KEY)
    assert proposal.invalidation is None


def test_the_evidence_says_what_was_seen() -> None:
    scalp = run()
    scalp.path("107000", "106700")
    proposal = scalp.bar("106820.5", delta="3.25")
    assert proposal is not None
    assert proposal.evidence == (
        "flush below 106800 (band static 106600-106800), reclaimed after 30 s: 30 s bar closed 106820.5 with delta +3.25 BTC"
    )


def test_no_flush_no_long() -> None:
    assert run().path("107000", "106810", "106805", "106900") == []


def test_a_touch_of_exactly_the_edge_is_no_flush() -> None:
    scalp = run()
    scalp.path("107000")
    scalp.bar("106850", low="106800")
    assert scalp.path("106900") == []


def test_price_that_comes_from_below_has_not_flushed() -> None:
    assert run().path("106500", "106700", "106820", "106900") == []


def test_a_wick_into_the_zone_that_closes_above_it_is_flush_and_reclaim_at_once() -> None:
    scalp = run()
    scalp.bar("107000")
    assert scalp.bar("106850", low="106700", delta="1") is not None


def test_a_close_exactly_at_the_edge_is_no_reclaim() -> None:
    assert run().path("107000", "106700", "106800") == []


@pytest.mark.parametrize("delta", ["0", "-1"])
def test_a_reclaim_without_positive_delta_proposes_nothing(delta: str) -> None:
    scalp = run()
    scalp.path("107000", "106700")
    assert scalp.bar("106820", delta=delta) is None


def test_positive_delta_may_come_with_the_next_bar_above_the_edge() -> None:
    scalp = run()
    scalp.path("107000", "106700")
    assert scalp.bar("106820", delta="-1") is None
    assert scalp.bar("106830", delta="1") is not None


def test_a_reclaim_exactly_thirty_minutes_after_the_flush_counts() -> None:
    scalp = run()
    scalp.path("107000", "106700", *["106690"] * 59)
    assert scalp.bar("106820") is not None


def test_a_reclaim_later_than_thirty_minutes_is_too_late() -> None:
    scalp = run()
    scalp.path("107000", "106700", *["106690"] * 60)
    assert scalp.bar("106820") is None


def test_one_reclaim_is_proposed_once() -> None:
    scalp = run()
    assert len(scalp.path("107000", "106700", "106820", "106830", "106900", "106950")) == 1


def test_a_second_reclaim_after_one_failure_is_proposed() -> None:
    assert len(run().path("107000", "106700", "106820", "106700", "106820")) == 2


def test_two_failed_reclaims_stand_the_touch_down() -> None:
    scalp = run()
    assert len(scalp.path("107000", "106700", "106820", "106700", "106820", "106700")) == 2
    assert scalp.path("106820", "106700", "106900", "106700", "106850") == []


def test_a_touch_stood_down_stays_so_until_price_leaves_by_more_than_the_zone() -> None:
    scalp = run()
    scalp.path("107000", "106700", "106820", "106700", "106820", "106700")
    assert scalp.path("107000", "106700", "106820") == []
    assert len(scalp.path("107000.1", "106700", "106820")) == 1


def test_a_close_back_below_after_five_minutes_is_no_failure() -> None:
    scalp = run()
    scalp.path("107000", "106700", "106820", *["106830"] * 10, "106700", "106820")
    assert len(scalp.path("106700", "106820")) == 1


def test_a_close_back_below_at_exactly_five_minutes_is_a_failure() -> None:
    scalp = run()
    scalp.path("107000", "106700", "106820", *["106830"] * 9, "106700", "106820")
    assert scalp.path("106700", "106820") == []


def test_a_new_touch_starts_with_no_failures() -> None:
    scalp = run()
    scalp.path("107000", "106700", "106820", "106700", "106820", "107100")
    assert len(scalp.path("106700", "106820", "106700", "106820")) == 2


def test_the_next_level_is_in_play_once_the_first_zone_is_lost() -> None:
    scalp = run()
    scalp.path("107000", "106500", *["106000"] * 70)
    assert len(scalp.path("105200", "105400")) == 1
    assert "105100-105299.69" in scalp.proposals[0].evidence


def test_without_a_valid_band_nothing_is_proposed() -> None:
    expired = BandSettings(set_ns=START - 25 * HOUR_NS)
    scalp = StrategyRun(KEY, market(expired))
    assert scalp.path("107000", "106700", "106820") == []


def test_the_band_stays_frozen_at_the_touch_when_it_expires_meanwhile() -> None:
    expiring = BandSettings(set_ns=START, valid_until_ns=START + 90 * SECOND_NS)
    scalp = StrategyRun(KEY, market(expiring))
    assert len(scalp.path("107000", "106700", "106650", "106650", "106820")) == 1


# Short: wick, close back, lower high


def wicked() -> StrategyRun:
    """Return a run whose bar 1 (closing a minute) wicked to 109,850 and closed back; the minute from bar 2 is next."""
    scalp = run()
    scalp.path("109600")
    scalp.bar("109650", high="109850")
    return scalp


def test_wick_close_back_and_lower_high_propose_a_short() -> None:
    scalp = wicked()
    assert scalp.path("109640", "109620", "109600") == []
    proposal = scalp.bar("109580")
    assert proposal is not None
    assert proposal.side is Side.SHORT
    assert proposal.notional_usd == fixed("12.5")
    assert proposal.stop_bps == fixed(30)
    assert proposal.targets_bps == (fixed(25), fixed(45), fixed(80))
    assert proposal.invalidation == Invalidation(fixed(110_050), True, 60 * SECOND_NS)
    assert proposal.evidence == (
        "wick to 109850 over 109700 (band static 109700-110000), 60 s bar closed back after 60 s, lower high 109620 and close 109580 in bar 1"
    )


def test_no_wick_no_short() -> None:
    assert run().path("109600", "109700", "109640", "109620", "109600", "109500") == []


def test_a_wick_without_a_close_back_proposes_nothing() -> None:
    scalp = wicked()
    assert scalp.path("109710", "109720", "109730", "109740", "109600", "109500", "109400", "109300") == []


def test_a_close_back_later_than_ninety_seconds_is_too_late() -> None:
    scalp = wicked()  # wick at bar 1: the minutes end 60 s and 120 s later
    assert scalp.path("109710", "109720", "109710", "109650", "109640", "109600", "109580", "109500") == []


def test_a_close_back_exactly_at_the_edge_does_not_count() -> None:
    assert wicked().path("109700", "109700", "109700", "109700", "109600", "109500") == []


def test_a_close_back_ninety_seconds_after_the_wick_counts() -> None:
    scalp = run()
    scalp.path("109600", "109650")
    scalp.bar("109720", high="109850")  # bar 2 ends in mid-minute: the minutes end 30 s and 90 s later
    assert len(scalp.path("109720", "109710", "109650", "109640", "109600")) == 1


def test_without_a_lower_high_within_five_minutes_nothing_is_proposed() -> None:
    scalp = wicked()
    scalp.path("109500", "109500")
    assert (
        scalp.path("109510", "109520", "109530", "109540", "109550", "109560", "109570", "109580", "109590", "109600")
        == []
    )
    assert scalp.path("109550", "109500") == []


def test_the_lower_high_may_come_in_the_fifth_minute() -> None:
    scalp = wicked()
    scalp.path("109500", "109500")
    scalp.path("109510", "109520", "109530", "109540", "109550", "109560", "109570", "109580")
    assert len(scalp.path("109590", "109560")) == 1


def test_a_high_that_reaches_the_wick_again_ends_the_attempt_and_is_a_wick_of_its_own() -> None:
    scalp = wicked()
    scalp.path("109640", "109620")
    scalp.bar("109640", high="109850")
    assert scalp.path("109600", "109550") == []
    assert len(scalp.path("109500")) == 1
    assert "closed back after 30 s" in scalp.proposals[0].evidence


def test_one_wick_is_proposed_once() -> None:
    scalp = wicked()
    assert len(scalp.path("109640", "109620", "109600", "109580", "109500", "109400", "109300", "109200")) == 1


def test_a_price_that_lives_above_the_edge_and_falls_back_is_no_wick() -> None:
    scalp = run()
    scalp.path("109600", "109650", *["109800"] * 8)
    assert scalp.path("109650", "109600", "109550", "109500", "109400", "109300") == []


def test_the_invalidation_of_another_band_keeps_its_distance() -> None:
    bands = BandSettings(set_ns=START - HOUR_NS, upper=BandSettings().upper, upper_extra=(fixed(111_000),))
    scalp = StrategyRun(KEY, market(bands))
    scalp.path("110500", "110900")
    scalp.bar("111000", high="111100")
    assert len(scalp.path("110950", "110950", "110900", "110900", "110850")) == 1
    invalidation = scalp.proposals[0].invalidation
    assert invalidation is not None
    assert invalidation.price == fixed(111_000) * 110_050 // 109_700


def test_the_idle_path_returns_the_same_state() -> None:
    scalp = run()
    before = scalp.state
    scalp.path("108000", "108100", "108200")
    assert scalp.state is before


def test_a_strategy_whose_rules_lack_a_side_does_not_ask_for_it() -> None:
    rules = gate_world.strategies()["XRP_corridor_guard"]
    assert Asker(rules, "XRP", Mode.PAPER).propose(Side.SHORT, "none") is None


def test_a_close_exactly_at_the_edge_after_a_reclaim_is_no_close_back_below() -> None:
    scalp = run()
    scalp.path("107000", "106700", "106820", "106800")
    assert scalp.path("106830", "106800", "106840") == []
    assert len(scalp.path("106700", "106820")) == 1


def test_the_earliest_close_back_is_a_setting() -> None:
    settings = StrategySettings(range_scalp=RangeScalpSettings(close_back_from_ns=60 * SECOND_NS))
    for changed, proposals in ((None, 1), (settings, 0)):
        scalp = StrategyRun(KEY, settings=changed)
        scalp.path("109600", "109650")
        scalp.bar("109650", high="109850")  # ends in mid-minute: the minutes end 30 s and 90 s later
        assert len(scalp.path("109640", "109620", "109600")) == proposals
