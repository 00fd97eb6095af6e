"""The run told line by line, for pipes, logs and `--plain`: one line an event that matters.

In: recorded events (a chronicle listener). Out: lines such as `2025-10-19 12:32:30 decision REJECTED short BTC ... L2_SHORTS_CROWDED: ...`.
"""

from __future__ import annotations

from collections.abc import Callable

from tidegate.cli.words import price, signed, when
from tidegate.engine.verdicts import verdict_line
from tidegate.journal.record import Record
from tidegate.model.event import (
    DayStarted,
    DecisionMade,
    Event,
    FeedChanged,
    Filled,
    FlattenEnded,
    FlattenStarted,
    FundingPaid,
    HaltLatched,
    HaltLifted,
    IntentReceived,
    PairClosed,
    ReviewDone,
    RunEnded,
    RunStarted,
)
from tidegate.model.intent import Intent
from tidegate.model.session import Session
from tidegate.session.pnl import trade_after
from tidegate.units import render


class PlainLines:
    """Turns events into lines. It keeps the session before each event, so that a fill can be told as the close of its trade."""

    def __init__(self, emit: Callable[[str], None], session: Session) -> None:
        self._emit = emit
        self._asked: Intent | None = None
        self._before = session

    def note(self, session: Session, event: Event) -> None:
        """Tell one event; `session` is the one after it."""
        before, self._before = self._before, session
        if isinstance(event, IntentReceived):
            self._asked = event.intent
            return
        for line in told(event, before, self._asked):
            self._emit(f"{when(event.ts_ns)}  {line}")


def listener(emit: Callable[[str], None], session_of: Callable[[], Session]) -> Callable[[Record, Event], None]:
    """Return a chronicle listener that tells every event that matters."""
    lines = PlainLines(emit, session_of())
    return lambda record, event: lines.note(session_of(), event)


def told(event: Event, before: Session, asked: Intent | None) -> tuple[str, ...]:
    """Return the lines of one event; `before` is the session before it, `asked` the intent received last."""
    match event:
        case RunStarted():
            return (f"start     {str(event.mode).upper()} {event.feed}",)
        case DecisionMade():
            return (_decision(event, asked),)
        case Filled():
            return _fill(event, before)
        case PairClosed():
            return _pair_end(event, before)
        case FundingPaid():
            return (f"funding   {signed(event.usd, 4)} USD",)
        case HaltLatched(_, halt):
            whom = ",".join(halt.assets) or "every asset"
            return (
                f"HALT      {halt.cause} for {whom}: {halt.detail}{'; closing everything' if halt.flattens else ''}",
            )
        case HaltLifted():
            return (f"lifted    {event.key} by {event.by}: {event.reason}",)
        case ReviewDone():
            return (f"review    by {event.by}: {event.reason}",)
        case FlattenStarted():
            return (f"flatten   started by {event.by}: {event.reason}",)
        case FlattenEnded():
            return (f"flatten   {'flat, the venue confirms' if event.flat else 'not flat: ' + event.residual}",)
        case FeedChanged():
            return (f"feed      {event.detail}",)
        case DayStarted():
            return ("day       a new UTC day: day P&L, entries and losses start again",)
        case RunEnded():
            return (f"end       {event.detail}",)
        case _:
            return ()


def _pair_end(event: PairClosed, before: Session) -> tuple[str, ...]:
    pair = before.pairs.get(event.trade_id)
    if pair is None:
        return (f"closed    pair {event.trade_id}: neither leg was filled",)
    return (f"closed    {pair.strategy} pair {pair.asset} by {event.end}: {signed(pair.net_usd, 4)} USD net",)


def _decision(event: DecisionMade, asked: Intent | None) -> str:
    line = verdict_line(event, asked)
    verdict = "APPROVED" if line.approved else "REJECTED"
    why = f"{line.primary}: {line.sentence}" if line.primary else line.sentence
    what = f"{line.strategy} {line.way} {line.asset} {render(line.notional_usd, 2)} USD"
    return "  ".join(part for part in (verdict, what, why, f"[{line.decision_id}]") if part)


def _fill(event: Filled, before: Session) -> tuple[str, ...]:
    fill = event.fill
    verb = "buys" if fill.buys else "sells"
    cost = f"fee {render(fill.fee_usd, 4)} USD {'maker' if fill.maker else 'taker'}"
    line = f"fill      {fill.role} {verb} {render(fill.quantity)} {fill.instrument_id} at {price(fill.price)}, {cost}"
    after = trade_after(before, fill, event.ts_ns)
    if after is None or not after.closed_ns:
        return (line,)
    return (
        line,
        f"closed    {after.strategy} {after.side} {after.asset} by {after.exit_label}: {signed(after.realised_usd, 4)} USD net",
    )
