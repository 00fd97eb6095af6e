"""Reasons in words: findings as operator sentences with numbers and units, rendered only when somebody looks.

In: findings and decisions. Out: text. Everything said is a fixed template with our own numbers; nobody's free text. INVARIANT: B3
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from tidegate.gate.reason_table import ROWS, Row, Unit
from tidegate.model.decision import Decision
from tidegate.model.finding import Finding, Reason, Status
from tidegate.units import ONE, render

_ROW_OF = MappingProxyType({row.reason: row for row in ROWS})

# Guards share one code: the unit follows the note. Cooldowns count seconds under a code that counts entries.
_UNIT_OF_NOTE = MappingProxyType(
    {
        "short share": Unit.PCT,
        "short share with falling depth": Unit.PCT,
        "funding spread": Unit.BPS,
        "depth": Unit.USD,
        "thin book": Unit.USD,
        "depth history too short": Unit.USD,
        "tips": Unit.RATIO,
        "tips elevated": Unit.RATIO,
        "strategy cooldown": Unit.SECONDS,
        "agent cooldown": Unit.SECONDS,
    }
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNED = (Reason.L2_FUNDING_DIVERGENCE, Reason.L2_OI_SPIKE, Reason.L3_COSTS_EXCEED_TARGET)


def row_of(reason: Reason) -> Row:
    """Return the table row of a reason."""
    return _ROW_OF[reason]


def unit_of(finding: Finding) -> Unit:
    """Return the unit of a finding's numbers."""
    return _UNIT_OF_NOTE.get(finding.note, _ROW_OF[finding.reason].unit)


def fix(finding: Finding) -> str:
    """Return what the asker or operator can do about a finding."""
    return _ROW_OF[finding.reason].fix


def sentence(finding: Finding) -> str:
    """Return the one operator sentence of a finding, without a full stop."""
    return _said(finding).strip(" :,")


def warnings(decision: Decision) -> tuple[str, ...]:
    """Return the sentences of everything that warned or adjusted, in order."""
    spoken = (Status.WARNED, Status.ADJUSTED)
    return tuple(sentence(finding) for finding in decision.findings if finding.status in spoken)


def headline(decision: Decision) -> str:
    """Return the decision in one sentence: `All risk gates passed`, or the primary finding's."""
    for finding in decision.findings:
        if finding.rejects and finding.reason is decision.primary:
            return sentence(finding)
    return "All risk gates passed"


def shown(finding: Finding, number: int | None) -> str:
    """Return one of a finding's numbers with its unit, signed where the sign carries meaning; empty for none."""
    if number is None:
        return ""
    unit = unit_of(finding)
    text = render(number, unit.places if unit.places >= 0 else None)
    if finding.reason in _SIGNED and number > 0:
        text = "+" + text
    return text + unit.suffix


