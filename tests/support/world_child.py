"""Child processes of the crash lab.

In: a verb and a path: `run` and `batch` play a whole scenario into a journal, `fill` trades until its disk is full, `read` starts again on it. Out:
one JSON line on stdout at the end; the journal on disk. The parent kills them at any moment.
"""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.world_desk import OPERATOR, START_NS, Desk, ask
from tidegate.config.load import load
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.scripted_operator import parse_policy
from tidegate.errors import InputError
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.journal.port import Durability
from tidegate.journal.side_file import SideFile, read_side, retire_side
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.intent import Mode, Proposal
from tidegate.model.observation import MarketEvent
from tidegate.session.pnl import state_hash
from tidegate.session.totals import ExitTally
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import SECOND_NS, fixed

SCENARIO, SEED, STOP_S = "open-market", 7, 900


def say(answer: dict[str, Any]) -> None:
    """Print the result."""
    print(json.dumps(answer), flush=True)


def play(path: Path, durability: Durability) -> None:
    """Play the scenario with a busy caller to its end, from wherever an earlier process was killed."""
    settings = load()
    feed = ScenarioFeed(SCENARIO, SEED, settings.limits(Mode.PAPER).perpetuals())
    run = build_run(
        settings,
        feed,
        RunRequest(path, parse_policy("immediate"), Assumptions(), durability=durability, serve_control=False),
    )
    start_ns = feed.description.start_ns

    def busy_caller(now_ns: int, _events: list[MarketEvent]) -> None:
        """Ask, halt and flatten at fixed instants: the same in every process that plays this run."""
        elapsed_s = (now_ns - start_ns) // SECOND_NS
        if elapsed_s == STOP_S:
            run.engine.end("the lab is over")
            run.stop("the lab is over")
        elif elapsed_s == STOP_S // 2:
            run.engine.flatten("anna", "half-time")
        elif elapsed_s % 61 == 20:
            with suppress(InputError):
                run.engine.submit(Proposal(OPERATOR, "cross_exchange_arbitrage", "BTC/USD", fixed("60")))
        elif elapsed_s % 7 == 0:
            key = f"k{elapsed_s % 21}" if elapsed_s % 5 == 0 else None
            with suppress(InputError):
                run.engine.submit(ask(elapsed_s // 7, usd="40", key=key))

    run.before_batch = busy_caller
    print("began", flush=True)
    run.drive()
    run.close()
    totals = run.engine.chronicle.totals.run
    pairs = totals.exits.get("BOTH_LEGS", ExitTally()).trades
    answer = {"hash": state_hash(run.engine.session), "net": totals.net_usd, "trades": totals.closed, "fills": totals.fills}
    say(answer | {"pairs": pairs})


def fill(path: Path) -> None:
    """Open a trade, let the disk fill up, go on asking, then flatten: nothing may enter, everything may leave."""
    journal = SqliteJournal.open(path, mode="paper", create=True)
    desk = Desk(journal, side=SideFile(path))
    desk.enter(0).enter(1)
    held = path.with_name(path.name + "-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(held, path.stat().st_size), resource.RLIM_INFINITY))
    approved_after: list[str] = []
    asked = 0
    while not journal.faulted and asked < 5_000:
        decision = desk.engine.submit(ask(0, usd=f"{1_000 + asked}"))
        desk.engine.flush()
        asked += 1
    entered = len(desk.engine.session.trades)
    for place in range(6):
        desk.second()
        decision = desk.engine.submit(ask(place))
        desk.engine.flush()
        approved_after += [decision.decision_id] if decision.approved else []
    halts = [str(halt.cause) for halt in desk.engine.session.halts.values()]
    desk.engine.flatten("anna", "the disk is full")
    desk.engine.flush()
    desk.second(5)
    session = desk.engine.session
    answer = {
        "faulted": journal.faulted,
        "asked": asked,
        "entered": entered,
        "approved_after": approved_after,
        "halts": halts,
    }
    answer |= {
        "open": len(session.trades),
        "positions": desk.paper.positions(),
        "flattening": session.flattening,
        "hash": state_hash(session),
    }
    say(answer | {"durable": journal.durable_seq, "cash": desk.paper.cash_usd})
    journal.close()


def read_back(path: Path) -> None:
    """Start on a journal with a side file beside it, as the next process after a full disk."""
    journal = SqliteJournal.open(path, mode="paper", create=False)
    aside = read_side(path)
    desk = Desk(journal, read_back=aside, at_ns=max((record.ts_ns for record in aside), default=START_NS))
    retired = retire_side(path, journal.durable_seq)
    decision = desk.engine.submit(ask(2))
    desk.engine.flush()
    session = desk.engine.session
    halts = [str(halt.cause) for halt in session.halts.values()]
    say(
        {
            "aside": len(aside),
            "halts": halts,
            "open": len(session.trades),
            "approved": decision.approved,
            "retired": retired.name if retired else "",
            "cash": desk.paper.cash_usd,
            "records": journal.durable_seq,
        }
    )
    journal.close()


def main() -> None:
    """Do what was asked."""
    match sys.argv[1:]:
        case ["run", path]:
            play(Path(path), Durability.FULL)
        case ["batch", path]:
            play(Path(path), Durability.BATCH)
        case ["fill", path]:
            fill(Path(path))
        case ["read", path]:
            read_back(Path(path))
        case other:
            raise SystemExit(f"unknown command {other}")


if __name__ == "__main__":
    main()
