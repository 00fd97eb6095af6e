"""What do one closed bar and one idle strategy cost? Run: python benchmarks/bench_market_state.py [--quick]

Measures `MarketState.apply(Bar)` and each strategy's `step` over a noisy tape of 30 s bars (most steps see no trigger): processor time, best
of many rounds. Yardstick, in the same run: a call that stores one attribute.
The promise: on average over the four assets, apply <= 1.0 us and step <= 0.6 us a bar.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.gate_world import limits
from tidegate.model.observation import Bar
from tidegate.snapshot.assumptions import Assumptions
from tidegate.snapshot.bands import BandSettings
from tidegate.snapshot.state import MarketState
from tidegate.strategy import roster
from tidegate.strategy.port import Strategy
from tidegate.strategy.settings import StrategySettings
from tidegate.units import ONE, SECOND_NS

START_NS = 1_746_316_800 * SECOND_NS
PRICES = {"BTC": 108_402 * ONE, "ETH": 3_880 * ONE, "SOL": 187 * ONE, "XRP": 236_000_000}
BARS = 4_000  # more than a day, few enough to stay in the processor's cache, as bars fresh from a feed are
APPLY_US_MAX, STEP_US_MAX = 1.0, 0.6


class Cell:
    """The yardstick's object."""

    __slots__ = ("bar",)

    def put(self, bar: Bar) -> None:
        """Store one attribute."""
        self.bar = bar


def tape(asset: str, count: int) -> list[Bar]:
    """Return a mean-reverting walk of bars with volume and signed delta, the same every time."""
    base = price = PRICES[asset]
    seed, bars, unit = len(asset) * 7_919 + ord(asset[0]), [], base // 100_000
    for index in range(count):
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
        close = price + (seed % 101 - 50) * unit + (base - price) // 200
        start_ns = START_NS + index * 30 * SECOND_NS
        high, low = max(price, close) + seed % 13 * unit, min(price, close) - seed % 11 * unit
        volume = (seed % 997 + 1) * ONE
        delta = volume // 3 if close > price else -volume // 3
        instrument_id = f"okx:{asset}-USDT-SWAP"
        bars.append(
            Bar(instrument_id, asset, start_ns, start_ns + 30 * SECOND_NS, price, high, low, close, volume, delta, True)
        )
        price = close
    return bars


def us_each(work: Callable[[Sequence[Bar]], None], bars: Sequence[Bar]) -> float:
    """Return microseconds a bar."""
    began = time.process_time()
    work(bars)
    return (time.process_time() - began) / len(bars) * 1e6


def apply_only(bars: Sequence[Bar], settings: BandSettings) -> None:
    """Apply every bar to a fresh state."""
    apply = MarketState(limits(), Assumptions(), settings).apply
    for bar in bars:
        apply(bar)


def apply_and_step(bars: Sequence[Bar], strategy: Strategy[Any], settings: BandSettings) -> int:
    """Apply every bar and step one strategy after each; return its proposals."""
    market = MarketState(limits(), Assumptions(), settings)
    apply, seen, state, proposals = market.apply, market.asset(strategy.asset), strategy.initial(), 0
    for bar in bars:
        apply(bar)
        state, proposal = strategy.step(state, seen, None)
        proposals += proposal is not None
    return proposals


def yardstick(bars: Sequence[Bar]) -> None:
    """Call a method that stores one attribute, once a bar."""
    put = Cell().put
    for bar in bars:
        put(bar)


def main() -> int:
    """Print microseconds a bar and ratios to the yardstick; exit 1 when an average over the four assets is over the promise."""
    rounds = 20 if "--quick" in sys.argv else 100
    tapes = {asset: tape(asset, BARS) for asset in PRICES}
    unit_us = min(us_each(yardstick, tapes["BTC"]) for _ in range(rounds))
    print(f"yardstick (a call that stores one attribute): {unit_us:.3f} us")
    bands = BandSettings(set_ns=START_NS, valid_until_ns=1 << 62)
    applies: list[float] = []
    steps: list[float] = []
    for strategy in roster.build(limits(), StrategySettings()):
        bars = tapes[strategy.asset]
        apply_us = min(us_each(lambda part: apply_only(part, bands), bars) for _ in range(rounds))

        def work(part: Sequence[Bar], strategy: Strategy[Any] = strategy) -> None:
            apply_and_step(part, strategy, bands)

        step_us = max(0.0, min(us_each(work, bars) for _ in range(rounds)) - apply_us)
        applies.append(apply_us)
        steps.append(step_us)
        print(f"apply {strategy.asset}: {apply_us:.3f} us = {apply_us / unit_us:.1f} yardsticks")
        print(f"step  {strategy.key}: {step_us:.3f} us = {step_us / unit_us:.1f} yardsticks")
    apply_us, step_us = sum(applies) / len(applies), sum(steps) / len(steps)
    print(f"average: apply {apply_us:.3f} us of {APPLY_US_MAX}, step {step_us:.3f} us of {STEP_US_MAX}")
    return 0 if apply_us <= APPLY_US_MAX and step_us <= STEP_US_MAX else 1


if __name__ == "__main__":
    raise SystemExit(main())
