"""A machine that does to a production engine whatever anybody can do to it, in any order, and looks at it after every step.

INVARIANT: S1 S5 G9 K1 K2 K3 X7
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tests.support.pair_desk import PairDesk
from tests.support.world_desk import OPERATOR, Desk, ask
from tidegate.errors import InputError
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.finding import Reason
from tidegate.model.intent import Proposal
from tidegate.model.observation import Channel
from tidegate.model.order import OrderRole, OrderState
from tidegate.model.session import Session
from tidegate.model.snapshot import Reading
from tidegate.orders.reconcile import positions_of
from tidegate.session.pnl import state_hash
from tidegate.session.totals import conservation_gap_usd
from tidegate.units import fixed


class EngineMachine(RuleBasedStateMachine):
    """Submits, halts, lifts, reviews, flattens, lets time pass, and pulls the plug."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: PairDesk
        self.halted_by_hand = False
        self.asked = 0

    @initialize()
    def begin(self) -> None:
        self.desk = PairDesk().show(dear="100700x1 / 100710x1")
        self.desk.second()

    @property
    def session(self) -> Session:
        return self.desk.engine.session

    @rule(
        place=st.integers(0, 3),
        usd=st.sampled_from(("25", "120", "415", "415.00000001")),
        key=st.sampled_from((None, None, "a", "b")),
    )
    def submit(self, place: int, usd: str, key: str | None) -> None:
        before = self.session
        refused_by_hand = self.halted_by_hand
        try:
            decision = self.desk.engine.submit(ask(place, usd, key))
        except InputError:
            assert self.session == before
            return
        known = (
            decision.decision_id in before.reservations
            or decision.asof_ns < self.desk.engine.now_ns
            or self.session == before
        )
        assert not (decision.approved and refused_by_hand and not known)

    @rule(usd=st.sampled_from(("25", "120", "415")), flushed=st.booleans())
    def submit_a_pair(self, usd: str, flushed: bool) -> None:
        """Ask for both legs, each time as somebody else, once the feeds are heard; whether they fill is the next seconds' business."""
        heard = self.desk.engine.market.reading(Channel.OPEN_INTEREST, "BTC", self.desk.now_ns)
        self.desk.second(1 if isinstance(heard, Reading) else 61)
        self.asked += 1
        asking = replace(OPERATOR, name=f"anna{self.asked}")
        decision = self.desk.engine.submit(Proposal(asking, "cross_exchange_arbitrage", "BTC/USD", fixed(usd)))
        assert not (decision.approved and self.halted_by_hand)
        if flushed:
            self.desk.engine.flush()

    @rule(
        dear=st.sampled_from(("100700x1 / 100710x1", "100700x0.0004 / 100710x1", "99000x1 / 100710x1")),
        cheap=st.sampled_from(("99990x1 / 100000x1", "99990x1 / 100000x0.0003", "99990x1 / 101000x1")),
    )
    def spot_markets_move(self, dear: str, cheap: str) -> None:
        self.desk.show(dear=dear, cheap=cheap)

    @rule()
    def flush(self) -> None:
        self.desk.engine.flush()

    @rule(seconds=st.sampled_from((1, 3, 20)))
    def time_passes(self, seconds: int) -> None:
        self.desk.second(seconds)

    @rule(jump_bps=st.sampled_from((-60, -20, 20, 60)), place=st.integers(0, 3))
    def price_jumps(self, jump_bps: int, place: int) -> None:
        asset = list(self.desk.market.prices)[place]
        self.desk.market.prices[asset] += self.desk.market.prices[asset] * jump_bps // 10_000

    @rule()
    def halt(self) -> None:
        self.desk.engine.halt("anna", "a feeling")
        self.halted_by_hand = True

    @rule()
    def lift(self) -> None:
        latched = {halt.cause for halt in self.session.halts.values()}
        for cause in sorted(latched):
            if cause is not Reason.L4_CLOCK:
                self.desk.engine.lift(cause, "anna", "looked into it")
        self.halted_by_hand = False

    @rule(by=st.sampled_from(("agent:scout", "", "system", "strategy:x")))
    def a_machine_cannot_lift(self, by: str) -> None:
        before = self.session
        try:
            self.desk.engine.lift(Reason.L4_OPERATOR, by, "please")
        except InputError:
            assert self.session == before
            return
        raise AssertionError("a lift without a human")

    @rule()
    def review(self) -> None:
        self.desk.engine.review("anna", "looked at the losses")
        assert self.session.loss_streak == 0

    @rule()
    def flatten(self) -> None:
        self.desk.engine.flatten("anna", "enough")
        self.halted_by_hand = True
        self.desk.engine.flush()
        self.desk.second(8)
        assert self.desk.paper.positions() == self.session.inventory
        assert not self.session.pairs
        assert not self.desk.paper.open_orders()
        assert not self.session.flattening

    @rule(step_ms=st.sampled_from((-300, 250, 900)))
    def clock_steps(self, step_ms: int) -> None:
        self.desk.engine.note_clock(step_ms * 1_000_000)
        self.desk.second()
        if abs(step_ms) > 250:
            assert str(Reason.L4_CLOCK) in self.session.halts

    @rule()
    def restart_after_a_flush(self) -> None:
        self.desk.engine.flush()
        before = state_hash(self.session)
        kept = self.desk.engine.chronicle
        self.desk = self.desk.pair_restarted()
        probe = type(kept)(self.desk.journal, self.session.mode)
        journal = self.desk.journal
        assert isinstance(journal, MemoryJournal)
        probe.recover((record for record in journal.read() if record.seq <= _seq_of(kept)), lambda _event: None)
        assert state_hash(probe.session) == before

    @rule()
    def crash(self) -> None:
        """Whatever was not durable never happened; what was by hand and durable still holds."""
        halted = "L4_OPERATOR" in {str(halt.cause) for halt in _durable(self.desk).halts.values()}
        self.desk = self.desk.pair_restarted()
        assert halted <= ("L4_OPERATOR" in self.session.halts)
        self.halted_by_hand = "L4_OPERATOR" in self.session.halts

    @invariant()
    def limits_hold(self) -> None:
        session, limits = self.session, self.desk.limits
        assert session.open_count <= limits.open_trades_max
        assert session.entries_day + session.entries_pending <= limits.entries_per_day_max
        assert conservation_gap_usd(self.desk.engine.chronicle.totals, session) == 0

    @invariant()
    def nothing_odd_happens(self) -> None:
        assert not self.desk.engine.execution.oddities

    @precondition(lambda self: not self.desk.engine.chronicle.dirty)
    @invariant()
    def the_venue_agrees(self) -> None:
        trades = self.session.trades.values()
        assert positions_of(trades, self.session.pairs.values(), self.session.inventory) == self.desk.paper.positions()
        working = self.desk.engine.execution.working.values()
        for trade in trades:
            stops = [order for order in working if order.decision_id == trade.trade_id and order.role is OrderRole.STOP]
            settled = all(order.state is not OrderState.INTENDED for order in stops)
            assert stops
            assert not settled or sum(order.quantity - order.filled_quantity for order in stops) == trade.open_quantity


def _seq_of(chronicle: object) -> int:
    """Return the last seq the ended process made durable."""
    journal = chronicle._journal  # type: ignore[attr-defined]
    return journal.durable_seq


def _durable(desk: Desk) -> Session:
    """Return the session as the disk knows it."""
    kept = desk.engine.chronicle
    probe = type(kept)(desk.journal, desk.engine.session.mode)
    probe.recover(desk.journal.read(), lambda _event: None)
    return probe.session


TestEngineMachine = EngineMachine.TestCase
TestEngineMachine.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
