"""The fold: what each fact about intents, decisions, orders and fills does to the session."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from tests.support.gate_world import AT, ETH
from tests.support.trade_facts import (
    LOT,
    PRICE,
    SCOUT,
    START,
    approved,
    asked,
    filled,
    news,
    order,
    rejected,
    round_trip,
    run,
    sized_order,
)
from tidegate.model.event import FeedChanged, FundingPaid, OrderIntended, ReviewDone, RunEnded
from tidegate.model.finding import Reason
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole, OrderState
from tidegate.model.session import Session
from tidegate.units import HOUR_NS, MINUTE_NS, SECOND_NS, fixed, notional_of

FEE = fixed("0.05")  # 5 bps of 100 USD, the notional of 10 lots at 100,000


def test_an_intent_is_remembered_for_the_rate_and_duplicate_rules() -> None:
    ((recent,),) = run(asked(principal=SCOUT, side=Side.SHORT)).recent_intents.values()
    assert (recent.received_ns, recent.principal, recent.side) == (AT, "agent:scout", Side.SHORT)


def test_intents_of_the_last_minute_are_kept_and_older_ones_forgotten() -> None:
    session = run(asked(AT - 1), asked(AT), asked(AT + MINUTE_NS))
    assert [recent.received_ns for asked_by_one in session.recent_intents.values() for recent in asked_by_one] == [AT, AT + MINUTE_NS]


def test_an_approval_reserves_its_order_and_a_slot_for_its_principal() -> None:
    session = run(approved(principal=SCOUT, strategy="agent_pick"))
    reservation = session.reservations["D1"]
    assert (reservation.principal, reservation.strategy) == (SCOUT, "agent_pick")
    assert (reservation.quantity, reservation.notional_usd) == (10 * LOT, fixed(100))
    assert (session.open_count, session.entries_pending, session.exposure_usd({})) == (1, 1, fixed(100))


def test_a_rejection_reserves_nothing() -> None:
    refusal = rejected("D1", Reason.L1_DISABLED)
    sized = replace(refusal, decision=replace(refusal.decision, order=sized_order()))
    assert run(refusal) == run(sized) == START


def test_a_full_entry_fill_turns_the_reservation_into_a_trade() -> None:
    session = run(approved(), filled())
    trade = session.trades["D1"]
    assert session.reservations == {}
    assert (trade.open_quantity, trade.open_cost_usd, trade.entry_price) == (10 * LOT, fixed(100), PRICE)
    assert (trade.stop_price, trade.opened_ns, trade.strategy) == (fixed(99_700), AT, "BTC_range_scalp")
    assert (session.open_count, session.exposure_usd({trade.instrument_id: PRICE})) == (1, fixed(100))


def test_the_entry_fee_is_booked_at_the_entry() -> None:
    session = run(approved(), filled())
    assert session.realised_day_usd == -FEE
    assert session.ledger_24h == ((AT, -FEE),)


def test_a_partial_entry_keeps_the_rest_reserved_and_counts_as_one_trade() -> None:
    session = run(approved(), filled(lots=3))
    reservation = session.reservations["D1"]
    assert (reservation.quantity, reservation.notional_usd) == (7 * LOT, fixed(70))
    assert reservation.stop_risk_usd == fixed("0.28")
    assert (session.open_count, session.entries_day) == (1, 1)


def test_a_partial_entry_at_a_worse_price_moves_the_average_and_the_stop() -> None:
    session = run(approved(), filled(lots=5), filled(lots=5, price=fixed(100_200)))
    trade = session.trades["D1"]
    assert trade.entry_price == fixed(100_100)
    assert trade.stop_price == fixed("99799.7")
    assert session.reservations == {}


def test_what_is_left_reserved_is_rounded_up() -> None:
    session = run(approved(lots=3, notional_usd=100, stop_risk_usd=1), filled(lots=1))
    assert (session.reservations["D1"].notional_usd, session.reservations["D1"].stop_risk_usd) == (67, 1)


def test_an_entry_is_counted_once_for_account_strategy_and_agent_at_its_first_fill() -> None:
    session = run(
        approved(principal=SCOUT, strategy="agent_pick"),
        filled(lots=4, at_ns=AT + 1),
        filled(lots=6, at_ns=AT + 2),
    )
    assert session.entries_day == 1
    assert session.entries_by == {"agent_pick": 1, "agent:scout": 1}
    assert session.last_entry_ns == {"agent_pick": AT + 1, "agent:scout": AT + 1}


def test_a_strategys_own_entry_counts_for_the_strategy_alone() -> None:
    assert run(approved(), filled()).entries_by == {"BTC_range_scalp": 1}


@pytest.mark.parametrize("state", [OrderState.CANCELED, OrderState.REFUSED])
def test_a_canceled_or_refused_entry_gives_its_reservation_back(state: OrderState) -> None:
    session = run(approved(), news(state))
    assert (session.reservations, session.open_count, session.exposure_usd({})) == ({}, 0, 0)
    assert session.entries_day == 0


@pytest.mark.parametrize("state", [OrderState.UNKNOWN, OrderState.WORKING, OrderState.PARTIALLY_FILLED])
def test_an_unknown_or_working_entry_keeps_its_reservation(state: OrderState) -> None:
    assert run(approved(), news(state)) == run(approved())


def test_the_end_of_an_entry_that_filled_whole_gives_nothing_back() -> None:
    session = run(approved(), filled())
    assert run(news(OrderState.CANCELED), session=session) == session


def test_an_entry_heard_to_be_filled_keeps_its_exposure_until_the_fill_itself_is_here() -> None:
    waiting = run(approved(), news(OrderState.FILLED))
    assert waiting.exposure_usd({}) == fixed(100)
    assert run(filled(), session=waiting).reservations == {}


def test_news_of_an_exit_order_never_gives_back_an_entrys_reservation() -> None:
    session = run(approved(), filled(lots=3))
    assert run(news(OrderState.CANCELED, role=OrderRole.STOP), session=session) == session


def test_a_late_fill_of_a_canceled_entry_still_opens_its_trade_with_its_own_stop() -> None:
    session = run(approved(), news(OrderState.CANCELED), filled(lots=2))
    assert session.trades["D1"].stop_price == fixed(99_700)
    assert (session.trades["D1"].open_quantity, session.entries_day, session.reservations) == (2 * LOT, 1, {})


def test_a_late_fill_of_a_partly_filled_canceled_entry_extends_its_trade() -> None:
    session = run(approved(), filled(lots=3), news(OrderState.CANCELED), filled(lots=2))
    assert (session.trades["D1"].open_quantity, session.entries_day, session.open_count) == (5 * LOT, 1, 1)


def test_only_the_last_sixteen_released_reservations_are_remembered() -> None:
    session = START
    for number in range(20):
        session = run(approved(f"D{number}"), news(OrderState.CANCELED, f"D{number}"), session=session)
    assert [released.decision_id for released in session.released] == [f"D{number}" for number in range(4, 20)]


@pytest.mark.parametrize(
    "unexplained",
    [
        filled("D9"),
        filled("D9", role=OrderRole.STOP),
        filled("D1", buys=False),
        filled("D1", instrument_id=ETH),
    ],
    ids=["entry never approved", "exit without a trade", "entry the wrong way round", "entry of another instrument"],
)
def test_an_unexplained_fill_books_its_fee_and_makes_no_trade(unexplained: object) -> None:
    before = run(approved())
    after = run(unexplained, session=before)  # type: ignore[arg-type]
    assert after.realised_day_usd == -FEE
    assert (after.trades, after.reservations, after.entries_day) == ({}, before.reservations, 0)


def test_an_exit_fill_the_wrong_way_round_never_grows_the_position() -> None:
    session = run(approved(), filled(), filled(role=OrderRole.STOP, buys=True))
    assert session.trades["D1"].open_quantity == 10 * LOT
    assert session.realised_day_usd == -2 * FEE


def test_a_partial_exit_books_its_share_and_leaves_the_rest_open() -> None:
    session = run(approved(), filled(), filled(lots=4, price=fixed(100_250), role=OrderRole.TARGET_1))
    trade = session.trades["D1"]
    assert (trade.open_quantity, trade.open_cost_usd, trade.gross_usd) == (6 * LOT, fixed(60), fixed("0.1"))
    assert session.realised_day_usd == trade.realised_usd == fixed("0.1") - FEE - fixed("0.02005")


def test_a_losing_trade_is_counted_and_extends_the_streak() -> None:
    session = run(*round_trip("D1", fixed(99_700)), *round_trip("D2", fixed(99_700)))
    assert (session.trades, session.losses, session.loss_streak) == ({}, 2, 2)


def test_a_win_ends_the_streak_but_not_the_count() -> None:
    session = run(*round_trip("D1", fixed(99_700)), *round_trip("D2", fixed(100_900)))
    assert (session.losses, session.loss_streak) == (1, 0)


def test_a_gross_win_that_its_fees_eat_is_a_loss() -> None:
    assert run(*round_trip("D1", fixed(100_050))).losses == 1


def test_a_trade_that_nets_exactly_zero_is_neither_a_loss_nor_a_win() -> None:
    flat = round_trip("D2", PRICE, fee_usd=0)
    session = run(*round_trip("D1", fixed(99_700)), *flat)
    assert (session.losses, session.loss_streak) == (1, 1)


def test_a_short_gains_when_the_price_falls() -> None:
    session = run(
        approved(side=Side.SHORT),
        filled(buys=False, fee_usd=0),
        filled(buys=True, fee_usd=0, price=fixed(99_000), role=OrderRole.TIME),
    )
    assert (session.realised_day_usd, session.losses) == (fixed(1), 0)


def test_a_shorts_stop_is_above_its_entry() -> None:
    assert run(approved(side=Side.SHORT), filled(buys=False)).trades["D1"].stop_price == fixed(100_300)


def test_an_exit_larger_than_the_position_closes_it_and_no_more() -> None:
    session = run(approved(), filled(fee_usd=0), filled(lots=12, fee_usd=0, price=fixed(101_000), role=OrderRole.STOP))
    assert session.trades == {}
    assert session.realised_day_usd == notional_of(fixed(101_000), 10 * LOT) - fixed(100)


def test_a_trade_that_closes_while_its_entry_still_works_keeps_the_slot_reserved() -> None:
    session = run(approved(), filled(lots=3), filled(lots=3, role=OrderRole.STOP))
    assert (session.trades, session.open_count, session.reservations["D1"].quantity) == ({}, 1, 7 * LOT)


def test_funding_is_booked_into_its_trade_and_its_day() -> None:
    session = run(approved(), filled(), FundingPaid(AT + HOUR_NS, "D1", -fixed("0.01")))
    assert session.trades["D1"].funding_usd == -fixed("0.01")
    assert session.realised_day_usd == -FEE - fixed("0.01")


def test_funding_can_turn_a_trade_into_a_loss() -> None:
    session = run(
        approved(),
        filled(fee_usd=0),
        FundingPaid(AT, "D1", -1),
        filled(fee_usd=0, role=OrderRole.TIME),
    )
    assert session.losses == 1


def test_funding_of_a_closed_trade_is_still_money() -> None:
    assert run(FundingPaid(AT, "D1", 7)).realised_day_usd == 7


def test_a_review_clears_the_streak_and_not_the_count() -> None:
    session = run(*round_trip("D1", fixed(99_700)), ReviewDone(AT, "anna", "seen"))
    assert (session.losses, session.loss_streak) == (1, 0)


def test_facts_for_the_record_change_nothing() -> None:
    session = run(approved(), filled())
    quiet = (
        FeedChanged(AT, "price", "BTC", False, ""),
        RunEnded(AT, "done"),
    )
    assert run(*quiet, session=session) is session


def test_an_intended_order_reserves_nothing_of_its_own() -> None:
    session = run(approved())
    assert run(OrderIntended(AT, order()), session=session) is session


def test_the_fold_never_changes_the_session_it_was_given() -> None:
    before = run(approved(), filled())
    copy = msgspec.json.decode(msgspec.json.encode(before), type=Session)
    run(filled(role=OrderRole.STOP), approved("D2"), session=before)
    assert before == copy


def test_the_same_approval_twice_reserves_once() -> None:
    assert run(approved(), approved(at_ns=AT + SECOND_NS)) == run(approved())


def test_a_whole_session_survives_the_wire() -> None:
    session = run(asked(), approved("D2"), approved(), filled(lots=4), news(OrderState.CANCELED, "D2"))
    assert msgspec.json.decode(msgspec.json.encode(session, order="deterministic"), type=Session) == session
