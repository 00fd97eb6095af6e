"""Bootstrap: the only place that builds things and joins them.

In: settings, a feed, and how to run. Out: a `Run` that is ready to drive. PAPER never builds anything that could reach a venue. INVARIANT: M1
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidegate import __version__
from tidegate.config.load import Settings
from tidegate.engine.approvals import DurableApprovals
from tidegate.engine.chronicle import Chronicle
from tidegate.engine.control import ControlFolder
from tidegate.engine.engine import Engine
from tidegate.engine.resume import ResumedJournal
from tidegate.engine.run import Run
from tidegate.engine.scripted_operator import ReviewPolicy, ScriptedOperator
from tidegate.errors import JournalError
from tidegate.feeds.port import Feed
from tidegate.journal.port import Durability, Journal
from tidegate.journal.side_file import SideFile, read_side, side_path
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.matching.random_entry import RandomControl
from tidegate.model.event import RunEnded, RunStarted
from tidegate.model.intent import Mode
from tidegate.model.limits import Limits
from tidegate.snapshot.assumptions import Assumptions
from tidegate.snapshot.state import MarketState
from tidegate.strategy import roster
from tidegate.units import SECOND_NS, Nanoseconds
from tidegate.venues.paper import PaperVenue

TAPE_SETTLE_NS: Nanoseconds = 2 * SECOND_NS


class RunRequest(msgspec.Struct, frozen=True):
    """How to run: everything about a run that is not in the config file."""

    journal_path: Path | None
    policy: ReviewPolicy
    assumptions: Assumptions
    max_trades: int | None = None
    strategies_enabled: bool = True
    durability: Durability = Durability.FULL
    control_seed: int = 1
    serve_control: bool = True


def build_run(settings: Settings, feed: Feed, request: RunRequest) -> Run:
    """Build a PAPER run over a deterministic feed, fresh or resumed from its own unfinished journal."""
    limits = settings.limits(Mode.PAPER, request.max_trades)
    journal = open_journal(request.journal_path, request.durability)
    engine = assemble_engine(settings, limits, feed, journal, request)
    control = ControlFolder(request.journal_path) if request.journal_path is not None and request.serve_control else None
    if control is not None:
        control.open()
    run = Run(engine, feed, journal, control, ScriptedOperator(request.policy))
    run.random_control = RandomControl(limits.instruments, settings.paper, request.control_seed)
    engine.chronicle.listen(run.random_control.note)
    start_engine(engine, feed, request)
    return run


def assemble_engine(settings: Settings, limits: Limits, feed: Feed, journal: Journal, request: RunRequest) -> Engine:
    """Join market, venue, chronicle and strategies into an engine that has not started yet."""
    return assemble(settings, limits, feed, journal, request)[0]


def assemble(
    settings: Settings, limits: Limits, feed: Feed, journal: Journal, request: RunRequest
) -> tuple[Engine, PaperVenue]:
    """Do as `assemble_engine`, and return the paper venue too, for who has to rebuild it from a journal."""
    approvals = DurableApprovals(journal, request.durability is Durability.FULL)
    venue = PaperVenue(limits.instruments, settings.paper, approvals.known)
    side = SideFile(request.journal_path) if request.journal_path is not None else None
    chronicle = Chronicle(journal, limits.mode, side)
    chronicle.listen(approvals.note)
    market = MarketState(limits, request.assumptions, settings.bands)
    strategies = roster.build(limits, settings.strategy_settings) if feed.description.bar_scalps else ()
    engine = Engine(limits, market, venue, chronicle, strategies)
    engine.strategies_enabled = request.strategies_enabled
    engine.settle_ns = TAPE_SETTLE_NS if feed.description.bars_only else 0
    return engine, venue


def start_engine(engine: Engine, feed: Feed, request: RunRequest) -> None:
    """Record the start of the run and let the engine serve."""
    start_ns = feed.description.start_ns
    source = f"{feed.description.name}; assumed: {', '.join(request.assumptions.stated()) or 'nothing'}; review policy: {request.policy.text}"
    record = engine.chronicle.record(RunStarted(start_ns, engine.limits.mode, __version__, source, engine.limits))
    engine.start(record.hash.hex()[:8], start_ns)
    engine.flush()


def open_journal(path: Path | None, durability: Durability) -> Journal:
    """Open a new journal, an unfinished one to be continued, or (no path) one in memory. Raises JournalError for a finished one."""
    if path is None:
        from tidegate.journal.store_memory import MemoryJournal

        return MemoryJournal(str(Mode.PAPER))
    journal = SqliteJournal.open(path, mode=str(Mode.PAPER), durability=durability, create=True)
    last = journal.last()
    if last is None:
        return journal
    if last.kind == RunEnded.__name__:
        journal.close()
        raise JournalError(f"journal {path} holds a finished run: give another --journal, or read it with: tidegate report {path}")
    if read_side(path):
        journal.close()
        raise JournalError(
            f"journal {path} ended in a fault and its last records are in {side_path(path)}: such a run cannot be derived again; "
            f"read it with: tidegate report {path}, and give another --journal"
        )
    return ResumedJournal(journal)
