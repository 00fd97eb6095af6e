"""The SQLite store keeps what it was given, in order, for good, and for one mode. INVARIANT: J3 J6 M3"""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.support.journal_lab import sample_records, write_sample
from tidegate.errors import InputError, JournalError, JournalFault
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


def test_a_reserve_that_cannot_be_given_up_is_a_fault(path: Path) -> None:
    with write_sample(path, 1) as journal:
        reserve_path(path).unlink()
        reserve_path(path).mkdir()
        with pytest.raises(JournalFault, match="releasing the reserve"):
            journal.release_reserve()
        reserve_path(path).rmdir()


def test_a_file_system_without_shared_memory_is_refused(path: Path) -> None:
    with pytest.raises(JournalFault, match="refused write-ahead logging"):
        SqliteJournal.open(path, mode="PAPER", create=True, vfs="unix-dotfile")
    assert not path.exists()


def test_opening_lays_out_the_wal_so_that_commits_overwrite_and_never_grow_it(path: Path) -> None:
    with write_sample(path, 1) as journal:
        laid_out_bytes = Path(f"{path}-wal").stat().st_size
        for _ in range(1_200):
            journal.append(1, "tick", bytes(2_500))
            journal.commit()
        assert Path(f"{path}-wal").stat().st_size == laid_out_bytes
        assert path.stat().st_size > 1_000_000
