"""SOL priority-fee shock fade: when a fee shock decays fast, fade price back to its 30-min VWAP.

In: the SOL tape at each priority-fee reading (and at bar closes, which bring nothing new). Out: a short above the VWAP, a long below it.
Tips only size it down and widen its stop: that is the gate's. Source: SPEC §4; the seed's checklist 5: only after spike, then decay.

A shock begins when the smoothed fee is > 3x its baseline. Its peak is the highest smoothed fee since. A fall of >= 40 % from the peak within
120 s of the peak triggers once; slower than that and the shock is spent. Either way the next shock needs the fee back at <= 3x baseline.
"""

from __future__ import annotations

import msgspec

from tidegate.model.intent import Proposal
from tidegate.model.observation import Side
from tidegate.model.snapshot import Reading
from tidegate.strategy.ask import Asker
from tidegate.strategy.port import Tape
from tidegate.strategy.settings import FeeFadeSettings
from tidegate.units import ONE, SECOND_NS, Nanoseconds, render, share_of


class FeeFadeState(msgspec.Struct, frozen=True, gc=False):
    """What the strategy remembers. `peak` 0 means no shock; `spent` that the shock had its chance; `seen_ns` the last fee looked at."""

    seen_ns: Nanoseconds = 0
    peak: int = 0
    peak_ns: Nanoseconds = 0
    spent: bool = False


IDLE = FeeFadeState()


class FeeFade:
    """The strategy. Holds parameters only; its memory is the state passed in."""

    __slots__ = ("_ask", "_settings", "asset", "key")

    def __init__(self, ask: Asker, settings: FeeFadeSettings) -> None:
        self._ask = ask
        self._settings = settings
        self.key = ask.rules.key
        self.asset = ask.asset

    def initial(self) -> FeeFadeState:
        """Return the idle state."""
        return IDLE

    def step(self, state: FeeFadeState, tape: Tape, peer: Proposal | None) -> tuple[FeeFadeState, Proposal | None]:
        """Look at the newest fee reading; nothing happens without a new one."""
        if tape.fee_observed_ns == state.seen_ns:
            return state, None
        fee = tape.priority_fee
        baseline = tape.priority_fee_baseline(self._settings.baseline_ns)
        if not isinstance(fee, Reading) or baseline is None:
            return FeeFadeState(tape.fee_observed_ns, state.peak, state.peak_ns, state.spent), None
        shocked = fee.value > share_of(baseline, self._settings.shock_ratio)
        if state.spent:
            return FeeFadeState(fee.observed_ns, spent=shocked), None
        if not state.peak:
            return (
                FeeFadeState(fee.observed_ns, fee.value, fee.observed_ns) if shocked else FeeFadeState(fee.observed_ns)
            ), None
        return self._follow_shock(state, tape, fee, shocked)

    def _follow_shock(
        self, state: FeeFadeState, tape: Tape, fee: Reading, shocked: bool
    ) -> tuple[FeeFadeState, Proposal | None]:
        if fee.value > state.peak:
            return FeeFadeState(fee.observed_ns, fee.value, fee.observed_ns), None
        waited_ns = fee.observed_ns - state.peak_ns
        if waited_ns > self._settings.decay_within_ns:
            return FeeFadeState(fee.observed_ns, spent=shocked), None
        if (state.peak - fee.value) * 100 * ONE < state.peak * self._settings.decay_pct:
            return FeeFadeState(fee.observed_ns, state.peak, state.peak_ns), None
        return FeeFadeState(fee.observed_ns, spent=shocked), self._fade(state, tape, fee)

    def _fade(self, state: FeeFadeState, tape: Tape, fee: Reading) -> Proposal | None:
        price, vwap = tape.last_price, tape.vwap(self._settings.vwap_ns)
        if price is None or vwap is None or price == vwap:
            return None
        side = Side.SHORT if price > vwap else Side.LONG
        waited_s = (fee.observed_ns - state.peak_ns) // SECOND_NS
        evidence = (
            f"priority fee peaked at {render(state.peak)} and fell to {render(fee.value)} in {waited_s} s; "
            f"price {render(price)} {'above' if side is Side.SHORT else 'below'} 30-min VWAP {render(vwap)}"
        )
        return self._ask.propose(side, evidence)
