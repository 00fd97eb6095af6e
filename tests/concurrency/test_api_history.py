"""Racing clients against the real server: their answers are one history, the journal's, and it respects real time. INVARIANT: S2

Each client notes when it asked and when it was answered. Afterwards every intent of the journal is judged again by the gate, on the session that
folding the journal up to it gives: that is the model, applied in journal order. TIDEGATE_HISTORY_REQUESTS sets the requests a client makes.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.support.api_load import PICKS, tokens
from tests.support.api_server import ApiServer, api_server, ask
from tidegate.engine.chronicle import decode
from tidegate.gate.decide import decide
from tidegate.journal.store_sqlite import read_records
from tidegate.model.decision import Decision
from tidegate.model.event import DecisionMade, IntentReceived, RunStarted
from tidegate.model.session import Session
from tidegate.session.fold import fold

CLIENTS = 16
REQUESTS = int(os.environ.get("TIDEGATE_HISTORY_REQUESTS", "25"))


class Told(NamedTuple):
    """One answered request: when it was asked and answered, and what was said."""

    asked_s: float
    answered_s: float
    approved: bool
    code: str
    decision_id: str


def test_answers_to_racing_clients_are_the_journal_in_its_order_and_that_order_respects_real_time(tmp_path: Path) -> None:
    secrets = tokens(tmp_path, CLIENTS)
    told: list[Told] = []
    with api_server(tmp_path) as server:
        path = server.journal
        threads = [threading.Thread(target=work, args=(server, number, secret, told)) for number, secret in enumerate(secrets)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert server.stop()[0] == 0
    seqs, decisions = judged_again(path)
    assert len(told) == len({one.decision_id for one in told}) == len(decisions) > CLIENTS * min(REQUESTS, 20) // 2  # the rest was over the rate
    for one in told:
        decision = decisions[one.decision_id]
        assert (one.approved, one.code) == (decision.approved, str(decision.primary or ""))
    answered = sorted(told, key=lambda one: one.answered_s, reverse=True)
    latest = 0
    for one in sorted(told, key=lambda one: one.asked_s):
        while answered and answered[-1].answered_s < one.asked_s:
            latest = max(latest, seqs[answered.pop().decision_id])
        assert latest < seqs[one.decision_id], f"{one.decision_id} was asked after an answer that the journal puts behind it"


def work(server: ApiServer, number: int, secret: str, told: list[Told]) -> None:
    """Ask for trades one after the other on one connection; requests over the rate were not decided."""
    headers = {"Authorization": f"Bearer {secret}"}
    with closing(server.connect()) as connection:
        for count in range(REQUESTS):
            strategy, pair = PICKS[(number + count) % len(PICKS)]
            body = {"strategy": strategy, "pair": pair, "amount": 25 + number, "side": "long", "client_request_id": f"h{number}-{count}"}
            asked_s = time.monotonic()
            status, answer = ask(connection, "POST", "/api/trade/execute", body, headers)
            if status == 429:
                continue
            said = answer if status == 200 else answer["detail"]
            code = "" if status == 200 else said["code"]
            told.append(Told(asked_s, time.monotonic(), status == 200, code, said["decision_id"]))


def judged_again(path: Path) -> tuple[dict[str, int], dict[str, Decision]]:
    """Apply the model in journal order: return the seq and the decision of every intent, each equal to the journaled one."""
    seqs: dict[str, int] = {}
    decisions: dict[str, Decision] = {}
    session, limits, asked = None, None, None
    for record in read_records(path):
        event = decode(record)
        if isinstance(event, RunStarted):
            limits = event.limits
            session = session or Session(event.mode)
        assert session is not None
        if isinstance(event, IntentReceived):
            asked = (event.intent, session)
        elif isinstance(event, DecisionMade):
            assert asked is not None
            assert limits is not None
            intent, before = asked
            assert decide(intent, event.snapshot, before, limits) == event.decision
            seqs[event.decision.decision_id] = record.seq
            decisions[event.decision.decision_id] = event.decision
        session = fold(session, event)
    return seqs, decisions
