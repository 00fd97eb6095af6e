"""Questions of a replay: the intents file and the probe."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.cli_runs import market_run, settings
from tidegate.errors import InputError, InputErrors, NotAvailable
from tidegate.model.event import DecisionMade, Event, IntentReceived
from tidegate.model.intent import Mode
from tidegate.model.observation import Side
from tidegate.replay.intents import read_intents
from tidegate.replay.probe import Probe
from tidegate.replay.questions import Questions
from tidegate.units import MINUTE_NS, SECOND_NS, fixed

GOOD = '{"at": "2025-10-19T12:01:00Z", "strategy": "agent_signal", "pair": "BTC/USDT", "side": "long", "amount": 25.10}'


def written(folder: Path, *lines: str) -> Path:
    path = folder / "intents.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_line_is_read_exactly_as_written(tmp_path: Path) -> None:
    extra = GOOD[:-1] + ', "stop_bps": 25.5, "targets": [30, "60"], "confidence": 0.9}'
    plain, full = read_intents(written(tmp_path, GOOD, "", extra))
    assert plain.proposal.notional_usd == fixed("25.10")
    assert (plain.proposal.stop_bps, plain.proposal.confidence, plain.proposal.side) == (None, None, Side.LONG)
    assert (full.proposal.stop_bps, full.proposal.targets_bps) == (fixed("25.5"), (fixed(30), fixed(60)))
    assert plain.at_ns == 1_760_875_260 * SECOND_NS


def test_every_bad_line_is_named_at_once_with_its_number(tmp_path: Path) -> None:
    bad = (
        GOOD,
        "not json",
        GOOD.replace("long", "up"),
        GOOD.replace("25.10", "NaN"),
        GOOD.replace("12:01:00Z", "12:01:00"),
        GOOD.replace("amount", "amont"),
        GOOD.replace("25.10", '"1e999"'),
    )
    with pytest.raises(InputErrors) as found:
        read_intents(written(tmp_path, *bad))
    places = [error.path.partition(",")[0] for error in found.value.errors]
    assert places == [f"line {number}" for number in range(2, 8)]
    assert "long, short or auto" in str(found.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe"])
def test_a_file_without_a_question_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "intents.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="--intents"):
        read_intents(path)


def asked_of(hook: Questions | Probe, minutes: int) -> list[Event]:
    """Run the open market with one hook and return what was asked and answered."""
    run, heard = market_run(), list[Event]()
    run.engine.chronicle.listen(lambda record, event: heard.append(event))
    end_ns = run.feed.description.start_ns + minutes * MINUTE_NS
    for now_ns, events in run.feed.batches():
        if now_ns > end_ns:
            break
        hook.before_batch(run.engine, now_ns)
        run.engine.on_batch(now_ns, events)
    return [event for event in heard if isinstance(event, (IntentReceived, DecisionMade))]


def test_a_question_is_asked_at_its_time_and_an_unknown_strategy_does_not_end_the_run(tmp_path: Path) -> None:
    questions = Questions(
        read_intents(written(tmp_path, GOOD, GOOD.replace("agent_signal", "nope"), GOOD.replace("2025", "2026")))
    )
    heard = asked_of(questions, 2)
    assert [event.ts_ns for event in heard] == [1_760_875_260 * SECOND_NS] * 2
    assert (questions.answers.asked, questions.answers.approved, questions.unasked) == (2, 1, 1)
    assert questions.answers.refused[0].startswith("line 2: strategy: got 'nope'")


def test_the_probe_asks_both_sides_of_every_asset_once_a_period_and_stays_under_the_rate_limit() -> None:
    limits = settings().limits(Mode.PAPER)
    probe = Probe(limits, tuple(limits.assets), 1_760_875_200 * SECOND_NS, MINUTE_NS)
    heard = asked_of(probe, 2)
    intents = [event.intent for event in heard if isinstance(event, IntentReceived)]
    assert [(intent.asset, intent.side) for intent in intents[:8]] == [
        (a, s) for a in limits.assets for s in (Side.LONG, Side.SHORT)
    ]
    assert len(intents) in (8, 10)
    assert {str(intent.principal) for intent in intents} == {"agent:probe"}
    codes = {
        str(f.reason)
        for event in heard
        if isinstance(event, DecisionMade)
        for f in event.decision.findings
        if f.rejects
    }
    assert "L1_RATE" not in codes


def test_a_config_without_an_external_strategy_has_no_probe_and_says_what_to_do() -> None:
    limits = settings().limits(Mode.PAPER)
    bare = replace(limits, strategies={key: rules for key, rules in limits.strategies.items() if key != "agent_signal"})
    with pytest.raises(NotAvailable, match="--probe off"):
        Probe(bare, ("BTC",), 0, MINUTE_NS)
