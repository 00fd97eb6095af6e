"""What must be true between several keys of the config. Pure.

In: the sections that could be read (a section with errors of its own is absent, and rules about it wait). Out: errors, all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from tidegate.config.fields import Asset
from tidegate.config.jsonc import Path, Plain, Source, dotted
from tidegate.config.schema import (
    BandsSection,
    CapitalSection,
    MonitoringSection,
    PaperSection,
    SessionSection,
    VenueSection,
)
from tidegate.config.schema_limits import AssetSection, ConditionLimits, ContextSection, GlobalLimits, KillLimits
from tidegate.config.schema_strategies import Arbitrage, BothSides, LongOnly, StrategiesSection, StrategySection
from tidegate.errors import InputError
from tidegate.model.instrument import Instrument
from tidegate.strategy.port import TAPE_REACH_NS
from tidegate.units import ONE, Bps, render, share_of


@dataclass(frozen=True, slots=True)
class Parts:
    """The sections that are sound on their own; None where one is not. `instruments` maps an asset to the execution venue's perpetual."""

    source: Source
    session: SessionSection | None
    market_context: ContextSection | None
    capital: CapitalSection | None
    layer1: GlobalLimits | None
    layer3: ConditionLimits | None
    layer4: KillLimits | None
    assets: Mapping[Asset, AssetSection] | None
    strategies: tuple[tuple[str, Path, StrategySection], ...]
    bands: BandsSection | None
    venue: VenueSection | None
    paper: PaperSection | None
    monitoring: MonitoringSection | None
    instruments: Mapping[str, Instrument]


def broken(parts: Parts) -> list[InputError]:
    """Return every broken rule, in the order of this list."""
    rules = (
        _session_rules,
        _capital_rules,
        _health_rules,
        _cadence_rules,
        _asset_rules,
        _band_rules,
        _venue_rules,
        _spot_rules,
        _base_rules,
        _stop_rules,
        _window_rules,
    )
    return [error for rule in rules for error in rule(parts)]


def named_strategies(section: StrategiesSection) -> list[tuple[str, Path, StrategySection]]:
    """Return (key, path in the file, section) of every strategy, ours first, in run order."""
    ours: list[tuple[str, Path, StrategySection]] = [
        (key, ("strategies", key), getattr(section, key)) for key in type(section).model_fields if key != "external"
    ]
    return ours + [(key, ("strategies", "external", key), outside) for key, outside in section.external.items()]


def sides_of(strategy: StrategySection) -> BothSides | LongOnly | None:
    """Return the side defaults of a strategy; the arbitrage pair has none of its own."""
    found = getattr(strategy, "sides", None)
    return found if isinstance(found, BothSides | LongOnly) else None


def _session_rules(parts: Parts) -> Iterator[InputError]:
    if parts.session is not None and (total := sum(bias.weight_pct for bias in parts.session.bias)) != 100:
        yield parts.source.error(("session", "bias"), Plain(f"weights that sum to {total}"), "weights that sum to 100")


def _capital_rules(parts: Parts) -> Iterator[InputError]:
    """One position is at most its share of the hot wallet; the base range is a range and fits under the largest position."""
    capital, limits = parts.capital, parts.layer1
    if capital is None:
        return
    path: Path = ("capital", "base_notional_usd")
    if capital.base_notional_usd.min > capital.base_notional_usd.max:
        yield parts.source.error(
            path, Plain(render(capital.base_notional_usd.min)), f"min <= max ({render(capital.base_notional_usd.max)})"
        )
    if limits is None:
        return
    share_usd = capital.hot_wallet_usd * capital.position_pct_max // (100 * ONE)
    here: Path = ("limits", "layer1_global", "notional_usd_max")
    if (largest := limits.notional_usd_max) > share_usd:
        why = f"{render(capital.position_pct_max)} % of a hot wallet of {render(capital.hot_wallet_usd)} USD"
        yield parts.source.error(here, Plain(render(largest)), f"at most {render(share_usd)}", why)
    if capital.base_notional_usd.max > largest:
        yield parts.source.error(
            (*path, "max"),
            Plain(render(capital.base_notional_usd.max)),
            f"at most notional_usd_max ({render(largest)})",
        )
    if limits.test_exposure_usd_max > limits.exposure_usd_max:
        given = Plain(render(limits.test_exposure_usd_max))
        here = ("limits", "layer1_global", "test_exposure_usd_max")
        yield parts.source.error(here, given, f"at most exposure_usd_max ({render(limits.exposure_usd_max)})")


