"""The limit watch: gathers the facts of one instant for the kill switch, and journals what it says.

In: the market, the session, the clock's steps. Out: recorded events (marks, readings, halts, lifts); the halts among them are handed back so that
the engine can act on them. Every halt also withdraws the entries that are working in its assets. INVARIANT: K1 K5
"""

from __future__ import annotations

from tidegate.engine.chronicle import Chronicle
from tidegate.engine.feed_watch import FeedReport, FeedWatch
from tidegate.gate.kill_switch import KillFacts, watch
from tidegate.gate.sight import fit
from tidegate.model.event import HaltLatched
from tidegate.model.halt import Halt
from tidegate.model.limits import Limits
from tidegate.model.observation import Channel
from tidegate.model.snapshot import Reading
from tidegate.snapshot.state import MarketState
from tidegate.units import SECOND_NS, Nanoseconds, Price


class LimitWatch:
    """Follows layer 4 for one engine."""

    def __init__(self, chronicle: Chronicle, market: MarketState, limits: Limits) -> None:
        self._chronicle = chronicle
        self._market = market
        self._limits = limits
        self._feeds: FeedWatch | None = None
        self._clock_step_ns = 0
        self._clock_bad_ns: Nanoseconds | None = None
        self._seen_seq = 0

    def start(self, started_ns: Nanoseconds, clock_halted: bool) -> None:
        """Begin to miss feeds from `started_ns` on; a clock halt that a restart found stays until the clock has been good for a while."""
        self._feeds = FeedWatch(self._limits, self._market, started_ns)
        self._clock_bad_ns = started_ns if clock_halted else None

    @property
    def due_ns(self) -> Nanoseconds:
        """Return the next instant at which a feed's state can change without new data."""
        return self._feeds.due_ns if self._feeds is not None else 0

    @property
    def uneasy(self) -> bool:
        """Say whether the next batch must look, whatever it brings: something is suspected, or was recorded since the last look."""
        session = self._chronicle.session
        suspected = session.health_suspected_ns > 0 or session.drawdown_suspected_ns > 0 or self._clock_bad_ns is not None
        return suspected or self._chronicle.next_seq != self._seen_seq

    def note_clock(self, step_ns: int, now_ns: Nanoseconds) -> None:
        """Take note of a step of the clock against the monotonic clock; only one beyond the limit matters."""
        if abs(step_ns) > self._limits.clock_step_ns_max:
            self._clock_step_ns, self._clock_bad_ns = step_ns, now_ns

    def look(self, now_ns: Nanoseconds, heard: bool, reconciled: bool) -> tuple[Halt, ...]:
        """Judge everything once and record what changed; return the halts that were latched."""
        assert self._feeds is not None, "the engine was not started"
        report = self._feeds.look(now_ns, heard)
        for change in report.changes:
            self._chronicle.record(change)
        latched: list[Halt] = []
        for event in watch(self._chronicle.session, self._facts(report, reconciled, now_ns), self._limits):
            self._chronicle.record(event)
            if isinstance(event, HaltLatched):
                latched.append(event.halt)
        self._seen_seq = self._chronicle.next_seq
        return tuple(latched)

    def fresh_marks(self, now_ns: Nanoseconds) -> tuple[dict[str, Price] | None, Nanoseconds]:
        """Return a mark per open instrument, and the oldest receipt among those that equity depends on (an even pair depends on none).

        None when one of these is missing or stale: equity is not known then.
        """
        prices, needed = self.fresh_prices(now_ns), self._chronicle.session.marked_instruments
        if any(instrument_id not in prices for instrument_id in needed):
            return None, 0
        marks = {instrument_id: price.value for instrument_id, price in prices.items()}
        return marks, min((prices[instrument_id].received_ns for instrument_id in needed), default=now_ns)

    def fresh_prices(self, now_ns: Nanoseconds) -> dict[str, Reading]:
        """Return the price of each open instrument that has a fresh one, by the gate's own rule. INVARIANT: F2"""
        bounds = self._limits.stale[Channel.PRICE]
        prices: dict[str, Reading] = {}
        for instrument_id in self._chronicle.session.open_instruments:
            price = fit("mark", self._market.price_of(instrument_id), bounds, now_ns)
            if isinstance(price, Reading):
                prices[instrument_id] = price
        return prices

    def _facts(self, report: FeedReport, reconciled: bool, now_ns: Nanoseconds) -> KillFacts:
        marks, marks_ns = self.fresh_marks(now_ns)
        return KillFacts(
            now_ns=now_ns,
            marks=marks,
            marks_ns=marks_ns,
            health_factor=self._market.health_factor(now_ns),
            outages=report.stale,
            fresh_for_ns=report.fresh_for_ns,
            clock_step_ns=self._clock_step_ns,
            clock_good_for_ns=self._clock_good_for_ns(now_ns),
            journal_fault=self._chronicle.fault,
            reconciled=reconciled,
        )

    def _clock_good_for_ns(self, now_ns: Nanoseconds) -> Nanoseconds:
        if self._clock_bad_ns is None:
            return now_ns
        good_for_ns = now_ns - self._clock_bad_ns
        if good_for_ns > self._limits.self_lift_ns + SECOND_NS:
            self._clock_bad_ns, self._clock_step_ns = None, 0
        return good_for_ns


