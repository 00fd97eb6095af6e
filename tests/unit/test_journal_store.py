"""The SQLite store keeps what it was given, in order, for good, and for one mode. INVARIANT: J3 J6 M3"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.support.journal_lab import sample_records, write_sample
from tidegate.errors import InputError, JournalCorrupt, JournalError, JournalFault
from tidegate.journal import store_sqlite
from tidegate.journal.port import Durability, Journal
from tidegate.journal.record import genesis_hash
from tidegate.journal.reserve import RESERVE_BYTES, reserve_path
from tidegate.journal.store_memory import MemoryJournal
from tidegate.journal.store_sqlite import BATCH_RECORDS, SqliteJournal, read_records
from tidegate.journal.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper.journal"


@pytest.fixture(params=["sqlite", "memory"])
def journal(request: pytest.FixtureRequest, path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal("PAPER")
        return
    with SqliteJournal.open(path, mode="PAPER", create=True) as opened:
        yield opened


def test_a_new_journal_is_empty(journal: Journal) -> None:
    assert (journal.mode, journal.last_seq, journal.durable_seq, journal.last()) == ("PAPER", 0, 0, None)
    assert journal.head_hash == genesis_hash("PAPER")
    assert list(journal.read()) == []
    assert journal.commit() == 0


def test_an_appended_record_has_its_place_at_once_and_is_durable_only_after_commit(journal: Journal) -> None:
    record = journal.append(7, "tick", b"{}")
    assert (journal.last_seq, journal.durable_seq, list(journal.read())) == (1, 0, [])
    assert journal.head_hash == record.hash
    assert journal.last() is None
    assert journal.commit() == 1
    assert (journal.durable_seq, list(journal.read()), journal.last()) == (1, [record], record)


def test_records_are_read_back_in_order_as_they_were_written(journal: Journal) -> None:
    for record in sample_records(1_300):
        assert journal.append(record.ts_ns, record.kind, record.payload) == record
    journal.commit()
    assert list(journal.read()) == sample_records(1_300)
    assert list(journal.read(1_290)) == sample_records(1_300)[1_289:]
    assert list(journal.read(1_301)) == []
    fills = [record for record in sample_records(1_300) if record.kind in ("fill", "tick")]
    assert list(journal.read(kinds=["fill", "tick"])) == fills
    assert list(journal.read(5, kinds=[])) == []


def test_a_refused_record_leaves_no_trace(journal: Journal) -> None:
    journal.append(1, "tick", b"{}")
    with pytest.raises(InputError):
        journal.append(1, "", b"{}")
    journal.append(2, "tick", b"{}")
    journal.commit()
    assert [record.seq for record in journal.read()] == [1, 2]


def test_a_reader_sees_what_was_durable_when_it_began(journal: Journal) -> None:
    for _ in range(3):
        journal.append(1, "tick", b"{}")
    journal.commit()
    reading = journal.read()
    journal.append(2, "tick", b"{}")
    journal.commit()
    assert len(list(reading)) == 3
    assert len(list(journal.read())) == 4


def test_a_journal_continues_its_chain_after_reopening(path: Path) -> None:
    write_sample(path, 10).close()
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        assert journal.last() == sample_records(10)[-1]
        eleventh = sample_records(11)[-1]
        assert journal.append(eleventh.ts_ns, eleventh.kind, eleventh.payload) == eleventh
    assert list(read_records(path)) == sample_records(11)


def test_closing_commits_what_is_left_and_leaves_no_wal(path: Path) -> None:
    journal = SqliteJournal.open(path, mode="PAPER", create=True)
    journal.append(1, "tick", b"{}")
    journal.close()
    journal.close()
    assert len(list(read_records(path))) == 1
    assert not Path(f"{path}.lock").exists()
    with pytest.raises(JournalError, match="closed"):
        journal.append(1, "tick", b"{}")
    with pytest.raises(JournalError, match="closed"):
        journal.commit()


def test_a_closed_journal_is_one_sqlite_file_with_its_head_mark_and_reserve(path: Path) -> None:
    write_sample(path, 3).close()
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        path.name,
        f"{path.name}.head",
        f"{path.name}.reserve",
    ]


def test_a_journal_of_one_mode_never_opens_as_another(path: Path) -> None:
    write_sample(path, 3).close()
    with pytest.raises(JournalError, match="made for mode PAPER, not LIVE"):
        SqliteJournal.open(path, mode="LIVE", create=True)
    with SqliteJournal.open(path, mode="PAPER", create=False) as journal:
        assert journal.last_seq == 3


def test_a_relabelled_journal_breaks_at_its_first_record(path: Path) -> None:
    write_sample(path, 3).close()
    tamper(path, "UPDATE meta SET value = 'LIVE'")
    with pytest.raises(JournalCorrupt, match="record 1"):
        SqliteJournal.open(path, mode="LIVE", create=True)
    assert not verify(path).ok


@pytest.mark.parametrize("mode", ["", "x" * 33, "PAPÉR", "A\nB"])
def test_a_mode_that_is_no_word_is_refused(path: Path, mode: str) -> None:
    with pytest.raises(InputError, match="journal.mode"):
        SqliteJournal.open(path, mode=mode, create=True)
    assert list(path.parent.iterdir()) == []


def test_an_absent_journal_is_created_only_when_asked(path: Path) -> None:
    with pytest.raises(JournalError, match="no journal at"):
        SqliteJournal.open(path, mode="PAPER", create=False)
    assert list(path.parent.iterdir()) == []
    with pytest.raises(JournalError, match="no journal at"):
        list(read_records(path))


def test_a_journal_in_a_missing_folder_is_a_fault_that_says_so(path: Path) -> None:
    with pytest.raises(JournalFault, match="taking the writer lock"):
        SqliteJournal.open(path / "nowhere" / "x", mode="PAPER", create=True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET payload = x'00' WHERE seq = 2",
        "DELETE FROM records WHERE seq = 3",
        "DELETE FROM records",
        "INSERT OR REPLACE INTO records SELECT seq, ts_ns, 'forged', payload, prev_hash, hash FROM records WHERE seq = 2",
        "REPLACE INTO records SELECT 3, ts_ns, kind, payload, prev_hash, hash FROM records WHERE seq = 2",
        "INSERT INTO records SELECT 5, ts_ns, kind, payload, prev_hash, hash FROM records WHERE seq = 2",
        "UPDATE meta SET value = 'LIVE'",
        "DELETE FROM meta",
        "INSERT INTO meta VALUES ('mode2', 'LIVE')",
        "REPLACE INTO meta VALUES ('mode', 'LIVE')",
    ],
)
def test_the_database_itself_refuses_to_change_what_is_written(path: Path, statement: str) -> None:
    write_sample(path, 3).close()
    connection = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert list(read_records(path)) == sample_records(3)


def test_the_store_offers_no_verb_that_rewrites() -> None:
    verbs = {name for name in dir(SqliteJournal) if not name.startswith("_")}
    assert verbs == {
        "open", "mode", "last_seq", "durable_seq", "head_hash", "faulted", "append", "commit", "make_durable",
        "checkpoint_if_due", "read", "last", "release_reserve", "close",
    }  # fmt: skip


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


def test_the_wal_is_folded_into_the_file_as_it_grows(path: Path) -> None:
    with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
        for _ in range(40):
            for _ in range(10):
                journal.append(1, "tick", bytes(40_000))
            journal.commit()
        assert Path(f"{path}-wal").stat().st_size < 8 * 1024 * 1024
        assert path.stat().st_size > 8 * 1024 * 1024
        assert len(list(journal.read())) == 400


def test_a_reader_that_lingers_keeps_the_writer_going(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_sqlite, "CHECKPOINT_PAGES", 4)
    with write_sample(path, 8) as journal:
        watcher = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        watcher.execute("BEGIN; SELECT count(*) FROM records").fetchall()
        for _ in range(30):
            journal.append(1, "tick", bytes(3_000))
            journal.commit()
        assert journal.durable_seq == 38
        watcher.execute("COMMIT")
        watcher.close()
    assert len(list(read_records(path))) == 38


def test_reading_from_before_the_first_record_is_refused(path: Path) -> None:
    with write_sample(path, 3) as journal, pytest.raises(JournalError, match="counted from 1"):
        list(journal.read(0))


def test_the_reserve_is_given_up_once(path: Path) -> None:
    with write_sample(path, 1) as journal:
        assert reserve_path(path).stat().st_size == RESERVE_BYTES
        assert journal.release_reserve()
        assert not journal.release_reserve()
    with SqliteJournal.open(path, mode="PAPER", create=True):
        assert reserve_path(path).stat().st_size == RESERVE_BYTES


def write_batch(path: Path, count: int, commit_every: int) -> None:
    journal = SqliteJournal.open(path, mode="PAPER", durability=Durability.BATCH, create=True)
    for index in range(count):
        payload = b'{"x":"' + b"y" * (index * 37 % 6_000) + b'"}'
        record = journal.append(index, "tick", payload)
        if index % commit_every == 0:
            assert journal.commit() == record.seq
    assert journal.durable_seq == count
    journal.close()


def test_the_same_run_twice_leaves_byte_equal_single_files(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    write_batch(tmp_path / "one" / "run", 3_500, commit_every=1)
    write_batch(tmp_path / "unrelated", 100, commit_every=9)
    write_batch(tmp_path / "two" / "run", 3_500, commit_every=50)
    assert filecmp.cmp(tmp_path / "one" / "run", tmp_path / "two" / "run", shallow=False)
    assert [entry.name for entry in (tmp_path / "one").iterdir()] == ["run"]
    assert verify(tmp_path / "one" / "run").records == 3_500


def test_a_batch_can_be_read_while_it_is_written(path: Path) -> None:
    with SqliteJournal.open(path, mode="PAPER", durability=Durability.BATCH, create=True) as journal:
        for index in range(BATCH_RECORDS + 5):
            journal.append(index, "tick", b"{}")
        last = journal.last()
        assert last is not None
        assert last.seq == BATCH_RECORDS + 5
        assert len(list(journal.read())) == BATCH_RECORDS + 5


def test_a_fully_durable_journal_is_never_continued_with_less(path: Path) -> None:
    write_sample(path, 2).close()
    with pytest.raises(JournalError, match="cannot be continued with BATCH"):
        SqliteJournal.open(path, mode="PAPER", durability=Durability.BATCH, create=True)


def test_a_memory_journal_crashes_back_to_its_last_commit() -> None:
    journal = MemoryJournal("PAPER")
    journal.append(1, "tick", b"{}")
    journal.commit()
    journal.append(2, "tick", b"{}")
    revived = journal.crashed()
    assert (revived.last_seq, journal.last_seq) == (1, 2)
    revived.fail_next_commit("disk full")
    with pytest.raises(JournalFault, match="disk full"):
        revived.commit()
    assert revived.faulted
    with pytest.raises(JournalFault):
        revived.append(3, "tick", b"{}")
    revived.close()
    journal.close()
    assert (journal.durable_seq, journal.release_reserve()) == (2, False)


def tamper(path: Path, statement: str) -> None:
    """Do what only somebody with the file in their hands can do: drop the triggers, then change a row."""
    connection = apsw.Connection(str(path))
    triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
    for name in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute(statement)
    connection.close()
