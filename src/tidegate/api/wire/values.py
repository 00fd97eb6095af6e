"""The wire: how the house's values become JSON and back. Numbers cross exactly: read from their text, written as their text. INVARIANT: G2

In: fixed-point integers, nanoseconds, findings. Out: JSON numbers with at most 8 decimals, ISO-8601 UTC times, structs that routes share.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from tidegate.errors import InputError
from tidegate.gate.reasons import fix, row_of, sentence, unit_of
from tidegate.model.finding import Finding, Reason, Status
from tidegate.units import MS_NS, ONE, SECOND_NS, Nanoseconds, fixed, parse, render

Number = Annotated[Raw, Meta(extra_json_schema={"type": "number"})]
"""A JSON number kept as its text: no binary float on the way."""
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time", "examples": ["2025-10-19T12:00:00.000Z"]})]

ENCODER = msgspec.json.Encoder()
ZERO = Raw(b"0.0")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER_START = b"-0123456789"


def encode(content: Any) -> bytes:
    """Return the JSON bytes of a struct. Every answer and every frame is encoded by this one function."""
    return ENCODER.encode(content)


@lru_cache(maxsize=8_192)
def number(value: int) -> Raw:
    """Return a fixed-point integer as an exact JSON number. Remembered: limits and small counts come again and again."""
    return Raw(render(value).encode())


def number_or_none(value: int | None) -> Raw | None:
    """Return a fixed-point integer as an exact JSON number, or null."""
    return None if value is None else number(value)


def seconds(span_ns: Nanoseconds) -> Raw:
    """Return a span in seconds, to the millisecond, rounded down."""
    return number(span_ns // MS_NS * (ONE // 1_000))


def seconds_or_none(span_ns: Nanoseconds | None) -> Raw | None:
    """Return a span in seconds, or null."""
    return None if span_ns is None else seconds(span_ns)


def real_number(value: float, places: int = 3) -> Raw:
    """Return a measured time (never money) with fixed decimals."""
    return Raw(f"{value:.{places}f}".encode())


def moment(ts_ns: Nanoseconds) -> str:
    """Return a time as ISO-8601 UTC with milliseconds: `2025-10-19T12:00:00.000Z`."""
    return f"{_second(ts_ns // SECOND_NS)}.{ts_ns % SECOND_NS // MS_NS:03d}Z"


def moment_or_none(ts_ns: Nanoseconds) -> str | None:
    """Return a time, or null for 0: never."""
    return moment(ts_ns) if ts_ns else None


@lru_cache(maxsize=256)
def _second(since_s: int) -> str:
    return (_EPOCH + timedelta(seconds=since_s)).strftime("%Y-%m-%dT%H:%M:%S")


class FieldError(InputError):
    """One field of a request is not what its schema says: 422."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """What a number of a request may be: `low` <= it <= `high` (`above`: > `low`), both fixed-point."""

    low: int
    high: int
    above: bool = False

    @property
    def words(self) -> str:
        """Return the span for people."""
        low = f"above {render(self.low)}" if self.above else f"from {render(self.low)}"
        return f"a JSON number {low}, at most {render(self.high)}"

    @property
    def schema(self) -> dict[str, Any]:
        """Return the span as JSON schema."""
        bound = "exclusiveMinimum" if self.above else "minimum"
        return {"type": "number", bound: self.low / ONE, "maximum": self.high / ONE}


MONEY = Span(0, fixed(1_000_000_000), above=True)
DISTANCE = Span(0, fixed(1_000_000), above=True)
SHARE = Span(0, ONE)


def read_number(name: str, raw: Raw, span: Span) -> int:
    """Read one JSON number exactly. Raises FieldError that names the field, what was given and what is allowed. INVARIANT: G2"""
    text = bytes(raw).strip()
    if text[:1] not in _NUMBER_START or not text:
        raise FieldError(name, _given(raw), span.words)
    try:
        value = parse(text.decode())
    except InputError as error:
        raise FieldError(name, _given(raw), error.allowed) from None
    if not (span.low < value <= span.high if span.above else span.low <= value <= span.high):
        raise FieldError(name, _given(raw), span.words)
    return value


class Verbatim:
    """A given value shown as it stood, without quotes around it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _given(raw: Raw) -> object:
    return Verbatim(bytes(raw).decode(errors="replace")[:80])


