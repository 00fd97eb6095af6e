"""A gate world with the seed's values: builders for limits, snapshot, session and intent, each overridable by keyword.

Everything is fresh and calm: the worked example of SPEC §2 (BTC long 25 USD, stop 28 bps) is what the defaults say. Numbers may be given
as `fixed("54")`; times as ns. `AT` is the instant of every snapshot: 2025-10-19 12:00:00 UTC.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.model.intent import Intent, Mode, ModeCeiling, Principal, PrincipalKind
from tidegate.model.limits import (
    AgentRules,
    AssetLimits,
    Limits,
    SideRules,
    StaleLimits,
    StrategyGuards,
    StrategyKind,
    StrategyRules,
)
from tidegate.model.observation import Channel, Side
from tidegate.model.session import Session
from tidegate.model.snapshot import AssetView, BookView, Missing, Reading, Snapshot
from tidegate.model.trade import Reservation, Trade
from tidegate.units import DAY_NS, MINUTE_NS, SECOND_NS, fixed

AT = 1_760_875_200 * SECOND_NS
LONG, SHORT = Side.LONG, Side.SHORT
MISSING = Missing("no source")

OPERATOR = Principal(PrincipalKind.OPERATOR, "anna")
AGENT = Principal(PrincipalKind.AGENT, "scout")

BTC, ETH, SOL, XRP = (f"okx:{asset}-USDT-SWAP" for asset in ("BTC", "ETH", "SOL", "XRP"))
PRICES = {"BTC": fixed(108_402), "ETH": fixed(3_880), "SOL": fixed(187), "XRP": fixed("2.36")}


def instrument(asset: str = "BTC", /, **changes: Any) -> Instrument:
    """Return an OKX perpetual: BTC 0.0001, ETH 0.001, SOL 0.01, XRP 1 coin a lot; taker 5 bps, maker 2 bps."""
    lot = {"BTC": "0.0001", "ETH": "0.001", "SOL": "0.01", "XRP": "1"}[asset]
    tick = {"BTC": "0.1", "ETH": "0.01", "SOL": "0.01", "XRP": "0.0001"}[asset]
    made = Instrument(
        instrument_id=f"okx:{asset}-USDT-SWAP",
        venue="okx",
        symbol=f"{asset}/USDT:USDT",
        asset=asset,
        kind=InstrumentKind.PERP,
        tick=fixed(tick),
        lot=fixed(lot),
        quantity_min=fixed(lot),
        notional_min_usd=0,
        taker_bps=fixed(5),
        maker_bps=fixed(2),
    )
    return msgspec.structs.replace(made, **changes)


def _asset_limits(asset: str, short_pct: int, rise_bps: int, liquidations_usd: int) -> AssetLimits:
    return AssetLimits(asset, fixed(short_pct), "account_ratio", fixed(5), fixed(rise_bps), fixed(liquidations_usd))


def _sides(multiplier: str, stop_bps: int, *targets_bps: int) -> SideRules:
    return SideRules(fixed(multiplier), fixed(stop_bps), tuple(fixed(target) for target in targets_bps))


def _rules(key: str, name: str, assets: tuple[str, ...], sides: dict[Side, SideRules], **changes: Any) -> StrategyRules:
    made = StrategyRules(
        key=key,
        display_name=name,
        kind=StrategyKind.INTERNAL,
        assets=assets,
        sides=sides,
        base_notional_usd=fixed(25),
        entries_per_day_max=6,
        cooldown_ns=0,
        mode_ceiling=ModeCeiling.LIVE,
        hold_ns=240 * MINUTE_NS,
        uptick_exit_ns=0,
        needs_fees=False,
        guards=StrategyGuards(),
    )
    return msgspec.structs.replace(made, **changes)


def _btc_guards() -> StrategyGuards:
    return StrategyGuards(
        short_pct_max=fixed(54),
        funding_spread_bps_below=fixed("0.2"),
        thin_depth_ratio=fixed("0.6"),
        thin_stop_bps=fixed(35),
    )


def strategies() -> dict[str, StrategyRules]:
    """Return the seed's five strategies and one external one, `agent_pick`, by key."""
    both = {LONG: _sides("1", 30, 25, 50, 90), SHORT: _sides("1", 30, 25, 50, 90)}
    rules = (
        _rules(
            "BTC_range_scalp",
            "BTC Range Scalp",
            ("BTC",),
            {LONG: _sides("0.7", 28, 25, 50, 90), SHORT: _sides("0.5", 30, 25, 45, 80)},
            guards=_btc_guards(),
        ),
        _rules(
            "SOL_priority_fee_shock_fade",
            "SOL Fee-Shock Fade",
            ("SOL",),
            {LONG: _sides("0.6", 35, 30, 60, 110), SHORT: _sides("0.6", 35, 30, 60, 110)},
            needs_fees=True,
            guards=StrategyGuards(tip_ratio_max=fixed("1.5"), tip_size_multiplier=fixed("0.5"), tip_stop_bps=fixed(45)),
        ),
        _rules(
            "XRP_corridor_guard",
            "XRP Corridor",
            ("XRP",),
            {LONG: _sides("0.5", 22, 20, 40, 75)},
            entries_per_day_max=2,
            hold_ns=60 * SECOND_NS,
            uptick_exit_ns=45 * SECOND_NS,
            guards=StrategyGuards(short_pct_with_falling_depth=fixed(53)),
        ),
        _rules(
            "ETH_mirror_btc",
            "ETH Mirror",
            ("ETH",),
            {LONG: _sides("0.5", 30, 25, 50, 90), SHORT: _sides("0.5", 30, 25, 50, 90)},
        ),
        _rules(
            "cross_exchange_arbitrage",
            "Cross-Exchange Arbitrage",
            ("BTC", "ETH"),
            {LONG: _sides("1", 28, 25)},
            kind=StrategyKind.ARBITRAGE,
        ),
        _rules("agent_pick", "Agent Pick", ("BTC", "ETH", "SOL", "XRP"), both, kind=StrategyKind.EXTERNAL),
    )
    return {each.key: each for each in rules}


