"""Readers of single fields of decoded JSON: exact numbers from text, times with a plausible scale, words from a list.

In: bytes, text or decoded JSON. Out: fixed-point integers, nanoseconds, words. A reader raises `InputError` with the field's name and what
would be right; `outcome.never_raises` makes that a value. Floats are refused: a number that went through one is no longer what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar, cast

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.outcome import NotEnough
from tidegate.units import MS_NS, ONE, ONE_DIGITS, SECOND_NS, Nanoseconds, parse, parse_floor

Row = dict[str, object]
Raw = bytes | str | Row | list[object]
T = TypeVar("T")

FUTURE_NS = 2 * SECOND_NS
"""How far a source's clock may be ahead of ours. Source: SPEC section 2, L3_FEED_STALE."""

PRICE_MAX = 100_000_000 * ONE
QUANTITY_MAX = 1_000_000_000_000 * ONE
_MS_MIN, _MS_MAX = 1_000_000_000_000, 10_000_000_000_000
_SECONDS_MIN, _SECONDS_MAX = 1_000_000_000, 10_000_000_000
_ID_MAX = 2**63
_WHOLE_MAX = 10**32
_PLAIN_DIGITS_MAX = 28
_POWERS: tuple[int, ...] = tuple(10 ** (ONE_DIGITS - places) for places in range(ONE_DIGITS + 1))
_DECODE = msgspec.json.Decoder(float_hook=str).decode
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def decoded(raw: Raw) -> object:
    """Decode JSON with its decimal numbers kept as text; decoded JSON passes. Raises InputError when it is not JSON."""
    if not isinstance(raw, bytes | str):
        return raw
    try:
        return cast(object, _DECODE(raw))
    except (ValueError, RecursionError):
        raise InputError("message", raw[:60], "JSON") from None


def row(value: object, name: str) -> Row:
    """Return a JSON object."""
    if type(value) is not dict:
        raise InputError(name, value, "an object")
    return cast(Row, value)


def rows(value: object, name: str) -> list[object]:
    """Return a JSON array."""
    if type(value) is not list:
        raise InputError(name, value, "an array")
    return cast(list[object], value)


def some_rows(value: object, name: str) -> list[object]:
    """Return a JSON array with something in it. Raises NotEnough when it is empty."""
    found = rows(value, name)
    if not found:
        raise NotEnough(name, "[]", "no rows in the answer")
    return found


def cell(value: object, place: int, name: str) -> object:
    """Return one element of an array that stands for a record."""
    found = rows(value, name)
    if place >= len(found):
        raise InputError(name, value, f"an array of at least {place + 1} elements")
    return found[place]


def text(source: Row, name: str) -> str:
    """Return a text that is not empty."""
    value = source.get(name)
    if type(value) is not str or not value:
        raise InputError(name, value, "a text")
    return value


def flag(source: Row, name: str) -> bool:
    """Return a boolean."""
    value = source.get(name)
    if type(value) is not bool:
        raise InputError(name, value, "true or false")
    return value


def word(source: Row, name: str, meanings: Mapping[str, T]) -> T:
    """Return what a word means. Words not listed are garbage, never a default."""
    value = source.get(name)
    if type(value) is not str or value not in meanings:
        raise InputError(name, value, f"one of {', '.join(meanings)}")
    return meanings[value]


def same(source: Row, name: str, wanted: str) -> None:
    """Require that a field names what was asked for (a symbol, a coin)."""
    value = source.get(name)
    if value != wanted:
        raise InputError(name, value, "the one that was asked for")


