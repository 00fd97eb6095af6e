"""The paper venue's fill rules on recorded books, prints and approximate bars."""

from __future__ import annotations

import pytest

from tests.support.paper_desk import BTC, Desk, bar, book, printed
from tidegate.model.observation import Side
from tidegate.model.order import OrderState
from tidegate.units import bps_of_up, fixed, notional_of

DEEP = book("108400x10 108399x10", "108400.1x10 108401x10")


def paid(fills):
    return [(fill.price, fill.quantity) for fill in fills]


def worth(*pairs):
    return [(fixed(price), fixed(quantity)) for price, quantity in pairs]


# --- orders at once ---------------------------------------------------------------------------------------------------------------


def test_an_entry_walks_the_book_that_is_there_when_it_arrives():
    desk = Desk()
    desk.show(DEEP)
    desk.enter("0.0002", "108450")
    assert desk.wait(149) == []
    assert paid(desk.wait(150)) == worth(("108400.1", "0.0002"))


def test_an_entry_sent_before_a_move_pays_the_price_after_it():
    desk = Desk()
    desk.show(DEEP)
    desk.enter("0.0002", "108450", ms=0)
    fills = desk.show(book("108410x1", "108412x1", ms=100))
    assert paid(fills + desk.wait(200)) == worth(("108412", "0.0002"))


def test_an_entry_never_pays_more_than_its_limit_and_its_rest_is_cancelled():
    desk = Desk()
    desk.show(book("108400x1", "108401x0.0002 108402x0.0003 108460x5"))
    order = desk.enter("0.001", "108450")
    assert paid(desk.wait(200)) == worth(("108401", "0.0002"), ("108402", "0.0003"))
    assert desk.last_change(order).state is OrderState.CANCELED
    assert desk.position() == fixed("0.0005")
    assert desk.venue.open_orders() == ()


def test_an_entry_that_finds_nothing_within_its_limit_is_cancelled_unfilled():
    desk = Desk()
    desk.show(DEEP)
    order = desk.enter("0.0002", "108400")
    assert desk.wait(200) == []
    assert desk.last_change(order).state is OrderState.CANCELED


def test_quantity_taken_from_a_book_is_gone_until_the_next_book():
    desk = Desk()
    thin = book("108400x1", "108401x0.0003 108402x1")
    desk.show(thin)
    desk.enter("0.0002", "108450", decision_id="D1")
    desk.enter("0.0002", "108450", decision_id="D2")
    assert paid(desk.wait(200)) == worth(("108401", "0.0002"), ("108401", "0.0001"), ("108402", "0.0001"))
    desk.show(book("108400x1", "108401x0.0003 108402x1", ms=300))
    desk.enter("0.0002", "108450", ms=300, decision_id="D3")
    assert paid(desk.wait(500)) == worth(("108401", "0.0002"))


def test_levels_give_whole_lots_only():
    desk = Desk()
    desk.show(book("108400x1", "108401x0.00019 108402x0.00005 108403x1"))
    desk.enter("0.0002", "108450")
    assert paid(desk.wait(200)) == worth(("108401", "0.0001"), ("108403", "0.0001"))


def test_a_book_between_ticks_is_rounded_against_us():
    desk = Desk()
    desk.show(book("108400.04x1", "108400.06x1"))
    desk.enter("0.0002", "108450")
    assert paid(desk.wait(200)) == worth(("108400.1", "0.0002"))


def test_every_fill_pays_the_fee_of_its_role():
    desk = Desk().holding("0.001")
    desk.target("0.001", "108500", ms=300)
    desk.wait(500)
    (sold,) = desk.show(printed("108500.1", ms=600))
    assert sold.maker
    assert sold.fee_usd == bps_of_up(notional_of(fixed(108500), fixed("0.001")), fixed(2))


def test_an_entry_without_any_price_waits_for_the_first_one_and_is_then_cancelled():
    desk = Desk()
    order = desk.enter("0.0002", "108450")
    assert desk.wait(59_000) == []
    assert paid(desk.show(book("108400x1", "108401x1", ms=59_500))) == worth(("108401", "0.0002"))
    late = desk.enter("0.0002", "108450", ms=100_000, decision_id="D2")
    assert desk.wait(160_151) == []
    assert desk.last_change(order).state is OrderState.FILLED
    assert desk.last_change(late).detail == "no fresh price to fill against"


