"""The random-entry control: same draws for ever, bounded memory, one comparison when idle."""

from __future__ import annotations

import pytest

from tests.support.paper_desk import BAR_NS, BTC, ETH, SETTINGS, approval_for, at, bar, entry
from tidegate.matching import random_entry
from tidegate.matching.barriers import Barriers, Bracket, Outcome
from tidegate.matching.fills import Execution, make_fill
from tidegate.matching.lots import legs
from tidegate.matching.path import price_on
from tidegate.matching.random_entry import RandomControl
from tidegate.model.decision import Decision, Verdict
from tidegate.model.event import DecisionMade, Filled, OrderChanged
from tidegate.model.intent import Principal, PrincipalKind
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole, OrderState
from tidegate.model.snapshot import AssetView, BookView, Missing, Snapshot
from tidegate.model.trade import Trade
from tidegate.units import HOUR_NS, MINUTE_NS, fixed

INSTRUMENTS = {one.instrument_id: one for one in (BTC, ETH)}
NOTHING = Missing("not in this test")
LEGS = legs(3, (fixed(25), fixed(50), fixed(90)), (45, 35, 20))


def trade(trade_id: str = "D1", of=BTC, strategy: str = "BTC_range_scalp") -> Trade:
    quantity = of.quantity_of(3)
    return Trade(
        trade_id, Principal(PrincipalKind.STRATEGY, strategy), strategy, of.instrument_id, of.asset, Side.LONG, at(0), quantity, fixed(30), quantity,
        fixed(30), 0, 0, 0, fixed(28), fixed(100), LEGS, 30 * MINUTE_NS, 0, None,
    )  # fmt: skip


def wave(place: int, of=BTC):
    """Return the n-th bar of a price that swings by 150 bps with a period of 80 minutes."""
    level = [108_400 + 20 * (step if step < 80 else 160 - step) for step in (place % 160, (place + 1) % 160)]
    low, high = min(level) - 5, max(level) + 5
    return bar(f"{level[0]} {high} {low} {level[1]}", 30_000 * place, of)


def run(control: RandomControl, bars: int = 600, of=BTC) -> RandomControl:
    for place in range(bars):
        control.on_bar(wave(place, of))
    return control


def test_every_twin_enters_within_the_window_and_comes_to_an_end():
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1)
    control.on_trade_opened(trade())
    assert control.busy
    (row,) = run(control).summary()
    assert (row.strategy, row.trades, row.finished, row.open_twins) == ("BTC_range_scalp", 1, 20, 0)
    assert not control.busy
    assert 0 < row.wins < 20


def test_the_same_seed_draws_the_same_twins_and_another_seed_others():
    rows = []
    for seed in (1, 1, 2):
        control = RandomControl(INSTRUMENTS, SETTINGS, seed)
        control.on_trade_opened(trade())
        rows.append(run(control).summary())
    assert rows[0] == rows[1] != rows[2]


def test_a_twin_is_the_same_hypothetical_trade_entered_on_the_bars_path():
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=3, twins=1)
    control.on_trade_opened(trade())
    delay_ns = control._drawn_ns("D1", 0)
    (row,) = run(control).summary()
    entered_ns = at(0) + delay_ns
    bars = [wave(place) for place in range(600)]
    first = next(one for one in bars if one.end_ns >= entered_ns)
    twin = Barriers(Bracket(Side.LONG, 3, fixed(28), LEGS, 30 * MINUTE_NS), BTC, (entered_ns, price_on(first, entered_ns)), fixed("0.5"))
    for one in bars[bars.index(first) :]:
        twin.on_bar(one)
    assert 0 < delay_ns <= 4 * HOUR_NS
    assert row.net_usd == twin.outcome.net_usd
    assert row.net_bps_mean == twin.outcome.net_bps


def test_mean_and_error_are_those_of_the_twins():
    row = random_entry.ControlRow("x", finished=4, net_bps_sum=fixed(8), net_bps_squares=4 * fixed(5) ** 2)
    assert row.net_bps_mean == fixed(2)
    assert row.net_bps_error == 264575131  # sqrt((4*100 - 64) / (16*3)) = 2.6457...
    assert random_entry.ControlRow("x").net_bps_mean is None
    assert random_entry.ControlRow("x", finished=1).net_bps_error is None


def test_bars_of_another_instrument_move_no_twin():
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1)
    control.on_trade_opened(trade())
    (row,) = run(control, of=ETH).summary()
    assert (row.finished, row.open_twins) == (0, 20)


def test_strategies_are_counted_apart_in_order_of_their_first_trade():
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1, twins=5)
    control.on_trade_opened(trade("D1", ETH, "ETH_mirror_btc"))
    control.on_trade_opened(trade("D2"))
    control.on_trade_opened(trade("D3"))
    assert [(row.strategy, row.trades, row.open_twins) for row in control.summary()] == [("ETH_mirror_btc", 1, 5), ("BTC_range_scalp", 2, 10)]


def test_memory_is_bounded_and_trades_beyond_the_bound_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(random_entry, "TWINS_MAX", 45)
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1)
    for number in range(3):
        control.on_trade_opened(trade(f"D{number}"))
    (row,) = control.summary()
    assert (row.trades, row.skipped_trades, row.open_twins) == (3, 1, 40)


