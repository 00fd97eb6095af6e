"""Instruments: what can be traded, with the venue's lots and fees."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.units import Bps, Price, Quantity, Usd, notional_of


class InstrumentKind(StrEnum):
    """Perpetual swap or spot pair."""

    PERP = "perp"
    SPOT = "spot"


class Instrument(msgspec.Struct, frozen=True, gc=False):
    """One tradable thing on one venue.

    `lot` is the smallest order step in coins, contract value already applied (OKX BTC: contract 0.01 x lot 0.01 = 0.0001 BTC).
    """

    instrument_id: str
    venue: str
    symbol: str
    asset: str
    kind: InstrumentKind
    tick: Price
    lot: Quantity
    quantity_min: Quantity
    notional_min_usd: Usd
    taker_bps: Bps
    maker_bps: Bps

    @property
    def quote(self) -> str:
        """Return the currency its prices are in: `USDT` of `BTC/USDT:USDT`."""
        return self.symbol.partition("/")[2].partition(":")[0]

    def lots_in(self, notional_usd: Usd, price: Price) -> int:
        """Return how many whole lots `notional_usd` buys at `price`: always rounded down, never up."""
        lot_value = self.lot * price
        return notional_usd * 10**8 // lot_value if lot_value > 0 else 0

    def quantity_of(self, lots: int) -> Quantity:
        """Return the coins in a number of lots."""
        return lots * self.lot

    def accepts(self, lots: int, price: Price) -> bool:
        """Say whether an order of `lots` at `price` meets the venue's minimum quantity and notional (equal passes)."""
        quantity, notional_min_usd = lots * self.lot, self.notional_min_usd
        enough = notional_min_usd == 0 or notional_of(price, quantity) >= notional_min_usd
        return lots > 0 and quantity >= self.quantity_min and enough
