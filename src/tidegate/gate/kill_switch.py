"""The kill switch: what latches a halt, and what lifts the self-lifting ones. Layer 4, folded on every event. INVARIANT: K5

In: the session, the facts of one instant, limits. Out: the events to journal and fold, in order; none when nothing changed.
Two steps wherever money would be moved: a first bad mark or read is journaled as a suspicion (the gate then refuses entries), and only a
second, newer one halts and flattens. A missing number is never a bad number: it refuses, and after ten minutes halts, but never flattens.
Source: SPEC §2, layer 4.
"""

from __future__ import annotations

import msgspec

from tidegate.gate.codes import HEALTH_FACTOR
from tidegate.gate.sight import Unfit, fit
from tidegate.model.event import EquityMarked, Event, HaltLatched, HaltLifted, HealthRead
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Missing, Reading
from tidegate.units import MS_NS, SECOND_NS, Nanoseconds, Price, Usd, render

SYSTEM = "system"


class KillFacts(msgspec.Struct, frozen=True):
    """What the kill switch may know at one instant.

    marks: a price per open instrument from fresh books, or None when any open trade lacks one. marks_ns: the oldest book time among them.
    outages: `(feed, asset, stale_for_ns)` of mandatory feeds past their stale limit; asset "" for account-wide ones (health factor).
    fresh_for_ns: per asset, how long all its mandatory feeds have been fresh; "" for the account-wide ones, if told apart.
    clock_step_ns: the last clock step seen, signed. journal_fault: what is wrong with the journal, empty when nothing.
    reconciled: whether our orders and positions agreed with the venue's when last compared; a clock halt lifts only then.
    """

    now_ns: Nanoseconds
    marks: dict[str, Price] | None
    marks_ns: Nanoseconds
    health_factor: Reading | Missing | None
    outages: tuple[tuple[str, str, Nanoseconds], ...] = ()
    fresh_for_ns: dict[str, Nanoseconds] = {}
    clock_step_ns: Nanoseconds = 0
    clock_good_for_ns: Nanoseconds = 0
    journal_fault: str = ""
    reconciled: bool = True


def watch(session: Session, facts: KillFacts, limits: Limits) -> tuple[Event, ...]:
    """Return the events this instant calls for, in order: marks and reads, then new halts, then lifts. Nothing latched is latched again."""
    return (
        *_equity(session, facts, limits),
        *_health(session, facts, limits),
        *_losses(session, facts, limits),
        *_outages(session, facts, limits),
        *_clock(session, facts, limits),
        *_journal(session, facts),
        *_lifts(session, facts, limits),
    )


def _equity(session: Session, facts: KillFacts, limits: Limits) -> tuple[Event, ...]:
    """Judge marked session equity: a new peak, a first bad mark, its confirmation >= 2 s later on newer books, or its recovery.

    Without a fresh mark of every open trade nothing is said. With nothing open, equity is booked money and needs no book.
    """
    if facts.marks is None:
        return ()
    equity_usd = session.equity_usd(facts.marks)
    drawdown_usd = session.equity_peak_usd - equity_usd
    suspected_ns = session.drawdown_suspected_ns
    if drawdown_usd < limits.drawdown_usd_max:
        news = drawdown_usd < 0 or suspected_ns != 0
        return (EquityMarked(facts.now_ns, equity_usd, below=False),) if news else ()
    if not suspected_ns:
        return (EquityMarked(facts.now_ns, equity_usd, below=True),)
    marked_ns = facts.marks_ns if session.trades or session.pairs else facts.now_ns
    if marked_ns - suspected_ns < limits.drawdown_confirm_ns:
        return ()
    detail = f"drawdown {render(drawdown_usd, 2)} USD, limit {render(limits.drawdown_usd_max, 2)} USD"
    return _latch(session, facts, Halt(Reason.L4_SESSION_DRAWDOWN, facts.now_ns, detail, flattens=True))