def test_nothing_is_looked_at_before_the_first_twin_enters():
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1, twins=1)
    control.on_trade_opened(trade())
    before_ns = at(0) + control._drawn_ns("D1", 0)
    for place in range(600):
        one = wave(place)
        if one.end_ns < before_ns:
            control.on_bar(one)
            assert control._running == {}
        elif one.end_ns < before_ns + BAR_NS:
            control.on_bar(one)
            assert control._running


# --- what may be concluded --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unfinished", "finished", "settled"), [(0, 0, True), (2, 18, True), (3, 18, False), (20, 0, False)])
def test_no_verdict_while_more_than_a_tenth_of_the_twins_have_not_ended(unfinished: int, finished: int, settled: bool):
    assert random_entry.ControlRow("x", open_twins=unfinished, finished=finished).settled is settled


@pytest.mark.parametrize(("net_usd", "won"), [(-1, 0), (0, 0), (1, 1)])
def test_a_twin_wins_by_the_rule_of_real_trades_more_than_nothing(net_usd: int, won: int):
    ended = Outcome(OrderRole.TIME, at(0), at(60), fixed(100), net_usd, 0, net_usd, 0, 0, 0, 0)
    assert random_entry._with(random_entry.ControlRow("x", open_twins=1), ended).wins == won


# --- through the journal ----------------------------------------------------------------------------------------------------------


def approved(decision_id: str = "D1", verdict: Verdict = Verdict.APPROVED, seen: BookView | Missing = NOTHING) -> DecisionMade:
    order = approval_for(entry("0.0003", "108450", decision_id=decision_id), targets=LEGS, hold_ns=30 * MINUTE_NS).order
    decision = Decision(decision_id, "I1", at(0), verdict, None, (), 0, fixed(33), order if verdict is Verdict.APPROVED else None)
    view = AssetView("BTC", NOTHING, seen, NOTHING, "account_ratio", *([NOTHING] * 6))
    principal = Principal(PrincipalKind.STRATEGY, "BTC_range_scalp")
    return DecisionMade(at(0), decision, Snapshot(at(0), view, {}, None), principal, "BTC_range_scalp")


def filled(decision_id: str = "D1", quantity: str = "0.0001") -> Filled:
    execution = Execution(fixed("108400"), fixed(quantity), False, at(150))
    return Filled(at(150), make_fill(entry("0.0003", "108450", decision_id=decision_id), execution, BTC))


def over(decision_id: str = "D1", state: OrderState = OrderState.FILLED) -> OrderChanged:
    return OrderChanged(at(150), f"{decision_id}ENG0", decision_id, OrderRole.ENTRY, state, fixed("0.0003"))


def followed(*events: DecisionMade | Filled | OrderChanged, twins: int = 20) -> RandomControl:
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1, twins=twins)
    for event in events:
        control.note(None, event)
    return control


def waiting(control: RandomControl) -> random_entry._Source:
    """Return what the first waiting twin will enter with."""
    return control._waiting[BTC.instrument_id][0][3]


def test_an_approved_entry_that_is_over_opens_its_twins_once():
    control = followed(approved(), filled())
    assert not control.busy
    for event in (over(), over(), filled(), over()):
        control.note(None, event)
    (row,) = control.summary()
    assert (row.strategy, row.trades, row.open_twins) == ("BTC_range_scalp", 1, 20)
    assert run(control).summary()[0].finished == 20


@pytest.mark.parametrize(
    ("fills", "lots", "legs_lots"), [(("0.0001",), 1, (1,)), (("0.0001", "0.0001"), 2, (1, 1)), (("0.0003",), 3, (1, 1, 1))]
)
def test_twins_are_as_large_as_what_was_filled_and_not_as_what_was_approved(fills: tuple[str, ...], lots: int, legs_lots: tuple[int, ...]):
    control = followed(approved(), *(filled(quantity=each) for each in fills), over(state=OrderState.CANCELED))
    bracket = waiting(control).bracket
    assert (bracket.lots, tuple(leg.lots for leg in bracket.targets)) == (lots, legs_lots)


@pytest.mark.parametrize(
    ("spread", "source", "half_spread"), [("3", "okx", "1.5"), ("0.00000001", "okx", "0.00000001"), ("3", "assumed", "0.5")]
)
def test_twins_pay_the_spread_of_the_book_that_was_seen_and_the_assumed_one_where_it_was_assumed(spread: str, source: str, half_spread: str):
    seen = BookView(fixed(108_399), fixed(108_401), fixed(spread), 0, None, 0, None, source, at(0), at(0))
    control = followed(approved(seen=seen), filled(), over(), twins=1)
    assert waiting(control).half_spread_bps == fixed(half_spread)
    entered = control._entered(waiting(control), at(1_000), wave(0))
    cheaper = Barriers(waiting(control).bracket, BTC, (at(1_000), price_on(wave(0), at(1_000))), fixed("0.1"))
    assert (entered._entry_price > cheaper._entry_price) is (fixed(half_spread) > fixed("0.1"))


def test_twins_of_a_trade_without_a_book_pay_the_assumed_spread():
    assert waiting(followed(approved(), filled(), over())).half_spread_bps == fixed("0.5")


def test_decisions_that_never_filled_open_no_twins():
    control = followed(approved("D1", Verdict.REJECTED), filled("D1"), over("D1"), approved("D2"), over("D2", OrderState.CANCELED))
    for event in (filled("D2"), over("D2")):
        control.note(None, event)
    assert control.summary() == ()
