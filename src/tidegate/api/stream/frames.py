"""Messages of the stream: what each journaled event says on the WebSocket, encoded and framed once for all who listen.

In: a durable record with its event. Out: no, one or two `Frame`s. Every message has `event` and `data`; those that come from the journal also have
`seq`, the record's number. Text that came from people, agents or venues stays a JSON string under its own key. INVARIANT: B3 J2

| event | record | what it says |
|---|---|---|
| `decision` | DecisionMade | verdict, primary code, sentence, warnings, what spoke against or cut it, the sized order |
| `order` | OrderIntended, OrderChanged | an order about to leave (`state` intended), or what the venue said of it |
| `fill` | Filled | one execution |
| `trade_completed` | the Filled or PairClosed that ended it | final money, R-multiple, exit label |
| `halt` | HaltLatched, HaltLifted, ReviewDone, Flatten... | `change`: latched, lifted, reviewed, flatten_started, flatten_ended |
| `feed` | FeedChanged | a feed of an asset became stale or fresh |

The other records (runs, days, intents, funding, marks) are bookkeeping and say nothing. A fill that completes a trade speaks twice, `fill` and
then `trade_completed`, both with its seq. `seq` is null for what only the side file holds, because the journal failed: it is told once, live.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

import msgspec

from tidegate.api.wire.trade import told
from tidegate.api.wire.values import FindingView, encode, moment, number, seconds, spoken
from tidegate.engine.completed import CompletedTrade
from tidegate.gate.reasons import headline
from tidegate.model.decision import Decision, SizedOrder
from tidegate.model.event import (
    DayStarted,
    DecisionMade,
    EquityMarked,
    Event,
    FeedChanged,
    Filled,
    FlattenEnded,
    FlattenStarted,
    FundingPaid,
    FundingSkipped,
    HaltLatched,
    HaltLifted,
    HealthRead,
    IntentReceived,
    OrderChanged,
    OrderIntended,
    PairClosed,
    ReviewDone,
    RunEnded,
    RunStarted,
)
from tidegate.model.finding import Status
from tidegate.model.intent import Intent
from tidegate.model.order import Fill
from tidegate.units import Nanoseconds

DECISION: Final = "decision"
ORDER: Final = "order"
FILL: Final = "fill"
TRADE_COMPLETED: Final = "trade_completed"
HALT: Final = "halt"
FEED: Final = "feed"
TICK: Final = "tick"
DASHBOARD_UPDATE: Final = "dashboard_update"
JOURNALED: Final = (DECISION, ORDER, FILL, TRADE_COMPLETED, HALT, FEED)
CHOOSABLE: Final = (*JOURNALED, TICK, DASHBOARD_UPDATE)

Content = dict[str, object]
_TEXT_FRAME = b"\x81"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message as it goes out: a whole WebSocket text frame (a server's are not masked), whose JSON begins at `begins`."""

    event: str
    sent: bytes
    begins: int

    @property
    def text(self) -> str:
        """Return the JSON text, for servers that frame by themselves."""
        return self.sent[self.begins :].decode()


def frame(event: str, content: object, more: Mapping[str, object] | None = None) -> Frame:
    """Encode and frame one message; `more` adds fields beside `event` and `data`."""
    body = encode({"event": event, **(more or {}), "data": content})
    length = len(body)
    if length < 126:
        head = _TEXT_FRAME + bytes((length,))
    elif length < 65_536:
        head = _TEXT_FRAME + b"\x7e" + length.to_bytes(2, "big")
    else:
        head = _TEXT_FRAME + b"\x7f" + length.to_bytes(8, "big")
    return Frame(event, head + body, len(head))


def frames_of(seq: int | None, event: Event, asked: Intent | None, completed: CompletedTrade | None) -> tuple[Frame, ...]:
    """Return what one record says. `asked` is the intent recorded last, `completed` the trade that this record closed, if any."""
    match event:
        case DecisionMade():
            own = asked if asked is not None and asked.intent_id == event.decision.intent_id else None
            said: tuple[tuple[str, Content], ...] = ((DECISION, decision_content(event, own)),)
        case OrderIntended():
            said = ((ORDER, _intended(event)),)
        case OrderChanged():
            said = ((ORDER, _changed(event)),)
        case Filled():
            said = ((FILL, _fill(event.fill, event.ts_ns)),)
        case HaltLatched() | HaltLifted() | ReviewDone() | FlattenStarted() | FlattenEnded():
            said = ((HALT, _halt(event)),)
        case FeedChanged():
            said = ((FEED, _feed(event)),)
        case PairClosed():
            said = ()
        case (
            RunStarted() | DayStarted() | IntentReceived() | FundingPaid() | FundingSkipped() | EquityMarked() | HealthRead() | RunEnded()
        ):
            return ()
        case _:
            assert_never(event)
    if completed is not None and _ends(event, completed.trade_id):
        said = (*said, (TRADE_COMPLETED, completed_content(completed)))
    return tuple(frame(name, content, {"seq": seq}) for name, content in said)


def _ends(event: Event, trade_id: str) -> bool:
    """Say whether an event is of the trade it is said to have completed: a record of the side file may bear a journal record's number."""
    if isinstance(event, Filled):
        return event.fill.decision_id == trade_id
    return isinstance(event, PairClosed) and event.trade_id == trade_id