class FindingView(msgspec.Struct, frozen=True, gc=False):
    """What one check saw, in numbers and in words. `observed` and `limit` are in `unit`; ages are null where no feed was read."""

    code: Reason
    layer: int
    status: Status
    sentence: str
    fix: str
    observed: Number | None
    limit: Number | None
    unit: str
    size_multiplier: Number
    source: str
    arrival_age_s: Number | None
    value_age_s: Number | None


def finding_view(finding: Finding) -> FindingView:
    """Render one finding."""
    layer, words, cure, unit = _in_words(
        finding.reason, finding.status, finding.observed, finding.limit, finding.note, (finding.multiplier, finding.stop_bps)
    )
    return FindingView(
        finding.reason,
        layer,
        finding.status,
        words,
        cure,
        number_or_none(finding.observed),
        number_or_none(finding.limit),
        unit,
        number(finding.multiplier),
        finding.source,
        seconds(finding.arrival_age_ns) if finding.source else None,
        seconds(finding.value_age_ns) if finding.source else None,
    )


@lru_cache(maxsize=8_192)
def _in_words(
    reason: Reason, status: Status, observed: int | None, limit: int | None, note: str, effect: tuple[int, int]
) -> tuple[int, str, str, str]:
    """Return layer, sentence, fix and unit of a finding, whatever its ages. Remembered: a busy gate says the same few things."""
    finding = Finding(reason, status, observed, limit, note, *effect)
    return row_of(reason).layer, sentence(finding), fix(finding) if finding.rejects else "", unit_of(finding).suffix.strip()


_PASSED, _NOT_APPLICABLE = Status.PASSED, Status.NOT_APPLICABLE
_WARNED, _ADJUSTED = Status.WARNED, Status.ADJUSTED
_FAILED, _UNKNOWN = Status.FAILED, Status.UNKNOWN


def spoken(findings: tuple[Finding, ...]) -> tuple[FindingView, ...]:
    """Render the findings that rejected, cut or warned."""
    return tuple([finding_view(each) for each in findings if each.status is not _PASSED and each.status is not _NOT_APPLICABLE])


def warned(views: tuple[FindingView, ...]) -> tuple[str, ...]:
    """Return the sentences of what warned or cut, beginning in lower case as the original API's clients know them."""
    return tuple([_lowered(each.sentence) for each in views if each.status is _WARNED or each.status is _ADJUSTED])


def _lowered(text: str) -> str:
    """Lower the first letter of a word, not of a name or an abbreviation."""
    return text if not text[1:2].islower() or text.startswith("Aave") else text[0].lower() + text[1:]


# Causes that pass by themselves: the same proposal (with a new key) may succeed later without anybody changing anything.
_PASSING = frozenset(
    {
        Reason.L1_LOSS_AT_RISK,
        Reason.L1_TOO_MANY_OPEN,
        Reason.L1_EXPOSURE,
        Reason.L1_PRICE_COLLAR,
        Reason.L1_OPPOSITE_SIDE,
        Reason.L1_RATE,
        Reason.L2_SHORTS_CROWDED,
        Reason.L2_FUNDING_DIVERGENCE,
        Reason.L2_FRESH_SQUEEZE,
        Reason.L2_STRATEGY_GUARD,
        Reason.L3_HEALTH_FACTOR_LOW,
        Reason.L3_FEED_STALE,
        Reason.L3_SPREAD_WIDE,
        Reason.L3_COSTS_EXCEED_TARGET,
        Reason.L4_FEED_OUTAGE,
        Reason.L4_CLOCK,
    }
)


def passes_by_itself(findings: tuple[Finding, ...]) -> bool:
    """Say whether everything that rejects may pass by itself: the answer's `retryable`."""
    for each in findings:
        rejects = each.status is _FAILED or each.status is _UNKNOWN
        if rejects and each.reason not in _PASSING and not each.note.endswith("cooldown"):
            return False
    return True
