"""Time one decision against two flat functions of 20 integer comparisons, in the same run; exit 1 when the ratio is over the one aimed at.

Usage: python benchmarks/bench_decide.py [--quick]

The first flat function compares local numbers with constants: nothing can be faster. The second reads its numbers where a gate has to find
them, in the intent, the snapshot, the session and the limits. The aim is held against the first. The decision is the worked example of
SPEC §2 (every check evaluated, approved, sized, with its order). All are timed alternately in short rounds of CPU time and the best round
counts, so that a busy machine disturbs them alike and as little as possible. `--quick` takes a fifth of the rounds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time_ns

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.support import gate_world as world  # noqa: E402
from tidegate.gate import decide as decide_room  # noqa: E402
from tidegate.gate.checks import CHECKS  # noqa: E402
from tidegate.gate.decide import decide  # noqa: E402
from tidegate.model.intent import Intent  # noqa: E402
from tidegate.model.limits import Limits  # noqa: E402
from tidegate.model.observation import Side  # noqa: E402
from tidegate.model.session import Session  # noqa: E402
from tidegate.model.snapshot import Snapshot  # noqa: E402

ROUNDS = 60
ROUND_NS = 4_000_000
RATIO_AIM = 40
SHORT = Side.SHORT


def flat(a: int, b: int, c: int, d: int) -> int:
    """Compare four fixed-point numbers with 20 limits, as a gate without words would."""
    if a > 41_500_000_000:
        return 1
    if a > 41_600_000_000:
        return 2
    if a > 41_700_000_000:
        return 3
    if a > 41_800_000_000:
        return 4
    if a > 41_900_000_000:
        return 5
    if b > 50_000_000_000:
        return 6
    if b > 50_100_000_000:
        return 7
    if b > 50_200_000_000:
        return 8
    if b > 50_300_000_000:
        return 9
    if b > 50_400_000_000:
        return 10
    if c < -10_000_000_000:
        return 11
    if c < -10_100_000_000:
        return 12
    if c < -10_200_000_000:
        return 13
    if c < -10_300_000_000:
        return 14
    if c < -10_400_000_000:
        return 15
    if d > 5_400_000_000:
        return 16
    if d > 5_500_000_000:
        return 17
    if d > 5_600_000_000:
        return 18
    if d > 5_700_000_000:
        return 19
    if d > 5_800_000_000:
        return 20
    return 0


def flat_over_nouns(intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> int:
    """Make 20 comparisons on the numbers where they are, as a gate without words, ages, sizing or findings would."""
    view, bounds = snapshot.view, limits.assets[intent.asset]
    short = view.positioning.value
    numbers = (
        intent.notional_usd > limits.notional_usd_max
        or intent.stop_bps > limits.stop_bps_max
        or session.realised_day_usd <= -limits.daily_loss_usd_max
        or len(session.trades) >= limits.open_trades_max
        or intent.notional_usd > limits.exposure_usd_max
        or session.entries_day >= limits.entries_per_day_max
        or session.loss_streak >= limits.loss_streak_max
        or session.losses >= limits.losses_max
        or session.equity_peak_usd - session.realised_day_usd >= limits.drawdown_usd_max
        or snapshot.health_factor.value < limits.health_factor_min
        or snapshot.health_factor.value < limits.health_factor_critical
        or view.book.spread_bps > bounds.spread_bps_max
        or (short > bounds.short_pct_max and intent.side is SHORT)
        or (view.funding_a.value - view.funding_b.value > limits.funding_divergence_bps_max and intent.side is SHORT)
        or view.open_interest.value > limits.oi_change_pct_max
        or snapshot.asof_ns - view.price.received_ns > 5_000_000_000
        or snapshot.asof_ns - view.book.received_ns > 5_000_000_000
        or snapshot.asof_ns - view.positioning.received_ns > 120_000_000_000
        or snapshot.asof_ns - view.open_interest.received_ns > 120_000_000_000
        or intent.targets_bps[0] <= view.book.spread_bps
    )
    return int(numbers)


def main() -> int:
    """Print both times and their ratio beside the ratio aimed at; exit 1 when it is over that."""
    rounds = ROUNDS // 5 if "--quick" in sys.argv[1:] else ROUNDS
    intent, snapshot, session, limits = world.intent(), world.snapshot(), world.session(), world.limits()
    approved = decide(intent, snapshot, session, limits).approved
    flat_ns, nouns_ns, decide_ns = best_of(
        rounds,
        _repeat_flat,
        lambda times: _repeat(flat_over_nouns, times, intent, snapshot, session, limits),
        lambda times: _repeat(decide, times, intent, snapshot, session, limits),
    )
    ratio = decide_ns / flat_ns
    compiled = "compiled" if not decide_room.__file__.endswith(".py") else "interpreted"
    print(f"decide, {len(CHECKS)} checks, {'approved' if approved else 'rejected'}, {compiled}")
    print(f"20 comparisons of locals with constants      {flat_ns / 1000:8.3f} us")
    print(f"20 comparisons of the nouns' own numbers     {nouns_ns / 1000:8.3f} us")
    print(f"decide                                       {decide_ns / 1000:8.3f} us")
    print(f"ratio to the first                           {ratio:8.1f} x (aim: {RATIO_AIM})")
    print(f"ratio to the second                          {decide_ns / nouns_ns:8.1f} x")
    return 0 if ratio <= RATIO_AIM else 1


def best_of(rounds: int, *runs: Callable[[int], None]) -> list[float]:
    """Return the best CPU time in ns of one call of each, from alternating rounds."""
    times = [_calls_per_round(run) for run in runs]
    best = [float("inf")] * len(runs)
    for _ in range(rounds):
        for place, run in enumerate(runs):
            began = process_time_ns()
            run(times[place])
            best[place] = min(best[place], (process_time_ns() - began) / times[place])
    return best


def _calls_per_round(run: Callable[[int], None]) -> int:
    calls = 100
    while True:
        began = process_time_ns()
        run(calls)
        if process_time_ns() - began >= ROUND_NS // 2:
            return calls
        calls *= 2


def _repeat_flat(times: int) -> None:
    for _ in range(times):
        flat(2_500_000_000, 2_800_000_000, 0, 5_000_000_000)


def _repeat(judge: Callable[..., object], times: int, intent: Intent, snapshot: Snapshot, session: Session, limits: Limits) -> None:
    for _ in range(times):
        judge(intent, snapshot, session, limits)


if __name__ == "__main__":
    raise SystemExit(main())
