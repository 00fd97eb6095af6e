"""Completed trades: what each finished round trip made, found by the journal seq of the record that closed it, or by its decision id.

In: every recorded event, recovered ones included (a chronicle listener). Out: `CompletedTrade`s, the newest ten thousand, and per strategy how
fast entries were executed. A read model: nothing is decided by it, and everything in it follows from the journal. INVARIANT: R3
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from tidegate.engine.chronicle import Chronicle
from tidegate.journal.record import Record
from tidegate.model.event import Event, Filled, PairClosed
from tidegate.model.intent import Principal
from tidegate.model.observation import Side
from tidegate.model.order import Fill
from tidegate.model.pair import PairTrade
from tidegate.model.session import Session
from tidegate.model.trade import Trade
from tidegate.session.pnl import terms_of, trade_after
from tidegate.units import BPS_PER_UNIT, ONE, Bps, Nanoseconds, Price, Quantity, Ratio, Usd

KEPT = 10_000


class CompletedTrade(msgspec.Struct, frozen=True, gc=False):
    """One finished round trip; all money is final. `seq` is the record that finished it.

    `execution_ns` is from the decision to the first fill. `net_bps` is net P&L per entry notional, `r_multiple` net P&L per what the stop
    risked at entry, both rounded down. For a pair `instrument_id` is where it bought and `hedge_instrument_id` where it sold, quantity and
    notional are those of its first leg, and `exit_label` says how it ended.
    """

    seq: int
    trade_id: str
    strategy: str
    principal: Principal
    asset: str
    instrument_id: str
    side: Side
    opened_ns: Nanoseconds
    closed_ns: Nanoseconds
    entry_price: Price
    quantity: Quantity
    entry_notional_usd: Usd
    gross_usd: Usd
    fees_usd: Usd
    funding_usd: Usd
    net_usd: Usd
    net_bps: Bps
    r_multiple: Ratio
    exit_label: str
    execution_ns: Nanoseconds
    hedge_instrument_id: str = ""


class StrategyTimes(msgspec.Struct, frozen=True, gc=False):
    """How fast one strategy's entries were executed: `executions` first fills took `execution_ns` together."""

    executions: int = 0
    execution_ns: Nanoseconds = 0
    last_opened_ns: Nanoseconds = 0
    last_closed_ns: Nanoseconds = 0

    @property
    def mean_execution_ns(self) -> Nanoseconds:
        """Return the mean time from decision to first fill, rounded down; 0 when nothing was executed."""
        return self.execution_ns // self.executions if self.executions else 0


class CompletedTrades:
    """The finished trades of this journal. `by_strategy` holds the times of each strategy that ever filled."""

    def __init__(self, session: Session) -> None:
        self._before = session
        self._waits: dict[str, Nanoseconds] = {}
        self._order: deque[CompletedTrade] = deque()
        self._by_seq: dict[int, CompletedTrade] = {}
        self._by_id: dict[str, CompletedTrade] = {}
        self.by_strategy: dict[str, StrategyTimes] = {}
        self.count = 0

    @classmethod
    def following(cls, chronicle: Chronicle) -> CompletedTrades:
        """Return the completed trades of a chronicle that has recorded nothing yet; they follow it from its first event on."""
        completed = cls(chronicle.session)
        chronicle.listen(completed.listener(lambda: chronicle.session), rebuilt=True)
        return completed

    def at(self, seq: int) -> CompletedTrade | None:
        """Return the trade that this record closed, if it closed one of the last 10,000."""
        return self._by_seq.get(seq)

    def of(self, decision_id: str) -> CompletedTrade | None:
        """Return the finished trade of a decision, if it is one of the last 10,000."""
        return self._by_id.get(decision_id)

    def latest(self, count: int) -> tuple[CompletedTrade, ...]:
        """Return up to `count` finished trades, the newest first."""
        newest = reversed(self._order)
        return tuple(trade for trade, _ in zip(newest, range(count), strict=False))

    def execution_ns(self, decision_id: str) -> Nanoseconds | None:
        """Return the time from a decision to its first fill, None while there is none: of open trades and the last 10,000 finished."""
        waited = self._waits.get(decision_id)
        if waited is not None:
            return waited
        done = self._by_id.get(decision_id)
        return done.execution_ns if done is not None else None

    def listener(self, session_of: Callable[[], Session]) -> Callable[[Record, Event], None]:
        """Return a chronicle listener; `session_of` gives the session after the event."""

        def note(record: Record, event: Event) -> None:
            before, self._before = self._before, session_of()
            if type(event) is Filled:  # a class pattern on a Struct that does not match is several times slower, and most do not
                self._note_fill(record.seq, before, event)
            elif type(event) is PairClosed:
                pair = before.pairs.get(event.trade_id)
                if pair is not None and event.trade_id not in self._before.pairs:
                    self._add(_of_pair(record.seq, before, pair, event, self._waits.pop(event.trade_id, 0)))

        return note

    def _note_fill(self, seq: int, before: Session, event: Filled) -> None:
        fill, now = event.fill, self._before
        if _is_open(now, fill.decision_id) and not _is_open(before, fill.decision_id):
            self._note_execution(before, fill, event.ts_ns)
        elif fill.decision_id in before.trades and fill.decision_id not in now.trades:
            after = trade_after(before, fill, event.ts_ns)
            assert after is not None, "the fold closed this trade by the same rule"
            self._add(_of_trade(seq, after, self._waits.pop(fill.decision_id, 0)))

    def _note_execution(self, before: Session, fill: Fill, ts_ns: Nanoseconds) -> None:
        terms = terms_of(before, fill.decision_id)
        assert terms is not None, "a fill that opened a trade had terms"
        waited = self._waits[fill.decision_id] = ts_ns - terms.reserved_ns
        times = self.by_strategy.get(terms.strategy, StrategyTimes())
        self.by_strategy[terms.strategy] = replace(
            times, executions=times.executions + 1, execution_ns=times.execution_ns + waited, last_opened_ns=ts_ns
        )

    def _add(self, trade: CompletedTrade) -> None:
        self.count += 1
        self._order.append(trade)
        self._by_seq[trade.seq] = self._by_id[trade.trade_id] = trade
        times = self.by_strategy.get(trade.strategy, StrategyTimes())
        self.by_strategy[trade.strategy] = replace(times, last_closed_ns=trade.closed_ns)
        if len(self._order) > KEPT:
            oldest = self._order.popleft()
            self._by_seq.pop(oldest.seq, None)
            self._by_id.pop(oldest.trade_id, None)


