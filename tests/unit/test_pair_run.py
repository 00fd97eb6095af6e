"""A whole run with pairs on the built-in market: the report, the journal read again, and each decision made again all say the same."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.world_desk import OPERATOR
from tidegate.cli.decision_view import print_decision, print_facts
from tidegate.cli.plain import listener
from tidegate.cli.report_view import print_report
from tidegate.config.load import load
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.scripted_operator import parse_policy
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.model.intent import Mode, Proposal
from tidegate.model.observation import MarketEvent
from tidegate.replay.counts import RunCounts
from tidegate.replay.recompute import differences, recompute
from tidegate.replay.redecide import last_decision_id, redecide
from tidegate.replay.report import Numbers, Report, numbers_of
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import SECOND_NS, fixed

ENDS_S = 75


class PairRun:
    """75 virtual seconds of the open market; somebody asks for a pair every 20 s and the books are folded twice."""

    def __init__(self, path: Path) -> None:
        settings = load()
        feed = ScenarioFeed("open-market", 7, settings.limits(Mode.PAPER).perpetuals())
        request = RunRequest(path, parse_policy("immediate"), Assumptions(), strategies_enabled=False, serve_control=False)
        self.path, self.run = path, build_run(settings, feed, request)
        self.start_ns = feed.description.start_ns
        self.lines: list[str] = []
        counts = RunCounts.begun(self.start_ns)
        engine = self.run.engine
        engine.chronicle.listen(counts.note)
        engine.chronicle.listen(listener(self.lines.append, lambda: engine.session))
        self.run.before_batch = self._ask
        self.run.drive()
        self.limits = engine.limits
        self.numbers: Numbers = numbers_of(engine.session, engine.chronicle.totals, counts)
        self.inventory = engine.session.inventory
        self.run.close()

    def _ask(self, now_ns: int, _events: list[MarketEvent]) -> None:
        elapsed_s = (now_ns - self.start_ns) // SECOND_NS
        if elapsed_s == ENDS_S:
            self.run.engine.end("over")
            self.run.stop("over")
        elif elapsed_s % 20 == 10:
            self.run.engine.submit(Proposal(OPERATOR, "cross_exchange_arbitrage", "BTC/USD", fixed("100")))
            self.run.engine.flush()


@pytest.fixture(scope="module")
def pair_run(tmp_path_factory: pytest.TempPathFactory) -> PairRun:
    """Return one finished run."""
    return PairRun(tmp_path_factory.mktemp("pairs") / "journal")


def printed(run: PairRun) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_report(console, Report(run.numbers, run.limits, "open-market", ()))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_every_pair_is_one_closed_trade_with_a_profit_above_its_least_edge(pair_run: PairRun) -> None:
    tallied = pair_run.numbers.totals.by_strategy["cross_exchange_arbitrage"]
    assert tallied.approvals == 4
    assert tallied.closed == tallied.wins == tallied.exits["BOTH_LEGS"].trades > 0
    assert tallied.net_bps // tallied.closed > fixed(20)
    assert sum(pair_run.inventory.values()) == 0
    assert pair_run.numbers.gap_usd == 0
    assert pair_run.numbers.open_trades == 0


def test_the_journal_alone_gives_the_same_numbers(pair_run: PairRun) -> None:
    assert differences(pair_run.numbers, recompute(pair_run.path).numbers) == ()


def test_the_report_shows_how_pairs_ended_and_that_they_have_no_bracket(pair_run: PairRun) -> None:
    text = printed(pair_run)
    assert "BOTH_LEGS" in text
    assert "no bracket" in text
    assert "equal to the last quantum" in text


def test_a_pairs_decision_is_made_again_and_shown_with_both_legs_and_books(pair_run: PairRun) -> None:
    again = redecide(pair_run.path, last_decision_id(pair_run.path))
    assert again.equal
    assert type(again.outcome[-1][1]).__name__ == "PairClosed"
    console = Console(file=io.StringIO(), width=200)
    print_decision(console, again.intent, again.again, whole=False)
    print_facts(console, again.recorded.snapshot)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "buy     0.00" in text
    assert "on okx:BTC-USDT" in text
    assert "sell    0.00" in text
    assert "spot book coinbase:BTC-USD" in text
    assert "rate okx:BTC-USDT" in text


def test_the_plain_lines_tell_the_end_of_a_pair(pair_run: PairRun) -> None:
    assert any("APPROVED  cross_exchange_arbitrage pair BTC " in line for line in pair_run.lines)
    assert any("closed    cross_exchange_arbitrage pair BTC by BOTH_LEGS: +" in line for line in pair_run.lines)
