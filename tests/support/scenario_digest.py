"""The digest of a scenario's events, as a function and as a program for a fresh interpreter: `python scenario_digest.py NAME SEED SECONDS`."""

from __future__ import annotations

import sys
from hashlib import sha256
from itertools import islice

import msgspec

from tidegate.feeds.scenario import ScenarioFeed

IDS = {asset: f"okx:{asset}-USDT-SWAP" for asset in ("BTC", "ETH", "SOL", "XRP")}


def digest(name: str, seed: int, seconds: int) -> str:
    """Return the sha256 of the canonical JSON of every batch of the first seconds."""
    total = sha256()
    encode = msgspec.json.Encoder(order="deterministic").encode
    for batch in islice(ScenarioFeed(name, seed, IDS).batches(), seconds):
        total.update(encode(batch))
    return total.hexdigest()


if __name__ == "__main__":
    print(digest(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
