"""The paper venue and pairs: the last inch of each attempt, books and rates of their own, inventory of any sign."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.pair_desk import CHEAP, DEAR, QUANTITY, books, leg_order, pair_order
from tidegate.errors import Refused
from tidegate.matching.settings import PaperSettings
from tidegate.model.decision import Approval, ExitApproval
from tidegate.model.event import Filled, OrderChanged
from tidegate.model.intent import Mode
from tidegate.model.order import Fill, Order, OrderKind, OrderRole, OrderState
from tidegate.units import MS_NS, SECOND_NS, fixed
from tidegate.venues.paper import PaperVenue

T0 = 1_760_000_000 * SECOND_NS
APPROVAL = Approval("DP1", Mode.PAPER, pair_order())
BUY, SALE = leg_order(OrderRole.ENTRY), leg_order(OrderRole.HEDGE)


class SpotDesk:
    """A venue with two spot books."""

    def __init__(self) -> None:
        spots = {one.instrument_id: one for one in (CHEAP, DEAR)}
        self.venue = PaperVenue(spots, PaperSettings(latency_ns=100 * MS_NS), lambda decision_id: decision_id.startswith("DP"))
        self.now_ns = T0
        self.fills: list[Fill] = []
        self.changes: list[OrderChanged] = []

    def show(self, after_s: int = 0, **shown: str | None) -> SpotDesk:
        self.now_ns += after_s * SECOND_NS
        for event in books(self.now_ns, **shown):  # type: ignore[arg-type]
            self.venue.on_market(event)
        return self

    def send(self, order: Order, approval: Approval | None = None, wait_s: int = 1) -> list[Fill]:
        self.venue.place(order, approval or APPROVAL, self.now_ns)
        return self.wait(wait_s)

    def wait(self, seconds: int = 1) -> list[Fill]:
        self.now_ns += seconds * SECOND_NS
        self.venue.advance(self.now_ns)
        before = len(self.fills)
        for event in self.venue.drain():
            if isinstance(event, Filled):
                self.fills.append(event.fill)
            else:
                self.changes.append(event)
        return self.fills[before:]

    def unwind(self, of: str, buys: bool, quantity: int = QUANTITY, generation: int = 0) -> list[Fill]:
        order = Order(f"DP1UNG{generation}", "DP1", of, OrderRole.UNWIND, OrderKind.IOC, buys, quantity, 0, True, self.now_ns)
        self.venue.place(order, ExitApproval(order.client_order_id, Mode.PAPER, of, quantity), self.now_ns)
        return self.wait()


def test_each_leg_meets_the_book_of_its_own_venue_and_the_account_goes_both_ways() -> None:
    desk = SpotDesk().show()
    bought, sold = desk.send(BUY, wait_s=0), desk.send(SALE)
    assert bought == []
    assert [(fill.instrument_id, fill.price) for fill in sold] == [(CHEAP.instrument_id, fixed(100_000)), (DEAR.instrument_id, fixed(100_300))]
    assert desk.venue.positions() == {CHEAP.instrument_id: QUANTITY, DEAR.instrument_id: -QUANTITY}


def test_a_fill_in_usdt_is_worth_its_rate_rounded_against_us() -> None:
    desk = SpotDesk().show(cheap="99990x1 / 100000x1", rate="0.99999999")
    quantity = fixed("0.00001001")
    fill = desk.send(replace(BUY, quantity=quantity))[0]
    exact = fixed(100_000) * quantity * fixed("0.99999999")
    assert fill.notional_usd == -(-exact // 10**16)
    assert fill.notional_usd * 10**16 > exact
    desk.show(rate="0.99999999")
    back = desk.unwind(CHEAP.instrument_id, buys=False, quantity=quantity)[0]
    assert back.notional_usd == fixed(99_990) * quantity * fixed("0.99999999") // 10**16


@pytest.mark.parametrize(("age_s", "filled"), [(30, True), (31, False)])
def test_a_rate_is_good_for_thirty_seconds_and_no_more(age_s: int, filled: bool) -> None:
    desk = SpotDesk().show()
    desk.show(after_s=age_s, rate=None)
    desk.venue.place(BUY, APPROVAL, desk.now_ns - 100 * MS_NS)
    assert bool(desk.wait(0)) is filled


def test_without_any_rate_nothing_is_filled_at_an_assumed_one() -> None:
    desk = SpotDesk().show(rate=None)
    assert desk.send(BUY) == []
    assert desk.changes[-1].state is OrderState.CANCELED
    assert "rate" in desk.changes[-1].detail
    assert desk.send(SALE) != []


def test_a_leg_does_not_wait_for_a_fresh_book() -> None:
    desk = SpotDesk().show()
    desk.show(after_s=11, cheap="", dear="")
    assert desk.send(BUY) == []
    assert desk.changes[-1].state is OrderState.CANCELED


def test_an_unwinding_is_bounded_by_what_the_pair_bought_more_than_it_sold() -> None:
    desk = SpotDesk().show()
    desk.send(BUY)
    desk.show()
    assert sum(fill.quantity for fill in desk.unwind(CHEAP.instrument_id, False, 2 * QUANTITY)) == QUANTITY
    desk.show()
    assert desk.unwind(CHEAP.instrument_id, False, generation=1) == []
    assert desk.venue.positions() == {}


def test_a_leg_is_open_although_the_account_is_flat() -> None:
    """An earlier pair sold here: the position is 0 after this buy, and the buy can still be taken back."""
    desk = SpotDesk()
    desk.venue.restore((), {CHEAP.instrument_id: -QUANTITY}, 0, (), {})
    desk.show().send(BUY)
    assert desk.venue.positions() == {}
    desk.show()
    assert [fill.quantity for fill in desk.unwind(CHEAP.instrument_id, False)] == [QUANTITY]


def test_a_restored_venue_still_knows_the_excess() -> None:
    desk = SpotDesk()
    held = {CHEAP.instrument_id: {"DP1": QUANTITY}, DEAR.instrument_id: {"DP1": -fixed("0.0004")}}
    desk.venue.restore((), {}, 0, ("DP1", "DP1ENG0", "DP1HEG0"), held)
    desk.show()
    assert [fill.quantity for fill in desk.unwind(CHEAP.instrument_id, False)] == [QUANTITY - fixed("0.0004")]
    with pytest.raises(Refused):
        desk.send(BUY)


# --- the last inch ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        replace(BUY, quantity=QUANTITY + 1),
        replace(BUY, price=fixed("100000.1")),
        replace(BUY, price=0),
        replace(BUY, buys=False),
        replace(BUY, instrument_id=DEAR.instrument_id),
        replace(BUY, kind=OrderKind.LIMIT),
        replace(BUY, client_order_id="DP1ENG2"),
        replace(BUY, client_order_id="DP1HEG0"),
        replace(BUY, client_order_id="anything"),
        replace(BUY, reduce_only=True),
        replace(SALE, price=fixed("100299.99")),
        replace(SALE, role=OrderRole.STOP),
        replace(SALE, decision_id="DX1"),
        leg_order(OrderRole.ENTRY, generation=1),
    ],
)
def test_an_attempt_that_is_not_its_own_approved_leg_is_refused(wrong: Order) -> None:
    with pytest.raises(Refused):
        SpotDesk().show().venue.place(wrong, APPROVAL, T0)


def test_a_leg_is_sent_once() -> None:
    desk = SpotDesk().show()
    desk.send(BUY)
    with pytest.raises(Refused):
        desk.send(replace(BUY, created_ns=7))


def test_one_leg_gets_one_second_attempt_for_what_is_missing() -> None:
    desk = SpotDesk().show(dear="100300x0.0004 100100x1 / 100310x1")
    desk.send(BUY, wait_s=0)
    desk.send(SALE)
    with pytest.raises(Refused, match="all attempts together"):
        desk.send(leg_order(OrderRole.HEDGE, 1))
    with pytest.raises(Refused, match="no worse"):
        desk.send(leg_order(OrderRole.HEDGE, 1, fixed("0.0006"), fixed("100018.99")))
    assert sum(fill.quantity for fill in desk.send(leg_order(OrderRole.HEDGE, 1, fixed("0.0006")))) == fixed("0.0006")
    with pytest.raises(Refused, match="second attempt"):
        desk.send(leg_order(OrderRole.ENTRY, 1, 1))


def test_a_second_attempt_while_the_first_may_still_fill_is_refused() -> None:
    """INVARIANT: G1. Both could fill: twice what was approved."""
    desk = SpotDesk().show()
    desk.venue.place(BUY, APPROVAL, desk.now_ns)
    with pytest.raises(Refused, match="all attempts together"):
        desk.venue.place(leg_order(OrderRole.ENTRY, 1), APPROVAL, desk.now_ns)
    assert sum(fill.quantity for fill in desk.wait()) == QUANTITY


def test_what_the_gate_found_just_enough_is_not_refused_to_one_leg_at_the_last_inch() -> None:
    """A rate that does not divide: rounded down twice, the buy was a quantum under its minimum, and the sale went alone."""
    price, rate = fixed("99999.99999999"), fixed("0.99999999")
    least = price * rate * QUANTITY // (10**8) ** 2
    cheap = replace(CHEAP, notional_min_usd=least)
    venue = PaperVenue({CHEAP.instrument_id: cheap}, PaperSettings(), lambda _: True)
    sized = pair_order()
    buy = replace(sized.legs[0], reference_price=price, rate=rate)
    venue.place(BUY, replace(APPROVAL, order=replace(sized, legs=(buy, sized.legs[1]))), T0)
    assert venue.open_orders() == (BUY,)


def test_an_order_of_one_leg_is_never_a_hedge() -> None:
    alone = Approval("DP1", Mode.PAPER, pair_order(legs=()))
    with pytest.raises(Refused):
        SpotDesk().show().venue.place(SALE, alone, T0)
