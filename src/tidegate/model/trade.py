"""Trades: round trips from entry to flat, with money booked from fills, fees and funding only."""

from __future__ import annotations

import msgspec

from tidegate.model.decision import TargetLeg
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Invalidation, Principal
from tidegate.model.observation import Side
from tidegate.units import Bps, Nanoseconds, Price, Quantity, Usd, bps_of_up, notional_of


class Reservation(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Exposure and a slot held from approval to the order's terminal fact. INVARIANT: S6

    For a two-leg order (`hedge_instrument_id` set: what it sells at) notional and quantity count both legs, and only the pair's end releases it.
    """

    decision_id: str
    principal: Principal
    strategy: str
    instrument_id: str
    asset: str
    side: Side
    notional_usd: Usd
    stop_risk_usd: Usd
    reserved_ns: Nanoseconds
    quantity: Quantity
    stop_bps: Bps
    targets: tuple[TargetLeg, ...]
    hold_ns: Nanoseconds
    uptick_exit_ns: Nanoseconds
    invalidation: Invalidation | None
    hedge_instrument_id: str = ""

    @property
    def is_pair(self) -> bool:
        """Say whether this is held for a two-leg order."""
        return self.hedge_instrument_id != ""


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A round trip. `trade_id` is the decision id.

    `open_cost_usd` is the entry notional of what is still open; each exit fill takes its share rounded down and the last one takes the rest,
    so entries, exits and fees add up to the last quantum. `realised_usd` is net of fees and funding; `gross_usd` is before both. INVARIANT: J7
    """

    trade_id: str
    principal: Principal
    strategy: str
    instrument_id: str
    asset: str
    side: Side
    opened_ns: Nanoseconds
    entry_quantity: Quantity
    entry_notional_usd: Usd
    open_quantity: Quantity
    open_cost_usd: Usd
    gross_usd: Usd
    fees_usd: Usd
    funding_usd: Usd
    stop_bps: Bps
    stop_price: Price
    targets: tuple[TargetLeg, ...]
    hold_ns: Nanoseconds
    uptick_exit_ns: Nanoseconds
    invalidation: Invalidation | None
    closed_ns: Nanoseconds = 0
    exit_label: str = ""

    @property
    def entry_price(self) -> Price:
        """Return the average entry price, rounded down."""
        return self.entry_notional_usd * 10**8 // self.entry_quantity if self.entry_quantity else 0

    @property
    def realised_usd(self) -> Usd:
        """Return P&L booked so far: gross, less fees, plus funding received."""
        return self.gross_usd - self.fees_usd + self.funding_usd

    def unrealised_usd(self, mark: Price) -> Usd:
        """Return the marked P&L of what is still open, before exit fees."""
        return self.side.sign * (notional_of(mark, self.open_quantity) - self.open_cost_usd)

    def stop_risk_usd(self, mark: Price, instrument: Instrument) -> Usd:
        """Return what is lost from `mark` if the stop is hit now, exit fee included; 0 price loss when the stop is already in profit."""
        drop = self.side.sign * (mark - self.stop_price)
        loss = notional_of(drop, self.open_quantity) if drop > 0 else 0
        return loss + bps_of_up(notional_of(mark, self.open_quantity), instrument.taker_bps)
