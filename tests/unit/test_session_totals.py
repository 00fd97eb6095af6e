"""Run totals: what the report counts, and that its money adds up."""

from __future__ import annotations

from tests.support.gate_world import AT
from tests.support.trade_facts import (
    SCOUT,
    START,
    approved,
    asked,
    filled,
    news,
    rejected,
    round_trip,
)
from tidegate.model.event import Event, FundingPaid, HaltLatched
from tidegate.model.finding import Finding, Reason, Status
from tidegate.model.halt import Halt
from tidegate.model.order import OrderRole, OrderState
from tidegate.session.totals import Totals, conservation_gap_usd, totals_of
from tidegate.units import SECOND_NS, fixed

HALT = Halt(Reason.L4_OPERATOR, AT, "anna: lunch")


def totals(*events: Event) -> Totals:
    return totals_of(events, START)[1]


def gap(*events: Event) -> int:
    session, counted = totals_of(events, START)
    return conservation_gap_usd(counted, session)


def test_intents_approvals_and_rejections_are_counted() -> None:
    run = totals(asked(), approved(), asked(), rejected("D2", Reason.L1_RATE)).run
    assert (run.intents, run.approvals, run.rejections) == (2, 1, {"L1_RATE": 1})


def test_every_failed_or_unknown_finding_is_counted_and_only_resizing_adjustments() -> None:
    findings = (
        Finding(Reason.L1_RATE, Status.FAILED),
        Finding(Reason.L2_OI_SPIKE, Status.UNKNOWN),
        Finding(Reason.L2_SHORTS_CROWDED, Status.WARNED),
        Finding(Reason.L1_LOSS_AT_RISK, Status.ADJUSTED, multiplier=fixed("0.5")),
        Finding(Reason.L2_STRATEGY_GUARD, Status.ADJUSTED, stop_bps=fixed(35)),
    )
    run = totals(rejected("D1", Reason.L1_RATE, *findings), rejected("D2", Reason.L1_RATE, *findings)).run
    assert run.failures == {"L1_RATE": 2, "L2_OI_SPIKE": 2}
    assert run.resizes == {"L1_LOSS_AT_RISK": 2}


def test_closed_trades_are_counted_by_exit_label_with_what_they_made() -> None:
    run = totals(
        *round_trip("D1", fixed(99_700)),
        *round_trip("D2", fixed(100_900), role=OrderRole.TARGET_3),
        *round_trip("D3", fixed(99_600)),
    ).run
    assert (run.closed, run.wins, run.losses, run.scratches) == (3, 1, 2, 0)
    assert {label: exits.trades for label, exits in run.exits.items()} == {"STOP": 2, "TARGET_3": 1}
    assert sum(exits.net_usd for exits in run.exits.values()) == run.closed_net_usd == run.net_usd
    assert run.won_usd + run.lost_usd == run.closed_net_usd


def test_a_trade_that_makes_exactly_nothing_is_a_scratch() -> None:
    run = totals(*round_trip("D1", fixed(100_000), fee_usd=0)).run
    assert (run.closed, run.wins, run.losses, run.scratches) == (1, 0, 0, 1)


def test_the_label_of_a_scaled_out_trade_is_the_exit_that_closed_it() -> None:
    run = totals(
        approved(),
        filled(),
        filled(lots=5, price=fixed(100_250), role=OrderRole.TARGET_1),
        filled(lots=5, role=OrderRole.TIME),
    ).run
    assert list(run.exits) == ["TIME"]


def test_gross_fees_and_funding_add_up_to_net() -> None:
    run = totals(approved(), filled(), FundingPaid(AT, "D1", -3), filled(price=fixed(100_900), role=OrderRole.TIME)).run
    assert run.gross_usd == fixed("0.9")
    assert run.fees_usd == fixed("0.05") + fixed("0.05045")
    assert (run.funding_usd, run.net_usd) == (-3, run.gross_usd - run.fees_usd - 3)
    assert (run.fills, run.turnover_usd) == (2, fixed("200.9"))


def test_net_bps_are_of_the_entry_notional() -> None:
    scratch = totals(*round_trip("D1", fixed(101_000), fee_usd=0)).run
    assert scratch.net_bps == fixed(100)


def test_an_open_trade_is_in_the_money_but_not_among_the_closed() -> None:
    run = totals(approved(), filled()).run
    assert (run.net_usd, run.closed, run.closed_net_usd, run.exits) == (-fixed("0.05"), 0, 0, {})


def test_what_rounding_to_lots_cost_is_counted_in_usd_and_in_lots() -> None:
    run = totals(approved(granted_usd=fixed(105)), approved("D2", granted_usd=fixed(100))).run
    assert (run.rounding_lost_usd, run.rounding_lost_lots) == (fixed(5), fixed("0.5"))


def test_each_strategy_has_its_own_tally_and_the_run_is_their_sum() -> None:
    counted = totals(
        *round_trip("D1", fixed(99_700)),
        asked(strategy="agent_pick", principal=SCOUT),
        approved("D2", principal=SCOUT, strategy="agent_pick"),
        filled("D2"),
        filled("D2", price=fixed(100_900), role=OrderRole.TIME),
    )
    scalp, agent = counted.by_strategy["BTC_range_scalp"], counted.by_strategy["agent_pick"]
    assert (scalp.losses, scalp.wins, agent.losses, agent.wins, agent.intents) == (1, 0, 0, 1, 1)
    assert counted.run.net_usd == scalp.net_usd + agent.net_usd


def test_a_halt_is_counted_when_it_latches_and_not_again_while_it_is_latched() -> None:
    assert totals(HaltLatched(AT, HALT)).halts == {"L4_OPERATOR": 1}
    assert totals(HaltLatched(AT, HALT), HaltLatched(AT + SECOND_NS, HALT)).halts == {"L4_OPERATOR": 1}


def test_cash_plus_open_cost_is_what_was_booked() -> None:
    assert gap(approved(), filled()) == 0
    assert gap(approved(), filled(lots=3), news(OrderState.CANCELED), filled(lots=1, role=OrderRole.STOP)) == 0
    assert gap(*round_trip("D1", fixed("100123.45678901")), FundingPaid(AT, "D1", -7)) == 0


def test_an_unexplained_fill_shows_as_a_gap_of_its_notional() -> None:
    assert gap(filled("D9")) == -fixed(100)


def test_streaming_the_same_events_again_gives_the_same_totals() -> None:
    events = (asked(), *round_trip("D1", fixed(99_700)), rejected("D2", Reason.L1_RATE), HaltLatched(AT, HALT))
    assert totals(*events) == totals(*events) != Totals()
