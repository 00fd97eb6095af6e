"""Ceilings: the hardest values in code. A file, a flag or an agent can only be tighter. Pure.

In: the document's tree of number texts. Out: one error for every value looser than its ceiling, naming the ceiling. Bounds are written in
the file's own units; equal is allowed. A path part `*` stands for every key. INVARIANT: O3 M4
Fees, and the simulator's latency, have a floor: costs stated too low let trades pass that lose money, and flatter every report. The fees'
floor is the catalogue's documented default; whoever really pays less is judged as if they paid it.
Source: SPEC section 2 (limits), section 4 (strategies), section 5 (fees), seed.md "Capital".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tidegate.config.jsonc import NumberText, Path, Plain, Source, Tree
from tidegate.errors import InputError
from tidegate.model.catalog import MAKER_BPS_DEFAULT, TAKER_BPS_DEFAULT
from tidegate.units import fixed, parse, render

FIX = "ceiling in code; a file can only tighten"


class Bound(StrEnum):
    """Which direction is loose."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The loosest permitted value of one key (or of every key a `*` matches). `value` is fixed-point, in the file's unit."""

    path: str
    bound: Bound
    value: int

    def allows(self, number: int) -> bool:
        """Say whether a value is as tight as the ceiling or tighter; equal is."""
        return number <= self.value if self.bound is Bound.AT_MOST else number >= self.value

    def __str__(self) -> str:
        return f"{self.bound} {render(self.value)}"


def _most(path: str, number: int | str) -> Ceiling:
    return Ceiling(path, Bound.AT_MOST, fixed(number))


def _least(path: str, number: int | str) -> Ceiling:
    return Ceiling(path, Bound.AT_LEAST, fixed(number))


_L1, _L2, _L3, _L4 = (
    f"limits.{layer}" for layer in ("layer1_global", "layer2_tactical", "layer3_conditions", "layer4_kill_switch")
)
_STALE = f"{_L3}.stale.reject_after_s"
_ARBITRAGE = "strategies.cross_exchange_arbitrage.parameters"

