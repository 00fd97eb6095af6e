"""A hand-made report with round numbers, for the tests of report text."""

from __future__ import annotations

from msgspec.structs import replace

from tests.support.cli_runs import settings
from tidegate.matching.random_entry import ControlRow
from tidegate.model.intent import Mode
from tidegate.model.session import Session
from tidegate.replay.counts import RunCounts
from tidegate.replay.report import FeedFacts, JournalFacts, Report, numbers_of
from tidegate.session.totals import ExitTally, Tally, Totals
from tidegate.units import HOUR_NS, fixed

START_NS = 1_760_875_200_000_000_000  # 2025-10-19 12:00 UTC


def tally(intents: int = 4, closed: int = 2, net_bps: int = fixed("-8.5")) -> Tally:
    """Return a tally of one win and one loss, or of another number of trades."""
    return Tally(
        intents=intents,
        approvals=2,
        rejections={"L2_SHORTS_CROWDED": 2},
        failures={"L2_SHORTS_CROWDED": 2, "L2_FUNDING_DIVERGENCE": 1},
        resizes={"L2_OI_SPIKE": 1},
        fills=4,
        turnover_usd=fixed("86.72"),
        gross_usd=fixed("0.03"),
        fees_usd=fixed("0.0531"),
        funding_usd=fixed("-0.0007"),
        closed=closed,
        wins=1,
        losses=1,
        closed_net_usd=fixed("-0.0238"),
        won_usd=fixed("0.0192"),
        lost_usd=fixed("-0.043"),
        net_bps=net_bps,
        exits={"TARGET_1": ExitTally(1, fixed("0.0192")), "STOP": ExitTally(1, fixed("-0.043"))},
        rounding_lost_usd=fixed("6.64"),
        rounding_lost_lots=fixed("0.61"),
    )


def report(totals: Totals | None = None) -> Report:
    """Return a whole report of a run with two trades, or with other totals."""
    own = tally()
    booked = Totals(own, {"agent_signal": own}, {"L4_OPERATOR": 1}, own.net_usd) if totals is None else totals
    counts = RunCounts(
        12,
        1,
        1,
        {"scripted operator": 1},
        {"L4_OPERATOR by ada": 1},
        1,
        1,
        2,
        START_NS,
        START_NS + 5 * HOUR_NS,
        "the feed ended",
    )
    feed = FeedFacts(
        name="scenario:made-up:1",
        batches=18_001,
        events=148_002,
        bars=2_400,
        first_ns=START_NS,
        last_ns=START_NS + 5 * HOUR_NS,
        stopped="the feed ended",
        seconds=2.0,
        lacks=("no tip_ratio: cannot judge SOL priority-fee shock fade",),
        approximations=("a made-up market",),
        quarantined=(),
        assumed=("spread_bps=1",),
        policy="daily@00:00",
    )
    return Report(
        numbers=replace(numbers_of(Session(Mode.PAPER), booked, counts), gap_usd=0, session_hash="5e55"),
        limits=settings().limits(Mode.PAPER),
        source="scenario:made-up:1; assumed: spread_bps=1; review policy: daily@00:00",
        control=(ControlRow("agent_signal", 2, 0, 10, 30, 9, 0, fixed("-9.86") * 30, (fixed("-9.86") ** 2) * 31),),
        feed=feed,
        journal=JournalFacts("var/journals/made-up.db", 809, "28cb2e42", "paper", ""),
        differences=(),
        fill_rules=("orders walk the book",),
        simulator=("latency 150 ms",),
    )
