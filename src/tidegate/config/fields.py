"""Field types of the config: how a written number becomes a fixed-point integer, a count or nanoseconds. Pure.

In: `NumberText` from `jsonc`. Out: exact integers. Text such as "28", true and false are not numbers. Ranges here say what makes sense at
all (a stop is > 0); what is permitted is the business of `ceilings`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

from tidegate.config.addresses import ADDRESS_FORMS, is_public_address
from tidegate.config.jsonc import NumberText
from tidegate.errors import InputError
from tidegate.units import ONE, SECOND_NS, parse

_ENV_NAME = re.compile(r"env:[A-Z][A-Z0-9_]{2,63}")
_EVM_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Section(BaseModel):
    """A group of keys: nothing unknown, nothing changed after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_by_name=True, validate_by_alias=True
    )


def wrong(allowed: str, fix: str = "") -> PydanticCustomError:
    """Build the error a field type raises; `load` adds path, line and what was given."""
    return PydanticCustomError("config", "{allowed}", {"allowed": allowed, "fix": fix})


def _fixed(given: object) -> int:
    """Read a number exactly. INVARIANT: G2"""
    if isinstance(given, str):
        raise wrong("a number", "write it without quotes")
    if not isinstance(given, NumberText):
        raise wrong("a number such as 28 or 0.25")
    try:
        return parse(given.text)
    except InputError as error:
        raise wrong(error.allowed) from error


def _amount(given: object) -> int:
    if (number := _fixed(given)) < 0:
        raise wrong("a number >= 0")
    return number


def _positive(given: object) -> int:
    if (number := _fixed(given)) <= 0:
        raise wrong("a number > 0")
    return number


def _count(given: object) -> int:
    number = _fixed(given)
    if number < 0 or number % ONE:
        raise wrong("a whole number >= 0")
    return number // ONE


def _seconds(given: object) -> int:
    return _fixed_time(_positive(given), SECOND_NS)


def _seconds_or_zero(given: object) -> int:
    return _fixed_time(_amount(given), SECOND_NS)


def _milliseconds(given: object) -> int:
    return _fixed_time(_amount(given), SECOND_NS // 1000)


def _fixed_time(number: int, unit_ns: int) -> int:
    whole, remainder = divmod(number * unit_ns, ONE)
    if remainder:
        raise wrong("a time of whole nanoseconds")
    return whole


def _instant(given: object) -> int:
    """Read a UTC instant such as 2025-10-19T00:00:00Z into ns."""
    allowed = "a UTC time such as 2025-10-19T00:00:00Z"
    if not isinstance(given, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", given):
        raise wrong(allowed)
    try:
        elapsed = datetime.fromisoformat(given) - _EPOCH
    except ValueError as error:
        raise wrong(allowed) from error
    return (elapsed.days * 86_400 + elapsed.seconds) * SECOND_NS


def _words(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise wrong("some text")
    return given


def _cold_address(given: object) -> str:
    if not isinstance(given, str) or not is_public_address(given):
        raise wrong(ADDRESS_FORMS)
    return given


def _aave_address(given: object) -> str:
    """Read the lending account's address. The zero address has no debt, so it would always look healthy: refused."""
    allowed = 'a public address (0x and 40 hex digits, not all zero), or "env:NAME" to take it from the environment'
    if not isinstance(given, str) or not (_EVM_ADDRESS.fullmatch(given) or _ENV_NAME.fullmatch(given)):
        raise wrong(allowed, "write `aave: null` when there is no Aave position")
    if given.startswith("0x") and not given[2:].strip("0"):
        raise wrong(allowed, "write `aave: null` when there is no Aave position")
    return given


def _name(given: object) -> str:
    if not isinstance(given, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_\-]{0,63}", given):
        raise wrong("a name of letters, digits, _ and -, starting with a letter, at most 64 long")
    return given


def ascending(values: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse targets that do not grow from leg to leg."""
    if any(later <= earlier for earlier, later in pairwise(values)):
        raise wrong("numbers that grow from one to the next")
    return values


def _number_schema(**bounds: int | str) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", **bounds})


# Seconds and milliseconds are written in the unit of their key's name and held as nanoseconds from here on.
Fixed = Annotated[int, BeforeValidator(_fixed), _number_schema()]
Amount = Annotated[int, BeforeValidator(_amount), _number_schema(minimum=0)]
Positive = Annotated[int, BeforeValidator(_positive), _number_schema(exclusiveMinimum=0)]
Count = Annotated[int, BeforeValidator(_count), WithJsonSchema({"type": "integer", "minimum": 0})]
Seconds = Annotated[int, BeforeValidator(_seconds), _number_schema(exclusiveMinimum=0)]
SecondsOrZero = Annotated[int, BeforeValidator(_seconds_or_zero), _number_schema(minimum=0)]
Milliseconds = Annotated[int, BeforeValidator(_milliseconds), _number_schema(minimum=0)]
Instant = Annotated[
    int, BeforeValidator(_instant), WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"})
]
Words = Annotated[str, BeforeValidator(_words), WithJsonSchema({"type": "string", "minLength": 1})]
Name = Annotated[
    str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_\-]{0,63}$"})
]
ColdAddress = Annotated[
    str, BeforeValidator(_cold_address), WithJsonSchema({"type": "string", "description": ADDRESS_FORMS})
]
AaveAddress = Annotated[
    str, BeforeValidator(_aave_address), WithJsonSchema({"type": "string", "pattern": "^(0x[0-9a-fA-F]{40}|env:.+)$"})
]
Asset = Literal["BTC", "ETH", "SOL", "XRP"]
