"""The first start of a clone, with a pretended Python 3.11 and no network: what is made, when it counts, and what is said when it fails."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT

FAKE_PYTHON = ROOT / "tests/support/fake_python.sh"
NETWORK_DOWN = "WARNING: Retrying\nERROR: NewConnectionError: Temporary failure in name resolution\n"


class Clone:
    """A project folder of its own (with a space in its name) and the room of its pretended Python."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a clone"
        self.room = folder / "room"
        self.room.mkdir(parents=True)
        for part in ("bin", "scripts", "core"):
            shutil.copytree(ROOT / part, self.root / part, ignore=shutil.ignore_patterns("__pycache__"))
        (self.root / "requirements").mkdir()
        for kind in ("core", "dev"):
            (self.root / "requirements" / f"{kind}.txt").write_text(f"typer==1 --hash=sha256:00  # {kind}\n")
        (self.room / "version").write_text("3.11.7\n")
        self.running: list[subprocess.Popen[str]] = []

    @property
    def environment(self) -> dict[str, str]:
        """What makes the bootstrap find the pretended Python, and that one its room."""
        return {**os.environ, "TIDEGATE_PYTHON": str(FAKE_PYTHON), "FAKE_ROOM": str(self.room)}

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `bootstrap.py` and leave it running."""
        command = [
            sys.executable,
            "-I",
            "-S",
            str(self.root / "bin/bootstrap.py"),
            *(arguments or ("core", "tidegate.cli.app:main", "a b")),
        ]
        child = subprocess.Popen(
            command,
            cwd=self.room,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(child)
        return child

    def start(self, *arguments: str) -> tuple[int, str, str]:
        """Start and finish: status, output, what was said."""
        child = self.begin(*arguments)
        output, said = child.communicate(timeout=30)
        return child.returncode, output, said

    def calls(self, word: str) -> int:
        """Count what the pretended Python was asked to do."""
        log = self.room / "calls"
        return sum(line.split()[0] == word for line in log.read_text().splitlines()) if log.exists() else 0

    def hold_install(self) -> None:
        """Make every install wait until the gate that `wait_for_install` returns is written to."""
        os.mkfifo(self.room / "gate")

    def wait_for_install(self) -> int:
        """Return the open gate once an install waits at it; later installs do not wait."""
        gate = os.open(self.room / "gate", os.O_WRONLY)
        (self.room / "gate").unlink()
        return gate


def release(gate: int) -> None:
    """Let the install that waits at the gate go on."""
    os.write(gate, b"go\n")
    os.close(gate)


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    made = Clone(tmp_path)
    yield made
    for child in made.running:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def wait_for(child: subprocess.Popen[str], words: str) -> None:
    """Read what a start says until it says the words."""
    assert child.stderr is not None
    for line in child.stderr:
        if words in line:
            return
    raise AssertionError(f"never said: {words}")


def test_the_first_start_makes_the_venv_and_runs_the_program_with_its_arguments(clone: Clone) -> None:
    status, output, said = clone.start()
    assert (status, clone.calls("venv"), clone.calls("pip")) == (0, 1, 1)
    assert output.endswith("tidegate.cli.app:main tidegate a b\n")
    assert "setting up .venv with python 3.11.7" in said
    assert (clone.root / ".venv/lib/python3.11/site-packages/tidegate.pth").read_text() == f"{clone.root}/src\n"


def test_the_install_checks_hashes_and_builds_nothing(clone: Clone) -> None:
    clone.start()
    asked = (clone.room / "calls").read_text()
    assert "--require-hashes" in asked
    assert "--only-binary :all:" in asked


def test_the_second_start_says_and_makes_nothing(clone: Clone) -> None:
    clone.start()
    status, output, said = clone.start()
    assert (status, said, clone.calls("venv"), clone.calls("pip")) == (0, "", 1, 1)
    assert output.startswith("ran -I -c")


@pytest.mark.parametrize("change", ["lock", "python", "place", "interpreter gone", "stamp torn"])
def test_anything_the_stamp_names_that_changed_renews_the_venv(clone: Clone, change: str) -> None:
    clone.start()
    match change:
        case "lock":
            (clone.root / "requirements/core.txt").write_text("typer==2 --hash=sha256:11\n")
        case "python":
            (clone.root / ".venv/pyvenv.cfg").write_text("version = 3.11.8\n")
        case "place":
            clone.root = clone.root.rename(clone.root.with_name("moved"))
        case "interpreter gone":
            (clone.root / ".venv/bin/python").unlink()
        case _:
            (clone.root / ".venv/tidegate-core.stamp").write_text("format 1\nlock")
    status, _, said = clone.start()
    assert (status, clone.calls("venv")) == (0, 2)
    assert "ready" in said


def test_renewing_removes_what_the_old_venv_held(clone: Clone) -> None:
    clone.start()
    leftover = clone.root / ".venv/lib/python3.11/site-packages/old.py"
    leftover.write_text("")
    (clone.root / "requirements/core.txt").write_text("typer==2 --hash=sha256:11\n")
    clone.start()
    assert not leftover.exists()


def test_testing_adds_to_a_good_venv_and_running_then_needs_nothing(clone: Clone) -> None:
    clone.start()
    assert clone.start("dev", "pytest", "-q")[0] == 0
    assert clone.start()[2] == ""
    assert (clone.calls("venv"), clone.calls("pip")) == (1, 2)


def test_testing_first_also_makes_the_venv_ready_for_running(clone: Clone) -> None:
    clone.start("dev", "pytest")
    assert clone.start()[2] == ""
    assert clone.calls("pip") == 1


def test_a_failed_install_never_looks_ready_and_the_next_start_begins_anew(clone: Clone) -> None:
    (clone.room / "pip_says").write_text("something odd\n")
    status, output, said = clone.start()
    assert (status, output) == (1, "")
    assert "something odd" in said
    (clone.room / "pip_says").unlink()
    assert clone.start()[0] == 0
    assert clone.calls("venv") == 2


@pytest.mark.parametrize(
    ("pip_says", "told"),
    [
        (NETWORK_DOWN, "connect and start again"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "does not match the hashes"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: No matching distribution found for apsw", "not offered for this platform"),
    ],
)
def test_a_failed_install_names_the_cause_and_what_to_do(clone: Clone, pip_says: str, told: str) -> None:
    (clone.room / "pip_says").write_text(pip_says)
    status, _, said = clone.start()
    assert status == 1
    assert told in said.splitlines()[-1]


def test_a_python_that_cannot_make_venvs_names_the_package_to_install(clone: Clone) -> None:
    (clone.room / "no_venv").touch()
    assert "apt install python3.11-venv" in clone.start()[2]


@pytest.mark.parametrize("version", ["3.10.13", "3.13.0"])
def test_another_python_is_refused_saying_what_was_found_and_needed(clone: Clone, version: str) -> None:
    (clone.room / "version").write_text(version + "\n")
    status, _, said = clone.start()
    assert status == 1
    assert "python 3.11 is needed" in said
    assert version in said


def test_concurrent_first_starts_set_up_once_and_both_run(clone: Clone) -> None:
    clone.hold_install()
    first = clone.begin()
    gate = clone.wait_for_install()
    second = clone.begin()
    wait_for(second, "another start is setting up .venv")
    release(gate)
    assert [child.wait(30) for child in (first, second)] == [0, 0]
    assert (clone.calls("venv"), clone.calls("pip")) == (1, 1)


def test_after_kill_9_the_next_start_waits_for_the_orphaned_install_and_begins_anew(clone: Clone) -> None:
    clone.hold_install()
    first = clone.begin()
    gate = clone.wait_for_install()
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    second = clone.begin()
    wait_for(second, "another start is setting up .venv")
    release(gate)
    assert second.wait(30) == 0
    assert clone.calls("venv") == 2


def test_ctrl_c_during_set_up_leaves_nothing_that_looks_ready(clone: Clone) -> None:
    clone.hold_install()
    first = clone.begin()
    gate = clone.wait_for_install()
    os.killpg(first.pid, signal.SIGINT)
    _, said = first.communicate(timeout=30)
    os.close(gate)
    assert first.returncode == 130
    assert "Traceback" not in said
    assert not list((clone.root / ".venv").glob("*.stamp"))


def test_a_venv_we_did_not_make_is_left_alone(clone: Clone) -> None:
    mine = clone.root / ".venv/mine.txt"
    mine.parent.mkdir()
    mine.write_text("keep")
    status, _, said = clone.start()
    assert status == 1
    assert "was not made by this project" in said
    assert mine.read_text() == "keep"


def test_a_missing_lock_is_an_error_before_anything_is_removed(clone: Clone) -> None:
    clone.start()
    (clone.root / "requirements/core.txt").unlink()
    status, _, said = clone.start()
    assert status == 1
    assert "requirements/core.txt is missing" in said
    assert (clone.root / ".venv/bin/python").exists()


def test_a_venv_a_program_runs_from_is_not_pulled_away(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bin"))
    bootstrap, set_up = __import__("bootstrap"), __import__("set_up")
    monkeypatch.setattr(set_up, "IN_USE_PATIENCE_S", 0.0)
    clone.start()
    place = bootstrap.Place(str(clone.root))
    running = bootstrap.open_lock(place.use_lock)  # what every program holds for its life
    bootstrap.lock(running, exclusive=False)
    with pytest.raises(bootstrap.SetupError, match="still running"):
        set_up.clear(place)
    os.close(running)
    assert bootstrap.is_ready(place, "core")
    set_up.clear(place)
    assert not bootstrap.is_ready(place, "core")


@pytest.mark.parametrize(
    ("command", "handed_over"),
    [
        (["bash", "bin/tidegate", "check", "a b"], "tidegate.cli.app:main tidegate check a b"),
        (["bash", "bin/START_API_SERVER.sh"], "tidegate.cli.app:main tidegate serve"),
        (["bash", "bin/START_API_SERVER.sh", "9000", "--fresh"], "tidegate.cli.app:main tidegate serve --port 9000 --fresh"),
        (["bash", "bin/START_API_SERVER.sh", "--fresh"], "tidegate.cli.app:main tidegate serve --fresh"),
        ([sys.executable, "scripts/deploy_tactical_scalps.py", "--mode", "paper"], "deploy:main PROGRAM --mode paper"),
        ([sys.executable, "core/trading/tactical_risk_gate.py"], "tidegate.cli.worked_example:main PROGRAM"),
    ],
    ids=["tidegate", "server", "server with port", "server with options", "deploy", "worked example"],
)
def test_a_launcher_hands_over_its_command_from_any_folder(clone: Clone, command: list[str], handed_over: str) -> None:
    interpreter, script, *arguments = command
    place = str(clone.root / script)
    answer = subprocess.run(
        [interpreter, place, *arguments],
        cwd=clone.room,
        env=clone.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith(handed_over.replace("PROGRAM", place) + "\n")


def test_a_launcher_works_through_a_symbolic_link(clone: Clone) -> None:
    link = clone.room / "tg"
    link.symlink_to(clone.root / "bin/tidegate")
    answer = subprocess.run([str(link), "envelope"], env=clone.environment, capture_output=True, text=True, check=False)
    assert answer.stdout.endswith("tidegate envelope\n"), answer.stderr


@pytest.mark.parametrize("port", ["abc", "-1", "123456", "80;ls"])
def test_a_port_that_is_no_port_is_refused(clone: Clone, port: str) -> None:
    command = ["bash", str(clone.root / "bin/START_API_SERVER.sh"), port]
    answer = subprocess.run(command, env=clone.environment, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert f"given: {port}" in answer.stderr


@pytest.mark.parametrize("arguments", [(), ("core",), ("production", "x")])
def test_wrong_arguments_show_the_usage(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, str(ROOT / "bin/bootstrap.py"), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "usage: bootstrap.py core|dev" in answer.stderr
