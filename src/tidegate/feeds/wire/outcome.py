"""What reading an answer or a message can come to, besides events. Each outcome maps to a feed state and says what to do.

`()` means: read, understood, nothing to tell (an acknowledgement, a heartbeat, a stream nobody uses). The decorator turns the
`InputError`s of the field readers into values, so that hostile input never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import msgspec

from tidegate.errors import InputError
from tidegate.units import Nanoseconds

_GIVEN_MAX = 80


class Garbage(msgspec.Struct, frozen=True, gc=False):
    """Not what it should be: quarantined, never an event. `cause` has no values in it, so that equal causes count together. INVARIANT: F5"""

    cause: str
    given: str = ""


class Incomplete(msgspec.Struct, frozen=True, gc=False):
    """Well-formed, but it does not hold what the value needs (no row, no bucket 24 h back): the reading is Missing. INVARIANT: F1"""

    cause: str


class NotEntitled(msgspec.Struct, frozen=True, gc=False):
    """The key or the plan does not include this. Never holds the vendor's words, which may repeat the key. INVARIANT: C3"""

    what_to_do: str


class NotAvailableHere(msgspec.Struct, frozen=True, gc=False):
    """The source refuses this place (HTTP 451). `alternative` names another source."""

    alternative: str


class SlowDown(msgspec.Struct, frozen=True, gc=False):
    """Too many requests. Wait at least `wait_ns` (0: the source did not say). `banned`: going on asking makes it longer."""

    wait_ns: Nanoseconds
    banned: bool = False


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The source understood and said no (unknown symbol, refused subscription): our request is wrong, not its data."""

    cause: str


class Down(msgspec.Struct, frozen=True, gc=False):
    """The source itself failed (HTTP 5xx, an HTML page of a proxy)."""

    cause: str


Outcome = Garbage | Incomplete | NotEntitled | NotAvailableHere | SlowDown | Refused | Down


class NotEnough(InputError):
    """Raised inside a parser when an answer is right and still cannot give the value; becomes `Incomplete`."""


P = ParamSpec("P")
T = TypeVar("T")


def never_raises(parse: Callable[P, T]) -> Callable[P, T | Garbage | Incomplete]:
    """Turn the `InputError`s that a parser raises into `Garbage` or `Incomplete`. A bug still propagates."""

    @wraps(parse)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | Garbage | Incomplete:
        try:
            return parse(*args, **kwargs)
        except NotEnough as error:
            return Incomplete(f"{error.path}: {error.allowed}")
        except InputError as error:
            return Garbage(f"{error.path}: not {error.allowed}", shown(error.given))

    return guarded


def shown(given: object) -> str:
    """Quote what was given for a person: printable ASCII, cut to a readable length. It may hold anything a venue sent. INVARIANT: A9"""
    text = (given if isinstance(given, str) else repr(given)[: 2 * _GIVEN_MAX]).encode("unicode_escape").decode("ascii")
    return text if len(text) <= _GIVEN_MAX else text[: _GIVEN_MAX - 3] + "..."
