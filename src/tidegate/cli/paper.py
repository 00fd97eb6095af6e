"""`tidegate paper`: a session in PAPER on a built-in scenario, shown live, ended by a report that the journal confirms.

In: a config, a scenario, a seed and how fast. Out: the monitor (or lines), the journal, the report, an exit code.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from tidegate import __version__
from tidegate.cli.finish import Ending, finish
from tidegate.cli.guard import INTERRUPTED, answered
from tidegate.cli.journals import Beginning, Candidate, for_next_session
from tidegate.cli.monitor import Banner
from tidegate.cli.page import page
from tidegate.cli.sink import LeftAtOnce, show_run
from tidegate.cli.words import span_of
from tidegate.config.load import DEFAULT_PATH, Settings, load
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.run import Run
from tidegate.engine.scripted_operator import parse_policy
from tidegate.errors import InputError
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.model.event import RunEnded
from tidegate.model.intent import Mode
from tidegate.model.limits import Limits
from tidegate.replay.acts import RepeatedActs, acts_of
from tidegate.replay.counts import RunCounts
from tidegate.replay.hooks import BatchHooks
from tidegate.replay.report import feed_facts
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import ONE, SECOND_NS, Nanoseconds, parse

WATCHED_S = 75
SPEED_MAX = 1_000_000
SPEED_ALLOWED = f"a number > 0 and <= {SPEED_MAX}: virtual seconds per second"


class PaperOptions(msgspec.Struct, frozen=True):
    """How to run one session. `speed` is `max`, a number, or empty for what suits the place it is shown at."""

    scenario: str = "seed-day"
    seed: int = 7
    speed: str = ""
    journal: Path | None = None
    fresh: bool = False
    policy: str = "daily@00:00"
    lasting: str = ""
    plain: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class _Show:
    """Where and how the session is shown."""

    out: Console
    place: Candidate
    speed: float
    lasting_ns: Nanoseconds | None
    plain: bool


def run_paper(
    config: Settings | Path | None = None, max_trades: int | None = None, options: PaperOptions | None = None
) -> int:
    """Run one PAPER session and return the exit code: 0 good, 1 when a fault halted it or its journal does not confirm the report."""
    return answered(lambda: _paper(config, max_trades, options or PaperOptions()))


def _paper(config: Settings | Path | None, max_trades: int | None, options: PaperOptions) -> int:
    settings = config if isinstance(config, Settings) else load(config or DEFAULT_PATH)
    limits = settings.limits(Mode.PAPER, max_trades)
    feed = ScenarioFeed(options.scenario, options.seed, limits.perpetuals())
    lasting_ns = span_of(options.lasting) if options.lasting else None
    plain = options.plain or options.as_json or not sys.stdout.isatty()
    speed = speed_of(options.speed, feed, plain, lasting_ns)
    policy = parse_policy(options.policy)
    place = _place(options, limits, feed, policy.text)
    place.path.parent.mkdir(parents=True, exist_ok=True)
    out = Console(stderr=True, highlight=False) if options.as_json else page()
    if place.why:
        out.print(Text(place.why, style="yellow"), soft_wrap=True)
    idle = feed.description.end_ns is None
    request = RunRequest(place.path, policy, Assumptions(), max_trades, strategies_enabled=not idle)
    run = build_run(settings, feed, request)
    return _drive(run, settings, options, _Show(out, place, speed, lasting_ns, plain))


def _drive(run: Run, settings: Settings, options: PaperOptions, show: _Show) -> int:
    """Show the run to its end, close it and report. On a second Ctrl-C nothing more is written: what was acknowledged is on disk."""
    out, place, speed = show.out, show.place, show.speed
    counts = RunCounts.begun(run.feed.description.start_ns)
    run.engine.chronicle.listen(counts.note)
    until_ns = None if show.lasting_ns is None else _last_ns(run, place) + show.lasting_ns
    repeated = (RepeatedActs(acts_of(place.path)).before_batch,) if place.resumes else ()
    hooks = run.before_batch = BatchHooks(run.engine, repeated)
    pace = f"{speed:g}x" if speed else "full speed"
    banner = Banner(run.feed.description.name, pace, str(place.path))
    if show.plain:
        out.print(Text(f"{settings.session_name}: PAPER {banner.feed} at {pace}, journal {place.path}"), soft_wrap=True)
    try:
        outcome = show_run(run, out, banner, speed, until_ns, show.plain)
    except LeftAtOnce:
        out.print(
            Text(f"left at once; every acknowledged record is in {place.path}: the same command goes on from there"),
            soft_wrap=True,
        )
        return INTERRUPTED
    run.close()
    if run.resumed:
        out.print(
            Text(f"stopped while still catching up; {place.path} is as it was: the same command goes on from there"),
            soft_wrap=True,
        )
        return 0
    facts = feed_facts(run.feed, outcome, hooks.events, (), parse_policy(options.policy).text)
    code = finish(out, run, counts, facts, Ending(settings, place.path, options.as_json))
    if not counts.ended:
        out.print(
            Text("\nthe session has not ended: the same command goes on from here, --fresh starts a new one"),
            soft_wrap=True,
        )
    return code


def _place(options: PaperOptions, limits: Limits, feed: ScenarioFeed, policy: str) -> Candidate:
    """Choose the journal: the one named, or the next of this scenario and seed."""
    if options.journal is not None:
        if options.journal.is_dir():
            raise InputError("--journal", str(options.journal), "the path of a file, such as var/journals/mine.db")
        if options.fresh and options.journal.exists():
            raise InputError(
                "--fresh",
                str(options.journal),
                "a new path: a journal is never overwritten",
                "leave one of the two options out",
            )
        resumes = options.journal.exists()
        return Candidate(options.journal, resumes, f"going on with {options.journal}" if resumes else "")
    parts = (f"{feed.description.name};", "assumed: nothing", f"review policy: {policy}")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", feed.description.name.removeprefix("scenario:"))
    return for_next_session(f"paper-{name}", options.fresh, Beginning(limits, __version__, parts))


def _last_ns(run: Run, place: Candidate) -> Nanoseconds:
    """Return the virtual time from which `--for` counts: where the session begins, or went on from."""
    last = run.journal.last() if place.resumes else None
    return last.ts_ns if last is not None and last.kind != RunEnded.__name__ else run.feed.description.start_ns


def speed_of(text: str, feed: ScenarioFeed, plain: bool, lasting_ns: Nanoseconds | None) -> float:
    """Return virtual seconds per second, 0 for full speed. Raises InputError.

    Unless told, a scenario that ends takes about 75 s on a terminal and no waiting elsewhere; one that never ends runs at the pace of the
    clock, except where `--for` bounds it and nobody watches.
    """
    described = feed.description
    if text == "max":
        return 0.0
    if text:
        return speed_number(text, f"max, or {SPEED_ALLOWED}")
    if described.end_ns is None:
        return 0.0 if plain and lasting_ns is not None else 1.0
    return 0.0 if plain else max(1.0, (described.end_ns - described.start_ns) / SECOND_NS / WATCHED_S)


def speed_number(text: str, allowed: str) -> float:
    """Read virtual seconds per second: > 0 and <= SPEED_MAX. Raises InputError, which says what is `allowed`."""
    try:
        value = parse(text)
    except InputError:
        raise InputError("--speed", text, allowed) from None
    if not 0 < value <= SPEED_MAX * ONE:
        raise InputError("--speed", text, allowed)
    return value / ONE
