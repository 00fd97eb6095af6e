"""Schema-driven fuzz of every route: data that fits the document and data that does not. Never a 5xx, never an answer the document does not know.

`TIDEGATE_FUZZ_CASES` sets the cases per operation: a few by default, 200 and more for the full run. INVARIANT: A6 A8
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from tests.support.api_thread import Running, running
from tidegate.api.openapi import document
from tidegate.api.table import ENDPOINTS

CASES = int(os.environ.get("TIDEGATE_FUZZ_CASES", "6"))
# A well-formed proposal may well be refused (400), and more than 8 decimals are (422): what fits the schema need not be accepted. Who may do what
# is the matter of tests/security/test_auth_matrix.py.
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            "negative_data_rejection": {"expected-statuses": ["4xx"]},  # 413 is a rejection too
            "positive_data_acceptance": {"enabled": False},
            "ignored_auth": {"enabled": False},
        }
    }
)
schema = schemathesis.openapi.from_dict(json.loads(document(ENDPOINTS)), config=CONFIG)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """Serve one app for all cases."""
    with running() as found:
        yield found


@schema.parametrize()
@settings(max_examples=CASES, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_gets_a_5xx_or_an_answer_that_is_not_documented(case: schemathesis.Case, server: Running) -> None:
    case.call_and_validate(base_url=server.url, headers=server.operator)


def _that_names_strategies() -> schemathesis.openapi.OpenApiSchema:
    """Return the schema with names the config knows, so that proposals become decisions which links can follow."""
    described = json.loads(document(ENDPOINTS))
    known = described["components"]["schemas"]["ExecuteRequest"]["properties"]
    known["strategy"], known["pair"] = {"enum": ["Agent Signal", "cross_exchange_arbitrage"]}, {"enum": ["BTC/USD", "ETH/USDT"]}
    known["side"] = {"enum": ["long", "short"]}
    for name in ("exchanges", "targets", "limit_price", "addresses", "client_request_id"):
        del known[name]
    return schemathesis.openapi.from_dict(described, config=CONFIG)


def test_no_sequence_of_requests_gets_a_5xx_or_a_decision_that_cannot_be_read_back(server: Running) -> None:
    class Walk(_that_names_strategies().as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, object]:
            return {"base_url": server.url, "headers": server.operator}

    how = settings(max_examples=CASES, stateful_step_count=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    Walk.run(settings=how)
    text = server.api.app.metrics.text().decode()
    assert re.search(r'tidegate_requests_total\{route="get_api_decisions_id",status="200"\} [1-9]', text), "no walk followed a decision's link"


def test_after_all_that_the_engine_is_sound(server: Running) -> None:
    import urllib.request

    with urllib.request.urlopen(f"{server.url}/api/health") as reply:
        assert reply.status == 200
    assert server.api.engine.chronicle.fault == ""
