"""XRP corridor: buy a dip under the 5-min VWAP at its first up-tick bar. Never sells.

In: the XRP tape. Out: a long proposal, once a dip. Source: SPEC §4; the seed's checklist 6.

At one bar close all must hold: close > the close before (so the dip came first), delta > 0, and the close still under the 5-min VWAP by >=
max(30 bps of the VWAP, 3x the 30-min median 1-min range). A dip has had its proposal until a bar closes less than 30 bps under the VWAP.
"""

from __future__ import annotations

import msgspec

from tidegate.model.intent import Proposal
from tidegate.model.observation import Bar, Side
from tidegate.strategy.ask import Asker
from tidegate.strategy.port import Tape
from tidegate.strategy.settings import CorridorSettings
from tidegate.units import Nanoseconds, Price, bps_of_up, change_bps, render, share_of


class CorridorState(msgspec.Struct, frozen=True, gc=False):
    """What the strategy remembers: when the present dip got its proposal, 0 for none."""

    proposed_ns: Nanoseconds = 0


IDLE = CorridorState()


class Corridor:
    """The strategy. Holds parameters only; its memory is the state passed in."""

    __slots__ = ("_ask", "_settings", "asset", "key")

    def __init__(self, ask: Asker, settings: CorridorSettings) -> None:
        self._ask = ask
        self._settings = settings
        self.key = ask.rules.key
        self.asset = ask.asset

    def initial(self) -> CorridorState:
        """Return the idle state."""
        return IDLE

    def step(self, state: CorridorState, tape: Tape, peer: Proposal | None) -> tuple[CorridorState, Proposal | None]:
        """Look at one closed 30 s bar."""
        bar = tape.bar
        if bar is None:
            return state, None
        if state.proposed_ns:
            return self._after_proposal(state, tape, bar), None
        if bar.delta <= 0:
            return state, None
        previous = tape.previous
        if previous is None or bar.close <= previous.close:
            return state, None
        high = tape.high_since(self._settings.vwap_ns)
        if high is None or high - bar.close < bps_of_up(high, self._settings.dip_bps):
            return state, None  # no average can be above the high: the cheap look spares most of the dear ones
        vwap = tape.vwap(self._settings.vwap_ns)
        if vwap is None or vwap - bar.close < bps_of_up(vwap, self._settings.dip_bps):
            return state, None
        proposal = self._propose(tape, bar, vwap)
        return (state if proposal is None else CorridorState(bar.end_ns)), proposal

    def _propose(self, tape: Tape, bar: Bar, vwap: Price) -> Proposal | None:
        median = tape.minute_range_median(self._settings.range_ns)
        if median is None or vwap - bar.close < share_of(median, self._settings.range_ratio):
            return None
        evidence = (
            f"close {render(bar.close)} is {render(-change_bps(bar.close, vwap), 2)} bps under 5-min VWAP {render(vwap)} "
            f"(median 1-min range {render(median)}), up-tick bar with delta +{render(bar.delta)} {self.asset}"
        )
        return self._ask.propose(Side.LONG, evidence)

    def _after_proposal(self, state: CorridorState, tape: Tape, bar: Bar) -> CorridorState:
        vwap = tape.vwap(self._settings.vwap_ns)
        over = vwap is None or vwap - bar.close < bps_of_up(vwap, self._settings.dip_bps)
        return IDLE if over else state
