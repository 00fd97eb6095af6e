"""Pairs: two-leg trades between spot markets, from pre-funded inventory. Profit is final when both legs have filled."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.model.intent import Principal
from tidegate.units import Bps, Nanoseconds, Price, Quantity, Usd, bps_of_up, notional_of


class PairEnd(StrEnum):
    """How a pair ended."""

    BOTH_LEGS = "BOTH_LEGS"
    UNWOUND = "UNWOUND"
    NOT_FILLED = "NOT_FILLED"


class PairTrade(msgspec.Struct, frozen=True, gc=False):
    """A pair under way. `trade_id` is the decision id.

    `quantity` is what was approved per leg. `bought_quantity` and `sold_quantity` (>= 0) are net of unwinding, at the buy's and the sale's
    instrument; `cash_usd` is received minus paid by all fills, before fees, each converted at its own rate; `bought_usd` is what the buys of
    the first leg cost. The pair is even when both quantities are equal: then `net_usd` is final.
    """

    trade_id: str
    principal: Principal
    strategy: str
    asset: str
    buy_instrument_id: str
    sell_instrument_id: str
    opened_ns: Nanoseconds
    quantity: Quantity
    unwind_bps: Bps
    bought_quantity: Quantity = 0
    sold_quantity: Quantity = 0
    cash_usd: Usd = 0
    fees_usd: Usd = 0
    turnover_usd: Usd = 0
    bought_usd: Usd = 0
    unwound: bool = False

    @property
    def excess(self) -> Quantity:
        """Return what one leg has more than the other: > 0 bought too much, < 0 sold too much, 0 even."""
        return self.bought_quantity - self.sold_quantity

    @property
    def excess_instrument_id(self) -> str:
        """Return where the excess is held, empty when even."""
        if self.excess == 0:
            return ""
        return self.buy_instrument_id if self.excess > 0 else self.sell_instrument_id

    @property
    def end(self) -> PairEnd:
        """Return how the pair ends if it ends now."""
        return PairEnd.UNWOUND if self.unwound else PairEnd.BOTH_LEGS

    @property
    def net_usd(self) -> Usd:
        """Return cash received minus paid, less fees: the pair's profit once it is even."""
        return self.cash_usd - self.fees_usd

    @property
    def cost_usd(self) -> Usd:
        """Return what the first leg cost, the base of the result in bps; half the turnover where only the sale was ever filled."""
        return self.bought_usd or self.turnover_usd // 2

    @property
    def average_price(self) -> Price:
        """Return what one coin of its open fills cost or brought on average, rounded down: a stand-in where no market price is known."""
        filled = self.bought_quantity + self.sold_quantity
        return self.turnover_usd * 10**8 // filled if filled else 0

    def held_usd(self, marks: dict[str, Price]) -> Usd:
        """Return both legs at mark (USD): exposure counts both. Raises KeyError when a mark is absent. INVARIANT: G9"""
        bought = notional_of(marks[self.buy_instrument_id], self.bought_quantity)
        return bought + notional_of(marks[self.sell_instrument_id], self.sold_quantity)

    def unrealised_usd(self, marks: dict[str, Price]) -> Usd:
        """Return what is not booked yet, before fees (they are booked as they come): cash moved, plus the excess at its own mark.

        What both legs hold alike cancels, whatever either market does: an even pair needs no mark and is worth exactly what its end books, so
        equity does not jump when it ends. Raises KeyError when the mark of an excess is absent.
        """
        excess = self.excess
        return self.cash_usd + notional_of(marks[self.excess_instrument_id], excess) if excess else self.cash_usd

    def stop_risk_usd(self, marks: dict[str, Price], taker_bps: Bps) -> Usd:
        """Return what getting rid of the excess may cost, its fee included, rounded up; 0 when even."""
        excess = self.excess
        if not excess:
            return 0
        return bps_of_up(notional_of(marks[self.excess_instrument_id], abs(excess)), self.unwind_bps + taker_bps)
