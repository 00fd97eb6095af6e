"""Scenario files: readable, checked, and refused with the place of what is wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import InputError
from tidegate.feeds.scenario_file import BUILT_IN, fact_of, load, seconds_of
from tidegate.model.observation import Channel

PLAIN: dict[str, Any] = {
    "name": "plain",
    "about": "a test",
    "start": "2025-10-19T12:00:00Z",
    "duration": "00:10:00",
    "assets": {"BTC": {"price": 100, "tick": 0.1, "noise_bps": 0.5, "level_usd": 1000, "print_usd": 100}},
    "opening": {"positioning/BTC": 51.5, "health_factor": 2.45},
    "acts": [],
}


def write(folder: Path, **changes: object) -> Path:
    tree = {**copy.deepcopy(PLAIN), **changes}
    path = folder / "scenario.json"
    path.write_text(json.dumps(tree))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_scenario_can_be_read_by_name(name: str) -> None:
    script = load(name)
    assert script.name == name
    assert script.about


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_scenario_opens_every_feed_the_gate_needs(name: str) -> None:
    script = load(name)
    for asset in ("BTC", "ETH", "SOL", "XRP"):
        needed = {f"positioning/{asset}", f"funding.binance/{asset}", f"funding.okx/{asset}", f"open_interest/{asset}"}
        assert needed <= set(script.opening)
    assert {"priority_fee/SOL", "tip/SOL", "health_factor", "rate/USDT"} <= set(script.opening)
    assert len({spot.partition(":")[0] for spot in script.spots}) == 2


def test_comments_on_their_own_lines_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_text("// a comment\n" + json.dumps(PLAIN))
    assert load(path).name == "plain"


def test_numbers_are_read_exactly(tmp_path: Path) -> None:
    assets = {"BTC": {"price": 0.1, "tick": 0.00000001, "noise_bps": 0, "level_usd": 1, "print_usd": 1}}
    assert str(load(write(tmp_path, assets=assets)).assets["BTC"].price) == "0.1"


def act(**fields: object) -> list[dict[str, object]]:
    return [{"at": "00:01:00", **fields}]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"unknown": 1}, "unknown"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2025-10-19T12:00:00"}, "offset"),
        ({"duration": "10 minutes"}, "HH:MM:SS"),
        ({"duration": "00:00:00"}, "duration"),
        ({"assets": {}}, "at least one asset"),
        ({"assets": {"BTC": {**PLAIN["assets"]["BTC"], "price": -5}}}, "assets.BTC"),
        ({"assets": {"BTC": {**PLAIN["assets"]["BTC"], "tick": 0}}}, "assets.BTC"),
        ({"assets": {"BTC": {**PLAIN["assets"]["BTC"], "settle": "00:00:00"}}}, "settle"),
        ({"opening": {"moon_phase": 1}}, "channel"),
        ({"opening": {"positioning/DOGE": 50}}, "opening.positioning/DOGE"),
        ({"opening": {"book/BTC": 50}}, "a slow fact"),
        ({"opening": {"health_factor": "NaN"}}, "NaN"),
        ({"opening": {"health_factor": True}}, "opening"),
        ({"opening": {"rate/DOGE": 1}}, "the rate of USDT or USDC"),
        ({"acts": act(act="fly", asset="BTC")}, "fly"),
        ({"acts": act(act="move", asset="DOGE", to=1, over="00:01:00")}, "acts[0]"),
        ({"acts": act(act="move", asset="BTC", to=-1, over="00:01:00")}, "acts[0]"),
        ({"acts": act(act="move", asset="BTC", to=1, over="00:00:00")}, "acts[0]"),
        ({"acts": act(act="move", asset="BTC", to=1, over="00:01:00", taker="nobody")}, "nobody"),
        ({"acts": act(act="set", what="open_interest/BTC", to=1)}, "named in opening"),
        ({"acts": act(act="outage", what=["books/BTC"], lasts="00:01:00")}, "acts[0]"),
        ({"acts": act(act="thin", asset="BTC", depth=0, lasts="00:01:00")}, "acts[0]"),
        ({"acts": act(act="liquidate", asset="BTC", side="short", usd=0, over="00:01:00")}, "acts[0]"),
        ({"acts": act(act="liquidate", asset="BTC", side="both", usd=1, over="00:01:00")}, "both"),
        ({"acts": act(act="premium", spot="coinbase:BTC-USD", bps=30, lasts="00:01:00")}, "acts[0]"),
    ],
)
def test_a_bad_scenario_is_refused_with_file_and_place(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    path = write(tmp_path, **changes)
    text = refusal(path)
    assert str(path) in text
    assert reason in text


def test_a_repeated_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(PLAIN)[:-1] + ', "name": "again"}')
    assert "each key once" in refusal(path)


def test_broken_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_text('{"name": ')
    assert "JSON" in refusal(path)


def test_an_unknown_name_lists_the_built_in_scenarios() -> None:
    with pytest.raises(InputError, match="seed-day, open-market, crash"):
        load("no-such-day")


@pytest.mark.parametrize(("text", "seconds"), [("00:00:00", 0), ("00:01:30", 90), ("26:00:01", 93_601)])
def test_times_are_hours_minutes_seconds(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["1:2:3", "00:60:00", "-1:00:00", "", "999:00:00"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        seconds_of(text)


def test_a_fact_is_channel_venue_and_asset() -> None:
    assert fact_of("funding.okx/BTC") == (Channel.FUNDING, "BTC", "okx")
    assert fact_of("health_factor") == (Channel.HEALTH_FACTOR, "", "")
    assert fact_of("positioning/*") == (Channel.POSITIONING, "*", "")