CEILINGS: tuple[Ceiling, ...] = (
    _most("capital.hot_wallet_usd", 1660),
    _most("capital.position_pct_max", 25),
    _least("capital.base_notional_usd.min", 25),
    _most("capital.base_notional_usd.max", "33.20"),
    _most(f"{_L1}.notional_usd_max", 415),
    _most(f"{_L1}.stop_bps_max", 500),
    _most(f"{_L1}.daily_loss_usd_max", 100),
    _most(f"{_L1}.loss_resize_multiplier", "0.5"),
    _most(f"{_L1}.open_trades_max", 3),
    _most(f"{_L1}.exposure_usd_max", 1245),
    _most(f"{_L1}.test_exposure_usd_max", 100),
    _most(f"{_L1}.test_trades_max", 3),
    _most(f"{_L1}.price_collar_bps", 50),
    _least(f"{_L1}.duplicate_window_s", 2),
    _most(f"{_L1}.intents_per_second_max", 5),
    _most(f"{_L1}.intents_per_minute_max", 60),
    _most(f"{_L2}.funding_divergence_bps_max", "0.25"),
    _most(f"{_L2}.oi_change_pct_max", 3),
    _most(f"{_L2}.oi_size_multiplier", "0.80"),
    _least(f"{_L2}.squeeze_window_s", 3600),
    _least(f"{_L2}.confidence_min", "0.80"),
    _least(f"{_L3}.health_factor_min", "2.20"),
    _least(f"{_L3}.health_factor_warn_band", "0.30"),
    _most(f"{_L3}.entries_per_day_max", 6),
    _most(f"{_L3}.loss_streak_max", 2),
    _most(f"{_L3}.stale.value_grace_s", 120),
    _most(f"{_STALE}.price", 5),
    _most(f"{_STALE}.book", 5),
    _most(f"{_STALE}.priority_fee", 30),
    _most(f"{_STALE}.tip", 30),
    _most(f"{_STALE}.positioning", 120),
    _most(f"{_STALE}.open_interest", 120),
    _most(f"{_STALE}.health_factor", 120),
    _most(f"{_STALE}.funding", 300),
    _most(f"{_STALE}.liquidations", 120),
    _most(f"{_L4}.drawdown_pct_max", "1.2"),
    _most(f"{_L4}.drawdown_confirm_s", 2),
    _least(f"{_L4}.drawdown_confirm_s", 1),
    _most(f"{_L4}.losses_max", 5),
    _least(f"{_L4}.health_factor_critical", "2.00"),
    _most(f"{_L4}.health_confirm_s", 10),
    _least(f"{_L4}.health_confirm_s", 5),
    _most(f"{_L4}.feed_outage_s", 600),
    _least(f"{_L4}.self_lift_s", 60),
    _most(f"{_L4}.clock_step_ms_max", 250),
    _most("assets.BTC.short_pct_max", 54),
    _most("assets.ETH.short_pct_max", 54),
    _most("assets.SOL.short_pct_max", 53),
    _most("assets.XRP.short_pct_max", 53),
    _most("assets.*.spread_bps_max", 5),
    _most("assets.BTC.squeeze_rise_bps", 60),
    _most("assets.ETH.squeeze_rise_bps", 110),
    _most("assets.SOL.squeeze_rise_bps", 110),
    _most("assets.XRP.squeeze_rise_bps", 100),
    _most("assets.BTC.squeeze_liquidations_usd", 5_000_000),
    _most("assets.ETH.squeeze_liquidations_usd", 3_000_000),
    _most("assets.SOL.squeeze_liquidations_usd", 1_000_000),
    _most("assets.XRP.squeeze_liquidations_usd", 1_000_000),
    _most("strategies.*.entries_per_day_max", 6),
    _most("strategies.*.hold_max_s", 14_400),
    _most("strategies.*.sides.*.size_multiplier", 1),
    _most("strategies.*.sides.*.stop_bps", 500),
    _most("strategies.external.*.entries_per_day_max", 6),
    _most("strategies.external.*.hold_max_s", 14_400),
    _most("strategies.external.*.sides.*.size_multiplier", 1),
    _most("strategies.external.*.sides.*.stop_bps", 500),
    _most("strategies.BTC_range_scalp.guards.short_pct_max", 54),
    _most("strategies.BTC_range_scalp.guards.funding_spread_bps_below", "0.2"),
    _most("strategies.BTC_range_scalp.guards.thin_stop_bps", 500),
    _most("strategies.SOL_priority_fee_shock_fade.guards.tip_ratio_max", "1.5"),
    _most("strategies.SOL_priority_fee_shock_fade.guards.tip_size_multiplier", "0.5"),
    _most("strategies.SOL_priority_fee_shock_fade.guards.tip_stop_bps", 500),
    _most("strategies.XRP_corridor_guard.guards.short_pct_with_falling_depth", 53),
    _most("strategies.XRP_corridor_guard.hold_max_s", 60),
    _most("strategies.XRP_corridor_guard.entries_per_day_max", 2),
    _least(f"{_ARBITRAGE}.edge_bps_min", "12.5"),
    _least(f"{_ARBITRAGE}.edge_bps_min_coinbase_okx", 20),
    _least(f"{_ARBITRAGE}.unwind_bps", 28),
    _most(f"{_ARBITRAGE}.unwind_bps", 500),
    _most(f"{_ARBITRAGE}.rate_age_s_max", 30),
    _most("agents.*.entries_per_day_max", 6),
    Ceiling("venue.fees.*.taker_bps", Bound.AT_LEAST, TAKER_BPS_DEFAULT),
    Ceiling("venue.fees.*.maker_bps", Bound.AT_LEAST, MAKER_BPS_DEFAULT),
    Ceiling("venue.spot_fees.*.taker_bps", Bound.AT_LEAST, TAKER_BPS_DEFAULT),
    Ceiling("venue.spot_fees.*.maker_bps", Bound.AT_LEAST, MAKER_BPS_DEFAULT),
    _least("paper.latency_ms", 50),
)


def loosened(source: Source) -> list[InputError]:
    """Return an error for every value that is looser than its ceiling. Values that are no numbers are `schema`'s business."""
    errors: list[InputError] = []
    for ceiling in CEILINGS:
        for path, text in matches(source.tree, tuple(ceiling.path.split(".")), ()):
            number = _number(text)
            if number is not None and not ceiling.allows(number):
                errors.append(source.error(path, Plain(text), str(ceiling), FIX))
    return errors


def ceilings_of(path: Path) -> tuple[Ceiling, ...]:
    """Return the ceilings of one key."""
    return tuple(ceiling for ceiling in CEILINGS if _covers(ceiling.path.split("."), path))


def matches(node: Tree, parts: tuple[str, ...], path: Path) -> list[tuple[Path, str]]:
    """Return every (path, number text) in a tree that a ceiling's path matches, in the document's order."""
    if not parts:
        return [(path, node.text)] if isinstance(node, NumberText) else []
    if not isinstance(node, dict):
        return []
    keys = list(node) if parts[0] == "*" else [key for key in (parts[0],) if key in node]
    return [found for key in keys for found in matches(node[key], parts[1:], (*path, key))]


def _covers(parts: list[str], path: Path) -> bool:
    return len(parts) == len(path) and all(part in ("*", key) for part, key in zip(parts, path, strict=True))


def _number(text: str) -> int | None:
    """Return the fixed-point value of a number text, or None where it is none (another error says so)."""
    try:
        return parse(text)
    except InputError:
        return None
