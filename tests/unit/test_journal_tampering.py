"""Damage to a journal and its companions is found at open, nothing is changed, nothing is skipped. INVARIANT: J3 M3"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import apsw
import pytest

from tests.support.journal_lab import write_sample
from tidegate.errors import JournalCorrupt, JournalError
from tidegate.journal import store_sqlite
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.journal.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper.journal"


def test_a_relabelled_journal_breaks_at_its_first_record(path: Path) -> None:
    write_sample(path, 3).close()
    tamper(path, "UPDATE meta SET value = 'LIVE'")
    with pytest.raises(JournalCorrupt, match="record 1"):
        SqliteJournal.open(path, mode="LIVE", create=True)
    assert not verify(path).ok


def test_damage_in_the_tail_is_found_at_open_and_nothing_is_changed(path: Path) -> None:
    write_sample(path, 20).close()
    tamper(path, "UPDATE records SET payload = x'7b7d' WHERE seq = 15")
    before = path.read_bytes()
    with pytest.raises(JournalCorrupt, match="record 15.*does not match its hash.*quarantine"):
        SqliteJournal.open(path, mode="PAPER", create=True)
    assert path.read_bytes() == before
    assert not Path(f"{path}.lock").exists()


def test_damage_before_the_tail_is_found_by_reading(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_sqlite, "TAIL_RECORDS", 5)
    write_sample(path, 40).close()
    tamper(path, "UPDATE records SET kind = 'tock' WHERE seq = 20")
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        reading = journal.read()
        assert [next(reading).seq for _ in range(19)] == list(range(1, 20))
        with pytest.raises(JournalCorrupt, match="record 20"):
            next(reading)
        with pytest.raises(JournalCorrupt, match="record 20"):
            list(journal.read(kinds=["tock"]))
        with pytest.raises(JournalCorrupt, match="record 20"):
            list(journal.read(21))
        assert len(list(journal.read(22))) == 19


@pytest.mark.parametrize(
    "statement, seq",
    [
        ("DELETE FROM records WHERE seq = 20", 20),
        ("DELETE FROM records WHERE seq = 1", 1),
        ("UPDATE records SET seq = 90 WHERE seq = 40", 40),
        ("UPDATE records SET seq = -seq WHERE seq = 2", 2),
        ("UPDATE records SET hash = zeroblob(32) WHERE seq = 7", 7),
        ("UPDATE records SET prev_hash = zeroblob(32) WHERE seq = 7", 7),
        ("UPDATE records SET ts_ns = ts_ns + 1 WHERE seq = 1", 1),
        ("DELETE FROM records", 1),
        ("DELETE FROM records WHERE seq > 30", 31),
    ],
)
def test_deletion_and_change_are_found_by_opening_and_by_verify(path: Path, statement: str, seq: int) -> None:
    write_sample(path, 40).close()
    tamper(path, statement)
    with pytest.raises(JournalCorrupt) as raised:
        SqliteJournal.open(path, mode="PAPER", create=True)
    assert f"record {seq}:" in str(raised.value)
    report = verify(path)
    assert report.chain_break is not None
    assert report.chain_break.seq == report.records + 1 == seq


def test_a_journal_older_than_its_head_mark_is_refused(path: Path) -> None:
    """A restored backup: every record in it is right, and acknowledged ones are missing."""
    write_sample(path, 5).close()
    shutil.copy(path, f"{path}.backup")
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        journal.append(9, "tick", b"{}")
    os.replace(f"{path}.backup", path)
    with pytest.raises(JournalCorrupt, match="6 records were acknowledged and the journal ends at 5"):
        SqliteJournal.open(path, mode="PAPER", create=True)
    os.remove(f"{path}.head")
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        assert journal.last_seq == 5


def test_another_history_of_the_same_length_is_refused(path: Path, tmp_path: Path) -> None:
    write_sample(path, 1).close()
    with SqliteJournal.open(tmp_path / "other", mode="PAPER", create=True) as other:
        other.append(1, "tick", b'{"another":"history"}')
    os.replace(tmp_path / "other", path)
    with pytest.raises(JournalCorrupt, match="not the one that was acknowledged"):
        SqliteJournal.open(path, mode="PAPER", create=True)


def test_a_vanished_journal_is_not_silently_begun_again(path: Path) -> None:
    write_sample(path, 5).close()
    path.unlink()
    with pytest.raises(JournalCorrupt, match="the file is gone"):
        SqliteJournal.open(path, mode="PAPER", create=True)
    assert not path.exists()


@pytest.mark.parametrize("mark", [b"", b"garbage", b"1 2", b"1 zz 3\n", b"\xff" * 100])
def test_a_torn_head_mark_is_passed_over(path: Path, mark: bytes) -> None:
    write_sample(path, 5).close()
    Path(f"{path}.head").write_bytes(mark)
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        assert journal.last_seq == 5


def test_an_emptied_file_is_refused_and_the_wal_beside_it_survives(path: Path, tmp_path: Path) -> None:
    write_sample(path, 5)  # left open, as a killed writer would
    copy = tmp_path / "copy"
    copy.write_bytes(b"")
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    with pytest.raises(JournalCorrupt, match="the file is empty"):
        SqliteJournal.open(copy, mode="PAPER", create=True)
    assert not verify(copy).ok
    assert Path(f"{copy}-wal").stat().st_size > 0


@pytest.mark.parametrize(
    "content", [b"hello, this is not a journal at all\n" * 40, b"SQLite format 3\0" + b"\0" * 4_080]
)
def test_a_file_that_is_no_journal_is_refused_and_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalError):
        SqliteJournal.open(path, mode="PAPER", create=True)
    assert path.read_bytes() == content


def test_another_sqlite_database_is_refused(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(JournalError, match="not a Tidegate journal"):
        SqliteJournal.open(path, mode="PAPER", create=True)


def test_a_journal_of_a_newer_format_is_refused(path: Path) -> None:
    write_sample(path, 2).close()
    tamper(path, "PRAGMA user_version = 2")
    with pytest.raises(JournalError, match="has format 2, this build reads 1"):
        SqliteJournal.open(path, mode="PAPER", create=True)


def test_a_journal_taken_out_of_wal_mode_is_refused(path: Path) -> None:
    write_sample(path, 2).close()
    tamper(path, "PRAGMA journal_mode = DELETE")
    with pytest.raises(JournalCorrupt, match="no longer says WAL"):
        SqliteJournal.open(path, mode="PAPER", create=True)


def test_a_half_created_journal_is_created_again(path: Path) -> None:
    Path(f"{path}.new").write_bytes(b"a kill interrupted this")
    Path(f"{path}.new-journal").write_bytes(b"and this")
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        assert journal.last_seq == 0
    assert not Path(f"{path}.new").exists()


def tamper(path: Path, statement: str) -> None:
    """Do what only somebody with the file in their hands can do: drop the triggers, then change a row."""
    connection = apsw.Connection(str(path))
    triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
    for name in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute(statement)
    connection.close()
