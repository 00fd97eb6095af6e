"""Tokens at rest and in a running server. INVARIANT: C3 C4"""

from __future__ import annotations

import hmac
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from tests.security.lab import NOW_NS, HandClock, Keys, code_of, http
from tidegate.api.door import token_file, tokens
from tidegate.api.door.admission import Level
from tidegate.api.door.token_file import TokenFileUnusable, create, digest_of, read, revoke
from tidegate.api.door.token_text import level_of, new_secret
from tidegate.api.door.tokens import TokenStore
from tidegate.errors import InputError
from tidegate.units import HOUR_NS, MS_NS, SECOND_NS


def test_a_secret_has_256_random_bits_and_its_level_on_it() -> None:
    secrets = {new_secret(Level.PROPOSE) for _ in range(200)}
    assert len(secrets) == 200
    assert all(len(secret) == 5 + 52 and secret.startswith("tg_p_") for secret in secrets)
    assert [level_of(new_secret(level)) for level in (Level.READ, Level.PROPOSE, Level.OPERATE)] == [
        Level.READ,
        Level.PROPOSE,
        Level.OPERATE,
    ]


def test_no_token_gives_the_public_level() -> None:
    with pytest.raises(KeyError):
        new_secret(Level.PUBLIC)


def test_the_file_is_private_and_holds_no_secret(keys: Keys) -> None:
    content = keys.path.read_bytes()
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert all(secret.encode() not in content and secret[5:].encode() not in content for secret in keys.secrets.values())
    assert all(f'"{name} holder"'.encode() in content for name in ("read", "propose", "operate", "expired", "revoked"))


def test_the_folder_of_a_new_file_is_private_too(tmp_path: Path) -> None:
    create(tmp_path / "var" / "tokens.json", "bot", Level.READ, NOW_NS, None)
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o602, 0o620, 0o644, 0o666, 0o601])
def test_a_file_that_others_may_read_or_write_is_refused_with_the_fix(keys: Keys, mode: int) -> None:
    keys.path.chmod(mode)
    with pytest.raises(TokenFileUnusable, match=f"mode {mode:04o}.*allowed: 0600.*chmod 600"):
        read(keys.path)
    with pytest.raises(TokenFileUnusable):
        create(keys.path, "another", Level.READ, NOW_NS, None)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_read(keys: Keys, mode: int) -> None:
    keys.path.chmod(mode)
    assert len(read(keys.path).tokens) == 5


def test_a_folder_or_pipe_in_its_place_is_refused_without_hanging(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("folder", "pipe"):
        with pytest.raises(TokenFileUnusable, match="not a regular file"):
            read(tmp_path / name)


def test_a_file_of_another_user_is_refused(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_file.os, "geteuid", lambda: keys.path.stat().st_uid + 1)
    with pytest.raises(TokenFileUnusable, match="another user"):
        read(keys.path)


SALT = "ab" * 16
GOOD_RECORD = {"id": "x", "name": "bot", "level": "read", "digest": digest_of(SALT, "some").hex(), "created_ns": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}garbage",
        b"[]",
        b'{"tokens":[{"token":"plain"}]}',
        {"version": 2, "salt": SALT},
        {"salt": "", "tokens": [GOOD_RECORD]},
        {"salt": "abcd", "tokens": [GOOD_RECORD]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "digest": ""}]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "digest": "ab" * 8}]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "digest": "zz" * 32}]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "digest": digest_of(SALT, "").hex()}]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "level": "admin"}]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "level": "public"}]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "name": "system"}]},
        {"salt": SALT, "tokens": [{**GOOD_RECORD, "password": "hunter2"}]},
        {"salt": SALT, "tokens": [GOOD_RECORD] * 257},
        b" " * 1_048_577,
    ],
)
def test_a_damaged_or_hand_made_file_is_refused_whole_and_not_quoted(tmp_path: Path, content: object) -> None:
    path = tmp_path / "tokens.json"
    path.write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))
    path.chmod(0o600)
    with pytest.raises(TokenFileUnusable) as caught:
        read(path)
    assert "hunter2" not in str(caught.value)
    assert "plain" not in str(caught.value)
    assert "tokens.json" in str(caught.value)


