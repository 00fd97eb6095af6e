"""Properties of the snapshot room: bounded memory, determinism, conservation, and lazily computed numbers equal to the obvious ones."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from statistics import median as plain_median

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.market_tape import START, StrategyRun, bar_at, fee_at, market
from tidegate.model.observation import Bar, Book, Channel, Liquidation, MarketEvent, Observation, Side, TradePrint
from tidegate.snapshot.bars import BAR_NS, BarBuilder
from tidegate.snapshot.rolling import RollingMedian, SlidingExtremes, median
from tidegate.snapshot.state import MarketState
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, fixed

BTC = "okx:BTC-USDT-SWAP"
prices = st.integers(min_value=100, max_value=200)
trades = st.lists(st.tuples(st.integers(-40, 90), prices, st.integers(1, 9), st.booleans()), min_size=1, max_size=40)


def prints(moves: list[tuple[int, int, int, bool]]) -> list[TradePrint]:
    """Return trades whose clocks step by the given seconds (some of them late)."""
    second, made = 0, []
    for step, price, quantity, buys in moves:
        second += step
        at_ns = START + (second + 40 * 40) * SECOND_NS
        made.append(TradePrint(BTC, "BTC", fixed(price), fixed(quantity), buys, "okx", at_ns, at_ns))
    return made


def built(events: list[TradePrint]) -> list[Bar]:
    """Return every bar of the trades, the last one closed by the clock."""
    builder, bars = BarBuilder(BTC, "BTC"), []
    for event in events:
        bars.extend(builder.on_trade(event))
    bars.extend(builder.roll(builder.end_ns))
    return bars


@given(trades)
@settings(max_examples=200, deadline=None)
def test_bars_conserve_volume_and_delta(moves: list[tuple[int, int, int, bool]]) -> None:
    events = prints(moves)
    bars = built(events)
    assert sum(bar.volume for bar in bars) == sum(event.quantity for event in events)
    assert sum(bar.delta for bar in bars) == sum(
        event.quantity if event.taker_buys else -event.quantity for event in events
    )


@given(trades)
@settings(max_examples=200, deadline=None)
def test_bars_lie_on_the_grid_one_after_another_and_hold_together(moves: list[tuple[int, int, int, bool]]) -> None:
    bars = built(prints(moves))
    assert all(bar.start_ns % BAR_NS == 0 and bar.end_ns == bar.start_ns + BAR_NS for bar in bars)
    assert all(later.start_ns == earlier.end_ns for earlier, later in pairwise(bars))
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert all(abs(bar.delta) <= bar.volume for bar in bars)


@given(
    st.lists(st.tuples(prices, prices, st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=140),
    st.sampled_from([1, 5, 30, 60]),
)
@settings(max_examples=80, deadline=None)
def test_windows_are_what_a_plain_reading_of_all_bars_says(rows: list[tuple[int, int, int, int]], minutes: int) -> None:
    state, bars, index = market(), [], 0
    for first, second, volume, step in rows:
        index += step
        bars.append(bar_at(index, "BTC", fixed(first), fixed(second), volume=fixed(volume)))
        state.apply(bars[-1])
    tape, window_ns = state.asset("BTC"), minutes * MINUTE_NS
    inside = [bar for bar in bars if bar.end_ns > bars[-1].end_ns - window_ns]
    assert list(tape.recent(window_ns)) == inside
    assert tape.low_since(window_ns) == min(bar.low for bar in inside)
    assert tape.high_since(window_ns) == max(bar.high for bar in inside)
    volume = sum(bar.volume for bar in inside)
    typical = sum(Fraction(bar.high + bar.low + bar.close, 3) * bar.volume for bar in inside)
    assert tape.vwap(window_ns) == (int(typical / volume) if volume else None)


def noisy(seeds: list[int]) -> list[MarketEvent]:
    """Return a stream of every kind of event, in time order, from a list of numbers."""
    events: list[MarketEvent] = []
    before = fixed(108_000)
    for index, seed in enumerate(seeds):
        at_ns = START + (index + 1) * 30 * SECOND_NS
        close = fixed(106_500 + seed % 3_600)
        events.append(bar_at(index, "BTC", before, close))
        events.append(Liquidation("BTC", Side.SHORT, fixed(seed * 10_000), close, "bybit", at_ns, at_ns))
        events.append(
            Observation(
                Channel.POSITIONING, "BTC", "", fixed(seed % 100), "okx", at_ns, at_ns, 300 * SECOND_NS, 30 * SECOND_NS
            )
        )
        events.append(fee_at((index + 1) * 30, seed % 997))
        if seed % 3 == 0:
            events.append(
                Book(BTC, "BTC", ((close - 10**8, fixed(seed)),), ((close + 10**8, fixed(1)),), "okx", at_ns, at_ns)
            )
        before = close
    return events


seeds = st.lists(st.integers(1, 4_000), min_size=1, max_size=60)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_same_events_give_the_same_snapshot_and_the_same_proposals(numbers: list[int]) -> None:
    def told() -> tuple[MarketState, StrategyRun]:
        run = StrategyRun("BTC_range_scalp")
        for event in noisy(numbers):
            run.event(event) if isinstance(event, Bar) else run.market.apply(event)
        return run.market, run

    (one, first), (two, second) = told(), told()
    asof_ns = START + HOUR_NS
    assert one.assemble("BTC", [BTC], asof_ns) == two.assemble("BTC", [BTC], asof_ns)
    assert one.view("SOL", asof_ns) == two.view("SOL", asof_ns)
    assert (first.state, first.proposals) == (second.state, second.proposals)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_looking_never_changes_what_is_seen_later(numbers: list[int]) -> None:
    looked, quiet = market(), market()
    for event in noisy(numbers):
        looked.apply(event)
        quiet.apply(event)
        tape = looked.asset("BTC")
        looked.assemble("BTC", [BTC], tape.now_ns)
        tape.vwap(HOUR_NS), tape.minute_range_median(HOUR_NS), tape.lower_band(), tape.day_extremes()
    asof_ns = START + HOUR_NS
    assert looked.assemble("BTC", [BTC], asof_ns) == quiet.assemble("BTC", [BTC], asof_ns)


def test_memory_does_not_grow_with_the_length_of_the_tape() -> None:
    state = market()
    sizes: list[int] = []
    price = fixed(108_000)
    for index in range(3 * DAY_NS // BAR_NS):
        state.apply(bar_at(index, "BTC", price, price, low=price - index % 977, high=price + index % 983))
        if index % (DAY_NS // BAR_NS) == DAY_NS // BAR_NS - 1:
            tape = state.asset("BTC")
            sizes.append(len(tape.bars) + tape.extremes_kept)
    assert sizes[0] <= 122 + 289 + 12
    assert max(sizes) == sizes[-1] or sizes[-1] <= sizes[0]
    assert max(sizes) <= 122 + 289 + 12


@given(st.lists(st.integers(-(10**20), 10**20), min_size=1, max_size=50))
def test_the_median_is_the_plain_one_rounded_down(values: list[int]) -> None:
    expected = Fraction(plain_median([Fraction(value) for value in values]))
    assert median(values) == expected.numerator // expected.denominator


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 100)), min_size=1, max_size=80), st.integers(0, 100))
@settings(deadline=None)
def test_a_rolling_median_is_the_median_of_the_samples_in_its_window(rows: list[tuple[int, int]], later: int) -> None:
    window_ns, kept, at_ns = 100 * SECOND_NS, [], 0
    rolling = RollingMedian(window_ns)
    for step, value in rows:
        at_ns += step * SECOND_NS
        rolling.add(at_ns, value)
        kept.append((at_ns, value))
    asof_ns = at_ns + later * SECOND_NS
    inside = [(ts_ns, value) for ts_ns, value in kept if ts_ns >= asof_ns - window_ns]
    spans = bool(inside) and (inside[-1][0] - inside[0][0]) * 2 >= window_ns
    assert rolling.value(asof_ns, window_ns) == (median([value for _, value in inside]) if spans else None)


@given(st.lists(st.tuples(prices, prices), min_size=1, max_size=80))
@settings(deadline=None)
def test_sliding_extremes_are_the_extremes_of_the_buckets_in_the_lagging_window(rows: list[tuple[int, int]]) -> None:
    reach, lag = 20, 5
    sliding = SlidingExtremes(reach, lag)
    buckets = [(index, index + 1, min(pair), max(pair)) for index, pair in enumerate(rows, start=1)]
    for bucket in buckets:
        sliding.add(*bucket)
        now = bucket[1]
        ripe = [each for each in buckets if each[1] <= now - lag and each[0] >= now - reach]
        expected = (
            (min(each[2] for each in ripe), max(each[3] for each in ripe)) if now - buckets[0][0] >= reach else None
        )
        assert sliding.extremes(now) == expected
