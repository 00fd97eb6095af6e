"""Report numbers: what exists is exact, what does not exist is not shown as zero."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
from rich.console import Console

from tests.support.cli_report import report, tally
from tests.support.cli_runs import settings
from tidegate.cli.control_words import control_lines
from tidegate.cli.report_json import report_json
from tidegate.cli.report_view import print_report
from tidegate.config.economics import offers
from tidegate.matching.random_entry import ControlRow
from tidegate.model.instrument import InstrumentKind
from tidegate.replay.recompute import differences
from tidegate.replay.report import (
    Report,
    bracket_break_even_pct,
    break_even_pct,
    mean_net_bps,
    net_bps_of_turnover,
    win_rate_pct,
)
from tidegate.session.totals import Tally, Totals
from tidegate.units import fixed


def printed(shown: Report) -> list[str]:
    """Return the lines of a report."""
    page = io.StringIO()
    print_report(Console(file=page, width=200, color_system=None, highlight=False), shown)
    return page.getvalue().splitlines()


def test_numbers_that_do_not_exist_are_none() -> None:
    empty = Tally()
    assert [f(empty) for f in (win_rate_pct, break_even_pct, mean_net_bps, net_bps_of_turnover)] == [None] * 4


def test_break_even_needs_both_a_win_and_a_loss() -> None:
    assert break_even_pct(Tally(closed=1, wins=1, won_usd=fixed(1))) is None
    assert break_even_pct(Tally(closed=1, losses=1, lost_usd=-fixed(1))) is None


def test_break_even_is_the_win_rate_at_which_average_win_and_loss_cancel() -> None:
    assert break_even_pct(Tally(closed=3, wins=1, losses=2, won_usd=fixed(3), lost_usd=-fixed(2))) == fixed(25)


def test_a_bracket_breaks_even_where_target_one_net_of_fees_pays_for_stops_with_fees() -> None:
    limits = report().limits
    rules = limits.strategies["agent_signal"]
    assert bracket_break_even_pct(rules, limits) == -(-fixed(40) * 100 // 55)  # stop 30 + 10 against target 25 - 10


def test_a_bracket_is_judged_on_perpetuals_alone() -> None:
    """Spot is traded in pairs, which have no bracket: its higher fees would make every strategy look hopeless."""
    limits = report().limits
    rules = limits.strategies["agent_signal"]
    spots = {name: one for name, one in limits.instruments.items() if one.kind is InstrumentKind.SPOT}
    assert spots
    dear = {name: msgspec.structs.replace(one, taker_bps=fixed(60)) for name, one in spots.items()}
    judged = msgspec.structs.replace(limits, instruments={**limits.instruments, **dear})
    assert bracket_break_even_pct(rules, judged) == bracket_break_even_pct(rules, limits)


def test_report_and_pre_flight_know_one_break_even() -> None:
    limits = report().limits
    told = [offer for offer in offers(settings()) if offer.venue == "okx" and offer.tradable]
    for rules in limits.strategies.values():
        mine = [offer.break_even_first_pct for offer in told if offer.strategy == rules.key]
        assert not mine or bracket_break_even_pct(rules, limits) == max(mine)


def test_a_first_target_under_its_fees_has_no_break_even() -> None:
    limits = report().limits
    rules = limits.strategies["agent_signal"]
    sides = {side: msgspec.structs.replace(each, targets_bps=(fixed(10),)) for side, each in rules.sides.items()}
    assert bracket_break_even_pct(msgspec.structs.replace(rules, sides=sides), limits) is None


def test_without_a_trade_there_is_nothing_to_compare() -> None:
    bare = report(Totals())
    assert control_lines(bare) == ("no trades: nothing to compare",)


def row(finished: int, mean_bps: str, error_bps: str = "1") -> ControlRow:
    """Return a control row with a given mean and (about) a given standard error."""
    mean, error = fixed(mean_bps), fixed(error_bps)
    squares = finished * mean * mean + error * error * finished * (finished - 1)
    return ControlRow("agent_signal", 1, 0, 0, finished, 0, 0, mean * finished, squares)


@pytest.mark.parametrize(
    ("trades", "mean_bps", "control", "said"),
    [
        (1, "5", row(20, "-9"), "above random, but 1 trade is too few"),
        (29, "-20", row(580, "-9"), "not above random, but 29 trades are too few"),
        (30, "-9", row(600, "-9"), "no better than entering at random"),
        (30, "-7", row(600, "-9", "1"), "less than two standard errors"),
        (30, "-6", row(600, "-9", "1"), "more than two standard errors"),
    ],
)
def test_the_comparison_with_random_entries_claims_no_more_than_it_knows(
    trades: int, mean_bps: str, control: ControlRow, said: str
) -> None:
    own = tally(closed=trades, net_bps=fixed(mean_bps) * trades)
    compared = msgspec.structs.replace(report(Totals(own, {"agent_signal": own})), control=(control,))
    assert said in control_lines(compared)[0]


def test_random_entries_that_have_not_ended_are_not_compared() -> None:
    own = tally(closed=1, net_bps=fixed(5))
    waiting = ControlRow("agent_signal", trades=1, open_twins=20)
    compared = msgspec.structs.replace(report(Totals(own, {"agent_signal": own})), control=(waiting,))
    assert "none of its 20 random entries has ended" in control_lines(compared)[0]


def test_no_verdict_is_given_while_too_many_random_entries_have_not_ended() -> None:
    own = tally(closed=30, net_bps=fixed(5) * 30)
    unsettled = msgspec.structs.replace(row(600, "-9"), open_twins=67)
    (said, _) = control_lines(msgspec.structs.replace(report(Totals(own, {"agent_signal": own})), control=(unsettled,)))
    assert said.endswith("67 more not ended): over 10 % have not ended, and stops end first: no verdict")


def test_json_numbers_are_in_their_own_unit_and_absent_ones_are_null() -> None:
    shown = json.loads(report_json(report()))
    assert shown["run"]["fees_usd"] == 0.0531
    assert shown["run"]["win_rate_pct"] == 50
    assert json.loads(report_json(report(Totals())))["run"]["win_rate_pct"] is None


def with_open_trades(marked_usd: int | None) -> Report:
    shown = report()
    return msgspec.structs.replace(
        shown, numbers=msgspec.structs.replace(shown.numbers, open_trades=2), unrealised_usd=marked_usd
    )


def test_open_trades_stand_marked_beside_the_net_and_not_in_it() -> None:
    shown = with_open_trades(fixed("-0.5"))
    lines = printed(shown)
    assert any(line.startswith("  net ") and "-0.0238 USD" in line for line in lines)
    (marked,) = [line for line in lines if "open, not in the net" in line]
    assert marked.endswith("-0.5000 USD at the last known prices, before exit fees; net with them -0.5238 USD")
    assert json.loads(report_json(shown))["open_trades_marked_usd"] == -0.5
    assert not any("open, not in the net" in line for line in printed(report()))


def test_a_journal_read_later_says_that_open_trades_have_no_price() -> None:
    (said,) = [line for line in printed(with_open_trades(None)) if "open, not in the net" in line]
    assert "2; their last prices are not in the journal" in said
    assert json.loads(report_json(with_open_trades(None)))["open_trades_marked_usd"] is None


def test_every_number_that_differs_is_named() -> None:
    first = report().numbers
    second = msgspec.structs.replace(first, state="HALTED", totals=Totals(tally(intents=5)))
    named = differences(first, second)
    assert "state: ACTIVE in the run, HALTED from the journal" in named
    assert any(line.startswith("totals.run.intents: 4 in the run, 5 from") for line in named)
    assert differences(first, first) == ()
