"""A desk for two-leg trades: an engine on a calm market with two spot books, and decisions with legs made by hand.

In: which book each venue shows. Out: pairs under way. Coinbase is dear (100,300), OKX is cheap (100,000 USDT, one USDT is 0.999 USD): a pair buys at
OKX and sells at Coinbase.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tests.support.trade_facts import SNAPSHOT
from tests.support.world_desk import Desk
from tidegate.model.catalog import instrument
from tidegate.model.decision import Decision, PairLeg, SizedOrder, Verdict
from tidegate.model.event import DecisionMade, Filled, OrderChanged, PairClosed
from tidegate.model.intent import Principal, PrincipalKind
from tidegate.model.observation import Book, Channel, MarketEvent, Observation, Side
from tidegate.model.order import Fill, Order, OrderKind, OrderRole
from tidegate.units import ONE, SECOND_NS, bps_of_up, fixed, notional_of

CHEAP, DEAR = instrument("okx:BTC-USDT"), instrument("coinbase:BTC-USD")
RATE = fixed("0.999")
SCOUT = Principal(PrincipalKind.AGENT, "scout")
KEY = "cross_exchange_arbitrage"
QUANTITY = fixed("0.001")
UNWIND_BPS = fixed(28)


def legs(quantity: int = QUANTITY, cheap: Any = CHEAP, dear: Any = DEAR) -> tuple[PairLeg, PairLeg]:
    """Return a buy at 100,000 USDT (second attempt up to 100,280) and a sale at 100,300 USD (down to 100,019)."""
    buy = PairLeg(cheap.instrument_id, True, quantity, fixed(100_000), fixed(100_000), fixed(100_280), RATE)
    sale = PairLeg(dear.instrument_id, False, quantity, fixed(100_300), fixed(100_300), fixed(100_019), ONE)
    return (buy, sale)


def pair_order(quantity: int = QUANTITY, **changes: Any) -> SizedOrder:
    """Return the sized order of a pair."""
    notional = notional_of(fixed(100_300), quantity)
    made = SizedOrder(
        instrument_id=CHEAP.instrument_id,
        asset="BTC",
        side=Side.LONG,
        lots=quantity // fixed("0.00001"),
        quantity=quantity,
        reference_price=fixed(100_000),
        limit_price=fixed(100_000),
        notional_usd=notional,
        stop_bps=UNWIND_BPS,
        stop_risk_usd=bps_of_up(notional, UNWIND_BPS + 2 * CHEAP.taker_bps),
        targets=(),
        hold_ns=60 * SECOND_NS,
        uptick_exit_ns=0,
        invalidation=None,
        legs=legs(quantity),
    )
    return replace(made, **changes)


def pair_decided(decision_id: str = "DP1", at_ns: int = 0, **order: Any) -> DecisionMade:
    """Return the approval of a pair."""
    sized = pair_order(**order)
    decision = Decision(decision_id, "I" + decision_id[1:], at_ns, Verdict.APPROVED, None, (), ONE, sized.notional_usd, sized)
    return DecisionMade(at_ns, decision, SNAPSHOT, SCOUT, KEY)


def leg_fill(role: OrderRole, quantity: int = QUANTITY, decision_id: str = "DP1", at_ns: int = 0, **changes: Any) -> Filled:
    """Return a fill of a leg at its touch, taker fee 5 bps: ENTRY buys at OKX, HEDGE sells at Coinbase, UNWIND sells at OKX unless changed."""
    on, price, rate = (DEAR, fixed(100_300), ONE) if role is OrderRole.HEDGE else (CHEAP, fixed(100_000), RATE)
    notional = price * quantity * rate // (ONE * ONE)
    fill = Fill(
        fill_id=f"F{decision_id}{role}{at_ns}{quantity}",
        client_order_id=f"{decision_id}{role[:2]}G0",
        decision_id=decision_id,
        instrument_id=on.instrument_id,
        role=role,
        buys=role is OrderRole.ENTRY,
        quantity=quantity,
        price=price,
        notional_usd=notional,
        fee_usd=bps_of_up(notional, fixed(5)),
        maker=False,
        ts_ns=at_ns,
    )
    return Filled(at_ns, replace(fill, **changes))


def leg_order(role: OrderRole, generation: int = 0, quantity: int = QUANTITY, price: int | None = None, decision_id: str = "DP1") -> Order:
    """Return an attempt of a leg as the engine would send it."""
    code = {OrderRole.ENTRY: "EN", OrderRole.HEDGE: "HE"}[role]
    leg = legs()[0 if role is OrderRole.ENTRY else 1]
    bound = leg.limit_price if generation == 0 else leg.second_price
    client_order_id = f"{decision_id}{code}G{generation}"
    worst = bound if price is None else price
    return Order(client_order_id, decision_id, leg.instrument_id, role, OrderKind.IOC, leg.buys, quantity, worst, False, 0)


def books(now_ns: int, cheap: str = "99990x1 / 100000x1", dear: str = "100300x1 / 100310x1", rate: str | None = "0.999") -> list[MarketEvent]:
    """Return both spot books (`bids / asks`, empty: silent) and the rate of USDT."""
    events: list[MarketEvent] = []
    if rate:
        events.append(Observation(Channel.RATE, "USDT", "test", fixed(rate), "test", now_ns, now_ns, 2 * SECOND_NS))
    for of, text in ((CHEAP, cheap), (DEAR, dear)):
        if text:
            bids, asks = (_levels(side) for side in text.split("/"))
            events.append(Book(of.instrument_id, of.asset, bids, asks, "test", now_ns, now_ns))
    return events


def _levels(text: str) -> tuple[tuple[int, int], ...]:
    return tuple((fixed(level.split("x")[0]), fixed(level.split("x")[1])) for level in text.split())


class PairDesk(Desk):
    """A desk whose seconds also show both spot books."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self.shown: dict[str, str | None] = {}
        self.number = 0
        super().__init__(*given, **more)

    def second(self, count: int = 1) -> PairDesk:
        """Let seconds pass with both books."""
        for _ in range(count):
            self.now_ns += SECOND_NS
            self.engine.on_batch(self.now_ns, [*self.market.batch(self.now_ns), *books(self.now_ns, **self.shown)])  # type: ignore[arg-type]
        return self

    def show(self, **shown: str | None) -> PairDesk:
        """Change the books from the next second on."""
        self.shown = {**self.shown, **shown}
        return self

    def approve(self, quantity: int = QUANTITY, **order: Any) -> str:
        """Record an approved pair and intend its legs; they leave with the next flush. Return its id."""
        self.number += 1
        name = f"DP{self.number}x{self.now_ns:x}"
        event = pair_decided(name, self.now_ns, quantity=quantity, **order)
        self.engine.chronicle.record(event)
        self.engine.execution.enter(event.decision, self.now_ns)
        return name

    def enter_pair(self, quantity: int = QUANTITY, seconds: int = 2, **order: Any) -> str:
        """Send a pair and let seconds pass."""
        name = self.approve(quantity, **order)
        self.engine.flush()
        self.second(seconds)
        return name

    def told(self, *kinds: type) -> list[Any]:
        """Return the recorded events of some kinds."""
        from tidegate.engine.chronicle import decode

        return [event for record in self.journal.read() if isinstance(event := decode(record), kinds)]

    def ends(self) -> list[str]:
        """Return how pairs ended."""
        return [str(event.end) for event in self.told(PairClosed)]

    def changes(self, code: str) -> list[OrderChanged]:
        """Return what was said about orders whose id holds a code such as `HEG0`."""
        return [event for event in self.told(OrderChanged) if code in event.client_order_id]

    def pair_restarted(self) -> PairDesk:
        """Return the desk of the next process, showing the same books."""
        next_desk = self.restarted()
        assert isinstance(next_desk, PairDesk)
        next_desk.shown, next_desk.number = self.shown, self.number
        return next_desk
