"""The documentation page: interactive, without a network. Three static files of our own and the OpenAPI document, nothing from anywhere else.

In: the table. Out: the endpoints of `/docs` and `/openapi.json`. They need level read like everything else: outside PAPER that is a token.
INVARIANT: A8 A9
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from tidegate.api.door.admission import Level
from tidegate.api.endpoint import JSON, Answer, Call, Endpoint, Handler
from tidegate.api.openapi import document

_STATIC = Path(__file__).resolve().parent / "static"
_HTML, _SCRIPT, _STYLE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"


def docs_endpoints(table: Callable[[], tuple[Endpoint, ...]]) -> tuple[Endpoint, ...]:
    """Return the endpoints of the documentation; `table` is asked for every endpoint, these included, at the first request."""

    @cache
    def rendered() -> bytes:
        return document(table())

    async def openapi(call: Call) -> Answer:
        """Answer the OpenAPI document."""
        return Answer(200, rendered(), content_type=JSON)

    page = "The page needs no network. A token typed into it stays in the page's memory."
    return (
        Endpoint("GET", "/docs", Level.READ, _file("docs.html", _HTML), summary="This documentation", description=page, content_type=_HTML),
        Endpoint("GET", "/docs/docs.js", Level.READ, _file("docs.js", _SCRIPT), summary="Its script", content_type=_SCRIPT),
        Endpoint("GET", "/docs/docs.css", Level.READ, _file("docs.css", _STYLE), summary="Its style", content_type=_STYLE),
        Endpoint("GET", "/openapi.json", Level.READ, openapi, summary="The OpenAPI 3.1 document of every route"),
    )


def _file(name: str, content_type: str) -> Handler:
    @cache
    def content() -> bytes:
        return (_STATIC / name).read_bytes()

    async def answer(call: Call) -> Answer:
        """Answer one static file."""
        return Answer(200, content(), content_type=content_type)

    return answer
