"""Assumptions: what a replay may suppose where its tape is silent. Never in force outside replay.

In: `NAME=VALUE` texts from the command line. Out: values by name, most specific first (`positioning.SOL` before `positioning`).
A part supplied by an assumption carries the source `assumed`; what was observed is never overridden. Source: SPEC §6.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidegate.errors import InputError
from tidegate.model.snapshot import ASSUMED
from tidegate.units import parse, render

SOURCE = ASSUMED

# name -> what its value is
KNOWN: tuple[tuple[str, str], ...] = (
    ("positioning", "short share in per cent, 0 to 100"),
    ("funding_a", "bps per 8 h at the first funding venue"),
    ("funding_b", "bps per 8 h at the second funding venue"),
    ("open_interest", "24 h change in per cent"),
    ("health_factor", "ratio"),
    ("priority_fee", "micro-lamports per compute unit"),
    ("tip_ratio", "p50 tip over its 10-min baseline"),
    ("liquidations", "short liquidations in USD per 5 min"),
    ("spread_bps", "spread in bps"),
    ("depth_usd", "USD within 10 bps of the mid, both sides"),
    ("bands", "static"),
)
_ACCOUNT_WIDE = ("health_factor", "bands")
_SIGNED = ("funding_a", "funding_b", "open_interest")
_BANDS = "static"


class Assumptions(msgspec.Struct, frozen=True):
    """The assumptions of one replay: fixed-point values by name, and whether the static bands are taken as valid at any time."""

    values: dict[str, int] = {}
    bands_static: bool = False

    def get(self, name: str, asset: str = "") -> int | None:
        """Return the assumed value for an asset, else the one for every asset, else None."""
        if not self.values:
            return None
        value = self.values.get(f"{name}.{asset}")
        return self.values.get(name) if value is None else value

    def stated(self) -> tuple[str, ...]:
        """Return every assumption as `NAME=VALUE`, sorted, to be printed with every result."""
        numbers = [f"{name}={render(value)}" for name, value in sorted(self.values.items())]
        return tuple([*numbers, f"bands={_BANDS}"] if self.bands_static else numbers)

    @staticmethod
    def parse(texts: Sequence[str]) -> Assumptions:
        """Read `NAME=VALUE` or `NAME.ASSET=VALUE` texts; a later one replaces an earlier one of the same name. Raises InputError."""
        values: dict[str, int] = {}
        bands_static = False
        for text in texts:
            name, mark, value_text = text.partition("=")
            if not mark or not value_text:
                raise InputError("--assume", text, "NAME=VALUE such as positioning.SOL=52.5")
            base, _, asset = name.partition(".")
            _known(base, asset, text)
            if base == "bands":
                bands_static = _bands(value_text)
            else:
                values[name] = _value(base, name, value_text)
        return Assumptions(values, bands_static)


def _known(base: str, asset: str, text: str) -> None:
    names = [name for name, _ in KNOWN]
    if base not in names:
        raise InputError("--assume", text, f"one of {', '.join(names)}; NAME.ASSET for one asset")
    if base in _ACCOUNT_WIDE and asset:
        raise InputError("--assume", text, f"{base} without an asset: it is one for all")


def _bands(value_text: str) -> bool:
    if value_text != _BANDS:
        raise InputError("--assume bands", value_text, _BANDS)
    return True


def _value(base: str, name: str, value_text: str) -> int:
    try:
        value = parse(value_text)
    except InputError as error:
        raise InputError(f"--assume {name}", value_text, error.allowed) from error
    if value < 0 and base not in _SIGNED:
        raise InputError(f"--assume {name}", value_text, "a number >= 0")
    if base == "positioning" and value > parse("100"):
        raise InputError(f"--assume {name}", value_text, "a per cent from 0 to 100")
    return value
