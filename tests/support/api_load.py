"""Clients that trade against a server until it dies, and remember what it acknowledged.

In: a server, names and tokens. Out: per client the requests it made and the answers it got; what was under way when the server died is unknown.
"""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing
from pathlib import Path

from tests.support.api_server import ApiServer, ask
from tidegate.api.door.admission import Level
from tidegate.api.door.token_file import create

PICKS = (("BTC Range Scalp", "BTC/USD"), ("ETH Mirror", "ETH/USD"), ("SOL Fee-Shock Fade", "SOL/USD"), ("XRP Corridor", "XRP/USD"))
TOO_MANY = 429


def tokens(folder: Path, count: int) -> list[str]:
    """Create propose tokens in a server's folder; return their secrets."""
    path = folder / "var" / "tokens.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    return [create(path, f"agent-{number}", Level.PROPOSE, time.time_ns(), None)[0] for number in range(count)]


def human(folder: Path, name: str = "anna") -> dict[str, str]:
    """Create an operate token for a named human in a server's folder; return the headers to send. A running server sees it at once."""
    secret, _ = create(folder / "var" / "tokens.json", name, Level.OPERATE, time.time_ns(), None)
    return {"Authorization": f"Bearer {secret}"}


class Client:
    """One agent on one connection. `acknowledged`: key -> decision id; `asked`: every key ever sent, with its body."""

    def __init__(self, number: int, secret: str) -> None:
        self.number, self.headers = number, {"Authorization": f"Bearer {secret}"}
        self.asked: dict[str, dict[str, object]] = {}
        self.acknowledged: dict[str, str] = {}

    def trade(self, connection: http.client.HTTPConnection) -> bool:
        """Ask for one trade under a new key; say whether the server decided. Raises OSError, HTTPException when it died."""
        key = f"c{self.number}-{len(self.asked)}"
        strategy, pair = PICKS[len(self.asked) % len(PICKS)]
        body = {"strategy": strategy, "pair": pair, "amount": 25 + self.number, "side": "long", "client_request_id": key}
        self.asked[key] = body
        return self.send(connection, key)

    def send(self, connection: http.client.HTTPConnection, key: str) -> bool:
        """Send the request of a key; note its decision. An earlier decision must be the same. Say whether there was one."""
        status, answer = ask(connection, "POST", "/api/trade/execute", self.asked[key], self.headers)
        if status == TOO_MANY:
            return False
        assert status in (200, 400), answer
        decision_id = answer["decision_id"] if status == 200 else answer["detail"]["decision_id"]
        assert self.acknowledged.setdefault(key, decision_id) == decision_id, f"{key} was decided twice"
        return True


class Load:
    """All clients at work on one server, until it dies."""

    def __init__(self, server: ApiServer, clients: list[Client]) -> None:
        self._server, self._count = server, 0
        self._more = threading.Condition()
        self.failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._work, args=(client,)) for client in clients]
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        """Return once that many decisions were acknowledged. Raises AssertionError when that takes too long."""
        with self._more:
            assert self._more.wait_for(lambda: self._count >= count or bool(self.failures), 30), self._count

    def join(self) -> None:
        """Wait for all clients; the server must be dead by then. Raises what a client found wrong."""
        for thread in self._threads:
            thread.join(30)
        if self.failures:
            raise self.failures[0]

    def _work(self, client: Client) -> None:
        try:
            with closing(self._server.connect()) as connection:
                while True:
                    decided = client.trade(connection)
                    with self._more:
                        self._count += decided
                        self._more.notify_all()
        except (OSError, http.client.HTTPException):
            pass  # the server died: what was under way is unknown
        except BaseException as wrong:
            with self._more:
                self.failures.append(wrong)
                self._more.notify_all()
