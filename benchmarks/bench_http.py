"""Benchmark: decisions over HTTP with a durable journal, beside a bare FastAPI echo in the same run. Aim at 32 connections: 1.0x, at least 0.6x.

    python benchmarks/bench_http.py [--quick]

Both servers are real processes with the same uvicorn settings; the load comes from a third process over kept-alive HTTP/1.1 connections, one
request in flight on each. Tidegate answers after its decision is durable (SQLite, synchronous=FULL, one fsync shared by all who wait), with
tokens, access log and the built-in market running; the echo decodes and encodes the same body with pydantic and does nothing else. Every
connection is a principal of its own with its own token. The 429 rule (20/s per principal) is raised out of the way, because a refusal before any
work is not a decision; the gate's own rate rule is not, and the mix of verdicts is printed: rejections are what a busy gate mostly gives.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = (1, 16, 32, 64)
TOKENS_MAX = max(CONNECTIONS)
AIM, LEAST = 1.0, 0.6
JUDGED_AT = 32
ROUNDS = 3


def main() -> int:
    """Print rates, latencies, verdict mixes and ratios; exit 1 when even the least is missed at 32 connections."""
    words = argparse.ArgumentParser()
    words.add_argument("--quick", action="store_true")
    words.add_argument("--role", choices=("tidegate", "echo", "load"))
    words.add_argument("--folder", type=Path)
    words.add_argument("--url", nargs="*", default=[])
    words.add_argument("--seconds", type=float, default=0.0)
    words.add_argument("--connections", type=int, default=0)
    found = words.parse_args()
    match found.role:
        case "tidegate":
            served(tidegate_server(found.folder))
            return 0
        case "echo":
            echo_server(found.folder)
            return 0
        case "load":
            print(json.dumps(asyncio.run(load(found.url[0], int(found.url[1]), found.connections, found.seconds, found.folder))))
            return 0
        case _:
            return compare(1.0 if found.quick else 3.0)


def compare(seconds: float) -> int:
    """Run both servers side by side and load them in turns."""
    ratios: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with started("tidegate", folder) as ours, started("echo", folder) as echo:
            print(f"{'connections':>11} {'tidegate /s':>12} {'p50 ms':>8} {'p99 ms':>8} {'echo /s':>10} {'p50 ms':>8} {'ratio':>6}  verdicts")
            for connections in CONNECTIONS:
                pairs = [(loaded(ours, connections, seconds, folder), loaded(echo, connections, seconds, folder)) for _ in range(ROUNDS)]
                ratios[connections] = told(connections, pairs)
    ratio = ratios[JUDGED_AT]
    print(f"ratio at {JUDGED_AT} connections: {ratio:.2f}x (aim {AIM:.1f}x, at least {LEAST:.1f}x)")
    return 0 if ratio >= LEAST else 1


def told(connections: int, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> float:
    """Print the round with the median ratio, and the verdicts of all of them."""
    pairs.sort(key=lambda pair: pair[0]["rate"] / pair[1]["rate"])
    ours, echo = pairs[len(pairs) // 2]
    ratio = ours["rate"] / echo["rate"]
    mix: Counter[str] = Counter()
    for mine, _ in pairs:
        mix.update(mine["codes"])
    shown = ", ".join(f"{code} {count}" for code, count in mix.most_common(4))
    print(f"{connections:>11} {ours['rate']:>12,.0f} {ours['p50_ms']:>8.2f} {ours['p99_ms']:>8.2f} {echo['rate']:>10,.0f} {echo['p50_ms']:>8.2f}"
          f" {ratio:>5.2f}x  {shown}")
    return ratio


@contextlib.contextmanager
def started(role: str, folder: Path):
    """Start one server process and yield its port."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen([sys.executable, __file__, "--role", role, "--folder", str(folder)], env=environment)
    try:
        yield role, _port_of(folder / f"{role}.port", process)
    finally:
        process.terminate()
        process.wait(20)


def _port_of(path: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        if path.exists() and (text := path.read_text()):
            return int(text)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"the server behind {path.name} did not start")


