"""Properties of pairs: money is conserved to the quantum however the legs fill, and equity moves only with marks, fees and fills."""

from __future__ import annotations

import hypothesis.strategies as st
import msgspec
from hypothesis import given, settings
from msgspec.structs import replace

from tests.support.pair_desk import CHEAP, DEAR, QUANTITY, leg_fill, pair_decided
from tests.support.trade_facts import START, approved, filled
from tidegate.model.event import Event, Filled, PairClosed
from tidegate.model.order import OrderRole
from tidegate.model.pair import PairEnd, PairTrade
from tidegate.model.session import Session
from tidegate.session.fold import fold
from tidegate.session.pnl import state_hash
from tidegate.session.totals import Totals, conservation_gap_usd, tally, totals_of
from tidegate.units import ONE, bps_of_up, fixed

FILLS = st.lists(
    st.tuples(
        st.sampled_from(["DP1", "DP2"]),
        st.sampled_from([OrderRole.ENTRY, OrderRole.HEDGE, OrderRole.UNWIND]),
        st.integers(min_value=1, max_value=QUANTITY),
        st.integers(min_value=90_000 * ONE, max_value=110_000 * ONE),
        st.integers(min_value=ONE * 97 // 100, max_value=ONE * 103 // 100),
    ),
    max_size=14,
)
MARKS = {CHEAP.instrument_id: fixed(99_900), DEAR.instrument_id: fixed(100_300)}


class Books:
    """A session with its totals, and the cash that moved."""

    def __init__(self) -> None:
        self.session, self.totals = START, Totals()
        self.events: list[Event] = []
        self.cash = 0
        for event in (approved("D9"), filled("D9"), pair_decided("DP1"), pair_decided("DP2")):
            self.tell(event)

    def tell(self, event: Event) -> None:
        self.totals = tally(self.totals, self.session, event)
        self.session = fold(self.session, event)
        self.events.append(event)
        if isinstance(event, Filled):
            fill = event.fill
            self.cash += (-fill.notional_usd if fill.buys else fill.notional_usd) - fill.fee_usd
        assert conservation_gap_usd(self.totals, self.session) == 0
        assert self.totals.cash_usd == self.cash
        assert self.session.realised_day_usd == self.totals.run.net_usd

    def fill(self, name: str, role: OrderRole, quantity: int, price: int, rate: int) -> None:
        """Tell one fill that its pair can explain."""
        pair = self.session.pairs.get(name)
        on = DEAR if role is OrderRole.HEDGE else CHEAP
        if role is OrderRole.UNWIND:
            excess = pair.excess if pair is not None else 0
            if excess == 0:
                return
            on, quantity = (CHEAP if excess > 0 else DEAR), min(quantity, abs(excess))
        buys = role is OrderRole.ENTRY or (role is OrderRole.UNWIND and on is DEAR)
        usd = price * quantity * rate // (ONE * ONE)
        event = leg_fill(role, quantity, name, len(self.events))
        money = {"notional_usd": usd, "fee_usd": bps_of_up(usd, fixed(5)), "price": price}
        self.tell(Filled(event.ts_ns, replace(event.fill, instrument_id=on.instrument_id, buys=buys, **money)))


def equity(session: Session) -> int:
    return session.realised_day_usd + sum(pair.unrealised_usd(MARKS) for pair in session.pairs.values())


def make_even(books: Books, pair: PairTrade) -> None:
    if pair.excess:
        books.fill(pair.trade_id, OrderRole.UNWIND, abs(pair.excess), fixed(100_000), ONE)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(fills=FILLS)
def test_money_is_conserved_at_every_step_of_any_pairs(fills: list[tuple[str, OrderRole, int, int, int]]) -> None:
    books = Books()
    for each in fills:
        books.fill(*each)
    for name in ("DP1", "DP2"):
        pair = books.session.pairs.get(name)
        if pair is not None:
            make_even(books, pair)
        before = equity(books.session)
        end = PairEnd.NOT_FILLED if pair is None else books.session.pairs[name].end
        books.tell(PairClosed(99, name, end))
        assert equity(books.session) == before
    session = books.session
    assert (session.pairs, session.reservations) == ({}, {})
    assert sum(session.inventory.values()) == 0
    assert 0 not in session.inventory.values()
    assert session.entries_day == 1 + len({name for name, role, *_ in fills if role is not OrderRole.UNWIND})
    assert books.totals.run.closed == session.entries_day - 1
    wire = [msgspec.json.encode(event, order="deterministic") for event in books.events]
    replayed, totals = totals_of((msgspec.json.decode(text, type=Event) for text in wire), START)
    assert state_hash(replayed) == state_hash(session)
    assert totals == books.totals


@settings(max_examples=200, deadline=None, derandomize=True)
@given(fills=FILLS)
def test_a_fill_changes_equity_by_its_fee_and_its_distance_from_the_mark(fills: list[tuple[str, OrderRole, int, int, int]]) -> None:
    """Nothing else: an excess is worth its mark, and what both legs hold alike is worth the cash between them."""
    books = Books()
    for name, role, quantity, _, _ in fills:
        before, pair = equity(books.session), books.session.pairs.get(name)
        count = len(books.events)
        on = DEAR if role is OrderRole.HEDGE or (role is OrderRole.UNWIND and pair is not None and pair.excess < 0) else CHEAP
        books.fill(name, role, quantity, MARKS[on.instrument_id], ONE)
        if len(books.events) == count:
            continue
        fill = books.events[-1].fill  # type: ignore[union-attr]
        basis = (MARKS[DEAR.instrument_id] - MARKS[CHEAP.instrument_id]) * fill.quantity // ONE
        change = equity(books.session) - before + fill.fee_usd
        assert -4 <= change <= basis + 4
