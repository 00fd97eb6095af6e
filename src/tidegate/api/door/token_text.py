"""The text of a token: `tg_<level letter>_<52 characters of base32>`, 256 random bits. How one is made, recognised, and kept out of logs.

In: a level, or any text that may hold a token. Out: a new secret, a yes or no, or the text without its secrets. INVARIANT: C3
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import Final
from urllib.parse import unquote

from tidegate.api.door.admission import Level

SECRET_BYTES = 32
REDACTED: Final = "[token]"
_LETTERS: Final = {Level.READ: "r", Level.PROPOSE: "p", Level.OPERATE: "o"}
_WHOLE: Final = re.compile(r"tg_([rpo])_[a-z2-7]{52}")
_LEVELS: Final = {letter: level for level, letter in _LETTERS.items()}
# Also cut short, of another case, or percent-encoded: what looks like a token is treated as one.
_LOOSE: Final = re.compile(r"(?i)tg(?:_|%5f)[rpo](?:_|%5f)[\w%~.-]*|tidegate\.bearer\.[^\s,\"']*|[#?]code=[\w%-]{8,}")
_WITHIN: Final = re.compile(rb"tg_[rpo]_[a-z2-7]{52}")
_UNICODE_ESCAPE: Final = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_TELLING_NAMES: Final = re.compile(
    r"(?i)(?:^|[&;])(?:(?:access|auth|bearer|api|operator|id)?[_-]?(?:token|key|secret)|auth|authorization|bearer|password)="
    r"|(?:^|[&;])code=(?!L\d_)[\w-]{22}(?:$|[&;])"  # the operator's one-time code, not a reason code
)


def new_secret(level: Level) -> str:
    """Return a new token for a level. Raises KeyError for PUBLIC: no token gives it."""
    body = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii").rstrip("=").lower()
    return f"tg_{_LETTERS[level]}_{body}"


def level_of(text: str) -> Level | None:
    """Return the level written on a token, or None when the text has not the exact form of one."""
    found = _WHOLE.fullmatch(text)
    return _LEVELS[found[1]] if found else None


def redact(text: str) -> str:
    """Replace everything that looks like a token or a one-time code by `[token]`; not even a prefix stays."""
    return _LOOSE.sub(REDACTED, text)


def holds_a_token(content: bytes) -> bool:
    """Say whether bytes hold a whole token, also one that is written with JSON escapes."""
    if b"\\u" in content:
        content = _UNICODE_ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), content)
    return b"tg_" in content and _WITHIN.search(content) is not None


def names_a_secret(query: bytes) -> bool:
    """Say whether a query string carries a token, or a parameter whose name says so."""
    if not query:
        return False
    text = unquote(unquote(query.decode("latin-1")))
    return _LOOSE.search(text) is not None or _TELLING_NAMES.search(text) is not None
