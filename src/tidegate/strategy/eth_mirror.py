"""ETH mirror: follow a BTC range-scalp trigger once ETH confirms on its own 5-min extreme.

In: the ETH tape, and the BTC proposal of the same instant if there was one. Out: a proposal on the same side, once a BTC trigger.
Source: SPEC §4.

Confirmed long: the bar closes above the high of the bar that made the lowest low of the last 5 minutes (the first such bar at a tie; never
itself). Short mirrored: the bar closes below the low of the bar that made the highest high. The 5 minutes must be there in full. It may
confirm at the instant of the trigger or up to 120 s later; a newer trigger replaces an older one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidegate.model.intent import Proposal
from tidegate.model.observation import Bar, Side
from tidegate.strategy.ask import Asker
from tidegate.strategy.port import Tape
from tidegate.strategy.settings import MirrorSettings
from tidegate.units import SECOND_NS, Nanoseconds, render


class MirrorState(msgspec.Struct, frozen=True, gc=False):
    """What the strategy remembers: the side and time of the trigger that still waits for its confirmation."""

    side: Side | None = None
    triggered_ns: Nanoseconds = 0


IDLE = MirrorState()


class Mirror:
    """The strategy. Holds parameters only; its memory is the state passed in. `leader` is the key of the strategy it follows."""

    __slots__ = ("_ask", "_leader", "_settings", "asset", "key")

    def __init__(self, ask: Asker, settings: MirrorSettings, leader: str) -> None:
        self._ask = ask
        self._settings = settings
        self._leader = leader
        self.key = ask.rules.key
        self.asset = ask.asset

    def initial(self) -> MirrorState:
        """Return the idle state."""
        return IDLE

    def step(self, state: MirrorState, tape: Tape, peer: Proposal | None) -> tuple[MirrorState, Proposal | None]:
        """Look at one closed 30 s bar; `peer` is what the leader proposed at this instant."""
        if peer is None and state.side is None:
            return state, None
        bar = tape.bar
        if peer is not None and peer.side is not None and peer.strategy == self._leader:
            state = MirrorState(peer.side, bar.end_ns if bar is not None else tape.now_ns)
        if state.side is None or bar is None:
            return state, None
        waited_ns = bar.end_ns - state.triggered_ns
        if waited_ns > self._settings.confirm_within_ns:
            return IDLE, None
        broken = _confirmed(state.side, bar, tape.recent(self._settings.extreme_ns), self._settings.extreme_ns)
        if broken is None:
            return state, None
        return IDLE, self._ask.propose(state.side, self._evidence(state.side, bar, broken, waited_ns))

    def _evidence(self, side: Side, bar: Bar, broken: Bar, waited_ns: Nanoseconds) -> str:
        low_side = side is Side.LONG
        extreme, edge = (broken.low, broken.high) if low_side else (broken.high, broken.low)
        return (
            f"{self._leader} triggered {side} {waited_ns // SECOND_NS} s ago; {self.asset} closed {render(bar.close)} "
            f"{'above' if low_side else 'below'} {render(edge)}, the {'high' if low_side else 'low'} of the bar of its 5-min "
            f"{'low' if low_side else 'high'} {render(extreme)}"
        )


def _confirmed(side: Side, bar: Bar, bars: Sequence[Bar], window_ns: Nanoseconds) -> Bar | None:
    """Return the bar of the extreme that this close has broken, or None."""
    if not bars or bars[0].start_ns > bar.end_ns - window_ns:
        return None
    if side is Side.LONG:
        lowest = min(bars, key=lambda each: each.low)
        return lowest if bar.close > lowest.high else None
    highest = max(bars, key=lambda each: each.high)
    return highest if bar.close < highest.low else None
