"""The dry run behind `tidegate check`: a scenario's market at one moment and one intent judged against it.

In: settings, a scenario, a moment, a proposal. Out: the intent, what was known, the decision. The engine is the real one, in memory, with no
strategies; it is thrown away.
"""

from __future__ import annotations

from argparse import Namespace

import msgspec

from tidegate.cli.words import span_of
from tidegate.config.load import Settings
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.engine import Engine
from tidegate.engine.scripted_operator import parse_policy
from tidegate.errors import InputError
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.gate.decide import decide
from tidegate.gate.intake import complete
from tidegate.model.decision import Decision
from tidegate.model.intent import Intent, Mode, Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.model.snapshot import Snapshot
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import DAY_NS, parse


class DryRun(msgspec.Struct, frozen=True):
    """One intent judged at one moment."""

    intent: Intent
    snapshot: Snapshot
    decision: Decision


def dry_run(settings: Settings, found: Namespace) -> DryRun:
    """Judge the intent of `tidegate check`'s arguments. Raises InputError."""
    proposal = proposal_of(found)
    engine = engine_at(settings, found.scenario, found.seed, found.at)
    intent = complete(proposal, engine.limits, "Idry", engine.now_ns)
    snapshot = engine.snapshot_for(intent)
    return DryRun(intent, snapshot, decide(intent, snapshot, engine.session, engine.limits))


def engine_at(settings: Settings, scenario: str, seed: int, at: str) -> Engine:
    """Return an engine in memory, without strategies, at one moment (`15m` after the start) of a scenario. Raises InputError."""
    limits = settings.limits(Mode.PAPER)
    feed = ScenarioFeed(scenario, seed, limits.perpetuals())
    at_ns = span_of(at)
    described = feed.description
    span_ns = described.end_ns - described.start_ns if described.end_ns is not None else DAY_NS
    if at_ns > span_ns:
        raise InputError("--at", at, f"at most {span_ns // 60_000_000_000}m of this scenario")
    request = RunRequest(None, parse_policy("none"), Assumptions(), strategies_enabled=False, serve_control=False)
    run = build_run(settings, feed, request)
    run.drive(0.0, None, described.start_ns + at_ns)
    return run.engine


def proposal_of(found: Namespace) -> Proposal:
    """Read the proposal from arguments. Raises InputError naming the option."""
    if found.side not in ("auto", Side.LONG, Side.SHORT):
        raise InputError("--side", found.side, "long, short or auto")
    return Proposal(
        principal=Principal(PrincipalKind.OPERATOR, "check"),
        strategy=found.strategy,
        pair=found.pair,
        notional_usd=_number("--amount", found.amount),
        side=None if found.side == "auto" else Side(found.side),
        stop_bps=_optional("--stop-bps", found.stop_bps),
        targets_bps=tuple(_number("--targets", each.strip()) for each in found.targets.split(",") if each.strip()),
        limit_price=_optional("--limit-price", found.limit_price),
        confidence=_optional("--confidence", found.confidence),
    )


def _number(name: str, text: str) -> int:
    try:
        return parse(text)
    except InputError as error:
        raise InputError(name, text, error.allowed) from None


def _optional(name: str, text: str | None) -> int | None:
    return None if text is None else _number(name, text)
