"""The documentation page draws every route, sends what it shows, keeps the token to itself, and never inserts text as markup."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tidegate.api.openapi import document
from tidegate.api.routes import docs_page
from tidegate.api.table import ENDPOINTS

STAGE = Path(__file__).with_name("docs_page_stage.js")
STATIC = Path(docs_page.__file__).with_name("static")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Play the page on a stage and return what it saw."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node to run the page's script")
    path = tmp_path_factory.mktemp("docs") / "openapi.json"
    path.write_bytes(document(ENDPOINTS))
    played = subprocess.run([node, str(STAGE), str(STATIC / "docs.js"), str(path)], capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(played.stdout)
    return found


def test_every_route_is_drawn_and_nothing_went_wrong(staged: dict[str, Any]) -> None:
    assert sorted(staged["drawn"]) == sorted(each.name for each in ENDPOINTS)
    assert staged["trouble"] == ""
    assert staged["theme"] == "dark"
    assert staged["shown"] == ["get_api_envelope"]
    assert staged["groups"] == 1


def test_a_search_that_finds_nothing_says_so(staged: dict[str, Any]) -> None:
    assert staged["none"] == [True, False]


def test_every_form_sends_its_route_with_the_example_and_the_token_in_a_header_only(staged: dict[str, Any]) -> None:
    sent = {(each["method"], each["url"].partition("?")[0]): each for each in staged["sent"]}
    assert len(sent) == len(ENDPOINTS)
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{id}", "DP11b308003").replace("{asset}", "BTC")
        request = sent[endpoint.method, path]
        assert request["headers"]["Authorization"] == "Bearer canary-token"
        assert request["credentials"] == "omit"
        assert "canary" not in request["url"]
        if endpoint.examples:
            assert json.loads(request["body"]) == endpoint.examples[0].body


def test_the_curl_it_shows_names_a_variable_instead_of_the_token(staged: dict[str, Any]) -> None:
    shown = json.dumps(staged["answers"])
    assert "canary" not in shown
    assert "$TIDEGATE_TOKEN" in shown
    assert "<b>hostile</b>" in shown
