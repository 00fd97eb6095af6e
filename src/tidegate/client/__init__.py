"""The agent's side of the API: propose a trade, read the verdict, hear what became of it. Standard library only.

In: a URL, perhaps a token, and what the agent wants to do. Out: verdicts that are "not allowed" whenever the gate cannot be asked.
This package imports nothing else of Tidegate; `websockets` is needed only to listen to events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.client.sync_client import TidegateClient
from tidegate.client.verdict import (
    BAD_INPUT,
    GATE_SLOW,
    GATE_UNREACHABLE,
    GATE_UNREADABLE,
    GateError,
    StreamEvent,
    Verdict,
)

if TYPE_CHECKING:
    from tidegate.client.async_client import AsyncTidegateClient

__all__ = [
    "BAD_INPUT",
    "GATE_SLOW",
    "GATE_UNREACHABLE",
    "GATE_UNREADABLE",
    "AsyncTidegateClient",
    "GateError",
    "StreamEvent",
    "TidegateClient",
    "Verdict",
]


def __getattr__(name: str) -> object:
    """Load the asynchronous client when it is first asked for: asyncio costs more than everything else here together."""
    if name == "AsyncTidegateClient":
        from tidegate.client.async_client import AsyncTidegateClient

        return AsyncTidegateClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
