"""Commented JSON: exact number texts, true lines, and one clear error where the grammar breaks."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.config.jsonc import DEPTH_MAX, NumberText, read
from tidegate.errors import InputErrors


def _tree(text: str) -> object:
    return read(text.encode(), "a test's file").tree


def _error(content: bytes) -> str:
    with pytest.raises(InputErrors) as caught:
        read(content, "a test's file")
    assert len(caught.value.errors) == 1
    return str(caught.value.errors[0])


@pytest.mark.parametrize(
    "text", ["54.10", "0.30", "1e2", "-0.7", "108402", "0.10000000000000000055", "123456789012345678901234567890"]
)
def test_a_number_keeps_the_text_it_was_written_with(text: str) -> None:
    assert _tree(f'{{"a": {text}}}') == {"a": NumberText(text)}


def test_comments_and_trailing_commas_are_allowed_everywhere() -> None:
    text = '// top\n{ /* a */ "a" /* b */ : [1, /* c */ 2, ], // d\n "b": {"c": true,}, } // end'
    assert _tree(text) == {"a": [NumberText("1"), NumberText("2")], "b": {"c": True}}


def test_a_comment_directly_after_a_number_is_not_part_of_it() -> None:
    assert _tree('{"a": 28/* bps */, "b": 5// five\n}') == {"a": NumberText("28"), "b": NumberText("5")}


def test_what_looks_like_a_comment_inside_a_text_is_text() -> None:
    assert _tree('{"a": "http://x /* y */ \\" // z"}') == {"a": 'http://x /* y */ " // z'}


def test_lines_are_counted_through_comments_and_crlf() -> None:
    source = read(b'{\r\n /* two\r\n lines */\r\n "a": 1,\r\n "b": [\r\n 2,\r\n {"c": 3}]}', "a test's file")
    assert (source.line(("a",)), source.line(("b", 0)), source.line(("b", 1, "c"))) == (4, 6, 7)


def test_a_path_that_does_not_exist_has_the_line_of_what_encloses_it() -> None:
    assert read(b'{\n"a": {\n"b": 1}}', "a test's file").line(("a", "missing", "deeper")) == 2


def test_a_byte_order_mark_is_allowed() -> None:
    assert _tree("\ufeff{}") == {}


def test_a_key_given_twice_is_an_error_with_both_lines() -> None:
    source = read(b'{"a": {"b": 1,\n"b": 2}, "a": 3}', "a test's file")
    assert [str(error) for error in source.repeated] == [
        "line 2, a.b: got 'b', allowed: each key once (first given on line 1); remove one of the two",
        "line 2, a: got 'a', allowed: each key once (first given on line 1); remove one of the two",
    ]
    assert source.tree == {"a": {"b": NumberText("1")}}, "the first one stands"


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x10", "1_000", "nan", "--1"]
)
def test_what_is_no_json_number_is_refused_with_line_and_column(number: str) -> None:
    assert _error(f'{{\n  "é": {number}}}'.encode()).startswith("line 2, column ")


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a": 1', '{"a" 1}', '{"a": 1} {"b": 2}', "[1,,2]", "{'a': 1}", '{"a": "x\ty"}', "/* open", "{a: 1}"],
)
def test_a_broken_document_is_one_error_that_says_what_is_allowed(text: str) -> None:
    assert "allowed: JSON with comments and trailing commas" in _error(text.encode())


def test_the_error_names_the_true_line_after_comments_and_accents() -> None:
    assert _error('{\n // é é é\n "a": 1,\n "b": oops\n}'.encode()).startswith("line 4, column 7: got 'oops'")


def test_bytes_that_are_not_utf8_are_refused_with_their_line() -> None:
    assert _error(b'{"a": 1,\n "b": "\xff"}').startswith("line 2: got b'\\xff', allowed: text in UTF-8")


def test_a_tower_of_brackets_is_refused_before_anything_recurses() -> None:
    assert f"allowed: at most {DEPTH_MAX}" in _error(b"[" * 200_000)


def test_a_huge_file_is_refused() -> None:
    assert "allowed: at most 1000000 bytes" in _error(b" " * 1_000_001)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=4)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(_JSON)
def test_the_reader_reads_what_json_reads(value: object) -> None:
    text = _written(value)
    assert _plain(_tree(text)) == json.loads(text.replace(" /* c */ ,\n", ","), parse_float=Decimal, parse_int=Decimal)


def _written(value: object) -> str:
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            return "{" + " /* c */ ,\n".join(f"{json.dumps(key)} : {_written(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ",".join(_written(one) for one in value) + "]"
        case _:
            return json.dumps(value)


def _plain(node: object) -> object:
    match node:
        case NumberText():
            return Decimal(node.text)
        case dict():
            return {key: _plain(one) for key, one in node.items()}
        case list():
            return [_plain(one) for one in node]
        case _:
            return node