def test_an_exit_takes_the_last_known_book_however_old():
    from tidegate.model.order import OrderKind, OrderRole

    desk = Desk().holding("0.001")
    desk.leave(OrderRole.FLATTEN, OrderKind.IOC, "0.001", "0", ms=3_600_000)
    assert paid(desk.wait(3_601_000)) == worth(("108400", "0.001"))
    assert desk.venue.positions() == {}


# --- targets ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "fills"), [("108499.9", 0), ("108500", 0), ("108500.1", 1)])
def test_a_target_fills_only_when_a_print_goes_through_it(price, fills):
    desk = Desk().holding("0.001")
    desk.target("0.001", "108500", ms=300)
    desk.wait(500)
    new = desk.show(printed(price, ms=600))
    assert paid(new) == worth(("108500", "0.001")) * fills


@pytest.mark.parametrize(("price", "fills"), [("108300.1", 0), ("108300", 0), ("108299.9", 1)])
def test_a_shorts_target_fills_only_when_a_print_goes_through_it_downward(price, fills):
    desk = Desk().holding("0.001", side=Side.SHORT)
    desk.target("0.001", "108300", ms=300, buys=True)
    desk.wait(500)
    assert len(desk.show(printed(price, ms=600))) == fills


def test_targets_share_the_printed_quantity_nearest_first():
    desk = Desk().holding("0.001")
    near = desk.target("0.0005", "108500", ms=300, number=1)
    far = desk.target("0.0005", "108600", ms=300, number=2)
    desk.wait(500)
    new = desk.show(printed("108700", "0.00079", ms=600))
    assert paid(new) == worth(("108500", "0.0005"), ("108600", "0.0002"))
    assert desk.last_change(near).state is OrderState.FILLED
    assert desk.last_change(far).state is OrderState.PARTIALLY_FILLED
    assert paid(desk.show(printed("108700", "5", ms=700))) == worth(("108600", "0.0003"))


def test_the_ids_of_an_orders_fills_count_its_lots_and_never_repeat():
    desk = Desk().holding("0.001")
    order = desk.target("0.001", "108500", ms=300)
    desk.wait(500)
    desk.show(printed("108700", "0.0004", ms=600), printed("108700", "0.0006", ms=601))
    assert [fill.fill_id for fill in desk.fills] == [f"F{order.client_order_id}-4", f"F{order.client_order_id}-10"]


def test_a_target_that_can_trade_on_arrival_takes_the_book_as_taker():
    desk = Desk().holding("0.001")
    desk.target("0.001", "108300", ms=300)
    (fill,) = desk.wait(500)
    assert (fill.price, fill.maker) == (fixed(108400), False)


# --- stops ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "fills"), [("108100.1", 0), ("108100", 1), ("108050", 1)])
def test_a_stop_triggers_at_or_beyond_its_trigger_and_takes_the_book(price, fills):
    desk = Desk().holding("0.001")
    desk.stop("0.001", "108100", ms=300)
    desk.show(book("108090x1", "108110x1", ms=500))
    assert paid(desk.show(printed(price, ms=600))) == worth(("108090", "0.001")) * fills


def test_a_triggered_stop_goes_on_taking_from_the_next_book_until_it_is_done():
    desk = Desk().holding("0.001")
    order = desk.stop("0.001", "108100", ms=300)
    desk.show(book("108090x0.0004", "108110x1", ms=500), printed("108095", ms=600))
    assert desk.last_change(order).state is OrderState.PARTIALLY_FILLED
    desk.show(printed("108300", ms=700))
    assert paid(desk.show(book("107900x1", "107950x1", ms=800))) == worth(("107900", "0.0006"))
    assert desk.venue.positions() == {}


def test_a_stop_that_arrives_beyond_its_trigger_triggers_at_once():
    desk = Desk().holding("0.001")
    desk.show(printed("108050", ms=250), book("108040x1", "108060x1", ms=260))
    desk.stop("0.001", "108100", ms=300)
    assert paid(desk.wait(450)) == worth(("108040", "0.001"))


# --- tapes: approximate bars ------------------------------------------------------------------------------------------------------


def on_tape(quantity: str = "0.001") -> Desk:
    """A long from 108400 entered on a tape at the close of the bar before second 30."""
    desk = Desk()
    desk.show(bar("108400 108410 108390 108400", 0))
    desk.enter(quantity, "108500", ms=30_000)
    desk.wait(30_200)
    return desk


