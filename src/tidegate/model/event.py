"""Events: the journaled facts. The session is their fold; nothing changes except through one of these. INVARIANT: J5

Each is tagged with its class name, which is also the record kind in the journal. Kinds and fields are never reused or renamed.
"""

from __future__ import annotations

import msgspec

from tidegate.model.decision import Decision
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.intent import Intent, Mode, Principal
from tidegate.model.limits import Limits
from tidegate.model.order import Fill, Order, OrderRole, OrderState
from tidegate.model.pair import PairEnd
from tidegate.model.snapshot import Snapshot
from tidegate.units import Nanoseconds, Quantity, Usd


class RunStarted(msgspec.Struct, frozen=True, tag=True):
    """A process opened this journal: the limits in force, the build, and what feeds it. The first record is always one of these."""

    ts_ns: Nanoseconds
    mode: Mode
    version: str
    feed: str
    limits: Limits


class DayStarted(msgspec.Struct, frozen=True, tag=True):
    """00:00 UTC passed: day P&L, entries, losses and the peak restart; `equity_usd` is the unrealised P&L carried over."""

    ts_ns: Nanoseconds
    day: int
    equity_usd: Usd


class IntentReceived(msgspec.Struct, frozen=True, tag=True):
    """Somebody asked. `request_hash` is the hash of the request's body where it carries an idempotency key. INVARIANT: S3"""

    ts_ns: Nanoseconds
    intent: Intent
    request_hash: str = ""


class DecisionMade(msgspec.Struct, frozen=True, tag=True):
    """The gate answered; an approval reserves in the same step. `snapshot` is what it saw, so that anyone can decide again. INVARIANT: R2

    `principal` and `strategy` repeat the intent's, so that the reservation needs no look back.
    """

    ts_ns: Nanoseconds
    decision: Decision
    snapshot: Snapshot
    principal: Principal
    strategy: str


class OrderIntended(msgspec.Struct, frozen=True, tag=True):
    """An order is about to leave: durable before it is sent. INVARIANT: X3"""

    ts_ns: Nanoseconds
    order: Order


class OrderChanged(msgspec.Struct, frozen=True, tag=True):
    """The venue said something about an order other than a fill. `quantity` is its (possibly amended) total quantity.

    `decision_id` and `role` repeat the order's, so that a terminal fact about an entry finds its reservation. INVARIANT: S6
    """

    ts_ns: Nanoseconds
    client_order_id: str
    decision_id: str
    role: OrderRole
    state: OrderState
    quantity: Quantity
    detail: str = ""


class Filled(msgspec.Struct, frozen=True, tag=True):
    """The venue executed."""

    ts_ns: Nanoseconds
    fill: Fill


class PairClosed(msgspec.Struct, frozen=True, tag=True):
    """Every order of a two-leg trade is over and both legs are even: its profit is final. INVARIANT: S6"""

    ts_ns: Nanoseconds
    trade_id: str
    end: PairEnd


class FundingPaid(msgspec.Struct, frozen=True, tag=True):
    """A funding settlement of one open trade: `usd` > 0 was received."""

    ts_ns: Nanoseconds
    trade_id: str
    usd: Usd


class FundingSkipped(msgspec.Struct, frozen=True, tag=True):
    """A funding settlement of one open trade could not be booked, and why: a rate or mark that is missing or stale is never applied."""

    ts_ns: Nanoseconds
    trade_id: str
    detail: str


class EquityMarked(msgspec.Struct, frozen=True, tag=True):
    """Marked session equity made a new peak, went under the drawdown limit, or came back from under it. Only these marks are journaled.

    `below` is True while drawdown >= limit on fresh books.
    """

    ts_ns: Nanoseconds
    equity_usd: Usd
    below: bool


class HealthRead(msgspec.Struct, frozen=True, tag=True):
    """The health factor crossed the critical line: `critical` while it is under it. Only crossings are journaled."""

    ts_ns: Nanoseconds
    value: int
    critical: bool


class HaltLatched(msgspec.Struct, frozen=True, tag=True):
    """A halt is in force from here on, also after a restart. INVARIANT: K2"""

    ts_ns: Nanoseconds
    halt: Halt


class HaltLifted(msgspec.Struct, frozen=True, tag=True):
    """A halt ended: by a named human with a reason, or (self-lifting causes) by `system`.

    `equity_usd` re-bases the drawdown peak when the cause is L4_SESSION_DRAWDOWN.
    """

    ts_ns: Nanoseconds
    key: str
    cause: Reason
    by: str
    reason: str
    equity_usd: Usd


class ReviewDone(msgspec.Struct, frozen=True, tag=True):
    """The operator reviewed the losses: clears the 2-loss pause, not the 5-loss count."""

    ts_ns: Nanoseconds
    by: str
    reason: str


class FlattenStarted(msgspec.Struct, frozen=True, tag=True):
    """Everything is being cancelled and closed."""

    ts_ns: Nanoseconds
    by: str
    reason: str


class FlattenEnded(msgspec.Struct, frozen=True, tag=True):
    """The venue was re-read: `flat`, or what is left."""

    ts_ns: Nanoseconds
    flat: bool
    residual: str


class FeedChanged(msgspec.Struct, frozen=True, tag=True):
    """A feed of an asset became stale or fresh (for the record; the session does not use it)."""

    ts_ns: Nanoseconds
    channel: str
    asset: str
    fresh: bool
    detail: str


class RunEnded(msgspec.Struct, frozen=True, tag=True):
    """An orderly end. Its absence at the next start says that the process died."""

    ts_ns: Nanoseconds
    detail: str


Event = (
    RunStarted
    | DayStarted
    | IntentReceived
    | DecisionMade
    | OrderIntended
    | OrderChanged
    | Filled
    | PairClosed
    | FundingPaid
    | FundingSkipped
    | EquityMarked
    | HealthRead
    | HaltLatched
    | HaltLifted
    | ReviewDone
    | FlattenStarted
    | FlattenEnded
    | FeedChanged
    | RunEnded
)
