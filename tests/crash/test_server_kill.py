"""The real server under load and kill -9: what it acknowledged is there, nothing is doubled, keys still answer. INVARIANT: J1 J2 S3 S4 S5

TIDEGATE_SERVER_KILLS sets the number of kills (default 5), TIDEGATE_SEED their moments.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from contextlib import closing
from pathlib import Path

from tests.support.api_load import Client, Load, tokens
from tests.support.api_server import api_server
from tidegate.engine.chronicle import decode
from tidegate.journal.store_sqlite import read_records
from tidegate.journal.verify import verify
from tidegate.model.event import DecisionMade, Filled, IntentReceived, OrderIntended
from tidegate.model.order import OrderRole

KILLS = int(os.environ.get("TIDEGATE_SERVER_KILLS", "5"))
SEED = int(os.environ.get("TIDEGATE_SEED", "20260521"))
CLIENTS = 6
ASKED_AGAIN = 4


def test_a_server_killed_under_load_again_and_again_loses_nothing_it_acknowledged_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    clients = [Client(number, secret) for number, secret in enumerate(tokens(tmp_path, CLIENTS))]
    path = tmp_path / "var" / "journals" / "api-open-market.db"
    for _ in range(KILLS):
        with api_server(tmp_path) as server:
            ask_again(server, clients, chance)
            load = Load(server, clients)
            load.wait_for(chance.randrange(20, 120))
            server.kill()
            load.join()
        audit(path, clients)
    with api_server(tmp_path) as server:
        ask_again(server, clients, chance)
        assert server.stop()[0] == 0
    audit(path, clients)


def ask_again(server, clients: list[Client], chance: random.Random) -> None:
    """Send some old requests again, acknowledged or not: the acknowledged answer comes again, the others are decided at most once."""
    for client in clients:
        keys = list(client.asked)
        chosen = chance.sample(keys, min(ASKED_AGAIN, len(keys))) + keys[-1:]
        with closing(server.connect()) as connection:
            for key in chosen:
                assert client.send(connection, key)


def audit(path: Path, clients: list[Client]) -> None:
    """Compare what clients were told with what the journal holds."""
    report = verify(path)
    assert report.ok, report.chain_break
    events = [decode(record) for record in read_records(path)]
    decided = Counter(event.decision.decision_id for event in events if isinstance(event, DecisionMade))
    assert max(decided.values()) == 1
    for client in clients:
        lost = [key for key, decision_id in client.acknowledged.items() if decision_id not in decided]
        assert not lost, f"acknowledged and not in the journal: {lost}"
    keys = Counter(
        (event.intent.principal.name, event.intent.idempotency_key) for event in events if isinstance(event, IntentReceived)
    )
    assert max(keys.values()) == 1, "one key is one intent"
    entries = Counter(event.order.decision_id for event in events if isinstance(event, OrderIntended) and event.order.role is OrderRole.ENTRY)
    assert max(entries.values(), default=0) <= 1, "one decision is one entry"
    assert set(entries) <= set(decided)
    fills = Counter(event.fill.fill_id for event in events if isinstance(event, Filled))
    assert max(fills.values(), default=0) <= 1, "one fill is applied once"
