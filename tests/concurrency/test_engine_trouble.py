"""One test for each way in which the simulated world once broke a promise of the engine: the shortest story that shows it."""

from __future__ import annotations

from tests.support.world_desk import Desk, ask
from tests.support.world_venue import VenueFaults
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.finding import Reason
from tidegate.model.order import OrderRole

CLOCK = str(Reason.L4_CLOCK)
BTC = "okx:BTC-USDT-SWAP"


def test_a_clock_halt_does_not_lift_itself_because_the_process_is_new() -> None:
    """A new process has not seen a good clock for 60 s yet. INVARIANT: K2 O8 S5"""
    desk = Desk()
    desk.engine.note_clock(900_000_000)
    desk.second()
    assert CLOCK in desk.engine.session.halts
    desk = desk.restarted().second(50)
    assert CLOCK in desk.engine.session.halts
    desk.second(30)
    assert CLOCK not in desk.engine.session.halts


def test_a_cancel_that_was_lost_is_asked_again() -> None:
    """Protective orders of a trade that is gone may not rest for ever. INVARIANT: X7 K3"""
    desk = Desk(faults=VenueFaults())
    desk.enter(0)
    desk.line.faults = VenueFaults(lost_cancel=1.0)
    desk.engine.execution.close(next(iter(desk.engine.session.trades.values())), OrderRole.OPERATOR, desk.now_ns)
    desk.engine.flush()
    desk.second(5)
    assert not desk.engine.session.trades
    desk.line.faults = VenueFaults()
    desk.second(15)
    assert not desk.paper.open_orders()


def test_an_amendment_that_was_lost_is_asked_again() -> None:
    """The stop's quantity follows the open quantity, also when the request got lost. INVARIANT: X7"""
    desk = Desk(faults=VenueFaults()).enter(0)
    trade = next(iter(desk.engine.session.trades.values()))
    desk.line.faults = VenueFaults(lost_amend=1.0)
    desk.market.prices["BTC"] += desk.market.prices["BTC"] * 30 // 10_000
    desk.second(4)
    left = desk.engine.session.trades[trade.trade_id].open_quantity
    assert 0 < left < trade.open_quantity, "the first target must have filled"
    desk.line.faults = VenueFaults()
    desk.second(15)
    stops = [order for order in desk.paper.open_orders() if order.role is OrderRole.STOP]
    assert [order.quantity - order.filled_quantity for order in stops] == [left]


def test_a_flatten_cancels_orders_that_only_the_venue_knows() -> None:
    """Flat means no order rests, also one that belongs to no trade of ours. INVARIANT: K3"""
    desk = Desk(faults=VenueFaults()).enter(0)
    desk.line.faults = VenueFaults(lost_cancel=1.0)
    desk.engine.flatten("anna", "enough")
    desk.engine.flush()
    desk.second(5)
    assert desk.engine.session.flattening
    desk.engine.execution.working.clear()
    desk.line.faults = VenueFaults()
    desk.second(5)
    assert not desk.paper.open_orders()
    assert not desk.engine.session.flattening


def test_a_late_report_of_an_exit_does_not_make_a_second_exit_eat_another_trade() -> None:
    """What the venue has closed already is not closed twice: the second exit would close a neighbour of the instrument. INVARIANT: X5"""
    desk = Desk(faults=VenueFaults()).enter(0)
    desk.engine.submit(ask(0, usd="44"))
    desk.engine.flush()
    desk.second(2)
    first, second = desk.engine.session.trades.values()
    desk.line.faults = VenueFaults(delay=1.0)
    desk.engine.execution.close(first, OrderRole.FLATTEN, desk.now_ns)
    desk.engine.flush()
    desk.second()
    for order in [order for order in desk.engine.execution.working.values() if order.role is OrderRole.FLATTEN]:
        del desk.engine.execution.working[order.client_order_id]
    desk.engine.execution.close(first, OrderRole.FLATTEN, desk.now_ns)
    desk.engine.flush()
    desk.line.calm()
    desk.second(5)
    assert list(desk.engine.session.trades) == [second.trade_id]
    assert desk.paper.positions() == {BTC: second.open_quantity}


def test_an_order_that_was_intended_and_never_left_is_asked_about_and_gives_its_slot_back() -> None:
    """The process died between the commit and the sending: the venue has no such order. INVARIANT: X3 S6"""
    desk = Desk()
    assert desk.engine.submit(ask(0)).approved
    assert isinstance(desk.journal, MemoryJournal)
    desk.journal.commit()
    desk = desk.restarted()
    assert len(desk.engine.session.reservations) <= 1
    desk.second(3)
    assert not desk.engine.session.reservations
    assert not desk.engine.execution.working
    assert not desk.paper.positions()


def test_an_open_trade_is_protected_again_after_a_restart() -> None:
    """The stop that only was intended when the process died is placed again. INVARIANT: X3 X7"""
    desk = Desk()
    desk.engine.submit(ask(0))
    desk.engine.flush()
    desk.now_ns += 1_000_000_000
    desk.engine.take_batch(desk.now_ns, desk.market.batch(desk.now_ns))
    assert isinstance(desk.journal, MemoryJournal)
    desk.journal.commit()
    desk = desk.restarted().second(4)
    trade = next(iter(desk.engine.session.trades.values()))
    stops = [order for order in desk.paper.open_orders() if order.role is OrderRole.STOP]
    assert [order.quantity for order in stops] == [trade.open_quantity]


def test_a_side_file_is_read_back_exactly_once() -> None:
    """Also when its first records had reached the journal after all, and when the process died before it could retire the file. INVARIANT: J4"""
    desk = Desk().enter(0)
    journal = desk.journal
    assert isinstance(journal, MemoryJournal)
    aside = list(journal.read())[-3:]
    before = journal.durable_seq
    desk = Desk(journal.crashed(), desk.limits, market=desk.market, at_ns=desk.now_ns, read_back=aside)
    seqs = [record for record in desk.journal.read(before + 1) if record.payload in {each.payload for each in aside}]
    assert not seqs
    assert len(desk.engine.session.trades) == 1
