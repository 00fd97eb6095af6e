"""Depth messages: a snapshot or a diff of an order book as the venue sent it, read but not yet joined. See `local_book.py`."""

from __future__ import annotations

from typing import NoReturn

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import PRICE_MAX, QUANTITY_MAX, exact, row, rows
from tidegate.feeds.wire.market import Market
from tidegate.units import ONE, Nanoseconds, Price, Quantity

NO_ID = -1
_LEVELS_MAX = 5_000


class Level(msgspec.Struct, frozen=True, gc=False):
    """One price level: `quantity` in coins, absolute, 0 removes it. `texts` are price and size as sent (for a checksum)."""

    price: Price
    quantity: Quantity
    texts: tuple[str, str]


class Depth(msgspec.Struct, frozen=True):
    """A snapshot (`whole`) or a diff.

    A diff covers the updates `first_id..last_id` and follows `previous_id`; NO_ID where the venue does not say. `checksum` is the venue's
    own of the book after this message, 0 where it sends none.
    """

    symbol: str
    whole: bool
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    first_id: int
    last_id: int
    previous_id: int
    observed_ns: Nanoseconds
    received_ns: Nanoseconds
    checksum: int = 0


def levels(value: object, market: Market, name: str) -> tuple[Level, ...]:
    """Read `[[price, size, ...], ...]`; further elements are ignored. Raises InputError at the first bad level."""
    found = rows(value, name)
    if len(found) > _LEVELS_MAX:
        raise InputError(name, len(found), f"at most {_LEVELS_MAX} levels")
    pairs = (each if type(each) is list and len(each) > 1 else _no_pair(each, name) for each in found)
    return tuple([level(pair[0], pair[1], market, name) for pair in pairs])


def keyed_levels(value: object, market: Market, keys: tuple[str, str], name: str) -> tuple[Level, ...]:
    """Read `[{price_key: ..., size_key: ...}, ...]`."""
    found = [row(each, name) for each in rows(value, name)]
    if len(found) > _LEVELS_MAX:
        raise InputError(name, len(found), f"at most {_LEVELS_MAX} levels")
    return tuple(level(each.get(keys[0]), each.get(keys[1]), market, name) for each in found)


def level(price: object, size: object, market: Market, name: str) -> Level:
    """Read one level: a price > 0 and a size >= 0."""
    at, contracts = exact(price, name), exact(size, name)
    if not 0 < at <= PRICE_MAX or not 0 <= contracts <= QUANTITY_MAX:
        raise InputError(name, f"{price} x {size}", "a price > 0 and a size >= 0")
    amount = contracts if market.contract_value == ONE else contracts * market.contract_value // ONE
    return Level(at, amount, (str(price), str(size)))


def _no_pair(value: object, name: str) -> NoReturn:
    raise InputError(name, value, "a price and a size")
