"""Two legs or none: what the engine does with a pair whose legs fill, fail, lag, stay unknown, or lose their process half-way."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.pair_desk import CHEAP, DEAR, QUANTITY, PairDesk, leg_fill
from tests.support.world_desk import eager_limits
from tidegate.cli.monitor_parts import position_lines
from tidegate.engine.session_view import session_view
from tidegate.errors import OutcomeUnknown, Refused
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.event import Filled, OrderIntended
from tidegate.model.order import Order, OrderRole
from tidegate.session.totals import conservation_gap_usd
from tidegate.units import fixed


def is_even(desk: PairDesk) -> bool:
    session = desk.engine.session
    gap = conservation_gap_usd(desk.engine.chronicle.totals, session)
    moved = {name: quantity for name, quantity in session.inventory.items() if quantity}
    assert gap == 0
    assert desk.paper.positions() == moved
    assert desk.paper.cash_usd == desk.engine.chronicle.totals.cash_usd
    return not session.pairs and not session.reservations and sum(moved.values()) == 0


def roles(desk: PairDesk) -> list[str]:
    return [event.order.client_order_id.rpartition("x")[2][-4:] for event in desk.told(OrderIntended)]


def test_both_legs_fill_and_the_profit_is_final() -> None:
    desk = PairDesk()
    desk.enter_pair()
    assert desk.ends() == ["BOTH_LEGS"]
    assert is_even(desk)
    bought = fixed("99.9")
    sold = fixed("100.3")
    fees = fixed("0.04995") + fixed("0.05015")
    assert desk.engine.session.realised_day_usd == sold - bought - fees
    assert desk.engine.session.inventory == {CHEAP.instrument_id: QUANTITY, DEAR.instrument_id: -QUANTITY}
    run = desk.engine.chronicle.totals.run
    assert (run.closed, run.wins, desk.engine.session.entries_day) == (1, 1, 1)
    assert list(run.exits) == ["BOTH_LEGS"]


def test_a_pair_holds_one_slot_and_the_exposure_of_both_legs() -> None:
    desk = PairDesk()
    desk.approve()
    session = desk.engine.session
    assert session.open_count == 1
    assert session.exposure_usd({}) == 2 * fixed("100.3")


def test_a_pair_whose_legs_find_nothing_costs_nothing() -> None:
    desk = PairDesk().show(cheap="99000x1 / 101000x1", dear="99000x1 / 101000x1")
    desk.second()
    desk.enter_pair()
    assert desk.ends() == ["NOT_FILLED"]
    assert is_even(desk)
    assert desk.engine.session.realised_day_usd == 0
    assert desk.engine.session.entries_day == 0


def test_the_leg_that_lags_is_tried_once_more_at_the_second_price() -> None:
    desk = PairDesk().show(dear="100100x1 / 100310x1")
    desk.second()
    desk.enter_pair(seconds=3)
    assert roles(desk) == ["ENG0", "HEG0", "HEG1"]
    assert desk.ends() == ["BOTH_LEGS"]
    assert is_even(desk)


def test_a_partly_filled_leg_is_tried_again_only_for_what_is_missing() -> None:
    desk = PairDesk().show(dear="100300x0.0004 100100x1 / 100310x1")
    desk.second()
    desk.enter_pair(seconds=3)
    second = next(event.order for event in desk.told(OrderIntended) if event.order.client_order_id.endswith("HEG1"))
    assert second.quantity == QUANTITY - fixed("0.0004")
    assert desk.ends() == ["BOTH_LEGS"]
    assert is_even(desk)


def test_both_legs_filled_alike_in_part_are_even_and_final() -> None:
    desk = PairDesk().show(cheap="99990x1 / 100000x0.0004", dear="100300x0.0004 / 100310x1")
    desk.second()
    desk.enter_pair()
    assert desk.ends() == ["BOTH_LEGS"]
    assert desk.engine.session.inventory[CHEAP.instrument_id] == fixed("0.0004")
    assert is_even(desk)


def test_one_leg_that_cannot_be_hedged_is_unwound() -> None:
    desk = PairDesk().show(dear="99000x1 / 100310x1")
    desk.second()
    desk.enter_pair(seconds=4)
    assert roles(desk) == ["ENG0", "HEG0", "HEG1", "UNG0"]
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)
    assert desk.engine.session.inventory == {}
    assert desk.engine.session.losses == 1


def test_a_sale_without_its_buy_is_bought_back() -> None:
    desk = PairDesk().show(cheap="99990x1 / 101000x1")
    desk.second()
    desk.enter_pair(seconds=4)
    unwound = [event.fill for event in desk.told(Filled) if event.fill.role is OrderRole.UNWIND]
    assert [(fill.instrument_id, fill.buys) for fill in unwound] == [(DEAR.instrument_id, True)]
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)


def test_an_excess_smaller_than_a_lot_is_taken_back_at_the_venue_with_finer_lots() -> None:
    """OKX trades this coin in whole 0.0001, Coinbase in 0.00000001: it sold 0.00057 of 0.001, and then nothing at its price any more."""
    coarse = replace(CHEAP, lot=fixed("0.0001"))
    limits = eager_limits()
    limits = replace(limits, instruments={**limits.instruments, CHEAP.instrument_id: coarse})
    desk = PairDesk(limits=limits).show(dear="100300x0.00057 / 100310x1")
    desk.second()
    desk.approve()
    desk.engine.flush()
    desk.show(dear="99000x1 / 100310x1").second(5)
    unwound = [event.fill for event in desk.told(Filled) if event.fill.role is OrderRole.UNWIND]
    assert [(fill.instrument_id, fill.buys, fill.quantity) for fill in unwound] == [
        (CHEAP.instrument_id, False, fixed("0.0004")),
        (DEAR.instrument_id, False, fixed("0.00003")),
    ]
    assert desk.engine.session.inventory == {CHEAP.instrument_id: fixed("0.0006"), DEAR.instrument_id: -fixed("0.0006")}
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)


def test_an_unwinding_that_finds_nobody_is_repeated_every_second() -> None:
    desk = PairDesk().show(cheap="1x0.00000001 / 100000x1", dear="99000x1 / 100310x1")
    desk.second()
    desk.enter_pair(seconds=8)
    assert not desk.ends()
    assert 3 <= sum(name.startswith("UNG") for name in roles(desk)) <= 9
    desk.show(cheap="99990x1 / 100000x1").second(3)
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)


def test_a_pair_that_stays_uneven_halts_its_asset_and_is_unwound_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unwinding that nobody takes is a position: after a minute somebody must look. INVARIANT: X6"""
    desk = PairDesk().show(dear="99000x1 / 100310x1")
    place = desk.paper.place

    def closed(order: Order, *rest: object) -> None:
        if order.role is OrderRole.UNWIND:
            raise Refused("closed for maintenance")
        place(order, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.paper, "place", closed)
    desk.second()
    desk.enter_pair(seconds=55)
    assert not desk.engine.session.halts
    desk.second(20)
    (halt,) = desk.engine.session.halts.values()
    assert (str(halt.cause), halt.assets) == ("L4_RECONCILE", ("BTC",))
    assert "uneven for 60 s: 0.001 BTC at okx:BTC-USDT" in halt.detail
    monkeypatch.setattr(desk.paper, "place", place)
    desk.second(3)
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)
    desk.engine.lift(halt.cause, "anna", "it is over")
    desk.second(30)
    assert not desk.engine.session.halts


