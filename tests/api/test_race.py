"""Many principals, few slots: exactly as many approvals as there are slots, whoever comes first. INVARIANT: S1 G9

`TIDEGATE_RACE_ROUNDS` sets the rounds: a few by default, 200 for the full run, which prints its result (-s).
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

from tests.support.api_desk import ApiDesk, propose_tokens, run, without_cooldowns

RACERS, SLOTS = 64, 3
ROUNDS = int(os.environ.get("TIDEGATE_RACE_ROUNDS", "3"))
PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")


def test_sixty_four_principals_race_for_three_slots_and_exactly_three_win(tmp_path: Path) -> None:
    config, tokens = without_cooldowns(tmp_path), tmp_path / "tokens.json"
    agents = propose_tokens(tokens, RACERS)
    seen: Counter[str] = Counter()

    async def race(api: ApiDesk) -> None:
        order = random.Random(sum(seen.values())).sample(range(RACERS), RACERS)
        replies = await asyncio.gather(*(api.propose(agents[place], pair=PAIRS[place % len(PAIRS)]) for place in order))
        approved = [reply for reply in replies if reply.status == 200]
        refused = [reply.detail["code"] for reply in replies if reply.status == 400]
        assert len(approved) == SLOTS
        assert refused == ["L1_TOO_MANY_OPEN"] * (RACERS - SLOTS)
        assert len({reply.body["trade_id"] for reply in approved}) == SLOTS
        assert api.engine.session.open_count == SLOTS
        await api.pass_time(1)
        assert api.engine.session.open_count == len(api.engine.session.trades) == SLOTS
        seen.update(["APPROVED"] * len(approved) + refused)

    for _ in range(ROUNDS):
        run(race, config=config, tokens=tokens)
    print(f"\n{ROUNDS} rounds, {RACERS} principals, {SLOTS} slots: {dict(seen)}")


def test_the_day_never_has_a_seventh_entry(tmp_path: Path) -> None:
    config, tokens = without_cooldowns(tmp_path), tmp_path / "tokens.json"
    agents = propose_tokens(tokens, 16)

    async def race(api: ApiDesk) -> None:
        approved = 0
        for _ in range(6):
            replies = await asyncio.gather(
                *(api.propose(agent, strategy="cross_exchange_arbitrage", side="auto", amount=20 + place) for place, agent in enumerate(agents))
            )
            approved += sum(reply.status == 200 for reply in replies)
            assert api.engine.session.open_count <= SLOTS
            await api.pass_time(3)
        assert approved == 6

    run(race, config=config, tokens=tokens)
