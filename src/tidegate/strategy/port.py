"""The doors of the strategy room: what a strategy may read, and what a strategy is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from tidegate.model.intent import Proposal
from tidegate.model.observation import Bar
from tidegate.model.snapshot import Band, BookView, Missing, Reading
from tidegate.units import HOUR_NS, Nanoseconds, Price

TAPE_REACH_NS = HOUR_NS
State = TypeVar("State")


class Tape(Protocol):
    """One asset's recent past. Windows hold the 30 s bars that ended in `(now - window, now]` and reach back `TAPE_REACH_NS` at most."""

    @property
    def asset(self) -> str:
        """Return the asset's name."""
        ...

    @property
    def now_ns(self) -> Nanoseconds:
        """Return the time of the newest event of this asset."""
        ...

    @property
    def bar(self) -> Bar | None:
        """Return the 30 s bar just closed; None before the first one."""
        ...

    @property
    def previous(self) -> Bar | None:
        """Return the 30 s bar before `bar`."""
        ...

    @property
    def minute(self) -> Bar | None:
        """Return the 60 s bar that closed together with `bar`; None in mid-minute."""
        ...

    @property
    def last_price(self) -> Price | None:
        """Return the newest trade price or bar close."""
        ...

    @property
    def fee_observed_ns(self) -> Nanoseconds:
        """Return the source's time of the newest priority fee, 0 for none."""
        ...

    @property
    def priority_fee(self) -> Reading | Missing:
        """Return the smoothed p50 priority fee in micro-lamports per compute unit."""
        ...

    @property
    def tip_ratio(self) -> Reading | Missing:
        """Return the p50 tip over its 10-min baseline."""
        ...

    @property
    def book(self) -> BookView | Missing:
        """Return the last book."""
        ...

    def recent(self, window_ns: Nanoseconds) -> Sequence[Bar]:
        """Return the window's bars, oldest first."""
        ...

    def vwap(self, window_ns: Nanoseconds) -> Price | None:
        """Return the volume-weighted average price; None without volume."""
        ...

    def minute_range_median(self, window_ns: Nanoseconds) -> Price | None:
        """Return the median high - low of the window's minutes in USD; None with too little history."""
        ...

    def low_since(self, window_ns: Nanoseconds) -> Price | None:
        """Return the lowest price of the window."""
        ...

    def high_since(self, window_ns: Nanoseconds) -> Price | None:
        """Return the highest price of the window."""
        ...

    def lower_band(self) -> Band | None:
        """Return the lower band in play before `bar`; None when no source is valid."""
        ...

    def upper_band(self) -> Band | None:
        """Return the upper band in play before `bar`; None when no source is valid."""
        ...

    def priority_fee_baseline(self, window_ns: Nanoseconds) -> int | None:
        """Return the floored fee baseline; None with too little history."""
        ...


class Strategy(Protocol[State]):
    """A trigger with a memory: a pure function of the tape, its own state and (ETH) the proposal of a peer at the same instant."""

    @property
    def key(self) -> str:
        """Return the strategy's key in the limits."""
        ...

    @property
    def asset(self) -> str:
        """Return the asset whose tape it reads and trades."""
        ...

    def initial(self) -> State:
        """Return the state before anything was seen."""
        ...

    def step(self, state: State, tape: Tape, peer: Proposal | None) -> tuple[State, Proposal | None]:
        """Look once; return the next state (the same object when nothing changed) and what to ask for, if anything."""
        ...