def test_on_a_tape_an_entry_pays_half_the_assumed_spread_above_the_last_price():
    assert paid(on_tape().fills) == worth(("108405.5", "0.001"))


def test_a_gap_beyond_the_stop_fills_at_the_open_less_half_the_spread_never_at_the_trigger():
    desk = on_tape()
    desk.stop("0.001", "108100", ms=30_200)
    desk.show(bar("108400 108410 108300 108350", 30_000))
    (fill,) = desk.show(bar("107900 108300 107800 108200", 60_000))
    assert fill.price == fixed("107894.6")  # 107900 less 0.5 bps, to the tick below
    assert fill.price < fixed(108100)


def test_a_stop_inside_a_bar_fills_at_its_trigger_less_half_the_spread():
    desk = on_tape()
    desk.stop("0.001", "108100", ms=30_200)
    (fill,) = desk.show(bar("108400 108410 108000 108050", 30_000))
    assert fill.price == fixed("108094.5")
    assert bar("1 1 1 1", 30_000).start_ns < fill.ts_ns < bar("1 1 1 1", 30_000).end_ns


def test_an_up_bar_meets_the_stop_before_the_target_and_a_down_bar_the_target_before_the_stop():
    for prices, first in (("108400 108600 108000 108500", "108094.5"), ("108400 108600 108000 108300", "108500")):
        desk = on_tape()
        desk.stop("0.001", "108100", ms=30_200)
        desk.target("0.001", "108500", ms=30_200)
        new = desk.show(bar(prices, 30_000))
        assert paid(new) == worth((first, "0.001"))
        assert desk.venue.positions() == {}


def test_one_bar_can_fill_a_target_and_then_stop_what_is_left():
    desk = on_tape()
    stop = desk.stop("0.001", "108100", ms=30_200)
    desk.target("0.0005", "108500", ms=30_200)
    new = desk.show(bar("108400 108600 108000 108300", 30_000))
    assert paid(new) == worth(("108500", "0.0005"), ("108094.5", "0.0005"))
    assert desk.last_change(stop).detail == "reduced to what was open"
    assert desk.venue.positions() == {}


def test_a_target_touched_but_not_passed_by_the_path_does_not_fill():
    desk = on_tape()
    desk.target("0.001", "108500", ms=30_200)
    assert desk.show(bar("108400 108500 108390 108450", 30_000)) == []
    assert paid(desk.show(bar("108450 108500.1 108440 108450", 60_000))) == worth(("108500", "0.001"))


def test_an_order_does_not_meet_the_part_of_a_bar_before_its_arrival():
    desk = on_tape()
    desk.show()
    desk.stop("0.001", "108100", ms=54_850)  # arrives at 55 s; the low of the bar is at 40 s, the price is back at 108350 by then
    assert desk.show(bar("108400 108400 108000 108400", 30_000)) == []
    assert desk.position() == fixed("0.001")


def test_an_entry_in_flight_over_a_tape_fills_at_the_price_of_its_moment_inside_the_bar():
    desk = Desk()
    desk.show(bar("108400 108410 108390 108400", 0))
    desk.enter("0.001", "109000", ms=34_850)  # arrives at 35 s: half way from 108400 down to 108390
    desk.venue.on_market(bar("108400 108500 108390 108450", 30_000))
    desk.collect()
    assert paid(desk.fills) == worth(("108400.5", "0.001"))  # 108395 and half a spread, to the tick above


def test_bars_made_of_recorded_trades_are_not_walked():
    desk = Desk().holding("0.001")
    desk.stop("0.001", "108100", ms=300)
    desk.wait(1_000)
    assert desk.show(bar("108400 108410 107000 107100", 30_000, approximate=False)) == []


def test_an_order_larger_than_the_assumed_depth_is_filled_in_part():
    desk = Desk()
    desk.show(bar("108400 108410 108390 108400", 0))
    order = desk.enter("1", "108500", ms=30_000)
    (fill,) = desk.wait(30_200)
    assert fill.notional_usd <= fixed(50_000) < fill.notional_usd + notional_of(fill.price, BTC.lot)
    assert desk.last_change(order).state is OrderState.CANCELED


def test_a_book_that_comes_after_an_unwalked_bar_is_what_counts():
    desk = Desk()
    desk.show(bar("108400 108410 108390 108400", 0), book("108000x1", "108001x1", ms=30_000))
    desk.enter("0.0002", "108450", ms=30_000)
    assert paid(desk.wait(30_200)) == worth(("108001", "0.0002"))
