"""Where a test's alerts arrive: a target in memory, and a real HTTP receiver for apprise's json:// messages."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tidegate.api.alerts.rules import Alert, Urgency

CANARY = "canary0123456789secret"
WITHIN_S = 5.0


def alert(key: str = "a", state: str = "on", urgency: Urgency = Urgency.CRITICAL) -> Alert:
    return Alert(key, state, urgency, f"title {key}", f"body {key}")


class Target:
    """A target that takes alerts, or does not."""

    def __init__(self) -> None:
        self.up, self.taken = True, list[Alert]()

    def send(self, alert: Alert) -> bool:
        if self.up:
            self.taken.append(alert)
        return self.up


class Receiver:
    """A real HTTP receiver of apprise's json:// messages."""

    def __init__(self) -> None:
        self.messages: queue.Queue[dict[str, str]] = queue.Queue()
        receiver = self

        class Inbox(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.messages.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *unused: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
        self.url = f"json://127.0.0.1:{self.server.server_port}/{CANARY}"

    def next(self) -> dict[str, str]:
        """Return the next message; fails when none comes in time."""
        return self.messages.get(timeout=WITHIN_S)


@contextmanager
def receiver() -> Iterator[Receiver]:
    inbox = Receiver()
    thread = threading.Thread(target=inbox.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        inbox.server.shutdown()
        inbox.server.server_close()


def settings_file(folder: Path, content: str, mode: int = 0o600) -> Path:
    """Write a settings file."""
    path = folder / "alerts.json"
    path.write_text(content)
    path.chmod(mode)
    return path