def whole(value: object, name: str) -> int:
    """Return an integer >= -1 from a JSON integer or digits (ids, sequence numbers, hours)."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if type(value) is not int or not -1 <= value < _ID_MAX:
        raise InputError(name, value, "a whole number")
    return value


def decimal(value: object, name: str) -> str:
    """Return the decimal text of a JSON number or string. Raises InputError for floats, booleans, null and empty text."""
    if type(value) is int and abs(value) < _WHOLE_MAX:
        return str(value)
    if type(value) is str and value:
        return value
    raise InputError(name, value, "a decimal number in text")


def exact(value: object, name: str) -> int:
    """Return a number exactly. Raises InputError when it has more than eight decimals. Plain digits, the hot case, take the short way."""
    if type(value) is str:
        units, point, fraction = value.partition(".")
        digits = units + fraction
        short = len(fraction) <= ONE_DIGITS and len(digits) <= _PLAIN_DIGITS_MAX and bool(fraction or not point)
        if short and units and digits.isascii() and digits.isdigit():
            return int(digits) * _POWERS[len(fraction)]
    try:
        return parse(decimal(value, name))
    except InputError as error:
        raise InputError(name, error.given, error.allowed) from None


def floored(value: object, name: str, shift: int = 0) -> int:
    """Return a number times 10**shift; digits beyond the scale are rounded toward minus infinity."""
    shown = decimal(value, name)
    negative_zero = shown.startswith("-") and not shown.strip("-0.eE")
    try:
        return 0 if negative_zero else parse_floor(shown, shift=shift)
    except InputError as error:
        raise InputError(name, error.given, error.allowed) from None


def between(number: int, lowest: int, highest: int, name: str) -> int:
    """Require lowest <= number <= highest."""
    if not lowest <= number <= highest:
        raise InputError(name, number, f"between {lowest // ONE} and {highest // ONE}")
    return number


def price(value: object, name: str) -> int:
    """Return a price: exact, > 0."""
    found = exact(value, name)
    if not 0 < found <= PRICE_MAX:
        raise InputError(name, value, "a price > 0")
    return found


def quantity(value: object, name: str) -> int:
    """Return a quantity: exact, > 0."""
    found = exact(value, name)
    if not 0 < found <= QUANTITY_MAX:
        raise InputError(name, value, "a quantity > 0")
    return found


def amount(value: object, name: str) -> int:
    """Return an amount >= 0, rounded down (vendors send sums with more digits than the scale has)."""
    found = floored(value, name)
    if not 0 <= found <= QUANTITY_MAX * 1_000:
        raise InputError(name, value, "an amount >= 0")
    return found


def time_ms(value: object, name: str) -> Nanoseconds:
    """Return a time sent in milliseconds. Seconds, microseconds and nanoseconds are refused: their scale is wrong."""
    at_ms = whole(value, name)
    if not _MS_MIN <= at_ms < _MS_MAX:
        raise InputError(name, value, "a time in milliseconds since the epoch")
    return at_ms * MS_NS


def time_s(value: object, name: str) -> Nanoseconds:
    """Return a time sent in seconds."""
    at_s = whole(value, name)
    if not _SECONDS_MIN <= at_s < _SECONDS_MAX:
        raise InputError(name, value, "a time in seconds since the epoch")
    return at_s * SECOND_NS


def time_iso(value: object, name: str) -> Nanoseconds:
    """Return an ISO 8601 time with an offset (`Z` or `+00:00`); digits beyond microseconds are cut."""
    shown = value if type(value) is str and len(value) <= 40 and value.isascii() else ""
    head, point, tail = shown.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    trimmed = f"{head}.{tail[: min(digits, 6)]}{tail[digits:]}" if point and digits else shown
    try:
        at = datetime.fromisoformat(trimmed)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InputError(name, value, "an ISO 8601 time with an offset")
    since = at - _EPOCH
    at_ns = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
    if not _MS_MIN * MS_NS <= at_ns < _MS_MAX * MS_NS:
        raise InputError(name, value, "a time of this century")
    return at_ns


def observed(at_ns: Nanoseconds, received_ns: Nanoseconds, name: str) -> Nanoseconds:
    """Return when a fact was observed: never after its receipt. More than 2 s ahead of us (equal passes) is garbage. INVARIANT: F2"""
    if at_ns > received_ns + FUTURE_NS:
        raise InputError(name, at_ns, "a time at most 2 s after its receipt")
    return min(at_ns, received_ns)
