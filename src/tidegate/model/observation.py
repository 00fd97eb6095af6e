"""Observations: single readings from feeds, with the source and both times, before anybody has judged their age."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.units import Nanoseconds, Price, Quantity, Usd

SAMPLED = ":sampled"
"""How the name of a source ends that hears only some of what happened, as public liquidation streams do."""


class Channel(StrEnum):
    """The kinds of market fact. Liveness is judged per channel and per asset. INVARIANT: F4"""

    __hash__ = str.__hash__  # an enum's own hash runs Python code at every dict lookup

    PRICE = "price"
    BOOK = "book"
    POSITIONING = "positioning"
    FUNDING = "funding"
    OPEN_INTEREST = "open_interest"
    LIQUIDATIONS = "liquidations"
    PRIORITY_FEE = "priority_fee"
    TIP = "tip"
    HEALTH_FACTOR = "health_factor"
    RATE = "rate"


class Side(StrEnum):
    """Direction of a position, a trade or a crowd."""

    __hash__ = str.__hash__  # an enum's own hash runs Python code at every dict lookup

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """Return +1 for long, -1 for short."""
        return 1 if self is Side.LONG else -1


class Observation(msgspec.Struct, frozen=True, gc=False, tag=True):
    """One scalar reading of a slow channel (positioning, funding, open interest, fees, tips, health factor, conversion rate).

    `value` by channel: short share in per cent; funding in bps per 8 h; 24 h open-interest change in per cent; micro-lamports per CU;
    tips in SOL; ratio; USD per unit of the currency that `asset` then names (`USDT`). `venue` tells two funding sources apart.
    `observed_ns` is the source's own time of the value, `received_ns` our receipt of a good answer. `period_ns` is how often the source
    publishes (5 min for exchange positioning, 4 h on some tapes).
    `poll_ns` > 0 says that a virtual poller delivers this same answer again every `poll_ns` until a newer one comes (tapes only), so that
    the receipt time at T is `received_ns` plus the whole polls since: one event stands for all of them. `kind` says which ratio a
    positioning reading is (`account_ratio`, `taker_volume`, `top_position`); the source says it, nobody else can. Empty on other channels.
    """

    channel: Channel
    asset: str
    venue: str
    value: int
    source: str
    observed_ns: Nanoseconds
    received_ns: Nanoseconds
    period_ns: Nanoseconds
    poll_ns: Nanoseconds = 0
    kind: str = ""


class Bar(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A closed 30 s bar of trades. `delta` is signed taker volume in coins: buys minus sells.

    `approximate` marks bars derived from a coarser candle, whose path and delta are stated approximations.
    """

    instrument_id: str
    asset: str
    start_ns: Nanoseconds
    end_ns: Nanoseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity
    delta: Quantity
    approximate: bool


class Book(msgspec.Struct, frozen=True, tag=True):
    """An order book, best level first on both sides: `((price, quantity), ...)`."""

    instrument_id: str
    asset: str
    bids: tuple[tuple[Price, Quantity], ...]
    asks: tuple[tuple[Price, Quantity], ...]
    source: str
    observed_ns: Nanoseconds
    received_ns: Nanoseconds

    @property
    def mid(self) -> Price:
        """Return the mid price, rounded down to the quantum."""
        return (self.bids[0][0] + self.asks[0][0]) // 2


class TradePrint(msgspec.Struct, frozen=True, gc=False, tag=True):
    """One public trade. `taker_buys` is True when the taker bought (Binance's `m` is False)."""

    instrument_id: str
    asset: str
    price: Price
    quantity: Quantity
    taker_buys: bool
    source: str
    observed_ns: Nanoseconds
    received_ns: Nanoseconds


class Liquidation(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A forced close. `liquidated_side` is the side of the position that died, whatever the venue calls it."""

    asset: str
    liquidated_side: Side
    notional_usd: Usd
    price: Price
    source: str
    observed_ns: Nanoseconds
    received_ns: Nanoseconds


MarketEvent = Observation | Bar | Book | TradePrint | Liquidation
