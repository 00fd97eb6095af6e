"""The client for ordinary code: one call, one answer, within its time.

In: what the agent wants. Out: a `Verdict`, or the answer's content. `propose` and `check` never raise: every trouble is "not allowed" with
a code. The time-out is for the whole call, connecting and a dripping answer included (looking up a host name is the operating system's).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.client import calls
from tidegate.client.connecting import (
    RECEIVE_BYTES,
    Caller,
    connect,
    default_tls,
    left_s,
    unreachable,
)
from tidegate.client.http_text import Answer, AnswerReader, request_bytes
from tidegate.client.verdict import GATE_SLOW, GATE_UNREACHABLE, GateError, Json, StreamEvent, Verdict

if TYPE_CHECKING:
    import socket
    from typing import Unpack

    from tidegate.client.calls import Number, Terms


class TidegateClient(Caller):
    """Talks to one Tidegate server. Holds no connection between calls, so it may be shared by threads and never needs closing.

    Raises ValueError for a URL or token that cannot be right. `tls` replaces the default certificate check of https.
    """

    def propose(
        self,
        strategy: str,
        pair: str,
        amount: Number,
        side: str | None = None,
        client_request_id: str | None = None,
        **terms: Unpack[Terms],
    ) -> Verdict:
        """Ask for a trade of `amount` USD and return the verdict; never raises.

        A `client_request_id` is made when none is given. Where the connection breaks after sending, it asks once more with the same id;
        where no answer came in time, the verdict says `outcome_unknown`: propose again with `verdict.client_request_id` to learn it.
        """
        named: dict[str, object] = {"strategy": strategy, "pair": pair, "amount": amount, "side": side}
        return self._judged(calls.EXECUTE, {**named, **terms, "client_request_id": client_request_id})

    def check(
        self, strategy: str, pair: str, amount: Number, side: str | None = None, **terms: Unpack[Terms]
    ) -> Verdict:
        """Ask what the gate would say now, without trading; never raises. Nothing is recorded."""
        named: dict[str, object] = {"strategy": strategy, "pair": pair, "amount": amount, "side": side}
        return self._judged(calls.CHECK, {**named, **terms})

    def health(self) -> Json:
        """Return status, mode, halts, feeds with ages. Raises GateError, as every call below."""
        return self._content("GET", "/api/health")

    def performance(self) -> Json:
        """Return what each strategy has made."""
        return self._content("GET", "/api/strategy/performance")

    def envelope(self) -> Json:
        """Return what is allowed right now, per strategy, instrument and side."""
        return self._content("GET", "/api/envelope")

    def decision(self, decision_id: str) -> Json:
        """Return one decision with every finding and what became of it. Raises ValueError for what cannot be an id."""
        return self._content("GET", calls.decision_path(decision_id))

    def decisions(self, limit: int = 20) -> Json:
        """Return the latest decisions, the newest first: what was decided while this client could not hear. `limit` is 1 to 100."""
        return self._content("GET", f"/api/decisions?limit={int(limit)}")

    def market(self, asset: str) -> Json:
        """Return every reading of one asset with its source and ages. Raises ValueError for what cannot be an asset."""
        return self._content("GET", calls.market_path(asset))

    def positions(self) -> Json:
        """Return the open trades."""
        return self._content("GET", "/api/positions")

    def session(self) -> Json:
        """Return the session: result, counts, limits with their distances, halts."""
        return self._content("GET", "/api/session")

    def halt(self, reason: str) -> Json:
        """Refuse entries from now on; exits stay open. Only a human lifts it."""
        return self._content("POST", "/api/halt", calls.reason_body(reason))

    def flatten(self, reason: str) -> Json:
        """Cancel everything, close everything, and halt."""
        return self._content("POST", "/api/flatten", calls.reason_body(reason))

    def start_strategies(self, max_trades: int | None = None) -> Json:
        """Let the server's strategies trade; `max_trades` can only tighten the day's entries. Needs an operate token."""
        return self._content("POST", "/api/strategies/start", calls.strategies_body(max_trades))

    def stop_strategies(self) -> Json:
        """Let the server's strategies propose nothing more; open trades keep their stops. Needs an operate token."""
        return self._content("POST", "/api/strategies/stop", "{}")

    def update_dashboard(self, event: str, content: Json) -> Json:
        """Show a message on the dashboards, labelled untrusted; it changes nothing. `content` must be what `json` can write."""
        return self._content("POST", "/api/dashboard/update", calls.update_body(event, content))

    def events(self, since: int | None = None) -> Iterator[StreamEvent]:
        """Yield the stream's events for ever, beginning after `since` (None: now); reconnects, and goes on after the last `seq` seen.

        Each journaled event is yielded once. Raises GateError when the server refuses this caller, and when `websockets` is not installed.
        """
        from tidegate.client.listening import Line, listen

        return listen(Line(self._server, self._token, self._timeout_s, self._tls), since)

    def _content(self, method: str, path: str, body: str | None = None) -> Json:
        return calls.content_of(self._exchange(method, path, body, time.monotonic() + self._timeout_s))

    def _judged(self, path: str, fields: dict[str, object]) -> Verdict:
        asked = calls.ask(path, fields)
        if isinstance(asked, Verdict):
            return asked
        deadline, earlier = time.monotonic() + self._timeout_s, None
        for _ in range(calls.ATTEMPTS):
            verdict = calls.with_earlier(earlier, self._answered(asked, deadline))
            if not calls.worth_repeating(verdict) or time.monotonic() >= deadline:
                break
            earlier = verdict
        return verdict

    def _answered(self, asked: calls.Ask, deadline: float) -> Verdict:
        try:
            answer = self._exchange("POST", asked.path, asked.body, deadline)
        except GateError as error:
            return calls.unobtained(error, asked)
        return calls.verdict_of(answer, asked)

    def _exchange(self, method: str, path: str, body: str | None, deadline: float) -> Answer:
        """Send one request on a connection of its own and read its answer. Raises GateError."""
        request = request_bytes(self._server, method, path, body, self._token)
        sent = False
        try:
            with self._connect(deadline) as connection:
                sent = True
                connection.settimeout(left_s(deadline))
                connection.sendall(request)
                return _read(connection, deadline)
        except TimeoutError:
            raise GateError(
                GATE_SLOW, f"no complete answer within {self._timeout_s:g} s", retryable=True, sent=sent
            ) from None
        except OSError as error:
            raise GateError(GATE_UNREACHABLE, unreachable(self._server, error), retryable=True, sent=sent) from None

    def _connect(self, deadline: float) -> socket.socket:
        connection = connect(self._server, deadline)
        if not self._server.tls:
            return connection
        context = self._tls or default_tls()
        try:
            return context.wrap_socket(connection, server_hostname=self._server.host)
        except OSError:
            connection.close()
            raise


def _read(connection: socket.socket, deadline: float) -> Answer:
    reader = AnswerReader()
    while True:
        connection.settimeout(left_s(deadline))
        answer = reader.feed(connection.recv(RECEIVE_BYTES))
        if answer is not None:
            return answer
