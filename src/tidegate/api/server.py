"""The server: one process, one loop, uvicorn in front of one host. It starts, says so, and ends in order.

In: a host that is ready, a bound socket, the guard's settings. Out: served requests until SIGTERM, Ctrl-C or a bug. Ending in order: no new
connection, requests under way get their (durable) answers, WebSockets are closed with 1012, then the journal is closed. A second Ctrl-C
leaves at once, which is as harmless as kill -9. INVARIANT: J2 S4
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Generator
from pathlib import Path
from typing import Protocol

import msgspec
import uvicorn
import uvloop

from tidegate.api import server_file
from tidegate.api.alerts.alerts import Alerts
from tidegate.api.app import build_app
from tidegate.api.door.guard import Guard
from tidegate.api.door.guard_settings import GuardSettings
from tidegate.api.door.http_protocol import BoundedHttpProtocol
from tidegate.api.door.operator_link import OperatorLink
from tidegate.api.door.tokens import TokenStore
from tidegate.api.server_file import RUN_FILE, RunningServer
from tidegate.api.stream.hub import Hub
from tidegate.api.stream.ws_protocol import WS_OPTIONS
from tidegate.engine.desk import Desk
from tidegate.engine.host import Host
from tidegate.errors import InputError, NotAvailable
from tidegate.units import DAY_NS, Nanoseconds

LEFT_AT_ONCE = 130
FINISH_S_MAX = 10
ATTACH_NAME = "deploy command"
ATTACH_LASTS_NS: Nanoseconds = 3_650 * DAY_NS
# The commit thread needs the interpreter several times a commit, and by default waits up to 5 ms each time while the loop is at work.
SWITCH_S = 0.0005
_FLUSH_EVERY_S = 1.0
_POLL_S = 0.01
_log = logging.getLogger("tidegate.server")


class Front(msgspec.Struct, frozen=True):
    """What stands before the host: the guard's settings, the tokens, where the server says that it runs, and the log to flush."""

    guard: GuardSettings
    tokens: TokenStore
    access_log: logging.Handler
    run_file: Path = RUN_FILE


class Saying(Protocol):
    """Who is told what happens, for the terminal."""

    async def started(self, desk: Desk, url: str, operator_address: str) -> None:
        """The server answers requests."""
        ...

    def stopping(self) -> None:
        """Somebody asked it to stop."""
        ...

    def stopped(self, desk: Desk) -> None:
        """No request is under way any more; the journal is about to be closed."""
        ...


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address; port 0 takes a free one. Raises NotAvailable when the port is in use, InputError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY on those only
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1" if host == "localhost" else host, port))
    except PermissionError as error:
        listener.close()
        raise NotAvailable(f"port {port} needs more rights than this user has: use one from 1024 on") from error
    except OSError as error:
        listener.close()
        if error.errno in (98, 48):  # EADDRINUSE of Linux and macOS
            raise NotAvailable(_port_in_use(port)) from error
        raise InputError("--host", host, f"an address of this machine ({(error.strerror or str(error)).lower()})") from error
    listener.set_inheritable(False)
    return listener


def runner() -> asyncio.Runner:
    """Return what runs the one loop of a server: uvloop's."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def serve(host: Host, listener: socket.socket, front: Front, saying: Saying) -> None:
    """Serve until told to stop. Raises the bug that stopped the engine, if one did."""
    sys.setswitchinterval(SWITCH_S)
    link = OperatorLink(front.tokens)
    guard = Guard(front.guard, front.tokens, link=link)
    desk = host.desk
    hub = Hub(desk, guard)
    alerts = Alerts(desk, broken=host.broken)
    server = _Uvicorn(_settings(build_app(desk, guard, hub, alerts)))
    with _told_to_stop(saying, front.run_file) as stop:
        async with host, alerts:
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
            flushing = asyncio.create_task(_flush(front.access_log), name="log-flush")
            try:
                await _answering(server, serving)
                url = url_of(front.guard.host, front.guard.port)
                _register(front, url, desk)
                await saying.started(desk, url, link.address(url.replace("//localhost:", "//127.0.0.1:")))  # no other program can sit on that one
                await _first_of(host.broken(), stop.wait(), serving)
            finally:
                await _end(server, hub, serving)
                server_file.remove(front.run_file)
                flushing.cancel()
                front.access_log.flush()
            await host.settle()
            saying.stopped(desk)


def url_of(host: str, port: int) -> str:
    """Return the address to print: `http://localhost:8000`."""
    name = "localhost" if host in ("127.0.0.1", "localhost", "0.0.0.0", "::", "::1") else host  # noqa: S104 - what to print for it
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


class _Uvicorn(uvicorn.Server):
    """Uvicorn that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture nothing."""
        yield


def _settings(app: object) -> uvicorn.Config:
    """Return uvicorn's settings: one worker always; no proxy header is believed, and no version is told."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=BoundedHttpProtocol,
        log_config=None,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=FINISH_S_MAX,
        workers=1,
        **WS_OPTIONS,
    )


async def _answering(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():
        await asyncio.sleep(_POLL_S)


async def _first_of(*ends: Awaitable[object]) -> None:
    """Wait for the first of several ends; the last one goes on, the others are given up."""
    waiting = [asyncio.ensure_future(end) for end in ends]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting[:-1]:
        each.cancel()


async def _flush(access_log: logging.Handler) -> None:
    while True:
        await asyncio.sleep(_FLUSH_EVERY_S)
        access_log.flush()


def _register(front: Front, url: str, desk: Desk) -> None:
    """Say where this server is, unless another live one already does."""
    other = server_file.find(front.run_file)
    if other is not None and other.pid != os.getpid():
        _log.warning("another server is registered here (%s, pid %d): commands attach to that one", other.url, other.pid)
        return
    token = front.tokens.grant_session(ATTACH_NAME, ATTACH_LASTS_NS)
    journal = desk.journal_path.resolve() if desk.journal_path is not None else ""
    server_file.write(RunningServer(url, os.getpid(), str(journal), token), front.run_file)


async def _end(server: uvicorn.Server, hub: Hub, serving: asyncio.Task[None]) -> None:
    """Take no new connection, tell the stream's clients, let requests under way finish."""
    for listening in getattr(server, "servers", ()):
        listening.close()
    await hub.close()
    server.should_exit = True
    await asyncio.wait((serving,))


@contextlib.contextmanager
def _told_to_stop(saying: Saying, run_file: Path) -> Generator[asyncio.Event]:
    """Let the first SIGTERM, Ctrl-C or closed terminal set an event, and the second leave at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            _leave_at_once(run_file)
        stop.set()
        saying.stopping()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means: go on when the terminal closes
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _leave_at_once(run_file: Path) -> None:
    """Leave without ending in order; every acknowledged record is on disk. INVARIANT: J1"""
    server_file.remove(run_file)
    os.write(2, b"tidegate: left at once; every acknowledged record is in the journal, the next start goes on from there\n")
    os._exit(LEFT_AT_ONCE)


def _port_in_use(port: int) -> str:
    running = server_file.find()
    if running is not None and running.url.endswith(f":{port}"):
        pid = running.pid
        return f"port {port} is in use by the Tidegate server of this folder (pid {pid}): use it at {running.url}, or stop it with: kill {pid}"
    return f"port {port} is in use by another program: stop it, or give another port"


