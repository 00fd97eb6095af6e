"""The hash chain finds every change to a chain of records. INVARIANT: J3 M3"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.journal_lab import sample_records
from tidegate.errors import InputError
from tidegate.journal.record import (
    GENESIS_HASH,
    KIND_CHARS_MAX,
    PAYLOAD_BYTES_MAX,
    TS_NS_MAX,
    Record,
    chain_hash,
    first_break,
    genesis_hash,
    next_record,
    own_break,
)

GENESIS = genesis_hash("PAPER")
RECORDS = sample_records(12)
COUNT = len(RECORDS)
positions = st.integers(0, COUNT - 1)


def test_an_untouched_chain_holds() -> None:
    assert first_break(RECORDS, GENESIS) is None
    assert first_break([], GENESIS) is None
    assert [record.seq for record in RECORDS] == list(range(1, COUNT + 1))


def test_a_chain_begins_at_the_bare_genesis_unless_told_otherwise() -> None:
    first = next_record(None, 5, "tick", b"{}")
    assert (first.seq, first.prev_hash) == (1, GENESIS_HASH)
    assert first_break([first]) is None


def test_the_hash_of_a_record_never_changes_between_versions() -> None:
    """Frozen by hand: a journal of today must verify for ever."""
    record = next_record(None, 1_700_000_000_000_000_000, "decision", b'{"verdict":"APPROVED"}', genesis_hash("PAPER"))
    assert record.hash.hex() == "896481da14b3b49226332bd78c4b6f1dda12e59d84701bee6256a40c9a72972f"


@given(positions, st.sampled_from(["ts_ns", "kind", "payload", "prev_hash", "hash", "seq"]), st.data())
def test_a_flip_of_any_bit_of_any_field_is_found_at_its_record(index: int, field: str, data: st.DataObject) -> None:
    record = RECORDS[index]
    changed = msgspec.structs.replace(record, **{field: flipped(getattr(record, field), data)})
    broken = first_break([*RECORDS[:index], changed, *RECORDS[index + 1 :]], GENESIS)
    assert broken is not None
    assert broken.seq == record.seq
    if field != "hash":
        assert own_break(changed)


def flipped(value: int | str | bytes, data: st.DataObject) -> int | str | bytes:
    match value:
        case int():
            return value ^ (1 << data.draw(st.integers(0, 63)))
        case str():
            index = data.draw(st.integers(0, len(value) - 1))
            return value[:index] + chr(ord(value[index]) ^ (1 << data.draw(st.integers(0, 6)))) + value[index + 1 :]
        case bytes():
            index = data.draw(st.integers(0, len(value) - 1))
            turned = value[index] ^ (1 << data.draw(st.integers(0, 7)))
            return value[:index] + bytes([turned]) + value[index + 1 :]


@given(positions, positions)
def test_two_swapped_records_are_found(one: int, other: int) -> None:
    records = list(RECORDS)
    records[one], records[other] = records[other], records[one]
    broken = first_break(records, GENESIS)
    assert (broken is None) == (one == other)
    if broken is not None:
        assert broken.seq == min(one, other) + 1


@given(st.integers(0, COUNT - 2))
def test_a_missing_record_is_found_unless_it_is_the_last(index: int) -> None:
    broken = first_break([*RECORDS[:index], *RECORDS[index + 1 :]], GENESIS)
    assert broken is not None
    assert broken.seq == index + 1


@given(positions, st.integers(0, COUNT))
def test_a_duplicated_record_is_found(source: int, target: int) -> None:
    broken = first_break([*RECORDS[:target], RECORDS[source], *RECORDS[target:]], GENESIS)
    assert broken is not None


@given(positions, st.integers(0, 3), st.binary(max_size=40))
def test_a_spliced_stretch_of_another_chain_is_found(index: int, length: int, payload: bytes) -> None:
    other = next_record(RECORDS[index - 1] if index else None, 77, "spliced", payload, GENESIS)
    replaced = [*RECORDS[:index], other, *RECORDS[index + 1 + length :]]
    if len(replaced) > index + 1:
        assert first_break(replaced, GENESIS) is not None


def test_a_chain_of_another_mode_breaks_at_its_first_record() -> None:
    broken = first_break(RECORDS, genesis_hash("LIVE"))
    assert broken is not None
    assert broken.seq == 1
    assert "mode" in broken.cause


@given(st.text("ab", max_size=4), st.binary(max_size=4), st.text("ab", max_size=4), st.binary(max_size=4))
def test_moving_bytes_between_fields_changes_the_hash(kind: str, payload: bytes, kind2: str, payload2: bytes) -> None:
    same = (kind, payload) == (kind2, payload2)
    assert (chain_hash(GENESIS, 1, 1, kind, payload) == chain_hash(GENESIS, 1, 1, kind2, payload2)) == same


def test_a_hash_differs_for_each_of_its_inputs() -> None:
    base = chain_hash(GENESIS, 1, 2, "k", b"p")
    others = [
        chain_hash(GENESIS_HASH, 1, 2, "k", b"p"),
        chain_hash(GENESIS, 2, 2, "k", b"p"),
        chain_hash(GENESIS, 1, 3, "k", b"p"),
        chain_hash(GENESIS, 1, -2, "k", b"p"),
        chain_hash(GENESIS, 1, 2, "j", b"p"),
        chain_hash(GENESIS, 1, 2, "k", b"q"),
    ]
    assert len({base, *others}) == 1 + len(others)


@pytest.mark.parametrize("kind", ["", "x" * (KIND_CHARS_MAX + 1), "é", "a\nb", "a\x00"])
def test_a_kind_that_is_empty_long_or_unprintable_is_refused(kind: str) -> None:
    with pytest.raises(InputError, match="journal.kind"):
        next_record(None, 1, kind, b"")


@pytest.mark.parametrize("kind", ["x", "x" * KIND_CHARS_MAX])
def test_the_shortest_and_longest_kind_are_taken(kind: str) -> None:
    assert own_break(next_record(None, 1, kind, b"")) == ""


@pytest.mark.parametrize("ts_ns", [TS_NS_MAX + 1, -TS_NS_MAX - 1])
def test_a_time_beyond_64_bits_is_refused(ts_ns: int) -> None:
    with pytest.raises(InputError, match="journal.ts_ns"):
        next_record(None, ts_ns, "tick", b"")


def test_payloads_are_taken_up_to_their_maximum_and_not_beyond() -> None:
    assert len(next_record(None, 1, "tick", bytes(PAYLOAD_BYTES_MAX)).payload) == PAYLOAD_BYTES_MAX
    with pytest.raises(InputError, match="journal.payload"):
        next_record(None, 1, "tick", bytes(PAYLOAD_BYTES_MAX + 1))


@pytest.mark.parametrize("change", [{"seq": 0}, {"seq": -1}, {"seq": 2**64}, {"prev_hash": b""}, {"ts_ns": 2**70}])
def test_a_record_outside_every_range_is_a_break_and_no_crash(change: dict[str, object]) -> None:
    assert own_break(msgspec.structs.replace(RECORDS[0], **change))
    assert first_break([msgspec.structs.replace(RECORDS[0], **change)], GENESIS) is not None


def test_a_record_cannot_be_changed() -> None:
    record: Record = RECORDS[0]
    with pytest.raises(AttributeError):
        record.seq = 5  # type: ignore[misc]
