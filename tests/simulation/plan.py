"""The plan of one world: everything its seed draws before it begins. Swarm: most faults off, some on, a few hot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from random import Random

from tests.support.world_market import FeedFaults
from tests.support.world_venue import VenueFaults
from tidegate.units import DAY_NS, MINUTE_NS

EPOCH_NS = 20_380 * DAY_NS
WARM_UP_NS = 3 * MINUTE_NS
CHAOS_NS = 42 * MINUTE_NS
CALM_NS = 12 * MINUTE_NS
AUDIT_NS = 3 * MINUTE_NS


@dataclass(frozen=True)
class Plan:
    """What a seed drew."""

    seed: int
    start_ns: int
    remembers: bool
    strategies: bool
    busy_limits: bool
    step_s: int
    volatility_bps: int
    agent: float
    feeds: FeedFaults
    venue: VenueFaults
    operator: dict[str, float]
    crash: float
    crash_inside: float
    journal_fault: float
    clock: float
    foreign: float
    pairs: bool = False

    @property
    def hours(self) -> float:
        """Return the virtual hours of this world."""
        return (WARM_UP_NS + CHAOS_NS + CALM_NS + AUDIT_NS) / (60 * MINUTE_NS)


def draw(seed: int) -> Plan:
    """Draw a plan from a seed."""
    chance = Random(seed)

    def heat(usual: float, on: float = 0.35) -> float:
        """Return 0 mostly, the usual heat at times, five times that rarely."""
        if chance.random() > on:
            return 0.0
        return usual * (5 if chance.random() < 0.15 else 1)

    quiet = chance.random() < 0.1
    on = 0.0 if quiet else 0.35
    feeds = FeedFaults(**{each.name: heat(0.01, on) for each in fields(FeedFaults)})
    feeds.silence = heat(0.02, on)
    feeds.sick = heat(0.003, on)
    venue = VenueFaults(**{each.name: heat(0.06, on) for each in fields(VenueFaults)})
    venue.delay = heat(0.3, on)
    operator = {
        "halt": heat(0.004, on),
        "flatten": heat(0.004, on),
        "lift": 0.02 if chance.random() < 0.8 else 0.0,
        "review": 0.02 if chance.random() < 0.8 else 0.0,
    }
    before_midnight = chance.randint(1, 60) if chance.random() < 0.6 else chance.randint(60, 1_300)
    return Plan(
        seed=seed,
        start_ns=EPOCH_NS + DAY_NS - before_midnight * MINUTE_NS,
        remembers=chance.random() < 0.5,
        strategies=chance.random() < 0.3,
        busy_limits=chance.random() < 0.5,
        step_s=chance.choice((4, 5, 7, 10)),
        volatility_bps=chance.choice((1, 3, 6, 15)),
        agent=chance.choice((0.05, 0.15, 0.4)),
        feeds=feeds,
        venue=venue,
        operator=operator,
        crash=heat(0.006, on),
        crash_inside=heat(0.006, on),
        journal_fault=heat(0.003, on),
        clock=heat(0.004, on),
        foreign=heat(0.001, on * 0.3),
        pairs=Random(f"pairs {seed}").random() < 0.5,
    )
