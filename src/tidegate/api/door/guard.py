"""The guard: every request passes it before anything else looks at it. INVARIANT: A2 A3 A5 B5

In: an ASGI scope (HTTP or WebSocket), the level its route needs. Out: an `Admission`, or an `ApiError`. In order: Host, Origin, client address,
token, level, rate. Deny by default. Identity is the token and nothing else: no cookie, no forwarded header, no word in a body names a caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

from tidegate.api.door.admission import LOCAL, NO_TOKEN, Admission, Level
from tidegate.api.door.body import BODY_BYTES_MAX, check_body_headers, read_body
from tidegate.api.door.guard_settings import LOOPBACK_NAMES, GuardSettings, is_loopback, start_problems
from tidegate.api.door.json_shape import check_json_shape
from tidegate.api.door.operator_link import OperatorLink
from tidegate.api.door.rate import RateLimit
from tidegate.api.door.token_text import holds_a_token, names_a_secret
from tidegate.api.door.tokens import Bearer, TokenStore
from tidegate.api.errors import (
    FORBIDDEN,
    TOKENS_UNREADABLE,
    TOO_MANY_REQUESTS,
    UNAUTHENTICATED,
    WRONG_HOST,
    WRONG_ORIGIN,
    ApiError,
)
from tidegate.units import SECOND_NS, Nanoseconds

__all__ = ["BODY_BYTES_MAX", "Guard", "GuardSettings", "check_body_headers", "check_json_shape", "read_body", "start_problems"]

Scope = MutableMapping[str, Any]
SUBPROTOCOL: Final = "tidegate.v1"
BEARER_SUBPROTOCOL: Final = "tidegate.bearer."
_TOKEN_LENGTH_MAX = 128
_FORWARDED: Final = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via")
_HEARD: Final = frozenset(
    (b"host", b"origin", b"authorization", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"sec-websocket-protocol", *_FORWARDED)
)
_TOKEN_HEADERS: Final = frozenset((b"authorization", b"sec-websocket-protocol", b"cookie"))  # cookies are not even looked at
_Heard = Mapping[bytes, list[bytes]]
_CHALLENGE: Final = (("WWW-Authenticate", 'Bearer realm="tidegate"'),)
_INVALID: Final = (("WWW-Authenticate", 'Bearer realm="tidegate", error="invalid_token"'),)
_HOW: Final = "send the header Authorization: Bearer TOKEN; create a token with: tidegate token create NAME --level "
_NOBODY: Final = Bearer(LOCAL, Level.PUBLIC, NO_TOKEN)
_LOCAL: Final = Bearer(LOCAL, Level.PROPOSE, NO_TOKEN)


class Guard:
    """One server's guard. `monotonic_ns` drives the rate limit; `link` is the one-time operator link, None where there is none."""

    def __init__(
        self,
        settings: GuardSettings,
        tokens: TokenStore,
        monotonic_ns: Callable[[], Nanoseconds] = time.monotonic_ns,
        link: OperatorLink | None = None,
    ) -> None:
        self.settings, self.tokens, self.link = settings, tokens, link
        self._rate = RateLimit(settings.requests_per_s_max, monotonic_ns)
        self._origins = _origins(settings)

    def admit(self, scope: Scope, need: Level, open_on_loopback: bool = False) -> Admission:
        """Admit a request to a route that needs `need`. Raises ApiError before any work is done.

        `open_on_loopback` marks routes (halt, flatten) a tokenless caller may use although they need more. Their requests are counted apart,
        so that no flood of others keeps an operator from halting. INVARIANT: A2 A3 A5
        """
        heard = _gathered(scope["headers"])
        host = self._require_host(heard)
        _require_origin(heard, self._origins[host], scope)
        self._require_client(scope)
        bearer = self._bearer(scope, heard, host, need)
        if bearer.level < need and not (open_on_loopback and bearer is _LOCAL):
            raise _too_low(bearer, need)
        admission = Admission(bearer.principal, bearer.level, bearer.token_id)
        self.check_rate(admission, urgent=open_on_loopback)
        return admission

    def check_rate(self, admission: Admission, urgent: bool = False) -> None:
        """Count one request of a caller. Raises ApiError 429 above the limit; equal to it passes."""
        wait_ns = self._rate.wait_ns((admission.principal, urgent))
        if wait_ns > 0:
            seconds = -(-wait_ns // SECOND_NS)
            limit = self.settings.requests_per_s_max
            reason = f"more than {limit} requests in one second from this caller, nothing was done; wait {seconds} s and try again"
            raise ApiError(TOO_MANY_REQUESTS, reason, (("Retry-After", str(seconds)),))

    def still_admitted(self, admission: Admission) -> bool:
        """Say whether the token behind a long-lived connection still works; tokenless callers stay."""
        return admission.token_id == NO_TOKEN or self.tokens.still_works(admission.token_id)

    def _require_host(self, heard: _Heard) -> bytes:
        """Return the one Host, if it is a name of this server: a page whose own name was rebound to this address sends that name. INVARIANT: A3"""
        hosts = heard.get(b"host", ())
        host = hosts[0].lower() if len(hosts) == 1 else b""
        if host not in self._origins:
            raise ApiError(
                WRONG_HOST, "the Host header must be given once and name this server: 127.0.0.1, localhost or [::1] with its port"
            )
        return host

    def _require_client(self, scope: Scope) -> None:
        if not is_loopback(self.settings.host):
            return
        client = scope.get("client")
        if not client or not is_loopback(client[0]):
            raise ApiError(FORBIDDEN, "this server listens for this machine only, and the request came from elsewhere")

    def _bearer(self, scope: Scope, heard: _Heard, host: bytes, need: Level) -> Bearer:
        if _is_exposed(scope):
            reason = "a token travels in the Authorization header and nowhere else, logs keep the rest: revoke it, create another, and "
            raise ApiError(UNAUTHENTICATED, reason + _HOW + max(need, Level.READ).word, _CHALLENGE)
        credentials = _credentials(heard, is_websocket=scope["type"] == "websocket")
        if len(credentials) > 1:
            raise ApiError(
                UNAUTHENTICATED, "more than one token was sent, and which one counts is not guessed; send exactly one", _CHALLENGE
            )
        if not credentials:
            return self._without_token(heard, host, need)
        return self._with_token(credentials[0])

    def _with_token(self, secret: str) -> Bearer:
        """Find whose token this is. Wrong, expired, revoked and malformed give one and the same answer, and never fall back to tokenless."""
        found = self.tokens.bearer(secret if len(secret) <= _TOKEN_LENGTH_MAX else "")
        if found is not None:
            return found
        if self.tokens.problem:
            raise ApiError(TOKENS_UNREADABLE, "the server cannot use its token file, and no token counts until it can; its log says why")
        raise ApiError(UNAUTHENTICATED, "the token is wrong, expired or revoked; create another with: tidegate token create", _INVALID)

    def _without_token(self, heard: _Heard, host: bytes, need: Level) -> Bearer:
        """Grant what a caller without a token has: on loopback, directly, under a loopback name. A forwarded request came from elsewhere."""
        direct = self.settings.on_loopback and _is_loopback_name(host) and not any(name in heard for name in _FORWARDED)
        if direct and need is Level.PUBLIC:
            return _NOBODY
        if direct and self.settings.tokenless:
            return _LOCAL
        raise ApiError(UNAUTHENTICATED, "a token is needed here; " + _HOW + max(need, Level.READ).word, _CHALLENGE)


def answer_subprotocol(scope: Scope) -> str | None:
    """Return the subprotocol to accept a WebSocket with: never the one that carries the token, which would be echoed."""
    offered = _protocols(_gathered(scope["headers"]))
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def _is_exposed(scope: Scope) -> bool:
    """Say whether a token stands where it would be logged or journaled: the address, or a header that is not for tokens. INVARIANT: C3"""
    if "tg_" in scope["path"] or names_a_secret(scope.get("query_string", b"")):
        return True
    return any(b"tg_" in value and name not in _TOKEN_HEADERS and holds_a_token(value) for name, value in scope["headers"])


def _gathered(headers: Iterable[tuple[bytes, bytes]]) -> _Heard:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name in _HEARD:
            found.setdefault(name, []).append(value)
    return found


def _origins(settings: GuardSettings) -> dict[bytes, bytes]:
    """Return every Host this server answers to, each with the one Origin a page of its own has there."""
    local = [each for name in LOOPBACK_NAMES for each in (name, f"{name}:{settings.port}")]
    scheme = "https" if settings.behind_tls else "http"
    found = {name.lower().encode("ascii"): f"{scheme}://{name.lower()}".encode("ascii") for name in settings.hosts}
    return found | {name.encode("ascii"): f"http://{name}".encode("ascii") for name in local}


def _is_loopback_name(host: bytes) -> bool:
    return host.startswith((b"127.0.0.1", b"localhost", b"[::1]"))


def _require_origin(heard: _Heard, own: bytes, scope: Scope) -> None:
    """Refuse requests that a page of another origin caused, also those on which browsers send no Origin. INVARIANT: A3"""
    reason = "a page of another origin may not use this server; open the page from this server, or call it from a program"
    origins = heard.get(b"origin")
    if origins is not None and (len(origins) != 1 or origins[0].lower() != own):
        raise ApiError(WRONG_ORIGIN, reason)
    site = heard.get(b"sec-fetch-site")
    if site is not None and site != [b"same-origin"] and site != [b"none"] and not _is_followed_link(heard, scope):
        raise ApiError(WRONG_ORIGIN, reason)


def _is_followed_link(heard: _Heard, scope: Scope) -> bool:
    """Say whether a person followed a link here: a whole page is shown, and the page they came from sees nothing of it."""
    return scope.get("method") == "GET" and heard.get(b"sec-fetch-mode") == [b"navigate"] and heard.get(b"sec-fetch-dest") == [b"document"]


def _credentials(heard: _Heard, is_websocket: bool) -> list[str]:
    found = [_bearer_text(value) for value in heard.get(b"authorization", ())]
    if is_websocket:
        found += [each.removeprefix(BEARER_SUBPROTOCOL) for each in _protocols(heard) if each.startswith(BEARER_SUBPROTOCOL)]
    return found


def _bearer_text(value: bytes) -> str:
    """Return the token of an Authorization header; another scheme is an empty token, which is nobody's."""
    scheme, _, text = value.decode("latin-1").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _protocols(heard: _Heard) -> list[str]:
    return [part.strip() for value in heard.get(b"sec-websocket-protocol", ()) for part in value.decode("latin-1").split(",")]


def _too_low(bearer: Bearer, need: Level) -> ApiError:
    if bearer is _LOCAL or bearer is _NOBODY:
        return ApiError(UNAUTHENTICATED, f"this needs a token of level {need.word}; " + _HOW + need.word, _CHALLENGE)
    return ApiError(FORBIDDEN, f"this needs level {need.word}, the token has {bearer.level.word}; nothing but a token of that level helps")
