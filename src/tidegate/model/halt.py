"""Halts: latched refusals of entries, with cause, scope, and who may lift them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.model.finding import Reason
from tidegate.units import Nanoseconds


class TradingState(StrEnum):
    """ACTIVE trades; REDUCING only closes (a flatten is under way); HALTED refuses entries. Exits are open in all three."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Halt(msgspec.Struct, frozen=True, gc=False):
    """One latched halt.

    `assets` empty means every asset. `self_lifting` halts (feed outage, clock) end by themselves after 60 s of good input; every other one
    ends only by a named human with a reason. INVARIANT: K2
    """

    cause: Reason
    since_ns: Nanoseconds
    detail: str
    assets: tuple[str, ...] = ()
    flattens: bool = False

    @property
    def key(self) -> str:
        """Return the key under which the session holds it: one latch per cause and asset."""
        return f"{self.cause}:{','.join(self.assets)}" if self.assets else str(self.cause)

    @property
    def self_lifting(self) -> bool:
        """Say whether it may lift itself."""
        return self.cause in (Reason.L4_FEED_OUTAGE, Reason.L4_CLOCK)

    def covers(self, asset: str) -> bool:
        """Say whether entries in `asset` are refused by this halt."""
        return not self.assets or asset in self.assets
