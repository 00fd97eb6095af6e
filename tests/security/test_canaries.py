"""Secrets planted in every place of a request are in no answer, journal, log, metric, error or print-out afterwards. INVARIANT: C3 J6"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_desk import ApiDesk, run
from tidegate.api.app import App
from tidegate.api.door.admission import Level
from tidegate.api.door.guard import Guard, GuardSettings
from tidegate.api.door.operator_link import OperatorLink
from tidegate.api.door.token_file import create, read
from tidegate.api.door.token_text import new_secret, redact
from tidegate.api.door.tokens import TokenStore
from tidegate.api.errors import ApiError
from tidegate.api.logs import start_logs
from tidegate.api.routes.operator_page import OPERATOR_ENDPOINTS
from tidegate.api.stream.hub import PATH, Hub
from tidegate.api.table import ENDPOINTS
from tidegate.model.intent import Mode
from tidegate.units import SECOND_NS

ALL = tuple({(each.method, each.path): each for each in (*ENDPOINTS, *OPERATOR_ENDPOINTS)}.values())
PREFIX_CHARACTERS = 12


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Path]:
    """Set the server's logs up in a folder of the test, and put everything back afterwards."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = (root.handlers[:], root.level, access.handlers[:], access.filters[:], access.propagate)
    gathering = start_logs(tmp_path / "logs", "DEBUG")
    yield tmp_path / "logs"
    gathering.flush()
    for handler in (*root.handlers, *access.handlers):
        if handler not in before[0] and handler not in before[2]:
            handler.close()
    root.handlers[:], access.handlers[:], access.filters[:] = before[0], before[2], before[3]
    root.setLevel(before[1])
    logging.raiseExceptions = True
    access.propagate = before[4]


def planted(api: ApiDesk, folder: Path) -> tuple[dict[str, str], OperatorLink]:
    """Give the served app a token file and an operator link; return every secret there is."""
    path = folder / "tokens.json"
    canaries = {
        level.word: create(path, f"canary {level.word}", level, SECOND_NS, None)[0] for level in (Level.READ, Level.PROPOSE, Level.OPERATE)
    }
    canaries["stranger"] = new_secret(Level.OPERATE)
    api.tokens = TokenStore(path)
    link = OperatorLink(api.tokens)
    api.guard = Guard(GuardSettings(Mode.PAPER, requests_per_s_max=1_000_000), api.tokens, link=link)
    api.hub = Hub(api.desk, api.guard)
    api.app = App(api.desk, api.guard, api.hub, ALL)
    return canaries, link


def seen_in(text: str, canaries: dict[str, str]) -> list[str]:
    """Return the names of the secrets of which at least a prefix shows."""
    return [name for name, secret in canaries.items() if secret in text or secret[5 : 5 + PREFIX_CHARACTERS] in text]


async def everywhere(api: ApiDesk, secret: str) -> str:
    """Send a secret in every place a clumsy client could put it, and return all answers as one text."""
    bearer = {"authorization": f"Bearer {secret}"}
    answers = []
    for path in (
        f"/api/health?token={secret}",
        f"/api/decisions/{secret}",
        f"/api/market/{secret}",
        f"/{secret}",
        "/api/health",
        f"/api/session?{secret}",
    ):
        for headers in (
            {},
            bearer,
            {**bearer, "idempotency-key": secret},
            {"authorization": secret},
            {"cookie": secret},
            {"origin": secret},
            {"host": secret},
        ):
            answers.append(await api.get(path, headers))
    for field in ("strategy", "pair", "evidence", "client_request_id", "mode", "side", "amount", secret):
        answers += [await api.propose(headers, **{field: secret}) for headers in ({}, bearer)]
    for path in (
        "/api/lift",
        "/api/review",
        "/api/halt",
        "/api/flatten",
        "/api/dashboard/update",
        "/api/strategies/start",
        "/api/operator/redeem",
    ):
        for body in (
            {"reason": secret, "cause": secret},
            {"event": secret, "data": {secret: secret}},
            {"code": secret, "name": secret},
            secret,
            b"{" + secret.encode(),
        ):
            answers.append(await api.post(path, body, bearer))
    return repr(answers) + await _streamed(api, secret)


def test_no_secret_is_left_in_answers_journal_logs_metrics_or_print_outs(
    tmp_path: Path, logs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    left: dict[str, str] = {}

    async def story(api: ApiDesk) -> None:
        canaries, link = planted(api, tmp_path)
        code = link.address("").partition("=")[2]
        for name, secret in list(canaries.items()):
            left[f"answers to {name}"] = await everywhere(api, secret)
        redeemed = await api.post("/api/operator/redeem", {"code": code, "name": "Ada"})
        canaries["session"] = redeemed.body["token"]
        left["answers to the session"] = await everywhere(api, canaries["session"])
        access = logging.getLogger("uvicorn.access")
        for secret in canaries.values():
            access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", f"/api/health?token={secret}", "1.1", 401)
            access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", f"/{secret.replace('_', '%5F')}", "1.1", 404)
            logging.getLogger("tidegate").error("it went wrong: %s", ApiError.__doc__, exc_info=ValueError(secret))
            logging.getLogger("tidegate").warning("open http://127.0.0.1:8000/operator#code=%s", code)
        canaries["code"] = "code:" + code
        left["journal"] = " ".join(record.payload.decode() for record in api.journal.read(1))
        left["metrics"] = (await api.get("/metrics")).raw.decode()
        left["openapi"] = (await api.get("/openapi.json")).raw.decode()
        left["objects"] = " ".join(
            repr(each) for each in (api.guard, api.tokens, link, read(tmp_path / "tokens.json"), api.guard.__dict__, link.__dict__ and link)
        )
        left["canaries"] = repr(sorted(canaries))
        gathered = access.handlers[0]
        gathered.flush()
        left["logs"] = " ".join(path.read_text() for path in logs.iterdir())
        said = capfd.readouterr()
        left["screen"] = said.out + said.err
        found = {place: names for place, text in left.items() if (names := seen_in(text, canaries))}
        assert not found
        assert "it went wrong" in left["logs"]
        assert "[token]" in left["logs"]

    run(story)


def test_the_search_would_find_a_prefix() -> None:
    secret = new_secret(Level.READ)
    assert seen_in(f"... {secret[:20]} ...", {"one": secret}) == ["one"]
    assert seen_in(redact(f"... {secret[:20]} ..."), {"one": secret}) == []


async def _streamed(api: ApiDesk, secret: str) -> str:
    """Bring a secret to the stream, in its address, its subprotocol and its messages, and return all it said."""
    said: list[Any] = []
    for query, offered in (
        (b"token=" + secret.encode(), ""),
        (b"", f"tidegate.v1, tidegate.bearer.{secret}"),
        (b"since=" + secret.encode(), ""),
    ):
        waiting: list[Any] = [{"type": "websocket.connect"}]
        waiting += [{"type": "websocket.receive", "text": text} for text in (f'{{"type":"{secret}"}}', secret, '{"type":"ping"}')]
        waiting.append({"type": "websocket.disconnect", "code": 1000})
        headers = [(b"host", b"127.0.0.1:8000"), (b"sec-websocket-protocol", offered.encode())]
        scope = {"type": "websocket", "path": PATH, "query_string": query, "headers": headers, "client": ("127.0.0.1", 5), "extensions": {}}

        async def receive(waiting: list[Any] = waiting) -> Any:
            return waiting.pop(0) if waiting else await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            said.append(message)

        await api.app(scope, receive, send)
    return repr(said)