def decision_content(event: DecisionMade, asked: Intent | None) -> Content:
    """Return a decision in public words: the sentence and warnings are ours; `side` and `requested_usd` are null when nobody knows them."""
    decision = event.decision
    findings = spoken(decision.findings)
    return {
        "decision_id": decision.decision_id,
        "timestamp": moment(event.ts_ns),
        "approved": decision.approved,
        "verdict": decision.verdict,
        "code": decision.primary,
        "reason": _reason(decision, findings),
        "warnings": told(decision),
        "principal": str(event.principal),
        "strategy": event.strategy,
        "asset": event.snapshot.view.asset,
        "side": asked.way if asked is not None else None,
        "requested_usd": number(asked.notional_usd) if asked is not None else None,
        "size_multiplier": number(decision.size_multiplier),
        "approved_usd": number(decision.approved_notional_usd),
        "order": _sized(decision),
        "findings": findings,
    }


def completed_content(trade: CompletedTrade) -> Content:
    """Return a finished trade: all money is final; `r_multiple` is net P&L per what the stop risked; `execution_time` is in seconds."""
    return {
        "trade_id": trade.trade_id,
        "decision_id": trade.trade_id,
        "timestamp": moment(trade.closed_ns),
        "strategy": trade.strategy,
        "principal": str(trade.principal),
        "asset": trade.asset,
        "instrument": trade.instrument_id,
        "hedge_instrument": trade.hedge_instrument_id or None,
        "side": "pair" if trade.hedge_instrument_id else trade.side,
        "opened": moment(trade.opened_ns),
        "closed": moment(trade.closed_ns),
        "entry_price": number(trade.entry_price),
        "quantity": number(trade.quantity),
        "entry_notional_usd": number(trade.entry_notional_usd),
        "gross_usd": number(trade.gross_usd),
        "fees_usd": number(trade.fees_usd),
        "funding_usd": number(trade.funding_usd),
        "profit": number(trade.net_usd),
        "net_usd": number(trade.net_usd),
        "net_bps": number(trade.net_bps),
        "r_multiple": number(trade.r_multiple),
        "exit_label": trade.exit_label,
        "execution_time": seconds(trade.execution_ns),
    }


def _reason(decision: Decision, findings: tuple[FindingView, ...]) -> str:
    """Return the headline; for a rejection it is among the findings and was put into words already."""
    for finding in findings:
        if finding.code is decision.primary and finding.status in (Status.FAILED, Status.UNKNOWN):
            return finding.sentence
    return headline(decision)


def _sized(decision: Decision) -> Content | None:
    order: SizedOrder | None = decision.order
    if order is None:
        return None
    return {
        "instrument": order.instrument_id,
        "side": order.side,
        "quantity": number(order.quantity),
        "notional_usd": number(order.notional_usd),
        "reference_price": number(order.reference_price),
        "limit_price": number(order.limit_price),
        "stop_loss_bps": number(order.stop_bps),
        "targets_bps": [number(target.bps) for target in order.targets],
    }


def _intended(event: OrderIntended) -> Content:
    order = event.order
    return {
        "client_order_id": order.client_order_id,
        "decision_id": order.decision_id,
        "timestamp": moment(event.ts_ns),
        "role": order.role,
        "state": order.state,
        "quantity": number(order.quantity),
        "instrument": order.instrument_id,
        "kind": order.kind,
        "side": _direction(order.buys),
        "price": number(order.price),
        "reduce_only": order.reduce_only,
        "detail": "",
    }


def _changed(event: OrderChanged) -> Content:
    return {
        "client_order_id": event.client_order_id,
        "decision_id": event.decision_id,
        "timestamp": moment(event.ts_ns),
        "role": event.role,
        "state": event.state,
        "quantity": number(event.quantity),
        "detail": event.detail,
    }


def _fill(fill: Fill, ts_ns: Nanoseconds) -> Content:
    return {
        "fill_id": fill.fill_id,
        "trade_id": fill.decision_id,
        "decision_id": fill.decision_id,
        "client_order_id": fill.client_order_id,
        "timestamp": moment(ts_ns),
        "instrument": fill.instrument_id,
        "role": fill.role,
        "side": _direction(fill.buys),
        "quantity": number(fill.quantity),
        "price": number(fill.price),
        "notional_usd": number(fill.notional_usd),
        "fee_usd": number(fill.fee_usd),
        "maker": fill.maker,
    }


def _halt(event: HaltLatched | HaltLifted | ReviewDone | FlattenStarted | FlattenEnded) -> Content:
    """Return one turn of the trading state; `change` says which, and only the fields that belong to it follow."""
    at: Content = {"timestamp": moment(event.ts_ns)}
    match event:
        case HaltLatched(_, halt):
            more = {"assets": halt.assets, "flattens": halt.flattens, "self_lifting": halt.self_lifting}
            return {"change": "latched", **at, "key": halt.key, "cause": halt.cause, "reason": halt.detail, **more}
        case HaltLifted():
            return {"change": "lifted", **at, "key": event.key, "cause": event.cause, "by": event.by, "reason": event.reason}
        case ReviewDone():
            return {"change": "reviewed", **at, "by": event.by, "reason": event.reason}
        case FlattenStarted():
            return {"change": "flatten_started", **at, "by": event.by, "reason": event.reason}
        case FlattenEnded():
            return {"change": "flatten_ended", **at, "flat": event.flat, "residual": event.residual}
        case _:
            assert_never(event)


def _feed(event: FeedChanged) -> Content:
    return {
        "channel": event.channel,
        "asset": event.asset,
        "fresh": event.fresh,
        "timestamp": moment(event.ts_ns),
        "detail": event.detail,
    }


def _direction(buys: bool) -> str:
    return "buy" if buys else "sell"
