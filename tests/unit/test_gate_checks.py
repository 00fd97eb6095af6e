"""The table of checks and the column of direct calls that asks them are one list, and asking fast is asking carefully. INVARIANT: G8 G11"""

from __future__ import annotations

import ast
import inspect

import pytest

from tests.support import pair_world
from tests.support.gate_world import SHORT, calm, halt, halted, intent, limits, session, snapshot, trade
from tidegate.gate import checks as checks_room
from tidegate.gate import decide as decide_room
from tidegate.gate.checks import CHECKS, ORDER_CHECKS, STOP_CHECKS, evaluate, every_finding
from tidegate.gate.decide import decide
from tidegate.gate.pair_checks import OF_PAIRS, PAIR_CHECKS, PAIR_ORDER_CHECKS, PAIR_STOP_CHECKS
from tidegate.gate.sight import sight_of
from tidegate.model.finding import Finding, Status
from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.session import Session
from tidegate.model.snapshot import Snapshot

World = tuple[Intent, Snapshot, Session, Limits]
WORLDS: dict[str, World] = {
    "worked example": (intent(), snapshot(), session(), limits()),
    "calm short": (intent(side=SHORT), calm(), session(), limits()),
    "halted": (intent(), calm(), session(halts=halted(halt())), limits()),
    "no mark": (intent(), calm(), session(trades={"D9": trade()}), limits()),
    "fees": (intent("SOL"), calm("SOL"), session(), limits()),
    "no ages": (intent(), snapshot(), session(), limits(stale={})),
}


def _raises(*_four: object) -> Finding:
    raise ZeroDivisionError


def test_the_column_calls_the_checks_of_the_table_in_its_order_each_with_the_four_values() -> None:
    calls = ast.parse(inspect.getsource(every_finding)).body[0].body[-1].value.elts  # type: ignore[attr-defined]
    written = [ast.unparse(call) for call in calls]
    assert written == [f"{check.__name__}(intent, sight, session, limits)" for _, check in CHECKS]
    assert [getattr(checks_room, check.__name__) for _, check in CHECKS] == [check for _, check in CHECKS]


def test_pairs_are_judged_by_the_same_codes_in_the_same_order_with_a_row_of_their_own_where_they_differ() -> None:
    for single, paired in ((CHECKS, PAIR_CHECKS), (STOP_CHECKS, PAIR_STOP_CHECKS), (ORDER_CHECKS, PAIR_ORDER_CHECKS)):
        assert [reason for reason, _ in paired] == [reason for reason, _ in single]
        assert [check for _, check in paired] == [OF_PAIRS.get(check, check) for _, check in single]
    replaced = [reason for (reason, check), (_, other) in zip(CHECKS, PAIR_CHECKS, strict=True) if check is not other]
    assert sorted(replaced) == sorted(
        (
            "L1_INSTRUMENT_UNKNOWN",
            "L1_NOTIONAL_TOO_SMALL",
            "L1_LOSS_AT_RISK",
            "L1_EXPOSURE",
            "L1_PRICE_COLLAR",
            "L1_OPPOSITE_SIDE",
            "L2_SHORTS_CROWDED",
            "L2_FUNDING_DIVERGENCE",
            "L2_FRESH_SQUEEZE",
            "L3_FEED_STALE",
            "L3_SPREAD_WIDE",
            "L3_COSTS_EXCEED_TARGET",
        )
    )


@pytest.mark.parametrize("place", range(len(PAIR_CHECKS)), ids=[check.__name__ for _, check in PAIR_CHECKS])
def test_a_pairs_check_that_raises_rejects_under_its_own_code(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """INVARIANT: G8"""
    code, _ = PAIR_CHECKS[place]
    monkeypatch.setattr(decide_room, "PAIR_CHECKS", (*PAIR_CHECKS[:place], (code, _raises), *PAIR_CHECKS[place + 1 :]))
    decision = decide(pair_world.intent(), pair_world.snapshot(), session(), pair_world.limits())
    assert decision.primary is code
    assert decision.findings[place] == Finding(code, Status.UNKNOWN, None, None, "check raised ZeroDivisionError")


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS.keys())
def test_the_column_finds_what_asking_one_by_one_finds(world: World) -> None:
    asked, market, held, bounds = world
    sight = sight_of(asked, market, held, bounds)
    one_by_one = tuple(check(asked, sight, held, bounds) for _, check in CHECKS)
    assert every_finding(asked, sight, held, bounds) == one_by_one
    assert evaluate(CHECKS, asked, sight, held, bounds) == evaluate(
        (*CHECKS[:1], *CHECKS[1:]), asked, sight, held, bounds
    )


@pytest.mark.parametrize("place", range(len(CHECKS)), ids=[check.__name__ for _, check in CHECKS])
def test_a_check_that_raises_in_the_column_is_unknown_and_the_others_say_what_they_said(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, check = CHECKS[place]
    before = decide(*WORLDS["worked example"])
    broken = (*CHECKS[:place], (code, _raises), *CHECKS[place + 1 :])
    monkeypatch.setattr(checks_room, check.__name__, _raises)
    monkeypatch.setattr(checks_room, "CHECKS", broken)
    monkeypatch.setattr(decide_room, "CHECKS", broken)
    after = decide(*WORLDS["worked example"])
    assert (after.approved, after.primary) == (False, code)
    assert after.findings[place] == Finding(code, Status.UNKNOWN, note="check raised ZeroDivisionError")
    assert after.findings[:place] == before.findings[:place]
    assert after.findings[place + 1 :] == before.findings[place + 1 :]
