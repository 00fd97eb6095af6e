"""The engine: one writer, one command at a time, journal before effect.

In: batches of market events in time order, proposals, the operator's commands. Out: journaled facts, then (and only then) requests to the venue.
PAPER, TEST, LIVE and replay run this same code; only clock, feed, venue and journal are exchanged. There is no `await` in this file: between
deciding and reserving nothing else can run. INVARIANT: S1 J2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from tidegate import __version__
from tidegate.engine.chronicle import Chronicle
from tidegate.engine.execution import Execution
from tidegate.engine.flatten import Flattening
from tidegate.engine.idempotency import AnsweredRequests, request_hash
from tidegate.engine.limit_watch import LimitWatch
from tidegate.engine.reconciling import Reconciling
from tidegate.engine.settlements import Settlements
from tidegate.errors import InputError, JournalFault
from tidegate.gate.decide import decide
from tidegate.gate.intake import complete
from tidegate.model.decision import Decision
from tidegate.model.event import (
    DayStarted,
    DecisionMade,
    Event,
    HaltLatched,
    HaltLifted,
    IntentReceived,
    ReviewDone,
    RunEnded,
    RunStarted,
)
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.intent import Intent, Proposal
from tidegate.model.limits import Limits
from tidegate.model.observation import Bar, Channel, MarketEvent, Observation, TradePrint
from tidegate.model.session import Session
from tidegate.model.snapshot import Reading, Snapshot
from tidegate.snapshot.asset_state import AssetState
from tidegate.snapshot.bars import BarBuilder
from tidegate.snapshot.state import MarketState
from tidegate.strategy.port import Strategy
from tidegate.units import DAY_NS, Nanoseconds, Price
from tidegate.venues.port import Venue

_QUIET_ROUNDS_MAX = 100
_PRIORITY_FEE = Channel.PRIORITY_FEE
_MACHINE_NAMES = ("system", "kill switch", "agent", "strategy", "deploy command", "start-up", "local")


class Engine:
    """The single writer of one mode's truth.

    `settle_ns` > 0 (candle tapes only) lets messages to and from the simulated venue travel that long before the next batch: between two bars of a
    tape nothing else is known, so that an entry is protected before the bar that could hit its stop.
    """

    def __init__(self, limits: Limits, market: MarketState, venue: Venue, chronicle: Chronicle, strategies: Sequence[Strategy[Any]]) -> None:
        self.limits = limits
        self.market = market
        self.chronicle = chronicle
        self.execution = Execution(chronicle, venue, limits)
        self.flattening = Flattening(chronicle, self.execution, venue)
        self.reconciling = Reconciling(chronicle, self.execution, venue, limits)
        self.answered = AnsweredRequests()
        self.strategies_enabled = True
        self.settle_ns: Nanoseconds = 0
        self.now_ns: Nanoseconds = 0
        self.bars: list[Bar] = []
        self._venue = venue
        self._strategies = tuple(strategies)
        self._states: list[Any] = [strategy.initial() for strategy in strategies]
        self._builders: dict[str, BarBuilder] = {}
        self._watch = LimitWatch(chronicle, market, limits)
        self._settlements = Settlements(chronicle, market, venue, limits)
        self._roster: list[tuple[str, Any, AssetState]] = []
        self._heard = self._busy = self._watchful = False
        self._day_ends_ns: Nanoseconds = 0
        self._run_tag = ""

    @property
    def session(self) -> Session:
        """Return the current session: the fold of everything recorded so far."""
        return self.chronicle.session

    def start(self, run_tag: str, started_ns: Nanoseconds) -> None:
        """Begin to serve: `run_tag` makes intent ids unique across journals, `started_ns` is when feeds begin to be missed."""
        self._run_tag = run_tag
        self.now_ns = started_ns
        self._watch.start(started_ns, str(Reason.L4_CLOCK) in self.session.halts)
        self._settlements.start(started_ns)
        day = self.session.day
        self._day_ends_ns = (day + 1) * DAY_NS if day >= 0 else 0
        self._roster = [(strategy.asset, strategy.step, self.market.asset(strategy.asset)) for strategy in self._strategies]
        self._note_state()

    def on_batch(self, now_ns: Nanoseconds, events: Sequence[MarketEvent]) -> None:
        """Take all market events of one instant, then let whatever became durable leave."""
        self.take_batch(now_ns, events)
        if self.chronicle.dirty or self._watchful:
            self.flush()

    def take_batch(self, now_ns: Nanoseconds, events: Sequence[MarketEvent]) -> None:
        """Take all market events of one instant: exits first, then limits, then strategies. The caller must `flush` afterwards."""
        self.now_ns = now_ns
        if now_ns >= self._day_ends_ns:
            self._start_day(now_ns)
        closed = self._take_market(events, now_ns)
        if self._busy or not self.settle_ns:
            self._serve_positions(events, now_ns)
        if now_ns >= self._settlements.due_ns:
            self._settlements.settle(now_ns)
        if self._heard or self._watchful or now_ns >= self._watch.due_ns:
            self._watch_limits(now_ns)
        if closed and self.strategies_enabled:
            self._run_strategies(closed)

    def warm_up(self, now_ns: Nanoseconds, events: Sequence[MarketEvent]) -> None:
        """Let market events of before the start fill the rolling windows; nothing is judged, recorded or sent."""
        self._take_market(events, now_ns)

    def tick(self, now_ns: Nanoseconds) -> None:
        """Let time pass without news: ages grow, holds end, venues answer, outages halt. Dead feeds must not stop the clock. INVARIANT: F3 K4"""
        self.on_batch(max(now_ns, self.now_ns), ())

    def submit(self, proposal: Proposal) -> Decision:
        """Judge one proposal; an approval has reserved its exposure when this returns, and leaves with the next `flush`.

        The same idempotency key gets the same answer for ever; the same key with another body raises InputError. Bad input raises
        InputError and changes nothing. INVARIANT: S1 S3
        """
        known = self.answered.find(proposal)
        if known is not None:
            return known
        now_ns, session = self.now_ns, self.session
        intent = self._complete(proposal)
        self.chronicle.record(IntentReceived(now_ns, intent, request_hash(proposal)))
        snapshot = self.snapshot_for(intent)
        decision = decide(intent, snapshot, session, self.limits)
        self.chronicle.record(DecisionMade(now_ns, decision, snapshot, intent.principal, intent.strategy))
        self.answered.remember(proposal, decision)
        if decision.approved:
            self.execution.enter(decision, now_ns)
        return decision

    def check(self, proposal: Proposal) -> Decision:
        """Judge one proposal as `submit` would right now; nothing is recorded, reserved or counted. Raises InputError."""
        intent = self._complete(proposal)
        return decide(intent, self.snapshot_for(intent), self.session, self.limits)

    def tighten(self, entries_per_day_max: int, by: str) -> int:
        """Lower the day's entries for the rest of this process and return what is in force; it can only go down. INVARIANT: O3"""
        if 0 <= entries_per_day_max < self.limits.entries_per_day_max:
            self.limits = replace(self.limits, entries_per_day_max=entries_per_day_max)
            self.chronicle.record(RunStarted(self.now_ns, self.limits.mode, __version__, f"tightened by {by}", self.limits))
        return self.limits.entries_per_day_max

    def halt(self, by: str, reason: str) -> None:
        """Refuse entries from here on, until a named human lifts it; entries that are working are withdrawn. Raises InputError."""
        _require_words(by, reason)
        self._latch(Halt(Reason.L4_OPERATOR, self.now_ns, f"{by}: {reason}"))

    def lift(self, cause: Reason, by: str, reason: str) -> tuple[str, ...]:
        """Lift every halt of one cause; return their keys. A named human and a reason are required. INVARIANT: K2"""
        self._require_human(by, reason)
        keys = tuple(key for key, halt in self.session.halts.items() if halt.cause is cause)
        if not keys:
            latched = ", ".join(sorted({str(halt.cause) for halt in self.session.halts.values()})) or "none"
            raise InputError("cause", str(cause), f"a latched halt ({latched})")
        marks, _ = self._watch.fresh_marks(self.now_ns)
        if marks is None and cause is Reason.L4_SESSION_DRAWDOWN:
            raise InputError("cause", str(cause), "a fresh mark of every open trade, because lifting it re-bases the peak; wait or flatten")
        equity_usd = self.session.equity_usd(marks if marks is not None else self.known_prices())
        for key in keys:
            self.chronicle.record(HaltLifted(self.now_ns, key, cause, by, reason, equity_usd))
        return keys

    def review(self, by: str, reason: str) -> None:
        """Record that the operator reviewed the losses: clears the two-loss pause, not the five-loss count."""
        self._require_human(by, reason)
        self.chronicle.record(ReviewDone(self.now_ns, by, reason))

    def flatten(self, by: str, reason: str) -> None:
        """Halt, cancel everything, close everything, and verify with the venue; it goes on by itself until flat. INVARIANT: K3"""
        _require_words(by, reason)
        self._latch(Halt(Reason.L4_OPERATOR, self.now_ns, f"flatten by {by}: {reason}", flattens=True))
        self.flattening.start(by, reason, self.now_ns)

    def note_clock(self, step_ns: int) -> None:
        """Report the clock's step against the monotonic clock; > the limit halts entries until it has been good for a while."""
        self._watch.note_clock(step_ns, self.now_ns)
        self._note_state()

    def end(self, detail: str) -> None:
        """Record an orderly end."""
        self.chronicle.record(RunEnded(self.now_ns, detail))
        self.flush()

    def flush(self) -> None:
        """Commit, let what is durable leave, take in the venue's immediate answers; repeat until quiet. INVARIANT: J2 X3"""
        for _ in range(_QUIET_ROUNDS_MAX):
            self._commit()
            if self.session.flattening and not self.execution.waiting:
                self.flattening.step(self.now_ns)
                self._commit()
            effects = self.execution.take_effects(self.now_ns)
            self._show_tape()
            self.execution.send(effects, self.now_ns)
            self._settle()
            self.execution.absorb(self.now_ns)
            for halt in self.reconciling.unknown_outcomes(self.now_ns):
                self._latch(halt)
            if not effects and not self.chronicle.dirty:
                break
        self._note_state()

    def reconcile_at_start(self) -> None:
        """Take in the venue's reports and compare its word with ours, before the first entry of a process. INVARIANT: X3"""
        self._venue.advance(self.now_ns)
        self.execution.absorb(self.now_ns)
        for halt in self.reconciling.at_start(self.now_ns):
            self._latch(halt)

    def known_prices(self) -> dict[str, Price]:
        """Return the last known price per open instrument in USD, however old; what was paid on average where none is known."""
        session = self.session
        paid = {name: pair.average_price for pair in session.pairs.values() for name in (pair.buy_instrument_id, pair.sell_instrument_id)}
        paid |= {trade.instrument_id: trade.entry_price for trade in session.trades.values()}
        known = ((instrument_id, self.market.price_of(instrument_id)) for instrument_id in session.open_instruments)
        return {name: price.value if isinstance(price, Reading) else paid[name] for name, price in known}

    def remember(self, event: Event) -> None:
        """Rebuild what this process keeps beside the session from one recovered event. INVARIANT: S5"""
        self.execution.remember(event)
        self.answered.replay(event)

    def _complete(self, proposal: Proposal) -> Intent:
        intent_id = f"I{self.limits.mode.letter}{self._run_tag}{self.chronicle.next_seq:x}"
        return complete(proposal, self.limits, intent_id, self.now_ns)

    def snapshot_for(self, intent: Intent) -> Snapshot:
        """Assemble what the gate may know of an intent now: its market, a mark of every open instrument, both books of a pair."""
        pair = (intent.instrument_id, intent.hedge_instrument_id) if intent.is_pair else None
        return self.market.assemble(intent.asset, self.session.open_instruments, self.now_ns, pair=pair)

    def _note_state(self) -> None:
        """Keep the two questions that every quiet batch asks as plain answers; whatever could change them is recorded and flushed.

        `_busy`: an order is working or a trade is open. `_watchful`: limits must be watched at the next batch, because something is open,
        suspected, flattening, out of step, or was recorded since they were last watched (the fifth loss may have closed just now).
        """
        self._busy = self.execution.busy
        self._watchful = self._busy or self.session.flattening or self._watch.uneasy

    def _commit(self) -> None:
        """Commit; on a faulted journal latch its halt, again after every lift: only a restart on a sound journal ends it. INVARIANT: J4"""
        try:
            self.chronicle.commit()
            self.answered.confirm()
        except JournalFault as fault:
            self.chronicle.fall_back(str(fault))
            self.answered.forget_unconfirmed()
        if self.chronicle.fault:
            self._latch(Halt(Reason.L4_JOURNAL, self.now_ns, self.chronicle.fault))

    def _show_tape(self) -> None:
        """Show the venue's simulator the bars of this instant where it has been left alone: a tape spares it while nothing is open."""
        if self.settle_ns and not self._busy:
            for bar in self.bars:
                self._venue.on_market(bar)
            self._busy = True

    def _settle(self) -> None:
        due_ns = self._venue.next_due_ns() if self.settle_ns else None
        if due_ns is not None and due_ns <= self.now_ns + self.settle_ns:
            self._venue.advance(due_ns)

    def _take_market(self, events: Sequence[MarketEvent], now_ns: Nanoseconds) -> dict[str, None]:
        """Apply market events; return the assets whose strategies have something new to look at, in order of appearance."""
        apply = self.market.apply
        closed: dict[str, None] = {}
        self.bars.clear()
        for builder in self._builders.values():
            self._close_bars(builder.roll(now_ns), closed)
        for event in events:
            apply(event)
            if type(event) is Bar:  # `isinstance` on a Struct that does not match is several times slower
                closed[event.asset] = None
                self.bars.append(event)
            elif type(event) is TradePrint:
                self._close_bars(self._builder_of(event).on_trade(event), closed)
            elif type(event) is Observation:
                self._heard = True
                if event.channel is _PRIORITY_FEE:
                    closed[event.asset] = None
        return closed

    def _builder_of(self, event: TradePrint) -> BarBuilder:
        builder = self._builders.get(event.instrument_id)
        if builder is None:
            builder = self._builders[event.instrument_id] = BarBuilder(event.instrument_id, event.asset)
        return builder

    def _close_bars(self, bars: Sequence[Bar], closed: dict[str, None]) -> None:
        for bar in bars:
            self.market.apply(bar)
            self.bars.append(bar)
            closed[bar.asset] = None

    def _serve_positions(self, events: Sequence[MarketEvent], now_ns: Nanoseconds) -> None:
        self.execution.on_market(events, now_ns)
        if self.session.trades:
            prices = {instrument_id: price.value for instrument_id, price in self._watch.fresh_prices(now_ns).items()}
            self.execution.make_due_exits(prices, now_ns)
        if now_ns >= self.reconciling.due_ns and (self._busy or not self.settle_ns):
            self.execution.keep_brackets(now_ns)
            for halt in self.reconciling.look(now_ns):
                self._latch(halt)

    def _run_strategies(self, closed: dict[str, None]) -> None:
        """Step the strategies of the assets concerned, in roster order; each sees what the one before proposed at this instant."""
        peer: Proposal | None = None
        states = self._states
        for place, (asset, step, tape) in enumerate(self._roster):
            if asset in closed:
                states[place], proposal = step(states[place], tape, peer)
                if proposal is not None:
                    peer = proposal
                    self.submit(proposal)

    def _watch_limits(self, now_ns: Nanoseconds) -> None:
        heard, self._heard = self._heard, False
        for halt in self._watch.look(now_ns, heard, self.reconciling.agreed):
            self.execution.recall_entries(halt)
            if halt.flattens:
                self.flattening.start("kill switch", str(halt.cause), now_ns)

    def _start_day(self, now_ns: Nanoseconds) -> None:
        """Begin the UTC day, after yesterday's limits were judged once more. Stale marks may not lower the new day's peak."""
        day = now_ns // DAY_NS
        self._day_ends_ns = (day + 1) * DAY_NS
        if day <= self.session.day:
            return
        if self._watchful:
            self._watch_limits(now_ns)
        marks, _ = self._watch.fresh_marks(now_ns)
        known_usd = self.session.unrealised_usd(self.known_prices() if marks is None else marks)
        self.chronicle.record(DayStarted(now_ns, day, max(0, known_usd) if marks is None else known_usd))

    def _latch(self, halt: Halt) -> None:
        if halt.key not in self.session.halts:
            self.chronicle.record(HaltLatched(self.now_ns, halt))
            self.execution.recall_entries(halt)

    def _require_human(self, by: str, reason: str) -> None:
        _require_words(by, reason)
        name = by.partition(",")[0].strip().casefold()
        if name in _MACHINE_NAMES or name.startswith(("agent:", "strategy:", "system:")):
            raise InputError("by", by, "the name of a human operator")


def _require_words(by: str, reason: str) -> None:
    if not by.strip():
        raise InputError("by", by, "the name of whoever does this")
    if not reason.strip():
        raise InputError("reason", reason, "a few words on why")