def test_a_halt_after_the_approval_keeps_both_legs_at_home() -> None:
    desk = PairDesk()
    desk.approve()
    desk.engine.halt("anna", "second thoughts")
    desk.engine.flush()
    desk.second(2)
    assert desk.told(Filled) == []
    assert desk.ends() == ["NOT_FILLED"]
    assert is_even(desk)


def test_a_halt_between_the_legs_forbids_the_second_attempt_and_not_the_unwinding() -> None:
    desk = PairDesk().show(dear="100100x1 / 100310x1")
    desk.second()
    desk.approve()
    desk.engine.flush()
    desk.engine.halt("anna", "between the legs")
    desk.second(4)
    assert not any(name == "HEG1" for name in roles(desk))
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)


def test_one_leg_refused_by_its_venue_is_tried_again_and_then_unwound(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = PairDesk()
    place = desk.paper.place

    def refuse_sales(order: Order, *rest: object) -> None:
        if order.role is OrderRole.HEDGE:
            raise Refused("no sales today")
        place(order, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.paper, "place", refuse_sales)
    desk.enter_pair(seconds=3)
    assert roles(desk) == ["ENG0", "HEG0", "HEG1", "UNG0"]
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)


def test_an_unknown_outcome_holds_everything_until_the_venue_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = PairDesk()
    place, cancel = desk.paper.place, desk.paper.cancel

    def silent(order: Order, *rest: object) -> None:
        if order.role is OrderRole.HEDGE:
            raise OutcomeUnknown("no answer")
        place(order, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.paper, "place", silent)
    monkeypatch.setattr(desk.paper, "cancel", lambda *_: None)
    desk.enter_pair(seconds=30)
    assert roles(desk) == ["ENG0", "HEG0"]
    assert desk.engine.session.open_count == 1
    assert any("L4_RECONCILE" in key for key in desk.engine.session.halts)
    monkeypatch.setattr(desk.paper, "cancel", cancel)
    desk.second(20)
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)


