"""Completed trades: found by the record that closed them and by decision id, equal after a recovery, and bounded."""

from __future__ import annotations

from msgspec.structs import replace

from tests.support.pair_desk import QUANTITY, PairDesk
from tests.support.world_desk import Desk, ask
from tidegate.engine import completed
from tidegate.engine.chronicle import Chronicle, decode
from tidegate.engine.completed import CompletedTrades
from tidegate.journal.record import Record
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.event import DecisionMade, Event, Filled
from tidegate.model.intent import Mode
from tidegate.model.session import Session
from tidegate.session.fold import fold
from tidegate.units import ONE


def rebuilt(journal: MemoryJournal) -> CompletedTrades:
    """Return the completed trades of a journal, read from its beginning."""
    session = [Session(Mode.PAPER)]
    found = CompletedTrades(session[0])
    note = found.listener(lambda: session[0])
    for record in journal.read():
        event = decode(record)
        session[0] = fold(session[0], event)
        note(record, event)
    return found


def traded(rounds: int = 1) -> tuple[Desk, MemoryJournal]:
    """Return a desk that opened and flattened a trade, several times."""
    desk = Desk()
    for number in range(rounds):
        desk.enter(number)
        desk.engine.flatten("anna", "round over")
        desk.engine.flush()
        desk.second(3)
        for cause in dict.fromkeys(halt.cause for halt in desk.engine.session.halts.values()):
            desk.engine.lift(cause, "anna", "next")
        desk.engine.review("anna", "next")
        desk.engine.flush()
        desk.second(61)
    assert isinstance(desk.journal, MemoryJournal)
    return desk, desk.journal


def events(journal: MemoryJournal) -> list[tuple[Record, Event]]:
    return [(record, decode(record)) for record in journal.read()]


def test_a_round_trip_is_found_by_the_record_that_closed_it_and_by_its_decision() -> None:
    desk, journal = traded()
    found = rebuilt(journal)
    exits = [(record, event) for record, event in events(journal) if isinstance(event, Filled) and event.fill.role != "ENTRY"]
    trade = found.at(exits[-1][0].seq)
    assert trade is not None
    assert found.of(trade.trade_id) is trade
    assert found.latest(5) == (trade,)
    entry = next(event for _, event in events(journal) if isinstance(event, Filled))
    decided = next(event for _, event in events(journal) if isinstance(event, DecisionMade))
    assert trade.execution_ns == entry.ts_ns - decided.ts_ns > 0
    assert trade.net_usd == trade.gross_usd - trade.fees_usd + trade.funding_usd == desk.engine.chronicle.totals.run.closed_net_usd
    assert trade.entry_notional_usd == entry.fill.notional_usd
    assert trade.net_bps == desk.engine.chronicle.totals.run.net_bps
    assert trade.exit_label == "FLATTEN"
    assert trade.net_usd < 0
    assert trade.r_multiple < 0
    assert abs(trade.r_multiple) < ONE, "a flatten a second later costs less than the stop would have"


def test_nothing_that_is_not_the_end_of_a_trade_is_one() -> None:
    _, journal = traded()
    found = rebuilt(journal)
    closing = {trade.seq for trade in found.latest(10)}
    assert [seq for seq in range(1, journal.durable_seq + 1) if found.at(seq) is not None] == sorted(closing)
    assert found.of("DPnot-there") is None


def test_what_follows_a_chronicle_and_what_is_rebuilt_by_recovery_are_the_same() -> None:
    _, journal = traded(2)
    live = rebuilt(journal)
    chronicle = Chronicle(MemoryJournal("paper"), Mode.PAPER)
    followed = CompletedTrades.following(chronicle)
    chronicle.recover(journal.read(), lambda event: None)
    assert followed.latest(10) == live.latest(10)
    assert followed.by_strategy == live.by_strategy
    assert followed.count == 2


def test_times_are_kept_per_strategy() -> None:
    _, journal = traded(2)
    found = rebuilt(journal)
    newest, oldest = found.latest(2)
    assert oldest.strategy != newest.strategy
    times = found.by_strategy[newest.strategy]
    assert (times.executions, times.mean_execution_ns, times.last_closed_ns) == (1, newest.execution_ns, newest.closed_ns)
    assert found.by_strategy[oldest.strategy].last_closed_ns == oldest.closed_ns


def test_an_open_trade_has_a_time_of_execution_and_is_not_completed() -> None:
    desk = Desk().enter(0)
    assert isinstance(desk.journal, MemoryJournal)
    found = rebuilt(desk.journal)
    (trade_id,) = desk.engine.session.trades
    waited = found.execution_ns(trade_id)
    assert waited is not None
    assert waited > 0
    assert found.latest(1) == ()
    assert found.execution_ns("DPnot-there") is None


def test_only_the_newest_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(completed, "KEPT", 2)
    _, journal = traded()
    trade = rebuilt(journal).latest(1)[0]
    found = CompletedTrades(Session(Mode.PAPER))
    for number in range(5):
        found._add(replace(trade, seq=number + 1, trade_id=f"D{number}"))
    assert [each.trade_id for each in found.latest(10)] == ["D4", "D3"]
    assert found.at(1) is None
    assert found.of("D0") is None
    assert found.count == 5


def test_a_rejected_proposal_completes_nothing() -> None:
    desk = Desk()
    assert not desk.engine.submit(ask(0, usd="500")).approved
    desk.engine.flush()
    assert isinstance(desk.journal, MemoryJournal)
    assert rebuilt(desk.journal).latest(1) == ()


def test_a_pair_is_one_completed_trade_with_the_money_of_both_legs() -> None:
    desk = PairDesk()
    desk.second(1)
    name = desk.enter_pair()
    assert desk.ends() == ["BOTH_LEGS"]
    assert isinstance(desk.journal, MemoryJournal)
    found = rebuilt(desk.journal)
    (trade,) = found.latest(5)
    fills = desk.told(Filled)
    (end,) = [record for record in desk.journal.read() if record.kind == "PairClosed"]
    assert found.at(end.seq) is trade is found.of(name)
    assert (trade.instrument_id, trade.hedge_instrument_id) == ("okx:BTC-USDT", "coinbase:BTC-USD")
    assert trade.quantity == QUANTITY
    assert trade.fees_usd == sum(event.fill.fee_usd for event in fills)
    assert trade.net_usd == sum(-event.fill.notional_usd if event.fill.buys else event.fill.notional_usd for event in fills) - trade.fees_usd
    assert trade.net_bps == desk.engine.chronicle.totals.run.net_bps
    assert trade.exit_label == "BOTH_LEGS"
    assert found.by_strategy[trade.strategy].executions == 1
    assert trade.execution_ns == fills[0].ts_ns - next(event.ts_ns for event in desk.told(DecisionMade))


def test_a_pair_that_was_never_filled_completes_nothing() -> None:
    desk = PairDesk()
    desk.second(1)
    desk.show(cheap="100990x1 / 101000x1", dear="99000x1 / 99010x1")
    desk.second(1)
    desk.enter_pair(seconds=12)
    assert desk.ends() == ["NOT_FILLED"]
    assert isinstance(desk.journal, MemoryJournal)
    assert rebuilt(desk.journal).latest(1) == ()