def reference() -> str:
    """Return docs/reference/reasons.md: every code with layer, unit, rule, boundary, sentence and fix."""
    lines = [
        "# Reason codes",
        "",
        "Generated from `tidegate.gate.reason_table` by `scripts/write_reason_reference.py`; a test keeps it fresh.",
        "Order is precedence: the primary reason of a rejection is the first code in this order that fails. A check whose input is",
        "missing, stale or broken is *unknown*: it says `cannot judge: ...` under its own code, and rejects. Codes are never reused or",
        "renamed.",
    ]
    for layer in (1, 2, 3, 4):
        lines += [
            "",
            f"## Layer {layer}",
            "",
            "| code | unit | fails or acts when | equal | sentence | fix |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_reference_line(row) for row in ROWS if row.layer == layer]
    return "\n".join(lines) + "\n"


def _said(finding: Finding) -> str:
    match finding.status:
        case Status.FAILED:
            return _failure(finding)
        case Status.UNKNOWN:
            return f"cannot judge: {finding.note}"
        case Status.WARNED:
            return _warning(finding)
        case Status.ADJUSTED:
            return _adjustment(finding)
        case Status.NOT_APPLICABLE:
            return f"Not applicable: {finding.note}"
        case Status.PASSED:
            return _pass(finding)


def _reference_line(row: Row) -> str:
    example = row.fails.format(observed="*observed*", limit="*limit*", note="*detail*")
    cells = (f"`{row.reason}`", row.unit.suffix.strip() or row.unit.name.lower(), row.rule, row.equal, example, row.fix)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _failure(finding: Finding) -> str:
    row = _ROW_OF[finding.reason]
    observed, limit = shown(finding, finding.observed), shown(finding, finding.limit)
    if finding.observed is None and "{observed}" in row.fails and finding.note:
        return f"{row.rule}: {finding.note}"
    match finding.reason, finding.note:
        case Reason.L3_DAILY_TRADE_CAP, "strategy cooldown" | "agent cooldown":
            return f"The last entry was {observed} ago, the {finding.note} is {limit}"
        case ((Reason.L4_SESSION_DRAWDOWN | Reason.L4_HEALTH_FACTOR_CRITICAL), note) if note:
            return f"{_filled(finding)} ({note})"
        case Reason.L3_COSTS_EXCEED_TARGET, "net edge":
            observed, limit = (text.removeprefix("+") for text in _told_apart(finding))
            return f"Net edge {observed}, must exceed {limit}"
        case Reason.L4_HALTED, _ if finding.observed is not None:
            return f"{_filled(finding)}, since {_utc(finding.observed)}"
        case _:
            return _filled(finding)


def _filled(finding: Finding) -> str:
    """Fill the failure template."""
    observed, limit = _told_apart(finding)
    return _ROW_OF[finding.reason].fails.format(observed=observed, limit=limit, note=finding.note)


def _told_apart(finding: Finding) -> tuple[str, str]:
    """Return observed and limit as shown; numbers that rounding would make look equal are written out in full."""
    observed, limit = shown(finding, finding.observed), shown(finding, finding.limit)
    if observed == limit and finding.observed is not None and finding.observed != finding.limit:
        observed = render(finding.observed) + unit_of(finding).suffix
    return observed, limit


def _warning(finding: Finding) -> str:
    if finding.reason is Reason.L2_FUNDING_DIVERGENCE:
        return f"Funding divergence detected: {shown(finding, finding.observed)}"
    if finding.reason is Reason.L3_HEALTH_FACTOR_LOW:
        return f"Aave HF {shown(finding, finding.observed)} close to minimum - proceed carefully"
    return f"{_ROW_OF[finding.reason].rule}: {shown(finding, finding.observed)}, limit {shown(finding, finding.limit)}"


def _adjustment(finding: Finding) -> str:
    """Say what was seen and what it does to the order."""
    effects = [f"size x {render(finding.multiplier, 2)}"] if finding.multiplier != ONE else []
    effects += [f"stop at least {render(finding.stop_bps)} bps"] if finding.stop_bps else []
    effect = ", ".join(effects) or "no effect"
    observed, limit = shown(finding, finding.observed), shown(finding, finding.limit)
    bound = f", limit {limit}" if limit else ""
    match finding.reason:
        case Reason.L2_OI_SPIKE:
            return f"Open interest {observed} in 24 h{bound}: {effect}"
        case Reason.L1_LOSS_AT_RISK:
            return f"Approaching loss limit: stop risk {observed}, half the room is {limit}: {effect}"
        case _:
            return f"{finding.note.capitalize()}: {observed}{bound}: {effect}"


def _pass(finding: Finding) -> str:
    if finding.observed is None:
        return f"Passed: {finding.note}" if finding.note else "Passed"
    limit = shown(finding, finding.limit)
    note = f" ({finding.note})" if finding.note else ""
    return f"Passed: {shown(finding, finding.observed)}{f', limit {limit}' if limit else ''}{note}"


def _utc(since_s: int) -> str:
    """Return fixed-point seconds since the epoch as `2025-10-19 12:00:00 UTC`."""
    return (_EPOCH + timedelta(seconds=since_s // ONE)).strftime("%Y-%m-%d %H:%M:%S UTC")
