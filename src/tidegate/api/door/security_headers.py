"""Security headers of every answer: nothing may sniff, frame, embed, store or run what the API says. INVARIANT: A3 A9

In: a content type. Out: headers, as ASGI wants them. There is no CORS header on purpose: no page of another origin may read an answer.
"""

from __future__ import annotations

from functools import lru_cache

Headers = tuple[tuple[bytes, bytes], ...]

_EVERYWHERE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_SILENT = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)


@lru_cache(maxsize=32)
def headers_for(content_type: str) -> Headers:
    """Return the headers of an answer of this type; pages may load this server's own scripts and styles, everything else nothing."""
    policy = _PAGE if content_type.startswith("text/html") else _SILENT
    return ((b"content-type", content_type.encode("latin-1")), *_EVERYWHERE, (b"content-security-policy", policy))
