"""A desk for engine tests: a production engine on a calm market, with its journal and venue, ready to trade at once.

In: a journal (or none: one in memory). Out: the engine, the clock in plain seconds, and proposals that are approved when nothing stands against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec.structs import replace

from tests.support.world_market import FeedFaults, WorldMarket
from tests.support.world_venue import FaultyVenue, VenueFaults
from tidegate.config.load import load
from tidegate.engine.approvals import DurableApprovals
from tidegate.engine.chronicle import Chronicle
from tidegate.engine.engine import Engine
from tidegate.engine.recovery import recover_engine
from tidegate.journal.port import Journal
from tidegate.journal.record import Record
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.event import RunStarted
from tidegate.model.intent import Mode, Principal, PrincipalKind, Proposal
from tidegate.model.limits import Limits
from tidegate.model.observation import Side
from tidegate.snapshot.assumptions import Assumptions
from tidegate.snapshot.state import MarketState
from tidegate.units import DAY_NS, HOUR_NS, SECOND_NS, fixed
from tidegate.venues.paper import PaperVenue

SETTINGS = load()
START_NS = 20_380 * DAY_NS + 9 * HOUR_NS
OPERATOR = Principal(PrincipalKind.OPERATOR, "anna")
PICKS = (
    ("BTC_range_scalp", "BTC"),
    ("ETH_mirror_btc", "ETH"),
    ("SOL_priority_fee_shock_fade", "SOL"),
    ("XRP_corridor_guard", "XRP"),
)


def eager_limits(**changes: object) -> Limits:
    """Return the product's limits without cooldowns, so that slots are what binds."""
    limits = SETTINGS.limits(Mode.PAPER)
    strategies = {
        key: replace(rules, entries_per_day_max=60, cooldown_ns=0) for key, rules in limits.strategies.items()
    }
    return replace(limits, strategies=strategies, intents_per_second_max=1_000, intents_per_minute_max=1_000, **changes)


def ask(
    place: int, usd: str = "33", key: str | None = None, name: str = "anna", side: Side | None = Side.LONG
) -> Proposal:
    """Return the n-th pick: a long of one of the four assets."""
    strategy, asset = PICKS[place % len(PICKS)]
    return Proposal(replace(OPERATOR, name=name), strategy, f"{asset}/USDT", fixed(usd), side, idempotency_key=key)


class Desk:
    """One engine in virtual time. `second` moves the market on; `restarted` gives the desk of the next process."""

    def __init__(
        self,
        journal: Journal | None = None,
        limits: Limits | None = None,
        *,
        side: object | None = None,
        read_back: Sequence[Record] = (),
        market: WorldMarket | None = None,
        at_ns: int = START_NS,
        state: MarketState | None = None,
        faults: VenueFaults | None = None,
    ) -> None:
        self.limits = limits if limits is not None else eager_limits()
        self.journal: Journal = journal if journal is not None else MemoryJournal("paper")
        self.market = market if market is not None else WorldMarket(Random(7), self.limits, FeedFaults(), 1)
        self.now_ns = at_ns
        approvals = DurableApprovals(self.journal, True)
        self.paper = PaperVenue(self.limits.instruments, SETTINGS.paper, approvals.known)
        self.line = FaultyVenue(self.paper, faults or VenueFaults(), Random(7), lambda _order: None)
        chronicle = Chronicle(self.journal, Mode.PAPER, side)  # type: ignore[arg-type]
        chronicle.listen(approvals.note)
        self.state = state if state is not None else MarketState(self.limits, Assumptions(), SETTINGS.bands)
        self.engine = Engine(self.limits, self.state, self.line if faults is not None else self.paper, chronicle, ())
        started = RunStarted(at_ns, Mode.PAPER, "test", "desk", self.limits)
        recover_engine(self.engine, self.journal, started, read_back, self.paper)
        if state is None:
            self.second()

    def second(self, count: int = 1) -> Desk:
        """Let seconds pass, one batch each."""
        for _ in range(count):
            self.now_ns += SECOND_NS
            self.engine.on_batch(self.now_ns, self.market.batch(self.now_ns))
        return self

    def enter(self, place: int = 0) -> Desk:
        """Open one trade and wait until it is protected."""
        decision = self.engine.submit(ask(place))
        assert decision.approved, decision
        self.engine.flush()
        return self.second(2)

    def restarted(self, **changes: object) -> Desk:
        """Return the desk of the next process after a crash now (journals in memory)."""
        assert isinstance(self.journal, MemoryJournal)
        return type(self)(self.journal.crashed(), self.limits, market=self.market, at_ns=self.now_ns, **changes)  # type: ignore[arg-type]
