"""The session: the risk state of one mode for one UTC day, as the fold of its journaled events.

Reading it needs no clock: callers pass `asof_ns` and marks. Changing it is the business of `tidegate.session.fold` alone.
"""

from __future__ import annotations

import msgspec

from tidegate.model.halt import Halt, TradingState
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Mode
from tidegate.model.observation import Side
from tidegate.model.pair import PairTrade
from tidegate.model.trade import Reservation, Trade
from tidegate.units import DAY_NS, Nanoseconds, Price, Quantity, Usd, notional_of

RECENT_INTENTS_MAX = 64


class RecentIntent(msgspec.Struct, frozen=True, gc=False):
    """What the rate and duplicate rules remember of an intent."""

    received_ns: Nanoseconds
    principal: str
    instrument_id: str
    side: Side
    notional_usd: Usd


class Session(msgspec.Struct, frozen=True):
    """The trading day's risk state.

    day: UTC day number (days since the epoch), -1 before the first event. realised_day_usd: booked since 00:00 UTC. ledger_24h: bookings
    `(ts_ns, usd)` of at least the last 24 h. equity_peak_usd: peak of marked session equity (realised_day + unrealised) since 00:00 or the
    last re-basing. drawdown_suspected_ns / health_suspected_ns: time of the first bad mark or read that awaits confirmation, 0 for none.
    losses: losing trades this session since 00:00 or re-basing. loss_streak: losing trades in a row since the last win or review.
    entries_day: trades opened (first fill) this UTC day. entries_by / last_entry_ns: the same per strategy key and per agent (`agent:name`).
    recent_intents: per principal, at most the last RECENT_INTENTS_MAX of the last minute: more than either rule can need.
    pairs: two-leg trades under way. inventory: what finished pairs moved, per spot instrument, against the pre-funded start; no 0 is kept.
    released: the last reservations given back by a canceled or refused entry; they hold no exposure and only let a late fill find its terms.
    """

    mode: Mode
    day: int = -1
    realised_day_usd: Usd = 0
    ledger_24h: tuple[tuple[Nanoseconds, Usd], ...] = ()
    equity_peak_usd: Usd = 0
    drawdown_suspected_ns: Nanoseconds = 0
    health_suspected_ns: Nanoseconds = 0
    losses: int = 0
    loss_streak: int = 0
    entries_day: int = 0
    entries_by: dict[str, int] = {}
    last_entry_ns: dict[str, Nanoseconds] = {}
    trades: dict[str, Trade] = {}
    reservations: dict[str, Reservation] = {}
    halts: dict[str, Halt] = {}
    recent_intents: dict[str, tuple[RecentIntent, ...]] = {}
    flattening: bool = False
    released: tuple[Reservation, ...] = ()
    pairs: dict[str, PairTrade] = {}
    inventory: dict[str, Quantity] = {}

    @property
    def state(self) -> TradingState:
        """Return ACTIVE, REDUCING (flatten under way) or HALTED (a halt over every asset is latched)."""
        if self.flattening:
            return TradingState.REDUCING
        return TradingState.HALTED if any(not halt.assets for halt in self.halts.values()) else TradingState.ACTIVE

    @property
    def open_count(self) -> int:
        """Return open plus reserved trades; a partly filled entry counts once, and so does a pair. INVARIANT: G9"""
        return len({**self.trades, **self.pairs, **self.reservations})

    @property
    def entries_pending(self) -> int:
        """Return reserved entries that have no fill yet."""
        trades, pairs = self.trades, self.pairs
        return sum(1 for decision_id in self.reservations if decision_id not in trades and decision_id not in pairs)

    @property
    def open_instruments(self) -> tuple[str, ...]:
        """Return the instrument of every open trade and both of every pair, each once, in order of appearance."""
        held = dict.fromkeys(trade.instrument_id for trade in self.trades.values())
        for pair in self.pairs.values():
            held |= {pair.buy_instrument_id: None, pair.sell_instrument_id: None}
        return tuple(held)

    @property
    def marked_instruments(self) -> tuple[str, ...]:
        """Return the instruments whose mark equity depends on: an even pair needs none."""
        held = dict.fromkeys(trade.instrument_id for trade in self.trades.values())
        for pair in self.pairs.values():
            if pair.excess:
                held[pair.excess_instrument_id] = None
        return tuple(held)

    def realised_24h_usd(self, asof_ns: Nanoseconds) -> Usd:
        """Return P&L booked in the 24 hours up to `asof_ns` (a booking exactly 24 h old no longer counts)."""
        since_ns = asof_ns - DAY_NS
        return sum(usd for ts_ns, usd in self.ledger_24h if ts_ns > since_ns)

    def unrealised_usd(self, marks: dict[str, Price]) -> Usd:
        """Return marked P&L of all open trades and pairs. Raises KeyError when a mark is absent: the caller turns that into unknown."""
        held = sum(trade.unrealised_usd(marks[trade.instrument_id]) for trade in self.trades.values())
        return held + sum(pair.unrealised_usd(marks) for pair in self.pairs.values()) if self.pairs else held

    def equity_usd(self, marks: dict[str, Price]) -> Usd:
        """Return session equity relative to 00:00 UTC: booked today plus unrealised."""
        return self.realised_day_usd + self.unrealised_usd(marks)

    def exposure_usd(self, marks: dict[str, Price]) -> Usd:
        """Return open notional at mark, both legs of pairs, plus reserved notional. INVARIANT: G9"""
        held = sum(notional_of(marks[trade.instrument_id], trade.open_quantity) for trade in self.trades.values())
        held += sum(pair.held_usd(marks) for pair in self.pairs.values())
        return held + sum(reservation.notional_usd for reservation in self.reservations.values())

    def stop_risk_usd(self, marks: dict[str, Price], instruments: dict[str, Instrument]) -> Usd:
        """Return the loss if every open trade hit its stop from its mark and every reservation filled and hit its own.

        Of a pair it is what getting rid of its excess may cost, at the venue of the excess.
        """
        held = sum(t.stop_risk_usd(marks[t.instrument_id], instruments[t.instrument_id]) for t in self.trades.values())
        held += sum(
            pair.stop_risk_usd(marks, instruments[pair.excess_instrument_id].taker_bps)
            for pair in self.pairs.values()
            if pair.excess
        )
        return held + sum(reservation.stop_risk_usd for reservation in self.reservations.values())
