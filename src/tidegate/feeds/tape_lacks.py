"""What a candle tape lacks, by the rules and strategies that cannot be judged on it. Said before a run and printed with its result."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from tidegate.feeds.port import Lack
from tidegate.model.observation import Channel, Observation
from tidegate.units import DAY_NS, Nanoseconds

_HOLE_FACTOR = 3
_ALWAYS = (
    Lack(
        "spread_bps",
        ("every perp entry (book missing)", "L3_SPREAD_WIDE", "L3_COSTS_EXCEED_TARGET"),
        "supply with --assume spread_bps=VALUE",
    ),
    Lack(
        "depth_usd",
        (
            "every perp entry (book missing)",
            "BTC range scalp: wider stop in a thin book",
            "XRP corridor: falling top-3 depth",
        ),
        "supply with --assume depth_usd=VALUE",
    ),
    Lack(
        "health_factor",
        ("L3_HEALTH_FACTOR_LOW", "L4_HEALTH_FACTOR_CRITICAL"),
        "supply with --assume health_factor=VALUE, or aave: null",
    ),
    Lack("priority_fee", ("SOL priority-fee shock fade",), "no source of past fees on this tape"),
    Lack("tip_ratio", ("SOL priority-fee shock fade",), "no source of past tips on this tape"),
)
_PER_ASSET = (
    (Channel.POSITIONING, "", "positioning", ("L2_SHORTS_CROWDED for {asset} shorts", "L4_FEED_OUTAGE of positioning")),
    (
        Channel.FUNDING,
        "binance",
        "funding_a",
        ("L2_FUNDING_DIVERGENCE for {asset} shorts", "L4_FEED_OUTAGE of funding"),
    ),
    (Channel.FUNDING, "okx", "funding_b", ("L2_FUNDING_DIVERGENCE for {asset} shorts", "L4_FEED_OUTAGE of funding")),
    (Channel.OPEN_INTEREST, "", "open_interest", ("L2_OI_SPIKE, needed by every {asset} entry",)),
)


def lacks_of(
    slow: Sequence[Observation], wanted: Sequence[str], present: Collection[str], start_ns: Nanoseconds
) -> tuple[Lack, ...]:
    """Return what the tape lacks for the `wanted` assets, given its slow series and the assets whose candles are `present`."""
    lacks = [
        Lack(f"candles.{asset}", (f"everything about {asset}",), "not in this folder")
        for asset in wanted
        if asset not in present
    ]
    lacks.extend(_ALWAYS)
    end_ns = slow[-1].received_ns if slow else start_ns
    for asset in wanted:
        for channel, venue, name, disables in _PER_ASSET:
            series = [o for o in slow if o.channel is channel and o.asset == asset and venue in ("", o.venue)]
            rules = tuple(rule.format(asset=asset) for rule in disables)
            lacks.extend(_lack_of(series, f"{name}.{asset}", rules, start_ns, end_ns))
        if not any(o.channel is Channel.LIQUIDATIONS and o.asset == asset for o in slow):
            remedy = f"supply with --assume liquidations.{asset}=0"
            lacks.append(Lack(f"liquidations.{asset}", (f"L2_FRESH_SQUEEZE for {asset} shorts",), remedy))
    return tuple(lacks)


def _lack_of(
    series: Sequence[Observation], name: str, rules: tuple[str, ...], start_ns: Nanoseconds, end_ns: Nanoseconds
) -> list[Lack]:
    """Return a lack when a series is absent, or when it is silent for more than three of its own periods between start and end."""
    remedy = f"supply with --assume {name}=VALUE"
    if not series:
        return [Lack(name, rules, remedy)]
    times = [start_ns, *(o.received_ns for o in series if o.received_ns > start_ns), max(start_ns, end_ns)]
    hole_ns = _HOLE_FACTOR * series[0].period_ns
    days = [(later - earlier) // DAY_NS for earlier, later in pairwise(times) if later - earlier > hole_ns]
    if not days:
        return []
    return [Lack(name, rules, f"absent for {sum(days)} days in {len(days)} stretches; {remedy}")]