def test_a_flatten_unwinds_a_half_pair_and_leaves_the_inventory_alone() -> None:
    desk = PairDesk()
    desk.enter_pair()
    desk.show(cheap="1x0.00000001 / 100000x1", dear="99000x1 / 100310x1").second()
    desk.enter_pair(seconds=3)
    assert len(desk.engine.session.pairs) == 1
    desk.engine.flatten("anna", "enough")
    desk.engine.flush()
    desk.show(cheap="99990x1 / 100000x1").second(4)
    assert not desk.engine.session.flattening
    assert desk.ends() == ["BOTH_LEGS", "UNWOUND"]
    assert desk.engine.session.inventory == {CHEAP.instrument_id: QUANTITY, DEAR.instrument_id: -QUANTITY}
    assert is_even(desk)


@pytest.mark.parametrize("stale", [{"rate": None}, {"cheap": ""}, {"dear": ""}])
def test_without_a_fresh_book_and_rate_no_leg_is_ever_filled_at_an_assumed_price(stale: dict[str, str | None]) -> None:
    desk = PairDesk().show(**stale)
    desk.second(40)
    desk.enter_pair(seconds=6)
    filled = {event.fill.instrument_id for event in desk.told(Filled) if event.fill.role.enters}
    silent = CHEAP.instrument_id if "dear" not in stale else DEAR.instrument_id
    assert silent not in filled


def test_an_unwinding_takes_the_last_rate_however_old() -> None:
    desk = PairDesk().show(dear="99000x1 / 100310x1", cheap="1x0.00000001 / 100000x1")
    desk.second()
    desk.enter_pair(seconds=3)
    desk.show(rate=None).second(60)
    desk.show(cheap="99990x1 / 100000x1").second(3)
    assert desk.ends() == ["UNWOUND"]
    assert is_even(desk)


def cut(desk: PairDesk, records: int) -> PairDesk:
    """Return the desk of a process that starts with only the first records on disk."""
    short = MemoryJournal("paper")
    for record in desk.journal.read():
        if record.seq <= records:
            short.append(record.ts_ns, record.kind, record.payload)
    short.commit()
    again = PairDesk(short, desk.limits, market=desk.market, at_ns=desk.now_ns)
    again.shown = desk.shown
    return again