def test_no_file_is_no_tokens(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json").tokens == ()
    assert TokenStore(tmp_path / "none.json").usable_count == 0
    assert TokenStore(None).usable_count == 0


@pytest.mark.parametrize(
    "name",
    ["", " bot", "bot ", "a" * 65, "bo\tt", "bo\nt", "bo\u202et", "bo\u200bt", "local", "Local", "SYSTEM", "kill switch", "agent", "operator",
     "strategy", "scripted operator", "agent:bot", "none", "\uff42ot", "tg_p_abc", "\x00"],
)  # fmt: skip
def test_names_that_mislead_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        create(tmp_path / "tokens.json", name, Level.PROPOSE, NOW_NS, None)
    assert not (tmp_path / "tokens.json").exists()


@pytest.mark.parametrize("name", ["a", "a" * 64, "my-agent 2", "Åsa", "机器人"])
def test_plain_names_are_taken(tmp_path: Path, name: str) -> None:
    secret, _ = create(tmp_path / "tokens.json", name, Level.PROPOSE, NOW_NS, None)
    found = TokenStore(tmp_path / "tokens.json").bearer(secret)
    assert found is not None
    assert found.principal.name == name


def test_a_name_is_held_once_whatever_its_case_and_comes_back_after_revocation_or_expiry(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    first, record = create(path, "bot", Level.PROPOSE, NOW_NS, NOW_NS + HOUR_NS)
    with pytest.raises(InputError, match=f"revoke {record.id}"):
        create(path, "BOT", Level.READ, NOW_NS, None)
    second, _ = create(path, "bot", Level.PROPOSE, NOW_NS + HOUR_NS, None)
    revoke(path, "Bot", NOW_NS + HOUR_NS)
    third, _ = create(path, "bot", Level.PROPOSE, NOW_NS + HOUR_NS, None)
    store = TokenStore(path, HandClock(NOW_NS))
    assert [store.bearer(secret) is not None for secret in (second, third)] == [False, True]
    assert first not in (second, third)


def test_revoking_a_name_nobody_holds_names_those_there_are(keys: Keys) -> None:
    with pytest.raises(InputError, match="read holder, propose holder, operate holder"):
        revoke(keys.path, "stranger", NOW_NS)
    with pytest.raises(InputError):
        revoke(keys.path, "revoked holder", NOW_NS)


def test_an_expiry_in_the_past_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="still to come"):
        create(tmp_path / "tokens.json", "bot", Level.READ, NOW_NS, NOW_NS)


def test_a_token_works_until_the_nanosecond_of_its_expiry(tmp_path: Path) -> None:
    secret, _ = create(tmp_path / "tokens.json", "bot", Level.READ, NOW_NS, NOW_NS + HOUR_NS)
    wall = HandClock(NOW_NS + HOUR_NS - 1)
    store = TokenStore(tmp_path / "tokens.json", wall)
    assert store.bearer(secret) is not None
    wall.move(1)
    assert store.bearer(secret) is None
    assert store.usable_count == 0


def test_a_full_file_forgets_the_oldest_ended_token_and_refuses_when_all_are_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_file, "RECORDS_MAX", 3)
    path = tmp_path / "tokens.json"
    for name in ("one", "two", "three"):
        create(path, name, Level.READ, NOW_NS, None)
    with pytest.raises(InputError, match="at most 3 active"):
        create(path, "four", Level.READ, NOW_NS, None)
    revoke(path, "two", NOW_NS)
    create(path, "four", Level.READ, NOW_NS, None)
    assert [record.name for record in read(path).tokens] == ["one", "three", "four"]


def test_two_commands_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    create(path, "leaked", Level.OPERATE, NOW_NS, None)
    with ThreadPoolExecutor(8) as pool:
        ended = pool.submit(revoke, path, "leaked", NOW_NS)
        made = [pool.submit(create, path, f"bot {number}", Level.READ, NOW_NS, None) for number in range(24)]
        secrets = [each.result()[0] for each in made]
        ended.result()
    store = TokenStore(path)
    assert all(store.bearer(secret) for secret in secrets)
    assert [record.name for record in read(path).tokens if record.revoked_ns is not None] == ["leaked"]


def test_a_token_made_while_the_server_runs_works_at_once(keys: Keys) -> None:
    store = keys.store()
    secret, _ = create(keys.path, "late", Level.READ, NOW_NS, None)
    assert store.bearer(secret) is not None


