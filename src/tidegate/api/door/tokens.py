"""The tokens a running server knows: the file's, watched for changes, and the operator sessions of this process.

In: a presented secret. Out: who it belongs to, or nobody. The look-up hashes once and compares with every token, in constant time, whatever is
presented. A file that can no longer be trusted makes every token unknown until it is repaired: fail closed. INVARIANT: A2 C3 C4
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tidegate.api.door.admission import Level
from tidegate.api.door.token_file import EMPTY, TokenFile, TokenFileUnusable, digest_of, principal_of, read
from tidegate.api.door.token_text import level_of, new_secret
from tidegate.model.intent import Principal
from tidegate.units import SECOND_NS, Nanoseconds

LOOK_EVERY_NS = SECOND_NS
SESSIONS_MAX = 16
_log = logging.getLogger("tidegate.tokens")
_Mark = tuple[int, int, int, int]  # inode, size, mode and modification time of the file that was read


class Bearer(msgspec.Struct, frozen=True, gc=False):
    """Whom a valid token belongs to."""

    principal: Principal
    level: Level
    token_id: str


class _Known(msgspec.Struct, frozen=True, gc=False):
    """One token as it is compared: valid while the wall clock is before `expires_ns`, and the monotonic clock before `ends_monotonic_ns`."""

    digest: bytes
    bearer: Bearer
    expires_ns: Nanoseconds | None
    ends_monotonic_ns: Nanoseconds | None

    def __repr__(self) -> str:
        return f"_Known({self.bearer.token_id})"

    def works(self, now_ns: Nanoseconds, monotonic_ns: Nanoseconds) -> bool:
        """Say whether it is not over yet, on both clocks."""
        is_over = self.expires_ns is not None and now_ns >= self.expires_ns
        return not is_over and (self.ends_monotonic_ns is None or monotonic_ns < self.ends_monotonic_ns)


class TokenStore:
    """All tokens of one server. `now_ns` is UTC (expiry), `monotonic_ns` never steps (looking at the file, operator sessions)."""

    def __init__(
        self,
        path: Path | None,
        now_ns: Callable[[], Nanoseconds] = time.time_ns,
        monotonic_ns: Callable[[], Nanoseconds] = time.monotonic_ns,
    ) -> None:
        self._path, self._now_ns, self._monotonic_ns = path, now_ns, monotonic_ns
        self._salt = ""
        self._session_salt = secrets.token_hex(16)
        self._known: tuple[_Known, ...] = ()
        self._sessions: tuple[_Known, ...] = ()
        self._mark: _Mark | None = None
        self._looked_ns = monotonic_ns()
        self.problem = ""
        self._read()

    def __repr__(self) -> str:
        return f"TokenStore({len(self._known)} tokens)"

    @property
    def usable_count(self) -> int:
        """Return how many tokens of the file work now."""
        now_ns = self._now_ns()
        return sum(1 for known in self._known if known.expires_ns is None or now_ns < known.expires_ns)

    def agent_names(self) -> frozenset[str]:
        """Return the case-folded names that belong to agents, so that no human session takes one."""
        return frozenset(known.bearer.principal.name.casefold() for known in self._known if known.bearer.level < Level.OPERATE)

    def bearer(self, secret: str) -> Bearer | None:
        """Return whose token this is, or None when it is wrong, expired, revoked or not a token: nobody learns which."""
        now = self._monotonic_ns()
        if now - self._looked_ns >= LOOK_EVERY_NS:
            self._look(now)
        found = self._find(secret, now)
        if found is None and self._look(now):
            found = self._find(secret, now)
        return found

    def still_works(self, token_id: str) -> bool:
        """Say whether a token that was admitted earlier still works, for connections that outlive one request."""
        monotonic_ns, now_ns = self._monotonic_ns(), self._now_ns()
        if monotonic_ns - self._looked_ns >= LOOK_EVERY_NS:
            self._look(monotonic_ns)
        found = [known for known in (*self._known, *self._sessions) if known.bearer.token_id == token_id]
        return any(known.works(now_ns, monotonic_ns) for known in found)

    def grant_session(self, name: str, lasts_ns: Nanoseconds) -> str:
        """Make an operate token that lives in this process only; the oldest of more than 16 ends. `name` was checked by the caller."""
        secret = new_secret(Level.OPERATE)
        bearer = Bearer(principal_of(Level.OPERATE, name), Level.OPERATE, f"session-{secrets.token_hex(4)}")
        known = _Known(digest_of(self._session_salt, secret), bearer, None, self._monotonic_ns() + lasts_ns)
        self._sessions = (*self._sessions, known)[-SESSIONS_MAX:]
        return secret

    def _find(self, secret: str, monotonic_ns: Nanoseconds) -> Bearer | None:
        """Compare with every token there is, without leaving early."""
        level = level_of(secret)
        found: _Known | None = None
        for salt, group in ((self._salt, self._known), (self._session_salt, self._sessions)):
            digest = digest_of(salt, secret)
            for known in group:
                if hmac.compare_digest(known.digest, digest):
                    found = known
        if found is None or level is not found.bearer.level:  # a level edited in the file does not promote a token
            return None
        return found.bearer if found.works(self._now_ns(), monotonic_ns) else None

    def _look(self, monotonic_ns: Nanoseconds) -> bool:
        """Read the file again when it is another one; say whether it was."""
        self._looked_ns = monotonic_ns
        if self._path is None or self._mark == _mark(self._path):
            return False
        self._read()
        return True

    def _read(self) -> None:
        if self._path is None:
            return
        was_unusable = bool(self.problem)
        self._mark = _mark(self._path)  # before reading: a change in between is seen at the next look
        try:
            found, self.problem = read(self._path), ""
        except TokenFileUnusable as error:
            found, self.problem = EMPTY, str(error)
            _log.error("no token counts until the token file is repaired: %s", self.problem)
        if was_unusable and not self.problem:
            _log.warning("the token file is usable again")
        self._salt = found.salt
        self._known = _known(found)


def _known(found: TokenFile) -> tuple[_Known, ...]:
    return tuple(
        _Known(bytes.fromhex(record.digest), Bearer(record.principal, record.rank, record.id), record.expires_ns, None)
        for record in found.tokens
        if record.revoked_ns is None
    )


def _mark(path: Path) -> _Mark | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mode, status.st_mtime_ns)
