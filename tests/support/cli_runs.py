"""Runs for the tests of the command line: the open market, in memory or on disk, driven for a while."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tidegate.config.load import Settings, load
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.run import Run
from tidegate.engine.scripted_operator import parse_policy
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.model.intent import Mode, Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import SECOND_NS, fixed

AGENT = Principal(PrincipalKind.AGENT, "tester")


@cache
def settings() -> Settings:
    """Return the shipped config."""
    return load()


def market_run(journal: Path | None = None, scenario: str = "open-market") -> Run:
    """Build a run over a scenario, strategies idle."""
    feed = ScenarioFeed(scenario, 7, settings().limits(Mode.PAPER).perpetuals())
    request = RunRequest(journal, parse_policy("daily@00:00"), Assumptions(), strategies_enabled=False)
    return build_run(settings(), feed, request)


def driven(run: Run, seconds: int) -> Run:
    """Feed a run up to `seconds` after its start, going on where it stands, without ending it."""
    start_ns, seen_ns = run.feed.description.start_ns, run.engine.now_ns
    fresh = run.engine.market.asset("BTC").now_ns == 0
    for now_ns, events in run.feed.batches():
        if now_ns > start_ns + seconds * SECOND_NS:
            break
        if now_ns > seen_ns or fresh:
            run.engine.on_batch(now_ns, events)
    return run


def long_of(pair: str, usd: int = 50, side: Side = Side.LONG) -> Proposal:
    """Return an agent's proposal."""
    return Proposal(AGENT, "agent_signal", pair, fixed(usd), side)
