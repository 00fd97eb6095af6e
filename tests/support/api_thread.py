"""The app of `api_desk` behind a real socket, in a thread: for clients and fuzzers that are not asynchronous."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from tests.support.api_desk import ApiDesk, served
from tidegate.api.door.guard import GuardSettings
from tidegate.model.intent import Mode

_PLENTY = 1_000_000
START_S = 30


class Running:
    """A served app: where it is, and an operator's headers."""

    def __init__(self) -> None:
        self.url, self.operator = "", dict[str, str]()
        self.api: ApiDesk
        self._ready, self._failure = threading.Event(), list[BaseException]()
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Serve, and return once it answers."""
        self._thread.start()
        assert self._ready.wait(START_S), "the server did not start"
        if self._failure:
            raise self._failure[0]

    def stop(self) -> None:
        """End in order."""
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(START_S)
        self._listener.close()

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # raised again in the thread that waits
            self._failure.append(failure)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        port = self._listener.getsockname()[1]
        guard: Any = GuardSettings(Mode.PAPER, port=port, requests_per_s_max=_PLENTY)
        async with served(guard=guard) as api:
            self.api, self.url, self.operator = api, f"http://127.0.0.1:{port}", api.operator()
            self._server = uvicorn.Server(uvicorn.Config(api.app, log_config=None, lifespan="off", access_log=False))
            self._server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
            serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
            while not self._server.started and not serving.done():
                await asyncio.sleep(0)
            self._ready.set()
            await serving


@contextmanager
def running() -> Iterator[Running]:
    """Serve for as long as the block lasts."""
    server = Running()
    server.start()
    try:
        yield server
    finally:
        server.stop()
