"""Benchmark: the stream to 200 WebSocket clients of which 20 never read, beside a bare uvicorn fan-out of the same messages in the same run.

    python benchmarks/bench_stream.py [--quick] [--rate 100]

Each side is a server process of its own. The house's runs a real engine on the built-in market with a durable journal, and what is streamed are the
decisions on proposals sent at `--rate` a second; `text` is the same hub on uvicorn's own protocol, which encodes and frames every message once a
client; `bare` sends texts of the same size from one queue a client. The readers share the machine with the server. Latency is from the moment a
message is handed out to the moment a client's socket has it, p50 and p99 over all messages of the 180 that read; RSS growth is of the server process
between the moment all are connected and the end. Aims: p99 <= 250 ms, RSS growth <= 50 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from bench_durable_decisions import _engine, proposal

from tidegate.api.door.guard import Guard
from tidegate.api.door.guard_settings import GuardSettings
from tidegate.api.door.tokens import TokenStore
from tidegate.api.stream.hub import Hub, HubSettings
from tidegate.api.stream.ws_protocol import WS_OPTIONS
from tidegate.engine.completed import CompletedTrades
from tidegate.engine.desk import Desk, Origin
from tidegate.engine.engine import Engine
from tidegate.engine.service import DurableBatch, EngineService
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.journal.group_commit import GroupCommitter
from tidegate.model.event import DecisionMade
from tidegate.model.intent import Mode

CLIENTS, STUCK = 200, 20
P99_MS_AIM, GROWTH_MB_AIM = 250.0, 50.0
_SEQ = re.compile(rb'"seq":(\d+)')
_SECOND_NS = 1_000_000_000


def main() -> int:
    """Print both sides; exit 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 seconds a side instead of 20")
    parser.add_argument("--rate", type=int, default=100, help="messages a second")
    parser.add_argument("--serve", choices=("house", "text", "bare"), help=argparse.SUPPRESS)
    parser.add_argument("--bytes", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    seconds = 5 if given.quick else 20
    if given.serve is not None:
        uvloop.run(_serve(given.serve, given.rate, seconds, given.bytes))
        return 0
    print(f"{CLIENTS} clients, {STUCK} of them never read, {given.rate} messages/s for {seconds} s")
    house = asyncio.run(_measure("house", given.rate, seconds, 0))
    text = asyncio.run(_measure("text", given.rate, seconds, 0))
    bare = asyncio.run(_measure("bare", given.rate, seconds, house["bytes"]))
    for name, row in (("house", house), ("text", text), ("bare", bare)):
        print(
            f"{name:6} p50 {row['p50']:7.1f} ms   p99 {row['p99']:7.1f} ms   max {row['max']:7.1f} ms   unread {row['missed']}"
            f"   {row['bytes']} bytes a message   server CPU {row['cpu']:.0f} %   RSS +{row['growth']:.1f} MB"
        )
    missed = house["p99"] > P99_MS_AIM or house["growth"] > GROWTH_MB_AIM or house["missed"]
    print(f"aims: p99 <= {P99_MS_AIM:.0f} ms, RSS growth <= {GROWTH_MB_AIM:.0f} MB, nothing unread: {'MISSED' if missed else 'met'}")
    return 1 if missed else 0


async def _measure(side: str, rate: int, seconds: int, size_bytes: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--serve", side, "--rate", str(rate), "--bytes", str(size_bytes)]
    server = subprocess.Popen(
        [*command, *(["--quick"] if seconds == 5 else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    port = int(server.stdout.readline())
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    stuck: list[socket.socket] = []
    for number in range(CLIENTS):
        if number % (CLIENTS // STUCK) == 0:
            stuck.append(await loop.run_in_executor(None, _stuck_client, port))
        else:
            reader = Reader(port)
            await loop.create_connection(lambda own=reader: own, "127.0.0.1", port)
            await reader.connected.wait()
            readers.append(reader)
    await asyncio.sleep(1.0)
    rss_before, cpu_before = _rss_mb(server.pid), _cpu_s(server.pid)
    server.stdin.write("go\n")
    server.stdin.flush()
    handed = await loop.run_in_executor(None, server.stdout.readline)
    cpu = (_cpu_s(server.pid) - cpu_before) / seconds * 100
    growth = _rss_mb(server.pid) - rss_before
    await asyncio.sleep(1.0)
    for each in readers:
        each.leave()
    for each in stuck:
        each.close()
    server.kill()
    server.wait()
    row = _latencies(handed, readers)
    return {**row, "cpu": cpu, "growth": growth}


def _latencies(handed: str, readers: list[Reader]) -> dict[str, Any]:
    times = {int(seq): int(ns) for seq, ns in (pair.split(":") for pair in handed.split())}
    waits: list[float] = []
    missed = size = 0
    for reader in readers:
        got = reader.times
        missed += sum(1 for seq in times if seq not in got)
        waits += [(got[seq] - handed_ns) / 1e6 for seq, handed_ns in times.items() if seq in got]
        size = max(size, reader.bytes // max(1, len(got)))
    waits.sort()
    return {
        "p50": waits[len(waits) // 2],
        "p99": waits[len(waits) * 99 // 100],
        "max": waits[-1],
        "missed": missed,
        "bytes": size,
    }


class Reader(asyncio.Protocol):
    """A client that reads: notes when each seq arrived."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connected = asyncio.Event()
        self.times: dict[int, int] = {}
        self.bytes = 0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the decisions."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_handshake(self.port, "/ws/dashboard?events=decision"))

    def data_received(self, data: bytes) -> None:
        """Note what arrived."""
        raw, now_ns = self._rest + data, time.monotonic_ns()
        if not self.connected.is_set():
            _, ends, raw = raw.partition(b"\r\n\r\n")
            if not ends:
                self._rest += data
                return
            self.connected.set()
        at = 0
        while (frame := _frame_at(raw, at)) is not None:
            begins, at = frame
            found = _SEQ.search(raw, begins, min(begins + 60, at))
            if found is not None and raw.startswith(b'{"event":"decision"', begins):
                self.times[int(found[1])] = now_ns
                self.bytes += at - begins
        self._rest = raw[at:]

    def leave(self) -> None:
        """Leave."""
        self._transport.abort()


def _frame_at(raw: bytes, at: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at `at` begins and ends, None while it is not all there."""
    if len(raw) < at + 2:
        return None
    length, begins = raw[at + 1], at + 2
    if length == 126:
        length, begins = int.from_bytes(raw[at + 2 : at + 4], "big"), at + 4
    elif length == 127:
        length, begins = int.from_bytes(raw[at + 2 : at + 10], "big"), at + 10
    return (begins, begins + length) if len(raw) >= begins + length else None


def _handshake(port: int, path: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}")
    return ("\r\n".join((*lines, "Sec-WebSocket-Version: 13", "", ""))).encode()


def _stuck_client(port: int) -> socket.socket:
    """Return a connected client that reads the handshake and nothing after it."""
    own = socket.create_connection(("127.0.0.1", port))
    own.sendall(_handshake(port, "/ws/dashboard"))
    own.recv(64)
    return own


async def _serve(side: str, rate: int, seconds: int, size_bytes: int) -> None:
    """Serve one side: print the port, wait for a line, run, print `seq:handed_ns` of every message."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(CLIENTS)
    print(listener.getsockname()[1], flush=True)
    if side == "bare":
        await _serve_bare(listener, rate, seconds, size_bytes)
        return
    with tempfile.TemporaryDirectory() as folder:
        await _serve_house(listener, rate, seconds, Path(folder) / "bench.db", WS_OPTIONS if side == "house" else {})


async def _serve_house(listener: socket.socket, rate: int, seconds: int, path: Path, options: dict[str, Any]) -> None:
    engine, journal = _engine(path)
    handed: dict[int, int] = {}

    def note(batch: DurableBatch) -> None:
        now_ns = time.monotonic_ns()
        handed.update((record.seq, now_ns) for record, event in batch if isinstance(event, DecisionMade))

    with GroupCommitter(journal) as committer:
        async with EngineService(engine, committer.request_commit_in_loop) as service:
            desk = Desk(engine, service, journal, CompletedTrades(engine.session), Origin("bench"))
            desk.listen(note)
            guard = Guard(GuardSettings(mode=Mode.PAPER, port=listener.getsockname()[1], requests_per_s_max=10_000), TokenStore(None))
            hub = Hub(desk, guard, HubSettings())
            serving = asyncio.create_task(_uvicorn(hub.serve, options).serve(sockets=[listener]))
            batches = _batches(engine)
            await asyncio.to_thread(sys.stdin.readline)
            market = asyncio.create_task(_play(service, batches, engine.now_ns))
            await _paced(rate, seconds, lambda number: asyncio.ensure_future(service.submit(proposal(number))))
            await asyncio.sleep(0.5)
            print(" ".join(f"{seq}:{ns}" for seq, ns in handed.items()), flush=True)
            market.cancel()
            await serving
    journal.close()


def _batches(engine: Engine) -> Iterator[Any]:
    """Return the market from now on."""
    feed = ScenarioFeed("open-market", 1, engine.limits.perpetuals())
    later = (batch for batch in feed.batches() if batch[0] > engine.now_ns)
    return chain([next(later)], later)  # the past is drawn here, before anything is measured


async def _play(service: EngineService, batches: Iterator[Any], from_ns: int) -> None:
    """Show the market in real time."""
    began = time.monotonic_ns()
    for now_ns, events in batches:
        ahead_ns = (now_ns - from_ns) - (time.monotonic_ns() - began)
        if ahead_ns > 0:
            await asyncio.sleep(ahead_ns / _SECOND_NS)
        await service.on_batch(now_ns, events)


async def _serve_bare(listener: socket.socket, rate: int, seconds: int, size_bytes: int) -> None:
    queues: list[asyncio.Queue[str]] = []
    handed: dict[int, int] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        queue: asyncio.Queue[str] = asyncio.Queue()
        queues.append(queue)
        with suppress(OSError):
            while True:
                await send({"type": "websocket.send", "text": await queue.get()})

    def publish(number: int) -> None:
        text = f'{{"event":"decision","seq":{number},"data":"'
        text += "x" * max(0, size_bytes - len(text) - 2) + '"}'
        handed[number] = time.monotonic_ns()
        for queue in queues:
            queue.put_nowait(text)

    serving = asyncio.create_task(_uvicorn(app, {}).serve(sockets=[listener]))
    await asyncio.to_thread(sys.stdin.readline)
    await _paced(rate, seconds, publish)
    await asyncio.sleep(0.5)
    print(" ".join(f"{seq}:{ns}" for seq, ns in handed.items()), flush=True)
    await serving


async def _paced(rate: int, seconds: int, act: Any) -> None:
    began = time.monotonic()
    for number in range(rate * seconds):
        wait_s = began + number / rate - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        act(number)


def _uvicorn(app: Any, options: dict[str, Any]) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", interface="asgi3", **options))


def _rss_mb(pid: int) -> float:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
