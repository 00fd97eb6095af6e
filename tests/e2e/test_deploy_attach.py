"""`deploy_tactical_scalps.py --mode paper` beside a running server: it attaches, watches, and leaves the server running. INVARIANT: S4 O3"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api_server import ApiServer, api_server, environment
from tidegate.cli.attached_view import screen

DEPLOY = "import sys; sys.argv[0] = 'deploy'; from tidegate.cli.deploy import main; sys.exit(main())"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with api_server(tmp_path_factory.mktemp("attach")) as running:
        yield running


def deploy(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start the deploy script's entry in a folder."""
    command = [sys.executable, "-c", DEPLOY, "--mode", "paper", *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(), cwd=folder
    )


def attached(folder: Path, *words: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Start it and read until it watches."""
    process = deploy(folder, *words)
    said = read_until(process, "Ctrl-C stops the strategies")
    return process, said


def read_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        if text in line:
            return said
    raise AssertionError(said)


def is_trading(server: ApiServer) -> bool:
    trading: bool = server.get("/api/health")[1]["strategies_enabled"]
    return trading


def test_it_starts_the_servers_strategies_tells_what_happens_and_stops_them_again(server: ApiServer) -> None:
    assert not is_trading(server)
    process, said = attached(server.folder, "--max-trades", "4")
    assert f"attached to the server at {server.url} (pid {server.process.pid})" in said[0]
    assert [line for line in said if "effective" in line] == ["--max-trades 4: effective 4 entries a day, until the server ends"]
    assert is_trading(server)
    status, answer = server.post("/api/trade/execute", {"strategy": "BTC Range Scalp", "pair": "BTC/USD", "amount": 500, "side": "long"})
    assert status == 400
    line = read_until(process, answer["detail"]["decision_id"])[-1]
    assert "REJECTED" in line
    assert "L1_NOTIONAL_TOO_LARGE" in line
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert f"the server at {server.url} goes on" in out
    assert not is_trading(server)


def test_max_trades_only_tightens_and_the_servers_config_is_in_force(server: ApiServer) -> None:
    process, said = attached(server.folder, "--max-trades", "50", "--config", "other.json")
    assert "--config other.json is not used" in said[0]
    (effective,) = [line for line in said if "effective" in line]
    assert effective.startswith("--max-trades 50: the cap is ")
    process.terminate()
    assert process.wait(20) == 0
    assert not is_trading(server)


def test_it_says_so_when_the_server_goes_away(tmp_path: Path) -> None:
    with api_server(tmp_path) as server:
        process, _ = attached(tmp_path)
        server.stop()
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "does not answer" in out
    assert "Traceback" not in out


def test_without_a_live_server_it_hosts_its_own(tmp_path: Path) -> None:
    with api_server(tmp_path) as server:
        server.kill()
    process = deploy(tmp_path)
    said = read_until(process, "PAPER")
    assert "attached" not in said[-1]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert (tmp_path / "var" / "journals" / "paper-seed-day-7-1.db").exists()


def test_the_view_fits_any_terminal(server: ApiServer) -> None:
    session, positions = server.get("/api/session")[1], server.get("/api/positions")[1]
    for width, height in ((80, 24), (200, 60), (40, 10)):
        lines = screen(session, positions, width, height).plain.split("\n")
        assert len(lines) <= height
        assert max(len(line) for line in lines) <= width
