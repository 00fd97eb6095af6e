"""Spot books and conversion rates: what a two-leg intent's snapshot needs beside its asset.

In: the last book of a spot instrument, the last observation of a rate. Out: `LegView`s and rates, of any age: the gate judges that.
A stablecoin is never assumed to be a dollar; a dollar is exactly one.
"""

from __future__ import annotations

from tidegate.model.observation import Book, Observation
from tidegate.model.snapshot import LegView, Missing, Reading
from tidegate.units import ONE, Nanoseconds, notional_of

RATED = ("USDT", "USDC")
"""Currencies whose rate to USD is kept."""
LEG_LEVELS_MAX = 6
NO_RATE = Missing("no conversion rate received yet")
NO_BOOK = Missing("no order book received yet")
_USD = "USD"


def rate_of(seen: Observation | None) -> Reading | Missing:
    """Return a rate as last observed. Its period is 0: a rate is as old as its value, however seldom a source publishes."""
    if seen is None:
        return NO_RATE
    return Reading(seen.value, seen.source, seen.observed_ns, seen.received_ns)


def leg_of(book: Book | None, quote: str, rate: Reading | Missing) -> LegView | Missing:
    """Return the best levels of a spot book with the rate of its quote currency; a USD book's is exactly 1, at the book's own times."""
    if book is None:
        return NO_BOOK
    observed_ns, received_ns = book.observed_ns, book.received_ns
    if quote == _USD:
        rate = Reading(ONE, "usd", observed_ns, received_ns)
    bids, asks = book.bids[:LEG_LEVELS_MAX], book.asks[:LEG_LEVELS_MAX]
    return LegView(book.instrument_id, bids, asks, book.source, observed_ns, received_ns, rate)


def in_usd(price: Reading | Missing, quote: str, rate: Reading | Missing, rate_may_lag_ns: Nanoseconds = 0) -> Reading | Missing:
    """Return a price in USD, rounded down, as old as the price; Missing without price or rate.

    A rate may be older than a price: by `rate_may_lag_ns`, the difference of their bounds. One that is older still ages the whole, so that it
    is too old exactly when its price or its rate is.
    """
    if isinstance(price, Missing) or quote == _USD:
        return price
    if isinstance(rate, Missing):
        return rate
    received_ns = min(price.received_ns, min(rate.received_ns, rate.observed_ns) + rate_may_lag_ns)
    return Reading(notional_of(price.value, rate.value), price.source, price.observed_ns, received_ns, price.period_ns)
