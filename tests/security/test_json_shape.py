"""Caps on the shape of a body: exact at the boundary, the same by counting and by walking, linear for hostile bytes. INVARIANT: A5 A6 G2"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.security.lab import code_of
from tidegate.api.door import json_shape
from tidegate.api.door.admission import Level
from tidegate.api.door.json_shape import check_json_shape
from tidegate.api.door.token_text import new_secret

SEED_BODY = b'{"strategy":"BTC Range Scalp","pair":"BTC/USD","amount":25.0,"side":"long","mode":"paper","stop_bps":28,"targets":[25,50,90]}'


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def taken(raw: bytes) -> bool:
    return code_of(lambda: check_json_shape(raw)) == "admitted"


@pytest.mark.parametrize(
    "at_cap,over_cap",
    [
        (nested(16), nested(17)),
        (b'{"a":' * 16 + b"1" + b"}" * 16, b'{"a":' * 17 + b"1" + b"}" * 17),
        (b"[" + b",".join([b"1"] * 64) + b"]", b"[" + b",".join([b"1"] * 65) + b"]"),
        (b"[" + b",".join([b"[1,2]"] * 64) + b"]", b"[" + b",".join([b"[1,2]"] * 65) + b"]"),
        (b'"' + b"x" * 4096 + b'"', b'"' + b"x" * 4097 + b'"'),
        (b'{"' + b"x" * 4096 + b'":1}', b'{"' + b"x" * 4097 + b'":1}'),
        (json.dumps({f"k{n}": n for n in range(64)}).encode(), json.dumps({f"k{n}": n for n in range(65)}).encode()),
        (b"1" * 28, b"1" * 29),
        (b"-" + b"1" * 20 + b"." + b"1" * 8, b"-" + b"1" * 20 + b"." + b"1" * 9),
        (b"1." + b"0" * 24 + b"e+99", b"1." + b"0" * 26 + b"e+99"),
        (b'{"a":{"a":1},"b":[{"a":1},{"a":2}]}', b'{"a":{"a":1},"b":1,"a":2}'),
        (b'{"a":1,"b":"a"}', b'{"a":1,"\\u0061":2}'),
        (b'{"a":1,"b":2}', b'{"a":1,"a":1}'),
        (b'{"a":1,"A":2}', b'{"a" \n :1,"a"\t:1}'),
        (b'{"a\\"b":1,"a":2}', b'{"a\\"b":1,"a\\"b":2}'),
        (b'{"\\ud83d\\ude00":1,"x":2}', '{"\\ud83d\\ude00":1,"\U0001f600":2}'.encode()),
    ],
)
def test_a_body_at_the_cap_passes_and_one_over_it_is_refused(at_cap: bytes, over_cap: bytes) -> None:
    assert taken(at_cap)
    assert not taken(over_cap)


def test_the_seeds_body_passes_by_counting_alone() -> None:
    assert json_shape._is_plain(SEED_BODY)
    check_json_shape(SEED_BODY)


def test_digits_and_commas_and_braces_inside_texts_are_texts() -> None:
    assert taken(b'{"a":"' + b"9" * 60 + b'","b":"' + b"[{" * 60 + b'","c":"' + b"," * 100 + b'","d":"x\\":\\"y"}')


def test_bytes_that_are_not_utf8_are_refused_wherever_they_stand() -> None:
    assert not taken(b'{"a":"\xff"}')
    assert not taken(b'{"a":"\xed\xa0\x80"}')
    assert taken('{"a":"ü€😀"}'.encode())


def test_a_token_in_a_body_is_refused_however_it_is_written() -> None:
    secret = new_secret(Level.OPERATE)
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in secret)
    for text in (secret, f"operator says {secret}", escaped, secret.replace("_", "\\u005F")):
        body = f'{{"reason":"{text}"}}'.encode()
        assert not taken(body)
        with pytest.raises(Exception) as caught:
            check_json_shape(body)
        assert secret not in str(caught.value)
    assert taken(b'{"reason":"tg_o_short"}')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=40,
)


class _Broken(Exception):
    pass


def naive(raw: bytes, caps: tuple[int, int, int, int]) -> bool:
    """Judge the shape the slow and obvious way, over the parsed tree."""
    depth_max, array_max, keys_max, digits_max = caps

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found) > keys_max or len({key for key, _ in found}) != len(found):
            raise _Broken
        return dict(found)

    def number(text: str) -> int:
        if sum(sign.isdigit() for sign in text) > digits_max:
            raise _Broken
        return 0

    def fits(tree: Any, depth: int) -> bool:
        if not isinstance(tree, list | dict):
            return True
        values = list(tree.values()) if isinstance(tree, dict) else tree
        return depth <= depth_max and (isinstance(tree, dict) or len(tree) <= array_max) and all(fits(each, depth + 1) for each in values)

    try:
        return fits(json.loads(raw, object_pairs_hook=pairs, parse_int=number, parse_float=number), 1)
    except _Broken:
        return False


@settings(max_examples=150)
@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_walking_agrees_with_a_naive_judge_under_narrow_caps(tree: object, ascii_only: bool, indent: int | None) -> None:
    raw = json.dumps(tree, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        for name, cap in (("DEPTH_MAX", 2), ("ARRAY_LENGTH_MAX", 3), ("OBJECT_KEYS_MAX", 2), ("NUMBER_DIGITS_MAX", 5)):
            patch.setattr(json_shape, name, cap)
        walked = code_of(lambda: json_shape._walk(raw)) == "admitted"
        assert walked == naive(raw, (2, 3, 2, 5))
        if json_shape._is_plain(raw) and not json_shape._LONG_NUMBER.search(raw) and b"e" not in raw:
            digits_fit = all(len(part) <= 5 for part in raw.replace(b"-", b" ").split() if part.isdigit())
            assert walked or not digits_fit or naive(raw, (2, 3, 2, 28))


@settings(max_examples=300)
@given(st.lists(st.sampled_from(['"a"', '"b"', "{", "}", "[", "]", ":", ",", "1", " ", '"\\u0061"', "null"]), max_size=30).map("".join))
def test_counting_never_clears_what_walking_refuses_in_anything_that_is_json(text: str) -> None:
    raw = text.encode()
    try:
        json.loads(raw)
    except ValueError:
        return
    if json_shape._is_plain(raw):
        assert code_of(lambda: json_shape._walk(raw)) == "admitted"


@pytest.mark.parametrize(
    "raw",
    [b'"\\' * 8192, b'\\"' * 8192, b"[" * 16384, b'"' * 16383, b'{"a":' * 3000, b"," * 16384, b":" * 16384, b"]" * 16384, b"", b"\\" * 9],
)
def test_hostile_bytes_end_in_a_verdict(raw: bytes) -> None:
    assert code_of(lambda: check_json_shape(raw)) in ("admitted", "BAD_INPUT")


def test_each_byte_of_an_endless_string_is_looked_at_once() -> None:
    raw = b'"' + b'\\"' * 8000
    assert len(list(json_shape._TOKEN.finditer(raw))) <= 2
