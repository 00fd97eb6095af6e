"""The trading API guide tells the truth: its examples run, its answers are the real ones, its tables are the program's.

A fenced block after `<!-- run -->` is executed against a real server, a fresh one for each section that trades much; the next `json` block must
be contained in the last line it prints ("..." stands for anything), the next `text` block must be its lines (a shown line may end early).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.api_server import PROGRAM, ROOT, ApiServer, api_server, environment
from tidegate.api.door.admission import Level
from tidegate.api.errors import KINDS
from tidegate.api.stream.hub import TOO_MANY_CLIENTS
from tidegate.api.table import ENDPOINTS
from tidegate.cli.app import COMMANDS

GUIDE = ROOT / "docs" / "guides" / "TRADING_API_GUIDE.md"
BLOCK = re.compile(r"(?P<run>^<!-- run -->\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (?P<method>GET|POST|WS) \| (?P<paths>`[^|]+`) \| (?P<level>[^|]+) \|", re.MULTILINE)
ERROR_ROW = re.compile(r"^\| (?P<statuses>[\d, ]+) \| (?P<codes>`[^|]+`) \| (?P<retryable>yes|no|it depends) \|", re.MULTILINE)
RUNNERS = {"bash": ("bash", "curl"), "python": (), "javascript": ("node",)}
WITHOUT_WEBSOCKET = (20, 21)
WITH_WEBSOCKET = 22


class Block(NamedTuple):
    """One fenced block."""

    run: bool
    kind: str
    body: str


def sections() -> dict[str, list[Block]]:
    """Return the blocks of each section, by its heading."""
    found: dict[str, list[Block]] = {}
    for part in GUIDE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        found[title] = [Block(bool(match["run"]), match["kind"], match["body"]) for match in BLOCK.finditer(text)]
    return found


UNDISTURBED = ("Quick start", "Errors", "Tokens and rights", "Operator actions")  # they leave the server as it was
RUNNING = [title for title, blocks in sections().items() if any(block.run for block in blocks)]


@contextmanager
def serving(folder: Path) -> Iterator[ApiServer]:
    """Serve from a folder that looks like the clone where the guide needs it."""
    launcher = folder / "bin" / "tidegate"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM}" "$@"\n')
    launcher.chmod(0o755)
    with api_server(folder) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with serving(tmp_path_factory.mktemp("guide")) as running:
        yield running


def need(kind: str) -> None:
    """Skip where a program is not here."""
    for program in RUNNERS[kind]:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the {kind} examples are not run")
    if kind == "javascript" and not node_options():
        pytest.skip("this node has no WebSocket: the JavaScript examples need 22 or later")


def node_options() -> list[str]:
    """Return how to call node so that it has WebSocket; empty when it cannot."""
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    major = int(found[1]) if (found := re.match(r"v(\d+)\.", said)) else 0
    if major in WITHOUT_WEBSOCKET:
        return ["node", "--experimental-websocket", "--no-warnings"]
    return ["node", "--no-warnings"] if major >= WITH_WEBSOCKET else []


def run(block: Block, server: ApiServer) -> list[str]:
    """Run a block in the server's folder and return the lines it printed."""
    text = block.body.replace("localhost:8000", f"localhost:{server.port}")
    command = {
        "bash": ["bash", "-euo", "pipefail", "-c", text],
        "python": [sys.executable, "-c", text],
        "javascript": [*node_options(), "--input-type=module", "-e", text] if block.kind == "javascript" else [],
    }[block.kind]
    return printed(command, server.folder)


