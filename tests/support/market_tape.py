"""A hand-made tape: closes in, 30 s bars through a real `MarketState`, proposals of one strategy out.

In: closes (or whole bars) as decimal text or numbers. Out: what the strategy asked for. The clock starts at `START`, a whole minute.
"""

from __future__ import annotations

from typing import Any

from tests.support import gate_world
from tidegate.model.intent import Proposal
from tidegate.model.observation import Bar, Channel, MarketEvent, Observation
from tidegate.snapshot.assumptions import Assumptions
from tidegate.snapshot.bands import BandSettings
from tidegate.snapshot.state import MarketState
from tidegate.strategy import roster
from tidegate.strategy.settings import StrategySettings
from tidegate.units import HOUR_NS, SECOND_NS, fixed

START = 1_760_875_200 * SECOND_NS
STATIC_BANDS = BandSettings(set_ns=START - HOUR_NS)


def market(bands: BandSettings = STATIC_BANDS, assume: tuple[str, ...] = (), **limit_changes: Any) -> MarketState:
    """Return a market that has heard nothing."""
    return MarketState(gate_world.limits(**limit_changes), Assumptions.parse(assume), bands)


def bar_at(index: int, asset: str, before: int, close: int, **changes: Any) -> Bar:
    """Return bar number `index` from `before` to `close`; `high`, `low`, `volume`, `delta` may be given. Delta follows the move."""
    start_ns = START + index * 30 * SECOND_NS
    high = changes.get("high", max(before, close))
    low = changes.get("low", min(before, close))
    volume = changes.get("volume", fixed(10))
    delta = changes.get("delta", fixed(2) if close > before else fixed(-2))
    return Bar(
        f"okx:{asset}-USDT-SWAP",
        asset,
        start_ns,
        start_ns + 30 * SECOND_NS,
        before,
        high,
        low,
        close,
        volume,
        delta,
        False,
    )


def fee_at(second: int, value: int | str, channel: Channel = Channel.PRIORITY_FEE) -> Observation:
    """Return a fee observation of SOL, `second` seconds after the start."""
    at_ns = START + second * SECOND_NS
    return Observation(channel, "SOL", "rpc", fixed(value), "rpc", at_ns, at_ns, 0)


class StrategyRun:
    """One strategy from the roster on one market."""

    def __init__(
        self, key: str, market_state: MarketState | None = None, settings: StrategySettings | None = None
    ) -> None:
        self.market = market_state or market()
        built = roster.build(gate_world.limits(), settings or StrategySettings())
        self.strategy = next(each for each in built if each.key == key)
        self.tape = self.market.asset(self.strategy.asset)
        self.state = self.strategy.initial()
        self.index = 0
        self.close = 0
        self.proposals: list[Proposal] = []

    def bar(self, close: int | str, peer: Proposal | None = None, **changes: Any) -> Proposal | None:
        """Close one bar; prices, volume and delta are given as numbers or decimal text."""
        exact = {name: fixed(value) for name, value in changes.items()}
        made = bar_at(self.index, self.strategy.asset, self.close or fixed(close), fixed(close), **exact)
        self.index, self.close = self.index + 1, made.close
        return self.event(made, peer)

    def path(self, *closes: int | str) -> list[Proposal]:
        """Close one bar a close; return the proposals made on the way."""
        return [proposal for close in closes if (proposal := self.bar(close)) is not None]

    def event(self, event: MarketEvent, peer: Proposal | None = None) -> Proposal | None:
        """Apply one event and step the strategy."""
        self.market.apply(event)
        self.state, proposal = self.strategy.step(self.state, self.tape, peer)
        if proposal is not None:
            self.proposals.append(proposal)
        return proposal
