"""The shape of a JSON body, judged before it is decoded: how deep, how wide, how long, and no key twice. INVARIANT: A5 A6 G2

In: raw bytes. Out: nothing, or an `ApiError` that names the cap. Whether the bytes are JSON at all is the decoder's to say.

Two ways with one meaning. A plain body (no backslash, small) is judged by counting: fewer commas than the cap means no array can be too long.
Whatever counting cannot clear is walked, token by token.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tidegate.api.door.token_text import holds_a_token
from tidegate.api.errors import BAD_SCHEMA, ApiError

DEPTH_MAX: Final = 16
ARRAY_LENGTH_MAX: Final = 64
STRING_BYTES_MAX: Final = 4_096
OBJECT_KEYS_MAX: Final = 64
NUMBER_DIGITS_MAX: Final = 28

_LONG_NUMBER: Final = re.compile(rb"[0-9.eE+-]{%d}" % (NUMBER_DIGITS_MAX + 1))
# Possessive, and a string without its end is still one token: each byte is looked at once, whatever is sent.
_TOKEN: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"?|([\[{])|([\]}])|(,)|(:)|([0-9.eE+-]+)', re.DOTALL)
_STRING, _OPEN, _CLOSE, _COMMA, _COLON, _NUMBER = range(1, 7)


def check_json_shape(raw: bytes) -> None:
    """Refuse a body deeper than 16, an array over 64 values, an object over 64 keys, a key given twice, a string over 4,096 bytes as written,
    a number over 28 digits, bytes that are not UTF-8, or a token of ours. Equal to a cap passes. Raises ApiError.
    """
    if not raw.isascii():
        _require_utf8(raw)
    if not _is_plain(raw):
        _walk(raw)
    if holds_a_token(raw):  # a body is journaled and shown
        raise ApiError(
            BAD_SCHEMA, "a token stands in the body; it travels in the Authorization header and nowhere else: revoke it, create another"
        )


def _require_utf8(raw: bytes) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ApiError(BAD_SCHEMA, f"the body is not UTF-8 at byte {error.start}") from None


def _is_plain(raw: bytes) -> bool:
    """Say whether counting alone shows that every cap holds. Sound for any bytes a JSON decoder would take."""
    if len(raw) > STRING_BYTES_MAX or b"\\" in raw or raw.count(b",") >= ARRAY_LENGTH_MAX or raw.count(b"[") + raw.count(b"{") > DEPTH_MAX:
        return False
    if _LONG_NUMBER.search(raw) is not None:
        return False
    parts = raw.split(b'"')  # without escapes every second part is a string, and a key is one that a colon follows
    keys = [text for text, after in zip(parts[1::2], parts[2::2], strict=False) if after.lstrip()[:1] == b":"]
    return len(set(keys)) == len(keys)


class _Level:
    """One open array or object: how many values or keys so far, and for an object its keys."""

    __slots__ = ("count", "keys")

    def __init__(self, is_object: bool) -> None:
        self.count = 0
        self.keys: set[str] | None = set() if is_object else None


def _walk(raw: bytes) -> None:
    open_levels: list[_Level] = []
    last_string = b""
    for found in _TOKEN.finditer(raw):
        kind = found.lastindex
        if kind == _STRING:
            last_string = found[1]
            _require(len(last_string) <= STRING_BYTES_MAX, f"a string is longer than {STRING_BYTES_MAX} bytes")
        elif kind == _NUMBER:
            _require(_digits(found[0]) <= NUMBER_DIGITS_MAX, f"a number has more than {NUMBER_DIGITS_MAX} digits")
        elif kind == _OPEN:
            open_levels.append(_Level(found[0] == b"{"))
            _require(len(open_levels) <= DEPTH_MAX, f"arrays and objects are nested deeper than {DEPTH_MAX}")
        elif kind == _CLOSE and open_levels:
            open_levels.pop()
        elif kind == _COLON and open_levels:
            _count_key(open_levels[-1], last_string)
        elif kind == _COMMA and open_levels:
            _count_value(open_levels[-1])


def _count_key(level: _Level, key: bytes) -> None:
    if level.keys is None:
        return
    name = _unescaped(key)
    _require(name not in level.keys, "a key stands twice in one object, and which one counts is not guessed")
    level.keys.add(name)
    _require(len(level.keys) <= OBJECT_KEYS_MAX, f"an object has more than {OBJECT_KEYS_MAX} keys")


def _count_value(level: _Level) -> None:
    if level.keys is None:
        level.count += 1
        _require(level.count < ARRAY_LENGTH_MAX, f"an array has more than {ARRAY_LENGTH_MAX} values")


def _digits(number: bytes) -> int:
    return len(number) if len(number) <= NUMBER_DIGITS_MAX else len(number.translate(None, b"+-.eE"))


def _unescaped(key: bytes) -> str:
    """Return a key as the decoder reads it, so that `"a"` and `"\\u0061"` are the same key. A key it cannot read refuses the body later."""
    if b"\\" not in key:
        return key.decode("utf-8", "replace")
    try:
        return msgspec.json.decode(b'"' + key + b'"', type=str)
    except msgspec.DecodeError:
        return key.decode("utf-8", "replace")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ApiError(BAD_SCHEMA, f"{what}; nothing was done")
