"""`tidegate replay`: recorded market data through the same engine, at full speed.

In: a folder of candles or a stream recording, assumptions, questions. Out: what the tape is and lacks, progress on stderr, the report.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from tidegate.cli.finish import Ending, finish
from tidegate.cli.guard import INTERRUPTED, answered
from tidegate.cli.journals import next_numbered
from tidegate.cli.page import page
from tidegate.cli.plain import listener
from tidegate.cli.sink import LeftAtOnce, given_back, stopping_in_order
from tidegate.cli.words import moment_of, span_of, thousands, when
from tidegate.config.load import DEFAULT_PATH, load
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.run import Run
from tidegate.engine.scripted_operator import parse_policy
from tidegate.errors import InputError
from tidegate.feeds.l2_recording import L2Recording
from tidegate.feeds.port import Feed, FeedDescription
from tidegate.feeds.tape import CandleTape
from tidegate.journal.port import Durability
from tidegate.model.intent import Mode
from tidegate.model.limits import Limits
from tidegate.replay.counts import RunCounts
from tidegate.replay.hooks import BatchHooks
from tidegate.replay.intents import read_intents
from tidegate.replay.probe import Probe
from tidegate.replay.questions import Asked, Questions
from tidegate.replay.report import feed_facts, is_supplied
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import HOUR_NS, Nanoseconds

PROBE_EVERY_NS = HOUR_NS
_PROGRESS_S = 0.5


class ReplayOptions(msgspec.Struct, frozen=True):
    """How to replay. Empty texts mean: not given."""

    tape: Path
    assets: str = ""
    assume: tuple[str, ...] = ()
    policy: str = "daily@00:00"
    journal: Path | None = None
    keep: bool = True
    begin: str = ""
    end: str = ""
    probe: str = ""
    intents: Path | None = None
    plain: bool = False
    as_json: bool = False


class _Asking(msgspec.Struct, frozen=True):
    """Who asks questions during the replay, if anybody."""

    probe: Probe | None
    file: Questions | None

    def answers(self) -> tuple[tuple[str, Asked], ...]:
        """Return what became of the questions, by source."""
        named = (("probe", self.probe), ("intents file", self.file))
        return tuple((name, source.answers) for name, source in named if source is not None)


def run_replay(config: Path | None, options: ReplayOptions) -> int:
    """Replay and return the exit code."""
    return answered(lambda: _replay(config, options))


def _replay(config: Path | None, options: ReplayOptions) -> int:
    settings = load(config or DEFAULT_PATH)
    limits = settings.limits(Mode.PAPER)
    chosen = _chosen(options.assets, limits)
    assumed = Assumptions.parse(options.assume)
    feed = _feed(options, chosen)
    asking = _asking(options, limits, feed.description, tuple(chosen))
    path = _place(options, feed) if options.keep else None
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    out = Console(stderr=True, highlight=False) if options.as_json else page()
    _introduce(out, feed.description, assumed, options)
    request = RunRequest(path, parse_policy(options.policy), assumed, durability=Durability.BATCH, serve_control=False)
    run = build_run(settings, feed, request)
    return _drive(run, options, asking, (out, Ending(settings, path, options.as_json)))


def _drive(run: Run, options: ReplayOptions, asking: _Asking, ends: tuple[Console, Ending]) -> int:
    """Drive the replay to its end, close it and report."""
    out, ending = ends
    counts = RunCounts.begun(run.feed.description.start_ns)
    run.engine.chronicle.listen(counts.note)
    if options.plain:
        engine = run.engine
        engine.chronicle.listen(listener(lambda line: out.print(Text(line), soft_wrap=True), lambda: engine.session))
    asked = [source.before_batch for source in (asking.probe, asking.file) if source is not None]
    hooks = run.before_batch = BatchHooks(run.engine, asked)
    progress = _Progress(run.feed.description)
    try:
        with given_back(run), stopping_in_order(run):
            outcome = run.drive(0.0, progress.tick)
    except LeftAtOnce:
        out.print(Text("left at once: this replay's journal is not complete; run it again"), soft_wrap=True)
        return INTERRUPTED
    finally:
        progress.clear()
    run.close()
    _say_answers(out, asking)
    facts = feed_facts(run.feed, outcome, hooks.events, options.assume, options.policy)
    return finish(out, run, counts, facts, ending)


def _chosen(text: str, limits: Limits) -> dict[str, str]:
    """Return the instrument id of each wanted asset. Raises InputError naming the whitelist."""
    known = limits.perpetuals()
    if not text:
        return known
    wanted = [name.strip().upper() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise InputError("--assets", name, f"one or more of {', '.join(known)}")
    return {name: known[name] for name in known if name in wanted}


def _feed(options: ReplayOptions, chosen: dict[str, str]) -> Feed:
    tape = options.tape
    if tape.is_dir():
        begin = moment_of("--from", options.begin) if options.begin else None
        end = moment_of("--to", options.end) if options.end else None
        return CandleTape(tape, chosen, begin, end)
    if not tape.is_file():
        raise InputError(
            "tape",
            str(tape),
            "a folder of candles_<exchange>_<symbol>_<timeframe>.csv.gz files, or a .gz stream recording",
        )
    if options.begin or options.end:
        raise InputError("--from/--to", str(tape), "a folder of candles: a recording is replayed whole")
    return L2Recording(tape, chosen)


def _asking(options: ReplayOptions, limits: Limits, described: FeedDescription, assets: tuple[str, ...]) -> _Asking:
    """Set up the questions: a probe where it is asked for or the tape is too coarse for the strategies, and the file's."""
    period_ns = 0 if described.bar_scalps else PROBE_EVERY_NS
    if options.probe == "off":
        period_ns = 0
    elif options.probe:
        period_ns = span_of(options.probe)
    probe = Probe(limits, assets, described.start_ns, period_ns) if period_ns else None
    return _Asking(probe, Questions(read_intents(options.intents)) if options.intents is not None else None)


