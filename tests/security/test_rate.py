"""The rate limit is exact over any window and bounded in memory. INVARIANT: A5"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.security.lab import HandClock
from tidegate.api.door import rate
from tidegate.api.door.rate import RateLimit
from tidegate.units import MS_NS, SECOND_NS


@given(st.lists(st.integers(0, 120), min_size=1, max_size=300))
def test_no_window_of_one_second_holds_more_than_the_limit_and_nobody_is_refused_without_cause(gaps_ms: list[int]) -> None:
    clock = HandClock(0)
    limit = RateLimit(20, clock)
    admitted: list[int] = []
    for gap_ms in gaps_ms:
        clock.move(gap_ms * MS_NS)
        recent = [time for time in admitted if clock.now_ns - time < SECOND_NS]
        wait_ns = limit.wait_ns("bot")
        assert (wait_ns == 0) == (len(recent) < 20)
        if wait_ns == 0:
            admitted.append(clock.now_ns)
        else:
            assert wait_ns == recent[0] + SECOND_NS - clock.now_ns


def test_waiting_as_long_as_told_is_enough_and_a_nanosecond_less_is_not() -> None:
    clock = HandClock(0)
    limit = RateLimit(20, clock)
    for _ in range(20):
        assert limit.wait_ns("bot") == 0
        clock.move(MS_NS)
    wait_ns = limit.wait_ns("bot")
    clock.move(wait_ns - 1)
    assert limit.wait_ns("bot") == 1
    clock.move(1)
    assert limit.wait_ns("bot") == 0


def test_one_caller_does_not_use_up_anothers_rate() -> None:
    limit = RateLimit(2, HandClock(0))
    assert [limit.wait_ns("one") == 0 for _ in range(3)] == [True, True, False]
    assert limit.wait_ns("two") == 0


def test_memory_is_bounded_and_a_caller_who_is_at_the_limit_is_not_forgotten() -> None:
    clock = HandClock(0)
    limit = RateLimit(2, clock)
    for number in range(rate.CALLERS_MAX - 1):
        limit.wait_ns(number)
    clock.move(SECOND_NS)
    assert [limit.wait_ns("busy") == 0 for _ in range(3)] == [True, True, False]
    limit.wait_ns("new")
    assert len(limit._admitted) == 2
    assert limit.wait_ns("busy") > 0


def test_requests_at_the_very_end_of_the_window_are_counted_too() -> None:
    clock = HandClock(0)
    limit = RateLimit(20, clock)
    for _ in range(3):
        assert [limit.wait_ns("bot") == 0 for _ in range(21)] == [True] * 20 + [False]
        clock.move(SECOND_NS)
