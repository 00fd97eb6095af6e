"""The side file keeps exits while the journal is faulted, line by line, for the next start. INVARIANT: G1 J4"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tidegate.errors import InputError, JournalCorrupt, JournalFault
from tidegate.journal.side_file import SideFile, read_side, retire_side, side_path

EXIT = b'{"close":"BTC","why":"kill"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper.journal"


def write_three(path: Path) -> list[str]:
    side = SideFile(path)
    for index in range(3):
        side.append(index, "exit_approved", EXIT)
    side.close()
    side.close()
    return side_path(path).read_text().splitlines()


def test_nothing_is_created_before_the_first_record(path: Path) -> None:
    SideFile(path).close()
    assert not side_path(path).exists()
    assert read_side(path) == []
    assert retire_side(path, 9) is None


def test_each_record_is_one_readable_line_and_comes_back_byte_for_byte(path: Path) -> None:
    lines = write_three(path)
    assert [json.loads(line)["payload"]["close"] for line in lines] == ["BTC"] * 3
    records = read_side(path)
    assert [(record.seq, record.ts_ns, record.kind, record.payload) for record in records] == [
        (index + 1, index, "exit_approved", EXIT) for index in range(3)
    ]


def test_a_later_process_goes_on_where_the_earlier_one_stopped(path: Path) -> None:
    write_three(path)
    write_three(path)
    assert [record.seq for record in read_side(path)] == [1, 2, 3, 4, 5, 6]


def test_a_line_torn_anywhere_is_left_out_and_the_next_process_writes_over_it(path: Path) -> None:
    write_three(path)
    whole = side_path(path).read_bytes()
    second_ends = whole[:-1].rfind(b"\n") + 1
    for cut in range(second_ends, len(whole)):
        side_path(path).write_bytes(whole[:cut])
        assert len(read_side(path)) == 2
    side = SideFile(path)
    assert side.append(9, "exit_approved", EXIT).seq == 3
    side.close()
    assert len(read_side(path)) == 3


def test_any_flipped_byte_is_noticed(path: Path) -> None:
    write_three(path)
    whole = side_path(path).read_bytes()
    unnoticed = 0
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1
        side_path(path).write_bytes(changed)
        try:
            unnoticed += len(read_side(path)) == 3
        except JournalCorrupt:
            continue
    assert unnoticed == 0


@pytest.mark.parametrize("order", [[0, 2], [1, 0, 2], [0, 0, 1, 2], [1, 2]])
def test_missing_swapped_and_repeated_lines_are_noticed(path: Path, order: list[int]) -> None:
    lines = write_three(path)
    side_path(path).write_text("".join(f"{lines[index]}\n" for index in order))
    with pytest.raises(JournalCorrupt):
        read_side(path)
    with pytest.raises(JournalCorrupt):
        SideFile(path).append(1, "exit_approved", EXIT)


@pytest.mark.parametrize("payload", [b"", b"{", b'{"a":\n1}', b" {}", b"{}\r", b"\xff", b"nonsense"])
def test_a_payload_that_is_not_one_line_of_json_is_refused(path: Path, payload: bytes) -> None:
    with pytest.raises(InputError, match="side file payload"):
        SideFile(path).append(1, "exit_approved", payload)
    assert not side_path(path).exists()


def test_a_side_file_that_cannot_be_written_faults_once_and_for_all(path: Path) -> None:
    side = SideFile(path / "nowhere")
    for _ in range(2):
        with pytest.raises(JournalFault, match="recorded nowhere but on stderr"):
            side.append(1, "exit_approved", EXIT)


def test_a_reconciled_side_file_is_set_aside_and_never_removed(path: Path) -> None:
    write_three(path)
    retired = retire_side(path, 41)
    assert retired is not None
    assert retired.name == "paper.journal.side.jsonl.reconciled-41"
    assert read_side(path) == []
    write_three(path)
    with pytest.raises(InputError, match="a name not used yet"):
        retire_side(path, 41)
    assert len(os.listdir(path.parent)) == 2
