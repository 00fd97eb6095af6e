"""`scripts/test_trading_api.py`: the five checks of the original guide's client, against a running server or one of its own.

In: `--test all|health|performance|execute|dashboard|websocket [--host H] [--port N] [--mode M]`; a token from TIDEGATE_TOKEN, never from the
command line (INVARIANT: C4). Out: one PASS or FAIL row each with time and what was seen. Exit 0 only if all pass, 1 if any fails, 2 bad usage.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tidegate.cli.own_server import OwnServer, no_server_answers
from tidegate.client import GateError, TidegateClient
from tidegate.errors import NotAvailable
from tidegate.model.intent import Mode

TOKEN_VARIABLE = "TIDEGATE_TOKEN"  # noqa: S105 - its name
LOOPBACK = ("localhost", "127.0.0.1", "::1")
STREAM_S_MAX = 10.0
TIMEOUT_S = 10.0
PORT_MAX = 65_535
_NUMBER = (int, float)
_AMOUNT = 25.0


class Subject(NamedTuple):
    """What is checked: a client of the server, its address, and how to ask."""

    client: TidegateClient
    url: str
    mode: str
    token: str | None


class CheckFailed(Exception):
    """A check found something other than the contract; the text says what."""


Check = Callable[[Subject], str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks and print their rows."""
    found = _parser().parse_args(argv)
    names = tuple(CHECKS) if found.test == "all" else (found.test,)
    token = os.environ.get(TOKEN_VARIABLE) or None
    host = f"[{found.host}]" if ":" in found.host else found.host
    url = f"http://{host}:{found.port}"
    try:
        subject = Subject(TidegateClient(url, token, TIMEOUT_S), url, found.mode, token)
        if found.host in LOOPBACK and no_server_answers(subject.client):
            return _with_own_server(names, found.mode, url)
        return _report(names, subject)
    except (ValueError, NotAvailable) as error:
        print(f"test_trading_api: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="test_trading_api.py",
        description="check the trading API as a client of the original guide uses it",
        epilog=f"without a server on this machine it starts one of its own, in PAPER; a token is read from {TOKEN_VARIABLE}",
    )
    parser.add_argument("--test", choices=("all", *CHECKS), default="all", help="which check (default all)")
    parser.add_argument("--host", default="localhost", metavar="H", help="where the server is (default localhost)")
    parser.add_argument("--port", type=_port, default=8000, metavar="N", help="its port (default 8000)")
    parser.add_argument(
        "--mode", choices=[str(mode) for mode in Mode], default="paper", help="mode that execute asks for"
    )
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:9]) <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"got {text!r}, allowed: a port from 1 to {PORT_MAX}")
    return int(text)


def _with_own_server(names: Sequence[str], mode: str, url: str) -> int:
    print(f"no server answers at {url}: starting one of my own (PAPER, temporary folder) ...", flush=True)
    with OwnServer() as own:
        status = _report(names, Subject(TidegateClient(own.url, None, TIMEOUT_S), own.url, mode, None))
    print("stopped my own server")
    return status


def _report(names: Sequence[str], subject: Subject) -> int:
    print(f"Tidegate API at {subject.url}, mode {subject.mode}")
    passed = sum(_row(name, CHECKS[name], subject) for name in names)
    print(f"Results: {passed}/{len(names)} tests passed")
    return 0 if passed == len(names) else 1


def _row(name: str, check: Check, subject: Subject) -> bool:
    """Run one check, print its row, and say whether it passed."""
    began_s = time.perf_counter()
    try:
        seen, passed = check(subject), True
    except (CheckFailed, GateError) as error:
        seen, passed = str(error), False
    took_ms = (time.perf_counter() - began_s) * 1_000
    print(f"{'PASS' if passed else 'FAIL'}  {name:<11}  {took_ms:7.0f} ms  {seen}", flush=True)
    return passed


def check_health(subject: Subject) -> str:
    """Read what the original client reads of health."""
    answer = subject.client.health()
    _require(
        answer,
        {
            "status": str,
            "uptime_seconds": _NUMBER,
            "active_strategies": int,
            "risk_gate_status": str,
            "session_pnl": _NUMBER,
        },
    )
    factor = answer.get("aave_health_factor")
    shown = f", health factor {factor:.2f}" if factor else ""
    return (
        f"{answer['status']}, up {answer['uptime_seconds']:.1f} s, {answer['active_strategies']} strategies active, "
        f"gate {answer['risk_gate_status']}{shown}, P&L {answer['session_pnl']:.2f} USD"
    )


