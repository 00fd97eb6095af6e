"""The one-time operator link: how the human at the keyboard gets an operate token without a token file. INVARIANT: A2 K2

At start-up a code of 128 random bits is printed as `http://127.0.0.1:8000/operator#code=...`. What stands behind `#` stays in the browser: it is
in no request line and no log. The page posts it once with the human's name and gets a token that lives in this process only. The code works once,
for ten minutes, and five wrong tries close it.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from typing import Final

from tidegate.api.door.token_file import checked_name
from tidegate.api.door.tokens import TokenStore
from tidegate.api.errors import FORBIDDEN, ApiError
from tidegate.errors import InputError
from tidegate.units import HOUR_NS, MINUTE_NS, Nanoseconds

CODE_BYTES: Final = 16
CODE_LASTS_NS: Final = 10 * MINUTE_NS
SESSION_LASTS_NS: Final = 12 * HOUR_NS
WRONG_TRIES_MAX: Final = 5
_CLOSED: Final = (
    "the one-time code is wrong, used, or closed; restart the server for a new link, or use the tidegate command on this machine"
)


class OperatorLink:
    """One code of one server process."""

    def __init__(self, tokens: TokenStore, monotonic_ns: Callable[[], Nanoseconds] = time.monotonic_ns) -> None:
        self._tokens, self._monotonic_ns = tokens, monotonic_ns
        self._code = secrets.token_urlsafe(CODE_BYTES)
        self._ends_ns = monotonic_ns() + CODE_LASTS_NS
        self._tries_left = WRONG_TRIES_MAX

    def __repr__(self) -> str:
        return "OperatorLink()"

    def address(self, server_url: str) -> str:
        """Return the link to print, on the terminal only: never into a log."""
        return f"{server_url.rstrip('/')}/operator#code={self._code}"

    def redeem(self, code: str, name: str) -> str:
        """Return an operate token for a named human and close the code. Raises InputError for a bad name (the code stays), ApiError else."""
        fits = hmac.compare_digest(self._code.encode(), code.encode("utf-8", "surrogatepass"))
        is_open = bool(self._code) and self._tries_left > 0 and self._monotonic_ns() < self._ends_ns
        if not (fits and is_open):
            self._tries_left = max(0, self._tries_left - 1)
            raise ApiError(FORBIDDEN, _CLOSED)
        who = checked_name(name)
        if who.casefold() in self._tokens.agent_names():
            raise InputError("name", name, "a human's name; this one belongs to an agent")
        self._code = ""
        return self._tokens.grant_session(who, SESSION_LASTS_NS)
