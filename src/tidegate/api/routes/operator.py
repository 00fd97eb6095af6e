"""The operator's routes: halt, lift, flatten, review, and starting or stopping the strategies.

In: admitted requests. Out: what is in force afterwards. Who did it is the token's name; a stated name is only kept with it. INVARIANT: B5 K2
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tidegate.api.door.admission import NO_TOKEN
from tidegate.api.endpoint import Answer, Call
from tidegate.api.wire.reads import HaltState, halt_state
from tidegate.api.wire.values import Time, moment
from tidegate.engine.engine import Engine
from tidegate.gate.intake import plain_text
from tidegate.model.finding import Reason

Why = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S", description="A few words on why; journaled.")]
By = Annotated[str, Meta(min_length=1, max_length=64, description="Who says so; journaled beside the token's own name, which counts.")]
Cause = Literal[
    "L4_SESSION_DRAWDOWN",
    "L4_LOSSES",
    "L4_HEALTH_FACTOR_CRITICAL",
    "L4_FEED_OUTAGE",
    "L4_RECONCILE",
    "L4_JOURNAL",
    "L4_CLOCK",
    "L4_OPERATOR",
]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operator's word: halt, flatten or review."""

    reason: Why
    by: By | None = None


class LiftOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End every halt of one cause."""

    cause: Cause
    reason: Why
    by: By | None = None


class StartOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let the strategies trade; `max_trades` can only tighten the day's entries."""

    max_trades: Annotated[int, Meta(ge=1, le=1_000)] | None = None


class StopOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let the strategies propose nothing more."""


class Standing(msgspec.Struct, frozen=True):
    """What is in force after an operator's word. `done` says it in words."""

    done: str
    state: str
    flattening: bool
    halts: tuple[HaltState, ...]
    strategies_enabled: bool
    entries_per_day_max: int
    open_trades: int
    time: Time


async def halt(call: Call) -> Answer:
    """Refuse every entry from here on; exits stay open."""
    await call.desk.halt(_who(call), plain_text(call.body.reason))
    return _standing(call.desk.engine, "halted: entries are refused until a named human lifts it; exits stay open")


async def flatten(call: Call) -> Answer:
    """Halt, cancel everything, close everything; it repeats by itself until the venue says flat."""
    await call.desk.flatten(_who(call), plain_text(call.body.reason))
    return _standing(call.desk.engine, "flatten started: everything is cancelled and closed, and the venue is asked until it says flat")


async def lift(call: Call) -> Answer:
    """End every halt of one cause. A named human with a reason; an agent never. INVARIANT: K2"""
    keys = await call.desk.lift(Reason(call.body.cause), _who(call), plain_text(call.body.reason))
    return _standing(call.desk.engine, f"lifted {', '.join(keys)}")


async def review(call: Call) -> Answer:
    """Record that the losses were reviewed: ends the two-loss pause, not the five-loss count."""
    await call.desk.review(_who(call), plain_text(call.body.reason))
    return _standing(call.desk.engine, "reviewed: the two-loss pause is cleared; the session's loss count stays")


async def start_strategies(call: Call) -> Answer:
    """Let the configured strategies propose."""
    effective = await call.desk.start_strategies(call.body.max_trades, _who(call))
    return _standing(call.desk.engine, f"strategies started: at most {effective} entries a day")


async def stop_strategies(call: Call) -> Answer:
    """Let them propose nothing more; open trades keep stops, targets and time limits."""
    await call.desk.stop_strategies(_who(call))
    return _standing(call.desk.engine, "strategies stopped; open trades keep their stops, targets and time limits")


def _who(call: Call) -> str:
    """Return who acts: the token's name first, which no text can change; the stated name after it. INVARIANT: B5"""
    name = call.admission.principal.name if call.admission.token_id != NO_TOKEN else f"{call.admission.principal.name} (no token)"
    stated = getattr(call.body, "by", None)
    return f"{name}, for {plain_text(stated)}" if stated else name


def _standing(engine: Engine, done: str) -> Answer:
    session = engine.session
    return Answer(
        200,
        Standing(
            done=done,
            state=str(session.state),
            flattening=session.flattening,
            halts=tuple(halt_state(each) for each in session.halts.values()),
            strategies_enabled=engine.strategies_enabled,
            entries_per_day_max=engine.limits.entries_per_day_max,
            open_trades=session.open_count,
            time=moment(engine.now_ns),
        ),
    )
