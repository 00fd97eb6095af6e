"""The snapshot: everything the gate may know at one instant, each part with source and times, or Missing."""

from __future__ import annotations

from typing import final

import msgspec

from tidegate.units import BPS_PER_UNIT, ONE, Bps, Nanoseconds, Price, Usd

ASSUMED = "assumed"
"""The source of a part that nobody observed: a replay supposes it where its tape is silent."""


@final
class Missing(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A fact that is not known, and why. It is never zero, never fifty-fifty, never the last value without an age. INVARIANT: F1"""

    cause: str


class Reading(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A known fact: its value, where it came from, and both times. Units as in `Observation.value`; prices in USD."""

    value: int
    source: str
    observed_ns: Nanoseconds
    received_ns: Nanoseconds
    period_ns: Nanoseconds = 0


def spread_bps_of(bid: Price, ask: Price) -> Bps:
    """Return the spread in bps of the mid, rounded up: it is compared with an upper bound."""
    doubled: int = (bid - ask) * 2 * BPS_PER_UNIT * ONE
    return -(doubled // (bid + ask))


@final
class BookView(msgspec.Struct, frozen=True, gc=False, tag=True):
    """What the gate needs of a book.

    `depth_usd` is both sides within 10 bps of the mid; `depth_baseline_usd` its 10-min median and `top3_falling` whether the top-3 depth
    is under its value of a minute ago: None until there is enough history to say.
    """

    bid: Price
    ask: Price
    spread_bps: Bps
    depth_usd: Usd
    depth_baseline_usd: Usd | None
    top3_usd: Usd
    top3_falling: bool | None
    source: str
    observed_ns: Nanoseconds
    received_ns: Nanoseconds
    period_ns: Nanoseconds = 0

    @property
    def mid(self) -> Price:
        """Return the mid price, rounded down to the quantum."""
        return (self.bid + self.ask) // 2


class AssetView(msgspec.Struct, frozen=True, gc=False):
    """What is known about one asset.

    price: the mid of the book, else the last trade. positioning: the crowd's short share in per cent, `positioning_kind` names the ratio.
    funding_a / funding_b: bps per 8 h at the two venues of the divergence rule (Binance and OKX by default). open_interest: 24 h change in
    per cent, in coins. squeeze: time in ns of the last moment at which a short squeeze (rise and liquidations together) was seen, 0 for
    none. priority_fee: smoothed p50. tip_ratio: p50 tip over its 10-min baseline.
    """

    asset: str
    price: Reading | Missing
    book: BookView | Missing
    positioning: Reading | Missing
    positioning_kind: str
    funding_a: Reading | Missing
    funding_b: Reading | Missing
    open_interest: Reading | Missing
    squeeze: Reading | Missing
    priority_fee: Reading | Missing
    tip_ratio: Reading | Missing


Level = tuple[Price, int]
"""Price and quantity of one book level."""


class LegView(msgspec.Struct, frozen=True, gc=False, tag=True):
    """One spot book of a two-leg intent: its best levels (best first), in the instrument's own quote currency.

    `rate` is USD per unit of that currency: for a USD quote a reading of exactly 1 with the book's own times and source `usd`.
    """

    instrument_id: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    source: str
    observed_ns: Nanoseconds
    received_ns: Nanoseconds
    rate: Reading | Missing
    period_ns: Nanoseconds = 0

    @property
    def spread_bps(self) -> Bps:
        """Return the spread in bps of the mid, rounded up. Raises IndexError where a side is empty."""
        return spread_bps_of(self.bids[0][0], self.asks[0][0])


class PairView(msgspec.Struct, frozen=True, gc=False):
    """Both books of a two-leg intent, in the order of its instruments."""

    first: LegView | Missing
    second: LegView | Missing


class Snapshot(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Everything the gate may know when it judges one intent: the intent's asset, the account-wide facts, and a mark per open instrument.

    One `asof_ns` for all of it. `health_factor` is None only where Aave is declared not configured. `pair`: both books of a two-leg intent,
    None for any other. INVARIANT: F7
    """

    asof_ns: Nanoseconds
    view: AssetView
    marks: dict[str, Reading]
    health_factor: Reading | Missing | None
    pair: PairView | None = None


class Band(msgspec.Struct, frozen=True, gc=False):
    """A liquidation band: a zone of prices with its source."""

    low: Price
    high: Price
    source: str
