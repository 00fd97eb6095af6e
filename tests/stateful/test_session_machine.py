"""The fold against a naive accountant: any order of approvals, fills, cancels, funding, halts and midnights keeps both sets of books equal."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import msgspec
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.gate_world import AT
from tests.support.naive_accountant import NaiveAccountant
from tests.support.trade_facts import LOT, SCOUT, START, STRATEGY, approved, asked, filled, news
from tidegate.model.event import (
    DayStarted,
    EquityMarked,
    Event,
    Filled,
    FundingPaid,
    HaltLatched,
    HaltLifted,
    ReviewDone,
)
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole, OrderState
from tidegate.session.fold import fold
from tidegate.session.pnl import state_hash
from tidegate.session.totals import Totals, conservation_gap_usd, tally, totals_of
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, bps_of_up, fixed, notional_of

MARK = fixed(100_000)
PRICES = st.integers(min_value=99_000 * 10**8, max_value=101_000 * 10**8)
EXITS = st.sampled_from([role for role in OrderRole if role is not OrderRole.ENTRY])
LIFTABLE = st.sampled_from([Reason.L4_SESSION_DRAWDOWN, Reason.L4_LOSSES, Reason.L4_OPERATOR])


class SessionMachine(RuleBasedStateMachine):
    """Drives the fold; after every step the accountant checks it."""

    @initialize()
    def begin(self) -> None:
        self.session, self.totals, self.events = START, Totals(), list[Event]()
        self.books = NaiveAccountant()
        self.now_ns, self.number, self.day_base_usd, self.peak_usd = AT, 0, 0, 0
        self.bookings: list[tuple[int, int]] = []
        self.tell(DayStarted(AT, AT // DAY_NS, 0))

    def tell(self, event: Event) -> None:
        before_usd = self.session.realised_day_usd
        self.totals = tally(self.totals, self.session, event)
        self.session = fold(self.session, event)
        self.events.append(event)
        if isinstance(event, Filled | FundingPaid):
            self.bookings.append((event.ts_ns, self.session.realised_day_usd - before_usd))

    @rule(seconds=st.integers(min_value=0, max_value=120))
    def time_passes(self, seconds: int) -> None:
        self.now_ns += seconds * SECOND_NS

    @rule(side=st.sampled_from(Side), lots=st.integers(min_value=1, max_value=30), by_agent=st.booleans())
    def approve(self, side: Side, lots: int, by_agent: bool) -> None:
        self.number += 1
        principal = SCOUT if by_agent else STRATEGY
        event = approved(f"D{self.number}", self.now_ns, principal, principal.name, lots=lots, side=side)
        order = event.decision.order
        assert order is not None
        self.books.approve(f"D{self.number}", side.sign, order.quantity, order.notional_usd)
        self.tell(asked(self.now_ns, intent_id=f"I{self.number}"))
        self.tell(event)

    @precondition(lambda self: self.books.living_entries)
    @rule(data=st.data(), price=PRICES)
    def entry_fills(self, data: st.DataObject, price: int) -> None:
        living = self.books.living_entries
        decision_id = data.draw(st.sampled_from(list(living)))
        lots = data.draw(st.integers(min_value=1, max_value=living[decision_id].outstanding // LOT))
        self.enter(decision_id, lots, price)

    @precondition(lambda self: self.books.living_entries)
    @rule(data=st.data(), state=st.sampled_from([OrderState.CANCELED, OrderState.REFUSED]))
    def entry_ends(self, data: st.DataObject, state: OrderState) -> None:
        decision_id = data.draw(st.sampled_from(list(self.books.living_entries)))
        self.books.deals[decision_id].entry_alive = False
        self.tell(news(state, decision_id, at_ns=self.now_ns))

    @precondition(lambda self: self.books.living_entries)
    @rule(data=st.data(), state=st.sampled_from([OrderState.UNKNOWN, OrderState.WORKING, OrderState.FILLED]))
    def entry_is_heard_of(self, data: st.DataObject, state: OrderState) -> None:
        before = self.session
        self.tell(news(state, data.draw(st.sampled_from(list(self.books.living_entries))), at_ns=self.now_ns))
        assert self.session == before, "only a terminal fact may move a reservation"

    @precondition(lambda self: self.session.released)
    @rule(data=st.data(), price=PRICES)
    def ended_entry_fills_late(self, data: st.DataObject, price: int) -> None:
        released = data.draw(st.sampled_from(self.session.released))
        deal = self.books.deals[released.decision_id]
        if deal.ever_entered < deal.ordered:
            self.enter(released.decision_id, 1, price)

    @precondition(lambda self: self.books.open_deals)
    @rule(data=st.data(), price=PRICES, role=EXITS, whole=st.booleans())
    def trade_is_reduced(self, data: st.DataObject, price: int, role: OrderRole, whole: bool) -> None:
        decision_id = data.draw(st.sampled_from(list(self.books.open_deals)))
        deal = self.books.deals[decision_id]
        lots = deal.held // LOT
        quantity = (lots if whole else data.draw(st.integers(min_value=1, max_value=lots))) * LOT
        event = self.fill_of(decision_id, quantity, price, role, buys=deal.sign < 0)
        self.books.leave(decision_id, quantity, event.fill.notional_usd, event.fill.fee_usd)
        self.tell(event)

    @precondition(lambda self: self.books.open_deals)
    @rule(data=st.data(), usd=st.integers(min_value=-(10**8), max_value=10**8))
    def funding_settles(self, data: st.DataObject, usd: int) -> None:
        decision_id = data.draw(st.sampled_from(list(self.books.open_deals)))
        self.books.fund(decision_id, usd)
        self.tell(FundingPaid(self.now_ns, decision_id, usd))

    @rule(hours=st.integers(min_value=0, max_value=30))
    def midnight_passes(self, hours: int) -> None:
        self.now_ns = (self.now_ns // DAY_NS + 1) * DAY_NS + hours * HOUR_NS
        equity = self.session.unrealised_usd(self.marks)
        self.tell(DayStarted(self.now_ns, self.now_ns // DAY_NS, equity))
        self.books.begin_day()
        self.day_base_usd, self.peak_usd = self.booked_usd, equity

    @rule()
    def the_day_is_told_again(self) -> None:
        before = self.session
        self.tell(DayStarted(self.now_ns, self.session.day, fixed(5)))
        assert self.session == before

    @rule(below=st.booleans())
    def equity_is_marked(self, below: bool) -> None:
        equity = self.session.equity_usd(self.marks)
        self.peak_usd = max(self.peak_usd, equity)
        self.tell(EquityMarked(self.now_ns, equity, below))

    @rule(cause=LIFTABLE)
    def halt_latches(self, cause: Reason) -> None:
        self.tell(HaltLatched(self.now_ns, Halt(cause, self.now_ns, "machine")))

    @rule(cause=LIFTABLE, equity=st.integers(min_value=-(10**10), max_value=10**10))
    def halt_lifts(self, cause: Reason, equity: int) -> None:
        if str(cause) in self.session.halts and cause is Reason.L4_LOSSES:
            self.books.losses_from = len(self.books.outcomes)
        if str(cause) in self.session.halts and cause is Reason.L4_SESSION_DRAWDOWN:
            self.peak_usd = equity
        self.tell(HaltLifted(self.now_ns, str(cause), cause, "anna", "machine", equity))

    @rule()
    def operator_reviews(self) -> None:
        self.books.streak = 0
        self.tell(ReviewDone(self.now_ns, "anna", "seen"))

    def enter(self, decision_id: str, lots: int, price: int) -> None:
        deal = self.books.deals[decision_id]
        event = self.fill_of(decision_id, lots * LOT, price, OrderRole.ENTRY, buys=deal.sign > 0)
        self.books.enter(decision_id, lots * LOT, event.fill.notional_usd, event.fill.fee_usd)
        self.tell(event)

    def fill_of(self, decision_id: str, quantity: int, price: int, role: OrderRole, buys: bool) -> Filled:
        notional = notional_of(price, quantity)
        money = {"notional_usd": notional, "fee_usd": bps_of_up(notional, fixed(5)), "quantity": quantity}
        return filled(decision_id, price=price, role=role, at_ns=self.now_ns, buys=buys, **money)

    @property
    def marks(self) -> dict[str, int]:
        return {trade.instrument_id: MARK for trade in self.session.trades.values()}

    @property
    def booked_usd(self) -> int:
        """What must have been booked so far: cash of all fills, plus what the session says is still invested."""
        trades = self.session.trades.values()
        return self.books.cash_usd + sum(trade.side.sign * trade.open_cost_usd for trade in trades)

    @invariant()
    def money_is_conserved_to_the_quantum(self) -> None:
        assert self.session.realised_day_usd == self.booked_usd - self.day_base_usd
        assert conservation_gap_usd(self.totals, self.session) == 0
        assert self.totals.cash_usd == self.books.cash_usd

    @invariant()
    def open_trades_are_what_the_fills_left_open(self) -> None:
        assert {key: trade.open_quantity for key, trade in self.session.trades.items()} == {
            key: deal.held for key, deal in self.books.open_deals.items()
        }
        for key, trade in self.session.trades.items():
            deal = self.books.deals[key]
            assert abs(trade.open_cost_usd - deal.cost_usd) <= len(deal.exits)
            assert trade.entry_quantity == deal.entered

    @invariant()
    def exposure_is_held_until_a_terminal_fact(self) -> None:
        assert self.session.open_count == self.books.open_or_reserved
        living = self.books.living_entries
        assert {key: held.quantity for key, held in self.session.reservations.items()} == {
            key: deal.outstanding for key, deal in living.items()
        }
        for key, held in self.session.reservations.items():
            assert held.notional_usd >= Fraction(
                living[key].reserved_usd * living[key].outstanding, living[key].ordered
            )
        assert self.session.exposure_usd(self.marks) >= 0

    @invariant()
    def losses_entries_and_peak_are_counted(self) -> None:
        assert (self.session.losses, self.session.loss_streak) == (self.books.losses, self.books.streak)
        assert self.session.entries_day == self.books.entries_today
        assert self.session.equity_peak_usd == self.peak_usd
        outcomes = self.books.outcomes
        run = self.totals.run
        assert (run.closed, run.closed_net_usd) == (len(outcomes), sum(outcomes))
        assert (run.wins, run.losses) == (sum(net > 0 for net in outcomes), sum(net < 0 for net in outcomes))

    @invariant()
    def the_ledger_never_makes_the_last_day_look_better(self) -> None:
        recent = sum(usd for ts_ns, usd in self.bookings if ts_ns > self.now_ns - DAY_NS)
        assert self.session.realised_24h_usd(self.now_ns) <= recent
        surely_recent = [usd for ts_ns, usd in self.bookings if ts_ns > self.now_ns - DAY_NS + MINUTE_NS]
        at_most_older = [usd for ts_ns, usd in self.bookings if ts_ns > self.now_ns - DAY_NS - MINUTE_NS]
        if surely_recent == at_most_older:
            assert self.session.realised_24h_usd(self.now_ns) == recent

    def teardown(self) -> None:
        """A restart that replays the journal ends in the same state, totals included."""
        wire = [msgspec.json.encode(event, order="deterministic") for event in getattr(self, "events", [])]
        replayed, totals = totals_of((msgspec.json.decode(text, type=Event) for text in wire), START)
        if wire:
            assert state_hash(replayed) == state_hash(self.session)
            assert totals == self.totals


SessionMachine.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TestSessionMachine = SessionMachine.TestCase
