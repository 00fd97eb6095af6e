"""The OpenAPI 3.1 document, made from the table of endpoints: what is served is what is documented. INVARIANT: A8

In: endpoints with their types. Out: one JSON document. The schemas are those of the very structs that decode requests and encode answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tidegate import __version__
from tidegate.api.door.admission import Level
from tidegate.api.endpoint import JSON, Endpoint, Example, Schema
from tidegate.api.wire.trade import Rejection
from tidegate.api.wire.values import encode

_REF = "#/components/schemas/{name}"
_EXECUTE = "/api/trade/execute"
_ALWAYS = (401, 403, 404, 405, 421, 422, 429, 500, 503)
_WITH_BODY = (400, 408, 413, 415)
_MEANING = {
    200: "Done.",
    400: "Refused: rejected by the gate, or input the engine cannot take.",
    401: "A token is needed, or the one sent is wrong, expired or revoked.",
    403: "The token's level is too low, or the request came from another origin or machine.",
    404: "No such route or object.",
    405: "The route exists, the method does not; see the Allow header.",
    408: "The body did not arrive in time.",
    409: "The idempotency key was used before with another body.",
    413: "The body is larger than 16,384 bytes.",
    415: "The body is not application/json.",
    421: "The Host header does not name this server.",
    422: "The body or query is not what the route takes; every problem is named.",
    429: "More than 20 requests in one second from this caller; nothing was done.",
    500: "A bug; its incident id is in the server's log.",
    503: "The journal cannot be written, or the server is shutting down; nothing was accepted.",
}
_ABOUT = """Every trade is proposed here and judged by a four-layer risk gate that nothing can go around. Answers are durable before they leave.

Errors of every kind have `detail.error`, `detail.reason`, `detail.code` and `detail.retryable`. All numbers are JSON numbers, read and written
exactly. Times are UTC. PAPER trades a simulator with stated fill rules: no keys, no real money."""


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong: a title, a sentence to print, a stable code, and whether the same request may succeed later."""

    error: str
    reason: str
    code: str
    retryable: bool


class ErrorBody(msgspec.Struct, frozen=True):
    """Every error, of every kind."""

    detail: ErrorDetail


def document(endpoints: Iterable[Endpoint]) -> bytes:
    """Return the document as JSON."""
    table = tuple(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    bearer = {"type": "http", "scheme": "bearer", "description": "`tidegate token create NAME --level read|propose|operate`"}
    return encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Tidegate", "version": __version__, "description": _ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {"schemas": _schemas(table), "securitySchemes": {"bearer": bearer}},
        }
    )


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": _description(endpoint),
        "tags": [_tag(endpoint.path)],
        "x-level": endpoint.scope.word,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint),
        "security": [{"bearer": []}] if endpoint.scope is Level.OPERATE and not endpoint.open_on_loopback else [{}, {"bearer": []}],
    }
    if endpoint.body is not None:
        content: dict[str, Any] = {"schema": {"$ref": _REF.format(name=endpoint.body.__name__)}}
        named = {_slug(each): {"summary": each.summary, "value": each.body} for each in endpoint.examples if each.body is not None}
        described["requestBody"] = {"required": True, "content": {JSON: content | ({"examples": named} if named else {})}}
    return described


def _description(endpoint: Endpoint) -> str:
    tokenless = "; on loopback in PAPER also without a token" if _is_tokenless(endpoint) else ""
    return f"{endpoint.description}\n\nLevel: {endpoint.scope.word}{tokenless}.".strip()


def _is_tokenless(endpoint: Endpoint) -> bool:
    return endpoint.open_on_loopback or endpoint.scope <= Level.PROPOSE


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": schema} for name, schema in endpoint.path_schemas.items()
    ]
    found += [{"name": name, "in": "header", "required": False, "schema": schema} for name, schema in endpoint.header_schemas.items()]
    if endpoint.query is not None:
        schema = msgspec.json.schema_components((endpoint.query,), ref_template=_REF)[1][endpoint.query.__name__]
        found += [{"name": name, "in": "query", "required": False, "schema": _without_null(own)} for name, own in schema["properties"].items()]
    return found


def _without_null(schema: Schema) -> Schema:
    """Return a query parameter's schema: it is absent or given, never null."""
    if "anyOf" not in schema:
        return schema
    return next(each for each in schema["anyOf"] if each != {"type": "null"})


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    ok: dict[str, Any] = {"description": _MEANING[200]}
    if endpoint.answer is not None:
        ok["content"] = {JSON: {"schema": {"$ref": _REF.format(name=endpoint.answer.__name__)}, **_examples(endpoint, 200)}}
    else:
        ok["content"] = {endpoint.content_type.partition(";")[0]: {"schema": {} if endpoint.content_type == JSON else {"type": "string"}}}
    if endpoint.path == _EXECUTE:
        ok["links"] = _links("$response.body#/decision_id")
    statuses = sorted({*_ALWAYS, *endpoint.errors, *(_WITH_BODY if endpoint.method == "POST" else ())})
    return {"200": ok, **{str(status): _error(endpoint, status) for status in statuses}}


def _error(endpoint: Endpoint, status: int) -> dict[str, Any]:
    schema: Schema = {"$ref": _REF.format(name="ErrorBody")}
    described: dict[str, Any] = {"description": _MEANING[status]}
    if status == 400 and endpoint.path == _EXECUTE:
        schema = {"anyOf": [{"$ref": _REF.format(name="Rejection")}, schema]}
        described["links"] = _links("$response.body#/detail/decision_id")
    described["content"] = {JSON: {"schema": schema, **_examples(endpoint, status)}}
    if status == 429:
        described["headers"] = {"Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer", "minimum": 1}}}
    if status == 405:
        described["headers"] = {"Allow": {"description": "The methods this route takes.", "required": True, "schema": {"type": "string"}}}
    return described


def _links(decision_id: str) -> dict[str, Any]:
    """Return where an answer leads: every decision, also a rejection, can be read back by its id."""
    routes = {"decision": "get_api_decisions_id", "explanation": "get_api_decisions_id_explain"}
    return {name: {"operationId": route, "parameters": {"id": decision_id}} for name, route in routes.items()}


def _examples(endpoint: Endpoint, status: int) -> dict[str, Any]:
    shown = {_slug(each): {"summary": each.summary, "value": each.answer} for each in endpoint.examples if each.status == status and each.answer}
    return {"examples": shown} if shown else {}


def _schemas(table: tuple[Endpoint, ...]) -> dict[str, Any]:
    types: dict[Any, None] = {ErrorBody: None, Rejection: None}
    for endpoint in table:
        types |= {each: None for each in (endpoint.body, endpoint.answer) if each is not None}
    _, components = msgspec.json.schema_components(tuple(types), ref_template=_REF)
    return dict(components)


def _slug(example: Example) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in example.summary.lower()).split()
    return "-".join(words)


def _tag(path: str) -> str:
    pieces = [piece for piece in path.split("/") if piece]
    return pieces[1] if len(pieces) > 1 and pieces[0] == "api" else (pieces[0] if pieces else "pages").partition(".")[0]
