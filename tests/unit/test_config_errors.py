"""Bad config files: every error at once, each with line, path, what was given and what is allowed."""

from __future__ import annotations

import pytest

from tests.support.config_lab import (
    KeyPath,
    error_at,
    errors_of,
    line_of,
    load_text,
    replaced,
    shipped_text,
    with_value,
)
from tidegate.config.load import load
from tidegate.errors import InputErrors

L1 = "limits.layer1_global"
XPRV = "".join(
    (
        "xprv",
        "9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
    )
)
TWELVE_WORDS = " ".join(
    ["legal", "winner", "thank", "year", "wave", "sausage", "worth", "useful", "legal", "winner", "thank", "yellow"]
)

# (what stands in the shipped file, what replaces it, path, given as shown, part of what is allowed or of the fix)
BAD = [
    (
        '"stop_bps_max": 500',
        '"stop_bps_max": "500"',
        f"{L1}.stop_bps_max",
        "'500'",
        "a number; write it without quotes",
    ),
    ('"stop_bps_max": 500', '"stop_bps_max": true', f"{L1}.stop_bps_max", "true", "a number such as 28"),
    ('"stop_bps_max": 500', '"stop_bps_max": null', f"{L1}.stop_bps_max", "null", "a number such as 28"),
    ('"stop_bps_max": 500', '"stop_bps_max": [500]', f"{L1}.stop_bps_max", "[500]", "a number such as 28"),
    ('"stop_bps_max": 500', '"stop_bps_max": 0', f"{L1}.stop_bps_max", "0", "a number > 0"),
    ('"stop_bps_max": 500', '"stop_bps_max": -1', f"{L1}.stop_bps_max", "-1", "a number > 0"),
    ('"stop_bps_max": 500', '"stop_bps_max": -0', f"{L1}.stop_bps_max", "-0", "zero without a minus sign"),
    (
        '"stop_bps_max": 500',
        '"stop_bps_max": 28.000000001',
        f"{L1}.stop_bps_max",
        "28.000000001",
        "at most 8 decimal places",
    ),
    (
        '"stop_bps_max": 500',
        '"stop_bps_max": 501',
        f"{L1}.stop_bps_max",
        "501",
        "at most 500; ceiling in code; a file can only tighten",
    ),
    ('"stop_bps_max": 500', '"stop_bps_mx": 500', f"{L1}.stop_bps_mx", "an unknown key", "did you mean stop_bps_max"),
    ('"stop_bps_max": 500,', "", f"{L1}.stop_bps_max", "nothing", "this key is required; add it"),
    ('"open_trades_max": 3', '"open_trades_max": 2.5', f"{L1}.open_trades_max", "2.5", "a whole number >= 0"),
    ('"trading_enabled": true', '"trading_enabled": "true"', "trading_enabled", "'true'", "true or false"),
    ('"trading_enabled": true', '"trading_enabled": 1', "trading_enabled", "1", "true or false"),
    ('"capital": {', '"capitall": {', "capitall", "an unknown key", "did you mean capital"),
    ('"BTC": 108402', '"BTCC": 108402', "market_context.prices_usd.BTCC", "'BTCC'", "did you mean BTC"),
    (
        '"positioning_kind": "account_ratio"',
        '"positioning_kind": "accountratio"',
        "assets.BTC.positioning_kind",
        "'accountratio'",
        "account_ratio",
    ),
    (
        '"mode_ceiling": "paper"',
        '"mode_ceiling": "papr"',
        "strategies.BTC_range_scalp.mode_ceiling",
        "'papr'",
        "did you mean paper",
    ),
    ('"name": "okx"', '"name": "binance"', "venue.name", "'binance'", "'okx'"),
    ("[45, 35, 20]", "[45, 35, 21]", "execution.target_weights_pct", "[45, 35, 21]", "sum to 100; these sum to 101"),
    ("[45, 35, 20]", "[45, 55]", "execution.target_weights_pct[2]", "nothing", "required"),
    (
        '"targets_bps": [25, 50, 90]',
        '"targets_bps": [25, 25, 90]',
        "strategies.BTC_range_scalp.sides.long.targets_bps",
        "[25, 25, 90]",
        "grow",
    ),
    ('"weight_pct": 60', '"weight_pct": 61', "session.bias", "weights that sum to 101", "weights that sum to 100"),
    (
        '"base_notional_usd": 25.00',
        '"base_notional_usd": 24.99',
        "strategies.BTC_range_scalp.base_notional_usd",
        "24.99",
        "between 25.00 and 33.20",
    ),
    (
        '"base_notional_usd": 25.00',
        '"base_notional_usd": 33.21',
        "strategies.BTC_range_scalp.base_notional_usd",
        "33.21",
        "between 25.00 and 33.20",
    ),
    (
        '"size_multiplier": 0.5, "stop_bps": 30, "targets_bps": [25, 45',
        '"size_multiplier": 0.4, "stop_bps": 30, "targets_bps": [25, 45',
        "strategies.BTC_range_scalp.base_notional_usd",
        "25 x 0.4 = 10 USD",
        "at least one lot of okx BTC (10.84 USD at 108402); a short would round to zero lots",
    ),
    (
        '"position_pct_max": 25',
        '"position_pct_max": 20',
        f"{L1}.notional_usd_max",
        "415",
        "at most 332; 20 % of a hot wallet of 1660 USD",
    ),
    (
        '"hot_wallet_usd": 1660',
        '"hot_wallet_usd": 1000',
        f"{L1}.notional_usd_max",
        "415",
        "at most 250; 25 % of a hot wallet of 1000 USD",
    ),
    (
        '"health_factor_critical": 2.00',
        '"health_factor_critical": 2.30',
        "limits.layer4_kill_switch.health_factor_critical",
        "2.3",
        "at most health_factor_min (2.2)",
    ),
    ('"L4_CLOCK": "halt",', "", "limits.layer4_kill_switch.conditions.L4_CLOCK", "nothing", "required"),
    (
        '"L4_CLOCK": "halt"',
        '"L4_MOON_PHASE": "halt", "L4_CLOCK": "halt"',
        "limits.layer4_kill_switch.conditions.L4_MOON_PHASE",
        "an unknown key",
        "one of L4_SESSION_DRAWDOWN",
    ),
    (
        '"L4_SESSION_DRAWDOWN": "halt_and_flatten"',
        '"L4_SESSION_DRAWDOWN": "halt"',
        "limits.layer4_kill_switch.conditions.L4_SESSION_DRAWDOWN",
        "'halt'",
        "'halt_and_flatten'",
    ),
    ('"funding_s": 300', '"funding_s": 301', "monitoring.funding_s", "301 s", "at most 300 s (its stale limit)"),
    ('"assets": ["XRP"]', '"assets": ["XRP", "BTC"]', "strategies.XRP_corridor_guard.assets", "2 values", "at most 1"),
    ('"assets": ["XRP"]', '"assets": ["DOGE"]', "strategies.XRP_corridor_guard.assets[0]", "'DOGE'", "'XRP'"),
    (
        '"vwap_window_s": 1800',
        '"vwap_window_s": 3601',
        "strategies.SOL_priority_fee_shock_fade.parameters.vwap_window_s",
        "3601 s",
        "at most 3600 s",
    ),
    (
        '"zone_usd": [106600, 106800]',
        '"zone_usd": [106800, 106600]',
        "bands.static.lower.zone_usd",
        "[106800, 106600]",
        "low < high",
    ),
    (
        '"next_usd": [105100, 103500]',
        '"next_usd": [105100, 106000]',
        "bands.static.lower",
        "108402 > 106800 > 106600 > 105100 > 106000",
        "prices that fall",
    ),
    (
        '"next_usd": [111000, 112500]',
        '"next_usd": [109900, 112500]',
        "bands.static.upper",
        "108402 < 109700 < 110000 < 109900 < 112500",
        "prices that rise",
    ),
    (
        '"mid_usd": 108402',
        '"mid_usd": 109750',
        "bands.static.upper",
        "109750 < 109700 < 110000 < 111000 < 112500",
        "prices that rise",
    ),
    (
        '"invalidation_usd": 110050',
        '"invalidation_usd": 110000',
        "bands.static.upper.invalidation_usd",
        "110000",
        "a price over the zone (110000)",
    ),
    (
        '"set_at": "2025-10-19T00:00:00Z"',
        '"set_at": "2025-10-19"',
        "bands.static.set_at",
        "'2025-10-19'",
        "a UTC time such as",
    ),
    (
        '"set_at": "2025-10-19T00:00:00Z"',
        '"set_at": "2025-02-30T00:00:00Z"',
        "bands.static.set_at",
        "'2025-02-30T00:00:00Z'",
        "a UTC time such as",
    ),
    (
        '"set_at": "2025-10-19T00:00:00Z",',
        '"set_at": "2025-10-19T00:00:00Z", "valid_until": "2025-10-18T00:00:00Z",',
        "bands.static.valid_until",
        "'2025-10-18T00:00:00Z'",
        "a time after set_at",
    ),
    (
        '["static", "liquidations", "coinglass", "range"]',
        '["static", "static"]',
        "bands.order[1]",
        "'static'",
        "each source once",
    ),
    ('["static", "liquidations", "coinglass", "range"]', "[]", "bands.order", "0 values", "at least 1"),
    ('"env:TIDEGATE_AAVE_ADDRESS"', '""', "aave.address", "''", "write `aave: null` when there is no Aave position"),
    ('"env:TIDEGATE_AAVE_ADDRESS"', f'"0x{"0" * 40}"', "aave.address", f"'0x{'0' * 40}'", "not all zero"),
    ('"addresses": []', '"addresses": ["hello"]', "cold_wallet.addresses[0]", "'hello'", "a public address"),
    (
        '"reference_agent": {',
        '"reference agent": {',
        "agents.reference agent",
        "'reference agent'",
        "a name of letters",
    ),
    (
        '"okx": { "taker_bps": 5, "maker_bps": 2 },',
        "",
        "venue.fees",
        "binanceusdm, bybit",
        "fees of the execution venue okx too",
    ),
    (
        '"coinbase": { "taker_bps": 5, "maker_bps": 2 },',
        "",
        "venue.spot_fees.coinbase",
        "nothing",
        "the venue's spot fees",
    ),
    (
        '"venues": ["coinbase", "okx"]',
        '"venues": ["okx", "okx"]',
        "strategies.cross_exchange_arbitrage.parameters.venues",
        "['okx', 'okx']",
        "two different venues",
    ),
    (
        '"venues": ["coinbase", "okx"]',
        '"venues": ["okx", "kraken"]',
        "strategies.cross_exchange_arbitrage.parameters.venues[1]",
        "'kraken'",
        "'coinbase' or 'okx'",
    ),
    (
        '"half_spread_bps": { "BTC": 0.5, ',
        '"half_spread_bps": { ',
        "paper.half_spread_bps.BTC",
        "nothing",
        "a half spread for every asset",
    ),
    ('"XRP": 2.40', "", "market_context.prices_usd.XRP", "nothing", "a price for every asset"),
    (
        '"funding_venues": ["binance", "okx"]',
        '"funding_venues": ["okx", "binance"]',
        "limits.layer2_tactical.funding_venues",
        "['okx', 'binance']",
        "two venues in this order: binance, okx, bybit, hyperliquid; the other way round would turn the rule's sign",
    ),
    (
        '"funding_venues": ["binance", "okx"]',
        '"funding_venues": ["okx", "okx"]',
        "limits.layer2_tactical.funding_venues",
        "['okx', 'okx']",
        "two venues in this order",
    ),
    ('"latency_ms": 150', '"latency_ms": 150.0000001', "paper.latency_ms", "150.0000001", "whole nanoseconds"),
]


