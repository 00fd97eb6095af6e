"""`tidegate token`: the secret once, on stdout alone; lists and errors without it. INVARIANT: C3 C4"""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.api.door.admission import Level
from tidegate.api.door.token_text import level_of
from tidegate.api.door.tokens import TokenStore
from tidegate.cli.token_command import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def created(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["create", *words]) == 0
    return capsys.readouterr().out.strip()


def test_create_prints_the_secret_alone_on_stdout_and_it_works(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = created(capsys, "my-agent", "--level", "propose")
    assert level_of(secret) is Level.PROPOSE
    found = TokenStore(folder / "var" / "tokens.json").bearer(secret)
    assert found is not None
    assert str(found.principal) == "agent:my-agent"


def test_the_secret_is_not_on_stderr_nor_in_any_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", "ada", "--level", "operate", "--expires", "30d"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() not in said.err
    assert "operator:ada" in said.err
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert said.out.strip() not in listed
    assert "ada" in listed
    assert "active" in listed


def test_revoke_ends_it_and_the_list_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = created(capsys, "bot", "--level", "read")
    assert main(["revoke", "bot"]) == 0
    assert TokenStore(folder / "var" / "tokens.json").bearer(secret) is None
    assert main(["list"]) == 0
    assert "revoked" in capsys.readouterr().out


def test_an_empty_list_says_how_to_begin(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "tidegate token create" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["create"],
        ["create", "bot"],
        ["create", "bot", "--level", "admin"],
        ["create", "local", "--level", "read"],
        ["create", "bot", "--level", "read", "--expires", "soon"],
        ["create", "bot", "--level", "read", "--expires", "0s"],
        ["revoke"],
        ["revoke", "nobody"],
        ["show"],
    ],
)
def test_bad_words_end_with_two_and_change_nothing(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    try:
        code = main(words)
    except SystemExit as left:
        code = int(str(left.code))
    assert code == 2
    assert "tidegate" in capsys.readouterr().err
    assert not (folder / "var" / "tokens.json").exists()


def test_a_file_open_to_others_is_refused_with_the_fix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    created(capsys, "bot", "--level", "read")
    (folder / "var" / "tokens.json").chmod(0o644)
    assert main(["list"]) == 1
    assert "chmod 600" in capsys.readouterr().err
