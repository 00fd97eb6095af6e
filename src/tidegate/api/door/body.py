"""Bodies: how large, how slow and of what type they may be, judged before they are read. INVARIANT: A5 A6

In: an ASGI scope and its receive channel. Out: the bytes of a small JSON body, or an `ApiError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from tidegate.api.errors import BAD_INPUT, TOO_LARGE, TOO_SLOW, WRONG_CONTENT_TYPE, ApiError

BODY_BYTES_MAX: Final = 16_384
BODY_SECONDS_MAX: Final = 10.0
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_JSON_TYPES: Final = frozenset((b"application/json", b"application/json;charset=utf-8", b'application/json;charset="utf-8"'))


def check_body_headers(scope: MutableMapping[str, Any]) -> None:
    """Judge a body by its headers: at most 16,384 bytes (equal passes), plain JSON. No body and no type is fine. Raises ApiError."""
    lengths: list[bytes] = []
    types: list[bytes] = []
    has_body = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            lengths.append(value)
        elif name == b"content-type":
            types.append(value)
        elif name == b"transfer-encoding":
            has_body = True
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise ApiError(WRONG_CONTENT_TYPE, "compressed bodies are not taken; send the JSON as it is")
    if lengths:
        has_body = _length(lengths) > 0 or has_body
    if (has_body or types) and (len(types) != 1 or types[0].lower().replace(b" ", b"") not in _JSON_TYPES):
        raise ApiError(WRONG_CONTENT_TYPE, "a body must be JSON in UTF-8; send the header Content-Type: application/json, once")


async def read_body(receive: Receive, bytes_max: int = BODY_BYTES_MAX, seconds_max: float = BODY_SECONDS_MAX) -> bytes:
    """Read a body, counting while it arrives, whatever its headers said. Raises ApiError for one too large, too slow, or broken off."""
    try:
        async with asyncio.timeout(seconds_max):
            return await _gathered(receive, bytes_max)
    except TimeoutError:
        raise ApiError(TOO_SLOW, f"the body did not arrive within {seconds_max:g} s; nothing was done") from None


async def _gathered(receive: Receive, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(BAD_INPUT, "the connection ended before the body did; nothing was done")
        part = message.get("body", b"")
        size_bytes += len(part)
        if size_bytes > bytes_max:
            raise _too_large(bytes_max)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _length(lengths: list[bytes]) -> int:
    text = lengths[0]
    if len(lengths) != 1 or not text.isdigit() or len(text) > 18:
        raise ApiError(BAD_INPUT, "the Content-Length header must be given once, as a whole number")
    length = int(text)
    if length > BODY_BYTES_MAX:
        raise _too_large(BODY_BYTES_MAX)
    return length


def _too_large(bytes_max: int) -> ApiError:
    return ApiError(TOO_LARGE, f"the body is larger than {bytes_max} bytes; every request of this API fits into that")
