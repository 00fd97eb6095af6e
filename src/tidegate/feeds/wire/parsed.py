"""What a parser returns: events, and the two kinds of half-fact that need a memory."""

from __future__ import annotations

from tidegate.feeds.wire.depth import Depth
from tidegate.feeds.wire.open_interest import OiPoint
from tidegate.feeds.wire.outcome import Outcome
from tidegate.model.observation import MarketEvent

Wire = MarketEvent | Depth | OiPoint
"""`Depth` goes to a `LocalBook`, `OiPoint` to `open_interest.change_24h`; all else is ready for the engine."""

Parsed = tuple[Wire, ...]
Answer = Parsed | Outcome