def stale_limits() -> dict[Channel, StaleLimits]:
    """Return SPEC §2's ages: price and book 5 s, fees 30 s, positioning, OI, HF and liquidations 120 s, funding 300 s; grace 120 s."""
    grace_ns = 120 * SECOND_NS
    reject_after_s = {
        Channel.PRICE: 5,
        Channel.BOOK: 5,
        Channel.POSITIONING: 120,
        Channel.FUNDING: 300,
        Channel.OPEN_INTEREST: 120,
        Channel.LIQUIDATIONS: 120,
        Channel.PRIORITY_FEE: 30,
        Channel.TIP: 30,
        Channel.HEALTH_FACTOR: 120,
    }
    return {channel: StaleLimits(seconds * SECOND_NS, grace_ns) for channel, seconds in reject_after_s.items()}


def limits(**changes: Any) -> Limits:
    """Return SPEC §2's limits for PAPER; keywords replace fields."""
    made = Limits(
        mode=Mode.PAPER,
        trading_enabled=True,
        capital_usd=fixed(1_660),
        notional_usd_max=fixed(415),
        stop_bps_max=fixed(500),
        daily_loss_usd_max=fixed(100),
        open_trades_max=3,
        exposure_usd_max=fixed(1_245),
        test_trades_max=3,
        price_collar_bps=fixed(50),
        duplicate_window_ns=2 * SECOND_NS,
        intents_per_second_max=5,
        intents_per_minute_max=60,
        loss_resize_multiplier=fixed("0.5"),
        funding_divergence_bps_max=fixed("0.25"),
        funding_venues=("binance", "okx"),
        oi_change_pct_max=fixed(3),
        oi_size_multiplier=fixed("0.8"),
        squeeze_window_ns=3_600 * SECOND_NS,
        confidence_min=fixed("0.8"),
        health_factor_min=fixed("2.2"),
        health_factor_warn_band=fixed("0.3"),
        health_factor_critical=fixed(2),
        health_confirm_ns=10 * SECOND_NS,
        aave_configured=True,
        entries_per_day_max=6,
        loss_streak_max=2,
        losses_max=5,
        drawdown_usd_max=fixed("19.92"),
        drawdown_confirm_ns=2 * SECOND_NS,
        feed_outage_ns=600 * SECOND_NS,
        self_lift_ns=60 * SECOND_NS,
        clock_step_ns_max=250_000_000,
        target_weights_pct=(fixed(45), fixed(35), fixed(20)),
        stale=stale_limits(),
        assets={
            "BTC": _asset_limits("BTC", 54, 60, 5_000_000),
            "ETH": _asset_limits("ETH", 54, 110, 3_000_000),
            "SOL": _asset_limits("SOL", 53, 110, 1_000_000),
            "XRP": _asset_limits("XRP", 53, 100, 1_000_000),
        },
        instruments={each.instrument_id: each for each in map(instrument, ("BTC", "ETH", "SOL", "XRP"))},
        strategies=strategies(),
        agents={"scout": AgentRules("scout", 4, 0, ModeCeiling.LIVE)},
        cold_addresses=("bc1qcoldstorage0000000000000000000000000",),
    )
    return msgspec.structs.replace(made, **changes)


