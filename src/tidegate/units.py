"""Numbers of the house: fixed-point integers, parsed exactly from decimal text and formatted exactly back.

Every money amount, price, quantity, bps, per cent and ratio inside Tidegate is an `int` scaled by `ONE` = 10**8, so comparisons are
exact, NaN cannot exist and two quantities can never differ in scale. Time is an `int` of nanoseconds since the Unix epoch, UTC.
In: decimal text from config, feeds and callers. Out: integers, and text again for people and the wire.

The aliases below name the unit, not the scale: there is one scale. They are aliases rather than `NewType`s because a `NewType` is lost
at the first `+` and would have to be wrapped again on every line of the hot path; the unit is carried by the name (`stop_bps`).
"""

from __future__ import annotations

from typing import Final

from tidegate.errors import InputError

ONE_DIGITS = 8
ONE: Final = 100_000_000
BPS_PER_UNIT = 10_000

Price = int
Quantity = int
Usd = int
Bps = int
Pct = int
Ratio = int
Nanoseconds = int

MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

_DIGITS_MAX = 28
_EXPONENT_MAX = 40


def parse(text: str, *, shift: int = 0) -> int:
    """Parse decimal text into a fixed-point integer, exactly.

    `shift` multiplies by 10**shift first (a funding fraction with shift=4 becomes bps). Accepts an optional sign, digits, one point
    and an exponent; refuses NaN, infinities, negative zero, blanks, more than 28 significant digits, and anything that does not fit
    the scale without rounding. Raises InputError. INVARIANT: G2
    """
    whole, remainder = _scaled(text, shift)
    if remainder:
        raise InputError("number", text, f"at most {ONE_DIGITS - shift} decimal places")
    return whole


def parse_floor(text: str, *, shift: int = 0) -> int:
    """Parse like `parse`, rounding digits beyond the scale toward minus infinity (for values compared with a lower bound)."""
    return _scaled(text, shift)[0]


def parse_ceil(text: str, *, shift: int = 0) -> int:
    """Parse like `parse`, rounding digits beyond the scale toward plus infinity (for values compared with an upper bound)."""
    whole, remainder = _scaled(text, shift)
    return whole + 1 if remainder else whole


def _scaled(text: str, shift: int) -> tuple[int, bool]:
    """Return (floor of the scaled value, whether anything was cut off)."""
    mantissa, exponent_text = text, ""
    for mark in ("e", "E"):
        if mark in mantissa:
            mantissa, _, exponent_text = mantissa.partition(mark)
            if not exponent_text.lstrip("+-").isascii() or not exponent_text.lstrip("+-").isdigit():
                raise InputError("number", text, "a decimal number such as 28 or 0.25")
            break
    negative = mantissa.startswith("-")
    unsigned = mantissa[1:] if mantissa[:1] in ("-", "+") else mantissa
    integer_part, _, fraction_part = unsigned.partition(".")
    digits = integer_part + fraction_part
    if not digits.isascii() or not digits.isdigit() or (unsigned.endswith(".") or not integer_part):
        raise InputError("number", text, "a decimal number such as 28 or 0.25")
    if len(digits.strip("0")) > _DIGITS_MAX or len(digits) > 2 * _DIGITS_MAX:
        raise InputError("number", text, f"at most {_DIGITS_MAX} digits")
    exponent = int(exponent_text[:6] or "0")
    if abs(exponent) > _EXPONENT_MAX:
        raise InputError("number", text, f"an exponent between -{_EXPONENT_MAX} and {_EXPONENT_MAX}")
    magnitude = int(digits)
    if negative and magnitude == 0:
        raise InputError("number", text, "zero without a minus sign")
    value = -magnitude if negative else magnitude
    power = ONE_DIGITS + shift + exponent - len(fraction_part)
    if power >= 0:
        return value * 10**power, False
    whole, remainder = divmod(value, 10**-power)
    return whole, remainder != 0


def render(value: int, places: int | None = None) -> str:
    """Format a fixed-point integer as decimal text: exact by default, or rounded half away from zero to `places` decimals."""
    sign, magnitude = ("-", -value) if value < 0 else ("", value)
    if places is None:
        whole, fraction = divmod(magnitude, ONE)
        tail = f"{fraction:0{ONE_DIGITS}d}".rstrip("0")
        return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"
    step = 10 ** (ONE_DIGITS - places)
    rounded = (magnitude + step // 2) // step
    sign = sign if rounded else ""
    if places == 0:
        return f"{sign}{rounded}"
    whole, fraction = divmod(rounded, 10**places)
    return f"{sign}{whole}.{fraction:0{places}d}"


def fixed(number: int | str) -> int:
    """Return the fixed-point value of a whole number or of decimal text: `fixed("0.25")`, `fixed(28)`."""
    return number * ONE if isinstance(number, int) else parse(number)


def notional_of(price: Price, quantity: Quantity) -> Usd:
    """Return price x quantity in USD, rounded down to the quantum. Every fill, mark and order uses this one function."""
    return price * quantity // ONE


def share_of(amount: int, ratio: Ratio) -> int:
    """Return amount x ratio, rounded down (toward minus infinity)."""
    return amount * ratio // ONE


def bps_of(amount: Usd, bps: Bps) -> Usd:
    """Return `bps` basis points of an amount, rounded down."""
    return amount * bps // (BPS_PER_UNIT * ONE)


def bps_of_up(amount: Usd, bps: Bps) -> Usd:
    """Return `bps` basis points of an amount, rounded up: use it for costs and risks."""
    return -(-amount * bps // (BPS_PER_UNIT * ONE))


def change_bps(later: int, earlier: int) -> Bps:
    """Return the change from `earlier` (> 0) to `later` in bps, rounded toward minus infinity."""
    return (later - earlier) * BPS_PER_UNIT * ONE // earlier


def change_pct(later: int, earlier: int) -> Pct:
    """Return the change from `earlier` (> 0) to `later` in per cent, rounded toward minus infinity."""
    return (later - earlier) * 100 * ONE // earlier


def price_at_bps(price: Price, bps: Bps) -> Price:
    """Return a price moved by signed `bps` (negative moves it down), rounded down."""
    return price + price * bps // (BPS_PER_UNIT * ONE)
