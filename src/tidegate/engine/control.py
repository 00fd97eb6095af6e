"""Control files: the operator's commands to a running process without any API. One file a command, one file an answer.

In: `<journal>.control/<n>.command.json`, written whole and renamed into place by the CLI. Out: `<n>.answer.json` by the process that holds the
journal. Works with the API down and the feeds dead; a flag file that is not understood is answered, never obeyed. INVARIANT: K4
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tidegate.errors import InputError, NotAvailable, TidegateError

_POLL_S = 0.05


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operator command: `verb` is halt, lift, review, flatten or state. `cause` is for lift."""

    verb: str
    by: str = ""
    reason: str = ""
    cause: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What the process did about a command."""

    ok: bool
    text: str


class ControlFolder:
    """Both ends of the exchange; the folder belongs to the user alone (mode 0700)."""

    def __init__(self, journal_path: Path) -> None:
        self._folder = journal_path.with_name(journal_path.name + ".control")

    def open(self) -> None:
        """Make the folder and forget commands of an earlier process."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder, so that nobody waits for an answer."""
        for path in self._folder.glob("*.json"):
            path.unlink(missing_ok=True)
        self._folder.rmdir()

    def serve(self, obey: Callable[[Command], str]) -> int:
        """Obey every waiting command once, in order; return how many. Errors become answers."""
        waiting = self.waiting()
        for path, command in waiting:
            self.answer(path, command if isinstance(command, Answer) else _obeyed(command, obey))
        return len(waiting)

    def waiting(self) -> list[tuple[Path, Command | Answer]]:
        """Return every waiting command, in order, with the file it came in; one that is not understood comes as the answer to it."""
        return [(path, _read(path)) for path in sorted(self._folder.glob("*.command.json"))]

    def answer(self, path: Path, answer: Answer) -> None:
        """Answer the command that came in a file, and forget it."""
        self._write(path.name.replace(".command.", ".answer."), answer)
        path.unlink(missing_ok=True)

    def ask(self, command: Command, wait_s: float = 10.0) -> Answer:
        """Give a command to the running process and wait for its answer. Raises NotAvailable when none comes."""
        if not self._folder.is_dir():
            raise NotAvailable("no process serves this journal: start one, or run the command on the journal itself")
        number = f"{time.time_ns()}-{os.getpid()}"
        self._write(f"{number}.command.json", command)
        answer_path = self._folder / f"{number}.answer.json"
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline:
            if answer_path.exists():
                answer = msgspec.json.decode(answer_path.read_bytes(), type=Answer)
                answer_path.unlink(missing_ok=True)
                return answer
            time.sleep(_POLL_S)
        (self._folder / f"{number}.command.json").unlink(missing_ok=True)
        raise NotAvailable(f"the running process did not answer within {wait_s:g} s; the command was withdrawn if it was not yet read")

    def _write(self, name: str, content: Command | Answer) -> None:
        temporary = self._folder / f".{name}.tmp"
        temporary.write_bytes(msgspec.json.encode(content))
        temporary.rename(self._folder / name)


def _read(path: Path) -> Command | Answer:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Command)
    except msgspec.DecodeError as error:
        return Answer(False, str(InputError(path.name, str(error), "a command written by tidegate")))


def _obeyed(command: Command, obey: Callable[[Command], str]) -> Answer:
    try:
        return Answer(True, obey(command))
    except TidegateError as error:
        return Answer(False, str(error))