def _place(options: ReplayOptions, feed: Feed) -> Path:
    if options.journal is None:
        return next_numbered("replay-" + re.sub(r"[^A-Za-z0-9_-]+", "-", feed.description.name).strip("-"))
    if options.journal.exists():
        raise InputError("--journal", str(options.journal), "a new path: a journal is never overwritten")
    return options.journal


def _introduce(out: Console, described: FeedDescription, assumed: Assumptions, options: ReplayOptions) -> None:
    """Say what the tape is, what it lacks and what is assumed, before anything runs."""
    end = when(described.end_ns) if described.end_ns is not None else "its end"
    out.print(Text(f"Replay {described.name}", style="bold"), soft_wrap=True)
    out.print(
        Text(f"  from {when(described.start_ns)} UTC to {end}, {len(described.provides)} series, full speed"),
        soft_wrap=True,
    )
    for lack in described.lacks:
        if not is_supplied(lack, assumed.stated()):
            out.print(Text(f"  lacks: {lack}", style="yellow"), soft_wrap=True)
    if not described.bar_scalps:
        out.print(Text("  too coarse for the built-in scalps: they do not run here"), soft_wrap=True)
    for stated in assumed.stated():
        out.print(Text(f"  assumed, not observed: {stated}"), soft_wrap=True)


def _say_answers(out: Console, asking: _Asking) -> None:
    for name, answers in asking.answers():
        told = (
            f"{name}: {answers.asked} asked, {answers.approved} approved, {len(answers.refused)} refused as bad input"
        )
        out.print(Text(told), soft_wrap=True)
        for refused in answers.refused[:10]:
            out.print(Text(f"  {refused}", style="yellow"), soft_wrap=True)
    if asking.file is not None and asking.file.unasked:
        out.print(
            Text(
                f"intents file: {asking.file.unasked} lie after the end of the tape and were not asked", style="yellow"
            )
        )


class _Progress:
    """One line on stderr while a replay runs, on a terminal only."""

    def __init__(self, described: FeedDescription) -> None:
        self._described = described
        self._shown = sys.stderr.isatty()
        self._began_s = time.monotonic()
        self._due_s = 0.0

    def tick(self, run: Run) -> None:
        """Say where the replay is."""
        now_s = time.monotonic()
        if not self._shown or now_s < self._due_s:
            return
        self._due_s = now_s + _PROGRESS_S
        run_counts = run.engine.chronicle.totals.run
        share = _share(self._described, run.engine.now_ns)
        text = f"{when(run.engine.now_ns)} UTC{share}  {thousands(run_counts.intents)} intents, {thousands(run_counts.closed)} trades"
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def _share(described: FeedDescription, now_ns: Nanoseconds) -> str:
    if described.end_ns is None or described.end_ns <= described.start_ns:
        return ""
    return f"  {(now_ns - described.start_ns) * 100 // (described.end_ns - described.start_ns):3d} %"