def reading(value: int | str, *, arrival_age_ns: int = 0, value_age_ns: int = 0, source: str = "test") -> Reading:
    """Return a reading of `fixed(value)` with the given ages at `AT`. Publication period 0."""
    return Reading(fixed(value), source, AT - value_age_ns, AT - arrival_age_ns)


def book(asset: str = "BTC", /, **changes: Any) -> BookView:
    """Return a fresh book: spread 1 bps, 500,000 USD deep as always, depth not falling. The mid is the asset's price."""
    price = PRICES[asset]
    made = BookView(
        price - price // 20_000,
        price + price // 20_000,
        fixed(1),
        fixed(500_000),
        fixed(500_000),
        fixed(50_000),
        False,
        "test",
        AT,
        AT,
    )
    return msgspec.structs.replace(made, **changes)


def view(asset: str = "BTC", /, **changes: Any) -> AssetView:
    """Return the worked example's market: shorts 56.2 %, funding +2.9 / −0.7 bps, OI +2.98 %, no squeeze, calm fees."""
    made = AssetView(
        asset=asset,
        price=Reading(PRICES[asset], "test", AT, AT),
        book=book(asset),
        positioning=reading("56.2"),
        positioning_kind="account_ratio",
        funding_a=reading("2.9"),
        funding_b=reading("-0.7"),
        open_interest=reading("2.98"),
        squeeze=reading(0),
        priority_fee=reading(5_000),
        tip_ratio=reading(1),
    )
    return msgspec.structs.replace(made, **changes)


def calm_view(asset: str = "BTC", /, **changes: Any) -> AssetView:
    """Return a market in which nothing objects, not even to shorts: shorts 50 %, no funding spread, OI flat."""
    calm = {"positioning": reading(50), "funding_a": reading(1), "funding_b": reading(1), "open_interest": reading(0)}
    return view(asset, **{**calm, **changes})


def snapshot(asset: str = "BTC", /, *, market: AssetView | None = None, **changes: Any) -> Snapshot:
    """Return the worked example's snapshot: HF 2.45, nothing open."""
    made = Snapshot(asof_ns=AT, view=market or view(asset), marks={}, health_factor=reading("2.45"))
    return msgspec.structs.replace(made, **changes)


def calm(asset: str = "BTC", /, **view_changes: Any) -> Snapshot:
    """Return a snapshot in which nothing objects and HF is 3: the base for one-coordinate tests."""
    return snapshot(asset, market=calm_view(asset, **view_changes), health_factor=reading(3))


