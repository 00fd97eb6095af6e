#!/usr/bin/env python3
"""A small agent: asks what is allowed, proposes, and learns what became of it. Usage: python_agent.py [URL] [PROPOSALS].

A token, where the server wants one, comes from TIDEGATE_TOKEN. Ends once every proposal that was allowed is over, or after five minutes.
"""

# ruff: noqa: T201

import asyncio
import os
import sys

from tidegate.client import AsyncTidegateClient, StreamEvent, Verdict

STRATEGY = "agent_signal"
FIVE_MINUTES_S = 300


async def main(url: str, proposals: int) -> None:
    """Listen first, then propose: no outcome can be missed."""
    client = AsyncTidegateClient(url, os.environ.get("TIDEGATE_TOKEN"))
    waiting: set[str] = set()
    async with client.events() as stream, asyncio.timeout(FIVE_MINUTES_S):
        greeting = await anext(stream)
        print(f"connected: {greeting.data['status']}")
        for row in await allowed_rows(client, proposals):
            verdict = await propose(client, row["asset"], row["side"])
            if verdict:
                waiting.add(verdict.decision_id)
        while waiting:
            learn(await anext(stream), waiting)


async def allowed_rows(client: AsyncTidegateClient, count: int) -> list[dict[str, str]]:
    """Return the first directions that the gate would allow now."""
    rows = (await client.envelope())["rows"]
    return [row for row in rows if row["strategy"] == STRATEGY and row["allowed"]][:count]


async def propose(client: AsyncTidegateClient, asset: str, side: str) -> Verdict:
    """Propose 25 USD. An unknown outcome is settled by asking again with the same id; never with a new one."""
    verdict = await client.propose(
        STRATEGY, f"{asset}/USD", 25, side, confidence=0.85, evidence="the envelope allows it"
    )
    while verdict.outcome_unknown:
        await asyncio.sleep(1)
        key = verdict.client_request_id
        verdict = await client.propose(
            STRATEGY, f"{asset}/USD", 25, side, key, confidence=0.85, evidence="the envelope allows it"
        )
    print(f"{side} {asset}: {'allowed ' + verdict.trade_id if verdict else verdict.code + ': ' + verdict.reason}")
    return verdict


def learn(message: StreamEvent, waiting: set[str]) -> None:
    """Take in one event; a real agent would update its model from the outcome of its own decision."""
    trade = message.data
    if message.event == "trade_completed" and trade["decision_id"] in waiting:
        waiting.discard(trade["decision_id"])
        print(
            f"{trade['side']} {trade['asset']} by {trade['exit_label']}: {trade['net_bps']:+.2f} bps net, {trade['r_multiple']:+.2f} R"
        )


if __name__ == "__main__":
    asyncio.run(
        main(
            sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000", int(sys.argv[2]) if len(sys.argv) > 2 else 1
        )
    )
