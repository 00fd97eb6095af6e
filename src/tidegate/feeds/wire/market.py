"""What a parser must be told about a market, because the message does not say it (or says it only in another answer)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidegate.errors import InputError
from tidegate.units import HOUR_NS, ONE, Bps, Nanoseconds, Quantity

FUNDING_BPS_MAX: Bps = 200 * ONE
"""Funding beyond this per 8 h is taken for a wrong unit: four times the worst settlement of October 2025 (50 bps)."""


class Market(msgspec.Struct, frozen=True, gc=False):
    """One market of one venue. `symbol` is the venue's own name, `instrument_id` ours.

    `contract_value` is coins per contract (OKX BTC-USDT-SWAP: 0.01; venues that quote coins: 1). `funding_period_ns` is the interval that
    the venue's rate is for; Binance tells it only in `fundingInfo` (absent there means 8 h). `funding_bps_max` is the plausible bound
    per 8 h. Linear contracts only: an inverse contract's size is in USD and would need another reading.
    """

    venue: str
    symbol: str
    asset: str
    instrument_id: str
    contract_value: Quantity = ONE
    funding_period_ns: Nanoseconds = 8 * HOUR_NS
    funding_bps_max: Bps = FUNDING_BPS_MAX


Markets = Mapping[str, Market]
"""Markets by the venue's symbol."""


def market_of(markets: Markets, symbol: object, name: str) -> Market:
    """Return the market of a message. Raises InputError for one that nobody asked for."""
    found = markets.get(symbol) if type(symbol) is str else None
    if found is None:
        raise InputError(name, symbol, "a symbol that was subscribed")
    return found