def printed(command: list[str], folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout.splitlines()


def lacks(shown: Any, real: Any, place: str = "answer") -> list[str]:
    """Return where the real answer does not contain what is shown."""
    if shown == "...":
        return []
    if isinstance(shown, dict) and isinstance(real, dict):
        return [
            trouble
            for name, value in shown.items()
            for trouble in (lacks(value, real[name], f"{place}.{name}") if name in real else [f"{place} has no {name}"])
        ]
    if isinstance(shown, list) and isinstance(real, list):
        if not shown and real:
            return [f"{place} is not empty: {real}"]
        return [f"{place} has none like {each}" for each in shown if not any(not lacks(each, one) for one in real)]
    return [] if shown == real and isinstance(shown, bool) == isinstance(real, bool) else [f"{place} is {real!r}, shown is {shown!r}"]


def missing_line(shown: str, lines: list[str]) -> str:
    """Return the first shown line that is not printed after the one before it."""
    place = 0
    for line in shown.splitlines():
        found = next((at for at in range(place, len(lines)) if lines[at].startswith(line)), None)
        if found is None:
            return line
        place = found + 1
    return ""


@pytest.mark.parametrize("title", RUNNING)
def test_every_example_runs_and_answers_what_the_guide_shows(title: str, request: pytest.FixtureRequest) -> None:
    server: ApiServer = request.getfixturevalue("shared_server" if title in UNDISTURBED else "server")
    lines: list[str] = []
    for block in sections()[title]:
        if block.run:
            need(block.kind)
            lines = run(block, server)
        elif block.kind == "json":
            assert not lacks(json.loads(block.body), json.loads(lines[-1]))
        elif block.kind == "text":
            assert not missing_line(block.body, lines), lines


def test_the_python_agent_proposes_and_listens(server: ApiServer) -> None:
    agent = subprocess.Popen(
        [sys.executable, "-u", str(ROOT / "examples" / "python_agent.py"), server.url, "1"], env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert agent.stdout is not None
        assert agent.stdout.readline().startswith("connected: healthy")
        assert re.match(r"(long|short) \w+: allowed DP", agent.stdout.readline())
        server.post("/api/flatten", {"reason": "the test is over"})
        assert re.match(r"(long|short) \w+ by FLATTEN: -\d+\.\d\d bps net, -\d+\.\d\d R", agent.stdout.readline())
        assert agent.wait(20) == 0
    finally:
        agent.kill()
        agent.communicate()


def test_the_javascript_listener_prints_each_journaled_event_once(server: ApiServer) -> None:
    need("javascript")
    script = str(ROOT / "examples" / "listen.mjs")
    listener = subprocess.Popen([*node_options(), script, server.url, "2"], env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout is not None
        assert listener.stdout.readline().startswith("connected: healthy")
        server.post("/api/trade/execute", {"strategy": "Agent Signal", "pair": "BTC/USD", "amount": 500, "side": "long"})
        server.post("/api/halt", {"reason": "the test is over"})
        told = [listener.stdout.readline().split()[1:] for _ in range(2)]
        assert (told[0][0], told[0][2], told[1][:2]) == ("decision", "REJECTED", ["halt", "latched"])
        assert listener.wait(20) == 0
    finally:
        listener.kill()
        listener.communicate()


def test_the_table_of_endpoints_is_the_programs() -> None:
    shown = {
        (row["method"], path): row["level"].split(",")[0].strip()
        for row in ROW.finditer(GUIDE.read_text(encoding="utf-8"))
        for path in re.findall(r"`([^`]+)`", row["paths"])
    }
    assert shown.pop(("WS", "/ws/dashboard")) == "read"
    real = {(each.method, each.path): each.scope.word for each in ENDPOINTS if each.scope is not Level.PUBLIC and not is_part_of_a_page(each.path)}
    assert shown == real


def is_part_of_a_page(path: str) -> bool:
    return path.startswith(("/docs/", "/static", "/operator", "/api/operator"))


def test_the_table_of_endpoints_says_what_is_open_on_loopback() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    open_ones = {row["paths"].strip("`") for row in ROW.finditer(text) if "open on loopback" in row["level"]}
    assert open_ones == {each.path for each in ENDPOINTS if each.open_on_loopback}


def test_every_error_of_the_api_is_in_the_table_with_its_status() -> None:
    shown: dict[str, tuple[set[int], str]] = {}
    for row in ERROR_ROW.finditer(GUIDE.read_text(encoding="utf-8")):
        for code in re.findall(r"`([A-Z_]+)`", row["codes"]):
            shown[code] = ({int(status) for status in row["statuses"].split(",")}, row["retryable"])
    for kind in (*KINDS, TOO_MANY_CLIENTS):
        statuses, retryable = shown[kind.code]
        assert kind.status in statuses, kind
        assert retryable == ("yes" if kind.retryable else "no"), kind
    assert set(shown) == {kind.code for kind in (*KINDS, TOO_MANY_CLIENTS)}


def test_every_link_of_the_guide_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", GUIDE.read_text(encoding="utf-8"))
    missing = [each for each in targets if not each.startswith(("http", "#")) and not (GUIDE.parent / each.split("#")[0]).exists()]
    assert missing == []


def test_every_command_of_the_guide_exists() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert set(re.findall(r"\btidegate ([a-z-]+)", text)) <= {name for name, _, _ in COMMANDS}
    assert all((ROOT / each).is_file() for each in re.findall(r"(?:\./|python3 )((?:bin|scripts)/[\w.]+)", text))


def test_a_wrong_example_is_noticed() -> None:
    assert lacks({"a": [{"b": 1}]}, {"a": [{"b": 2}, {"b": 1, "c": 3}]}) == []
    assert lacks({"a": 1, "b": True}, {"a": 2, "b": 1}) == ["answer.a is 2, shown is 1", "answer.b is 1, shown is True"]
    assert lacks({"a": []}, {"a": [1]}) == ["answer.a is not empty: [1]"]
    assert missing_line("a\nc\n", ["a 1", "b", "c"]) == ""
    assert missing_line("c\na\n", ["a 1", "b", "c"]) == "a"
