"""Settings: what a file, a mode and the command line become."""

from __future__ import annotations

import pytest

from tests.support.config_lab import load_text, replaced, with_value
from tidegate.config.load import load
from tidegate.model.intent import Mode
from tidegate.units import DAY_NS, MS_NS, SECOND_NS, fixed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("54.00", 5_400_000_000),
        ("53.90", 5_390_000_000),
        ("54", 5_400_000_000),
        ("5.4e1", 5_400_000_000),
        ("0.00000001", 1),
    ],
)
def test_a_number_goes_from_text_to_fixed_point_without_a_float(text: str, value: int) -> None:
    settings = load_text(with_value(("assets", "BTC", "short_pct_max"), text))
    assert settings.limits(Mode.PAPER).assets["BTC"].short_pct_max == value


def test_54_10_is_5410000000() -> None:
    settings = load_text(with_value(("market_context", "positioning", "BTC", "short_pct"), "54.10"))
    assert settings.document.market_context.positioning["BTC"].short_pct == 5_410_000_000


def test_a_tightened_limit_is_the_one_in_force() -> None:
    settings = load_text(
        replaced(
            ('"daily_loss_usd_max": 100', '"daily_loss_usd_max": 12.34'),
            ('"entries_per_day_max": 6,\n      "loss', '"entries_per_day_max": 4,\n      "loss'),
            ('"drawdown_pct_max": 1.2', '"drawdown_pct_max": 0.5'),
        )
    )
    limits = settings.limits(Mode.PAPER)
    assert limits.daily_loss_usd_max == fixed("12.34")
    assert limits.entries_per_day_max == 4
    assert limits.drawdown_usd_max == fixed("8.30")


def test_drawdown_in_usd_is_rounded_down() -> None:
    settings = load_text(with_value(("limits", "layer4_kill_switch", "drawdown_pct_max"), "0.33333333"))
    assert settings.limits(Mode.PAPER).drawdown_usd_max == fixed("5.53333327")


def test_test_mode_has_its_own_exposure_and_the_others_the_full_one() -> None:
    settings = load()
    exposures = {mode: settings.limits(mode).exposure_usd_max for mode in Mode}
    assert exposures == {Mode.PAPER: fixed(1245), Mode.TEST: fixed(100), Mode.LIVE: fixed(1245)}


@pytest.mark.parametrize(
    ("max_trades", "day", "test"), [(None, 6, 3), (10, 6, 3), (6, 6, 3), (5, 5, 3), (3, 3, 3), (1, 1, 1)]
)
def test_max_trades_can_only_tighten(max_trades: int | None, day: int, test: int) -> None:
    limits = load().limits(Mode.TEST, max_trades)
    assert (limits.entries_per_day_max, limits.test_trades_max) == (day, test)


def test_limits_carry_the_mode_they_were_made_for() -> None:
    assert [load().limits(mode).mode for mode in Mode] == list(Mode)


def test_aave_null_means_not_configured() -> None:
    assert load().limits(Mode.PAPER).aave_configured
    assert not load_text(with_value(("aave",), "null")).limits(Mode.PAPER).aave_configured


def test_an_aave_that_is_left_out_is_not_the_same_as_null() -> None:
    with pytest.raises(Exception, match="aave: got nothing, allowed: this key is required"):
        load_text(with_value(("aave",), None))


def test_cold_addresses_reach_the_limits() -> None:
    address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    settings = load_text(with_value(("cold_wallet", "addresses"), f'["{address}"]'))
    assert settings.limits(Mode.LIVE).cold_addresses == (address,)


def test_configured_fees_reach_the_instruments() -> None:
    settings = load_text(with_value(("venue", "fees", "okx"), '{"taker_bps": 6.5, "maker_bps": 2.1}'))
    instrument = settings.limits(Mode.PAPER).instruments["okx:BTC-USDT-SWAP"]
    assert (instrument.taker_bps, instrument.maker_bps) == (fixed("6.5"), fixed("2.1"))


def test_the_arbitrage_reaches_the_limits_with_its_venues_edges_and_ages() -> None:
    rules = load().limits(Mode.PAPER).arbitrage
    assert rules is not None
    assert (rules.venues, rules.unwind_bps, rules.rate_age_ns_max) == (("coinbase", "okx"), fixed(28), 30 * SECOND_NS)
    assert rules.edge_bps_min_of("okx", "coinbase") == rules.edge_bps_min_of("coinbase", "okx") == fixed(20)
    assert rules.edge_bps_min_of("okx", "kraken") == fixed("12.5")


