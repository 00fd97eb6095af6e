"""The document is made from the table: documented routes are served routes, and the answers are what it says. INVARIANT: A2 A8"""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from tests.support.api_desk import ApiDesk, run
from tidegate.api.app import App
from tidegate.api.door.admission import Level
from tidegate.api.routes.docs_page import docs_endpoints
from tidegate.api.table import ENDPOINTS

NEEDED = {"401", "403", "404", "405", "421", "422", "429", "500", "503"}


def test_documented_routes_are_exactly_the_served_ones() -> None:
    async def story(api: ApiDesk) -> None:
        paths = (await api.get("/openapi.json")).body["paths"]
        documented = {(method.upper(), path) for path, operations in paths.items() for method in operations}
        assert documented == {(each.method, each.path) for each in ENDPOINTS}
        for method, path in sorted(documented):
            filled = path.replace("{id}", "DP000000001").replace("{asset}", "BTC")
            reply = await api.ask(method, filled, b"{}", {"content-type": "application/json", **api.operator()})
            assert (reply.status, reply.body["detail"]["code"] if reply.status == 404 else "") != (404, "UNKNOWN_ROUTE")

    run(story)


def test_every_route_has_a_level_a_summary_types_and_its_errors() -> None:
    async def story(api: ApiDesk) -> None:
        described = (await api.get("/openapi.json")).body
        ids = []
        for operations in described["paths"].values():
            for method, operation in operations.items():
                assert operation["summary"]
                assert operation["x-level"] in {level.word for level in Level}
                assert set(operation["responses"]) >= NEEDED | ({"400", "408", "413", "415"} if method == "post" else set())
                assert operation["responses"]["200"]["content"]
                ids.append(operation["operationId"])
        assert len(set(ids)) == len(ids)

    run(story)


def test_every_schema_is_valid_and_every_reference_is_there() -> None:
    async def story(api: ApiDesk) -> None:
        described = (await api.get("/openapi.json")).body
        schemas = described["components"]["schemas"]
        for reference in _references(described):
            assert reference.removeprefix("#/components/schemas/") in schemas, reference
        for schema in schemas.values():
            jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})

    run(story)


def test_every_answer_is_what_the_document_says() -> None:
    async def story(api: ApiDesk) -> None:
        described = (await api.get("/openapi.json")).body
        decision_id = (await api.propose()).body["decision_id"]
        await api.propose(amount=500)
        await api.pass_time(5)
        await api.post("/api/trade/execute", {"strategy": "cross_exchange_arbitrage", "pair": "BTC", "amount": 30})
        headers = api.operator()
        for path, operations in described["paths"].items():
            if "get" not in operations or path.startswith(("/docs", "/operator", "/metrics", "/openapi")):
                continue
            reply = await api.get(path.replace("{id}", decision_id).replace("{asset}", "BTC"), headers)
            assert reply.status == 200, path
            schema = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            _validator(schema, described).validate(reply.body)

    run(story)


def test_every_example_gets_the_status_it_names() -> None:
    async def story(api: ApiDesk) -> None:
        described = (await api.get("/openapi.json")).body
        for endpoint in ENDPOINTS:
            if endpoint.path.startswith("/api/operator"):
                continue
            for example in endpoint.examples:
                await api.pass_time(70)
                headers = api.operator()
                reply = await api.post(endpoint.path, example.body, headers)
                assert reply.status == example.status, (endpoint.path, example.summary, reply.raw)
                responses = described["paths"][endpoint.path][endpoint.method.lower()]["responses"]
                schema = responses[str(reply.status)]["content"]["application/json"]["schema"]
                _validator(schema, described).validate(reply.body)
                if example.answer is not None:
                    _validator(schema, described).validate(example.answer)
                await api.post("/api/lift", {"cause": "L4_OPERATOR", "reason": "next example"}, headers)

    run(story)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_every_error_example_and_body_refuses_unknown_fields(endpoint: Any) -> None:
    if endpoint.body is not None:
        assert endpoint.body.__struct_config__.forbid_unknown_fields
    if endpoint.query is not None:
        assert endpoint.query.__struct_config__.forbid_unknown_fields
    assert endpoint.answer is None or endpoint.content_type == "application/json"


def test_a_table_with_another_route_documents_and_serves_it() -> None:
    async def story(api: ApiDesk) -> None:
        from msgspec.structs import replace

        more = replace(next(each for each in ENDPOINTS if each.path == "/api/health"), path="/api/second")
        kept = tuple(each for each in ENDPOINTS if not each.path.startswith(("/docs", "/openapi")))
        table = (*kept, more, *docs_endpoints(lambda: table))
        api.app = App(api.desk, api.guard, api.hub, table)
        assert (await api.get("/api/second")).status == 200
        assert "/api/second" in (await api.get("/openapi.json")).body["paths"]

    run(story)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for inner in value.values() for each in _references(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in _references(inner)]
    return []


def _validator(schema: dict[str, Any], described: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": described["components"]})