def test_a_revocation_is_seen_within_a_second_and_the_file_is_not_looked_at_more_often(keys: Keys) -> None:
    store = keys.store()
    revoke(keys.path, "read holder", NOW_NS)
    keys.monotonic.move(SECOND_NS - MS_NS)
    assert store.bearer(keys.secrets["read"]) is not None
    keys.monotonic.move(MS_NS)
    assert store.bearer(keys.secrets["read"]) is None
    assert store.bearer(keys.secrets["propose"]) is not None


def test_removing_the_file_ends_every_token(keys: Keys) -> None:
    store = keys.store()
    keys.path.unlink()
    keys.monotonic.move(SECOND_NS)
    assert store.bearer(keys.secrets["operate"]) is None


@pytest.mark.parametrize(
    "damage", [lambda path: path.chmod(0o644), lambda path: path.write_bytes(b"{"), lambda path: path.write_bytes(b"")]
)
def test_a_file_that_goes_bad_while_the_server_runs_makes_every_token_useless_until_it_is_repaired(
    keys: Keys, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    guard = keys.guard()
    content = keys.path.read_bytes()
    assert code_of(lambda: guard.admit(http(keys.header("operate")), Level.READ)) == "admitted"
    damage(keys.path)  # type: ignore[operator]
    keys.monotonic.move(SECOND_NS)
    assert code_of(lambda: guard.admit(http(keys.header("operate")), Level.READ)) == "TOKENS_UNREADABLE"
    assert guard.tokens.problem
    assert guard.tokens.problem in caplog.text
    keys.path.write_bytes(content)
    keys.path.chmod(0o600)
    keys.monotonic.move(SECOND_NS)
    assert code_of(lambda: guard.admit(http(keys.header("operate")), Level.READ)) == "admitted"
    assert "usable again" in caplog.text


def test_editing_the_level_in_the_file_does_not_promote_a_token_that_was_handed_out(keys: Keys) -> None:
    keys.path.write_bytes(keys.path.read_bytes().replace(b'"propose"', b'"operate"'))
    assert keys.store().bearer(keys.secrets["propose"]) is None


def test_every_look_up_compares_with_every_token_whichever_is_presented(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def counting(one: bytes, other: bytes) -> bool:
        compared[-1] += 1
        return hmac.compare_digest(one, other)

    store = keys.store()
    store.grant_session("ada", HOUR_NS)
    keys.monotonic.move(1)
    monkeypatch.setattr(tokens, "hmac", type("Counting", (), {"compare_digest": staticmethod(counting)}))
    for secret in (keys.secrets["read"], keys.secrets["operate"], keys.secrets["wrong"], "", "x"):
        compared.append(0)
        store.bearer(secret)
    assert compared == [5, 5, 5, 5, 5]  # four not revoked in the file, one session


def test_an_operator_session_ends_on_the_clock_that_never_steps_and_with_the_process(keys: Keys) -> None:
    store = keys.store()
    secret = store.grant_session("ada", HOUR_NS)
    found = store.bearer(secret)
    assert found is not None
    assert (str(found.principal), found.level) == ("operator:ada", Level.OPERATE)
    keys.wall.move(99 * HOUR_NS)
    keys.monotonic.move(HOUR_NS - 1)
    assert store.bearer(secret) is not None
    assert keys.store().bearer(secret) is None
    keys.monotonic.move(1)
    assert store.bearer(secret) is None
    assert secret.encode() not in keys.path.read_bytes()


def test_at_most_sixteen_operator_sessions_live_and_the_oldest_goes_first(keys: Keys) -> None:
    store = keys.store()
    secrets = [store.grant_session("ada", HOUR_NS) for _ in range(17)]
    assert [store.bearer(secret) is not None for secret in secrets] == [False] + [True] * 16


def test_nothing_of_a_token_shows_when_its_keepers_are_printed(keys: Keys) -> None:
    store = keys.store()
    session = store.grant_session("ada", HOUR_NS)
    file = read(keys.path)
    shown = " ".join(
        repr(each) for each in (store, file, *file.tokens, *store._known, *store._sessions, store.bearer(session), keys.guard())
    )
    hidden = [*keys.secrets.values(), session, file.salt, *(record.digest for record in file.tokens)]
    assert not [each for each in hidden if each in shown or each[:12] in shown]
