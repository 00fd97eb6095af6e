"""How numbers become words for people: times, ages, amounts, meters. Pure text, no colour.

In: fixed-point numbers and nanoseconds. Out: short text whose width does not jump around.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tidegate.errors import InputError
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, ONE, SECOND_NS, Nanoseconds, render

_FULL, _EMPTY = "█", "░"
_UNITS_NS = (("d", DAY_NS), ("h", HOUR_NS), ("m", MINUTE_NS), ("s", SECOND_NS))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def when(ts_ns: Nanoseconds) -> str:
    """Return a UTC time to the second: `2025-10-19 12:00:00`."""
    return _moment(ts_ns).strftime("%Y-%m-%d %H:%M:%S")


def time_of_day(ts_ns: Nanoseconds) -> str:
    """Return `12:00:00`."""
    return _moment(ts_ns).strftime("%H:%M:%S")


def _moment(ts_ns: Nanoseconds) -> datetime:
    return _EPOCH + timedelta(seconds=ts_ns // SECOND_NS)


def lasting(span_ns: Nanoseconds) -> str:
    """Return a span in its two largest units: `4s`, `3m20s`, `2h05m`, `51d04h`. Negative spans carry a minus."""
    if span_ns < 0:
        return f"-{lasting(-span_ns)}"
    if span_ns < MINUTE_NS:
        return f"{span_ns // SECOND_NS}s"
    if span_ns < HOUR_NS:
        return f"{span_ns // MINUTE_NS}m{span_ns % MINUTE_NS // SECOND_NS:02d}s"
    if span_ns < DAY_NS:
        return f"{span_ns // HOUR_NS}h{span_ns % HOUR_NS // MINUTE_NS:02d}m"
    return f"{span_ns // DAY_NS}d{span_ns % DAY_NS // HOUR_NS:02d}h"


def signed(value: int, places: int) -> str:
    """Return a number with its sign: `+3.60`, `-0.70`, `0.00`."""
    text = render(value, places)
    return text if text.startswith("-") or not any(digit in "123456789" for digit in text) else f"+{text}"


def price(value: int) -> str:
    """Return a price with as many decimals as its size deserves, thousands separated: `108,402.0`, `3,940.25`, `2.3801`."""
    places = 1 if value >= 10_000 * ONE else 2 if value >= 10 * ONE else 4
    whole, _, fraction = render(value, places).partition(".")
    return f"{int(whole):,}.{fraction}"


def thousands(count: int) -> str:
    """Return a count with separators: `73,135`."""
    return f"{count:,}"


def meter(share: int, width: int) -> str:
    """Return a bar of `width` cells for a fixed-point share; below 0 is empty, above 1 full, from 1 % on at least one cell."""
    cells = max(0, min(width, share * width // ONE))
    if share * 100 >= ONE and cells == 0:
        cells = 1
    return _FULL * cells + _EMPTY * (width - cells)


def span_of(text: str) -> Nanoseconds:
    """Read `90s`, `60m`, `4h`, `2d` or a sum such as `1h30m`. Raises InputError."""
    rest, total = text.strip().lower(), 0
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        unit_ns = dict(_UNITS_NS).get(rest[digits : digits + 1])
        if not digits or digits > 9 or unit_ns is None:
            raise InputError("duration", text, "a number with s, m, h or d, such as 90s, 60m or 1h30m")
        total += int(rest[:digits]) * unit_ns
        rest = rest[digits + 1 :]
    if total <= 0:
        raise InputError("duration", text, "a span > 0, such as 90s, 60m or 1h30m")
    return total


def moment_of(name: str, text: str) -> Nanoseconds:
    """Read a UTC time such as `2025-05-04`, `2025-05-04T12:30` or `2025-10-10T21:20:00Z`. Raises InputError naming the option."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(name, text, "a UTC time such as 2025-05-04 or 2025-10-10T21:20:00Z") from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(seconds=1) * SECOND_NS


def columns(cells: list[str], widths: list[int]) -> str:
    """Join cells, each padded or cut to its width; a negative width aligns right."""
    return " ".join(fit(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def fit(text: str, width: int) -> str:
    """Pad or cut one text to a width (negative: right-aligned); a cut text ends in an ellipsis."""
    size = abs(width)
    shown = text if len(text) <= size else text[: size - 1] + "…"
    return shown.rjust(size) if width < 0 else shown.ljust(size)
