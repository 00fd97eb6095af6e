"""What a bracket is worth before any signal: the one place that sets wins against losses, net of fees.

In: how far a win goes and a stop lies, in bps, and the instrument's fees. Out: a Payoff, with the win rate at which it breaks even.
Every leg pays the venue's taker fee, in and out: a target that rests may pay less, which nobody may count on. Spread and slippage come on
top, so the true break-even is higher. Source: SPEC §12 ("25 bps targets pay 10 bps of taker fees").
"""

from __future__ import annotations

import msgspec

from tidegate.model.instrument import Instrument
from tidegate.units import ONE, Bps, Pct


class Payoff(msgspec.Struct, frozen=True, gc=False):
    """What one entry wins at its target and loses at its stop, in bps of its notional, both net of fees. `win_bps` may be <= 0."""

    win_bps: Bps
    loss_bps: Bps

    @property
    def pays(self) -> bool:
        """Say whether a win covers its fees at all; if not, no win rate is enough."""
        return self.win_bps > 0

    @property
    def break_even_pct(self) -> Pct:
        """Return the share of wins, in per cent and rounded up, at which wins pay for losses; 100 when a win does not pay its fees."""
        if not self.pays:
            return 100 * ONE
        return -(-self.loss_bps * 100 * ONE // (self.win_bps + self.loss_bps))


def payoff(gain_bps: Bps, stop_bps: Bps, instrument: Instrument) -> Payoff:
    """Return the payoff of an entry that either gains `gain_bps` or loses `stop_bps`, each less the taker fee of both ways."""
    fees_bps = 2 * instrument.taker_bps
    return Payoff(gain_bps - fees_bps, stop_bps + fees_bps)
