"""A server of one's own, for a check or a rehearsal: a child process in a temporary folder, on a free port, stopped at the end.

In: nothing. Out: its URL while the `with` lasts. It is PAPER on the built-in market, with its own journal, and sends no alerts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tidegate.client import GATE_UNREACHABLE, GateError, TidegateClient
from tidegate.errors import NotAvailable

START_S_MAX = 60.0
STOP_S_MAX = 15.0
LOOK_EVERY_S = 0.05


def no_server_answers(client: TidegateClient) -> bool:
    """Say whether nothing listens there at all. Anything that answers, however wrong, is somebody."""
    try:
        client.health()
    except GateError as error:
        return error.code == GATE_UNREACHABLE and not error.sent
    return False


class OwnServer:
    """Use as `with OwnServer() as own: own.url`. Raises NotAvailable when it does not start, with what it said."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tidegate-")
        self._place = Path(self._folder.name)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> OwnServer:
        isolated = ["-I"] if sys.flags.isolated else []
        environment = {name: text for name, text in os.environ.items() if name != "TIDEGATE_ALERTS"}
        with (self._place / "said.txt").open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, *isolated, "-m", "tidegate", "serve", "--port", "0"],
                cwd=self._place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            self.url = self._wait_until_it_answers(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *unused: object) -> None:
        self._stop()

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + START_S_MAX
        while time.monotonic() < deadline and process.poll() is None:
            url = self._registered()
            if url and not no_server_answers(TidegateClient(url)):
                return url
            time.sleep(LOOK_EVERY_S)
        said = (self._place / "said.txt").read_text(errors="replace").strip()[-2_000:]
        raise NotAvailable(f"my own server did not start; it said: {said or 'nothing'}")

    def _registered(self) -> str:
        try:
            return str(json.loads((self._place / "var" / "run" / "api.json").read_text())["url"])
        except (OSError, ValueError, KeyError):
            return ""

    def _stop(self) -> None:
        """End the child in order, or at once when it does not end; then remove its folder."""
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()
