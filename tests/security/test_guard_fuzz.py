"""Whatever is sent, the guard admits or answers an error of its own, and nobody gets further than a good token reaches. INVARIANT: A2 A6 C3"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.security.lab import HOST, OWN_ORIGIN, Keys
from tidegate.api.door.admission import Admission, Level
from tidegate.api.door.body import check_body_headers
from tidegate.api.door.guard import Guard, answer_subprotocol
from tidegate.api.errors import KINDS, ApiError
from tidegate.model.intent import PrincipalKind

NAMES = [b"host", b"origin", b"authorization", b"cookie", b"sec-websocket-protocol", b"sec-fetch-site", b"x-forwarded-for", b"content-type",
         b"content-length", b"transfer-encoding", b"x-operator"]  # fmt: skip
VALUES = [
    HOST,
    OWN_ORIGIN,
    b"null",
    b"Bearer ",
    b"bearer tg_o_",
    b"tidegate.v1",
    b"tidegate.bearer.",
    b"same-origin",
    b"127.0.0.1",
    b"application/json",
    b"2",
    b"",
]


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with tempfile.TemporaryDirectory() as folder:
        yield Keys(Path(folder))


@pytest.fixture(scope="module")
def guard(keys: Keys) -> Guard:
    return keys.guard(requests_per_s_max=1_000_000)


def headers_of(keys: Keys) -> st.SearchStrategy[list[tuple[bytes, bytes]]]:
    secrets = [secret.encode() for secret in keys.secrets.values()]
    bearers = [b"Bearer " + secret for secret in secrets] + [b"tidegate.bearer." + secret for secret in secrets]
    value = (
        st.sampled_from([*VALUES, *secrets, *bearers])
        | st.binary(max_size=40)
        | st.sampled_from(VALUES).flatmap(lambda one: st.binary(max_size=9).map(lambda two: one + two))
    )
    good = st.sampled_from([[], [(b"host", HOST)], [(b"host", HOST), (b"origin", OWN_ORIGIN)]])
    return st.tuples(good, st.lists(st.tuples(st.sampled_from(NAMES) | st.binary(max_size=12), value), max_size=5)).map(
        lambda both: [*both[0], *both[1]]
    )


def outcome(guard: Guard, scope: dict[str, Any], need: Level, is_open: bool) -> Admission | ApiError:
    """Ask; anything but an admission or an ApiError fails the test."""
    try:
        return guard.admit(scope, need, is_open)
    except ApiError as error:
        return error


@settings(max_examples=250, deadline=None)
@given(chosen=st.data())
def test_nothing_a_caller_sends_is_a_crash_or_a_promotion(keys: Keys, guard: Guard, chosen: st.DataObject) -> None:
    kind = chosen.draw(st.sampled_from(["http", "websocket"]))
    headers = chosen.draw(headers_of(keys))
    need = chosen.draw(st.sampled_from([Level.READ, Level.PROPOSE, Level.OPERATE]))
    is_open = chosen.draw(st.booleans())
    scope = {"type": kind, "method": "POST", "path": chosen.draw(st.text(max_size=20)), "headers": headers, "client": ("127.0.0.1", 1)}
    scope["query_string"] = chosen.draw(st.just(b"") | st.binary(max_size=30))
    found = outcome(guard, scope, need, is_open)
    if isinstance(found, ApiError):
        assert found.kind in KINDS
        assert found.status < 500
        assert not [secret for secret in keys.secrets.values() if secret in f"{found} {found.body()} {found.headers}"]
        return
    by_token = {f"{name} holder": Level[name.upper()] for name in ("read", "propose", "operate")}
    assert found.level >= need or (is_open and found.principal.name == "local")
    assert found.level <= by_token.get(found.principal.name, Level.PROPOSE)
    assert (found.principal.kind is PrincipalKind.OPERATOR) == (found.level is Level.OPERATE)
    if found.principal.name != "local":
        presented = keys.secrets[found.principal.name.split()[0]].encode()
        assert [value for name, value in headers if name in (b"authorization", b"sec-websocket-protocol") and presented in value]
    assert answer_subprotocol(scope) in (None, "tidegate.v1")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=20) | st.sampled_from(VALUES)), max_size=6))
def test_no_header_about_a_body_is_a_crash(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        check_body_headers({"headers": headers})
    except ApiError as error:
        assert error.status in (400, 413, 415)
