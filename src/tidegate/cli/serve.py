"""`tidegate serve`: one process that hosts engine and API, in PAPER on a built-in scenario.

In: where to listen, what to play, which journal. Out: a server until Ctrl-C; it prints what runs where, and a curl that is allowed right now.
"""

from __future__ import annotations

import argparse
import gc
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tidegate.cli.arguments import Arguments, whole
from tidegate.cli.guard import answered
from tidegate.errors import InputError, JournalLocked

_EXAMPLES = (
    "tidegate serve                                   an endless market, today, in real time; strategies idle",
    "tidegate serve --port 8080 --strategies          another port; the strategies trade at once",
    "tidegate serve --scenario seed-day --speed 60    the seed's day at its own dates, a minute a second",
    "tidegate serve --fresh                           a new journal instead of going on with the last one",
    "tidegate serve --behind-tls --allow-host desk.example.org    behind a TLS terminator; needs tokens",
)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
PORT_MAX = 65_535


class ServeOptions(msgspec.Struct, frozen=True):
    """How to serve: everything that is not in the config file."""

    host: str = "127.0.0.1"
    port: int = 8000
    scenario: str = "open-market"
    speed: str = "1"
    seed: int = 1
    journal: Path | None = None
    fresh: bool = False
    config: Path | None = None
    strategies: bool = False
    behind_tls: bool = False
    require_token: bool = False
    allow_hosts: tuple[str, ...] = ()
    log_level: str = "INFO"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Returns 0, 1 for what was foreseen (port in use, journal in use), 2 for bad input, 130 left by Ctrl-C twice."""
    words = Arguments("serve", "Host engine and API in one process: PAPER, no keys, no real money.", _EXAMPLES)
    add = words.add_argument
    add("--host", default="127.0.0.1", metavar="H", help="address to listen on (default 127.0.0.1); others need tokens and --behind-tls")
    add("--port", type=port_number, default=8000, metavar="N", help="port (default 8000); 0 takes a free one")
    add("--scenario", default="open-market", metavar="NAME", help="open-market (default), seed-day, crash, or a scenario file")
    add("--speed", default="1", metavar="N", help="virtual seconds per second of a scenario that ends (default 1)")
    add("--seed", type=whole, default=1, metavar="N", help="noise of the market; the same seed is the same market (default 1)")
    add("--journal", type=Path, metavar="PATH", help="where it is all written (default: var/journals/api-SCENARIO.db, continued)")
    add("--fresh", action="store_true", help="begin a new journal instead of going on with the last one")
    add("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    add("--strategies", action="store_true", help="let the strategies trade from the start (default: idle until asked)")
    add("--behind-tls", action="store_true", help="a TLS terminator stands before this server; no request is local then")
    add("--require-token", action="store_true", help="no rights without a token, not even on this machine")
    add("--allow-host", "--host-name", action="append", default=[], metavar="NAME", help="a public name of this server; may be repeated")
    add("--log-level", type=str.upper, choices=LEVELS, default="INFO", metavar="L", help="how much logs/api/server.log says (default INFO)")
    found = words.read(argv)
    return answered(lambda: run(_options(found)))


def _options(found: argparse.Namespace) -> ServeOptions:
    return ServeOptions(
        host=found.host,
        port=found.port,
        scenario=found.scenario,
        speed=found.speed,
        seed=found.seed,
        journal=found.journal,
        fresh=found.fresh,
        config=found.config,
        strategies=found.strategies,
        behind_tls=found.behind_tls,
        require_token=found.require_token,
        allow_hosts=tuple(found.allow_host),
        log_level=found.log_level,
    )


def port_number(text: str) -> int:
    """Read a port for argparse."""
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"got {text!r}, allowed: a whole number from 0 to {PORT_MAX}")
    return int(text)


def run(options: ServeOptions) -> int:
    """Check everything that can be checked, take the port, open the journal, serve. Raises TidegateError for what was foreseen."""
    from tidegate.api.door.guard_settings import GuardSettings, start_problems
    from tidegate.api.door.tokens import TokenStore
    from tidegate.api.logs import start_logs
    from tidegate.api.server import Front, listen, runner, serve
    from tidegate.cli.serve_words import Announcer
    from tidegate.config.load import DEFAULT_PATH, load
    from tidegate.engine.host import Host, HostRequest
    from tidegate.feeds.scenario import ScenarioFeed
    from tidegate.model.intent import Mode

    settings = load(options.config or DEFAULT_PATH)
    feed = ScenarioFeed(options.scenario, options.seed, settings.limits(Mode.PAPER).perpetuals())
    ends = feed.description.end_ns is not None
    speed = speed_of(options.speed, ends)
    tokens = TokenStore(TOKENS)
    guarding = GuardSettings(Mode.PAPER, options.host, options.port, options.behind_tls, options.require_token, options.allow_hosts)
    if problems := start_problems(options.host, Mode.PAPER, tokens, options.behind_tls, guarding):
        raise InputError("serve", options.host, "; ".join(problems))
    listener = listen(options.host, options.port)
    try:
        access_log = start_logs(LOGS, options.log_level)
        path = journal_place(options)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            host = Host.open(settings, feed, HostRequest(path, speed, options.strategies))
        except JournalLocked as locked:
            raise JournalLocked(f"{locked}{_how_to_stop(path)}") from None
        guarding = msgspec.structs.replace(guarding, port=listener.getsockname()[1])
        announcer = Announcer(host, settings.place, str(LOGS))
        gc.collect()
        gc.freeze()  # what stands now stays: the collector need not walk it while requests wait
        with runner() as loop:
            loop.run(serve(host, listener, Front(guarding, tokens, access_log), announcer))
    finally:
        listener.close()
    return 0


def _how_to_stop(journal: Path) -> str:
    """Say how to stop or use the process that holds a journal. INVARIANT: S4"""
    from tidegate.api.server_file import find

    try:
        holder = Path(f"{journal}.lock").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    running = find()
    use = f", or use it at {running.url}" if running is not None and str(running.pid) == holder else ""
    return f" (kill {holder} stops it in order{use}; --fresh begins another journal)" if holder.isdigit() else ""


TOKENS = Path("var") / "tokens.json"
LOGS = Path("logs") / "api"


def speed_of(text: str, ends: bool) -> float:
    """Return virtual seconds per second: > 0, and 1 for a scenario without an end. Raises InputError."""
    from tidegate.cli.paper import SPEED_ALLOWED, speed_number

    speed = speed_number(text, f"{SPEED_ALLOWED} (max is for tidegate paper)")
    if not ends and speed != 1.0:
        raise InputError("--speed", text, "1: a scenario without an end plays today, in real time", "leave it out, or serve seed-day or crash")
    return speed


def journal_place(options: ServeOptions) -> Path:
    """Choose the journal: the one named, the last one of this scenario, or with `--fresh` the next free name. Raises InputError."""
    from tidegate.cli.journals import FOLDER

    if options.journal is not None:
        if options.journal.is_dir():
            raise InputError("--journal", str(options.journal), "the path of a file, such as var/journals/mine.db")
        if options.fresh and options.journal.exists():
            raise InputError("--fresh", str(options.journal), "a new path: a journal is never overwritten", "leave one of the two options out")
        return options.journal
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(options.scenario).stem)
    stem = f"api-{name}" if options.seed == 1 else f"api-{name}-seed{options.seed}"
    numbers = [1 if place.name == f"{stem}.db" else _number(place, stem) for place in FOLDER.glob(f"{stem}*.db*")]
    last = max(numbers, default=0)
    number = last + 1 if options.fresh else max(1, last)
    return FOLDER / (f"{stem}.db" if number == 1 else f"{stem}-{number}.db")


def _number(place: Path, stem: str) -> int:
    found = re.match(rf"{re.escape(stem)}(?:-(\d+))?\.db", place.name)
    return int(found[1] or 1) if found else 0