def check_performance(subject: Subject) -> str:
    """Read every field of performance."""
    answer = subject.client.performance()
    _require(answer, {"strategies": list, "total_profit": _NUMBER, "total_trades": int, "session_start": str})
    fields = {
        "name": str,
        "type": str,
        "total_trades": int,
        "total_profit": _NUMBER,
        "success_rate": _NUMBER,
        "avg_execution_time": _NUMBER,
    }
    for strategy in answer["strategies"]:
        _require(strategy, {**fields, "status": str})
        if not 0 <= strategy["success_rate"] <= 1 or "last_trade" not in strategy:
            raise CheckFailed(f"strategy {strategy['name']}: success_rate must be 0 to 1, and last_trade must be there")
    return f"{len(answer['strategies'])} strategies, {answer['total_trades']} trades, {answer['total_profit']:.2f} USD"


def check_execute(subject: Subject) -> str:
    """Propose the original client's trade: an approval passes, and so does a well-formed rejection of the gate."""
    verdict = subject.client.propose(
        "Cross-Exchange Arbitrage", "BTC/USD", _AMOUNT, "auto", exchanges=["coinbase", "okx"], mode=subject.mode
    )
    if not verdict.allowed:
        if verdict.status == 400 and verdict.decision_id and verdict.code.startswith("L"):
            return f"rejected, well-formed: {verdict.code}: {verdict.reason} [{verdict.decision_id}]"
        raise CheckFailed(f"{verdict.code}: {verdict.reason}")
    answer = verdict.answer
    _require(answer, {"profit": _NUMBER, "execution_time": _NUMBER, "timestamp": str})
    sizes = answer["risk_adjustments"]
    _require(sizes, dict.fromkeys(("original_amount", "adjusted_amount", "size_multiplier", "stop_loss_bps"), _NUMBER))
    return (
        f"approved {verdict.trade_id}: {sizes['original_amount']:.2f} USD asked, {sizes['adjusted_amount']:.2f} granted "
        f"(x {sizes['size_multiplier']:.2f}), stop {sizes['stop_loss_bps']} bps, profit {answer['profit']:.2f}, {answer['execution_time']:.3f} s"
    )


def check_dashboard(subject: Subject) -> str:
    """Post the original client's update about a trade it made up."""
    made_up = {
        "trade_id": "test_trade_001",
        "strategy": "Cross-Exchange Arbitrage",
        "profit": 12.5,
        "status": "completed",
    }
    answer = subject.client.update_dashboard("trade_completed", made_up)
    _require(answer, {"success": bool, "dashboard_updated": bool, "timestamp": str})
    if not answer["success"]:
        raise CheckFailed("success is false")
    return f"passed on, labelled untrusted, at {answer['timestamp']}"


def check_websocket(subject: Subject) -> str:
    """Read the greeting, ping, and wait for the session's figures; every message must have event and data."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    headers = {"Authorization": f"Bearer {subject.token}"} if subject.token is not None else {}
    address = subject.url.replace("http", "ws", 1) + "/ws/dashboard"
    try:
        with connect(
            address, additional_headers=headers, proxy=None, open_timeout=TIMEOUT_S, close_timeout=1
        ) as stream:
            greeting = _message(stream.recv(TIMEOUT_S))
            stream.send('{"type":"ping"}')
            pong = _message(stream.recv(TIMEOUT_S))
            stream.send('{"type":"request_stats"}')
            stats, count = _stats(stream, time.monotonic() + STREAM_S_MAX)
    except (OSError, WebSocketException) as error:
        raise CheckFailed(f"the stream broke: {error}") from None
    if greeting["event"] != "connected" or pong["event"] != "pong":
        raise CheckFailed(f"expected connected, then pong; got {greeting['event']}, then {pong['event']}")
    _require(stats, {"session_pnl_usd": _NUMBER, "consecutive_losses": int, "open_trades": int})
    return f"connected, pong, stats_update after {count} more: P&L {stats['session_pnl_usd']:.2f} USD, {stats['open_trades']} open"


def _stats(stream: Any, deadline: float) -> tuple[dict[str, Any], int]:
    """Return the figures and how many messages came before them."""
    count = 0
    while (left_s := deadline - time.monotonic()) > 0:
        message = _message(stream.recv(left_s))
        if message["event"] == "stats_update":
            return message["data"], count
        count += 1
    raise CheckFailed(f"no stats_update within {STREAM_S_MAX:g} s")


def _message(text: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
        _require(message, {"event": str, "data": dict})
    except (ValueError, TypeError, RecursionError):
        raise CheckFailed("a message is not a JSON object") from None
    return dict(message)


def _require(answer: dict[str, Any], types: dict[str, Any]) -> None:
    """Raise CheckFailed for a field that is missing or of another type; true is no number."""
    for name, kind in types.items():
        if name not in answer:
            raise CheckFailed(f"{name} is missing")
        if not isinstance(answer[name], kind) or (isinstance(answer[name], bool) and kind is not bool):
            raise CheckFailed(f"{name} is {type(answer[name]).__name__}")


CHECKS: dict[str, Check] = {
    "health": check_health,
    "performance": check_performance,
    "execute": check_execute,
    "dashboard": check_dashboard,
    "websocket": check_websocket,
}
