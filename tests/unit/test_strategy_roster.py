"""The roster: which strategies run, in which order, and what it refuses."""

from __future__ import annotations

import msgspec
import pytest

from tests.support import gate_world
from tidegate.errors import InputError
from tidegate.snapshot.asset_state import REACH_NS
from tidegate.strategy import roster
from tidegate.strategy.port import TAPE_REACH_NS
from tidegate.strategy.settings import CorridorSettings, StrategySettings
from tidegate.units import HOUR_NS


def test_btc_runs_before_eth_and_external_and_arbitrage_have_no_code() -> None:
    built = roster.build(gate_world.limits(), StrategySettings())
    keys = [each.key for each in built]
    assert keys == ["BTC_range_scalp", "ETH_mirror_btc", "SOL_priority_fee_shock_fade", "XRP_corridor_guard"]
    assert [each.asset for each in built] == ["BTC", "ETH", "SOL", "XRP"]


def test_a_strategy_that_is_not_declared_does_not_run() -> None:
    rules = gate_world.strategies()
    only = {"XRP_corridor_guard": rules["XRP_corridor_guard"]}
    assert [each.key for each in roster.build(gate_world.limits(strategies=only), StrategySettings())] == [
        "XRP_corridor_guard"
    ]


def test_an_internal_strategy_nobody_wrote_is_refused_with_the_known_names() -> None:
    made_up = msgspec.structs.replace(gate_world.strategies()["XRP_corridor_guard"], key="DOGE_moon")
    with pytest.raises(InputError, match="DOGE_moon.*BTC_range_scalp"):
        roster.build(gate_world.limits(strategies={"DOGE_moon": made_up}), StrategySettings())


def test_a_strategy_of_ours_has_exactly_one_asset() -> None:
    two = msgspec.structs.replace(gate_world.strategies()["XRP_corridor_guard"], assets=("XRP", "SOL"))
    with pytest.raises(InputError, match="exactly one asset"):
        roster.build(gate_world.limits(strategies={two.key: two}), StrategySettings())


def test_a_window_beyond_the_tape_is_refused() -> None:
    settings = StrategySettings(corridor=CorridorSettings(range_ns=HOUR_NS + 1))
    with pytest.raises(InputError, match=r"corridor\.range_ns"):
        roster.build(gate_world.limits(), settings)


def test_the_tape_keeps_what_it_promises() -> None:
    assert REACH_NS >= TAPE_REACH_NS
