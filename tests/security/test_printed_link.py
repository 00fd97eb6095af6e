"""The operator link of a real server: printed on a terminal, in no log, and good for one lift by a named human. INVARIANT: C3 K2"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

from tests.support.api_server import ask, command, environment

LINK = re.compile(r"http://([\w.]+):(\d+)/operator#code=([\w-]{22})")


def lines_of(terminal: int) -> Iterator[str]:
    """Yield what a terminal shows, until its program ends."""
    held = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the program closed its side
            return
        *whole, held = (held + part).split(b"\n")
        yield from (line.decode() for line in whole)


def test_the_printed_link_lifts_a_halt_under_a_humans_name_once(tmp_path: Path) -> None:
    terminal, inner = pty.openpty()
    env = {**environment(), "COLUMNS": "200", "TERM": "dumb"}
    words = command("serve", "--port", "0")
    with (tmp_path / "stderr.txt").open("wb") as warnings:
        process = subprocess.Popen(words, stdout=inner, stderr=warnings, stdin=subprocess.DEVNULL, cwd=tmp_path, env=env)
    os.close(inner)
    try:
        host, port, code = next(found.groups() for line in lines_of(terminal) if (found := LINK.search(line)))
        connection = HTTPConnection(host, int(port), timeout=20)
        assert ask(connection, "POST", "/api/halt", {"reason": "news"})[0] == 200
        status, redeemed = ask(connection, "POST", "/api/operator/redeem", {"code": code, "name": "Ada"})
        assert status == 200
        assert ask(connection, "POST", "/api/operator/redeem", {"code": code, "name": "Ada"})[0] == 403
        bearer = {"Authorization": f"Bearer {redeemed['token']}"}
        assert ask(connection, "POST", "/api/lift", {"cause": "L4_OPERATOR", "reason": "over"}, bearer)[0] == 200
        assert ask(connection, "GET", "/operator")[0] == 200
        journal = Path(json.loads((tmp_path / "var" / "run" / "api.json").read_text())["journal"])
    finally:
        process.terminate()
        process.wait(20)
        os.close(terminal)
    assert b"Ada" in journal.read_bytes()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert code.encode() not in kept
    assert redeemed["token"].encode() not in kept
