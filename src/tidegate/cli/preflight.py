"""The pre-flight's checks: each with what is required and what was found. Nothing here prints.

In: settings. Out: rows by group, in the order of SPEC section 8. A `note` row is true and harmless but worth reading; it does not fail the
pre-flight. What this build does not have is said as such, never passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from tidegate.cli.page import FAILED, NOTE, OK
from tidegate.cli.worked_example import Outcome, cases, check_cases
from tidegate.config.ceilings import CEILINGS, Ceiling
from tidegate.config.economics import Offer, offers
from tidegate.config.load import Settings
from tidegate.config.show import utc_text
from tidegate.errors import TidegateError
from tidegate.gate.decide import decide
from tidegate.model.catalog import Provenance, provenance_of
from tidegate.model.finding import Reason
from tidegate.model.intent import Mode
from tidegate.units import ONE, SECOND_NS, Nanoseconds, parse, render

SCENARIO = "seed-day"
_COLD_PROBE = "bc1qcoldwalletprobe0000000000000000000000"
_MAIN_LIMITS = (
    ("capital.hot_wallet_usd", "USD"),
    ("limits.layer1_global.notional_usd_max", "USD"),
    ("limits.layer1_global.stop_bps_max", "bps"),
    ("limits.layer1_global.daily_loss_usd_max", "USD"),
    ("limits.layer1_global.open_trades_max", "trades"),
    ("limits.layer1_global.exposure_usd_max", "USD"),
    ("limits.layer1_global.test_exposure_usd_max", "USD"),
    ("limits.layer2_tactical.funding_divergence_bps_max", "bps"),
    ("limits.layer2_tactical.oi_change_pct_max", "%"),
    ("limits.layer3_conditions.health_factor_min", ""),
    ("limits.layer3_conditions.entries_per_day_max", "entries"),
    ("limits.layer3_conditions.loss_streak_max", "losses in a row"),
    ("limits.layer4_kill_switch.drawdown_pct_max", "% of the hot wallet"),
    ("limits.layer4_kill_switch.losses_max", "losses"),
    ("limits.layer4_kill_switch.health_factor_critical", ""),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the pre-flight. `status` is ok, failed or note."""

    group: str
    name: str
    required: str
    actual: str
    status: str


def checks(settings: Settings) -> list[Check]:
    """Run every check, in the order of SPEC section 8."""
    groups = (
        _config_checks,
        _limit_checks,
        _gate_checks,
        _strategy_checks,
        _market_checks,
        _feed_checks,
        _venue_checks,
        _cold_checks,
        _drill_checks,
    )
    return [check for group in groups for check in group(settings)]


def _config_checks(settings: Settings) -> Iterator[Check]:
    document = settings.document
    yield Check("config", "file", "every key known, every value exact", settings.place, OK)
    actual = f"{len(CEILINGS)} ceilings in code, none exceeded"
    yield Check("config", "ceilings", "every value as tight as its ceiling or tighter", actual, OK)
    yield Check("config", "hash", "of the values", settings.config_hash[:16], OK)
    named = list(type(document.limits.layer4_kill_switch.conditions).model_fields)
    yield Check(
        "config",
        "halt conditions",
        "each named one is implemented, none left out",
        f"{len(named)}: {', '.join(named)}",
        OK,
    )
    for reason in Reason:
        if reason.startswith("L4_") and reason not in (*named, Reason.L4_HALTED):
            yield Check(
                "config",
                str(reason),
                "latches a halt",
                "not in this build: nothing latches it, so the file may not name it",
                NOTE,
            )
    enabled = document.trading_enabled
    yield Check(
        "config",
        "trading",
        "enabled",
        "enabled" if enabled else "disabled: every entry is refused",
        OK if enabled else NOTE,
    )


