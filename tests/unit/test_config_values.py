"""The shipped file says what the plan says: every figure of seed.md and of SPEC sections 2 and 4, exactly."""

from __future__ import annotations

import pytest

from tidegate.config.jsonc import NumberText, Tree
from tidegate.config.load import Settings, load
from tidegate.model.intent import Mode, ModeCeiling
from tidegate.model.limits import StrategyKind
from tidegate.model.observation import Channel, Side
from tidegate.strategy.settings import StrategySettings
from tidegate.units import HOUR_NS, MINUTE_NS, SECOND_NS, fixed

LONG, SHORT = Side.LONG, Side.SHORT


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load()


WRITTEN = [
    ("session.name", "tactical_scalps_oct19_2025"),
    ("session.regime", "chop and squeeze"),
    ("market_context.prices_usd.BTC", "108402"),
    ("market_context.positioning.BTC.long_pct", "43.8"),
    ("market_context.positioning.BTC.short_pct", "56.2"),
    ("market_context.positioning.SOL.long_pct", "46.3"),
    ("market_context.positioning.SOL.short_pct", "53.7"),
    ("market_context.positioning.XRP.long_pct", "47"),
    ("market_context.positioning.XRP.short_pct", "53"),
    ("market_context.shorts_liquidated_usd", "121000000"),
    ("market_context.funding_bps_8h.binance", "2.9"),
    ("market_context.funding_bps_8h.okx", "-0.7"),
    ("market_context.open_interest_change_24h_pct", "2.98"),
    ("market_context.aave_health_factor", "2.45"),
    ("capital.hot_wallet_usd", "1660"),
    ("capital.cold_wallet_usd", "6600"),
    ("capital.position_pct_max", "25"),
    ("capital.base_notional_usd.min", "25.00"),
    ("capital.base_notional_usd.max", "33.20"),
    ("limits.layer1_global.notional_usd_max", "415"),
    ("limits.layer1_global.stop_bps_max", "500"),
    ("limits.layer1_global.daily_loss_usd_max", "100"),
    ("limits.layer1_global.open_trades_max", "3"),
    ("limits.layer1_global.exposure_usd_max", "1245"),
    ("limits.layer1_global.test_exposure_usd_max", "100"),
    ("limits.layer1_global.test_trades_max", "3"),
    ("limits.layer1_global.price_collar_bps", "50"),
    ("limits.layer1_global.duplicate_window_s", "2"),
    ("limits.layer1_global.intents_per_second_max", "5"),
    ("limits.layer1_global.intents_per_minute_max", "60"),
    ("limits.layer1_global.loss_resize_multiplier", "0.5"),
    ("limits.layer2_tactical.funding_divergence_bps_max", "0.25"),
    ("limits.layer2_tactical.oi_change_pct_max", "3"),
    ("limits.layer2_tactical.oi_size_multiplier", "0.80"),
    ("limits.layer2_tactical.squeeze_window_s", "3600"),
    ("limits.layer2_tactical.confidence_min", "0.80"),
    ("limits.layer3_conditions.health_factor_min", "2.20"),
    ("limits.layer3_conditions.health_factor_warn_band", "0.30"),
    ("limits.layer3_conditions.entries_per_day_max", "6"),
    ("limits.layer3_conditions.loss_streak_max", "2"),
    ("limits.layer4_kill_switch.drawdown_pct_max", "1.2"),
    ("limits.layer4_kill_switch.losses_max", "5"),
    ("limits.layer4_kill_switch.health_factor_critical", "2.00"),
    ("limits.layer4_kill_switch.feed_outage_s", "600"),
    ("limits.layer4_kill_switch.self_lift_s", "60"),
    ("limits.layer4_kill_switch.clock_step_ms_max", "250"),
    ("assets.BTC.short_pct_max", "54"),
    ("assets.ETH.short_pct_max", "54"),
    ("assets.SOL.short_pct_max", "53"),
    ("assets.XRP.short_pct_max", "53"),
    ("assets.BTC.squeeze_rise_bps", "60"),
    ("assets.ETH.squeeze_rise_bps", "110"),
    ("assets.SOL.squeeze_rise_bps", "110"),
    ("assets.XRP.squeeze_rise_bps", "100"),
    ("assets.BTC.squeeze_liquidations_usd", "5000000"),
    ("assets.ETH.squeeze_liquidations_usd", "3000000"),
    ("assets.SOL.squeeze_liquidations_usd", "1000000"),
    ("assets.XRP.squeeze_liquidations_usd", "1000000"),
    ("strategies.cross_exchange_arbitrage.parameters.edge_bps_min", "12.5"),
    ("strategies.cross_exchange_arbitrage.parameters.edge_bps_min_coinbase_okx", "20"),
    ("strategies.cross_exchange_arbitrage.parameters.unwind_bps", "28"),
    ("strategies.cross_exchange_arbitrage.parameters.rate_age_s_max", "30"),
    ("bands.static.mid_usd", "108402"),
    ("bands.static.upper.invalidation_usd", "110050"),
    ("monitoring.positioning_s", "60"),
    ("monitoring.funding_s", "300"),
    ("monitoring.open_interest_s", "120"),
    ("monitoring.health_factor_s", "30"),
]