@pytest.mark.parametrize("dear", ["100300x1 / 100310x1", "100100x1 / 100310x1", "99000x1 / 100310x1"])
def test_a_crash_after_any_record_ends_even_without_a_second_attempt_by_the_next_process(dear: str) -> None:
    desk = PairDesk().show(dear=dear)
    desk.second(2)
    first = desk.engine.chronicle.next_seq
    desk.enter_pair(seconds=4)
    last = desk.engine.chronicle.next_seq
    assert last - first >= 9
    for records in range(first, last):
        again = cut(desk, records)
        intended = again.told(OrderIntended)
        again.second(30)
        assert is_even(again), f"after record {records}"
        assert again.engine.session.open_count == 0
        fresh = again.told(OrderIntended)[len(intended) :]
        assert all(event.order.role is OrderRole.UNWIND for event in fresh)


def test_a_restart_forgets_no_pair_and_sends_no_leg_twice() -> None:
    desk = PairDesk().show(cheap="1x0.00000001 / 100000x1", dear="99000x1 / 100310x1")
    desk.second()
    desk.enter_pair(seconds=3)
    before = desk.engine.session.pairs
    again = desk.pair_restarted()
    assert again.engine.session.pairs == before
    assert again.paper.positions() == {CHEAP.instrument_id: QUANTITY - CHEAP.lot}
    again.show(cheap="99990x1 / 100000x1", dear="100300x1 / 100310x1").second(3)
    assert again.ends() == ["UNWOUND"]
    assert is_even(again)
    ids = [event.order.client_order_id for event in again.told(OrderIntended)]
    assert len(ids) == len(set(ids))


def test_a_late_fill_of_a_pair_that_was_over_is_unwound() -> None:
    desk = PairDesk().show(cheap="99000x1 / 101000x1", dear="99000x1 / 101000x1")
    desk.second()
    name = desk.enter_pair()
    assert desk.ends() == ["NOT_FILLED"]
    late = leg_fill(OrderRole.ENTRY, decision_id=name, at_ns=desk.now_ns)
    desk.paper._orders.account.apply(late.fill)
    desk.paper._orders.events.append(late)
    desk.second(3)
    assert desk.ends() == ["NOT_FILLED", "UNWOUND"]
    assert is_even(desk)


def test_pairs_are_part_of_what_is_reconciled() -> None:
    desk = PairDesk()
    desk.enter_pair()
    desk.second(30)
    assert not desk.engine.session.halts
    desk.paper._orders.account.positions[CHEAP.instrument_id] += CHEAP.lot
    desk.second(30)
    assert any("L4_RECONCILE" in key for key in desk.engine.session.halts)


def test_a_pair_under_way_is_a_position_on_the_screen() -> None:
    desk = PairDesk().show(cheap="1x0.00000001 / 100000x1", dear="99000x1 / 100310x1")
    desk.second()
    name = desk.enter_pair(seconds=3)
    view = session_view(desk.engine)
    assert [line.trade_id for line in view.positions] == [name]
    line = view.positions[0]
    assert line.is_pair
    assert (line.stop, line.targets) == (0, ())
    assert line.quantity == desk.engine.session.pairs[name].bought_quantity
    pair = desk.engine.session.pairs[name]
    assert line.realised_usd == -pair.fees_usd
    assert line.unrealised_usd == pair.unrealised_usd(desk.engine.known_prices())
    shown = position_lines(view.positions, 80)
    assert "BTC  pair" in shown[1].plain
    exposure = next(limit for limit in view.limits if limit.name == "exposure")
    assert exposure.used >= pair.held_usd(desk.engine.known_prices())


def test_a_stale_spot_price_blinds_the_drawdown_only_while_a_leg_hangs() -> None:
    desk = PairDesk()
    desk.enter_pair()
    assert desk.engine.session.marked_instruments == ()
    desk.show(cheap="1x0.00000001 / 100000x1", dear="99000x1 / 100310x1").second()
    desk.enter_pair(seconds=3)
    assert desk.engine.session.marked_instruments == (CHEAP.instrument_id,)
    marks, _ = desk.engine._watch.fresh_marks(desk.now_ns)
    assert marks is not None
    desk.show(cheap="").second(8)
    blind, _ = desk.engine._watch.fresh_marks(desk.now_ns)
    assert blind is None