def _limit_checks(settings: Settings) -> Iterator[Check]:
    by_path = {ceiling.path: ceiling for ceiling in CEILINGS}
    for path, unit in _MAIN_LIMITS:
        ceiling = by_path[path]
        text = repr(settings.source.at(tuple(path.split("."))))
        yield Check(
            "limits",
            path.rpartition(".")[2],
            f"{ceiling} {unit}".rstrip(),
            f"{text} {unit}".rstrip(),
            _tight(ceiling, text),
        )
    for asset, bounds in settings.document.assets.items():
        actual = f"{render(bounds.short_pct_max)} % ({bounds.positioning_kind})"
        ceiling = by_path[f"assets.{asset}.short_pct_max"]
        yield Check(
            "limits", f"short share {asset}", f"{ceiling} %", actual, _tight(ceiling, render(bounds.short_pct_max))
        )
    usd = render(settings.limits(Mode.PAPER).drawdown_usd_max, 2)
    yield Check("limits", "drawdown in USD", "per cent of the hot wallet", f"{usd} USD halts and flattens", OK)


def _gate_checks(settings: Settings) -> Iterator[Check]:
    for case, decision, outcome in check_cases(settings):
        required = (
            f"APPROVED {render(case.approved_usd, 2)} USD" if case.primary is None else f"REJECTED {case.primary}"
        )
        granted = f"{decision.verdict} {render(decision.approved_notional_usd, 2)} USD"
        actual = granted if decision.primary is None else f"{decision.verdict} {decision.primary}"
        status = {Outcome.AS_SPECIFIED: OK, Outcome.STRICTER: NOTE, Outcome.LOOSER: FAILED}[outcome]
        yield Check("gate", case.title, required, actual + ("" if status == OK else f" ({outcome})"), status)


def _strategy_checks(settings: Settings) -> Iterator[Check]:
    """Every side of every strategy buys a lot on the execution venue. Break-even is information: it needs no permission to be bad."""
    venue = settings.document.venue.name
    for offer in offers(settings):
        if offer.venue == venue:
            required = f"at least 1 lot of {venue} for {render(offer.asked_usd, 2)} USD"
            yield Check(
                "strategies",
                f"{offer.display_name} {offer.asset} {offer.side}",
                required,
                lots_text(offer),
                OK if offer.tradable else FAILED,
            )
    arbitrage = settings.document.strategies.cross_exchange_arbitrage.parameters
    required = f"net edge over {render(arbitrage.edge_bps_min)} bps ({render(arbitrage.edge_bps_min_coinbase_okx)} Coinbase-OKX) after fees"
    yield Check(
        "strategies",
        "Cross-Exchange Arbitrage",
        required,
        "judged per pair of books; needs spot feeds of two venues",
        NOTE,
    )


def lots_text(offer: Offer) -> str:
    """Write an offer's lots and legs: `3 lots = 11.85 USD, legs 1/1/1`."""
    if not offer.tradable:
        return "0 lots: not tradable here"
    out = " + ".join(f"{leg.lots} at +{render(leg.bps)}" for leg in offer.legs)
    return f"{offer.lots} lot{'s' if offer.lots > 1 else ''} = {render(offer.order_usd, 2)} USD; {out} bps; stop {render(offer.stop_bps)}"


def _market_checks(settings: Settings) -> Iterator[Check]:
    from tidegate.feeds.scenario import ScenarioFeed

    perpetuals = settings.limits(Mode.PAPER).perpetuals()
    try:
        description = ScenarioFeed(SCENARIO, 1, perpetuals).description
    except TidegateError as error:
        yield Check("market data", "built-in scenario", f"{SCENARIO} plays", str(error), FAILED)
        return
    provided = f"{description.name}, starts {utc_text(description.start_ns)}, {len(description.provides)} kinds of fact"
    yield Check("market data", "built-in scenario", f"{SCENARIO} plays", provided, OK)
    bands = settings.bands
    begins, ends = utc_text(bands.set_ns), utc_text(bands.expires_ns)
    covered = bands.static_valid(description.start_ns)
    actual = f"{begins} to {ends}" + ("" if covered else ": not on the scenario's day, the next source is used")
    yield Check("market data", "bands marked by hand", "valid on the day traded", actual, OK if covered else NOTE)
    yield Check(
        "market data",
        "live market",
        "Binance, OKX, Bybit, Hyperliquid",
        "not configured: live feeds are not in this build",
        NOTE,
    )