def test_both_venues_spot_instruments_are_listed_after_the_perpetuals_with_their_own_fees() -> None:
    settings = load_text(with_value(("venue", "spot_fees", "coinbase"), '{"taker_bps": 60, "maker_bps": 40}'))
    limits = settings.limits(Mode.PAPER)
    assets = ("BTC", "ETH", "SOL", "XRP")
    spots = [*(f"coinbase:{asset}-USD" for asset in assets), *(f"okx:{asset}-USDT" for asset in assets)]
    assert list(limits.instruments) == [*(f"okx:{asset}-USDT-SWAP" for asset in assets), *spots]
    assert (limits.instruments["coinbase:BTC-USD"].taker_bps, limits.instruments["okx:BTC-USDT"].taker_bps) == (
        fixed(60),
        fixed(5),
    )
    assert list(limits.perpetuals().values()) == [f"okx:{asset}-USDT-SWAP" for asset in assets]
    assert limits.spot_for("ETH", "okx") == limits.instruments["okx:ETH-USDT"]
    assert limits.spot_for("ETH", "bybit") is None


def test_every_listed_instrument_names_its_quote() -> None:
    quotes = {name: one.quote for name, one in load().limits(Mode.PAPER).instruments.items() if one.asset == "BTC"}
    assert quotes == {"okx:BTC-USDT-SWAP": "USDT", "coinbase:BTC-USD": "USD", "okx:BTC-USDT": "USDT"}


def test_only_whitelisted_assets_have_instruments() -> None:
    text = replaced(
        ('"assets": ["BTC", "ETH", "SOL", "XRP"]', '"assets": ["BTC"]'),
        ('"assets": ["BTC", "ETH", "SOL", "XRP"]', '"assets": ["BTC"]'),
    )
    assert list(load_text(text).limits(Mode.PAPER).perpetuals()) == ["BTC", "ETH", "SOL", "XRP"], (
        "the whitelist is `assets`"
    )
    assert list(load().limits(Mode.PAPER).perpetuals().values()) == [
        f"okx:{asset}-USDT-SWAP" for asset in ("BTC", "ETH", "SOL", "XRP")
    ]


def test_bands_last_a_day_unless_told() -> None:
    assert load().bands.expires_ns - load().bands.set_ns == DAY_NS
    path = ("bands", "static", "valid_until")
    told = load_text(with_value(path, '"2025-10-19T12:00:00Z"')).bands
    assert told.expires_ns - told.set_ns == DAY_NS // 2


def test_paper_settings_keep_latency_and_half_spreads() -> None:
    paper = load().paper
    assert paper.latency_ns == 150 * MS_NS
    assert paper.half_spread_of("BTC") == fixed("0.5")
    assert paper.half_spread_of("XRP") == fixed(1)


def test_a_strategy_of_an_agent_is_declared_under_external() -> None:
    text = with_value(
        ("strategies", "external", "my_signal"),
        '{"display_name": "Mine", "kind": "external", "assets": ["ETH"], "base_notional_usd": 30, "entries_per_day_max": 1,'
        ' "cooldown_s": 0, "mode_ceiling": "shadow", "hold_max_s": 600,'
        ' "sides": {"short": {"size_multiplier": 1, "stop_bps": 40, "targets_bps": [30, 60, 90]}}}',
    )
    rules = load_text(text).limits(Mode.PAPER).strategies["my_signal"]
    assert [str(side) for side in rules.sides] == ["short"]
    assert rules.base_notional_usd == fixed(30)


def test_the_hash_follows_the_values_not_the_comments() -> None:
    plain = load()
    assert load_text(replaced(("// Tidegate:", "/* other words */ //"))).config_hash == plain.config_hash
    assert (
        load_text(replaced(('"position_pct_max": 25', '"position_pct_max": 25.000'))).config_hash == plain.config_hash
    )
    assert (
        load_text(replaced(('"daily_loss_usd_max": 100', '"daily_loss_usd_max": 99'))).config_hash != plain.config_hash
    )


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(Exception, match="frozen"):
        load().document.limits.layer1_global.notional_usd_max = 1
