"""Ceilings in code: no file can loosen one of them, every file can tighten it."""

from __future__ import annotations

import pytest

from tests.support.config_lab import KeyPath, errors_of, shipped_source, with_value
from tidegate.config.ceilings import CEILINGS, FIX, Bound, Ceiling, ceilings_of, loosened, matches
from tidegate.config.jsonc import NumberText, Tree, dotted, read
from tidegate.units import render


def _places() -> list[tuple[Ceiling, KeyPath]]:
    """Return every (ceiling, path) of the shipped file."""
    tree = shipped_source().tree
    return [(ceiling, path) for ceiling in CEILINGS for path, _ in matches(tree, tuple(ceiling.path.split(".")), ())]


PLACES = _places()
IDS = [f"{dotted(path)} {ceiling}" for ceiling, path in PLACES]


def _complaints(path: KeyPath, value: int, ceiling: Ceiling) -> list[str]:
    found = loosened(read(with_value(path, render(value)), "a test's file"))
    return [
        str(error)
        for error in found
        if error.fix == FIX and dotted(path) in error.path and error.allowed == str(ceiling)
    ]


@pytest.mark.parametrize(("ceiling", "path"), PLACES, ids=IDS)
def test_one_quantum_looser_than_the_ceiling_is_refused_and_the_ceiling_named(ceiling: Ceiling, path: KeyPath) -> None:
    loose = ceiling.value + 1 if ceiling.bound is Bound.AT_MOST else ceiling.value - 1
    assert len(_complaints(path, loose, ceiling)) == 1


@pytest.mark.parametrize(("ceiling", "path"), PLACES, ids=IDS)
def test_the_ceiling_itself_and_anything_tighter_is_not_refused_by_it(ceiling: Ceiling, path: KeyPath) -> None:
    tighter = ceiling.value // 2 if ceiling.bound is Bound.AT_MOST else ceiling.value * 2
    for value in (ceiling.value, tighter):
        source = read(with_value(path, render(value)), "a test's file")
        mine = [
            error for error in loosened(source) if error.allowed == str(ceiling) and error.path.endswith(dotted(path))
        ]
        assert mine == []


def test_a_file_that_loosens_is_refused_as_a_whole() -> None:
    path = ("limits", "layer1_global", "daily_loss_usd_max")
    (error,) = errors_of(with_value(path, "100.00000001"))
    assert str(error).endswith("got 100.00000001, allowed: at most 100; ceiling in code; a file can only tighten")


def test_every_ceiling_stands_over_a_key_of_the_shipped_file() -> None:
    covered = {ceiling.path for ceiling, _ in PLACES}
    assert [ceiling.path for ceiling in CEILINGS if ceiling.path not in covered] == []


def test_every_number_among_the_limits_and_bounds_has_a_ceiling() -> None:
    tree = shipped_source().tree
    assert isinstance(tree, dict)
    numbers = [(*(section,), *path) for section in ("limits", "assets") for path in _numbers(tree[section], ())]
    assert len(numbers) > 50
    assert [dotted(path) for path in numbers if not ceilings_of(path)] == []


def test_a_stop_and_a_size_of_every_strategy_have_a_ceiling() -> None:
    tree = shipped_source().tree
    assert isinstance(tree, dict)
    risky = [
        ("strategies", *path)
        for path in _numbers(tree["strategies"], ())
        if str(path[-1]).endswith(("stop_bps", "size_multiplier", "entries_per_day_max", "hold_max_s"))
    ]
    assert len(risky) > 20
    assert [dotted(path) for path in risky if not ceilings_of(path)] == []


def test_an_agent_that_is_added_meets_the_same_ceiling() -> None:
    agent = '{"entries_per_day_max": 7, "cooldown_s": 0, "mode_ceiling": "paper"}'
    (error,) = errors_of(with_value(("agents", "newcomer"), agent))
    assert error.path.endswith("agents.newcomer.entries_per_day_max")
    assert error.allowed == "at most 6"


def test_a_ceiling_is_compared_with_what_was_written_not_with_a_rounded_float() -> None:
    path = ("limits", "layer1_global", "notional_usd_max")
    (error,) = [one for one in errors_of(with_value(path, "415.00000001")) if one.fix == FIX]
    assert repr(error.given) == "415.00000001"


@pytest.mark.parametrize(
    ("path", "loosest"),
    [
        ("limits.layer1_global.notional_usd_max", "at most 415"),
        ("limits.layer1_global.stop_bps_max", "at most 500"),
        ("limits.layer1_global.daily_loss_usd_max", "at most 100"),
        ("limits.layer1_global.open_trades_max", "at most 3"),
        ("limits.layer1_global.exposure_usd_max", "at most 1245"),
        ("limits.layer1_global.test_exposure_usd_max", "at most 100"),
        ("limits.layer1_global.test_trades_max", "at most 3"),
        ("limits.layer1_global.price_collar_bps", "at most 50"),
        ("limits.layer2_tactical.funding_divergence_bps_max", "at most 0.25"),
        ("limits.layer2_tactical.oi_change_pct_max", "at most 3"),
        ("limits.layer2_tactical.confidence_min", "at least 0.8"),
        ("limits.layer3_conditions.health_factor_min", "at least 2.2"),
        ("limits.layer3_conditions.entries_per_day_max", "at most 6"),
        ("limits.layer3_conditions.loss_streak_max", "at most 2"),
        ("limits.layer4_kill_switch.drawdown_pct_max", "at most 1.2"),
        ("limits.layer4_kill_switch.losses_max", "at most 5"),
        ("limits.layer4_kill_switch.health_factor_critical", "at least 2"),
        ("limits.layer4_kill_switch.feed_outage_s", "at most 600"),
        ("assets.BTC.short_pct_max", "at most 54"),
        ("assets.ETH.short_pct_max", "at most 54"),
        ("assets.SOL.short_pct_max", "at most 53"),
        ("assets.XRP.short_pct_max", "at most 53"),
        ("assets.SOL.spread_bps_max", "at most 5"),
        ("venue.fees.okx.taker_bps", "at least 5"),
        ("venue.fees.bybit.maker_bps", "at least 2"),
        ("venue.spot_fees.coinbase.taker_bps", "at least 5"),
        ("venue.spot_fees.okx.maker_bps", "at least 2"),
        ("strategies.cross_exchange_arbitrage.parameters.edge_bps_min", "at least 12.5"),
        ("strategies.cross_exchange_arbitrage.parameters.edge_bps_min_coinbase_okx", "at least 20"),
        ("strategies.cross_exchange_arbitrage.parameters.rate_age_s_max", "at most 30"),
        ("paper.latency_ms", "at least 50"),
    ],
)
def test_the_ceilings_are_those_of_the_specification(path: str, loosest: str) -> None:
    assert [str(ceiling) for ceiling in ceilings_of(tuple(path.split(".")))] == [loosest]


def _numbers(node: Tree, path: KeyPath) -> list[KeyPath]:
    if isinstance(node, dict):
        return [found for key, child in node.items() for found in _numbers(child, (*path, key))]
    return [path] if isinstance(node, NumberText) else []
