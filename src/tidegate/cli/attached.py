"""A session on the server that already runs here: start its strategies, watch, and stop them again. One journal has one writer, always.

In: the running server's address and its operate token (`var/run/api.json`). Out: lines (or a view that refreshes on a terminal) until Ctrl-C; the
server goes on afterwards. Nothing here decides or records anything.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tidegate.api.server_file import RunningServer
from tidegate.cli.attached_view import screen
from tidegate.cli.guard import FAILED, GOOD, complain
from tidegate.cli.page import page
from tidegate.cli.plain import PlainLines
from tidegate.client import GateError, TidegateClient
from tidegate.engine.chronicle import decode
from tidegate.errors import JournalError, NotAvailable
from tidegate.journal.store_sqlite import read_records
from tidegate.model.intent import Mode
from tidegate.model.session import Session
from tidegate.session.fold import fold

_LOOK_EVERY_S = 0.5
_ANSWER_S_MAX = 10.0


def client_of(server: RunningServer) -> TidegateClient:
    """Return a client with the running server's own token."""
    return TidegateClient(server.url, server.token, _ANSWER_S_MAX)


@contextmanager
def answering(server: RunningServer) -> Generator[None]:
    """Turn what the server does not answer, or refuses, into NotAvailable with its reason."""
    try:
        yield
    except GateError as error:
        did = "refused" if error.status else "does not answer"
        raise NotAvailable(f"the server at {server.url} (pid {server.pid}) {did}: {error.reason}") from error


def run_attached(server: RunningServer, max_trades: int | None) -> int:
    """Start the server's strategies, watch until Ctrl-C, stop them. Returns 0, 1 when the server goes away. Raises NotAvailable."""
    out, client = page(), client_of(server)
    with answering(server):
        started = client.start_strategies(max_trades)
    try:
        with _ended_by_signals(), answering(server):
            out.print(Text(f"PAPER: attached to the server at {server.url} (pid {server.pid}); its strategies trade now"), soft_wrap=True)
            out.print(Text(_effective(max_trades, started)), soft_wrap=True)
            out.print(Text(f"journal {server.journal}; Ctrl-C stops the strategies, the server goes on"), soft_wrap=True)
            sys.stdout.flush()
            _watch(out, client, Path(server.journal))
    except KeyboardInterrupt:
        with answering(server):
            client.stop_strategies()
        out.print(Text(f"strategies stopped; open trades keep their stops; the server at {server.url} goes on"), soft_wrap=True)
        return GOOD
    except NotAvailable as gone:
        complain(f"{gone}; its next start goes on with its journal, strategies idle")
    return FAILED


def _effective(max_trades: int | None, started: dict[str, Any]) -> str:
    cap = started["entries_per_day_max"]
    if max_trades is None:
        return f"effective {cap} entries a day"
    if max_trades > cap:
        return f"--max-trades {max_trades}: the cap is {cap} entries a day, effective {cap} (a command line can only tighten)"
    return f"--max-trades {max_trades}: effective {cap} entries a day, until the server ends"


def _watch(out: Console, client: TidegateClient, journal: Path) -> None:
    """Show what happens, for ever. Raises KeyboardInterrupt, GateError, NotAvailable."""
    if sys.stdout.isatty():
        with Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                width, height = out.size
                live.update(screen(client.session(), client.positions(), width, height), refresh=True)
                time.sleep(_LOOK_EVERY_S)
    for _ in _told(out, journal):
        client.health()
        time.sleep(_LOOK_EVERY_S)


def _told(out: Console, journal: Path) -> Iterator[None]:
    """Tell what the journal gains, one line an event; yield after each look. What it held before is only counted."""
    lines: list[str] = []
    session, seq = Session(Mode.PAPER), 0
    teller = PlainLines(lines.append, session)
    is_new = False
    while True:
        try:
            for record in read_records(journal, seq + 1):
                event = decode(record)
                session, seq = fold(session, event), record.seq
                teller.note(session, event)
        except JournalError as error:
            raise NotAvailable(f"its journal cannot be read: {error}") from error
        for text in lines if is_new else ():
            out.print(Text(text), soft_wrap=True)
        lines.clear()
        sys.stdout.flush()
        is_new = True
        yield


@contextmanager
def _ended_by_signals() -> Generator[None]:
    """Let SIGTERM and a closed terminal end it as Ctrl-C does, so that the strategies are stopped."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)
