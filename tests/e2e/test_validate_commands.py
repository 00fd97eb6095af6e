"""The pre-flight, the deployment script's modes, show-config and the worked example, as processes with exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.config_lab import replaced
from tidegate.cli import deploy

ROOT = Path(__file__).resolve().parents[2]
ESCAPE = "\x1b"


def _run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command's `main` in its own interpreter, piped."""
    call = f"import sys; from {module} import main; sys.exit(main())"
    known = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "NO_COLOR", "COLUMNS")}
    return subprocess.run(
        [sys.executable, "-c", call, *arguments],
        cwd=ROOT,
        env={**known, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def _deploy(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _run("tidegate.cli.deploy", *arguments)


@pytest.fixture(scope="module")
def preflight() -> subprocess.CompletedProcess[str]:
    return _deploy("--validate-only")


def test_the_shipped_config_passes_the_preflight(preflight: subprocess.CompletedProcess[str]) -> None:
    assert preflight.returncode == 0, preflight.stdout + preflight.stderr
    assert " 0 failed" in preflight.stdout


def test_piped_output_has_no_escape_codes(preflight: subprocess.CompletedProcess[str]) -> None:
    assert ESCAPE not in preflight.stdout + preflight.stderr


def test_the_preflight_shows_its_groups_in_the_order_of_the_specification(
    preflight: subprocess.CompletedProcess[str],
) -> None:
    groups = ["Config", "Limits", "Gate", "Strategies", "Market data", "Feeds", "Venue", "Cold wallet", "Kill drill"]
    groups += ["Operator checklist", "Liquidation map", "Capital rules", "Result"]
    lines = preflight.stdout.splitlines()
    assert [line for line in lines if line in groups] == groups


@pytest.mark.parametrize(
    "words",
    [
        r"BTC long 25 USD, stop 28 bps +APPROVED 25.00 USD +APPROVED 25.00 USD +ok",
        r"the same as a short +REJECTED L2_SHORTS_CROWDED +REJECTED L2_SHORTS_CROWDED +ok",
        r"notional_usd_max +at most 415 USD +415 USD +ok",
        r"BTC Range Scalp BTC long .*1 lot = 10.84 USD",
        r"trade touching it +REJECTED L1_COLD_WALLET +REJECTED L1_COLD_WALLET +ok",
        r"flatten +venue flat within",
        r"entry while halted +refused by L4_HALTED .*L4_HALTED.* ok",
        r"live market .* not configured",
        r"0 lots: not tradable here",
        r"out of reach at 25.00 USD a trade",
        r"109,700 +#+ +\+120 bps",
        r"1\. Mark the bands: 106.6k and 109.7k on BTC\.",
    ],
)
def test_the_preflight_shows_required_and_actual(preflight: subprocess.CompletedProcess[str], words: str) -> None:
    assert re.search(words, preflight.stdout), preflight.stdout


def test_a_config_that_is_refused_leaves_with_2_and_every_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(
        replaced(('"open_trades_max": 3', '"open_trades_max": 4'), ('"name": "okx"', '"name": "moon"')),
        encoding="utf-8",
    )
    for module in ("tidegate.cli.validate", "tidegate.cli.show_config"):
        done = _run(module, "--config", str(bad))
        assert (done.returncode, done.stdout) == (2, "")
        assert "2 errors" in done.stderr
        assert "ceiling in code; a file can only tighten" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_check_that_fails_leaves_with_1_and_names_it() -> None:
    call = (
        "import sys; from tidegate.cli import preflight, validate;"
        "preflight._venue_checks = lambda s: iter([preflight.Check('venue', 'clock', 'skew < 1 s', '3 s', preflight.FAILED)]);"
        "sys.exit(validate.main([]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", call],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 1
    assert "failed: venue, clock: required skew < 1 s, actual 3 s" in done.stdout


@pytest.mark.parametrize("mode", ["test", "live"])
def test_real_money_modes_are_refused_and_say_what_is_missing(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["--mode", mode, "--max-trades", "3"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"--mode {mode} is refused: real-money venues arrive with their own issue; nothing was sent" in said.err
    assert "missing in this build" in said.err


@pytest.mark.parametrize(("given", "effective"), [(10, 6), (6, 6), (2, 2)])
def test_max_trades_is_said_once_with_what_is_effective(given: int, effective: int) -> None:
    assert f"effective {effective}" in deploy.said_once(given, 6)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--mode", "yolo"),
        ("--mode", "paper", "--validate-only"),
        ("--mode", "paper", "--max-trades", "0"),
        ("--mode", "paper", "--max-trades", "-1"),
        ("--mode", "paper", "--max-trades", "many"),
        ("--validate-only", "--log-level", "loud"),
        ("--validate-only", "--config", "there/is/no/such.json"),
        ("--validate-only", "--surprise"),
    ],
)
def test_bad_usage_leaves_with_2_and_says_why(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = deploy.main(arguments)
    except SystemExit as left:
        code = left.code
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err


def test_bad_usage_shows_no_traceback() -> None:
    done = _deploy("--mode", "yolo")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_worked_example_is_printed_in_the_words_of_the_plan() -> None:
    done = _run("tidegate.cli.worked_example")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "Approved: True",
        "Reason: All risk gates passed",
        "Size adjustment: 1.00×",
        "Adjusted notional: $25.00",
        "Stop: 28 bps",
        "Warning: Funding divergence detected: +3.60 bps",
        "Warning: Aave HF 2.45 close to minimum - proceed carefully",
        "session_pnl_usd: 0.0",
        "consecutive_losses: 0",
        "open_trades: 0",
        "aave_health_factor: 2.45",
        "oi_change_24h_pct: 2.98",
        "Adjusted notional: $40.00",
        "Reason: L2_SHORTS_CROWDED",
        "Reason: L1_NOTIONAL_TOO_LARGE",
        "Reason: L3_HEALTH_FACTOR_LOW",
        "Reason: L1_DAILY_LOSS",
        "6 of 6 cases decided as specified",
    ):
        assert words in done.stdout, words


def test_the_worked_example_takes_no_arguments() -> None:
    assert _run("tidegate.cli.worked_example", "please").returncode == 2


def test_show_config_as_json_is_one_json_document() -> None:
    done = _run("tidegate.cli.show_config", "--json", "--mode", "test", "--max-trades", "2")
    shown = {row["path"]: row for row in json.loads(done.stdout)["values"]}
    assert done.returncode == 0
    assert shown["effective.exposure_usd_max"]["value"] == 100
    assert shown["effective.entries_per_day_max"]["origin"].startswith("command line")


def test_show_config_puts_one_value_on_one_line_without_escape_codes() -> None:
    done = _run("tidegate.cli.show_config")
    assert ESCAPE not in done.stdout
    assert re.search(
        r"^limits\.layer1_global\.notional_usd_max = 415  \(line \d+; ceiling at most 415\)$", done.stdout, re.MULTILINE
    )
