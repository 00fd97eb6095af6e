"""The random-entry control: same draws for ever, bounded memory, one comparison when idle."""

from __future__ import annotations

import pytest

from tests.support.paper_desk import BAR_NS, BTC, ETH, SETTINGS, approval_for, at, bar, entry
from tidegate.matching import random_entry
from tidegate.matching.barriers import Barriers, Bracket
from tidegate.matching.fills import Execution, make_fill
from tidegate.matching.lots import legs
from tidegate.matching.path import price_on
from tidegate.matching.random_entry import RandomControl
from tidegate.model.decision import Decision, Verdict
from tidegate.model.event import DecisionMade, Filled, OrderChanged
from tidegate.model.intent import Principal, PrincipalKind
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole, OrderState
from tidegate.model.snapshot import AssetView, Missing, Snapshot
from tidegate.model.trade import Trade
from tidegate.units import HOUR_NS, MINUTE_NS, fixed

INSTRUMENTS = {one.instrument_id: one for one in (BTC, ETH)}
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


# --- through the journal ----------------------------------------------------------------------------------------------------------


def approved(decision_id: str = "D1", verdict: Verdict = Verdict.APPROVED) -> DecisionMade:
    order = approval_for(entry("0.0003", "108450", decision_id=decision_id), targets=LEGS, hold_ns=30 * MINUTE_NS).order
    decision = Decision(decision_id, "I1", at(0), verdict, None, (), 0, fixed(33), order if verdict is Verdict.APPROVED else None)
    nothing = Missing("not in this test")
    view = AssetView("BTC", nothing, nothing, nothing, "account_ratio", *([nothing] * 6))
    principal = Principal(PrincipalKind.STRATEGY, "BTC_range_scalp")
    return DecisionMade(at(0), decision, Snapshot(at(0), view, {}, None), principal, "BTC_range_scalp")


def filled(decision_id: str = "D1") -> Filled:
    execution = Execution(fixed("108400"), fixed("0.0001"), False, at(150))
    return Filled(at(150), make_fill(entry("0.0003", "108450", decision_id=decision_id), execution, BTC))


def test_the_first_entry_fill_of_an_approved_decision_opens_its_twins_once():
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1)
    control.note(None, approved())
    assert not control.busy
    control.note(None, filled())
    control.note(None, filled())
    (row,) = control.summary()
    assert (row.strategy, row.trades, row.open_twins) == ("BTC_range_scalp", 1, 20)
    assert run(control).summary()[0].finished == 20


def test_decisions_that_never_filled_open_no_twins():
    control = RandomControl(INSTRUMENTS, SETTINGS, seed=1)
    control.note(None, approved("D1", Verdict.REJECTED))
    control.note(None, filled("D1"))
    control.note(None, approved("D2"))
    control.note(None, OrderChanged(at(150), "D2ENG0", "D2", OrderRole.ENTRY, OrderState.CANCELED, fixed("0.0003")))
    control.note(None, filled("D2"))
    assert control.summary() == ()
