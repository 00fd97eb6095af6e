"""Who may do what at the front door: levels, and the admission that a request earned.

In: what the guard found out about a request. Out: an `Admission`, the only thing handlers may believe about who asks. INVARIANT: A2 B5
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from tidegate.model.intent import Principal, PrincipalKind


class Level(IntEnum):
    """What a route needs and a token gives, in order: each level includes the ones below it.

    PUBLIC is no token's level: it marks the few routes that must answer before anybody can have a token (the operator page and the
    redemption of its one-time code). Host, Origin, client address and rate hold for them too, and they are public on loopback only.
    """

    PUBLIC = 0
    READ = 1
    PROPOSE = 2
    OPERATE = 3

    @property
    def word(self) -> str:
        """Return the level as operators write it: `propose`."""
        return self.name.lower()


class Admission(msgspec.Struct, frozen=True, gc=False):
    """One admitted request. `token_id` names the token without being it (`none` for a tokenless caller), and may be logged."""

    principal: Principal
    level: Level
    token_id: str


LOCAL: Final = Principal(PrincipalKind.AGENT, "local")
NO_TOKEN: Final = "none"  # noqa: S105 - the absence of one
