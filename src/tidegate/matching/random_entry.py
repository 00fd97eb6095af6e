"""The random-entry control: would entering at a random time with the same bracket have done as well?

In: the journal's events, 30 s bars. Out: per strategy, the results of twins: for each real trade K hypothetical ones with the same instrument,
side, bracket and filled size, entered at uniformly random later times within a window. They pay the spread of the book that the gate saw
when it approved the trade, and the simulator's assumed one where there was no book, as the trade itself did. A strategy that does not beat
its twins found nothing but its bracket. An invalidation price belongs to its own moment and is left out. The times are drawn from a hash of
seed, trade id and number, so the same run always has the same twins. INVARIANT: R5

Memory is bounded: only twins that wait or are under way are kept, at most `TWINS_MAX`; a trade that would exceed it is counted as skipped.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from hashlib import sha256
from math import isqrt

import msgspec

from tidegate.matching import path
from tidegate.matching.barriers import Barriers, Bracket, Outcome
from tidegate.matching.lots import scale_out
from tidegate.matching.settings import PaperSettings
from tidegate.model.decision import SizedOrder, TargetLeg
from tidegate.model.event import DecisionMade, Event, Filled, OrderChanged
from tidegate.model.instrument import Instrument
from tidegate.model.observation import Bar
from tidegate.model.order import OrderRole, OrderState
from tidegate.model.snapshot import ASSUMED, BookView, Missing
from tidegate.model.trade import Trade
from tidegate.units import HOUR_NS, Bps, Nanoseconds, Quantity, Usd

TWINS_PER_TRADE = 20
UNFINISHED_PCT_MAX = 10
TWINS_MAX = 10_000
WINDOW_NS: Nanoseconds = 4 * HOUR_NS
_NEVER_NS: Nanoseconds = 2**62


class ControlRow(msgspec.Struct, frozen=True, gc=False):
    """The twins of one strategy: finished ones in the sums, `open_twins` still waiting or under way, `skipped_trades` beyond the memory bound.

    As for real trades, a twin wins when its net is > 0.
    """

    strategy: str
    trades: int = 0
    skipped_trades: int = 0
    open_twins: int = 0
    finished: int = 0
    wins: int = 0
    net_usd: Usd = 0
    net_bps_sum: Bps = 0
    net_bps_squares: int = 0

    @property
    def settled(self) -> bool:
        """Say whether so few twins are unfinished (at most 10 %) that the finished ones stand for all.

        Stops come sooner than targets and time limits, so the first to finish do worse than all of them will: no verdict before this.
        """
        return 100 * self.open_twins <= UNFINISHED_PCT_MAX * (self.open_twins + self.finished)

    @property
    def net_bps_mean(self) -> Bps | None:
        """Return the mean net result in bps of the entry notional, rounded down; None before the first twin ended."""
        return self.net_bps_sum // self.finished if self.finished else None

    @property
    def net_bps_error(self) -> Bps | None:
        """Return the standard error of the mean in bps, rounded down; None with fewer than two twins. Twins of one trade are not independent."""
        if self.finished < 2:
            return None
        squares = self.finished * self.net_bps_squares - self.net_bps_sum**2
        return isqrt(max(0, squares) // (self.finished**2 * (self.finished - 1)))


class _Source(msgspec.Struct, frozen=True, gc=False):
    """What a trade hands to its twins."""

    strategy: str
    instrument_id: str
    bracket: Bracket
    half_spread_bps: Bps


class RandomControl:
    """Keeps the twins of one run. Show it every trade and every bar; when there are no twins a bar costs one comparison."""

    __slots__ = (
        "_decided",
        "_filled",
        "_half_spreads",
        "_instruments",
        "_open_twins",
        "_rows",
        "_running",
        "_seed",
        "_twins",
        "_waiting",
        "_wake_ns",
    )

    def __init__(self, instruments: Mapping[str, Instrument], settings: PaperSettings, seed: int, twins: int = TWINS_PER_TRADE) -> None:
        self._instruments = dict(instruments)
        self._half_spreads = {name: settings.half_spread_of(one.asset) for name, one in self._instruments.items()}
        self._seed, self._twins = seed, twins
        self._decided: dict[str, _Source] = {}
        self._filled: dict[str, Quantity] = {}
        self._waiting: dict[str, list[tuple[Nanoseconds, str, int, _Source]]] = {}
        self._running: dict[str, list[tuple[str, Barriers]]] = {}
        self._rows: dict[str, ControlRow] = {}
        self._open_twins = 0
        self._wake_ns: Nanoseconds = _NEVER_NS

    @property
    def busy(self) -> bool:
        """Say whether any twin waits or is under way."""
        return self._open_twins > 0

    def note(self, record: object, event: Event) -> None:
        """Follow the journal: once an approved entry is over, what it filled opens the twins of its trade (a chronicle listener).

        A two-leg trade has no twins: nothing about it is a guess of direction.
        """
        if isinstance(event, DecisionMade):
            order = event.decision.order
            if event.decision.approved and order is not None and not order.legs:
                half_spread_bps = self._half_spread_bps(order.instrument_id, event.snapshot.view.book)
                self._decided[event.decision.decision_id] = _source_of(event.strategy, order, half_spread_bps)
        elif isinstance(event, Filled) and event.fill.role is OrderRole.ENTRY and event.fill.decision_id in self._decided:
            decision_id = event.fill.decision_id
            self._filled[decision_id] = self._filled.get(decision_id, 0) + event.fill.quantity
        elif isinstance(event, OrderChanged) and event.role is OrderRole.ENTRY and event.state in _OVER:
            source, quantity = self._decided.pop(event.decision_id, None), self._filled.pop(event.decision_id, 0)
            if source is not None and quantity:
                lots = quantity // self._instruments[source.instrument_id].lot
                self._open(event.decision_id, msgspec.structs.replace(source, bracket=_of_lots(source.bracket, lots)), event.ts_ns)

    def on_trade_opened(self, trade: Trade) -> None:
        """Open the twins of a trade that did not come through `note`: as many lots as it entered, at the assumed spread."""
        name, lots = trade.instrument_id, trade.entry_quantity // self._instruments[trade.instrument_id].lot
        bracket = Bracket(trade.side, lots, trade.stop_bps, trade.targets, trade.hold_ns, trade.uptick_exit_ns)
        self._open(trade.trade_id, _Source(trade.strategy, name, bracket, self._half_spreads[name]), trade.opened_ns)

    def on_bar(self, bar: Bar) -> None:
        """Let twins enter and run along one bar. Bars of one instrument come in time order."""
        if bar.end_ns < self._wake_ns:
            return
        running = self._running.get(bar.instrument_id, [])
        still = [(strategy, twin) for strategy, twin in running if self._goes_on(strategy, twin, bar)]
        waiting = self._waiting.get(bar.instrument_id, [])
        while waiting and waiting[0][0] <= bar.end_ns:
            opens_ns, _, _, source = heapq.heappop(waiting)
            twin = self._entered(source, max(opens_ns, bar.start_ns), bar)
            if self._goes_on(source.strategy, twin, bar):
                still.append((source.strategy, twin))
        if still:
            self._running[bar.instrument_id] = still
        else:
            self._running.pop(bar.instrument_id, None)
        self._set_wake()

    def summary(self) -> tuple[ControlRow, ...]:
        """Return one row per strategy, in order of first trade."""
        return tuple(self._rows.values())

    def _half_spread_bps(self, instrument_id: str, book: BookView | Missing) -> Bps:
        """Return half the spread of a book that was really seen, rounded up; else the one that the simulator assumes."""
        if isinstance(book, Missing) or book.source == ASSUMED:
            return self._half_spreads[instrument_id]
        return -(-book.spread_bps // 2)

    def _open(self, trade_id: str, source: _Source, opened_ns: Nanoseconds) -> None:
        """Draw the entry times of a trade's twins."""
        row = self._rows.get(source.strategy, ControlRow(strategy=source.strategy))
        if self._open_twins + self._twins > TWINS_MAX:
            self._rows[source.strategy] = msgspec.structs.replace(row, trades=row.trades + 1, skipped_trades=row.skipped_trades + 1)
            return
        waiting = self._waiting.setdefault(source.instrument_id, [])
        for number in range(self._twins):
            heapq.heappush(waiting, (opened_ns + self._drawn_ns(trade_id, number), trade_id, number, source))
        self._open_twins += self._twins
        self._rows[source.strategy] = msgspec.structs.replace(row, trades=row.trades + 1, open_twins=row.open_twins + self._twins)
        self._set_wake()

    def _drawn_ns(self, trade_id: str, number: int) -> Nanoseconds:
        """Return a delay in (0, window], the same for ever for one seed, trade and number."""
        digest = sha256(f"{self._seed}:{trade_id}:{number}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % WINDOW_NS + 1

    def _entered(self, source: _Source, entered_ns: Nanoseconds, bar: Bar) -> Barriers:
        """Start a twin at its moment on the bar's path."""
        name = source.instrument_id
        entered = (entered_ns, path.price_on(bar, entered_ns))
        return Barriers(source.bracket, self._instruments[name], entered, source.half_spread_bps)

    def _goes_on(self, strategy: str, twin: Barriers, bar: Bar) -> bool:
        """Walk one bar; book the twin when it ended."""
        outcome = twin.on_bar(bar)
        if outcome is None:
            return True
        self._open_twins -= 1
        self._rows[strategy] = _with(self._rows[strategy], outcome)
        return False

    def _set_wake(self) -> None:
        """Remember the time before which no bar can matter: now while twins run, else the next entry."""
        if self._running:
            self._wake_ns = 0
        else:
            self._wake_ns = min((waiting[0][0] for waiting in self._waiting.values() if waiting), default=_NEVER_NS)


_OVER = (OrderState.FILLED, OrderState.CANCELED, OrderState.REFUSED)


def _source_of(strategy: str, order: SizedOrder, half_spread_bps: Bps) -> _Source:
    """Return what an approved order hands to twins."""
    bracket = Bracket(order.side, order.lots, order.stop_bps, order.targets, order.hold_ns, order.uptick_exit_ns)
    return _Source(strategy, order.instrument_id, bracket, half_spread_bps)


def _of_lots(bracket: Bracket, lots: int) -> Bracket:
    """Return a bracket of as many lots as were filled; its legs share them in the proportion approved, as the real trade's do."""
    planned = bracket.targets
    if lots == bracket.lots or not planned:
        return msgspec.structs.replace(bracket, lots=lots)
    shares = zip(planned, scale_out(lots, tuple(leg.lots for leg in planned)), strict=True)
    targets = tuple(TargetLeg(leg.number, leg.bps, share) for leg, share in shares if share)
    return msgspec.structs.replace(bracket, lots=lots, targets=targets)


def _with(row: ControlRow, outcome: Outcome) -> ControlRow:
    """Add one finished twin to its row."""
    return msgspec.structs.replace(
        row,
        open_twins=row.open_twins - 1,
        finished=row.finished + 1,
        wins=row.wins + (outcome.net_usd > 0),
        net_usd=row.net_usd + outcome.net_usd,
        net_bps_sum=row.net_bps_sum + outcome.net_bps,
        net_bps_squares=row.net_bps_squares + outcome.net_bps**2,
    )
