"""Facts about trades for the session and orders rooms: events, fills and orders with plain defaults, each overridable by keyword.

One BTC lot is 0.0001 BTC; `AT` is 2025-10-19 12:00:00 UTC. Decision `D1` belongs to intent `I1`. Prices are whole dollars unless said.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tests.support.gate_world import AT, BTC, instrument
from tidegate.model.decision import Decision, SizedOrder, TargetLeg, Verdict
from tidegate.model.event import DecisionMade, Event, Filled, IntentReceived, OrderChanged
from tidegate.model.finding import Finding, Reason
from tidegate.model.intent import Intent, Mode, Principal, PrincipalKind
from tidegate.model.observation import Side
from tidegate.model.order import Fill, Order, OrderKind, OrderRole, OrderState
from tidegate.model.session import Session
from tidegate.model.snapshot import AssetView, Missing, Snapshot
from tidegate.session.fold import fold
from tidegate.units import MINUTE_NS, ONE, SECOND_NS, bps_of_up, fixed, notional_of

LOT = fixed("0.0001")
PRICE = fixed(100_000)
STRATEGY = Principal(PrincipalKind.STRATEGY, "BTC_range_scalp")
SCOUT = Principal(PrincipalKind.AGENT, "scout")
START = Session(Mode.PAPER)
INSTRUMENT = instrument("BTC")
_NOTHING = Missing("not part of this test")
_VIEW = AssetView("BTC", _NOTHING, _NOTHING, _NOTHING, "", _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING)
SNAPSHOT = Snapshot(AT, _VIEW, {}, None)


def run(*events: Event, session: Session = START) -> Session:
    """Return the session after the events."""
    for event in events:
        session = fold(session, event)
    return session


def legs(*lots: int) -> tuple[TargetLeg, ...]:
    """Return target legs of these lots at +25, +50, +90 bps; zero lots make no leg."""
    bps = (25, 50, 90)
    return tuple(TargetLeg(place + 1, fixed(bps[place]), count) for place, count in enumerate(lots) if count)


def sized_order(lots: int = 10, **changes: Any) -> SizedOrder:
    """Return a sized long of `lots` at 100,000, stop 30 bps, three targets."""
    notional = notional_of(PRICE, lots * LOT)
    made = SizedOrder(
        instrument_id=BTC,
        asset="BTC",
        side=Side.LONG,
        lots=lots,
        quantity=lots * LOT,
        reference_price=PRICE,
        limit_price=fixed(100_500),
        notional_usd=notional,
        stop_bps=fixed(30),
        stop_risk_usd=bps_of_up(notional, fixed(40)),
        targets=legs(lots - lots * 3 // 10 - lots // 5, lots * 3 // 10, lots // 5),
        hold_ns=240 * MINUTE_NS,
        uptick_exit_ns=0,
        invalidation=None,
    )
    return replace(made, **changes)


def intent(intent_id: str = "I1", **changes: Any) -> Intent:
    """Return a 100 USD BTC long by the range scalp."""
    made = Intent(
        intent_id=intent_id,
        received_ns=AT,
        principal=STRATEGY,
        strategy="BTC_range_scalp",
        instrument_id=BTC,
        asset="BTC",
        side=Side.LONG,
        notional_usd=fixed(100),
        mode=Mode.PAPER,
        stop_bps=fixed(30),
        targets_bps=(fixed(25), fixed(50), fixed(90)),
        hold_ns=240 * MINUTE_NS,
    )
    return replace(made, **changes)


def asked(at_ns: int = AT, **changes: Any) -> IntentReceived:
    """Return the fact that an intent came in."""
    return IntentReceived(at_ns, intent(received_ns=at_ns, **changes))


def approved(
    decision_id: str = "D1",
    at_ns: int = AT,
    principal: Principal = STRATEGY,
    strategy: str = "BTC_range_scalp",
    granted_usd: int | None = None,
    **order: Any,
) -> DecisionMade:
    """Return an approval of `sized_order(**order)`."""
    sized = sized_order(**order)
    granted = sized.notional_usd if granted_usd is None else granted_usd
    decision = Decision(decision_id, "I" + decision_id[1:], at_ns, Verdict.APPROVED, None, (), ONE, granted, sized)
    return DecisionMade(at_ns, decision, SNAPSHOT, principal, strategy)


def rejected(decision_id: str, primary: Reason, *findings: Finding, strategy: str = "BTC_range_scalp") -> DecisionMade:
    """Return a rejection."""
    decision = Decision(decision_id, "I" + decision_id[1:], AT, Verdict.REJECTED, primary, findings, ONE, 0, None)
    return DecisionMade(AT, decision, SNAPSHOT, STRATEGY, strategy)


def filled(
    decision_id: str = "D1",
    lots: int = 10,
    price: int = PRICE,
    role: OrderRole = OrderRole.ENTRY,
    at_ns: int = AT,
    **changes: Any,
) -> Filled:
    """Return a fill of a long: entries buy, exits sell; taker fee 5 bps rounded up."""
    quantity = lots * LOT
    notional = notional_of(price, quantity)
    fill = Fill(
        fill_id=f"F{decision_id}{role}{at_ns}",
        client_order_id=f"{decision_id}{role[:2]}G0",
        decision_id=decision_id,
        instrument_id=BTC,
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


def news(
    state: OrderState, decision_id: str = "D1", role: OrderRole = OrderRole.ENTRY, at_ns: int = AT, lots: int = 10
) -> OrderChanged:
    """Return what the venue said about an order."""
    return OrderChanged(at_ns, f"{decision_id}{role[:2]}G0", decision_id, role, state, lots * LOT)


def round_trip(
    decision_id: str, exit_price: int, at_ns: int = AT, role: OrderRole = OrderRole.STOP, **of_fills: Any
) -> tuple[Event, ...]:
    """Return a whole long trade of 10 lots from 100,000: approval, entry, terminal fact, exit one second later."""
    return (
        approved(decision_id, at_ns),
        filled(decision_id, at_ns=at_ns, **of_fills),
        news(OrderState.FILLED, decision_id, at_ns=at_ns),
        filled(decision_id, price=exit_price, role=role, at_ns=at_ns + SECOND_NS, **of_fills),
    )


def order(role: OrderRole = OrderRole.STOP, **changes: Any) -> Order:
    """Return a working reduce-only order of decision D1 over 10 lots."""
    made = Order(
        client_order_id="D1STG0",
        decision_id="D1",
        instrument_id=BTC,
        role=role,
        kind=OrderKind.STOP if role is OrderRole.STOP else OrderKind.LIMIT,
        buys=False,
        quantity=10 * LOT,
        price=fixed(99_700),
        reduce_only=True,
        created_ns=AT,
        state=OrderState.WORKING,
    )
    return replace(made, **changes)
