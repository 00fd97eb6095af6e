"""A real server process for tests: its own folder, a free port, its own journal, and an operate token that lives as long as it does.

    with api_server(tmp_path) as server:
        status, answer = server.post("/api/trade/execute", {"strategy": "BTC Range Scalp", "pair": "BTC/USD", "amount": 25, "side": "long"})

`operate` uses the run file's token: it may start and stop strategies, halt and flatten, but it is no human; lift and review need the
headers of `api_load.human(server.folder)`. `words` are further options of `tidegate serve`. Starting takes about a second: share one per
module where tests do not disturb each other (`@pytest.fixture(scope="module")` over `tmp_path_factory`). Nothing here imports the API, so
that it is tested from outside.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import sys; sys.argv[0] = 'tidegate'; from tidegate.cli.app import main; main()"
TRADE = {"strategy": "BTC Range Scalp", "pair": "BTC/USD", "amount": 25, "side": "long", "mode": "paper"}


def environment() -> dict[str, str]:
    """Return the environment of a child that runs this checkout."""
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONUNBUFFERED": "1"}


def command(*words: str) -> list[str]:
    """Return the command line of `tidegate WORDS`."""
    return [sys.executable, "-c", PROGRAM, *words]


class ApiServer:
    """One server process. `said` is what it printed until it was ready; `warned` what it wrote on stderr so far."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self._warnings = folder / "stderr.txt"
        with open(self._warnings, "ab") as warnings:
            self.process = subprocess.Popen(
                command("serve", "--port", "0", *words),
                stdout=subprocess.PIPE,
                stderr=warnings,
                text=True,
                env=environment(),
                cwd=folder,
            )
        self.said: list[str] = []
        self.url = ""
        self.token = ""

    def wait_until_ready(self) -> ApiServer:
        """Read what it prints until it serves. Raises AssertionError with its words when it does not."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if "allowed right now" in line.casefold() and "refused" not in line:
                break
        else:
            raise AssertionError(f"the server did not start, exit {self.process.wait()}: {self.said} {self.warned}")
        running = json.loads((self.folder / "var" / "run" / "api.json").read_text())
        self.url, self.token = running["url"], running["token"]
        return self

    @property
    def warned(self) -> str:
        """Return everything on stderr so far."""
        return self._warnings.read_text()

    @property
    def journal(self) -> Path:
        """Return the journal's path."""
        found: str = json.loads((self.folder / "var" / "run" / "api.json").read_text())["journal"]
        return Path(found)

    @property
    def port(self) -> int:
        """Return the port."""
        return urlsplit(self.url).port or 0

    def connect(self, timeout_s: float = 20) -> http.client.HTTPConnection:
        """Return a connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    def request(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """Send one request on a new connection; return the status and the decoded answer (text where it is not JSON)."""
        with contextlib.closing(self.connect()) as connection:
            return ask(connection, method, path, body, headers)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """GET without a token."""
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """POST JSON without a token, unless `headers` bring one."""
        return self.request("POST", path, body, headers)

    def operate(self, path: str, body: object) -> tuple[int, Any]:
        """POST JSON with the operate token."""
        return self.post(path, body, {"Authorization": f"Bearer {self.token}"})

    def kill(self) -> None:
        """Kill it like a power cut."""
        self.process.kill()
        self._reap()

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 20) -> tuple[int, str]:
        """Send a signal and wait; return the exit code and what it printed after it was ready."""
        self.process.send_signal(number)
        return self.ended(timeout_s)

    def ended(self, timeout_s: float = 20) -> tuple[int, str]:
        """Wait for its end; return the exit code and what it printed after it was ready."""
        out, _ = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out or ""

    def _reap(self) -> None:
        with contextlib.suppress(ValueError, subprocess.TimeoutExpired):
            self.process.communicate(timeout=20)


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """Send one request on an open connection; return the status and the decoded answer."""
    raw = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} if raw is not None else {}
    connection.request(method, path, raw, {**sent, **(headers or {})})
    answer = connection.getresponse()
    content = answer.read()
    is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
    return answer.status, json.loads(content) if is_json else content.decode()


@contextlib.contextmanager
def api_server(folder: Path, *words: str) -> Iterator[ApiServer]:
    """Serve from a folder until the end of the `with`; whatever is left is killed."""
    server = ApiServer(folder, *words)
    try:
        yield server.wait_until_ready()
    finally:
        if server.process.poll() is None:
            server.kill()
