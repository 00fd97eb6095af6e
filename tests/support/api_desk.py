"""The API in one process, without sockets: an engine on a scenario in virtual time, the app over it, and a client that speaks ASGI.

    async def story(api: ApiDesk) -> None: ...
    run(story)

Virtual time stands still unless `await api.pass_time(seconds)` plays the scenario on.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tidegate.api.app import App, build_app
from tidegate.api.door.admission import Level
from tidegate.api.door.guard import Guard, GuardSettings
from tidegate.api.door.token_file import create
from tidegate.api.door.tokens import TokenStore
from tidegate.api.stream.hub import Hub
from tidegate.config.load import load
from tidegate.engine.bootstrap import RunRequest, assemble, start_engine
from tidegate.engine.completed import CompletedTrades
from tidegate.engine.desk import Desk, Origin
from tidegate.engine.engine import Engine
from tidegate.engine.scripted_operator import parse_policy
from tidegate.engine.service import EngineService
from tidegate.feeds.port import Batch
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.intent import Mode
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import HOUR_NS, SECOND_NS

CONFIG = Path(__file__).resolve().parents[2] / "config" / "tactical_scalp_config.json"
HOST = "127.0.0.1:8000"
JSON_TYPE = {"content-type": "application/json"}
SIGNAL = {"strategy": "Agent Signal", "pair": "BTC/USD", "amount": 25, "side": "long"}
_PLENTY = 1_000_000


class Reply(NamedTuple):
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """Return the decoded JSON."""
        return json.loads(self.raw)

    @property
    def detail(self) -> Any:
        """Return `detail` of an error."""
        return self.body["detail"]


class ApiDesk:
    """A running API. `last` is the last answer that was sent, also of a request that ended in a bug."""

    def __init__(self, engine: Engine, journal: MemoryJournal, batches: Iterator[Batch], settings: GuardSettings, tokens: Path | None) -> None:
        self.engine, self.journal, self._batches = engine, journal, batches
        self._ahead: Batch | None = None
        self.service = EngineService(engine, self._commit)
        self.tokens = TokenStore(tokens)
        self.guard = Guard(settings, self.tokens)
        self.last: Reply | None = None
        self.desk: Desk
        self.hub: Hub
        self.app: App

    def open(self, closed: CompletedTrades) -> None:
        """Build desk, hub and app."""
        self.desk = Desk(self.engine, self.service, self.journal, closed, Origin("scenario:test"))
        self.hub = Hub(self.desk, self.guard)
        self.app = build_app(self.desk, self.guard, self.hub)

    def operator(self) -> dict[str, str]:
        """Return the headers of an operator."""
        return {"authorization": f"Bearer {self.tokens.grant_session('Ada', HOUR_NS)}"}

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        """GET."""
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """POST: bytes as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", path, raw, {**JSON_TYPE, **(headers or {})})

    async def propose(self, headers: dict[str, str] | None = None, **changes: Any) -> Reply:
        """Propose an agent's long, with changes."""
        return await self.post("/api/trade/execute", {**SIGNAL, **changes}, headers)

    async def ask(self, method: str, path: str, raw: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        """Send one request and return its answer."""
        where, _, query = path.partition("?")
        given = {"host": HOST, **(headers or {})}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": where,
            "raw_path": where.encode(), "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8000),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        }  # fmt: skip
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": raw, "more_body": False}]

        async def receive() -> Any:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        self.last = None
        try:
            await self.app(scope, receive, send)
        finally:
            self.last = _reply(sent) if sent else None
        assert self.last is not None
        return self.last

    async def pass_time(self, seconds: float) -> None:
        """Play the scenario on."""
        until_ns = self.engine.now_ns + int(seconds * SECOND_NS)
        while True:
            batch = self._ahead or next(self._batches)
            if batch[0] > until_ns:
                self._ahead = batch
                return
            self._ahead = None
            await self.service.on_batch(*batch)

    def _commit(self) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            future.set_result(self.journal.commit())
        except Exception as error:  # handed to the service, as the committer's thread does
            future.set_exception(error)
        return future


def _reply(sent: list[Any]) -> Reply:
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Reply(sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, body)


@asynccontextmanager
async def served(
    scenario: str = "open-market",
    warm_up_s: float = 60,
    config: Path = CONFIG,
    guard: GuardSettings | None = None,
    tokens: Path | None = None,
) -> AsyncIterator[ApiDesk]:
    """Serve a scenario, warmed up so that every feed has been heard."""
    settings = load(config)
    limits = settings.limits(Mode.PAPER)
    feed = ScenarioFeed(scenario, 1, limits.perpetuals())
    journal = MemoryJournal(str(Mode.PAPER))
    request = RunRequest(None, parse_policy("none"), Assumptions(), strategies_enabled=False)
    engine, _ = assemble(settings, limits, feed, journal, request)
    closed = CompletedTrades.following(engine.chronicle)
    start_engine(engine, feed, request)
    batches = iter(feed.batches())
    batch = next(batches)
    while batch[0] < feed.description.start_ns + int(warm_up_s * SECOND_NS):
        engine.on_batch(*batch)
        batch = next(batches)
    api = ApiDesk(engine, journal, batches, guard or GuardSettings(Mode.PAPER, requests_per_s_max=_PLENTY), tokens)
    api._ahead = batch
    async with api.service:
        api.open(closed)
        yield api


def without_cooldowns(folder: Path) -> Path:
    """Write the shipped config with every cooldown at 0 and return its path."""
    path = folder / "config.json"
    path.write_text(CONFIG.read_text().replace('"cooldown_s": 60', '"cooldown_s": 0'))
    return path


def propose_tokens(path: Path, count: int) -> list[dict[str, str]]:
    """Write a token file and return the headers of `count` agents."""
    secrets = [create(path, f"agent-{number}", Level.PROPOSE, time.time_ns(), None)[0] for number in range(count)]
    return [{"authorization": f"Bearer {secret}"} for secret in secrets]


def run(story: Callable[[ApiDesk], Awaitable[None]], **how: Any) -> None:
    """Run one story against a fresh API."""

    async def told() -> None:
        async with served(**how) as api:
            await story(api)

    asyncio.run(told())
