"""`verify` reports damage and raises only for what is no journal. INVARIANT: J3"""

from __future__ import annotations

import os
import shutil
import stat
import tracemalloc
from pathlib import Path

import apsw
import pytest

from tests.support.journal_lab import sample_records, write_sample
from tidegate.errors import JournalError
from tidegate.journal.port import Durability
from tidegate.journal.record import genesis_hash
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.journal.verify import KindCount, verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper.journal"


def test_a_whole_journal_is_described(path: Path) -> None:
    write_sample(path, 10).close()
    report = verify(path)
    assert report.ok
    assert report.chain_break is None
    assert (report.mode, report.records, report.first_seq, report.last_seq) == ("PAPER", 10, 1, 10)
    assert report.head_hash == sample_records(10)[-1].hash
    assert report.kinds == (KindCount("decision", 3), KindCount("fill", 3), KindCount("tick", 4))


def test_an_empty_journal_holds(path: Path) -> None:
    SqliteJournal.open(path, mode="LIVE", create=True).close()
    report = verify(path)
    assert (report.ok, report.records, report.first_seq, report.last_seq) == (True, 0, 0, 0)
    assert report.head_hash == genesis_hash("LIVE")


def test_a_live_journal_is_judged_as_it_stands(path: Path) -> None:
    with write_sample(path, 7) as journal:
        journal.append(1, "tick", b"{}")
        assert verify(path).records == 7
        journal.commit()
        assert verify(path).records == 8


def test_progress_is_told_every_ten_thousand_records_and_memory_stays_flat(path: Path) -> None:
    with SqliteJournal.open(path, mode="PAPER", durability=Durability.BATCH, create=True) as journal:
        for index in range(21_000):
            journal.append(index, "tick", bytes(200))
    told: list[int] = []
    tracemalloc.start()
    try:
        assert verify(path, told.append).ok
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told == [10_000, 20_000]
    assert peak_bytes < 2_000_000, "reading must stream"


@pytest.mark.parametrize("content", [b"no journal, just words\n" * 100, b"x"])
def test_a_file_that_is_no_journal_is_an_error_and_not_a_report(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalError, match="not a Tidegate journal"):
        verify(path)


@pytest.mark.parametrize("name", ["absent", "."])
def test_no_file_at_all_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="no journal at"):
        verify(tmp_path / name)


def test_damage_inside_the_file_is_reported_with_the_valid_prefix(path: Path) -> None:
    write_sample(path, 30).close()
    content = bytearray(path.read_bytes())
    victim = sample_records(30)[19]
    content[content.index(victim.payload)] ^= 1
    path.write_bytes(content)
    report = verify(path)
    assert not report.ok
    assert report.chain_break is not None
    assert (report.chain_break.seq, report.records, report.last_seq) == (20, 19, 19)
    assert report.head_hash == sample_records(19)[-1].hash
    assert sum(count.records for count in report.kinds) == 19


@pytest.mark.parametrize(
    "column, value, cause",
    [
        ("kind", "CAST(x'ff41' AS TEXT)", "not text"),
        ("kind", "x'41'", "wrong type"),
        ("ts_ns", "'noon'", "wrong type"),
        ("payload", "'text'", "wrong type"),
        ("prev_hash", "7", "wrong type"),
        ("hash", "'x'", "does not match its hash"),
    ],
)
def test_a_column_that_is_not_what_it_should_be_is_reported(path: Path, column: str, value: str, cause: str) -> None:
    write_sample(path, 3).close()
    rewrite_loosely(path)
    connection = apsw.Connection(str(path))
    connection.execute(f"UPDATE records SET {column} = {value} WHERE seq = 2")
    connection.close()
    report = verify(path)
    assert not report.ok
    assert report.chain_break is not None
    assert cause in report.chain_break.cause


def test_a_file_whose_pages_are_overwritten_is_reported(path: Path) -> None:
    write_sample(path, 200).close()
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(os.urandom(path.stat().st_size - 4_096))
    report = verify(path)
    assert not report.ok
    assert report.records == 0


def test_reading_leaves_a_read_only_journal_untouched(path: Path) -> None:
    write_sample(path, 5).close()
    before = path.read_bytes()
    path.chmod(stat.S_IRUSR)
    assert verify(path).ok
    assert path.read_bytes() == before


def test_a_journal_on_a_read_only_disk_can_be_judged(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so the refusal of a read-only folder is played by SQLite's own error."""
    from tidegate.journal import sqlite_file

    write_sample(path, 5).close()
    real = sqlite_file.apsw.Connection

    def connection(uri: str, **options: object) -> apsw.Connection:
        if "immutable" not in uri:
            raise apsw.CantOpenError("unable to open database file")
        return real(uri, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite_file.apsw, "Connection", connection)
    assert verify(path).records == 5
    shutil.copy(path, f"{path}-wal")
    assert "unable to open" in str(verify(path).chain_break)


def rewrite_loosely(path: Path) -> None:
    """Rebuild the table without its types and triggers, as damage or a forger might leave it."""
    connection = apsw.Connection(str(path))
    connection.execute(
        "ALTER TABLE records RENAME TO strict_records;"
        "CREATE TABLE records (seq INTEGER PRIMARY KEY, ts_ns, kind, payload, prev_hash, hash);"
        "INSERT INTO records SELECT * FROM strict_records"
    )
    connection.close()