@pytest.mark.parametrize(
    ("old", "new", "path", "given", "allowed"), BAD, ids=[f"{row[2]} {row[3]}"[:90] for row in BAD]
)
def test_an_error_names_path_and_line_and_says_what_was_given_and_what_is_allowed(
    old: str, new: str, path: str, given: str, allowed: str
) -> None:
    error = error_at(replaced((old, new)), path)
    assert repr(error.given) == given
    assert allowed in str(error)
    assert error.path.startswith("line ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"stop_bps_max": 500', '"stop_bps_max": "500"'),
        ('"open_trades_max": 3', '"open_trades_max": 9'),
        ('"funding_s": 300', '"funding_s": 301'),
        ('"mid_usd": 108402', '"mid_usd": "108402"'),
        ('"address": "env:TIDEGATE_AAVE_ADDRESS"', '"address": ""'),
    ],
)
def test_the_line_is_the_one_an_editor_shows(old: str, new: str) -> None:
    text = replaced((old, new))
    (error,) = errors_of(text)
    assert error.path.startswith(f"line {line_of(text, new)}, ")


def test_every_error_is_reported_at_once_in_the_order_of_the_file() -> None:
    rows = [
        row
        for row in BAD
        if row[2] in {"trading_enabled", f"{L1}.stop_bps_max", "venue.name", "monitoring.funding_s", "aave.address"}
    ]
    chosen = {row[2]: row for row in rows}
    errors = errors_of(replaced(*((row[0], row[1]) for row in chosen.values())))
    lines = [int(error.path.removeprefix("line ").partition(",")[0]) for error in errors]
    assert {error.path.partition(", ")[2] for error in errors} == set(chosen)
    assert lines == sorted(lines)


