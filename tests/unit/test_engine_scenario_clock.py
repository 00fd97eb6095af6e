"""Served time: an endless scenario plays today and is moved forward after a sleep; one with an end never runs ahead of its own batches."""

from __future__ import annotations

import asyncio

from tests.support.world_desk import START_NS
from tidegate.engine.scenario_clock import LAG_NS_MAX, RealTimetable, ScenarioClock, shifted
from tidegate.model.observation import Bar, Book, Channel, Liquidation, Observation, Side, TradePrint
from tidegate.units import SECOND_NS

TODAY_NS = START_NS + 1_000 * SECOND_NS


class Wrist:
    """A clock that stands where it is put."""

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def now_ns(self) -> int:
        return self.ns

    def step_ns(self) -> int:
        return 0

    def __call__(self) -> int:
        return self.ns


def batch(second: int) -> tuple[int, list[TradePrint]]:
    ns = START_NS + second * SECOND_NS
    return ns, [TradePrint("okx:BTC-USDT-SWAP", "BTC", 1, 1, True, "scenario", ns, ns)]


def test_an_endless_scenario_plays_today_a_second_a_second_on_whole_seconds() -> None:
    wrist = Wrist(TODAY_NS + 700_000_000)
    timetable = RealTimetable(START_NS, wrist)
    dues = []
    for second in range(3):
        due_ns, events = timetable.place(*batch(second))
        assert {event.received_ns for event in events} == {event.observed_ns for event in events} == {due_ns}
        dues.append(due_ns - TODAY_NS)
    assert dues == [0, SECOND_NS, 2 * SECOND_NS]


def test_a_lag_of_two_seconds_is_caught_up_and_a_longer_one_is_given_up() -> None:
    wrist = Wrist(TODAY_NS)
    timetable = RealTimetable(START_NS, wrist)
    wrist.ns = TODAY_NS + SECOND_NS + LAG_NS_MAX
    assert timetable.place(*batch(1))[0] == TODAY_NS + SECOND_NS
    assert timetable.moved_forward == 0
    wrist.ns = TODAY_NS + 3_600 * SECOND_NS
    assert timetable.place(*batch(2))[0] == wrist.ns
    assert timetable.place(*batch(3))[0] == wrist.ns + SECOND_NS
    assert timetable.moved_forward == 1


def test_waiting_ends_when_the_batch_is_due_and_does_not_wait_for_a_clock_that_was_set_back() -> None:
    wrist = Wrist(TODAY_NS)
    timetable = RealTimetable(START_NS, wrist)
    asyncio.run(asyncio.wait_for(timetable.wait(TODAY_NS), 1))
    wrist.ns -= 3_600 * SECOND_NS
    asyncio.run(asyncio.wait_for(timetable.wait(TODAY_NS + SECOND_NS // 100), 1))


def test_a_clock_that_was_set_back_does_not_let_the_market_run_away() -> None:
    """Every batch was due at once from then on: an hour of market a second, for ever, and new days with new limits."""
    wrist = Wrist(TODAY_NS)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        wrist.ns += int(seconds * SECOND_NS)

    timetable = RealTimetable(START_NS, wrist, sleep)

    async def play(seconds: range) -> int:
        slept.clear()
        for second in seconds:
            due_ns, _ = timetable.place(*batch(second))
            await timetable.wait(due_ns)
        return round(sum(slept))

    assert asyncio.run(play(range(10))) == 9
    wrist.ns -= 90 * SECOND_NS
    assert asyncio.run(play(range(10, 70))) == 60
    wrist.ns += 90 * SECOND_NS
    assert asyncio.run(play(range(70, 80))) == 10
    assert timetable.moved_forward == 0


def test_virtual_time_runs_at_its_speed_and_stands_at_a_batch_that_is_not_taken() -> None:
    wrist = Wrist(0)
    clock = ScenarioClock(START_NS, 10, wrist)
    assert clock.now_ns() == START_NS
    clock.expect(START_NS + SECOND_NS)
    wrist.ns = SECOND_NS // 20
    assert clock.now_ns() == START_NS + SECOND_NS // 2
    assert clock.left_s(START_NS + SECOND_NS) == 0.05
    wrist.ns = SECOND_NS
    assert clock.now_ns() == START_NS + SECOND_NS
    assert clock.left_s(START_NS + SECOND_NS) < 0
    clock.expect(START_NS + 2 * SECOND_NS)
    assert clock.now_ns() == START_NS + 2 * SECOND_NS


def test_virtual_time_far_ahead_of_its_batches_is_given_up_and_after_the_last_one_it_runs_on() -> None:
    wrist = Wrist(0)
    clock = ScenarioClock(START_NS, 1, wrist)
    wrist.ns = 3_600 * SECOND_NS
    clock.expect(START_NS + SECOND_NS)
    assert clock.left_s(START_NS + SECOND_NS) == 0
    clock.expect(None)
    wrist.ns += 90 * SECOND_NS
    assert clock.now_ns() == START_NS + 91 * SECOND_NS


def test_every_kind_of_event_is_moved_whole() -> None:
    moved = [
        shifted(event, SECOND_NS)
        for event in (
            Bar("i", "BTC", 1, 2, 1, 1, 1, 1, 1, 1, False),
            Observation(Channel.TIP, "SOL", "v", 1, "s", 1, 2, 3),
            Book("i", "BTC", ((1, 1),), ((2, 1),), "s", 1, 2),
            TradePrint("i", "BTC", 1, 1, True, "s", 1, 2),
            Liquidation("BTC", Side.LONG, 1, 1, "s", 1, 2),
        )
    ]
    assert [(event.start_ns, event.end_ns) for event in moved if isinstance(event, Bar)] == [(SECOND_NS + 1, SECOND_NS + 2)]
    others = [event for event in moved if not isinstance(event, Bar)]
    assert [(event.observed_ns, event.received_ns) for event in others] == [(SECOND_NS + 1, SECOND_NS + 2)] * 4
