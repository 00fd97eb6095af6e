"""`tidegate serve` as its user meets it: starts, says what runs where, goes on, is controlled without the API, and ends in order."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import websockets.exceptions
import websockets.sync.client

from tests.support.api_load import human
from tests.support.api_server import ROOT, TRADE, ApiServer, api_server, command, environment
from tidegate.api import server_file
from tidegate.cli import operate, serve
from tidegate.journal.store_sqlite import read_records
from tidegate.journal.verify import verify
from tidegate.model.event import RunEnded


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with api_server(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def in_its_folder(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    monkeypatch.chdir(server.folder)
    return server


def refused(folder: Path, *words: str) -> tuple[int, str]:
    """Start a server that is to fail; return its exit code and what it said on stderr."""
    done = subprocess.run(
        command("serve", *words), capture_output=True, text=True, env=environment(), cwd=folder, timeout=30, check=False
    )
    return done.returncode, done.stderr


def test_it_says_what_runs_where_and_the_operator_link_only_on_a_terminal(server: ApiServer) -> None:
    said = "\n".join(server.said)
    for text in ("PAPER", "scenario:open-market:1 at 1x", server.url, "/docs", "api-open-market.db (new)", "logs/api", "idle until asked"):
        assert text in said
    assert "#code=" not in said
    assert "\x1b" not in said


def test_the_curl_it_prints_is_allowed_right_now(tmp_path: Path) -> None:
    with api_server(tmp_path) as fresh:
        assert fresh.process.stdout is not None
        words = shlex.split(fresh.process.stdout.readline())
        body = json.loads(words[words.index("-d") + 1])
        status, answer = fresh.post(words[3].removeprefix(fresh.url), body)
        assert (status, answer["status"]) == (200, "approved"), answer


def test_the_run_file_is_for_its_owner_alone_and_its_token_operates(server: ApiServer) -> None:
    path = server.folder / "var" / "run" / "api.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = server_file.find(path)
    assert found is not None
    assert found.pid == server.process.pid
    assert found.token not in repr(found)
    assert server.operate("/api/strategies/stop", {})[0] == 200
    assert server.post("/api/strategies/stop", {})[0] in (401, 403)


def test_the_run_files_token_is_no_human_and_a_named_one_may_review(server: ApiServer) -> None:
    order = {"by": "anna", "reason": "looked at it"}
    status, answer = server.operate("/api/review", order)
    assert status == 400
    assert "human" in answer["detail"]["reason"]
    assert server.post("/api/review", order, human(server.folder))[0] == 200


def test_no_token_stands_in_any_log(server: ApiServer) -> None:
    server.get(f"/api/health?token={server.token}")
    server.operate("/api/nowhere", {})
    for path in [*(server.folder / "logs" / "api").iterdir(), server.folder / "stderr.txt"]:
        assert server.token not in path.read_text()


def test_a_second_server_on_the_same_journal_refuses_and_names_the_first(server: ApiServer) -> None:
    code, said = refused(server.folder, "--port", "0")
    assert code == 1
    assert len(said.splitlines()) == 1
    assert f"process {server.process.pid}" in said
    assert f"kill {server.process.pid}" in said


def test_a_port_in_use_is_one_clear_error(server: ApiServer, tmp_path: Path) -> None:
    code, said = refused(tmp_path, "--port", str(server.port))
    assert code == 1
    assert said.splitlines() == [f"tidegate: port {server.port} is in use by another program: stop it, or give another port"]
    assert not (tmp_path / "var" / "journals").exists()
    code, said = refused(server.folder, "--port", str(server.port))
    assert (code, f"kill {server.process.pid}" in said) == (1, True)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--port", "65536"), "65536"),
        (("--port", "http"), "http"),
        (("--speed", "max", "--scenario", "crash"), "max"),
        (("--speed", "2"), "real time"),
        (("--speed", "0", "--scenario", "crash"), "> 0"),
        (("--scenario", "no-such"), "no-such"),
        (("--workers", "2"), "--workers"),
        (("--host", "0.0.0.0"), "not loopback"),
        (("--behind-tls",), "token"),
    ],
)
def test_bad_options_end_with_two_and_say_what_is_allowed(
    words: tuple[str, ...], names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = serve.main(list(words))
    except SystemExit as leaving:
        code = int(str(leaving.code))
    assert code == 2
    assert names in capsys.readouterr().err
    assert not (tmp_path / "var" / "journals").exists()


def test_control_files_reach_the_running_server_without_its_api(in_its_folder: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    server = in_its_folder
    assert operate.halt(["--reason", "news", "--by", "anna"]) == 0
    assert server.get("/api/health")[1]["halts"][0]["cause"] == "L4_OPERATOR"
    status, answer = server.post("/api/trade/execute", TRADE)
    assert (status, answer["detail"]["code"]) == (400, "L4_HALTED")
    assert operate.state([]) == 0
    assert "HALTED" in capsys.readouterr().out
    assert operate.lift(["OPERATOR", "--by", "anna", "--reason", "over"]) == 0
    assert operate.lift(["OPERATOR", "--by", "anna", "--reason", "twice"]) == 2
    assert server.get("/api/health")[1]["halts"] == []


def test_it_goes_on_with_its_journal_and_fresh_begins_another(tmp_path: Path) -> None:
    with api_server(tmp_path) as first:
        _, answer = first.post("/api/trade/execute", {**TRADE, "client_request_id": "one"})
        first.operate("/api/halt", {"by": "anna", "reason": "over night"})
        code, said = first.stop()
        assert code == 0
        assert "1 open trade stays open" in said
    with api_server(tmp_path) as second:
        assert any("resumed with" in line and "1 open trade" in line for line in second.said)
        assert any("L4_OPERATOR" in line for line in second.said)
        status, again = second.post("/api/trade/execute", {**TRADE, "client_request_id": "one"})
        assert (status, again["decision_id"]) == (200, answer["decision_id"])
        assert second.get("/api/positions")[1]["positions"][0]["trade_id"] == answer["trade_id"]
        assert not any("CHANGED" in line for line in second.said)
        second.stop()
    with api_server(tmp_path, "--fresh") as third:
        assert any("api-open-market-2.db (new)" in line for line in third.said)
        assert third.get("/api/health")[1]["halts"] == []


def test_another_source_may_not_go_on_with_a_journal(tmp_path: Path) -> None:
    with api_server(tmp_path) as first:
        path = first.journal
        first.stop()
    code, said = refused(tmp_path, "--port", "0", "--scenario", "crash", "--journal", str(path))
    assert code == 1
    assert "was begun by 'scenario:open-market:1" in said


def test_a_scenario_with_an_end_plays_at_its_own_dates_and_the_server_outlives_it(tmp_path: Path) -> None:
    market = (ROOT / "src" / "tidegate" / "feeds" / "scenarios" / "open-market.json").read_text()
    (tmp_path / "minute.json").write_text(market.replace('"endless"', '"00:01:00"'))
    with api_server(tmp_path, "--scenario", "minute.json", "--speed", "60") as server:
        assert server.get("/api/health")[1]["time"].startswith("2025-10-19T12:0")
        while "is over" not in server.warned:
            server.get("/api/health", {"Authorization": f"Bearer {server.token}"})
        while is_fresh(server, "price", "BTC"):
            pass
        status, answer = server.post("/api/trade/execute", TRADE)
        assert status == 400
        assert "L3_FEED_STALE" in {finding["code"] for finding in answer["detail"]["findings"]}
        code, _ = server.stop()
    assert code == 0
    with api_server(tmp_path, "--scenario", "minute.json", "--speed", "60") as again:
        assert any("resumed with" in line for line in again.said)
        assert again.get("/api/health")[1]["time"] > "2025-10-19T12:01:00"


def test_one_ctrl_c_ends_in_order_and_takes_its_files_along(tmp_path: Path) -> None:
    with api_server(tmp_path) as server:
        path = server.journal
        server.post("/api/trade/execute", TRADE)
        code, said = server.stop(signal.SIGINT)
    assert code == 0
    assert "stopping in order" in said
    assert not (tmp_path / "var" / "run" / "api.json").exists()
    assert not Path(f"{path}.control").exists()
    assert not Path(f"{path}.lock").exists()
    assert verify(path).ok
    assert list(read_records(path))[-1].kind != RunEnded.__name__


def test_a_request_under_way_gets_its_answer_before_the_end(tmp_path: Path) -> None:
    with api_server(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        half_asked(line, server)
        server.process.send_signal(signal.SIGTERM)
        wait_for_line(server, "stopping in order")
        line.sendall(BODY[10:])
        answer = b""
        while chunk := line.recv(65_536):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 200")
        decision_id = json.loads(answer.partition(b"\r\n\r\n")[2])["decision_id"]
        path = server.folder / "var" / "journals" / "api-open-market.db"
        assert server.ended()[0] == 0
    assert any(decision_id.encode() in record.payload for record in read_records(path))


def test_two_ctrl_c_leave_at_once_and_corrupt_nothing(tmp_path: Path) -> None:
    with api_server(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        path = server.journal
        asked = {**TRADE, "client_request_id": "one"}
        _, answer = server.post("/api/trade/execute", asked)
        half_asked(line, server)
        server.process.send_signal(signal.SIGINT)
        wait_for_line(server, "stopping in order")
        assert server.stop(signal.SIGINT)[0] == 130
        assert "left at once" in server.warned
    assert not (tmp_path / "var" / "run" / "api.json").exists()
    assert verify(path).ok
    with api_server(tmp_path) as again:
        assert again.post("/api/trade/execute", asked)[1]["decision_id"] == answer["decision_id"]


def test_a_run_file_of_a_dead_server_is_ignored(tmp_path: Path) -> None:
    with api_server(tmp_path) as server:
        server.kill()
    path = tmp_path / "var" / "run" / "api.json"
    assert path.exists()
    assert server_file.find(path) is None
    with api_server(tmp_path) as again:
        found = server_file.find(path)
        assert found is not None
        assert found.pid == again.process.pid


def is_fresh(server: ApiServer, name: str, asset: str) -> bool:
    feeds = server.get("/api/health", {"Authorization": f"Bearer {server.token}"})[1].get("feeds", ())
    return any(feed["fresh"] for feed in feeds if (feed["name"], feed["asset"]) == (name, asset)) or not feeds


BODY = json.dumps(TRADE).encode()


def half_asked(line: socket.socket, server: ApiServer) -> None:
    """Send a request without the end of its body, and come back when the server has begun with it."""
    head = f"POST /api/trade/execute HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Type: application/json\r\n"
    line.sendall(f"{head}Content-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n".encode())
    assert line.recv(1_024).startswith(b"HTTP/1.1 100")
    line.sendall(BODY[:10])


def wait_for_line(server: ApiServer, text: str) -> None:
    """Read on until the server says something."""
    assert server.process.stdout is not None
    for said in server.process.stdout:
        if text in said:
            return
    raise AssertionError(f"it never said {text!r}")


def test_a_listener_of_the_stream_is_told_that_the_server_restarts(tmp_path: Path) -> None:
    with api_server(tmp_path) as server:
        with websockets.sync.client.connect(f"ws://localhost:{server.port}/ws/dashboard") as stream:
            assert json.loads(stream.recv())["event"] == "connected"
            server.process.send_signal(signal.SIGTERM)
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                while True:
                    stream.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code in (1001, 1012)
        assert server.ended()[0] == 0
