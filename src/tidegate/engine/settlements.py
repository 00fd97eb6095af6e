"""Settlements: funding paid or received at 00, 08 and 16 UTC by trades that were open then.

In: time passing. Out: `FundingPaid` for each open trade, at the execution venue's own fresh rate and a fresh mark, or `FundingSkipped` that says why
nothing could be booked: an old rate is never applied. Source: SPEC §3.
"""

from __future__ import annotations

from tidegate.engine.chronicle import Chronicle
from tidegate.gate.sight import Unfit, fit
from tidegate.matching.funding import funding_usd, next_settlement_ns
from tidegate.model.event import FundingPaid, FundingSkipped
from tidegate.model.limits import Limits
from tidegate.model.observation import Channel
from tidegate.model.snapshot import Reading
from tidegate.model.trade import Trade
from tidegate.snapshot.state import MarketState
from tidegate.units import Nanoseconds, notional_of
from tidegate.venues.port import Venue


class Settlements:
    """Knows when the next settlement is due; asked at every batch, also while nothing is open."""

    def __init__(self, chronicle: Chronicle, market: MarketState, venue: Venue, limits: Limits) -> None:
        self._chronicle = chronicle
        self._market = market
        self._venue = venue
        self._limits = limits
        self.due_ns: Nanoseconds = 0

    def start(self, started_ns: Nanoseconds) -> None:
        """Begin at `started_ns`: an earlier settlement was somebody else's, or was missed while no process ran."""
        self.due_ns = next_settlement_ns(started_ns)

    def settle(self, now_ns: Nanoseconds) -> None:
        """Settle every trade that was open at the due instant."""
        settled_ns, self.due_ns = self.due_ns, next_settlement_ns(now_ns)
        for trade in tuple(self._chronicle.session.trades.values()):
            if trade.opened_ns < settled_ns:
                self._settle_trade(trade, now_ns)

    def _settle_trade(self, trade: Trade, now_ns: Nanoseconds) -> None:
        venue = self._limits.instruments[trade.instrument_id].venue
        known = self._market.reading(Channel.FUNDING, trade.asset, now_ns, venue)
        rate = fit("funding", known if isinstance(known, Reading) else None, self._limits.stale[Channel.FUNDING], now_ns)
        mark = fit("mark", self._market.price_of(trade.instrument_id), self._limits.stale[Channel.PRICE], now_ns)
        if isinstance(rate, Reading) and isinstance(mark, Reading):
            usd = funding_usd(trade.side, notional_of(mark.value, trade.open_quantity), rate.value)
            self._chronicle.record(FundingPaid(now_ns, trade.trade_id, usd))
            self._venue.credit_funding(usd)
        else:
            why = ", ".join(f"{part.name} {part.why}" for part in (rate, mark) if isinstance(part, Unfit))
            self._chronicle.record(FundingSkipped(now_ns, trade.trade_id, why))
