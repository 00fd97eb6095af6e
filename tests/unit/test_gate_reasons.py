"""Reasons in words: every code has its row, every finding a sentence, and the generated reference is fresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.gate_world import AT
from tidegate.gate.reason_table import ROWS
from tidegate.gate.reasons import fix, reference, row_of, sentence
from tidegate.model.finding import Finding, Reason, Status
from tidegate.units import ONE, fixed

ROOT = Path(__file__).resolve().parents[2]
R, S = Reason, Status


def test_the_table_has_one_row_a_code_in_order_of_precedence() -> None:
    assert [row.reason for row in ROWS] == list(Reason)
    assert [row.layer for row in ROWS] == sorted(row.layer for row in ROWS)


def test_codes_are_frozen() -> None:
    assert [str(reason) for reason in Reason][:3] == ["L1_DISABLED", "L1_INSTRUMENT_UNKNOWN", "L1_COLD_WALLET"]
    assert len(Reason) == 37
    assert all(str(reason) == reason.name for reason in Reason)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("status", Status)
def test_every_finding_has_a_sentence_without_gaps_or_a_full_stop(reason: Reason, status: Status) -> None:
    for finding in (
        Finding(reason, status, fixed(1), fixed(2), "detail"),
        Finding(reason, status, note="detail"),
        Finding(reason, status),
    ):
        text = sentence(finding)
        assert text.strip() == text
        assert text
        assert "{" not in text
        assert not text.endswith(".")
    assert fix(Finding(reason, status)) == row_of(reason).fix != ""


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (
            Finding(R.L2_FUNDING_DIVERGENCE, S.WARNED, fixed("3.6"), fixed("0.25")),
            "Funding divergence detected: +3.60 bps",
        ),
        (
            Finding(R.L3_HEALTH_FACTOR_LOW, S.WARNED, fixed("2.45"), fixed("2.2")),
            "Aave HF 2.45 close to minimum - proceed carefully",
        ),
        (Finding(R.L2_SHORTS_CROWDED, S.UNKNOWN, note="positioning missing"), "cannot judge: positioning missing"),
        (
            Finding(R.L1_NOTIONAL_TOO_LARGE, S.FAILED, fixed(500), fixed(415)),
            "Notional 500.00 USD is more than 415.00 USD",
        ),
        (
            Finding(R.L1_NOTIONAL_TOO_LARGE, S.FAILED, fixed(415) + 1, fixed(415)),
            "Notional 415.00000001 USD is more than 415.00 USD",
        ),
        (
            Finding(R.L3_COSTS_EXCEED_TARGET, S.FAILED, fixed(-1), 0),
            "The first target nets -1.00 bps after fees and spread, it must be more than 0.00 bps",
        ),
        (
            Finding(R.L3_COSTS_EXCEED_TARGET, S.FAILED, fixed("14.2"), fixed(20), "net edge"),
            "Net edge 14.20 bps, must exceed 20.00 bps",
        ),
        (
            Finding(R.L3_COSTS_EXCEED_TARGET, S.FAILED, fixed(20) - 1, fixed(20), "net edge"),
            "Net edge 19.99999999 bps, must exceed 20.00 bps",
        ),
        (
            Finding(R.L3_COSTS_EXCEED_TARGET, S.FAILED, fixed(20), fixed(20), "net edge"),
            "Net edge 20.00 bps, must exceed 20.00 bps",
        ),
        (
            Finding(R.L3_COSTS_EXCEED_TARGET, S.UNKNOWN, note="book of okx:BTC-USDT too thin"),
            "cannot judge: book of okx:BTC-USDT too thin",
        ),
        (
            Finding(R.L3_DAILY_TRADE_CAP, S.FAILED, fixed(30), fixed(60), "strategy cooldown"),
            "The last entry was 30.0 s ago, the strategy cooldown is 60.0 s",
        ),
        (
            Finding(R.L4_HALTED, S.FAILED, AT // 10, None, "L4_OPERATOR: anna: lunch"),
            "Entries are halted: L4_OPERATOR: anna: lunch, since 2025-10-19 12:00:00 UTC",
        ),
        (
            Finding(R.L2_FRESH_SQUEEZE, S.FAILED, fixed(60), fixed(3_600)),
            "A short squeeze was 60.0 s ago, shorts wait 3600.0 s",
        ),
        (
            Finding(R.L2_FRESH_SQUEEZE, S.FAILED, fixed(60), fixed(3_600), "liquidations are only a sample"),
            "A short squeeze was 60.0 s ago, shorts wait 3600.0 s, liquidations are only a sample",
        ),
        (
            Finding(R.L2_STRATEGY_GUARD, S.ADJUSTED, fixed(2), fixed("1.5"), "tips elevated", ONE // 2, fixed(45)),
            "Tips elevated: 2.00, limit 1.50: size x 0.50, stop at least 45 bps",
        ),
    ],
)
def test_sentences_carry_numbers_and_units(finding: Finding, text: str) -> None:
    assert sentence(finding) == text


def test_the_generated_reference_is_fresh() -> None:
    written = (ROOT / "docs" / "reference" / "reasons.md").read_text(encoding="utf-8")
    assert written == reference(), "run scripts/write_reason_reference.py"
    assert all(f"`{reason}`" in written for reason in Reason)
