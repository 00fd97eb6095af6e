"""`scripts/test_trading_api.py` tells a good server from a bad one, and brings its own when there is none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_server import ROOT, ApiServer, api_server, environment
from tests.support.raw_server import Turn, free_port, http, raw_server, says, sends
from tidegate.cli import api_checks
from tidegate.cli.api_checks import CHECKS, CheckFailed, Subject, check_execute, check_health, check_performance
from tidegate.client import TidegateClient

ROW = re.compile(r"(PASS|FAIL)  (\w+) +\d+ ms  (.+)")
NAMES = ["health", "performance", "execute", "dashboard", "websocket"]


def script(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the script's entry as the launcher does."""
    return subprocess.run(
        [sys.executable, "-c", "import sys; from tidegate.cli.api_checks import main; sys.exit(main())", *words],
        env={**environment(), **more},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def rows(text: str) -> list[tuple[str, str]]:
    return [(found[1], found[2]) for line in text.splitlines() if (found := ROW.fullmatch(line))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("script")) as running:
        yield running


def subject(url: str) -> Subject:
    return Subject(TidegateClient(url), url, "paper", None)


def test_without_a_server_it_starts_one_says_so_and_stops_it_again(tmp_path: Path) -> None:
    done = script("--test", "all", "--port", str(free_port()), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(done.stdout) == [("PASS", name) for name in NAMES]
    assert "Results: 5/5 tests passed" in done.stdout
    assert "starting one of my own" in done.stdout
    assert done.stdout.splitlines()[-1] == "stopped my own server"
    assert list(tmp_path.iterdir()) == []


def test_it_checks_the_server_that_runs_and_leaves_it_running(server: ApiServer) -> None:
    done = script("--host", "127.0.0.1", "--port", str(server.port))
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(done.stdout) == [("PASS", name) for name in NAMES]
    assert "my own" not in done.stdout
    assert server.process.poll() is None


def test_one_check_alone_and_a_well_formed_rejection_passes(server: ApiServer) -> None:
    done = script("--test", "execute", "--port", str(server.port), "--mode", "live")
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(done.stdout) == [("PASS", "execute")]
    assert "rejected, well-formed: L1_DISABLED" in done.stdout
    assert "Results: 1/1 tests passed" in done.stdout


def test_a_server_that_answers_nonsense_fails_every_check() -> None:
    nonsense = sends(http(200, b'{"status": "healthy"}'))
    with raw_server(*[nonsense] * 6) as wrong:
        done = script("--host", "127.0.0.1", "--port", str(wrong.port))
    assert done.returncode == 1
    assert rows(done.stdout) == [("FAIL", name) for name in NAMES]
    assert "Results: 0/5 tests passed" in done.stdout


def test_another_machine_that_does_not_answer_fails_and_no_server_is_started() -> None:
    done = script("--test", "health", "--host", "127.0.0.2", "--port", str(free_port()))
    assert done.returncode == 1
    assert rows(done.stdout) == [("FAIL", "health")]
    assert "my own" not in done.stdout


@pytest.mark.parametrize("words", [("--test", "some"), ("--port", "0"), ("--port", "http"), ("--mode", "real"), ("--fast",), ("--host", "a b")])
def test_wrong_words_end_with_2(words: tuple[str, ...]) -> None:
    done = script(*words)
    assert done.returncode == 2, done.stdout
    assert done.stderr


def test_a_token_comes_from_the_environment_and_is_never_printed(server: ApiServer) -> None:
    good = script("--port", str(server.port), TIDEGATE_TOKEN=server.token)
    assert good.returncode == 0, good.stdout + good.stderr
    assert server.token not in good.stdout + good.stderr
    wrong = script("--port", str(server.port), TIDEGATE_TOKEN="tg_o_canarycanarycanarycanarycanarycanarycanarycanaryca")
    assert wrong.returncode == 1
    assert rows(wrong.stdout) == [("FAIL", name) for name in NAMES]
    assert "canary" not in wrong.stdout + wrong.stderr


HEALTH: dict[str, Any] = {"status": "healthy", "uptime_seconds": 1, "active_strategies": 2, "risk_gate_status": "active", "session_pnl": 0}


@pytest.mark.parametrize("wrong", [{"status": 1}, {"uptime_seconds": "1"}, {"active_strategies": True}, {"session_pnl": None}])
def test_a_health_field_of_another_type_fails(wrong: dict[str, Any]) -> None:
    with raw_server(says(200, HEALTH), says(200, {**HEALTH, **wrong})) as answers:
        assert "healthy, up 1.0 s" in check_health(subject(answers.url))
        with pytest.raises(CheckFailed):
            check_health(subject(answers.url))


def test_a_success_rate_in_per_cent_fails() -> None:
    strategy = {
        "name": "a", "type": "x", "total_trades": 1, "total_profit": 1, "success_rate": 60,
        "avg_execution_time": 1, "last_trade": None, "status": "idle",
    }  # fmt: skip
    answer = {"strategies": [strategy], "total_profit": 1, "total_trades": 1, "session_start": "now"}
    with raw_server(says(200, answer)) as answers, pytest.raises(CheckFailed, match="success_rate"):
        check_performance(subject(answers.url))


REFUSALS: list[Turn] = [
    says(400, {"detail": {"reason": "no", "code": "BAD_INPUT", "retryable": False}}),
    says(400, {"detail": {"reason": "no", "code": "L1_RATE", "retryable": False}}),
    says(403, {"detail": {"reason": "no", "code": "L1_RATE", "retryable": False, "decision_id": "D1"}}),
    sends(http(200, b"{}")),
]


@pytest.mark.parametrize("turn", REFUSALS)
def test_a_refusal_that_is_no_decision_fails_execute(turn: Turn) -> None:
    with raw_server(turn) as answers, pytest.raises(CheckFailed):
        check_execute(subject(answers.url))


def test_the_checks_are_the_five_of_the_original_guide() -> None:
    assert list(CHECKS) == NAMES


def test_the_launcher_is_executable_short_and_enters_through_the_bootstrap() -> None:
    launcher = ROOT / "scripts" / "test_trading_api.py"
    text = launcher.read_text()
    assert os.access(launcher, os.X_OK)
    assert len(text.splitlines()) <= 25
    assert f'bootstrap.run(bootstrap.CORE, "{api_checks.__name__}:main"' in text


def test_the_help_names_every_option() -> None:
    told = script("--help").stdout
    assert all(option in told for option in ("--test", "--host", "--port", "--mode", "TIDEGATE_TOKEN", *NAMES))
