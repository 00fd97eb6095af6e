"""The real tapes beside the project: slices only; skipped with a message where they are absent."""

from __future__ import annotations

import os
from itertools import islice, pairwise
from pathlib import Path

import pytest

from tests.support.tape_files import IDS
from tidegate.feeds.l2_recording import L2Recording
from tidegate.feeds.tape import CandleTape
from tidegate.model.observation import Bar, Book, Channel, Observation, TradePrint
from tidegate.units import HOUR_NS, MS_NS, SECOND_NS, fixed

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("TIDEGATE_DATA") or ROOT.parent / "shared" / "data")
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the recorded market beside the project (or TIDEGATE_DATA)"
)


def test_the_range_of_may_2025_runs_in_lockstep_from_its_first_minute() -> None:
    feed = CandleTape(DATA / "2025-05_range_1m", IDS)
    assert feed.description.start_ns == 1_746_372_960_000 * MS_NS
    assert feed.description.bar_scalps
    last = 0
    for number, (now, events) in enumerate(islice(feed.batches(), 2_000)):
        assert now > last
        last = now
        bars = [event.asset for event in events if isinstance(event, Bar)]
        assert bars in ([], ["BTC", "ETH", "SOL", "XRP"]), number


def test_the_range_of_may_2025_names_what_it_lacks() -> None:
    lacks = {lack.name: str(lack) for lack in CandleTape(DATA / "2025-05_range_1m", IDS).description.lacks}
    assert {
        "positioning.ETH",
        "positioning.SOL",
        "positioning.XRP",
        "spread_bps",
        "depth_usd",
        "health_factor",
        "priority_fee",
    } <= set(lacks)
    assert "positioning.BTC" not in lacks
    assert "absent" in lacks["funding_b.BTC"]
    assert "funding_a.BTC" not in lacks


def test_the_crash_of_october_2025_is_too_coarse_for_scalps_and_reaches_its_low() -> None:
    start_ns = 1_760_130_000 * SECOND_NS  # 2025-10-10T21:00Z
    feed = CandleTape(DATA / "2025-10_crash_5m", IDS, start_ns, start_ns + HOUR_NS)
    assert not feed.description.bar_scalps
    lows = [e.low for _, events in feed.batches() for e in events if isinstance(e, Bar) and e.asset == "BTC"]
    assert min(lows) == fixed("101516.5")


def test_positioning_of_october_2025_is_renewed_every_eight_hours() -> None:
    feed = CandleTape(DATA / "2025-10_crash_5m", IDS)
    renewed = [
        e.observed_ns
        for _, events in islice(feed.batches(), 2_000)
        for e in events
        if isinstance(e, Observation) and e.channel is Channel.POSITIONING
    ]
    assert len(renewed) > 5
    assert all((later - earlier) % (4 * HOUR_NS) == 0 for earlier, later in pairwise(renewed))
    assert sum(later - earlier == 8 * HOUR_NS for earlier, later in pairwise(renewed)) > len(renewed) // 2


def test_the_l2_recording_gives_right_books_from_its_snapshot_on() -> None:
    feed = L2Recording(DATA / "l2_ticks" / "binance_usdm_btcusdt_2024-08-08.gz", IDS)
    last = 0
    touch: Book | None = None
    prints = near = 0
    for now, events in islice(feed.batches(), 800):
        assert now > last
        last = now
        for event in events:
            if isinstance(event, Book):
                assert event.bids[0][0] < event.asks[0][0]
                touch = event
            elif isinstance(event, TradePrint) and touch is not None:
                prints += 1
                near += touch.bids[0][0] - fixed(10) <= event.price <= touch.asks[0][0] + fixed(10)
    assert touch is not None
    assert prints > 300
    assert near * 100 > prints * 95
    assert feed.quarantined == ()
