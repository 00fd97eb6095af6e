"""The decision as a whole: the worked example of SPEC §2 to the letter, sizing, lots, the second look, approvals, totality."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.gate_case import UNKNOWN, found, rejecting
from tests.support.gate_world import (
    AT,
    BTC,
    LONG,
    PRICES,
    SHORT,
    book,
    calm,
    instrument,
    intent,
    limits,
    reading,
    session,
    snapshot,
    trade,
    view,
)
from tidegate.gate import decide as decide_room
from tidegate.gate.checks import CHECKS
from tidegate.gate.decide import approval_of, decide
from tidegate.gate.reasons import headline, warnings
from tidegate.model.decision import Decision, TargetLeg, Verdict
from tidegate.model.finding import Finding, Reason
from tidegate.model.intent import Intent, Mode
from tidegate.model.limits import Limits
from tidegate.model.observation import Side
from tidegate.model.session import Session
from tidegate.model.snapshot import Reading, Snapshot
from tidegate.units import ONE, fixed


def judged(
    asked: Intent | None = None,
    market: Snapshot | None = None,
    held: Session | None = None,
    bounds: Limits | None = None,
) -> Decision:
    """Decide the worked example with parts replaced."""
    return decide(asked or intent(), market or snapshot(), held or session(), bounds or limits())


def test_the_worked_example_is_approved_with_its_two_warnings() -> None:
    decision = judged()
    assert decision.verdict is Verdict.APPROVED
    assert decision.primary is None
    assert headline(decision) == "All risk gates passed"
    assert (decision.size_multiplier, decision.approved_notional_usd) == (ONE, fixed(25))
    assert warnings(decision) == (
        "Funding divergence detected: +3.60 bps",
        "Aave HF 2.45 close to minimum - proceed carefully",
    )
    assert decision.order is not None
    assert (decision.order.stop_bps, decision.order.lots, decision.order.notional_usd) == (
        fixed(28),
        2,
        fixed("21.6804"),
    )
    assert decision.order.targets == (TargetLeg(1, fixed(25), 1), TargetLeg(2, fixed(50), 1))


def test_the_worked_example_as_a_short_is_rejected_by_the_crowd_first() -> None:
    decision = judged(intent(side=SHORT, stop_bps=fixed(30)))
    assert decision.primary is Reason.L2_SHORTS_CROWDED
    assert rejecting(decision) == {Reason.L2_SHORTS_CROWDED, Reason.L2_FUNDING_DIVERGENCE, Reason.L2_STRATEGY_GUARD}
    assert headline(decision) == "Shorts are crowded: 56.20 % short, at most 54.00 % (account_ratio)"
    assert (decision.order, decision.approved_notional_usd, decision.size_multiplier) == (None, 0, 0)


def test_the_worked_example_at_500_usd_is_too_large() -> None:
    assert judged(intent(notional_usd=fixed(500))).primary is Reason.L1_NOTIONAL_TOO_LARGE


def test_the_worked_example_at_50_usd_is_cut_to_40_by_open_interest() -> None:
    decision = judged(intent(notional_usd=fixed(50)), snapshot(market=view(open_interest=reading("3.2"))))
    assert decision.approved
    assert (decision.approved_notional_usd, decision.size_multiplier) == (fixed(40), fixed("0.8"))
    assert decision.order is not None
    assert (decision.order.lots, decision.order.notional_usd) == (3, fixed("32.5206"))


def test_the_worked_example_with_a_low_health_factor_is_rejected() -> None:
    assert judged(market=snapshot(health_factor=reading("2.15"))).primary is Reason.L3_HEALTH_FACTOR_LOW


def test_the_worked_example_after_two_losses_of_50_usd_has_reached_the_daily_loss() -> None:
    decision = judged(held=session(realised_day_usd=-fixed(100), losses=2, loss_streak=2))
    assert decision.primary is Reason.L1_DAILY_LOSS
    assert Reason.L3_LOSS_STREAK in rejecting(decision)


def test_every_check_is_shown_in_order_of_precedence() -> None:
    order = list(Reason)
    for decision in (judged(), judged(intent(side=SHORT, notional_usd=fixed(500)))):
        assert [finding.reason for finding in decision.findings] == [reason for reason, _ in CHECKS]
        places = [order.index(finding.reason) for finding in decision.findings]
        assert places == sorted(places)
    assert {reason for reason, _ in CHECKS} == set(Reason)


def test_cuts_multiply_exactly_and_each_is_applied_once() -> None:
    sol = intent("SOL", notional_usd=fixed(100), stop_bps=fixed(35), targets_bps=(fixed(30),))
    market = calm("SOL", open_interest=reading(4), tip_ratio=reading(2))
    decision = decide(sol, market, session(), limits())
    assert decision.size_multiplier == fixed("0.4")
    assert decision.approved_notional_usd == fixed(40)
    assert decision.order is not None
    assert decision.order.stop_bps == fixed(45)


def test_the_loss_resize_halves_once_and_warns() -> None:
    decision = judged(market=calm(), bounds=limits(drawdown_usd_max=fixed("0.19") - 1))
    assert (decision.size_multiplier, decision.approved_notional_usd) == (fixed("0.5"), fixed("12.5"))
    assert warnings(decision) == ("Approaching loss limit: stop risk 0.10 USD, half the room is 0.09 USD: size x 0.50",)


def test_a_cut_that_leaves_no_lot_rejects() -> None:
    decision = judged(intent(notional_usd=fixed(13)), calm(open_interest=reading(4)))
    assert decision.primary is Reason.L1_NOTIONAL_TOO_SMALL
    assert [finding.observed for finding in found(decision, Reason.L1_NOTIONAL_TOO_SMALL)] == [fixed("10.4")]


def test_a_stop_widened_over_the_maximum_rejects() -> None:
    decision = judged(market=calm(book=book(depth_usd=0)), bounds=limits(stop_bps_max=fixed(35) - 1))
    assert decision.primary is Reason.L1_STOP_TOO_WIDE
    assert [finding.observed for finding in found(decision, Reason.L1_STOP_TOO_WIDE)] == [fixed(35)]


def test_a_guard_never_narrows_the_callers_stop() -> None:
    decision = judged(intent(stop_bps=fixed(50)), calm(book=book(depth_usd=0)))
    assert decision.order is not None
    assert decision.order.stop_bps == fixed(50)


def test_a_widened_stop_must_fit_the_room_at_the_notional_asked_for_even_when_other_cuts_follow() -> None:
    room = limits(drawdown_usd_max=fixed("0.1"))  # 25 USD: 0.095 at 28 bps, 0.1125 at 35 bps
    thin = book(depth_usd=0)
    assert judged(market=calm(), bounds=room).approved
    assert judged(market=calm(book=thin), bounds=room).primary is Reason.L1_LOSS_AT_RISK
    assert judged(market=calm(book=thin, open_interest=reading(4)), bounds=room).primary is Reason.L1_LOSS_AT_RISK


@pytest.mark.parametrize(
    ("side", "limit_price", "worst"),
    [
        (LONG, None, fixed("108944")),  # 108,402 + 50 bps = 108,944.01, down to the tick
        (SHORT, None, fixed("107860")),  # 108,402 - 50 bps = 107,859.99, up to the tick
        (LONG, "108500.05", fixed("108500")),
        (SHORT, "108300.05", fixed("108300.1")),
    ],
)
def test_the_worst_price_is_the_collar_or_the_tighter_limit_on_the_tighter_tick(
    side: Side, limit_price: str | None, worst: int
) -> None:
    price = fixed(limit_price) if limit_price else None
    asked = intent(side=side, strategy="agent_pick", limit_price=price)
    decision = judged(asked, calm())
    assert decision.order is not None
    assert decision.order.limit_price == worst


def test_one_lot_leaves_whole_at_the_first_target() -> None:
    decision = judged(intent(notional_usd=fixed(11)))
    assert decision.order is not None
    assert decision.order.targets == (TargetLeg(1, fixed(25), 1),)


def test_the_orders_own_numbers_add_up() -> None:
    order = judged(intent(notional_usd=fixed(400)), calm()).order
    assert order is not None
    assert order.quantity == order.lots * instrument().lot
    assert order.notional_usd == PRICES["BTC"] * order.quantity // ONE
    assert order.stop_risk_usd == -(-order.notional_usd * fixed(38) // (10_000 * ONE))
    assert sum(leg.lots for leg in order.targets) == order.lots
    assert (order.reference_price, order.instrument_id) == (PRICES["BTC"], BTC)


def test_an_approval_is_only_made_from_an_approved_decision() -> None:
    decision = judged()
    approval = approval_of(decision, Mode.PAPER)
    assert (approval.decision_id, approval.mode, approval.order) == ("DP1", Mode.PAPER, decision.order)
    with pytest.raises(ValueError, match="only an approved one"):
        approval_of(judged(intent(notional_usd=fixed(500))), Mode.PAPER)


@pytest.mark.parametrize(("intent_id", "mode"), [("IT1", Mode.PAPER), ("IP1", Mode.LIVE), ("IL1", Mode.TEST), ("I1", Mode.PAPER)])
def test_a_decision_made_in_one_mode_is_unusable_in_another(intent_id: str, mode: Mode) -> None:
    decision = judged(intent(intent_id=intent_id))
    with pytest.raises(ValueError, match=f"not made in mode {mode}"):
        approval_of(decision, mode)


def _raises(*_four: object) -> Finding:
    raise ZeroDivisionError


@pytest.mark.parametrize("place", range(len(CHECKS)), ids=[f"{code.value}-{check.__name__}" for code, check in CHECKS])
def test_a_check_that_raises_is_unknown_under_its_own_code_and_rejects(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = CHECKS[place][0]
    broken = (*CHECKS[:place], (code, _raises), *CHECKS[place + 1 :])
    monkeypatch.setattr(decide_room, "CHECKS", broken)
    decision = judged()
    assert decision.primary is code
    assert rejecting(decision) == {code}
    assert decision.findings[place].status is UNKNOWN
    assert decision.findings[place].note == "check raised ZeroDivisionError"


@pytest.mark.parametrize(("code", "check"), CHECKS, ids=[check.__name__ for _, check in CHECKS])
def test_every_check_speaks_under_the_code_it_stands_beside(code: Reason, check: object) -> None:
    for decision in (judged(), judged(intent(side=SHORT, stop_bps=None, strategy="agent_pick"))):
        place = [row[1] for row in CHECKS].index(check)  # type: ignore[arg-type]
        assert decision.findings[place].reason is code


def test_limits_without_ages_or_strategies_reject_instead_of_raising() -> None:
    assert judged(bounds=limits(stale={})).primary is Reason.L1_NOTIONAL_TOO_SMALL
    nobody = judged(bounds=limits(strategies={}, instruments={}, assets={}))
    assert nobody.primary is Reason.L1_DISABLED
    assert {Reason.L1_INSTRUMENT_UNKNOWN, Reason.L2_STRATEGY_GUARD, Reason.L3_DAILY_TRADE_CAP} <= rejecting(nobody)


def test_a_multiplier_over_one_never_enlarges() -> None:
    decision = judged(market=calm(open_interest=reading(4)), bounds=limits(oi_size_multiplier=fixed(3)))
    assert (decision.approved_notional_usd, decision.size_multiplier) == (fixed(25), ONE)


def test_more_targets_than_weights_get_nothing() -> None:
    targets = tuple(fixed(bps) for bps in (25, 50, 90, 120))
    order = judged(intent(notional_usd=fixed(400), targets_bps=targets)).order
    assert order is not None
    assert [leg.number for leg in order.targets] == [1, 2, 3]


def test_a_decision_survives_its_own_encoding() -> None:
    decision = judged()
    assert msgspec.json.decode(msgspec.json.encode(decision, order="deterministic"), type=Decision) == decision


def test_an_unlisted_instrument_of_an_open_trade_cannot_be_judged() -> None:
    held = session(trades={"D9": trade(instrument_id="gone")})
    marked = msgspec.structs.replace(calm(), marks={"gone": Reading(fixed(1), "test", AT, AT)})
    decision = judged(market=marked, held=held)
    assert [finding.status for finding in found(decision, Reason.L1_LOSS_AT_RISK)] == [UNKNOWN]
    assert Reason.L1_EXPOSURE not in rejecting(decision)
