"""What the matching simulator assumes, and the stated fill rules in words.

In: nothing. Out: the settings noun (built by `config`) and the rules that every paper and replay report prints.
"""

from __future__ import annotations

import msgspec

from tidegate.units import MS_NS, SECOND_NS, Bps, Nanoseconds, Usd, fixed, render

TAPE_DEPTH_USD: Usd = fixed(50_000)
PRICE_VALID_NS: Nanoseconds = 10 * SECOND_NS
RATE_VALID_NS: Nanoseconds = 30 * SECOND_NS
PRICE_WAIT_NS: Nanoseconds = 60 * SECOND_NS
HALF_SPREAD_BPS_DEFAULT: Bps = fixed("0.5")


class PaperSettings(msgspec.Struct, frozen=True):
    """Assumptions of the paper venue that the config sets.

    latency_ns: from sending to arrival, for orders, amendments and cancels alike. half_spread_bps: per asset, where a tape has no book;
    `HALF_SPREAD_BPS_DEFAULT` for an asset that is not named. start_cash_usd: for display; cash is booked as a change from it.
    Fixed here: the age beyond which a conversion rate converts no entry (`RATE_VALID_NS`, equal converts), the assumed depth a side without a
    book (`TAPE_DEPTH_USD`), the age beyond which an entry will not be filled against a price (`PRICE_VALID_NS`, equal is filled), and how long
    it then waits for a fresh one before it is cancelled (`PRICE_WAIT_NS`).
    """

    latency_ns: Nanoseconds = 150 * MS_NS
    half_spread_bps: dict[str, Bps] = {}
    start_cash_usd: Usd = 0

    def half_spread_of(self, asset: str) -> Bps:
        """Return the assumed half spread of an asset."""
        return self.half_spread_bps.get(asset, HALF_SPREAD_BPS_DEFAULT)


FILL_RULES: tuple[str, ...] = (
    "an order arrives after the latency and meets the last book or price known then; cancels and amendments take as long",
    "an entry or exit at once (IOC) walks the book level by level up to its limit price; what is left is cancelled; never better than the touch",
    "quantity that an earlier order of ours took from a book is gone until the next book",
    "a target (LIMIT) fills only when a trade goes through its price by at least one tick, at its own price, as maker, "
    "at most the traded quantity; a target that can trade on arrival takes the book as taker",
    "a stop triggers at the first trade at or beyond its trigger and then walks the current book at any price; what the book cannot give is "
    "taken from the next one",
    "without a recorded book one level each side is assumed around the last price, half the spread away; a gap fills at the price after the gap",
    "inside an approximate bar the price is taken to go open, low, high, close in an up bar and open, high, low, close in a down bar, "
    "evenly in time; the level met first counts first",
    "prices are rounded to the tick against us, fees up; taker and maker fees by role of the fill",
    "a reduce-only order closes at most what its trade, and the account, still holds: it never flips or increases a position",
    "a leg of a pair meets the book of its own venue, or nothing: it never waits; a fill that is not in USD is converted at the last known rate, "
    "rounded against us, and without a fresh rate no leg is filled",
    "fills are whole lots; entries under the venue's minimum are refused",
)


def assumptions(settings: PaperSettings, assets: tuple[str, ...]) -> tuple[str, ...]:
    """Return the numbers behind the rules as sentences for a report."""
    spreads = ", ".join(f"{asset} {render(2 * settings.half_spread_of(asset))}" for asset in assets)
    return (
        f"latency {settings.latency_ns // MS_NS} ms from sending to arrival",
        f"where no book is recorded: spread in bps {spreads}; depth {render(TAPE_DEPTH_USD)} USD a side",
        f"an entry is not filled against a price older than {PRICE_VALID_NS // SECOND_NS} s: it waits {PRICE_WAIT_NS // SECOND_NS} s for a fresh one",
    )
