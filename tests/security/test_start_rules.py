"""When the server must not start, and what each refusal says to do. INVARIANT: A1 C4"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.lab import NOW_NS, HandClock, Keys
from tidegate.api.door.admission import Level
from tidegate.api.door.guard_settings import GuardSettings, is_loopback, start_problems
from tidegate.api.door.token_file import create, revoke
from tidegate.api.door.tokens import TokenStore
from tidegate.model.intent import Mode
from tidegate.units import HOUR_NS

LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1"]
ELSEWHERE = ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1"]
NAMES = ["myhost", "localhost.localdomain", "example.com", "", "127.1", "0", "*", "127.0.0.1 "]


@pytest.mark.parametrize("host", LOOPBACK)
def test_paper_on_loopback_starts_without_tokens(host: str) -> None:
    assert is_loopback(host)
    assert start_problems(host, Mode.PAPER, TokenStore(None), behind_tls=False) == ()


@pytest.mark.parametrize("host", ELSEWHERE)
def test_any_other_address_needs_a_token_and_a_tls_terminator_and_each_refusal_says_so(keys: Keys, host: str) -> None:
    assert not is_loopback(host)
    bare = start_problems(host, Mode.PAPER, TokenStore(None), behind_tls=False)
    assert len(bare) == 2
    assert "--behind-tls" in bare[0]
    assert "tidegate token create" in bare[1]
    assert len(start_problems(host, Mode.PAPER, keys.store(), behind_tls=False)) == 1
    settings = GuardSettings(Mode.PAPER, host=host, behind_tls=True, hosts=("gate.example",))
    assert len(start_problems(host, Mode.PAPER, TokenStore(None), True, settings)) == 1
    assert start_problems(host, Mode.PAPER, keys.store(), True, settings) == ()


@pytest.mark.parametrize("host", NAMES)
def test_a_bind_host_that_is_a_name_is_refused_but_for_localhost(keys: Keys, host: str) -> None:
    assert not is_loopback(host)
    settings = GuardSettings(Mode.PAPER, host=host, behind_tls=True, hosts=("gate.example",))
    problems = start_problems(host, Mode.PAPER, keys.store(), True, settings)
    assert len(problems) == 1
    assert "an IP address or localhost" in problems[0]


@pytest.mark.parametrize("mode", [Mode.TEST, Mode.LIVE])
def test_real_money_needs_a_token_on_loopback_too(keys: Keys, mode: Mode) -> None:
    problems = start_problems("127.0.0.1", mode, TokenStore(None), behind_tls=False)
    assert len(problems) == 1
    assert f"mode {mode} needs a token" in problems[0]
    assert start_problems("127.0.0.1", mode, keys.store(), behind_tls=False) == ()


def test_tokens_that_are_all_expired_or_revoked_are_no_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    create(path, "old", Level.OPERATE, NOW_NS, NOW_NS + HOUR_NS)
    create(path, "leaked", Level.OPERATE, NOW_NS, None)
    revoke(path, "leaked", NOW_NS)
    store = TokenStore(path, HandClock(NOW_NS + HOUR_NS))
    assert len(start_problems("127.0.0.1", Mode.LIVE, store, behind_tls=False)) == 1


def test_an_unusable_token_file_refuses_even_paper_on_loopback(keys: Keys) -> None:
    keys.path.chmod(0o644)
    problems = start_problems("127.0.0.1", Mode.PAPER, keys.store(), behind_tls=False)
    assert len(problems) == 1
    assert "chmod 600" in problems[0]


def test_empty_and_short_tokens_in_the_file_refuse(keys: Keys) -> None:
    for digest in ('""', '"abcd"'):
        content = keys.path.read_text()
        first = content.index('"digest": ') + len('"digest": ')
        keys.path.write_text(content[:first] + digest + content[first + 66 :])
        problems = start_problems("127.0.0.1", Mode.PAPER, keys.store(), behind_tls=False)
        assert len(problems) == 1
        assert "empty, short, or not a hash" in problems[0]
        keys.path.write_text(content)


def test_behind_tls_without_a_token_or_without_a_public_name_could_never_be_used(keys: Keys) -> None:
    assert "--behind-tls" in start_problems("127.0.0.1", Mode.PAPER, TokenStore(None), behind_tls=True)[0]
    assert "--host-name" in start_problems("0.0.0.0", Mode.PAPER, keys.store(), behind_tls=True)[0]


@pytest.mark.parametrize(
    "name", ["*", "https://gate.example", "gate.example/x", "*.example", "", "a b", "gäte.example", "user@gate.example"]
)
def test_a_public_name_is_a_plain_name(keys: Keys, name: str) -> None:
    settings = GuardSettings(Mode.PAPER, behind_tls=True, hosts=(name,))
    assert "host name" in start_problems("127.0.0.1", Mode.PAPER, keys.store(), True, settings)[0]


def test_requiring_a_token_without_having_one_is_refused() -> None:
    settings = GuardSettings(Mode.PAPER, require_token=True)
    assert "require_token" in start_problems("127.0.0.1", Mode.PAPER, TokenStore(None), False, settings)[0]
