"""Ten thousand damaged messages: a parser never raises, and whatever it lets through is still a possible fact. INVARIANT: F5"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.support.wire_base import BYBIT, RECEIVED_NS, Sample
from tests.unit.test_wire_samples import SAMPLES
from tidegate.feeds.wire import aave_v3
from tidegate.feeds.wire.coinglass_bands import LevelEstimate
from tidegate.feeds.wire.coinglass_v4 import HistoryBar
from tidegate.feeds.wire.depth import Depth
from tidegate.feeds.wire.local_book import Continuation, LocalBook
from tidegate.feeds.wire.market import FUNDING_BPS_MAX
from tidegate.feeds.wire.open_interest import OiPoint
from tidegate.feeds.wire.outcome import Garbage, Incomplete, Outcome
from tidegate.model.observation import Book, Channel, Liquidation, Observation, TradePrint
from tidegate.units import DAY_NS, ONE

CASES = 10_000
LATEST_NS = RECEIVED_NS + 10**9
NASTY: tuple[Any, ...] = (
    None, True, False, "", " ", "0", "-0", "0.0", 0, -1, "-1", "-0.5", "NaN", "nan", "Infinity", "-inf", "1e400", "1e-400", "1e9",
    "1E5", "0x1f", "１２", "1_000", " 1", "1 ", "+5", "--1", ".5", "5.", "1,5", "9" * 60, 10**30, 2**63, 2**64, -(2**63), "null",
    "<html>", "\u202e1", "\x00", [], {}, [[]], [None], [["x"]], {"a": 1}, "BTCUSDX", "0.000000001", 1_790_000_100, 1_790_000_100_000_000,
    1_790_099_100_000, "1790099100000", 123456789, "123456789", "2026-09-21", "2999-01-01T00:00:00Z", "2026-09-21T14:15:00", "Z", "buy",
)  # fmt: skip


def damaged(value: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON value with one place deleted, repeated or replaced by something nasty."""
    copy = json.loads(json.dumps(value))
    places: list[tuple[Any, Any]] = []
    _collect(copy, places)
    holder, key = chance.choice(places)
    act = chance.random()
    if act < 0.15:
        del holder[key]
    elif act < 0.25 and isinstance(holder, list):
        holder.append(holder[key])
    else:
        holder[key] = chance.choice(NASTY)
    return copy


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(pairs):
        places.append((value, key))
        _collect(each, places)


def torn(raw: bytes, chance: random.Random) -> bytes:
    """Return the bytes cut, or with one of them replaced or inserted."""
    at = chance.randrange(len(raw))
    act = chance.random()
    if act < 0.3:
        return raw[:at]
    return raw[:at] + bytes([chance.randrange(256)]) + raw[at + (act < 0.7) :]


def possible(event: Any) -> bool:
    """Say whether an event could be true of any market."""
    match event:
        case Observation():
            return _possible_reading(event)
        case TradePrint():
            return event.price > 0 and event.quantity > 0 and _timely(event)
        case Liquidation():
            return event.price > 0 and event.notional_usd >= 0 and _timely(event)
        case Depth():
            sides = (*event.bids, *event.asks)
            return all(level.price > 0 and level.quantity >= 0 for level in sides) and _timely(event)
        case OiPoint():
            return event.quantity >= 0 and event.at_ns <= LATEST_NS
        case LevelEstimate():
            return event.price > 0 and event.notional_usd >= 0
        case HistoryBar():
            return 0 < event.start_ns < event.end_ns
    return False


def _timely(event: Any) -> bool:
    return 0 < event.observed_ns <= event.received_ns <= LATEST_NS


def _possible_reading(reading: Observation) -> bool:
    value = reading.value
    believable = {
        Channel.FUNDING: abs(value) <= FUNDING_BPS_MAX,
        Channel.POSITIONING: 0 < value < 100 * ONE and reading.kind != "",
        Channel.OPEN_INTEREST: abs(value) <= 1_000 * ONE,
        Channel.PRIORITY_FEE: 0 <= value <= 10**12 * ONE,
        Channel.TIP: 0 < value <= 100 * ONE,
        Channel.HEALTH_FACTOR: 0 <= value <= aave_v3.NO_DEBT_RATIO,
        Channel.PRICE: value > 0,
    }
    return believable[reading.channel] and _timely(reading) and 0 < reading.period_ns <= DAY_NS


def judged(sample: Sample, raw: Any) -> bool:
    """Read one damaged message; say whether it was refused. Fails when what came through is impossible."""
    found = sample.read(raw)
    if isinstance(found, Outcome):
        return True
    events = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else ()
    for event in events:
        assert isinstance(event, int) or possible(event), (sample.name, raw, event)
    return False


def test_ten_thousand_damaged_messages_never_raise_and_never_become_an_impossible_fact() -> None:
    chance = random.Random(20_260_921)
    refused = 0
    for _ in range(CASES):
        sample = chance.choice(SAMPLES)
        if chance.random() < 0.7:
            message = damaged(sample.message, chance)
            raw: Any = json.dumps(message) if chance.random() < 0.8 else message
        else:
            raw = torn(sample.raw, chance)
        refused += judged(sample, raw)
    assert refused > CASES // 3


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_what_is_not_json_or_another_shape_is_garbage_with_a_cause(sample: Sample) -> None:
    for raw in (
        b"",
        b"\xff\xfe",
        b"<html>502</html>",
        b"[" * 100_000,
        b"null",
        b"7",
        b'"x"',
        b"{}",
        b"[]",
        b"[[]]",
        b"NaN",
    ):
        found = sample.read(raw)
        assert isinstance(found, Outcome) or found in ((), {}), (raw, found)
        assert not isinstance(found, Garbage | Incomplete) or found.cause


def test_a_book_fed_with_damaged_messages_shows_only_possible_books() -> None:
    chance = random.Random(7)
    sample = next(each for each in SAMPLES if each.name == "bybit orderbook")
    book = LocalBook(BYBIT, Continuation.BYBIT, "fuzz")
    shown = 0
    for number in range(2_000):
        message = json.loads(sample.raw)
        message["data"]["u"] = chance.choice((number, number, number, 1))
        message["type"] = chance.choice(("delta", "delta", "snapshot"))
        message["data"]["b"] = [[str(chance.randrange(95, 101)), str(chance.randrange(3))] for _ in range(3)]
        message["data"]["a"] = [[str(chance.randrange(100, 106)), str(chance.randrange(3))] for _ in range(3)]
        found = sample.read(damaged(message, chance) if chance.random() < 0.2 else message)
        for depth in found if isinstance(found, tuple) else ():
            answer = book.take(depth)
            if isinstance(answer, Book):
                shown += 1
                assert answer.bids[0][0] < answer.asks[0][0]
                assert list(answer.bids) == sorted(answer.bids, reverse=True)
                assert list(answer.asks) == sorted(answer.asks)
                assert all(quantity > 0 for _, quantity in (*answer.bids, *answer.asks))
    assert shown > 100