def _feed_checks(settings: Settings) -> Iterator[Check]:
    stale, cadence = settings.document.limits.layer3_conditions.stale, settings.document.monitoring
    for name in ("positioning", "funding", "open_interest", "health_factor"):
        every_ns, limit_ns = getattr(cadence, f"{name}_s"), getattr(stale.reject_after_s, name)
        required = f"asked at least every {_seconds(limit_ns)}"
        yield Check(
            "feeds", name.replace("_", " "), required, f"every {_seconds(every_ns)}; source: scenario or tape", OK
        )
    outage = _seconds(settings.document.limits.layer4_kill_switch.feed_outage_s)
    yield Check("feeds", "outage", "halts the assets concerned", f"after {outage} past the stale limit", OK)
    yield Check("feeds", "aave", *_aave(settings))
    rich = "Coinglass, Birdeye, Helius, Jito"
    yield Check("feeds", "richer sources", rich, "not configured: they are not in this build", NOTE)


def _aave(settings: Settings) -> tuple[str, str, str]:
    """Return required, actual and status of the health factor's source."""
    aave = settings.document.aave
    if aave is None:
        return "health factor, or `aave: null`", "not configured: health factor checks do not apply", NOTE
    if aave.address.startswith("env:"):
        name = aave.address.removeprefix("env:")
        known = "set" if os.environ.get(name) else "not set"
        actual = f"demanded on {aave.network}; {name} is {known}; until a chain feed is in this build only scenario or --assume can say it"
        return "an account, or `aave: null`", actual, NOTE
    return "an account, or `aave: null`", f"{aave.address} on {aave.network}; the chain feed is not in this build", NOTE


def _venue_checks(settings: Settings) -> Iterator[Check]:
    yield Check(
        "venue",
        "paper simulator",
        "lots, minimums and fees of the venue",
        f"{settings.document.venue.name}, no keys needed",
        OK,
    )
    for instrument in settings.instruments.values():
        provenance = provenance_of(instrument.instrument_id)
        fees = f"taker {render(instrument.taker_bps)} maker {render(instrument.maker_bps)} bps"
        actual = f"lot {render(instrument.lot)} {instrument.asset}, {fees}; numbers {provenance.replace('_', ' ')}"
        status = OK if provenance is Provenance.DOCUMENTED else NOTE
        yield Check("venue", instrument.instrument_id, "lots and fees known", actual, status)
    yield Check(
        "venue", "real money", "TEST and LIVE", "not in this build: --mode test and --mode live are refused", NOTE
    )


def _cold_checks(settings: Settings) -> Iterator[Check]:
    """Ask the gate for a trade that touches a cold address: it must refuse. INVARIANT: C1"""
    listed = settings.document.cold_wallet.addresses
    probe = listed[0] if listed else _COLD_PROBE
    limits = msgspec.structs.replace(settings.limits(Mode.PAPER), cold_addresses=listed or (probe,))
    case = cases(settings)[0]
    touching = msgspec.structs.replace(case.intent, addresses=(probe,))
    decision = decide(touching, case.snapshot, case.session, limits)
    refused = any(finding.reason is Reason.L1_COLD_WALLET and finding.rejects for finding in decision.findings)
    actual = "REJECTED L1_COLD_WALLET" if refused else f"{decision.verdict}: the denylist does not work"
    yield Check("cold wallet", "trade touching it", "REJECTED L1_COLD_WALLET", actual, OK if refused else FAILED)
    found = (
        f"{len(listed)} addresses"
        if listed
        else "0 addresses: add your Ledger's public addresses to cold_wallet.addresses"
    )
    yield Check("cold wallet", "denylist", "your public addresses", found, OK if listed else NOTE)
    yield Check("cold wallet", "secrets in the file", "none", "none", OK)


def _drill_checks(settings: Settings) -> Iterator[Check]:
    """Really halt, flatten and verify, in the simulator. INVARIANT: O4"""
    from tidegate.engine.drill import kill_drill

    for row in kill_drill(settings):
        yield Check("kill drill", row.name, row.required, row.actual, OK if row.ok else FAILED)


def _tight(ceiling: Ceiling, text: str) -> str:
    return OK if ceiling.allows(parse(text)) else FAILED


def _seconds(time_ns: Nanoseconds) -> str:
    return f"{render(time_ns * ONE // SECOND_NS)} s"