def test_an_error_in_one_section_does_not_hide_what_is_wrong_between_others() -> None:
    errors = errors_of(
        replaced(
            ('"open_trades_max": 3', '"open_trades_max": "3"'),
            ('"health_factor_critical": 2.00', '"health_factor_critical": 2.30'),
            ('"funding_s": 300', '"funding_s": 301'),
            ('"BTC Range Scalp"', '""'),
            ('"vwap_window_s": 300', '"vwap_window_s": 9999'),
        )
    )
    assert [error.path.partition(", ")[2] for error in errors] == [
        f"{L1}.open_trades_max",
        "limits.layer4_kill_switch.health_factor_critical",
        "strategies.BTC_range_scalp.display_name",
        "strategies.XRP_corridor_guard.parameters.vwap_window_s",
        "monitoring.funding_s",
    ]


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    text = replaced(('"stop_bps_max": 500', '"stop_bps_max": 500,\n"stop_bps_max": 100'))
    (error,) = errors_of(text)
    assert f"first given on line {line_of(text, 'stop_bps_max')}" in str(error)


@pytest.mark.parametrize("secret", [XPRV, "f" * 64, "0x" + "1a" * 32, TWELVE_WORDS, TWELVE_WORDS + " " + TWELVE_WORDS])
@pytest.mark.parametrize("path", [("cold_wallet", "addresses"), ("session", "thesis"), ("venue", "name")])
def test_what_looks_like_a_key_is_refused_wherever_it_stands_and_never_printed(secret: str, path: KeyPath) -> None:
    value = f'["{secret}"]' if path[-1] != "name" else f'"{secret}"'
    with pytest.raises(InputErrors) as caught:
        load_text(with_value(path, value))
    assert "no secret of any kind" in str(caught.value)
    assert secret not in str(caught.value)


def test_a_missing_file_is_an_error_that_says_how_to_name_another() -> None:
    with pytest.raises(InputErrors, match="name another with --config"):
        load("there/is/no/such/file.json")


@pytest.mark.parametrize("text", ["[]", "3", "null", '"text"'])
def test_a_document_that_is_no_group_of_keys_is_refused(text: str) -> None:
    (error,) = errors_of(text)
    assert error.allowed == "a group of keys in { }"


def test_an_empty_group_names_every_section_it_lacks() -> None:
    paths = {error.path.partition(", ")[2] for error in errors_of("{}")}
    assert {"limits", "strategies", "capital", "venue", "cold_wallet", "aave", "agents"} <= paths


def test_the_shipped_file_has_no_errors() -> None:
    assert errors_of(shipped_text()) == ()