def session(**changes: Any) -> Session:
    """Return an untouched PAPER session on the day of `AT`; `recent_intents` may be given as one flat sequence."""
    if not isinstance(recent := changes.get("recent_intents", {}), dict):
        askers = dict.fromkeys(one.principal for one in recent)
        changes["recent_intents"] = {asker: tuple(one for one in recent if one.principal == asker) for asker in askers}
    return msgspec.structs.replace(Session(mode=Mode.PAPER, day=AT // DAY_NS), **changes)


def intent(asset: str = "BTC", /, **changes: Any) -> Intent:
    """Return the worked example's intent: the operator's BTC range scalp, long 25 USD, stop 28 bps, targets 25/50/90 bps."""
    key = {
        "BTC": "BTC_range_scalp",
        "ETH": "ETH_mirror_btc",
        "SOL": "SOL_priority_fee_shock_fade",
        "XRP": "XRP_corridor_guard",
    }[asset]
    made = Intent(
        intent_id="IP1",
        received_ns=AT,
        principal=OPERATOR,
        strategy=key,
        instrument_id=f"okx:{asset}-USDT-SWAP",
        asset=asset,
        side=LONG,
        notional_usd=fixed(25),
        mode=Mode.PAPER,
        stop_bps=fixed(28),
        targets_bps=(fixed(25), fixed(50), fixed(90)),
        hold_ns=240 * MINUTE_NS,
    )
    return msgspec.structs.replace(made, **changes)


def trade(trade_id: str = "D9", asset: str = "BTC", /, **changes: Any) -> Trade:
    """Return an open long of about 21.68 USD (2 BTC lots at 108,402) with its stop 28 bps under the entry; no fees booked."""
    quantity, price = fixed("0.0002"), PRICES[asset]
    made = Trade(
        trade_id=trade_id,
        principal=OPERATOR,
        strategy="BTC_range_scalp",
        instrument_id=f"okx:{asset}-USDT-SWAP",
        asset=asset,
        side=LONG,
        opened_ns=AT - 60 * SECOND_NS,
        entry_quantity=quantity,
        entry_notional_usd=price * quantity // 10**8,
        open_quantity=quantity,
        open_cost_usd=price * quantity // 10**8,
        gross_usd=0,
        fees_usd=0,
        funding_usd=0,
        stop_bps=fixed(28),
        stop_price=price - price * 28 // 10_000,
        targets=(),
        hold_ns=240 * MINUTE_NS,
        uptick_exit_ns=0,
        invalidation=None,
    )
    return msgspec.structs.replace(made, **changes)


def reservation(decision_id: str = "D8", asset: str = "BTC", /, **changes: Any) -> Reservation:
    """Return a reserved long of 25 USD with 0.10 USD at risk, approved 10 s ago."""
    made = Reservation(
        decision_id=decision_id,
        principal=OPERATOR,
        strategy="BTC_range_scalp",
        instrument_id=f"okx:{asset}-USDT-SWAP",
        asset=asset,
        side=LONG,
        notional_usd=fixed(25),
        stop_risk_usd=fixed("0.1"),
        reserved_ns=AT - 10 * SECOND_NS,
        quantity=fixed("0.0002"),
        stop_bps=fixed(28),
        targets=(),
        hold_ns=240 * MINUTE_NS,
        uptick_exit_ns=0,
        invalidation=None,
    )
    return msgspec.structs.replace(made, **changes)


def halt(cause: Reason = Reason.L4_OPERATOR, *assets: str, detail: str = "pressed by anna") -> Halt:
    """Return a halt of `cause` latched 30 s ago, over the given assets or over all."""
    return Halt(cause, AT - 30 * SECOND_NS, detail, assets)


def halted(*halts: Halt) -> dict[str, Halt]:
    """Return halts under the keys by which a session holds them."""
    return {each.key: each for each in halts}
