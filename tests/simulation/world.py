"""The world: a production engine, gate, session and journal in virtual time, among bad feeds, a bad venue, a hostile agent, a busy operator.

In: a seed. Out: a `Report`, or the first broken promise as an AssertionError. Phases: warm-up, chaos, calm (faults off: it must come to rest),
restart, audit. Everything is drawn from the seed; nothing looks at a clock. Replay one with: python -m tests.simulation --seed N
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.simulation.auditor import Auditor
from tests.simulation.parts import SETTINGS, MemorySide, Report, limits_of
from tests.simulation.plan import AUDIT_NS, CALM_NS, CHAOS_NS, WARM_UP_NS, Plan, draw
from tests.support.world_actors import Adversary, Operator
from tests.support.world_market import WorldMarket
from tests.support.world_spot import WorldSpots
from tests.support.world_venue import FaultyVenue
from tidegate.engine.approvals import DurableApprovals
from tidegate.engine.chronicle import Chronicle
from tidegate.engine.engine import Engine
from tidegate.engine.recovery import recover_engine
from tidegate.errors import InputError
from tidegate.journal.record import first_break, genesis_hash
from tidegate.journal.store_memory import MemoryJournal
from tidegate.model.event import RunStarted
from tidegate.model.intent import Mode, Proposal
from tidegate.model.order import Order, OrderState
from tidegate.session.pnl import state_hash
from tidegate.snapshot.assumptions import Assumptions
from tidegate.snapshot.state import MarketState
from tidegate.strategy import roster
from tidegate.units import MINUTE_NS, MS_NS, SECOND_NS
from tidegate.venues.paper import PaperVenue

FLAT_WITHIN_NS = 2 * MINUTE_NS
CALM_MIN_NS = 4 * MINUTE_NS


class Crash(BaseException):
    """The process dies here."""


class World:
    """One seed's world."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chance = Random(plan.seed ^ 0x7E57)
        self.limits = limits_of(plan)
        self.now_ns = self.process_began_ns = plan.start_ns
        self.market = WorldMarket(self.chance, self.limits, plan.feeds, plan.volatility_bps)
        self.auditor = Auditor(self)
        if plan.pairs:
            self.market.spots = WorldSpots(Random(f"spots {plan.seed}"), self.limits, plan.venue.any or plan.feeds.silence > 0)
        self.agent = Adversary(self.chance, self.limits, plan.pairs)
        self.operator = Operator(self.chance, **plan.operator)
        self.journal = MemoryJournal("paper")
        self.side = MemorySide()
        self.restarts = 0
        self.faults: dict[str, int] = {}
        self._injected: set[str] = set()
        self._trouble = plan.venue.any
        self._crash_in = -1
        self._side_taken = 0
        self.approvals: DurableApprovals
        self.venue = FaultyVenue(self._simulator(), plan.venue, self.chance, self._order_leaves)
        self.engine: Engine
        self._start_process()

    # --- phases --------------------------------------------------------------------------------------------------------------------------

    def run(self) -> Report:
        """Live through every phase; raise at the first broken promise."""
        plan = self.plan
        self._live(plan.start_ns + WARM_UP_NS, chaos=False)
        self._live(plan.start_ns + WARM_UP_NS + CHAOS_NS, chaos=True)
        self._calm_down()
        self._live(max(plan.start_ns + WARM_UP_NS + CHAOS_NS + CALM_NS, self.now_ns + CALM_MIN_NS), chaos=False)
        self._must_be_at_rest()
        self._restart(clean=True)
        self._live(self.now_ns + AUDIT_NS, chaos=False)
        self._must_be_at_rest()
        self._flatten_at_the_end()
        assert first_break(self.journal.read(), genesis_hash("paper")) is None, "J3: the chain is broken"
        return self._report()

    def _live(self, until_ns: int, chaos: bool) -> None:
        while self.now_ns < until_ns:
            try:
                self._turn(chaos)
            except Crash:
                self._restart(clean=False)

    def _turn(self, chaos: bool, quiet: bool = False) -> None:
        """One step of the market, what everybody makes of it, and the small ticks in which the venue answers."""
        plan, chance = self.plan, self.chance
        step_ns = plan.step_s * SECOND_NS + chance.randrange(-500, 500) * MS_NS
        self.now_ns += step_ns
        if chaos:
            self._draw_trouble()
        events = self.market.batch(self.now_ns)
        self.engine.take_batch(self.now_ns, events)
        if self._dies(chaos):
            raise Crash
        self.engine.flush()
        self._look()
        if not quiet and chance.random() < plan.agent:
            self._ask(chaos)
        if chaos and self.operator.act(self.engine):
            self._injected.add("L4_OPERATOR")
            self.engine.flush()
            self._look()
        for tick_ns in (200 * MS_NS, 800 * MS_NS, 1_500 * MS_NS):
            if self.engine.execution.busy or self.venue.undelivered:
                self.now_ns += tick_ns
                self.engine.on_batch(self.now_ns, [])
                self._look()

    def _ask(self, chaos: bool) -> None:
        """Let the agent try, in one go with one commit, or one by one; at times the operator presses a button in between."""
        answers: list[tuple[Proposal, Any]] = []
        for proposal in self.agent.proposals():
            try:
                answers.append((proposal, self.engine.submit(proposal)))
            except InputError:
                continue
            if self.chance.random() < 0.5:
                self._acknowledge(answers)
        if chaos and self.operator.act(self.engine):
            self._injected.add("L4_OPERATOR")
        if self._dies(chaos):
            raise Crash
        self._acknowledge(answers)

    def _acknowledge(self, answers: list[tuple[Proposal, Any]]) -> None:
        """Flush, and give the answers out only when they are durable."""
        self.engine.flush()
        self._look()
        if not self.journal.faulted:
            for proposal, decision in answers:
                key = (str(proposal.principal), proposal.idempotency_key) if proposal.idempotency_key else None
                self.auditor.answered(decision.decision_id, str(decision.verdict), key)
        answers.clear()

    # --- trouble -------------------------------------------------------------------------------------------------------------------------

    def _draw_trouble(self) -> None:
        plan, chance = self.plan, self.chance
        if plan.crash_inside and chance.random() < plan.crash_inside:
            self._crash_in = chance.randint(1, 4)
        if plan.journal_fault and not self.journal.faulted and chance.random() < plan.journal_fault:
            self._count("journal fault")
            self._injected.add("L4_JOURNAL")
            self.journal.fail_next_commit("no space left on device")
        if self.journal.faulted and chance.random() < 0.02:
            raise Crash
        if plan.clock and chance.random() < plan.clock:
            step_ns = chance.choice((-900, -250, 249, 251, 5_000)) * MS_NS
            self._count("clock step")
            if abs(step_ns) > self.limits.clock_step_ns_max:
                self._injected.add("L4_CLOCK")
                self.auditor.clock_bad_ns = self.engine.now_ns
            self.engine.note_clock(step_ns)
        if plan.foreign and chance.random() < plan.foreign:
            self._trade_by_hand()

    def _trade_by_hand(self) -> None:
        """Somebody else opens a position in our account at the exchange."""
        self._count("foreign position")
        self._trouble = True
        name = self.chance.choice(list(self.limits.instruments if self.plan.pairs else self.limits.perpetuals().values()))
        lots = self.chance.choice((-3, 3))
        self.venue.foreign[name] = self.venue.foreign.get(name, 0) + self.limits.instruments[name].lot * lots

    def _dies(self, chaos: bool) -> bool:
        return chaos and self.plan.crash > 0 and self.chance.random() < self.plan.crash

    def _count(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1

    def _order_leaves(self, order: Order) -> None:
        """Every order passes here on its way to the venue."""
        self._look()
        self.auditor.order_leaves(order, self.journal.faulted)
        if self._crash_in > 0:
            self._crash_in -= 1
            if self._crash_in == 0:
                self._crash_in = -1
                raise Crash

    def _calm_down(self) -> None:
        """Faults off; a faulted journal is replaced as an operator would: by a restart."""
        self.market.calm()
        self.venue.calm()
        self._crash_in = -1
        self.venue.foreign.clear()
        if self.journal.faulted or self.journal._fault_at_commit is not None:
            self._restart(clean=False)
        for _ in range(12):
            self._turn(chaos=False)
        self.operator.put_right(self.engine)
        self.engine.flush()
        self._look()

    # --- processes -----------------------------------------------------------------------------------------------------------------------

    def _simulator(self) -> PaperVenue:
        return PaperVenue(
            self.limits.instruments, SETTINGS.paper, lambda decision_id: self.approvals.known(decision_id)
        )

    def _start_process(self) -> None:
        plan = self.plan
        self.process_began_ns = self.now_ns
        self.approvals = DurableApprovals(self.journal, True)
        aside, self.side = self.side.records, MemorySide()
        chronicle = Chronicle(self.journal, Mode.PAPER, self.side)  # type: ignore[arg-type]
        chronicle.listen(self.approvals.note)
        market = MarketState(self.limits, Assumptions(), SETTINGS.bands)
        strategies = roster.build(self.limits, SETTINGS.strategy_settings) if plan.strategies else ()
        self.engine = Engine(self.limits, market, self.venue, chronicle, strategies)
        started = RunStarted(self.now_ns, Mode.PAPER, "world", f"seed {plan.seed}", self.limits)
        recover_engine(self.engine, self.journal, started, aside, None if plan.remembers else self.venue)
        self._look()

    def _restart(self, clean: bool) -> None:
        """End the process (cleanly only in that everything is durable), be away for a while, and start again from what is on disk."""
        self.restarts += 1
        before = state_hash(self.engine.session) if self.engine.session is not None else ""
        comparable = not self.engine.chronicle.dirty and not self.journal.faulted
        self.journal = self.journal.crashed()
        self._crash_in = -1
        if self.plan.remembers:
            for _ in range(0 if clean else self.chance.choice((0, 1, 8))):
                self.now_ns += self.plan.step_s * SECOND_NS
                for event in self.market.batch(self.now_ns):
                    self.venue.on_market(event)
                self.venue.advance(self.now_ns)
            self.venue.reconnect()
        else:
            self.now_ns += 0 if clean else self.chance.choice((1, 60, 700)) * SECOND_NS
            fresh = FaultyVenue(self._simulator(), self.venue.faults, self.chance, self._order_leaves)
            fresh.counts, fresh.exits_refused, fresh.fills = (
                self.venue.counts,
                self.venue.exits_refused,
                self.venue.fills,
            )
            fresh._now_ns = self.now_ns
            self.venue = fresh
        if comparable:
            self._must_recover_to(before)
        self._start_process()
        if self.plan.remembers:
            self.venue.correct_funding(self.auditor.books.funding)
        self.auditor.nothing_lost()

    def _must_recover_to(self, before: str) -> None:
        """The session folded from disk equals the one in memory at the last durable point. INVARIANT: S5"""
        probe = Chronicle(self.journal, Mode.PAPER)
        probe.recover(self.journal.read(), lambda _event: None)
        assert state_hash(probe.session) == before, "S5: the recovered session differs from the one before the crash"

    # --- looking -------------------------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Show the auditor what became durable since the last look."""
        if self.journal.durable_seq > self.auditor.read_seq:
            self.auditor.take(self.journal.read(self.auditor.read_seq + 1))

    def _must_be_at_rest(self) -> None:
        """Without faults the world comes to rest: nothing unknown, nothing unprotected, nobody waiting, money adds up."""
        engine, auditor = self.engine, self.auditor
        self._settle()
        assert not self.venue.exits_refused, f"G12: the venue refused exits: {self.venue.exits_refused[:3]}"
        odd = self._under_way()
        assert not odd, f"X4: still unknown after the calm: {odd}"
        assert not engine.session.flattening, f"K3: still flattening after the calm: {engine.flattening.residual}"
        human = [key for key, halt in engine.session.halts.items() if halt.self_lifting]
        assert not human, f"F3: self-lifting halts are still latched after the calm: {human}"
        assert not engine.session.pairs, f"S6: pairs are neither over nor halted: {list(engine.session.pairs)}"
        assert engine.session.inventory == auditor.books.inventory, f"X6: inventory {engine.session.inventory}, books {auditor.books.inventory}"
        assert engine.session.entries_day == auditor.books.entries_day, f"S1: {engine.session.entries_day} entries, books {auditor.books.entries_day}"
        assert not engine.session.reservations, f"S6: reservations are left: {list(engine.session.reservations)}"
        auditor.conserves(self.venue.cash_usd, engine.chronicle.totals.run.net_usd)
        auditor.protected()
        auditor.nothing_lost()

    def _settle(self) -> None:
        """Wait for what is on its way this very moment: orders without an answer, and protection of a trade that has just closed."""
        until_ns = self.now_ns + FLAT_WITHIN_NS
        while self.now_ns < until_ns:
            trades = self.engine.session.trades
            leaving = [order for order in self.engine.execution.working.values() if order.decision_id not in trades]
            if not leaving and not self._under_way() and not self.venue.undelivered and not self.engine.execution.pairs.open:
                return
            self._turn(chaos=False, quiet=True)

    def _under_way(self) -> list[str]:
        """Return the orders that wait for the venue's word."""
        states = (OrderState.UNKNOWN, OrderState.INTENDED)
        return [order.client_order_id for order in self.engine.execution.working.values() if order.state in states]

    def _flatten_at_the_end(self) -> None:
        """A flatten ends flat. INVARIANT: K3"""
        self._injected.add("L4_OPERATOR")
        self.engine.flatten("anna", "end of the world")
        self.engine.flush()
        until_ns = self.now_ns + FLAT_WITHIN_NS
        while self.engine.session.flattening and self.now_ns < until_ns:
            self._turn(chaos=False)
        assert not self.engine.session.flattening, "K3: not flat within two minutes"
        self._look()
        books = self.auditor.books
        assert books.positions == books.inventory, f"K3: flat, but the books hold {books.positions}, of which inventory {books.inventory}"
        self.auditor.conserves(self.venue.cash_usd, self.engine.chronicle.totals.run.net_usd)

    def _report(self) -> Report:
        faults = {**self.faults, **self.venue.counts, **self.market.counts}
        faults |= {
            f"operator {verb}": count for verb, count in self.operator.presses.items() if verb in ("halt", "flatten")
        }
        faults["crash"] = self.restarts - 1
        faults |= {f"pair {end}": count for end, count in self.auditor.books.pairs_ended.items()}
        auditor = self.auditor
        fills = len(auditor.books.fills)
        hours = (self.now_ns - self.plan.start_ns) / (60 * MINUTE_NS)
        counts = (
            auditor.events,
            auditor.checks,
            self.agent.intents,
            auditor.approved,
            fills,
            self.restarts,
            self.journal.durable_seq,
        )
        return Report(self.plan.seed, hours, *counts, faults)

    # --- truth, for the auditor ----------------------------------------------------------------------------------------------------------

    def venue_positions(self) -> dict[str, int]:
        """Return what the venue really holds."""
        return self.venue.inner.positions()

    def venue_orders(self) -> list[Any]:
        """Return what the venue really works."""
        return list(self.venue.inner.open_orders())

    def silent_for_ns(self, asset: str) -> int:
        """Return the longest silence of a mandatory feed of an asset ("": the health factor), as this process could know it."""
        first, second = self.limits.funding_venues
        keys = [("positioning", asset, "okx"), ("funding", asset, first), ("funding", asset, second)]
        keys = (
            [("health_factor", "", "aave")]
            if not asset
            else keys + ([("priority_fee", "SOL", "rpc")] if asset == "SOL" else [])
        )
        return max(self.now_ns - max(self.market.heard_ns.get(key, 0), self.process_began_ns) for key in keys)

    def sick_reads(self) -> bool:
        """Say whether a critical health factor was ever published."""
        return any(value < self.limits.health_factor_critical for _, value in self.market.published_health)

    def venue_trouble(self) -> bool:
        """Say whether the venue ever had a reason to differ from us."""
        return self._trouble or self.restarts > 0

    def injected(self, cause: str) -> bool:
        """Say whether a cause of halts was injected."""
        return cause in self._injected


def live(seed: int) -> Report:
    """Run the world of one seed."""
    return World(draw(seed)).run()
