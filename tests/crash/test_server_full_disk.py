"""A real server whose disk takes nothing more: entries stop, flatten works, it ends in order, the next start takes it in. INVARIANT: J4 K4 G1"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from tests.support.api_server import TRADE, ApiServer, api_server
from tidegate.journal.side_file import side_path
from tidegate.journal.verify import verify

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason=f"{sys.platform} cannot limit another process's files")


def read(server: ApiServer, path: str) -> dict:
    """GET until it is answered: whoever polls may be told to wait."""
    while True:
        status, answer = server.get(path, {"Authorization": f"Bearer {server.token}"})
        if status == 200:
            return answer
        assert status == 429, answer


def halts(server: ApiServer) -> set[str]:
    return {halt["cause"] for halt in read(server, "/api/health")["halts"]}


def positions(server: ApiServer) -> list:
    found: list = read(server, "/api/positions")["positions"]
    return found


@pytest.mark.parametrize(
    ("bytes_left", "side_file_too"), [(30_000, True), (1_000, False)], ids=["side file works", "only memory is left"]
)
def test_a_full_disk_stops_entries_and_not_the_way_out(tmp_path: Path, bytes_left: int, side_file_too: bool) -> None:
    with api_server(tmp_path) as server:
        path = server.journal
        assert server.post("/api/trade/execute", TRADE)[0] == 200
        while not positions(server):
            assert server.process.poll() is None
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (bytes_left, bytes_left))
        status, answer = server.post("/api/trade/execute", {**TRADE, "amount": 27})
        assert (status, answer["detail"]["code"]) == (503, "JOURNAL_FAULT")
        assert halts(server) == {"L4_JOURNAL"}
        assert server.post("/api/flatten", {"reason": "the disk is full"})[0] == 200
        while positions(server):
            assert server.process.poll() is None
        assert halts(server) == {"L4_JOURNAL", "L4_OPERATOR"}
        assert server.stop()[0] == 0
    assert verify(path).ok
    assert side_path(path).exists()
    if side_file_too:
        with api_server(tmp_path) as again:
            assert positions(again) == []
            assert halts(again) == {"L4_JOURNAL", "L4_OPERATOR"}
            assert not side_path(path).exists()
