"""The command line as its user meets it: sessions, reports, questions, mistakes, and pulled plugs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_runs import driven, market_run
from tidegate.cli import (
    check,
    explain,
    flatten,
    journal_command,
    operate,
    paper_command,
    replay_command,
    report_command,
)
from tidegate.cli.journals import FOLDER
from tidegate.model.event import FlattenEnded, HaltLatched
from tidegate.replay.recompute import events_of

MARKET = ("--scenario", "open-market", "--plain")
PROGRAM = "import sys; sys.argv[0] = 'tidegate'; from tidegate.cli.app import main; main()"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(*words: str) -> subprocess.Popen[str]:
    """Start the command as its own process."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def running_market() -> tuple[subprocess.Popen[str], Path]:
    """Start an endless session and wait until it serves."""
    process = started("paper", *MARKET, "--speed", "20")
    assert process.stdout is not None
    for line in process.stdout:
        if "a new UTC day" in line:
            break
    return process, FOLDER / "paper-open-market-7-1.db"


def ended(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=30)
    return out


@pytest.fixture(scope="module")
def seed_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the seed's whole day once."""
    path = tmp_path_factory.mktemp("day") / "day.db"
    assert paper_command.main(["--plain", "--journal", str(path)]) == 0
    return path


def test_the_seeds_day_ends_with_a_report_that_its_journal_confirms(
    seed_day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report_command.main([str(seed_day)]) == 0
    text = capsys.readouterr().out
    assert "L4_HEALTH_FACTOR_CRITICAL" in text
    assert "every hash and link holds" in text
    assert report_command.main([str(seed_day), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["run"]["closed"] == sum(each["trades"] for each in numbers["run"]["exits"].values()) > 0
    assert numbers["conservation_gap_usd"] == 0


def test_every_decision_of_the_day_is_decided_again_byte_for_byte(
    seed_day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert journal_command.main(["export", str(seed_day), "--kind", "DecisionMade"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ids = [line["payload"]["decision"]["decision_id"] for line in lines]
    assert len(ids) >= 5
    for decision_id in ids:
        assert explain.main([decision_id, "--journal", str(seed_day)]) == 0
    assert capsys.readouterr().out.count("recomputed: equal, byte for byte") == len(ids)


def test_a_finished_session_is_not_written_on(seed_day: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert paper_command.main(["--plain", "--journal", str(seed_day)]) == 1
    assert "holds a finished run" in capsys.readouterr().err


def test_a_bounded_session_goes_on_where_it_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    assert paper_command.main([*MARKET, "--for", "1m"]) == 0
    assert "has not ended: the same command goes on" in capsys.readouterr().out
    assert paper_command.main([*MARKET, "--for", "1m"]) == 0
    assert "going on with the unfinished" in capsys.readouterr().out
    assert [path.name for path in FOLDER.glob("*.db")] == ["paper-open-market-7-1.db"]


def test_a_session_in_which_a_human_acted_goes_on_too(capsys: pytest.CaptureFixture[str]) -> None:
    path = FOLDER / "acts.db"
    path.parent.mkdir(parents=True)
    run = driven(market_run(path), 30)
    run.engine.halt("ada", "lunch")
    run.engine.flush()
    driven(run, 60)
    run.engine.review("ada", "looked")
    run.engine.flatten("ada", "home: early")
    run.engine.flush()
    driven(run, 90)
    run.stop("unplugged")
    run.close()
    assert paper_command.main([*MARKET, "--journal", str(path), "--for", "1m"]) == 0
    assert "recomputed               equal" in capsys.readouterr().out


def test_ctrl_c_stops_in_order_and_leaves_a_session_that_can_go_on() -> None:
    process, path = running_market()
    process.send_signal(signal.SIGINT)
    text = ended(process)
    assert process.returncode == 0, text
    assert "stopped by the operator" in text
    assert "has not ended" in text
    assert journal_command.main(["verify", str(path)]) == 0


def test_a_killed_session_goes_on_and_its_journal_still_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    process, path = running_market()
    process.kill()
    ended(process)
    assert paper_command.main([*MARKET, "--for", "1m"]) == 0
    assert f"going on with the unfinished {path}" in capsys.readouterr().out
    assert journal_command.main(["verify", str(path)]) == 0


def test_the_running_session_obeys_halt_lift_and_flatten_and_remembers_them(capsys: pytest.CaptureFixture[str]) -> None:
    process, path = running_market()
    try:
        assert operate.halt(["--by", "ada", "--reason", "lunch"]) == 0
        assert operate.state([]) == 0
        assert "HALTED; open trades 0; halts: L4_OPERATOR (ada: lunch)" in capsys.readouterr().out
        assert operate.lift(["operator", "--by", "ada", "--reason", "back"]) == 0
        assert operate.lift(["operator", "--by", "ada", "--reason", "twice"]) == 2
        assert "a latched halt (none)" in capsys.readouterr().err
        assert flatten.main(["--by", "ada"]) == 0
        assert "flat: the venue was read again" in capsys.readouterr().out
    finally:
        process.send_signal(signal.SIGTERM)
        ended(process)
    kinds = [type(event) for _, event in events_of(path)]
    assert HaltLatched in kinds
    assert FlattenEnded in kinds


def test_the_drill_shows_required_and_actual_of_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    assert flatten.main(["--drill"]) == 0
    assert "the kill path works" in capsys.readouterr().out


def test_a_dry_run_judges_without_writing_anything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--strategy", "btc range scalp", "--pair", "BTC/USD", "--at", "2m"]
    assert check.main([*asked, "--amount", "25", "--side", "long"]) == 0
    assert check.main([*asked, "--amount", "500", "--side", "long"]) == 1
    assert "Notional 500.00 USD is more than 415.00 USD" in capsys.readouterr().out
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        (paper_command.main, ["--scenario", "nope"], "seed-day, open-market, crash"),
        (paper_command.main, ["--speed", "-3"], "--speed: got '-3', allowed: max, or a number > 0"),
        (paper_command.main, ["--for", "soon"], "duration: got 'soon'"),
        (paper_command.main, ["--review-policy", "never"], "none, immediate, or daily@HH:MM"),
        (paper_command.main, ["--journal", "."], "the path of a file"),
        (paper_command.main, ["--config", "nope.json"], "nope.json"),
        (check.main, ["--strategy", "x", "--pair", "BTC", "--amount", "25"], "strategy: got 'x'"),
        (check.main, ["--strategy", "agent_signal", "--pair", "BTC", "--amount", "NaN"], "--amount: got 'NaN'"),
        (
            check.main,
            ["--strategy", "agent_signal", "--pair", "BTC", "--amount", "2", "--side", "up"],
            "long, short or auto",
        ),
        (replay_command.main, ["nope"], "tape: got 'nope'"),
        (replay_command.main, [".", "--assets", "DOGE"], "--assets: got 'DOGE'"),
        (replay_command.main, [".", "--assume", "luck=1"], "--assume: got 'luck=1'"),
        (journal_command.main, ["show", "nope.db"], "journal: got 'nope.db'"),
        (explain.main, ["D1", "--journal", "nope.db"], "journal: got 'nope.db'"),
    ],
)
def test_a_mistake_gets_one_clear_error_and_changes_nothing(
    command: object, words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(command)
    assert command(words) == 2
    answer = capsys.readouterr()
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sped", "3"], "--sped: did you mean --speed?"),
        (["--seed", "x"], "got 'x', allowed: a whole number >= 0"),
        (["--max-trades", "0"], "got '0', allowed: a whole number >= 1"),
        (["now"], "got 'now' too many words"),
    ],
)
def test_a_word_that_is_not_known_is_answered_with_what_is(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        paper_command.main(words)
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_commands_for_a_running_session_say_so_when_none_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (operate.state, lambda words: operate.halt(["--reason", "x"]), flatten.main):
        assert command([]) == 1
        assert "no session is running" in capsys.readouterr().err


def test_a_broken_journal_is_told_as_broken_with_its_first_bad_record(
    seed_day: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = folder / "damaged.db"
    content = bytearray(seed_day.read_bytes())
    place = content.index(b"HaltLatched") + 40
    content[place] ^= 1
    damaged.write_bytes(content)
    assert journal_command.main(["verify", str(damaged)]) == 1
    assert "BROKEN at record" in capsys.readouterr().out
    assert report_command.main([str(damaged)]) == 1
