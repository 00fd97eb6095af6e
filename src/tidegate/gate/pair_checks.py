"""The table of contents for pairs: CHECKS with the rows that are other for two legs, in the same order, under the same codes.

In: the single-leg tables. Out: three tables for `checks.evaluate`. A check that is not named here judges a pair as it judges anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tidegate.gate.checks import CHECKS, ORDER_CHECKS, STOP_CHECKS, Check, Rule
from tidegate.gate.layer1_account import exposure_within_cap, loss_at_risk_fits_room
from tidegate.gate.layer1_global import (
    instrument_is_listed,
    limit_price_within_collar,
    no_opposite_side_open,
    notional_buys_an_order,
)
from tidegate.gate.layer2_tactical import funding_not_diverging, no_fresh_squeeze, shorts_not_crowded
from tidegate.gate.layer3_conditions import feeds_are_fresh, spread_is_narrow, target_exceeds_costs
from tidegate.gate.pair_rules import (
    both_legs_within_cap,
    both_spreads_are_narrow,
    net_edge_is_enough,
    pair_buys_an_order,
    pair_feeds_are_fresh,
    pair_is_listed,
    pairs_are_not_short,
    pairs_fear_no_squeeze,
    pairs_have_no_side,
    pairs_pay_no_funding,
    unwinding_fits_room,
    worst_prices_within_collar,
)

OF_PAIRS: Mapping[Rule, Rule] = MappingProxyType(
    {
        instrument_is_listed: pair_is_listed,
        notional_buys_an_order: pair_buys_an_order,
        loss_at_risk_fits_room: unwinding_fits_room,
        exposure_within_cap: both_legs_within_cap,
        limit_price_within_collar: worst_prices_within_collar,
        no_opposite_side_open: pairs_have_no_side,
        shorts_not_crowded: pairs_are_not_short,
        funding_not_diverging: pairs_pay_no_funding,
        no_fresh_squeeze: pairs_fear_no_squeeze,
        feeds_are_fresh: pair_feeds_are_fresh,
        spread_is_narrow: both_spreads_are_narrow,
        target_exceeds_costs: net_edge_is_enough,
    }
)


def _for_pairs(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    return tuple((reason, OF_PAIRS.get(check, check)) for reason, check in checks)


PAIR_CHECKS = _for_pairs(CHECKS)
PAIR_STOP_CHECKS = _for_pairs(STOP_CHECKS)
PAIR_ORDER_CHECKS = _for_pairs(ORDER_CHECKS)