def _health(session: Session, facts: KillFacts, limits: Limits) -> tuple[Event, ...]:
    """Judge the health factor: a first read < critical, a second one received >= 10 s later, or its recovery. Unfit: nothing is said.

    The second must also be a newer value, observed after the first was recorded: one bad answer delivered twice is one bad read.
    """
    bounds = limits.stale.get(HEALTH_FACTOR)
    health = fit("health factor", facts.health_factor, bounds, facts.now_ns)
    if type(health) is Unfit:
        return ()
    suspected_ns = session.health_suspected_ns
    if health.value >= limits.health_factor_critical:
        return (HealthRead(facts.now_ns, health.value, critical=False),) if suspected_ns else ()
    if not suspected_ns:
        return (HealthRead(facts.now_ns, health.value, critical=True),)
    if health.received_ns - suspected_ns < limits.health_confirm_ns or health.observed_ns <= suspected_ns:
        return ()
    detail = f"health factor {render(health.value, 2)}, critical under {render(limits.health_factor_critical, 2)}"
    return _latch(session, facts, Halt(Reason.L4_HEALTH_FACTOR_CRITICAL, facts.now_ns, detail, flattens=True))


def _losses(session: Session, facts: KillFacts, limits: Limits) -> tuple[Event, ...]:
    """Halt at 5 losing trades in the session; equal halts, wins do not count against it."""
    if session.losses < limits.losses_max:
        return ()
    detail = f"{session.losses} losing trades this session, limit {limits.losses_max}"
    return _latch(session, facts, Halt(Reason.L4_LOSSES, facts.now_ns, detail))


def _outages(session: Session, facts: KillFacts, limits: Limits) -> tuple[Event, ...]:
    """Halt the assets whose mandatory feed is stale for > 600 s (equal does not), every asset for an account-wide one. INVARIANT: F3"""
    latched: dict[str, Event] = {}
    for feed, asset, stale_for_ns in facts.outages:
        if stale_for_ns <= limits.feed_outage_ns:
            continue
        detail = f"{feed} stale for {stale_for_ns // SECOND_NS} s"
        halt = Halt(Reason.L4_FEED_OUTAGE, facts.now_ns, detail, (asset,) if asset else ())
        if halt.key not in session.halts and halt.key not in latched:
            latched[halt.key] = HaltLatched(facts.now_ns, halt)
    return tuple(latched.values())


def _clock(session: Session, facts: KillFacts, limits: Limits) -> tuple[Event, ...]:
    """Halt at a clock step > 250 ms either way; equal does not. INVARIANT: O8"""
    if abs(facts.clock_step_ns) <= limits.clock_step_ns_max or facts.clock_good_for_ns >= limits.self_lift_ns:
        return ()
    detail = f"clock step of {facts.clock_step_ns // MS_NS} ms"
    return _latch(session, facts, Halt(Reason.L4_CLOCK, facts.now_ns, detail))


def _journal(session: Session, facts: KillFacts) -> tuple[Event, ...]:
    """Halt at any journal fault. INVARIANT: J4"""
    if not facts.journal_fault:
        return ()
    return _latch(session, facts, Halt(Reason.L4_JOURNAL, facts.now_ns, facts.journal_fault))


def _lifts(session: Session, facts: KillFacts, limits: Limits) -> tuple[Event, ...]:
    """Lift feed outages and clock halts whose input has been good for >= 60 s; every other halt waits for a human. INVARIANT: F3 K2"""
    lifted: list[Event] = []
    for key, halt in session.halts.items():
        if halt.self_lifting and _good_for_ns(halt, facts) >= limits.self_lift_ns:
            reason = f"good for {limits.self_lift_ns // SECOND_NS} s"
            lifted.append(HaltLifted(facts.now_ns, key, halt.cause, SYSTEM, reason, _equity_usd(session, facts)))
    return tuple(lifted)


def _good_for_ns(halt: Halt, facts: KillFacts) -> Nanoseconds:
    """Return how long what caused a self-lifting halt has been good."""
    if halt.cause is Reason.L4_CLOCK:
        return facts.clock_good_for_ns if facts.reconciled else 0
    if halt.assets:
        return min(facts.fresh_for_ns.get(asset, 0) for asset in halt.assets)
    return facts.fresh_for_ns.get("", min(facts.fresh_for_ns.values(), default=0))


def _equity_usd(session: Session, facts: KillFacts) -> Usd:
    return session.realised_day_usd if facts.marks is None else session.equity_usd(facts.marks)


def _latch(session: Session, facts: KillFacts, halt: Halt) -> tuple[Event, ...]:
    """Return the event that latches a halt, or nothing where it is latched already."""
    return () if halt.key in session.halts else (HaltLatched(facts.now_ns, halt),)
