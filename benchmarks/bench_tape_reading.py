"""How fast is a candle tape read? Candles a second against a yardstick of the same run: csv.reader over the same files.

Usage: python benchmarks/bench_tape_reading.py [FOLDER]. Without a folder it reads the recorded range beside the project (or in
TIDEGATE_DATA), and makes a tape of its own when there is none. Prints; asserts nothing about time.
"""

from __future__ import annotations

import csv
import gzip
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tidegate.feeds.tape import CandleTape
from tidegate.feeds.tape_candles import candles, half_bars, named, opened

ASSETS = ("BTC", "ETH", "SOL", "XRP")
IDS = {asset: f"okx:{asset}-USDT-SWAP" for asset in ASSETS}
ROUNDS = 3
MADE_MINUTES = 50_000


def make_tape(folder: Path) -> Path:
    """Write a made-up tape: a slow zigzag of four assets."""
    for index, asset in enumerate(ASSETS):
        rows = ["ts_ms,open,high,low,close,volume"]
        for minute in range(MADE_MINUTES):
            base = 10_000_000 + 1_000_000 * index + minute % 997 * 13
            prices = (base, base + 40, base - 30, base + minute % 20 - 10)
            shown = ",".join(f"{price // 100}.{price % 100:02d}" for price in prices)
            rows.append(f"{1_760_868_000_000 + minute * 60_000},{shown},{minute % 500}.{minute % 1000:03d}")
        with gzip.open(folder / f"candles_binance_{asset}USDT_1m.csv.gz", "wt") as file:
            file.write("\n".join(rows) + "\n")
    return folder


def best(work: Callable[[], int]) -> tuple[int, float]:
    """Run the work a few times; return its count and the best seconds."""
    count, seconds = 0, float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        count = work()
        seconds = min(seconds, time.perf_counter() - began)
    return count, seconds


def main(folder: Path) -> None:
    """Measure and print."""
    found = [named(path) for path in sorted(folder.iterdir())]
    files = [
        opened(file) for file in found if file is not None and file.exchange == "binance" and file.span_ms == 60_000
    ]

    def yardstick() -> int:
        count = 0
        for file in files:
            with gzip.open(file.path, "rt", newline="") as text:
                count += sum(1 for _ in csv.reader(text)) - 1
        return count

    def parsed() -> int:
        return sum(len(block) for file in files for block in candles(file))

    def halved() -> int:
        return sum(1 for file in files for _ in half_bars(file, IDS[file.asset], 0, 1 << 60))

    def whole() -> int:
        played = CandleTape(folder, IDS).batches()
        return sum(len(events) for _, events in played) // 2

    measures = (
        ("csv.reader", yardstick),
        ("checked candles", parsed),
        ("two bars each", halved),
        ("whole tape", whole),
    )
    base = 0.0
    for name, work in measures:
        count, seconds = best(work)
        base = base or seconds / count
        each = seconds / count
        print(
            f"{name:16} {count:>8} candles {1 / each:>10,.0f}/s {each * 1e6:5.2f} us each {each / base:4.1f} x csv.reader"
        )


if __name__ == "__main__":
    recorded = (
        Path(os.environ.get("TIDEGATE_DATA") or Path(__file__).resolve().parent.parent.parent / "shared" / "data")
        / "2025-05_range_1m"
    )
    if len(sys.argv) > 1 or recorded.is_dir():
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else recorded)
    else:
        with tempfile.TemporaryDirectory() as made:
            main(make_tape(Path(made)))
