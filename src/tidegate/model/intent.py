"""Proposals and intents: what somebody asks for. Asking moves nothing."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.model.observation import Side
from tidegate.units import Bps, Nanoseconds, Price, Ratio, Usd


class Mode(StrEnum):
    """What a process trades with. One process runs one mode; there is no default branch. INVARIANT: M1"""

    PAPER = "paper"
    TEST = "test"
    LIVE = "live"

    @property
    def letter(self) -> str:
        """Return the letter that ids made in this mode carry after their first one: `IP...`, `DP...` for paper. INVARIANT: M3"""
        return self.value[0].upper()


class ModeCeiling(StrEnum):
    """How far a strategy or agent may go. SHADOW follows signals without using slots."""

    SHADOW = "shadow"
    PAPER = "paper"
    TEST = "test"
    LIVE = "live"


class PrincipalKind(StrEnum):
    """Who can ask."""

    OPERATOR = "operator"
    STRATEGY = "strategy"
    AGENT = "agent"
    SYSTEM = "system"


class Principal(msgspec.Struct, frozen=True, gc=False):
    """Who asked: identity comes from the process or the token, never from text."""

    kind: PrincipalKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class Invalidation(msgspec.Struct, frozen=True, gc=False):
    """A price that proves the idea wrong when held: `above` means holding above `price` for `hold_ns` invalidates."""

    price: Price
    above: bool
    hold_ns: Nanoseconds


class Proposal(msgspec.Struct, frozen=True):
    """What a strategy, an agent or the operator asks for, before defaults.

    `pair` accepts `BTC/USD`, `BTC/USDT` and `BTC/USDT:USDT`. `side` None means auto: a strategy with exactly one legal direction now uses it.
    `mode` None means PAPER. `stop_bps` None and empty `targets_bps` mean the strategy's defaults. `evidence` is free text: stored, shown
    escaped, never judged. `exchanges` names venues (`coinbase`, `okx`): the two of a pair, or the one the trade must be on. INVARIANT: B2
    """

    principal: Principal
    strategy: str
    pair: str
    notional_usd: Usd
    side: Side | None = None
    mode: Mode | None = None
    stop_bps: Bps | None = None
    targets_bps: tuple[Bps, ...] = ()
    limit_price: Price | None = None
    confidence: Ratio | None = None
    idempotency_key: str | None = None
    addresses: tuple[str, ...] = ()
    invalidation: Invalidation | None = None
    evidence: str = ""
    exchanges: tuple[str, ...] = ()


class Intent(msgspec.Struct, frozen=True):
    """A complete request to trade, not yet allowed. `stop_bps` None fails L1_STOP_MISSING. INVARIANT: G3

    `hold_ns` is the longest time the trade may stay open; `uptick_exit_ns` (0 = never) the age from which it leaves at the first uptick.
    A two-leg intent names both spot instruments, in the order of the configured venues, and its notional is per leg; which one is bought is
    the gate's to find in the snapshot, and `side` is LONG by convention.
    """

    intent_id: str
    received_ns: Nanoseconds
    principal: Principal
    strategy: str
    instrument_id: str
    asset: str
    side: Side
    notional_usd: Usd
    mode: Mode
    stop_bps: Bps | None
    targets_bps: tuple[Bps, ...]
    hold_ns: Nanoseconds
    uptick_exit_ns: Nanoseconds = 0
    invalidation: Invalidation | None = None
    limit_price: Price | None = None
    confidence: Ratio | None = None
    idempotency_key: str | None = None
    addresses: tuple[str, ...] = ()
    evidence: str = ""
    hedge_instrument_id: str = ""

    @property
    def is_pair(self) -> bool:
        """Say whether this is a two-leg intent."""
        return self.hedge_instrument_id != ""

    @property
    def way(self) -> str:
        """Return `long`, `short`, or `pair` for a two-leg intent, whose side says nothing: it buys and sells."""
        return "pair" if self.is_pair else str(self.side)

    @property
    def decision_id(self) -> str:
        """Return the id of the one decision about this intent. Client order ids derive from it. INVARIANT: X2"""
        return "D" + self.intent_id[1:]
