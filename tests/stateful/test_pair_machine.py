"""A machine that sends pairs through bad markets, halts, flattens and crashes in any order, and looks at every leg after every step.

INVARIANT: G1 G9 J7 S5 S6 X2 X6
"""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.pair_desk import PairDesk, pair_order
from tidegate.model.event import OrderIntended
from tidegate.model.session import Session
from tidegate.orders.reconcile import positions_of
from tidegate.session.totals import conservation_gap_usd
from tidegate.units import fixed

DEAR = ("100300x1 / 100310x1", "100300x0.0004 / 100310x1", "100100x1 / 100310x1", "99000x1 / 100310x1", "")
CHEAP = ("99990x1 / 100000x1", "99990x1 / 100000x0.0003", "99990x1 / 100100x1", "99990x1 / 101000x1", "1x0.00000001 / 100000x1", "")
SLOTS = 3


class PairMachine(RuleBasedStateMachine):
    """Approves pairs by hand: what is on trial is what happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: PairDesk
        self.asked = 0

    @initialize()
    def begin(self) -> None:
        self.desk = PairDesk()

    @property
    def session(self) -> Session:
        return self.desk.engine.session

    @rule(quantity=st.sampled_from(("0.0002", "0.001", "0.0037")), flushed=st.booleans(), dear=st.sampled_from(DEAR), cheap=st.sampled_from(CHEAP))
    def approve(self, quantity: str, flushed: bool, dear: str, cheap: str) -> None:
        """The gate would have refused while halted: whatever halted is lifted first. The books are what both legs will find."""
        self.lift()
        self.desk.show(dear=dear, cheap=cheap).second()
        if self.session.open_count < SLOTS:
            before = self.session
            self.asked += 1
            self.desk.number = self.asked
            self.desk.approve(fixed(quantity))
            order = pair_order(fixed(quantity))
            assert sum(held.notional_usd for held in self.session.reservations.values()) - sum(
                held.notional_usd for held in before.reservations.values()
            ) == 2 * order.notional_usd
        if flushed:
            self.desk.engine.flush()

    @rule(dear=st.sampled_from(DEAR), cheap=st.sampled_from(CHEAP), rate=st.sampled_from(("0.999", "0.999", "0.98", None)))
    def markets_move(self, dear: str, cheap: str, rate: str | None) -> None:
        self.desk.show(dear=dear, cheap=cheap, rate=rate)

    @rule(seconds=st.sampled_from((1, 1, 2, 35)))
    def time_passes(self, seconds: int) -> None:
        self.desk.second(seconds)

    @rule()
    def flush(self) -> None:
        self.desk.engine.flush()

    @rule()
    def halt(self) -> None:
        self.desk.engine.halt("anna", "a feeling")

    @rule()
    def lift(self) -> None:
        for cause in sorted({halt.cause for halt in self.session.halts.values() if not halt.self_lifting}):
            self.desk.engine.lift(cause, "anna", "looked into it")

    @rule()
    def flatten(self) -> None:
        """Whatever the markets did: once there is a market, everything is even and the venue agrees."""
        self.desk.engine.flatten("anna", "enough")
        self.settle()
        assert not self.session.flattening

    @rule()
    def crash(self) -> None:
        """What was not durable never happened."""
        self.desk = self.desk.pair_restarted()

    @rule()
    def settle(self) -> None:
        self.desk.engine.flush()
        self.desk.show(dear=DEAR[0], cheap=CHEAP[0], rate="0.999").second(8)
        assert not self.session.pairs
        assert not self.session.reservations
        assert not self.desk.engine.execution.working
        assert sum(self.session.inventory.values()) == 0
        assert self.desk.paper.positions() == self.session.inventory

    @invariant()
    def money_adds_up(self) -> None:
        assert conservation_gap_usd(self.desk.engine.chronicle.totals, self.session) == 0
        assert self.desk.paper.cash_usd == self.desk.engine.chronicle.totals.cash_usd
        assert self.session.open_count <= SLOTS

    @invariant()
    def the_venue_agrees(self) -> None:
        ours = positions_of((), self.session.pairs.values(), self.session.inventory)
        assert ours == self.desk.paper.positions()
        assert not self.desk.engine.execution.oddities

    @invariant()
    def no_leg_is_sent_twice_and_one_second_attempt_is_all_there_is(self) -> None:
        ids = [event.order.client_order_id for event in self.desk.told(OrderIntended)]
        assert len(ids) == len(set(ids))
        entries = Counter(each.rpartition("G")[0][:-2] for each in ids if each[-4:-2] in ("EN", "HE"))
        seconds = Counter(each.rpartition("G")[0][:-2] for each in ids if each[-4:] in ("ENG1", "HEG1"))
        assert max(entries.values(), default=0) <= 3
        assert max(seconds.values(), default=0) <= 1

    @invariant()
    def every_pair_counts_one_entry(self) -> None:
        assert self.session.entries_day <= self.asked


TestPairMachine = PairMachine.TestCase
TestPairMachine.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
