"""The squeeze detector: BTC needs a rise of 60 bps in 5 min and 5 M USD of shorts liquidated in the same 5 min."""

from __future__ import annotations

from tests.support import gate_world
from tests.support.market_tape import START, bar_at, market
from tidegate.model.observation import Channel, Liquidation, Observation, Side
from tidegate.model.snapshot import Missing, Reading
from tidegate.snapshot.state import MarketState
from tidegate.units import MINUTE_NS, SECOND_NS, fixed

BASE = fixed(100_000)


def liquidation(second: int, usd: int, side: Side = Side.SHORT) -> Liquidation:
    at_ns = START + second * SECOND_NS
    return Liquidation("BTC", side, fixed(usd), BASE, "bybit", at_ns, at_ns)


def heartbeat(second: int, usd: int, poll_s: int = 0) -> Observation:
    at_ns = START + second * SECOND_NS
    return Observation(
        Channel.LIQUIDATIONS, "BTC", "binance", fixed(usd), "binance", at_ns, at_ns, 0, poll_s * SECOND_NS
    )


class Tape:
    """Ten flat minutes with a heartbeat at their start; then whatever the test does."""

    def __init__(self, state: MarketState | None = None, *, heard: bool = True) -> None:
        self.market = state or market()
        self.index, self.close = 0, BASE
        if heard:
            self.market.apply(heartbeat(0, 0))
        self.bars(*[100_000] * 20)

    def bars(self, *closes: int) -> None:
        for close in closes:
            self.market.apply(bar_at(self.index, "BTC", self.close, fixed(close)))
            self.index, self.close = self.index + 1, fixed(close)

    @property
    def second(self) -> int:
        return self.index * 30

    def squeeze(self) -> Reading | Missing:
        return self.market.view("BTC", START + self.second * SECOND_NS).squeeze


def value(reading: Reading | Missing) -> int:
    assert isinstance(reading, Reading)
    return reading.value


def test_a_rise_with_liquidations_is_a_squeeze_at_the_close_of_that_bar() -> None:
    tape = Tape()
    tape.market.apply(liquidation(tape.second, 5_000_000))
    tape.bars(100_600)
    assert value(tape.squeeze()) == START + tape.second * SECOND_NS


def test_the_rise_may_come_before_the_liquidations() -> None:
    tape = Tape()
    tape.bars(100_600, 100_400)
    tape.market.apply(liquidation(tape.second, 5_000_000))
    tape.bars(100_400)
    assert value(tape.squeeze()) == START + tape.second * SECOND_NS


def test_fresh_liquidations_look_back_at_a_rise_that_older_ones_could_not_complete() -> None:
    tape = Tape()
    tape.market.apply(liquidation(tape.second, 5_000_000))
    tape.bars(*[100_000] * 11, 100_700, 100_400)
    assert value(tape.squeeze()) == 0
    tape.market.apply(liquidation(tape.second, 5_000_000))
    tape.bars(100_400)
    assert value(tape.squeeze()) == START + tape.second * SECOND_NS


def test_a_smaller_rise_is_none() -> None:
    tape = Tape()
    tape.market.apply(liquidation(tape.second, 5_000_000))
    tape.bars(100_599)
    assert value(tape.squeeze()) == 0


def test_fewer_liquidations_are_none() -> None:
    tape = Tape()
    tape.market.apply(liquidation(tape.second, 4_999_999))
    tape.bars(100_600)
    assert value(tape.squeeze()) == 0


def test_liquidated_longs_do_not_count() -> None:
    tape = Tape()
    tape.market.apply(liquidation(tape.second, 9_000_000, Side.LONG))
    tape.bars(100_600)
    assert value(tape.squeeze()) == 0


def test_a_fall_is_no_squeeze() -> None:
    tape = Tape()
    tape.bars(100_600)
    for _ in range(10):
        tape.bars(100_600)
    tape.market.apply(liquidation(tape.second, 5_000_000))
    tape.bars(100_000)
    assert value(tape.squeeze()) == 0


def test_a_rise_that_took_longer_than_five_minutes_is_none() -> None:
    tape = Tape()
    for step in range(1, 25):
        tape.market.apply(liquidation(tape.second, 1_000_000))
        tape.bars(100_000 + 50 * step)
    assert value(tape.squeeze()) == 0


def test_liquidations_older_than_five_minutes_do_not_count() -> None:
    tape = Tape()
    tape.market.apply(liquidation(tape.second, 5_000_000))
    tape.bars(*[100_000] * 11)
    tape.bars(100_700)
    assert value(tape.squeeze()) == 0


def test_many_small_liquidations_add_up() -> None:
    tape = Tape()
    for part in range(50):
        tape.market.apply(liquidation(tape.second + part, 100_000))
    tape.bars(100_000, 100_600)
    assert value(tape.squeeze()) > 0


def test_a_sources_own_total_counts_without_events() -> None:
    tape = Tape()
    tape.market.apply(heartbeat(tape.second, 5_000_000))
    tape.bars(100_600)
    assert value(tape.squeeze()) > 0


def test_the_last_squeeze_is_remembered_when_all_is_calm_again() -> None:
    tape = Tape()
    tape.market.apply(liquidation(tape.second, 5_000_000))
    began = tape.second
    tape.bars(*[100_600] * 50)
    last = value(tape.squeeze())
    assert last == START + began * SECOND_NS + 5 * MINUTE_NS


def test_without_a_liquidation_channel_nobody_can_know() -> None:
    assert isinstance(Tape(heard=False).squeeze(), Missing)


def test_under_five_minutes_of_history_nobody_can_know() -> None:
    tape = Tape(heard=False)
    tape.market.apply(heartbeat(tape.second, 0))
    tape.bars(*[100_000] * 9)
    assert isinstance(tape.squeeze(), Missing)
    tape.bars(100_000)
    assert value(tape.squeeze()) == 0


def test_heartbeats_keep_a_silent_stream_young() -> None:
    tape = Tape()
    tape.market.apply(heartbeat(600, 0, poll_s=30))
    later_ns = START + 1_234 * SECOND_NS
    squeeze = tape.market.view("BTC", later_ns).squeeze
    assert isinstance(squeeze, Reading)
    assert squeeze.received_ns == START + 1_230 * SECOND_NS
    assert squeeze.observed_ns == START + 600 * SECOND_NS


def test_an_assumption_stands_in_for_a_silent_tape() -> None:
    calm = Tape(market(assume=("liquidations=0",)), heard=False)
    calm.bars(100_600)
    reading = calm.squeeze()
    assert value(reading) == 0
    assert isinstance(reading, Reading)
    assert reading.source == "assumed"
    wild = Tape(market(assume=("liquidations=5000000",)), heard=False)
    wild.bars(100_600)
    assert value(wild.squeeze()) == START + wild.second * SECOND_NS


def test_an_asset_without_squeeze_limits_is_missing() -> None:
    others = {name: each for name, each in gate_world.limits().assets.items() if name != "BTC"}
    assert isinstance(Tape(market(assets=others)).squeeze(), Missing)


def test_memory_is_bounded_by_the_window() -> None:
    tape = Tape()
    for second in range(3_000):
        tape.market.apply(liquidation(600 + second, 1))
    assert len(tape.market.asset("BTC").squeezes) <= 5 * MINUTE_NS // SECOND_NS + 3
