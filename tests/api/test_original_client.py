"""A client of the original guide, in our own words, works unchanged: all five of its checks pass on a freshly started server.

It knows nothing of this project: it uses `requests` and `websockets`, reads the fields its guide names and formats them as its guide does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from websockets.sync.client import connect

from tests.support.api_server import ApiServer, api_server


class OriginalClient:
    """Five checks, each true or false, each printing what it read."""

    def __init__(self, base: str, listen_s: float = 10.0) -> None:
        self.base, self.listen_s = base, listen_s
        self.stream = base.replace("http://", "ws://") + "/ws/dashboard"
        self.lines: list[str] = []

    def health(self) -> bool:
        response = requests.get(f"{self.base}/api/health", timeout=5)
        if response.status_code != 200:
            return False
        data = response.json()
        self._say(f"status {data['status']}, up {data['uptime_seconds']:.1f}s, strategies {data['active_strategies']}")
        self._say(f"gate {data['risk_gate_status']}, pnl ${data['session_pnl']:.2f}")
        if data.get("aave_health_factor"):
            self._say(f"health factor {data['aave_health_factor']:.2f}")
        return True

    def performance(self) -> bool:
        response = requests.get(f"{self.base}/api/strategy/performance", timeout=5)
        if response.status_code != 200:
            return False
        data = response.json()
        self._say(f"profit ${data['total_profit']:.2f}, trades {data['total_trades']}, since {data['session_start']}")
        for one in data["strategies"]:
            self._say(f"{one['name']} ({one['type']}): {one['total_trades']} trades, ${one['total_profit']:.2f}")
            self._say(f"{one['success_rate'] * 100:.1f}%, {one['avg_execution_time']:.0f}ms, {one['last_trade']}, {one['status']}")
        return True

    def execute(self) -> bool:
        asked = {
            "strategy": "Cross-Exchange Arbitrage", "pair": "BTC/USD", "amount": 25.0,
            "exchanges": ["coinbase", "okx"], "side": "auto", "mode": "paper",
        }  # fmt: skip
        response = requests.post(f"{self.base}/api/trade/execute", json=asked, timeout=30)
        if response.status_code != 200:
            self._say(response.json()["detail"]["reason"])
            return False
        data = response.json()
        self._say(f"{data['trade_id']} {data['status']} profit ${data.get('profit', 0):.2f} in {data.get('execution_time', 0):.3f}s")
        sizes = data["risk_adjustments"]
        self._say(
            f"${sizes['original_amount']:.2f} to ${sizes['adjusted_amount']:.2f}, {sizes['size_multiplier']:.2f}x, {sizes['stop_loss_bps']} bps"
        )
        for warning in data.get("validation_warnings", []):
            self._say(warning)
        return True

    def dashboard(self) -> bool:
        update = {
            "event": "trade_completed",
            "data": {"trade_id": "test_001", "strategy": "Cross-Exchange Arbitrage", "pair": "BTC/USD", "profit": 1.23, "status": "success"},
        }
        response = requests.post(f"{self.base}/api/dashboard/update", json=update, timeout=5)
        if response.status_code != 200:
            return False
        data = response.json()
        self._say(f"{data['success']} {data['dashboard_updated']} {data['timestamp']}")
        return bool(data["success"])

    def websocket(self) -> bool:
        with connect(self.stream) as stream:
            greeting = json.loads(stream.recv(timeout=5))
            self._say(f"{greeting['event']}: {greeting['data']}")
            stream.send(json.dumps({"type": "ping"}))
            pong = json.loads(stream.recv(timeout=5))
            if pong["type"] != "pong":
                return False
            stream.send(json.dumps({"type": "request_stats"}))
            deadline = time.monotonic() + self.listen_s
            while (left_s := deadline - time.monotonic()) > 0:
                try:
                    data = json.loads(stream.recv(timeout=left_s))
                except TimeoutError:
                    break
                self._say(f"{data['event']}: {data['data']}")
        return True

    def run(self) -> str:
        """Run all five checks and return the last line."""
        checks: tuple[Callable[[], bool], ...] = (self.health, self.performance, self.execute, self.dashboard, self.websocket)
        passed = sum(bool(check()) for check in checks)
        return f"Results: {passed}/{len(checks)} tests passed"

    def _say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def server(tmp_path: Any) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        yield running


def test_all_five_checks_of_the_original_client_pass_on_a_freshly_started_server(server: ApiServer) -> None:
    client = OriginalClient(server.url, listen_s=1.0)  # the original listens for 10 s; one shows the same
    assert client.run() == "Results: 5/5 tests passed", client.lines
    said = "\n".join(client.lines)
    assert "approved profit $0.00 in 0.0" in said
    assert "$25.00 to $25.00, 1.00x, 28 bps" in said
    assert "stats_update: {'session_pnl_usd'" in said


def test_the_guides_snippet_prints_the_trade_or_the_reason(server: ApiServer) -> None:
    def snippet(amount: float) -> str:
        response = requests.post(
            f"{server.url}/api/trade/execute",
            json={"strategy": "Cross-Exchange Arbitrage", "pair": "BTC/USD", "amount": amount, "mode": "paper"},
            timeout=10,
        )
        if response.status_code == 200:
            return str(response.json()["trade_id"])
        return str(response.json()["detail"]["reason"])

    assert snippet(50).startswith("DP")
    assert snippet(500) == "Notional 500.00 USD is more than 415.00 USD"
    assert "amount" in snippet(-1)
