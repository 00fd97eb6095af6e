"""The server's logs: a line a request without its query, no token anywhere, rotated by size. INVARIANT: C3"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.api import logs
from tidegate.api.door.admission import Level
from tidegate.api.door.token_text import new_secret
from tidegate.api.logs import start_logs


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Give the process its loggers back."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = (list(root.handlers), root.level, list(access.handlers), access.propagate)
    yield
    for handler in (*root.handlers, *access.handlers):
        if handler not in before[0] + before[2]:
            handler.close()
    root.handlers[:], access.handlers[:] = before[0], before[2]
    root.setLevel(before[1])
    logging.raiseExceptions = True
    access.propagate = before[3]


def asked(path: str) -> None:
    """Log one answer as uvicorn does."""
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", path, "1.1", 200)


def test_an_access_line_has_time_client_method_path_and_status_and_no_query(tmp_path: Path) -> None:
    gathered = start_logs(tmp_path, "INFO")
    asked("/api/health?since=1&x=secret-text")
    assert (tmp_path / "access.log").read_text() == ""
    gathered.flush()
    (line,) = (tmp_path / "access.log").read_text().splitlines()
    time, *rest = line.split(" ")
    assert time.endswith("Z")
    assert rest == ["127.0.0.1:1", "GET", "/api/health", "200"]


def test_nothing_that_looks_like_a_token_is_written(tmp_path: Path) -> None:
    gathered = start_logs(tmp_path, "INFO")
    secret = new_secret(Level.OPERATE)
    asked(f"/api/{secret}")
    logging.getLogger("tidegate.server").info("got %s", secret)
    gathered.flush()
    for name in ("access.log", "server.log"):
        text = (tmp_path / name).read_text()
        assert "[token]" in text
        assert secret[5:15] not in text


def test_gathered_lines_are_written_when_they_are_many_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_GATHERED", 10)
    gathered = start_logs(tmp_path, "INFO")
    for number in range(14):
        asked(f"/{number}")
    assert len((tmp_path / "access.log").read_text().splitlines()) == 10
    gathered.close()
    assert len((tmp_path / "access.log").read_text().splitlines()) == 14


def test_logs_are_rotated_by_size_and_only_some_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES_MAX", 2_000)
    gathered = start_logs(tmp_path, "INFO")
    for number in range(200):
        asked(f"/api/number/{number}")
        gathered.flush()
    files = sorted(tmp_path.glob("access.log*"))
    assert len(files) == logs.FILES_KEPT + 1
    assert all(path.stat().st_size <= 2_000 for path in files)


def test_a_clients_bad_http_is_logged_and_not_shown_but_our_own_warnings_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logs(tmp_path, "INFO")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("tidegate.host").warning("the market is over")
    assert "Invalid HTTP" in (tmp_path / "server.log").read_text()
    assert capsys.readouterr().err == "tidegate: the market is over\n"
