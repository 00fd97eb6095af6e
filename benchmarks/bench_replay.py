"""Benchmark: a full replay of four symbols through strategies, gate, paper venue and journal. Aim: >= 100,000 one-minute candles a second.

    python benchmarks/bench_replay.py [--quick]

The input is made here: four random-walk tapes in the layout of a candle folder, so that the figure does not depend on data one may not ship. The
yardstick, in the same run, is a bare loop over the same files that splits and converts the fields and does nothing else. Memory is read after half
and after all of the tape: it must not grow with its length.
"""

from __future__ import annotations

import gzip
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from tidegate.config.load import load
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.scripted_operator import parse_policy
from tidegate.feeds.tape import CandleTape
from tidegate.journal.port import Durability
from tidegate.model.intent import Mode
from tidegate.snapshot.assumptions import Assumptions

CONFIG = Path(__file__).resolve().parent.parent / "config" / "tactical_scalp_config.json"
START_MS = 1_746_372_960_000
ASSETS = {"BTC": (95_000.0, 1), "ETH": (1_826.0, 2), "SOL": (146.0, 2), "XRP": (2.19, 4)}
ASSUMED = ("health_factor=2.45", "spread_bps=1", "depth_usd=2000000", "positioning=50", "funding_a=0", "funding_b=0")
ASSUMED_MORE = ("open_interest=1", "liquidations=0", "priority_fee=1000", "tip_ratio=1")


def main() -> int:
    """Print both rates, the ratio and the memory; exit 1 when the aim is missed."""
    minutes = 20_000 if "--quick" in sys.argv else 73_135
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_tapes(root, minutes)
        bare = read_only(root)
        for name, assumed in (("strict (every entry refused)", ()), ("assumed (entries, exits, brackets)", ASSUMED + ASSUMED_MORE)):
            rate, counts = replay(root, assumed, root / f"{len(assumed)}.db")
            print(f"{name:36} {rate:9,.0f} candles/s   {rate / bare:5.2f}x of reading alone   {counts}")
            aim_missed = rate < 100_000 and not assumed
    print(f"{'yardstick: split and convert only':36} {bare:9,.0f} candles/s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB for {4 * minutes:,} candles")
    return 1 if aim_missed else 0


def replay(folder: Path, assumed: tuple[str, ...], journal: Path) -> tuple[float, str]:
    """Return candles per second of the whole engine, and what it did."""
    settings = load(CONFIG)
    feed = CandleTape(folder, settings.limits(Mode.PAPER).perpetuals())
    request = RunRequest(journal, parse_policy("daily@00:00"), Assumptions.parse(assumed), durability=Durability.BATCH, serve_control=False)
    run = build_run(settings, feed, request)
    run.random_control = None
    began = time.perf_counter()
    outcome = run.drive()
    run.close()
    seconds = time.perf_counter() - began
    totals = run.engine.chronicle.totals.run
    return outcome.bars / 2 / seconds, f"{totals.intents} intents, {totals.approvals} approvals, {totals.fills} fills"


def read_only(folder: Path) -> float:
    """Return candles per second of a loop that only splits lines and converts numbers."""
    began, count = time.perf_counter(), 0
    for path in sorted(folder.glob("candles_*.gz")):
        with gzip.open(path, "rt") as lines:
            next(lines)
            for line in lines:
                _, *fields = line.split(",")
                _ = [int(float(field) * 1e8 + 0.5) for field in fields]
                count += 1
    return count / (time.perf_counter() - began)


def write_tapes(folder: Path, minutes: int) -> None:
    """Write four seeded random walks as candle files."""
    for number, (asset, (price, places)) in enumerate(ASSETS.items()):
        draws, last = random.Random(number), price
        with gzip.open(folder / f"candles_binance_{asset}USDT_1m.csv.gz", "wt", compresslevel=1) as out:
            out.write("ts_ms,open,high,low,close,volume\n")
            for minute in range(minutes):
                close = last * (1 + draws.gauss(0, 0.0006))
                high, low = max(last, close) * (1 + abs(draws.gauss(0, 0.0002))), min(last, close) * (1 - abs(draws.gauss(0, 0.0002)))
                texts = [f"{round(value, places):.{places}f}" for value in (last, high, low, close)]
                out.write(f"{START_MS + minute * 60_000},{','.join(texts)},{draws.randint(1, 90_000) / 1000}\n")
                last = float(texts[3])


if __name__ == "__main__":
    sys.exit(main())
