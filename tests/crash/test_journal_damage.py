"""Cut and flipped files: the journal opens to a valid prefix or says what is wrong; it never shows a wrong record. INVARIANT: J3

TIDEGATE_STRIDE sets the distance between damaged bytes (default 37 to 311, by test; 1 tries every byte).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.journal_lab import sample_records, write_sample
from tidegate.errors import JournalCorrupt, JournalError
from tidegate.journal.store_sqlite import SqliteJournal, read_records
from tidegate.journal.verify import verify

RECORDS = sample_records(64)
RECORDS_PER_COMMIT = 4
WAL_HEADER_BYTES, FRAME_BYTES = 32, 24 + 4_096


def stride(default: int) -> int:
    return int(os.environ.get("TIDEGATE_STRIDE", default))


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A journal as a killed writer leaves it: all 64 records in the WAL."""
    original = tmp_path_factory.mktemp("crashed") / "journal"
    journal = write_sample(original, len(RECORDS), RECORDS_PER_COMMIT)
    copy = tmp_path_factory.mktemp("copy") / "journal"
    copy_files(original, copy)
    journal.close()
    # Cut the zeros laid out in advance: what is left ends in the last acknowledged frame.
    used = len(Path(f"{copy}-wal").read_bytes().rstrip(b"\0"))
    os.truncate(f"{copy}-wal", WAL_HEADER_BYTES + -(-(used - WAL_HEADER_BYTES) // FRAME_BYTES) * FRAME_BYTES)
    assert used > 16 * FRAME_BYTES
    yield copy


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal closed in order: all 64 records in the file."""
    path = tmp_path_factory.mktemp("closed") / "journal"
    write_sample(path, len(RECORDS)).close()
    return path


def copy_files(source: Path, target: Path) -> None:
    for suffix in ("", "-wal", ".head"):
        if Path(f"{source}{suffix}").exists():
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")


def judged_prefix(path: Path) -> int:
    """Return how many records `verify` and reading agree on; every one of them must be right."""
    Path(f"{path}-shm").unlink(missing_ok=True)
    try:
        report = verify(path)
    except JournalError as error:
        assert "not a Tidegate journal" in str(error) or "has format" in str(error)
        return 0
    seen = 0
    try:
        for record in read_records(path):
            assert record == RECORDS[seen]
            seen += 1
    except JournalError:
        assert not report.ok
    if report.mode == "PAPER":
        assert report.records == seen
    return seen


def test_a_wal_cut_anywhere_yields_whole_commits_and_the_head_mark_notices(crashed: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    copy_files(crashed, path)
    wal = Path(f"{path}-wal")
    whole = wal.stat().st_size
    cuts = set(range(0, whole, stride(173)))
    for frame in range(WAL_HEADER_BYTES, whole, FRAME_BYTES):
        cuts |= {frame - 1, frame, frame + 1, frame + 24}
    prefixes: list[int] = []
    for cut in sorted(cuts, reverse=True):
        os.truncate(wal, cut)
        assert not verify(path).ok, "acknowledged records are gone: the head mark must say so"
        os.rename(f"{path}.head", f"{path}.aside")
        assert verify(path).ok
        prefixes.append(judged_prefix(path))
        os.rename(f"{path}.aside", f"{path}.head")
    assert all(prefix % RECORDS_PER_COMMIT == 0 for prefix in prefixes)
    assert prefixes == sorted(prefixes, reverse=True)
    assert {0, 4, 32, 60} <= set(prefixes) <= set(range(0, 64, 4))


def test_garbage_after_the_last_commit_in_the_wal_costs_nothing(crashed: Path, tmp_path: Path) -> None:
    """A torn tail that was never acknowledged is cut."""
    for garbage in (b"\0", b"\xff" * 24, os.urandom(FRAME_BYTES), os.urandom(3 * FRAME_BYTES + 5)):
        path = tmp_path / f"journal-{len(garbage)}"
        copy_files(crashed, path)
        with Path(f"{path}-wal").open("ab") as wal:
            wal.write(garbage)
        with SqliteJournal.open(path, mode="PAPER", create=False) as journal:
            assert list(journal.read()) == RECORDS
            journal.append(1, "tick", b"{}")
        assert verify(path).records == 65


def test_the_writer_refuses_a_wal_that_lost_acknowledged_commits_and_takes_the_prefix_once_told(
    crashed: Path, tmp_path: Path
) -> None:
    whole = (Path(f"{crashed}-wal").stat().st_size - WAL_HEADER_BYTES) // FRAME_BYTES
    for frames in range(1, whole, 3):
        path = tmp_path / f"journal-{frames}"
        copy_files(crashed, path)
        os.truncate(f"{path}-wal", WAL_HEADER_BYTES + frames * FRAME_BYTES)
        with pytest.raises(JournalCorrupt, match="64 records were acknowledged"):
            SqliteJournal.open(path, mode="PAPER", create=True)
        os.remove(f"{path}.head")
        with SqliteJournal.open(path, mode="PAPER", create=True) as journal:
            assert list(journal.read()) == RECORDS[: journal.durable_seq]


def test_a_flipped_wal_is_noticed_wherever_the_flip_is(crashed: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    copy_files(crashed, path)
    wal = Path(f"{path}-wal")
    content = wal.read_bytes()
    for position in range(0, len(content), stride(311)):
        flip(wal, position, content)
        prefix = judged_prefix(path)
        assert prefix == len(RECORDS) or not verify(path).ok
        restore(wal, position, content)


def test_a_file_cut_anywhere_is_reported_and_shows_no_wrong_record(closed: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    copy_files(closed, path)
    for cut in sorted(range(0, path.stat().st_size, stride(131)), reverse=True):
        os.truncate(path, cut)
        judged_prefix(path)
        with pytest.raises(JournalError):
            SqliteJournal.open(path, mode="PAPER", create=True)
        assert path.stat().st_size == cut, "a refused journal is left as it was"


def test_a_flip_of_any_byte_is_reported_or_touches_nothing_that_counts(closed: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    copy_files(closed, path)
    content = path.read_bytes()
    noticed = 0
    for position in range(0, len(content), stride(37)):
        flip(path, position, content)
        seen = judged_prefix(path)
        noticed += seen < len(RECORDS)
        restore(path, position, content)
    assert noticed > 100
    assert list(read_records(path)) == RECORDS


def test_every_flipped_byte_of_a_payload_is_noticed(closed: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    copy_files(closed, path)
    content = path.read_bytes()
    for record in RECORDS[::16]:
        start = content.index(record.payload)
        for position in range(start, start + len(record.payload)):
            flip(path, position, content)
            assert judged_prefix(path) == record.seq - 1
            restore(path, position, content)


def flip(path: Path, position: int, content: bytes) -> None:
    write_byte(path, position, content[position] ^ (1 << position % 8))


def restore(path: Path, position: int, content: bytes) -> None:
    write_byte(path, position, content[position])


def write_byte(path: Path, position: int, value: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(bytes([value]))