@pytest.mark.parametrize(("path", "text"), WRITTEN, ids=[path for path, _ in WRITTEN])
def test_the_file_says_what_the_plan_says(settings: Settings, path: str, text: str) -> None:
    found: Tree = settings.source.at(tuple(path.split(".")))
    assert (found.text if isinstance(found, NumberText) else found) == text


def test_the_bias_is_60_30_10(settings: Settings) -> None:
    assert [bias.weight_pct for bias in settings.document.session.bias] == [60, 30, 10]


def test_the_checklist_has_its_seven_points_and_the_four_before_each_session(settings: Settings) -> None:
    assert len(settings.document.checklist.session) == 7
    assert len(settings.document.checklist.before_each_session) == 4


def test_the_phases_are_paper_test_and_production_with_their_capital(settings: Settings) -> None:
    assert [(phase.name, phase.capital_usd) for phase in settings.document.phases] == [
        ("Paper", fixed(1660)),
        ("Test", fixed(100)),
        ("Production", fixed(415)),
    ]


def test_drawdown_is_19_92_usd(settings: Settings) -> None:
    assert settings.limits(Mode.PAPER).drawdown_usd_max == fixed("19.92")


def test_stale_limits_are_those_of_the_specification(settings: Settings) -> None:
    seconds = {
        channel: stale.reject_after_ns // SECOND_NS for channel, stale in settings.limits(Mode.PAPER).stale.items()
    }
    assert seconds == {
        Channel.PRICE: 5,
        Channel.BOOK: 5,
        Channel.PRIORITY_FEE: 30,
        Channel.TIP: 30,
        Channel.POSITIONING: 120,
        Channel.OPEN_INTEREST: 120,
        Channel.HEALTH_FACTOR: 120,
        Channel.FUNDING: 300,
        Channel.LIQUIDATIONS: 120,
        Channel.RATE: 30,
    }
    stale = settings.limits(Mode.PAPER).stale
    graces = {channel: bounds.value_grace_ns // SECOND_NS for channel, bounds in stale.items()}
    assert graces == {**dict.fromkeys(seconds, 120), Channel.RATE: 30}, (
        "a rate has no grace: its value is as old as it is"
    )


@pytest.mark.parametrize(
    ("key", "name", "side", "multiplier", "stop", "targets"),
    [
        ("BTC_range_scalp", "BTC Range Scalp", LONG, "0.7", 28, (25, 50, 90)),
        ("BTC_range_scalp", "BTC Range Scalp", SHORT, "0.5", 30, (25, 45, 80)),
        ("SOL_priority_fee_shock_fade", "SOL Fee-Shock Fade", LONG, "0.6", 35, (30, 60, 110)),
        ("SOL_priority_fee_shock_fade", "SOL Fee-Shock Fade", SHORT, "0.6", 35, (30, 60, 110)),
        ("XRP_corridor_guard", "XRP Corridor", LONG, "0.5", 22, (20, 40, 75)),
        ("ETH_mirror_btc", "ETH Mirror", LONG, "0.5", 30, (25, 50, 90)),
        ("ETH_mirror_btc", "ETH Mirror", SHORT, "0.5", 30, (25, 50, 90)),
    ],
)
def test_a_strategy_has_the_brackets_of_the_specification(
    settings: Settings, key: str, name: str, side: Side, multiplier: str, stop: int, targets: tuple[int, ...]
) -> None:
    rules = settings.limits(Mode.PAPER).strategies[key]
    assert rules.display_name == name
    assert rules.base_notional_usd == fixed(25)
    assert rules.sides[side].size_multiplier == fixed(multiplier)
    assert rules.sides[side].stop_bps == fixed(stop)
    assert rules.sides[side].targets_bps == tuple(fixed(target) for target in targets)


def test_the_guards_are_those_of_the_specification(settings: Settings) -> None:
    strategies = settings.limits(Mode.PAPER).strategies
    scalp, fade, corridor = (
        strategies[key].guards for key in ("BTC_range_scalp", "SOL_priority_fee_shock_fade", "XRP_corridor_guard")
    )
    assert (scalp.short_pct_max, scalp.funding_spread_bps_below) == (fixed(54), fixed("0.2"))
    assert (scalp.thin_depth_ratio, scalp.thin_stop_bps) == (fixed("0.6"), fixed(35))
    assert (fade.tip_ratio_max, fade.tip_size_multiplier, fade.tip_stop_bps) == (fixed("1.5"), fixed("0.5"), fixed(45))
    assert corridor.short_pct_with_falling_depth == fixed(53)


def test_the_corridor_buys_only_twice_a_day_and_for_a_minute(settings: Settings) -> None:
    rules = settings.limits(Mode.PAPER).strategies["XRP_corridor_guard"]
    assert list(rules.sides) == [LONG]
    assert (rules.entries_per_day_max, rules.hold_ns, rules.uptick_exit_ns) == (2, MINUTE_NS, 45 * SECOND_NS)


def test_the_range_scalp_holds_at_most_240_minutes(settings: Settings) -> None:
    assert settings.limits(Mode.PAPER).strategies["BTC_range_scalp"].hold_ns == 4 * HOUR_NS


def test_the_triggers_are_the_specifications_own(settings: Settings) -> None:
    assert settings.strategy_settings == StrategySettings()


def test_only_the_fee_fade_needs_fees(settings: Settings) -> None:
    needing = [key for key, rules in settings.limits(Mode.PAPER).strategies.items() if rules.needs_fees]
    assert needing == ["SOL_priority_fee_shock_fade"]


def test_there_are_five_strategies_and_an_external_one_all_kept_to_paper(settings: Settings) -> None:
    strategies = settings.limits(Mode.PAPER).strategies
    assert [rules.kind for rules in strategies.values()] == [StrategyKind.INTERNAL] * 4 + [
        StrategyKind.ARBITRAGE,
        StrategyKind.EXTERNAL,
    ]
    assert {rules.mode_ceiling for rules in strategies.values()} == {ModeCeiling.PAPER}


def test_the_arbitrage_pair_has_one_direction_whose_stop_is_the_unwinding(settings: Settings) -> None:
    rules = settings.limits(Mode.PAPER).strategies["cross_exchange_arbitrage"]
    assert {side: defaults.stop_bps for side, defaults in rules.sides.items()} == {LONG: fixed(28)}


def test_the_bands_are_those_of_the_plan(settings: Settings) -> None:
    bands = settings.bands
    assert (bands.lower.low, bands.lower.high) == (fixed(106_600), fixed(106_800))
    assert (bands.upper.low, bands.upper.high) == (fixed(109_700), fixed(110_000))
    assert bands.lower_extra == (fixed(105_100), fixed(103_500))
    assert bands.upper_extra == (fixed(111_000), fixed(112_500))
    assert bands.sources == ("static", "liquidations", "coinglass", "range")
    assert (bands.lower_zone_bps, bands.upper_zone_bps) == (fixed(19), fixed(27))


def test_scale_out_is_45_35_20(settings: Settings) -> None:
    assert settings.limits(Mode.PAPER).target_weights_pct == (45, 35, 20)
