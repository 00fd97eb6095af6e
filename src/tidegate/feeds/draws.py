"""Draws: a small counter-based random source, the same on every machine and every run, in integers only.

The state is the seed's hash plus a counter (SplitMix64), so a stream never depends on another stream's use.
"""

from __future__ import annotations

from hashlib import sha256

from tidegate.units import ONE

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_MEAN_OF_4 = 2 * 0xFFFF
_DEVIATION_OF_4 = 37_837  # standard deviation of the sum of four uniform 16-bit numbers


class Draws:
    """One independent stream of draws, named so that adding a stream changes no other."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, stream: str) -> None:
        self._state = int.from_bytes(sha256(f"{seed}/{stream}".encode()).digest()[:8], "big")

    def bits(self) -> int:
        """Return 64 random bits."""
        self._state = state = (self._state + _STEP) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        return state ^ (state >> 31)

    def normal(self) -> int:
        """Return a fixed-point draw with mean 0 and deviation 1, never beyond 3.5: a sum of four uniforms."""
        bits = self.bits()
        total = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
        return (total - _MEAN_OF_4) * ONE // _DEVIATION_OF_4
