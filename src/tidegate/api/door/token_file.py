"""The token file: who was given which level, as salted hashes. The secrets themselves are nowhere. INVARIANT: C3 C4

In: `var/tokens.json`, owned by this user with mode 0600 (anything wider is refused with the fix). Out: `TokenFile`, and changes to it that are
atomic (written beside, synced, renamed) and serialised by a lock, so that two commands at once lose no revocation.

SHA-256 is enough here: a slow hash protects guessable secrets, and 256 random bits are not guessed. One salt per file makes a lookup one hash
and one comparison per token, whichever token is presented.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from tidegate.api.door.admission import Level
from tidegate.api.door.token_text import new_secret
from tidegate.errors import InputError, TidegateError
from tidegate.model.intent import Principal, PrincipalKind
from tidegate.units import Nanoseconds

DEFAULT_PATH: Final = Path("var/tokens.json")
NAME_CHARACTERS_MAX = 64
RECORDS_MAX = 256
FILE_BYTES_MAX = 1_048_576
SALT_BYTES = 16
_OPEN_TO_OTHERS = 0o077
_MACHINE_NAMES = frozenset(
    ("local", "system", "kill switch", "agent", "strategy", "operator", "scripted operator", "deploy command", "start-up", "none")
)


class TokenFileUnusable(TidegateError):
    """The token file cannot be trusted or read; the message says how to fix it."""


class TokenRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One token as it is kept: `digest` is the salted hash in hex. Times are nanoseconds UTC; None means never."""

    id: str
    name: str
    level: str
    digest: str
    created_ns: Nanoseconds
    expires_ns: Nanoseconds | None = None
    revoked_ns: Nanoseconds | None = None

    def __repr__(self) -> str:
        return f"TokenRecord({self.id} {self.name!r} {self.level})"

    @property
    def rank(self) -> Level:
        """Return the level as a value."""
        return Level[self.level.upper()]

    @property
    def principal(self) -> Principal:
        """Return who the bearer is: an operator for operate, an agent for the rest."""
        return principal_of(self.rank, self.name)

    def usable(self, now_ns: Nanoseconds) -> bool:
        """Say whether the token works now; at its expiry it does not."""
        return self.revoked_ns is None and (self.expires_ns is None or now_ns < self.expires_ns)

    def state(self, now_ns: Nanoseconds) -> str:
        """Return `active`, `expired` or `revoked`."""
        return "revoked" if self.revoked_ns is not None else "active" if self.usable(now_ns) else "expired"


class TokenFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `salt` is hex."""

    version: int = 1
    salt: str = ""
    tokens: tuple[TokenRecord, ...] = ()

    def __repr__(self) -> str:
        return f"TokenFile({len(self.tokens)} tokens)"

    def digest(self, secret: str) -> bytes:
        """Return the salted hash of a presented token."""
        return digest_of(self.salt, secret)


EMPTY: Final = TokenFile()


def digest_of(salt: str, secret: str) -> bytes:
    """Return SHA-256 of salt and secret; the salt has a fixed length, so no two pairs make the same text."""
    return hashlib.sha256(salt.encode("ascii") + secret.encode("utf-8")).digest()


def principal_of(level: Level, name: str) -> Principal:
    """Return the principal of a token: operate tokens are an operator's, all others an agent's."""
    return Principal(PrincipalKind.OPERATOR if level >= Level.OPERATE else PrincipalKind.AGENT, name)


def checked_name(name: str) -> str:
    """Return a usable name. Raises InputError for empty, long, unprintable, look-alike and machine names."""
    allowed = f"1 to {NAME_CHARACTERS_MAX} printable characters without colon, and not a machine's name"
    plain = unicodedata.normalize("NFKC", name)
    fine = name == name.strip() and plain == name and name.isprintable() and ":" not in name and 0 < len(name) <= NAME_CHARACTERS_MAX
    if not fine:
        raise InputError("name", name, allowed)
    if name.casefold() in _MACHINE_NAMES or name.startswith("tg_"):
        raise InputError("name", name, allowed, "name the agent or the person who will hold it")
    return name


def read(path: Path) -> TokenFile:
    """Read the file; a file that does not exist holds no tokens. Raises TokenFileUnusable. INVARIANT: C4"""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return EMPTY
    except OSError as error:
        raise TokenFileUnusable(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; give this user a readable file of mode 0600"
        ) from error
    try:
        _require_private(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(FILE_BYTES_MAX + 1)
    finally:
        os.close(descriptor)
    return _decoded(path, content)


def create(path: Path, name: str, level: Level, now_ns: Nanoseconds, expires_ns: Nanoseconds | None) -> tuple[str, TokenRecord]:
    """Add a token and return its secret, which is shown once and kept nowhere. Raises InputError, TokenFileUnusable.

    A name may come back after its token was revoked or expired (rotation keeps the agent's history); it cannot be held twice.
    """
    checked_name(name)
    if expires_ns is not None and expires_ns <= now_ns:
        raise InputError("expires", expires_ns, "a time that is still to come")
    secret = new_secret(level)

    def add(found: TokenFile) -> tuple[TokenFile, TokenRecord]:
        salt = found.salt or secrets.token_hex(SALT_BYTES)
        kept = _with_room(found.tokens, now_ns)
        _require_free(kept, name, now_ns)
        record = TokenRecord(secrets.token_hex(4), name, level.word, digest_of(salt, secret).hex(), now_ns, expires_ns)
        return TokenFile(1, salt, (*kept, record)), record

    return secret, _change(path, add)


def revoke(path: Path, name: str, now_ns: Nanoseconds) -> TokenRecord:
    """Revoke the usable token of a name, or of an id. Raises InputError naming the tokens there are."""

    def end(found: TokenFile) -> tuple[TokenFile, TokenRecord]:
        active = [record for record in found.tokens if record.usable(now_ns)]
        chosen = [record for record in active if name in (record.id, record.name) or record.name.casefold() == name.casefold()]
        if not chosen:
            known = ", ".join(record.name for record in active) or "none"
            raise InputError("name", name, f"the name of an active token ({known})")
        ended = msgspec.structs.replace(chosen[0], revoked_ns=now_ns)
        kept = tuple(ended if record is chosen[0] else record for record in found.tokens)
        return TokenFile(found.version, found.salt, kept), ended

    return _change(path, end)


def _with_room(records: tuple[TokenRecord, ...], now_ns: Nanoseconds) -> tuple[TokenRecord, ...]:
    """Forget the oldest unusable records when the file is full; usable ones are never forgotten."""
    if len(records) < RECORDS_MAX:
        return records
    ended = [record for record in records if not record.usable(now_ns)]
    if not ended:
        raise InputError("tokens", len(records), f"at most {RECORDS_MAX} active tokens", "revoke one that nobody uses")
    return tuple(record for record in records if record is not ended[0])


def _require_free(records: tuple[TokenRecord, ...], name: str, now_ns: Nanoseconds) -> None:
    for record in records:
        if record.name.casefold() == name.casefold() and record.usable(now_ns):
            raise InputError("name", name, "a name no active token has", f"revoke the other first: tidegate token revoke {record.id}")


def _change(path: Path, edit: Callable[[TokenFile], tuple[TokenFile, TokenRecord]]) -> TokenRecord:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path):
        changed, record = edit(read(path))
        _write(path, changed)
    return record


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, content: TokenFile) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _require_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise TokenFileUnusable(f"{path}: not a regular file; move it away and create tokens with: tidegate token create")
    if status.st_uid != os.geteuid():
        raise TokenFileUnusable(f"{path}: belongs to another user; run as its owner, or move it away and create tokens anew")
    if status.st_mode & _OPEN_TO_OTHERS:
        raise TokenFileUnusable(
            f"{path}: mode {stat.S_IMODE(status.st_mode):04o} lets others read or write it, allowed: 0600; "
            f"run: chmod 600 {path} (and revoke its tokens if others use this machine)"
        )


def _decoded(path: Path, content: bytes) -> TokenFile:
    if len(content) > FILE_BYTES_MAX:
        raise TokenFileUnusable(f"{path}: larger than {FILE_BYTES_MAX} bytes; it was not written by tidegate token")
    try:
        found = msgspec.json.decode(content, type=TokenFile)
    except msgspec.DecodeError:  # its text could quote what stands in the file
        fix = "write it with tidegate token, or move it away and create tokens anew"
        raise TokenFileUnusable(f"{path}: not a token file; {fix}") from None
    if problem := _problem(found):
        raise TokenFileUnusable(f"{path}: {problem}; move it away and create tokens anew with: tidegate token create")
    return found


def _problem(found: TokenFile) -> str:
    if found.version != 1:
        return f"version {found.version} is not known here, allowed: 1"
    if len(found.tokens) > RECORDS_MAX:
        return f"{len(found.tokens)} tokens, allowed: at most {RECORDS_MAX}"
    if found.tokens and not _is_hex(found.salt, SALT_BYTES):
        return "the salt is empty or short"
    for number, record in enumerate(found.tokens, start=1):
        if problem := _record_problem(record, found.salt):
            return f"token {number}: {problem}"
    return ""


def _record_problem(record: TokenRecord, salt: str) -> str:
    """Return what is wrong with one record; a hash of nothing, or of anything a level letter could be guessed from, is no token."""
    if record.level not in ("read", "propose", "operate"):
        return "unknown level, allowed: read, propose, operate"
    if not _is_hex(record.digest, hashlib.sha256().digest_size) or record.digest == digest_of(salt, "").hex():
        return "the hash is empty, short, or not a hash"
    try:
        checked_name(record.name)
    except InputError as error:
        return str(error)
    return ""


def _is_hex(text: str, size_bytes: int) -> bool:
    try:
        return len(bytes.fromhex(text)) == size_bytes == len(text) // 2
    except ValueError:
        return False
