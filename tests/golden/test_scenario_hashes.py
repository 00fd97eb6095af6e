"""Golden digests: the built-in scenarios give the same events for ever, in every interpreter, whatever the hash seed.

A digest changes when a scenario file or the market code changes: then every recorded run changes too. Renew it on purpose:
`python tests/golden/test_scenario_hashes.py` prints the new content of scenario_hashes.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import scenario_digest

HERE = Path(__file__).parent
GOLDEN: dict[str, str] = (
    json.loads((HERE / "scenario_hashes.json").read_text()) if (HERE / "scenario_hashes.json").exists() else {}
)
CASES = ("seed-day 7 2400", "open-market 7 1200", "crash 7 2400", "seed-day 8 300")


def computed(case: str) -> str:
    name, seed, seconds = case.split()
    return scenario_digest.digest(name, int(seed), int(seconds))


@pytest.mark.parametrize("case", CASES)
def test_a_scenario_gives_the_events_it_always_gave(case: str) -> None:
    assert computed(case) == GOLDEN[case]


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_a_fresh_interpreter_with_any_hash_seed_gives_the_same_events(hash_seed: str) -> None:
    root = HERE.parent.parent
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    program = root / "tests" / "support" / "scenario_digest.py"
    run = subprocess.run(
        [sys.executable, str(program), "seed-day", "8", "300"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == GOLDEN["seed-day 8 300"]


if __name__ == "__main__":
    print(json.dumps({case: computed(case) for case in CASES}, indent=2))
