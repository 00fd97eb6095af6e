"""The roster: which strategies run, in which order.

In: the limits and the parameters. Out: the internal strategies the config declares; external and arbitrage ones have no code here.
"""

from __future__ import annotations

from typing import Any

from tidegate.errors import InputError
from tidegate.model.limits import Limits, StrategyKind, StrategyRules
from tidegate.strategy.ask import Asker
from tidegate.strategy.btc_range_scalp import RangeScalp
from tidegate.strategy.eth_mirror import Mirror
from tidegate.strategy.port import TAPE_REACH_NS, Strategy
from tidegate.strategy.settings import StrategySettings
from tidegate.strategy.sol_fee_fade import FeeFade
from tidegate.strategy.xrp_corridor import Corridor
from tidegate.units import SECOND_NS

BTC_RANGE_SCALP = "BTC_range_scalp"
SOL_FEE_FADE = "SOL_priority_fee_shock_fade"
XRP_CORRIDOR = "XRP_corridor_guard"
ETH_MIRROR = "ETH_mirror_btc"
RUN_ORDER = (BTC_RANGE_SCALP, ETH_MIRROR, SOL_FEE_FADE, XRP_CORRIDOR)


def build(limits: Limits, settings: StrategySettings) -> tuple[Strategy[Any], ...]:
    """Return the declared internal strategies in run order: a leader before its follower.

    Raises InputError for an internal strategy nobody has written, for one with other than one asset, and for a window beyond the tape.
    """
    for name, value in settings.faults():
        raise InputError(f"strategy {name}", f"{value // SECOND_NS} s", f"1 to {TAPE_REACH_NS // SECOND_NS} s")
    declared = {key: rules for key, rules in limits.strategies.items() if rules.kind is StrategyKind.INTERNAL}
    for key in declared:
        if key not in RUN_ORDER:
            raise InputError(f"strategies.{key}", key, f"one of {', '.join(RUN_ORDER)}", "declare others as external")
    return tuple(_strategy(declared[key], limits, settings) for key in RUN_ORDER if key in declared)


def _strategy(rules: StrategyRules, limits: Limits, settings: StrategySettings) -> Strategy[Any]:
    if len(rules.assets) != 1:
        raise InputError(f"strategies.{rules.key}.assets", rules.assets, "exactly one asset")
    ask = Asker(rules, rules.assets[0], limits.mode)
    if rules.key == BTC_RANGE_SCALP:
        return RangeScalp(ask, settings.range_scalp)
    if rules.key == ETH_MIRROR:
        return Mirror(ask, settings.mirror, BTC_RANGE_SCALP)
    if rules.key == SOL_FEE_FADE:
        return FeeFade(ask, settings.fee_fade)
    return Corridor(ask, settings.corridor)
