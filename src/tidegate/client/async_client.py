"""The same client for asynchronous code. Nothing blocks the loop.

In and out: as `sync_client.TidegateClient`. A cancelled `propose` may have arrived: give it a `client_request_id`, and ask again with it.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tidegate.client import calls
from tidegate.client.connecting import RECEIVE_BYTES, Caller, default_tls, unreachable
from tidegate.client.http_text import Answer, AnswerReader, request_bytes
from tidegate.client.verdict import GATE_SLOW, GATE_UNREACHABLE, GateError, Json, Verdict

if TYPE_CHECKING:
    from typing import Unpack

    from tidegate.client.calls import Number, Terms
    from tidegate.client.listening import EventStream


class AsyncTidegateClient(Caller):
    """Talks to one Tidegate server. Holds no connection between calls, so it may be shared by tasks and never needs closing.

    Raises ValueError for a URL or token that cannot be right. `tls` replaces the default certificate check of https.
    """

    async def propose(
        self,
        strategy: str,
        pair: str,
        amount: Number,
        side: str | None = None,
        client_request_id: str | None = None,
        **terms: Unpack[Terms],
    ) -> Verdict:
        """Ask for a trade of `amount` USD and return the verdict; never raises. See `TidegateClient.propose`."""
        named: dict[str, object] = {"strategy": strategy, "pair": pair, "amount": amount, "side": side}
        return await self._judged(calls.EXECUTE, {**named, **terms, "client_request_id": client_request_id})

    async def check(
        self, strategy: str, pair: str, amount: Number, side: str | None = None, **terms: Unpack[Terms]
    ) -> Verdict:
        """Ask what the gate would say now, without trading; never raises. Nothing is recorded."""
        named: dict[str, object] = {"strategy": strategy, "pair": pair, "amount": amount, "side": side}
        return await self._judged(calls.CHECK, {**named, **terms})

    async def health(self) -> Json:
        """Return status, mode, halts, feeds with ages. Raises GateError, as every call below."""
        return await self._content("GET", "/api/health")

    async def performance(self) -> Json:
        """Return what each strategy has made."""
        return await self._content("GET", "/api/strategy/performance")

    async def envelope(self) -> Json:
        """Return what is allowed right now, per strategy, instrument and side."""
        return await self._content("GET", "/api/envelope")

    async def decision(self, decision_id: str) -> Json:
        """Return one decision with every finding and what became of it. Raises ValueError for what cannot be an id."""
        return await self._content("GET", calls.decision_path(decision_id))

    async def decisions(self, limit: int = 20) -> Json:
        """Return the latest decisions, the newest first: what was decided while this client could not hear. `limit` is 1 to 100."""
        return await self._content("GET", f"/api/decisions?limit={int(limit)}")

    async def market(self, asset: str) -> Json:
        """Return every reading of one asset with its source and ages. Raises ValueError for what cannot be an asset."""
        return await self._content("GET", calls.market_path(asset))

    async def positions(self) -> Json:
        """Return the open trades."""
        return await self._content("GET", "/api/positions")

    async def session(self) -> Json:
        """Return the session: result, counts, limits with their distances, halts."""
        return await self._content("GET", "/api/session")

    async def halt(self, reason: str) -> Json:
        """Refuse entries from now on; exits stay open. Only a human lifts it."""
        return await self._content("POST", "/api/halt", calls.reason_body(reason))

    async def flatten(self, reason: str) -> Json:
        """Cancel everything, close everything, and halt."""
        return await self._content("POST", "/api/flatten", calls.reason_body(reason))

    async def start_strategies(self, max_trades: int | None = None) -> Json:
        """Let the server's strategies trade; `max_trades` can only tighten the day's entries. Needs an operate token."""
        return await self._content("POST", "/api/strategies/start", calls.strategies_body(max_trades))

    async def stop_strategies(self) -> Json:
        """Let the server's strategies propose nothing more; open trades keep their stops. Needs an operate token."""
        return await self._content("POST", "/api/strategies/stop", "{}")

    async def update_dashboard(self, event: str, content: Json) -> Json:
        """Show a message on the dashboards, labelled untrusted; it changes nothing. `content` must be what `json` can write."""
        return await self._content("POST", "/api/dashboard/update", calls.update_body(event, content))

    def events(self, since: int | None = None) -> EventStream:
        """Return the stream's events, for ever. See `TidegateClient.events`."""
        from tidegate.client.listening import EventStream, Line

        return EventStream(Line(self._server, self._token, self._timeout_s, self._tls), since)

    async def _content(self, method: str, path: str, body: str | None = None) -> Json:
        return calls.content_of(await self._exchange(method, path, body, time.monotonic() + self._timeout_s))

    async def _judged(self, path: str, fields: dict[str, object]) -> Verdict:
        asked = calls.ask(path, fields)
        if isinstance(asked, Verdict):
            return asked
        deadline, earlier = time.monotonic() + self._timeout_s, None
        for _ in range(calls.ATTEMPTS):
            verdict = calls.with_earlier(earlier, await self._answered(asked, deadline))
            if not calls.worth_repeating(verdict) or time.monotonic() >= deadline:
                break
            earlier = verdict
        return verdict

    async def _answered(self, asked: calls.Ask, deadline: float) -> Verdict:
        try:
            answer = await self._exchange("POST", asked.path, asked.body, deadline)
        except GateError as error:
            return calls.unobtained(error, asked)
        return calls.verdict_of(answer, asked)

    async def _exchange(self, method: str, path: str, body: str | None, deadline: float) -> Answer:
        """Send one request on a connection of its own and read its answer. Raises GateError."""
        request = request_bytes(self._server, method, path, body, self._token)
        sent = False
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                reader, writer = await self._connect()
                try:
                    sent = True
                    writer.write(request)
                    await writer.drain()
                    return await _read(reader)
                finally:
                    writer.close()
        except TimeoutError:
            raise GateError(
                GATE_SLOW, f"no complete answer within {self._timeout_s:g} s", retryable=True, sent=sent
            ) from None
        except OSError as error:
            raise GateError(GATE_UNREACHABLE, unreachable(self._server, error), retryable=True, sent=sent) from None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self._server.tls:
            return await asyncio.open_connection(self._server.host, self._server.port)
        return await asyncio.open_connection(self._server.host, self._server.port, ssl=self._tls or default_tls())


async def _read(stream: asyncio.StreamReader) -> Answer:
    reader = AnswerReader()
    while True:
        answer = reader.feed(await stream.read(RECEIVE_BYTES))
        if answer is not None:
            return answer
