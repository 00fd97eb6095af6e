"""Replay or explore worlds: python -m tests.simulation --seed N [--count M]"""

from __future__ import annotations

import argparse
import subprocess
import time
import traceback

from tests.simulation.parts import Report
from tests.simulation.world import live


def git_hash() -> str:
    """Return the commit of this checkout, or `unknown`."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def summary(reports: list[Report]) -> str:
    """Return the honest count of many worlds."""
    faults: dict[str, int] = {}
    for report in reports:
        for name, count in report.faults.items():
            faults[name] = faults.get(name, 0) + count
    total = sum(faults.values())
    hours = sum(report.hours for report in reports)
    parts = ", ".join(f"{name} {count}" for name, count in sorted(faults.items()))
    numbers = {
        name: sum(getattr(report, name) for report in reports)
        for name in ("intents", "approved", "fills", "records", "checks")
    }
    counted = ", ".join(f"{count} {name}" for name, count in numbers.items())
    return f"{len(reports)} seeds, {hours:.1f} virtual hours, {counted}, {total} faults ({parts}), commit {git_hash()}"


def main() -> None:
    """Run the seeds asked for and print what happened."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--keep-going", action="store_true")
    asked = parser.parse_args()
    reports: list[Report] = []
    began = time.perf_counter()
    for seed in range(asked.seed, asked.seed + asked.count):
        try:
            reports.append(live(seed))
        except (Exception, AssertionError) as error:
            if not asked.keep_going:
                print(f"seed {seed}, commit {git_hash()}")
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"seed {seed}: {type(error).__name__} {error} ({where.filename.rsplit('/', 1)[-1]}:{where.lineno})")
    print(summary(reports), f"in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
