"""The operator page and the redemption of its one-time code, as endpoints for the table. INVARIANT: A2 A9

In: a code and a human's name. Out: an operate token for this process, shown to that page only. The page is three small files of our own: no inline
script, no markup from texts, the token in one variable that ends with the page.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tidegate.api.door.admission import Level
from tidegate.api.door.operator_link import SESSION_LASTS_NS
from tidegate.api.endpoint import Answer, Call, Endpoint, Example
from tidegate.api.errors import NOT_FOUND, ApiError
from tidegate.units import SECOND_NS

_STATIC: Final = Path(__file__).resolve().parent / "static"
_HTML, _SCRIPT, _STYLE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"


class RedeemBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one-time code of the printed link, and who redeems it: the name stands in the journal beside what that person does."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=64)]

    def __repr__(self) -> str:
        return f"RedeemBody({self.name!r})"


class OperatorToken(msgspec.Struct, frozen=True):
    """An operate token that ends with this process, or after `expires_in_s`."""

    token: str
    name: str
    level: str
    expires_in_s: int

    def __repr__(self) -> str:
        return f"OperatorToken({self.name!r})"


async def redeem(call: Call) -> Answer:
    """Exchange the code for a token. Raises ApiError, InputError."""
    link = call.hub.guard.link
    if link is None:
        raise ApiError(NOT_FOUND, "this server printed no operator link; create a token with: tidegate token create NAME --level operate")
    body: RedeemBody = call.body
    token = link.redeem(body.code, body.name)
    return Answer(200, OperatorToken(token, body.name, Level.OPERATE.word, SESSION_LASTS_NS // SECOND_NS))


async def page(call: Call) -> Answer:
    """Answer the page."""
    return _file("operator.html", _HTML)


async def script(call: Call) -> Answer:
    """Answer the page's script."""
    return _file("operator.js", _SCRIPT)


async def style(call: Call) -> Answer:
    """Answer the page's style."""
    return _file("operator.css", _STYLE)


def _file(name: str, content_type: str) -> Answer:
    return Answer(200, _content(name), content_type=content_type)


@cache
def _content(name: str) -> bytes:
    return (_STATIC / name).read_bytes()


_REDEEM_EXAMPLES = (Example("The code of a used link", {"code": "AAAAAAAAAAAAAAAAAAAAAA", "name": "ada"}, 403),)

OPERATOR_ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/api/operator/redeem",
        Level.PUBLIC,
        redeem,
        body=RedeemBody,
        answer=OperatorToken,
        summary="Redeem the one-time operator link",
        description="Needs the code that start-up printed, which works once, for ten minutes; five wrong tries close it. Loopback only.",
        examples=_REDEEM_EXAMPLES,
        errors=(400, 403, 404),
    ),
    Endpoint(
        "GET", "/operator", Level.PUBLIC, page, summary="The operator page", description="Static; holds no secret.", content_type=_HTML
    ),
    Endpoint("GET", "/operator/operator.js", Level.PUBLIC, script, summary="The operator page's script", content_type=_SCRIPT),
    Endpoint("GET", "/operator/operator.css", Level.PUBLIC, style, summary="The operator page's style", content_type=_STYLE),
)
