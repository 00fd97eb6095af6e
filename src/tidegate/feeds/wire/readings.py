"""From a venue's number to the snapshot's unit: funding in bps per 8 h, positioning as short share in per cent. INVARIANT: G2

In: decimal text and the unit the source uses. Out: `Observation`s. The traps are here: fraction or per cent (1), interval (2), which unit
the ratio has (3), which ratio it is (4).
"""

from __future__ import annotations

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import exact, floored
from tidegate.feeds.wire.market import Market
from tidegate.model.observation import Channel, Observation
from tidegate.units import HOUR_NS, ONE, Nanoseconds, Pct

ACCOUNT_RATIO = "account_ratio"
TOP_ACCOUNT = "top_account"
TOP_POSITION = "top_position"
TAKER_VOLUME = "taker_volume"

FRACTION_TO_BPS = 4
PER_CENT_TO_BPS = 2
FRACTION_TO_PER_CENT = 2
PER_CENT = 0

_EIGHT_HOURS_NS = 8 * HOUR_NS
_HUNDRED_PCT: Pct = 100 * ONE
_SHARES_DIFFER_MAX: Pct = ONE
_PERIOD_NS_MAX = 24 * HOUR_NS


class Times(msgspec.Struct, frozen=True, gc=False):
    """When a value held, when we got it, and how often its source publishes."""

    observed_ns: Nanoseconds
    received_ns: Nanoseconds
    period_ns: Nanoseconds


def funding(market: Market, rate: object, shift: int, times: Times, source: str) -> Observation:
    """Return a rate per `market.funding_period_ns` as bps per 8 h, rounded down.

    `shift` is FRACTION_TO_BPS for exchanges and PER_CENT_TO_BPS for Coinglass. Beyond the market's bound it is garbage: another unit.
    """
    if not 0 < market.funding_period_ns <= _PERIOD_NS_MAX:
        raise InputError("funding interval", market.funding_period_ns, "over 0 and at most 24 h")
    bps = floored(rate, "funding rate", shift) * _EIGHT_HOURS_NS // market.funding_period_ns
    if abs(bps) > market.funding_bps_max:
        raise InputError("funding rate", rate, "a plausible rate per interval in the source's unit")
    return Observation(
        Channel.FUNDING,
        market.asset,
        market.venue,
        bps,
        source,
        times.observed_ns,
        times.received_ns,
        times.period_ns,
    )


def short_of_shares(long: object, short: object, shift: int) -> Pct:
    """Return the short share in per cent from both shares. They must add up to the whole, within one point: else the unit is another."""
    long_pct, short_pct = floored(long, "long share", shift), floored(short, "short share", shift)
    if abs(long_pct + short_pct - _HUNDRED_PCT) > _SHARES_DIFFER_MAX:
        raise InputError("long and short share", f"{long} + {short}", "two shares of one whole in the source's unit")
    return _within(short_pct, short)


def short_of_ratio(ratio: object) -> Pct:
    """Return the short share in per cent of a long/short ratio: 100/(1 + ratio), rounded up (it is compared with an upper bound)."""
    value = floored(ratio, "long/short ratio")
    if not ONE // 1_000 <= value <= 1_000 * ONE:
        raise InputError("long/short ratio", ratio, "a ratio between 0.001 and 1000")
    return -(-_HUNDRED_PCT * ONE // (ONE + value))


def short_of_volumes(bought: object, sold: object) -> Pct:
    """Return the sold share of taker volume in per cent, rounded up."""
    buys, sells = floored(bought, "taker buy volume"), floored(sold, "taker sell volume")
    if buys < 0 or sells < 0 or buys + sells == 0:
        raise InputError("taker volumes", f"{bought}, {sold}", "two volumes >= 0 that are not both 0")
    return _within(-(-_HUNDRED_PCT * sells // (buys + sells)), sold)


def positioning(market: Market, short_pct: Pct, kind: str, times: Times, source: str) -> Observation:
    """Return a positioning reading that says which ratio it is: the gate refuses another kind than the pinned one."""
    return Observation(
        Channel.POSITIONING,
        market.asset,
        market.venue,
        short_pct,
        f"{source}:{kind}",
        times.observed_ns,
        times.received_ns,
        times.period_ns,
        kind=kind,
    )


def coins(contracts: object, market: Market, name: str) -> int:
    """Return a size in coins: contracts x contract value, rounded down. Raises InputError unless the result is > 0."""
    size = exact(contracts, name) * market.contract_value // ONE
    if size <= 0:
        raise InputError(name, contracts, "a size > 0")
    return size


def _within(short_pct: Pct, given: object) -> Pct:
    """A market where everybody is on one side does not exist: 0 and 100 are a fault of the source. INVARIANT: F1"""
    if not 0 < short_pct < _HUNDRED_PCT:
        raise InputError("short share", given, "a share over 0 and under 100 per cent")
    return short_pct
