"""What a client can be made of, and what importing it costs."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest

from tests.architecture.source_tree import ROOT
from tidegate.client import AsyncTidegateClient, TidegateClient


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://a",
        "http://",
        "http://user:word@localhost",
        "http://a/?b",
        "http://a#b",
        "http://a:0",
        "http://a:70000",
        "http://a b",
        "http://a\r\nX: y",
    ],
)
def test_a_url_that_cannot_be_right_is_refused_at_once(url: str) -> None:
    for client in (TidegateClient, AsyncTidegateClient):
        with pytest.raises(ValueError, match="url"):
            client(url)


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX: y", "ümlaut"])
def test_a_token_that_could_break_the_request_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        TidegateClient(token=token)


def test_a_token_never_travels_in_clear_text_to_another_machine() -> None:
    with pytest.raises(ValueError, match="use https"):
        TidegateClient("http://trading.example:8000", token="abc")
    assert TidegateClient("https://trading.example", token="abc")
    assert TidegateClient("http://[::1]:8000/gate/", token="abc")
    with pytest.raises(ValueError, match="use https"):
        TidegateClient("http://127.0.0.1.example", token="abc")


@pytest.mark.parametrize("timeout_s", [0, -1, math.nan, math.inf])
def test_a_time_out_is_never_unlimited(timeout_s: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        TidegateClient(timeout_s=timeout_s)


def test_importing_the_client_loads_nothing_heavy_and_no_other_room() -> None:
    code = "import sys, json; import tidegate.client; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(run.stdout))
    unwanted = {"asyncio", "http.client", "ssl", "urllib.parse", "email", "websockets", "msgspec", "decimal", "socket", "requests"}
    assert sorted(loaded & unwanted) == []
    assert all(name in ("tidegate", "tidegate.client") or name.startswith("tidegate.client.") for name in loaded if name.startswith("tidegate"))