def _health_rules(parts: Parts) -> Iterator[InputError]:
    if parts.layer3 is None or parts.layer4 is None:
        return
    critical = parts.layer4.health_factor_critical
    if critical > (floor := parts.layer3.health_factor_min):
        path: Path = ("limits", "layer4_kill_switch", "health_factor_critical")
        yield parts.source.error(path, Plain(render(critical)), f"at most health_factor_min ({render(floor)})")


def _cadence_rules(parts: Parts) -> Iterator[InputError]:
    """A feed asked less often than its stale limit would be stale most of the time."""
    if parts.layer3 is None or parts.monitoring is None:
        return
    ages = parts.layer3.stale.reject_after_s
    for name, limit_ns in (
        ("positioning", ages.positioning),
        ("funding", ages.funding),
        ("open_interest", ages.open_interest),
        ("health_factor", ages.health_factor),
    ):
        if (every_ns := getattr(parts.monitoring, f"{name}_s")) > limit_ns:
            allowed = f"at most {_seconds(limit_ns)} (its stale limit)"
            yield parts.source.error(("monitoring", f"{name}_s"), Plain(_seconds(every_ns)), allowed)


def _asset_rules(parts: Parts) -> Iterator[InputError]:
    """Whatever trades, or has a band, is on the whitelist with its limits."""
    if parts.assets is None:
        return
    wanted: list[tuple[Path, str]] = []
    for _, path, strategy in parts.strategies:
        wanted += [((*path, "assets"), asset) for asset in strategy.assets]
    if parts.bands is not None:
        wanted.append((("bands", "static", "asset"), parts.bands.static.asset))
    for path, asset in wanted:
        if asset not in parts.assets:
            yield parts.source.error(
                path, asset, "an asset under `assets`: " + ", ".join(parts.assets), "add its limits there"
            )


def _band_rules(parts: Parts) -> Iterator[InputError]:
    """Bands stand in order: lower levels, lower zone, mid, upper zone, invalidation, and the upper levels grow beyond the zone."""
    if parts.bands is None:
        return
    static = parts.bands.static
    path: Path = ("bands", "static")
    down = (static.mid_usd, static.lower.zone_usd[1], static.lower.zone_usd[0], *static.lower.next_usd)
    if any(later >= earlier for earlier, later in pairwise(down)):
        given = Plain(" > ".join(map(render, down)))
        yield parts.source.error(
            (*path, "lower"), given, "prices that fall: mid, zone high, zone low, then each next level"
        )
    up = (static.mid_usd, *static.upper.zone_usd, *static.upper.next_usd)
    if any(later <= earlier for earlier, later in pairwise(up)):
        given = Plain(" < ".join(map(render, up)))
        yield parts.source.error(
            (*path, "upper"), given, "prices that rise: mid, zone low, zone high, then each next level"
        )
    if static.upper.invalidation_usd <= static.upper.zone_usd[1]:
        given, allowed = (
            Plain(render(static.upper.invalidation_usd)),
            f"a price over the zone ({render(static.upper.zone_usd[1])})",
        )
        yield parts.source.error((*path, "upper", "invalidation_usd"), given, allowed)
    if static.valid_until is not None and static.valid_until <= static.set_at:
        yield parts.source.error((*path, "valid_until"), parts.source.at((*path, "valid_until")), "a time after set_at")
    order = parts.bands.order
    for index, name in enumerate(order):
        if name in order[:index]:
            yield parts.source.error(("bands", "order", index), name, "each source once")


def _venue_rules(parts: Parts) -> Iterator[InputError]:
    if parts.venue is not None and parts.venue.name not in parts.venue.fees:
        yield parts.source.error(
            ("venue", "fees"), Plain(", ".join(parts.venue.fees)), f"fees of the execution venue {parts.venue.name} too"
        )
    if parts.assets is None:
        return
    for asset in parts.assets:
        if parts.venue is not None and asset not in parts.instruments:
            yield parts.source.error(
                ("assets", asset), asset, "an asset the execution venue lists: " + ", ".join(parts.instruments)
            )
        if parts.paper is not None and asset not in parts.paper.half_spread_bps:
            yield parts.source.error(
                ("paper", "half_spread_bps", asset), Plain("nothing"), "a half spread for every asset", "add it"
            )
        if parts.market_context is not None and asset not in parts.market_context.prices_usd:
            yield parts.source.error(
                ("market_context", "prices_usd", asset), Plain("nothing"), "a price for every asset", "add it"
            )


