"""Where every value came from, the editor's schema, and what brackets are worth."""

from __future__ import annotations

import json

import pytest

from tests.support.config_lab import SHIPPED, line_of, load_text, replaced, shipped_text, with_value
from tidegate.cli.show_config import report_json
from tidegate.config.ceilings import CEILINGS
from tidegate.config.economics import offers, profit_goal
from tidegate.config.load import load
from tidegate.config.show import SCHEMA_FILE, Shown, effective, schema_text
from tidegate.model.intent import Mode
from tidegate.units import fixed


def _row(rows: tuple[Shown, ...], path: str) -> Shown:
    (row,) = [row for row in rows if row.path == path]
    return row


def test_a_value_of_the_file_names_its_line_and_its_ceiling() -> None:
    row = _row(effective(load(), Mode.PAPER), "limits.layer1_global.notional_usd_max")
    line = line_of(shipped_text(), '"notional_usd_max"')
    assert (row.value, row.origin, row.ceilings) == ("415", f"line {line}", ("at most 415",))


def test_a_number_is_shown_as_it_was_written() -> None:
    assert _row(effective(load(), Mode.PAPER), "limits.layer2_tactical.oi_size_multiplier").value == "0.80"


def test_what_the_file_leaves_out_is_shown_as_a_default() -> None:
    rows = effective(load(), Mode.PAPER)
    assert _row(rows, "bands.static.valid_until").value == '"2025-10-20T00:00:00Z"'
    assert _row(rows, "bands.static.valid_until").origin.startswith("default")
    one_sided = with_value(("strategies", "ETH_mirror_btc", "sides", "short"), None)
    assert _row(effective(load_text(one_sided), Mode.PAPER), "strategies.ETH_mirror_btc.sides.short").origin.startswith(
        "default"
    )


@pytest.mark.parametrize(
    ("max_trades", "value", "origin"),
    [
        (None, "6", "line "),
        (6, "6", "line "),
        (9, "6", "--max-trades 9 cannot loosen it"),
        (2, "2", "command line (--max-trades 2; line "),
    ],
)
def test_the_command_line_is_named_where_it_is_the_tighter_one(max_trades: int | None, value: str, origin: str) -> None:
    row = _row(effective(load(), Mode.PAPER, max_trades), "effective.entries_per_day_max")
    assert row.value == value
    assert origin in row.origin


def test_test_mode_shows_the_exposure_it_uses() -> None:
    row = _row(effective(load(), Mode.TEST), "effective.exposure_usd_max")
    assert (row.value, row.origin.endswith("(test_exposure_usd_max)")) == ("100", True)


def test_every_value_of_the_file_is_shown_once() -> None:
    paths = [row.path for row in effective(load(), Mode.PAPER)]
    assert len(paths) == len(set(paths))
    assert len(paths) > 200


def test_the_json_report_keeps_numbers_as_numbers_digit_by_digit() -> None:
    settings = load()
    text = report_json(settings, Mode.PAPER, effective(settings, Mode.PAPER))
    values = {row["path"]: row["value"] for row in json.loads(text, parse_float=str)["values"]}
    assert values["limits.layer2_tactical.oi_size_multiplier"] == "0.80"
    assert values["limits.layer1_global.notional_usd_max"] == 415


def test_the_schema_in_the_repository_is_the_generated_one() -> None:
    stored = (SHIPPED.parent / SCHEMA_FILE).read_text(encoding="utf-8")
    assert stored == schema_text(), "regenerate with: bin/tidegate show-config --schema > config/" + SCHEMA_FILE


def test_the_schema_describes_every_key_and_carries_every_ceiling() -> None:
    schema = json.loads(schema_text())
    sections = [schema, *schema["$defs"].values()]
    named = [
        (name, key) for section in sections for name, key in section.get("properties", {}).items() if name != "$schema"
    ]
    assert [name for name, key in named if "description" not in key] == []
    carrying = sum("x-ceiling" in key for _, key in named)
    assert carrying >= len({ceiling.path.rpartition(".")[2] for ceiling in CEILINGS})


def test_the_shipped_file_points_editors_to_the_schema() -> None:
    assert f'"$schema": "./{SCHEMA_FILE}"' in shipped_text()


def test_break_even_of_a_one_lot_scalp_is_71_7_per_cent() -> None:
    (offer,) = [
        one for one in offers(load()) if (one.strategy, one.side, one.venue) == ("BTC_range_scalp", "long", "okx")
    ]
    assert (offer.lots, offer.order_usd, [(leg.number, leg.lots) for leg in offer.legs]) == (
        1,
        fixed("10.8402"),
        [(1, 1)],
    )
    assert (offer.whole.win_bps, offer.whole.loss_bps) == (fixed(15), fixed(38))
    assert offer.break_even_pct == 7_169_811_321


@pytest.mark.parametrize(
    ("key", "venue", "lots"),
    [
        ("BTC_range_scalp", "okx", 1),
        ("BTC_range_scalp", "binanceusdm", 0),
        ("BTC_range_scalp", "bybit", 0),
        ("XRP_corridor_guard", "okx", 5),
        ("ETH_mirror_btc", "okx", 3),
        ("ETH_mirror_btc", "binanceusdm", 0),
    ],
)
def test_lots_follow_each_venues_own_minimums(key: str, venue: str, lots: int) -> None:
    (found,) = {one.lots for one in offers(load()) if (one.strategy, one.venue, str(one.side)) == (key, venue, "long")}
    assert found == lots


def test_the_profit_goal_is_out_of_reach_and_the_arithmetic_says_by_how_much() -> None:
    text = "\n".join(profit_goal(load()))
    assert "180 entries a month, every one of them a full win: 16.58 USD at the very most" in text
    assert "out of reach at 25.00 USD a trade" in text


def test_fewer_entries_a_day_lower_what_flawless_trading_could_earn() -> None:
    text = replaced(('"entries_per_day_max": 6,\n      "loss', '"entries_per_day_max": 3,\n      "loss'))
    assert "90 entries a month, every one of them a full win: 8.29 USD" in "\n".join(profit_goal(load_text(text)))
