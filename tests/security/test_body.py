"""Bodies: size by header and while streaming, type, time. INVARIANT: A3 A5"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.security.lab import code_of, http, refusal
from tidegate.api.door.body import BODY_BYTES_MAX, check_body_headers, read_body
from tidegate.api.errors import ApiError

JSON = (b"content-type", b"application/json")


def read(parts: Sequence[bytes], ends: bool = True) -> bytes:
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request", "body": b"", "more_body": False} if ends else {"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return asyncio.run(read_body(receive))


@pytest.mark.parametrize(
    "kind",
    [b"application/json", b"application/json; charset=utf-8", b"Application/JSON;charset=UTF-8", b'application/json; charset="utf-8"'],
)
def test_json_in_utf8_is_taken(kind: bytes) -> None:
    check_body_headers(http((b"content-type", kind), (b"content-length", b"2")))


@pytest.mark.parametrize(
    "kind",
    [b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"application/json; charset=utf-16",
     b"application/jsonp",  b"text/json", b"", b"application/json, text/plain", b"application/json;x=1"],
)  # fmt: skip
@pytest.mark.parametrize("length", [b"0", b"2"])
def test_any_other_type_is_refused_so_that_no_form_of_another_page_gets_through(kind: bytes, length: bytes) -> None:
    error = refusal(lambda: check_body_headers(http((b"content-type", kind), (b"content-length", length))))
    assert error is not None
    assert (error.status, error.code) == (415, "WRONG_CONTENT_TYPE")


def test_a_body_without_a_type_or_with_two_is_refused_and_no_body_needs_none() -> None:
    assert code_of(lambda: check_body_headers(http((b"content-length", b"2")))) == "WRONG_CONTENT_TYPE"
    assert code_of(lambda: check_body_headers(http((b"transfer-encoding", b"chunked")))) == "WRONG_CONTENT_TYPE"
    assert code_of(lambda: check_body_headers(http(JSON, JSON, (b"content-length", b"2")))) == "WRONG_CONTENT_TYPE"
    assert code_of(lambda: check_body_headers(http((b"content-length", b"0")))) == "admitted"
    assert code_of(lambda: check_body_headers(http())) == "admitted"


def test_compressed_bodies_are_refused() -> None:
    assert code_of(lambda: check_body_headers(http(JSON, (b"content-encoding", b"gzip")))) == "WRONG_CONTENT_TYPE"


def test_a_length_at_the_cap_passes_and_one_byte_more_is_too_large() -> None:
    assert code_of(lambda: check_body_headers(http(JSON, (b"content-length", b"16384")))) == "admitted"
    error = refusal(lambda: check_body_headers(http(JSON, (b"content-length", b"16385"))))
    assert error is not None
    assert (error.status, error.code) == (413, "TOO_LARGE")


@pytest.mark.parametrize("lengths", [(b"-1",), (b"1e3",), (b"",), (b"2", b"2"), (b"\xb2",), (b"9" * 19,), (b"+2",)])
def test_a_length_that_is_no_number_is_refused(lengths: tuple[bytes, ...]) -> None:
    headers = [(b"content-length", length) for length in lengths]
    assert code_of(lambda: check_body_headers(http(JSON, *headers))) == "BAD_INPUT"


def test_a_body_is_counted_while_it_arrives_whatever_its_headers_said() -> None:
    assert len(read([b"x" * 8192, b"x" * 8192])) == BODY_BYTES_MAX
    error = refusal(lambda: read([b"x" * 8192, b"x" * 8192, b"x"]))
    assert error is not None
    assert error.status == 413


def test_a_body_that_breaks_off_is_an_error_not_half_a_body() -> None:
    assert code_of(lambda: read([b'{"amount":25'], ends=False)) == "BAD_INPUT"


def test_a_body_that_never_ends_is_given_up() -> None:
    async def never() -> dict[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    with pytest.raises(ApiError) as caught:
        asyncio.run(read_body(never, seconds_max=0.001))
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (408, "TOO_SLOW", True)