def loaded(server: tuple[str, int], connections: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Load one server from a process of its own and return what it saw."""
    role, port = server
    command = [sys.executable, __file__, "--role", "load", "--url", role, str(port), "--connections", str(connections),
               "--seconds", str(seconds), "--folder", str(folder)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)


async def tidegate_server(folder: Path) -> None:
    """Serve Tidegate as `tidegate serve` does, on a free port."""
    from tidegate.api.door.admission import Level
    from tidegate.api.door.guard_settings import GuardSettings
    from tidegate.api.door.token_file import create
    from tidegate.api.door.tokens import TokenStore
    from tidegate.api.logs import start_logs
    from tidegate.api.server import Front, listen, serve
    from tidegate.config.load import load as load_config
    from tidegate.engine.host import Host, HostRequest
    from tidegate.feeds.scenario import ScenarioFeed
    from tidegate.model.intent import Mode

    secrets = [create(folder / "tokens.json", f"agent-{number}", Level.PROPOSE, time.time_ns(), None)[0] for number in range(TOKENS_MAX)]
    (folder / "secrets.json").write_text(json.dumps(secrets))
    settings = load_config(ROOT / "config" / "tactical_scalp_config.json")
    feed = ScenarioFeed("open-market", 1, settings.limits(Mode.PAPER).perpetuals())
    host = Host.open(settings, feed, HostRequest(folder / "bench.db"))
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    guarding = GuardSettings(Mode.PAPER, port=port, requests_per_s_max=100_000)
    access_log = start_logs(folder / "logs", "WARNING")
    gc.collect()
    gc.freeze()  # as `tidegate serve` does

    class Quiet:
        async def started(self, desk: object, url: str, operator_address: str) -> None:
            (folder / "tidegate.port").write_text(str(port))

        def stopping(self) -> None:
            pass

        def stopped(self, desk: object) -> None:
            pass

    await serve(host, listener, Front(guarding, TokenStore(folder / "tokens.json"), access_log, folder / "api.json"), Quiet())


def echo_server(folder: Path) -> None:
    """Serve a bare FastAPI echo of the same body, with the same loop, parser and access log."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    from tidegate.api.logs import start_logs

    class Body(BaseModel):
        strategy: str
        pair: str
        amount: float
        side: str | None = None
        mode: str | None = None

    app = FastAPI()

    @app.post("/api/trade/execute")
    async def execute(body: Body) -> Body:
        return body

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY on those only
    listener.bind(("127.0.0.1", 0))
    (folder / "echo.port").write_text(str(listener.getsockname()[1]))
    start_logs(folder / "echo-logs", "WARNING")
    config = uvicorn.Config(app, log_config=None, lifespan="off", proxy_headers=False, server_header=False)
    served(uvicorn.Server(config).serve(sockets=[listener]))


def served(serving: Coroutine[Any, Any, None]) -> None:
    """Run a server as `tidegate serve` and uvicorn itself do: on uvloop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)


async def load(role: str, port: int, connections: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Send requests on every connection until the time is up; the first half second does not count."""
    secrets = json.loads((folder / "secrets.json").read_text())
    seen: list[float] = []
    codes: Counter[str] = Counter()
    began = time.perf_counter() + 0.5
    tasks = [_connection(role, port, secrets[place], (began, began + seconds), (seen, codes)) for place in range(connections)]
    await asyncio.gather(*tasks)
    seen.sort()
    return {"rate": len(seen) / seconds, "p50_ms": seen[len(seen) // 2] * 1e3, "p99_ms": seen[len(seen) * 99 // 100] * 1e3, "codes": dict(codes)}


async def _connection(role: str, port: int, secret: str, window: tuple[float, float], into: tuple[list[float], Counter[str]]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seen, codes = into
    token = f"Authorization: Bearer {secret}\r\n" if role == "tidegate" else ""
    number = 0
    while (began := time.perf_counter()) < window[1]:
        number += 1
        body = b'{"strategy":"Agent Signal","pair":"BTC/USD","amount":%d.%02d,"side":"long","mode":"paper"}' % (25 + number % 8, number % 100)
        head = (f"POST /api/trade/execute HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n{token}"
                f"Content-Length: {len(body)}\r\n\r\n")  # fmt: skip
        writer.write(head.encode() + body)
        answer = await _answer(reader)
        if began >= window[0]:
            seen.append(time.perf_counter() - began)
            codes[_code(answer) if role == "tidegate" else "echo"] += 1
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.lower().index(b"content-length:") + 15
    return head[9:12] + await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))


def _code(answer: bytes) -> str:
    if answer.startswith(b"200"):
        return "APPROVED"
    at = answer.find(b'"code":"')
    return answer[at + 8 : answer.index(b'"', at + 8)].decode() if at >= 0 else answer[:3].decode()


if __name__ == "__main__":
    sys.exit(main())
