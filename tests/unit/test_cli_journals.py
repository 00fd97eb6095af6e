"""Which journal a command means, and which unfinished session goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_runs import driven, market_run, settings
from tidegate import __version__
from tidegate.cli.journals import FOLDER, Beginning, existing, for_next_session, is_being_written, newest_first, running
from tidegate.errors import InputError, NotAvailable
from tidegate.model.intent import Mode

STEM = "paper-open-market-7"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    return FOLDER


def beginning(max_trades: int | None = None, policy: str = "daily@00:00") -> Beginning:
    parts = ("scenario:open-market:7;", f"review policy: {policy}")
    return Beginning(settings().limits(Mode.PAPER, max_trades), __version__, parts)


def unfinished(folder: Path, number: int = 1) -> Path:
    """Leave a journal behind as an interrupted session does."""
    path = folder / f"{STEM}-{number}.db"
    run = driven(market_run(path), 5)
    run.stop("interrupted")
    run.close()
    return path


def test_the_first_session_gets_the_first_number(folder: Path) -> None:
    place = for_next_session(STEM, False, beginning())
    assert (place.path, place.resumes) == (folder / f"{STEM}-1.db", False)


def test_an_unfinished_session_goes_on_and_says_so(folder: Path) -> None:
    path = unfinished(folder)
    place = for_next_session(STEM, False, beginning())
    assert (place.path, place.resumes) == (path, True)
    assert "--fresh starts a new one" in place.why


def test_fresh_leaves_an_unfinished_session_alone(folder: Path) -> None:
    unfinished(folder)
    place = for_next_session(STEM, True, beginning())
    assert (place.path.name, place.resumes) == (f"{STEM}-2.db", False)


def test_a_finished_session_is_followed_by_a_new_one(folder: Path) -> None:
    run = driven(market_run(folder / f"{STEM}-1.db"), 5)
    run.close()
    assert for_next_session(STEM, False, beginning()).path.name == f"{STEM}-2.db"


@pytest.mark.parametrize(
    ("other", "why"), [(beginning(1), "other limits"), (beginning(policy="none"), "other options")]
)
def test_a_session_begun_otherwise_is_not_continued_and_the_difference_is_named(
    folder: Path, other: Beginning, why: str
) -> None:
    unfinished(folder)
    place = for_next_session(STEM, False, other)
    assert (place.path.name, place.resumes) == (f"{STEM}-2.db", False)
    assert why in place.why


def test_a_session_in_use_is_neither_continued_nor_disturbed(folder: Path) -> None:
    run = driven(market_run(folder / f"{STEM}-1.db"), 5)
    place = for_next_session(STEM, False, beginning())
    assert (place.path.name, "another process" in place.why) == (f"{STEM}-2.db", True)
    run.close()


def test_another_seed_with_a_longer_number_is_another_session(folder: Path) -> None:
    unfinished(folder)
    assert for_next_session("paper-open-market-71", False, beginning()).path.name == "paper-open-market-71-1.db"


def test_a_running_session_is_found_by_its_lock_and_only_while_it_runs(folder: Path) -> None:
    path = folder / f"{STEM}-1.db"
    run = driven(market_run(path), 5)
    assert is_being_written(path)
    assert running(None) == path
    run.close()
    assert not is_being_written(path)
    with pytest.raises(NotAvailable, match="start one with tidegate serve"):
        running(None)


def test_reading_without_any_journal_says_what_to_do_first(folder: Path) -> None:
    with pytest.raises(NotAvailable, match="run tidegate paper first"):
        existing(None)


def test_a_journal_that_does_not_exist_is_answered_with_the_newest_one(folder: Path) -> None:
    path = unfinished(folder)
    with pytest.raises(InputError, match=f"the newest here is {path}"):
        existing(Path("nope.db"))
    assert newest_first() == [path]