def _spot_rules(parts: Parts) -> Iterator[InputError]:
    """The fees of both spot venues of an arbitrage pair are stated: a net edge without them would be a guess."""
    for _, path, strategy in parts.strategies:
        if not isinstance(strategy, Arbitrage) or parts.venue is None:
            continue
        for venue in strategy.parameters.venues:
            if venue not in parts.venue.spot_fees:
                why = f"{dotted(path)} trades there"
                yield parts.source.error(("venue", "spot_fees", venue), Plain("nothing"), "the venue's spot fees", why)


def _base_rules(parts: Parts) -> Iterator[InputError]:
    """A base unit lies in the range and, times each side's multiplier, buys at least one lot at the context price."""
    for _, path, strategy in parts.strategies:
        base, span = strategy.base_notional_usd, parts.capital.base_notional_usd if parts.capital is not None else None
        if span is not None and not span.min <= base <= span.max:
            allowed = f"between {render(span.min, 2)} and {render(span.max, 2)} (capital.base_notional_usd)"
            yield parts.source.error((*path, "base_notional_usd"), Plain(render(base)), allowed)
        yield from _lot_rules(parts, path, strategy)


def _lot_rules(parts: Parts, path: Path, strategy: StrategySection) -> Iterator[InputError]:
    sides = sides_of(strategy)
    if sides is None or parts.market_context is None:
        return
    for asset in strategy.assets:
        price, instrument = parts.market_context.prices_usd.get(asset), parts.instruments.get(asset)
        for side in ("long", "short"):
            rules = getattr(sides, side, None)
            if rules is None or price is None or instrument is None:
                continue
            order_usd = share_of(strategy.base_notional_usd, rules.size_multiplier)
            if not instrument.accepts(instrument.lots_in(order_usd, price), price):
                lot_usd = render(instrument.lot * price // ONE, 2)
                given = Plain(
                    f"{render(strategy.base_notional_usd)} x {render(rules.size_multiplier)} = {render(order_usd)} USD"
                )
                allowed = f"at least one lot of {instrument.venue} {asset} ({lot_usd} USD at {render(price)})"
                yield parts.source.error(
                    (*path, "base_notional_usd"), given, allowed, f"a {side} would round to zero lots"
                )


def _stop_rules(parts: Parts) -> Iterator[InputError]:
    """No stop, also none after widening, is wider than the limit in force. (A stop wider than the first target is allowed.)"""
    if parts.layer1 is None:
        return
    widest = parts.layer1.stop_bps_max
    for _, path, strategy in parts.strategies:
        for tail, stop in stops_of(strategy):
            if stop > widest:
                yield parts.source.error(
                    (*path, *tail), Plain(render(stop)), f"at most stop_bps_max ({render(widest)})"
                )


def stops_of(strategy: StrategySection) -> list[tuple[Path, Bps]]:
    """Return every stop a strategy may use, widened ones included, with its path under the strategy."""
    sides, guards = sides_of(strategy), getattr(strategy, "guards", None)
    found: list[tuple[Path, Bps]] = []
    for side in ("long", "short"):
        if (rules := getattr(sides, side, None)) is not None:
            found.append((("sides", side, "stop_bps"), rules.stop_bps))
    for name in ("thin_stop_bps", "tip_stop_bps"):
        if (stop := getattr(guards, name, None)) is not None:
            found.append((("guards", name), stop))
    if isinstance(strategy, Arbitrage):
        found.append((("parameters", "unwind_bps"), strategy.parameters.unwind_bps))
    return found


def _window_rules(parts: Parts) -> Iterator[InputError]:
    """A look-back window is no longer than the history that is kept."""
    for _, path, strategy in parts.strategies:
        parameters = getattr(strategy, "parameters", None)
        for name in ("vwap_window_s", "range_window_s", "extreme_window_s"):
            window_ns = getattr(parameters, name, 0)
            if window_ns > TAPE_REACH_NS:
                given, allowed = Plain(_seconds(window_ns)), f"at most {_seconds(TAPE_REACH_NS)}"
                yield parts.source.error((*path, "parameters", name), given, allowed)


def _seconds(time_ns: int) -> str:
    return f"{render(time_ns // 10)} s"
