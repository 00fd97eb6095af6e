"""What each journaled event says on the stream, exactly. SPEC section 7, DESIGN section 4."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tests.support.stream_lab import unframed
from tests.support.trade_facts import AT, SCOUT, approved, asked, filled, news, order, rejected
from tidegate.api.stream.frames import CHOOSABLE, JOURNALED, frame, frames_of
from tidegate.engine.completed import CompletedTrade
from tidegate.gate.reasons import headline
from tidegate.model.event import (
    DayStarted,
    EquityMarked,
    Event,
    FeedChanged,
    FlattenEnded,
    FlattenStarted,
    FundingPaid,
    FundingSkipped,
    HaltLatched,
    HaltLifted,
    HealthRead,
    OrderIntended,
    PairClosed,
    ReviewDone,
    RunEnded,
    RunStarted,
)
from tidegate.model.finding import Finding, Reason, Status
from tidegate.model.halt import Halt
from tidegate.model.intent import Mode
from tidegate.model.observation import Side
from tidegate.model.order import OrderState
from tidegate.model.pair import PairEnd
from tidegate.units import fixed

NOON = "2025-10-19T12:00:00.000Z"
HALT = Halt(Reason.L4_OPERATOR, AT, "anna: lunch", ("BTC",))
COMPLETED = CompletedTrade(
    36, "D1", "BTC_range_scalp", SCOUT, "BTC", "okx:BTC-USDT-SWAP", Side.LONG, AT, AT + 10**9, fixed(100_000), fixed("0.001"),
    fixed(100), fixed("0.1"), fixed("0.10005"), fixed("-0.00000001"), fixed("-0.00005001"), fixed("-0.005001"), -1, "STOP", 250_000_000,
)  # fmt: skip
SPEAKING: tuple[tuple[Event, str], ...] = (
    (approved(), "decision"),
    (OrderIntended(AT, order()), "order"),
    (news(OrderState.CANCELED), "order"),
    (filled(), "fill"),
    (HaltLatched(AT, HALT), "halt"),
    (HaltLifted(AT, HALT.key, HALT.cause, "anna", "back", 0), "halt"),
    (ReviewDone(AT, "anna", "looked"), "halt"),
    (FlattenStarted(AT, "anna", "enough"), "halt"),
    (FlattenEnded(AT, True, ""), "halt"),
    (FeedChanged(AT, "book", "BTC", False, "no news"), "feed"),
    (PairClosed(AT, "D1", PairEnd.BOTH_LEGS), "trade_completed"),
)
SILENT: tuple[Event, ...] = (
    asked(), DayStarted(AT, 1, 0), FundingPaid(AT, "D1", 1), FundingSkipped(AT, "D1", "stale"), EquityMarked(AT, 1, False),
    HealthRead(AT, 1, True), RunEnded(AT, "over"),
)  # fmt: skip


def _said(event: Event, *, seq: int | None = 7, intent: Any = None, completed: CompletedTrade | None = None) -> list[dict[str, Any]]:
    return [json.loads(each.text) for each in frames_of(seq, event, intent, completed)]


@pytest.mark.parametrize(("event", "name"), SPEAKING)
def test_each_event_speaks_under_its_name_with_its_seq(event: Event, name: str) -> None:
    completed = COMPLETED if isinstance(event, PairClosed) else None
    (message,) = _said(event, completed=completed)
    assert (message["event"], message["seq"]) == (name, 7)
    assert message["data"]["timestamp"].startswith("2025-10-19T12:00:0")


def test_bookkeeping_says_nothing_and_every_kind_of_event_is_accounted_for() -> None:
    assert all(frames_of(7, event, None, None) == () for event in SILENT)
    told = {type(event) for event, _ in SPEAKING} | {type(event) for event in SILENT} | {RunStarted}
    assert told == set(get_args(Event))
    assert {name for _, name in SPEAKING} == set(JOURNALED)
    assert set(JOURNALED) < set(CHOOSABLE)


def test_an_approval_says_what_was_asked_granted_and_ordered() -> None:
    (message,) = _said(approved("D1", principal=SCOUT), intent=asked().intent)
    data = message["data"]
    assert data["approved"] is True
    assert (data["code"], data["reason"]) == (None, "All risk gates passed")
    assert (data["principal"], data["side"], data["requested_usd"], data["approved_usd"]) == ("agent:scout", "long", 100, 100)
    assert data["order"] == {
        "instrument": "okx:BTC-USDT-SWAP", "side": "long", "quantity": 0.001, "notional_usd": 100, "reference_price": 100_000,
        "limit_price": 100_500, "stop_loss_bps": 30, "targets_bps": [25, 50, 90],
    }  # fmt: skip


def test_a_rejection_says_why_and_shows_only_the_findings_that_spoke() -> None:
    spread = Finding(Reason.L3_SPREAD_WIDE, Status.FAILED, fixed("2.5"), fixed(2))
    event = rejected("D1", Reason.L3_SPREAD_WIDE, Finding(Reason.L1_RATE, Status.PASSED), spread)
    (message,) = _said(event)
    data = message["data"]
    assert (data["approved"], data["code"], data["order"]) == (False, "L3_SPREAD_WIDE", None)
    assert [finding["code"] for finding in data["findings"]] == ["L3_SPREAD_WIDE"]
    assert data["reason"] == data["findings"][0]["sentence"] == headline(event.decision)


def test_what_another_intent_asked_is_not_taken_for_this_decisions() -> None:
    (message,) = _said(approved("D1"), intent=asked(intent_id="I2").intent)
    assert (message["data"]["side"], message["data"]["requested_usd"]) == (None, None)


def test_a_fill_that_completes_a_trade_says_both_under_one_seq() -> None:
    fill, done = _said(filled(), completed=COMPLETED)
    assert [(each["event"], each["seq"]) for each in (fill, done)] == [("fill", 7), ("trade_completed", 7)]
    data = done["data"]
    assert (data["trade_id"], data["exit_label"], data["execution_time"]) == ("D1", "STOP", 0.25)
    assert (data["profit"], data["net_usd"]) == (-0.00005001, -0.00005001)


def test_a_trade_is_completed_only_by_a_record_of_its_own() -> None:
    assert [each["event"] for each in _said(filled("D2"), completed=COMPLETED)] == ["fill"]
    assert [each["event"] for each in _said(news(OrderState.FILLED), completed=COMPLETED)] == ["order"]
    assert _said(PairClosed(AT, "D2", PairEnd.UNWOUND), completed=COMPLETED) == []


def test_numbers_cross_exactly() -> None:
    text = frames_of(7, filled(price=fixed("108402.12345678")), None, COMPLETED)[0].text
    assert '"price":108402.12345678,' in text
    assert '"funding_usd":-0.00000001,' in frames_of(7, filled(), None, COMPLETED)[1].text


def test_halts_say_which_turn_they_are() -> None:
    changes = [_said(event)[0]["data"]["change"] for event, name in SPEAKING if name == "halt"]
    assert changes == ["latched", "lifted", "reviewed", "flatten_started", "flatten_ended"]
    latched = _said(HaltLatched(AT, HALT))[0]["data"]
    assert latched == latched | {"cause": "L4_OPERATOR", "reason": "anna: lunch", "assets": ["BTC"], "timestamp": NOON}


def test_text_of_people_and_venues_stays_data() -> None:
    nasty = '</script>\x00\u202e"},"event":"fill"'
    (message,) = _said(HaltLatched(AT, replace(HALT, detail=nasty)))
    assert message["event"] == "halt"
    assert message["data"]["reason"] == nasty
    (message,) = _said(replace(news(OrderState.REFUSED), detail=nasty))
    assert message["data"]["detail"] == nasty


def test_a_message_outside_the_journal_has_a_null_seq() -> None:
    assert _said(HaltLatched(AT, HALT), seq=None)[0]["seq"] is None


@pytest.mark.parametrize("length", [0, 80, 125, 126, 127, 1_000, 65_535, 65_536, 100_000])
def test_a_frame_is_one_whole_unmasked_text_frame(length: int) -> None:
    made = frame("e", "x" * max(0, length - len('{"event":"e","data":""}')))
    assert unframed(made.sent) == [made.text.encode()]


def test_the_modes_word_is_the_journals() -> None:
    assert json.loads(frame("connected", {"mode": Mode.PAPER}).text)["data"]["mode"] == "paper"