def _is_open(session: Session, decision_id: str) -> bool:
    return decision_id in session.trades or decision_id in session.pairs


def _of_trade(seq: int, trade: Trade, execution_ns: Nanoseconds) -> CompletedTrade:
    risk_usd = trade.entry_notional_usd * trade.stop_bps // (BPS_PER_UNIT * ONE)
    return CompletedTrade(
        seq=seq,
        trade_id=trade.trade_id,
        strategy=trade.strategy,
        principal=trade.principal,
        asset=trade.asset,
        instrument_id=trade.instrument_id,
        side=trade.side,
        opened_ns=trade.opened_ns,
        closed_ns=trade.closed_ns,
        entry_price=trade.entry_price,
        quantity=trade.entry_quantity,
        entry_notional_usd=trade.entry_notional_usd,
        gross_usd=trade.gross_usd,
        fees_usd=trade.fees_usd,
        funding_usd=trade.funding_usd,
        net_usd=trade.realised_usd,
        net_bps=_net_bps(trade.realised_usd, trade.entry_notional_usd),
        r_multiple=trade.realised_usd * ONE // risk_usd if risk_usd else 0,
        exit_label=trade.exit_label,
        execution_ns=execution_ns,
    )


def _of_pair(seq: int, before: Session, pair: PairTrade, event: PairClosed, execution_ns: Nanoseconds) -> CompletedTrade:
    terms = terms_of(before, pair.trade_id)
    leg_usd, quantity = pair.cost_usd, pair.bought_quantity or pair.quantity
    risk_usd = leg_usd * pair.unwind_bps // (BPS_PER_UNIT * ONE)
    return CompletedTrade(
        seq=seq,
        trade_id=pair.trade_id,
        strategy=pair.strategy,
        principal=pair.principal,
        asset=pair.asset,
        instrument_id=pair.buy_instrument_id,
        hedge_instrument_id=pair.sell_instrument_id,
        side=terms.side if terms is not None else Side.LONG,
        opened_ns=pair.opened_ns,
        closed_ns=event.ts_ns,
        entry_price=leg_usd * ONE // quantity if quantity else 0,
        quantity=quantity,
        entry_notional_usd=leg_usd,
        gross_usd=pair.cash_usd,
        fees_usd=pair.fees_usd,
        funding_usd=0,
        net_usd=pair.net_usd,
        net_bps=_net_bps(pair.net_usd, leg_usd),
        r_multiple=pair.net_usd * ONE // risk_usd if risk_usd else 0,
        exit_label=str(event.end),
        execution_ns=execution_ns,
    )


def _net_bps(net_usd: Usd, notional_usd: Usd) -> Bps:
    return net_usd * BPS_PER_UNIT * ONE // notional_usd if notional_usd else 0
