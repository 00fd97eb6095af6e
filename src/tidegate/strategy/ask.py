"""How a strategy asks: its rules' size, stop and targets, in the words of a `Proposal`."""

from __future__ import annotations

import msgspec

from tidegate.model.intent import Invalidation, Mode, Principal, PrincipalKind, Proposal
from tidegate.model.limits import StrategyRules
from tidegate.model.observation import Side
from tidegate.units import share_of


class Asker(msgspec.Struct, frozen=True):
    """What every proposal of one strategy has in common."""

    rules: StrategyRules
    asset: str
    mode: Mode

    def propose(self, side: Side, evidence: str, invalidation: Invalidation | None = None) -> Proposal | None:
        """Ask for base notional x the side's multiplier, applied here and nowhere else; None when the rules lack that side."""
        side_rules = self.rules.sides.get(side)
        if side_rules is None:
            return None
        return Proposal(
            principal=Principal(PrincipalKind.STRATEGY, self.rules.key),
            strategy=self.rules.key,
            pair=f"{self.asset}/USDT:USDT",
            notional_usd=share_of(self.rules.base_notional_usd, side_rules.size_multiplier),
            side=side,
            mode=self.mode,
            stop_bps=side_rules.stop_bps,
            targets_bps=side_rules.targets_bps,
            invalidation=invalidation,
            evidence=evidence,
        )
