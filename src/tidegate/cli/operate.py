"""`tidegate state | halt | lift | review`: the operator's commands to the running session, through its control folder.

In: words. Out: what the session did, in its own words; exit 0 when it obeyed, 2 when the command was wrong, 1 when nobody answered.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments
from tidegate.cli.guard import BAD_INPUT, GOOD, answered, complain

_JOURNAL_TEXT = "journal of the running session (default: the newest one that is being written)"


def state(argv: Sequence[str] | None = None) -> int:
    """Show the state of the running session."""
    words = _words("state", "Show trading state, halts and open trades of the running session.", ("tidegate state",))
    found = words.read(argv)
    return answered(lambda: send(found.journal, "state"))


def halt(argv: Sequence[str] | None = None) -> int:
    """Refuse entries from now on."""
    words = _words("halt", "Refuse entries from now on; exits stay open.", ('tidegate halt --reason "news at 14:00"',))
    _named(words, required=False)
    found = words.read(argv)
    return answered(lambda: send(found.journal, "halt", found.by, found.reason))


def lift(argv: Sequence[str] | None = None) -> int:
    """End a halt."""
    examples = (
        'tidegate lift OPERATOR --by ada --reason "news is out"',
        'tidegate lift L4_SESSION_DRAWDOWN --by ada --reason "checked every fill"',
    )
    words = _words("lift", "End every halt of one cause: a named human with a reason. Both are journaled.", examples)
    words.add_argument("cause", metavar="CAUSE", help="such as OPERATOR, LOSSES, SESSION_DRAWDOWN, or the full code")
    _named(words, required=True)
    found = words.read(argv)
    return answered(lambda: send(found.journal, "lift", found.by, found.reason, found.cause))


def review(argv: Sequence[str] | None = None) -> int:
    """Record a review of the losses."""
    words = _words(
        "review",
        "Record that the losses were reviewed: ends the two-loss pause, not the five-loss count.",
        ('tidegate review --by ada --reason "both were flushes without reclaim"',),
    )
    _named(words, required=True)
    found = words.read(argv)
    return answered(lambda: send(found.journal, "review", found.by, found.reason))


def send(journal: Path | None, verb: str, by: str = "", reason: str = "", cause: str = "") -> int:
    """Give one command to the running session and print its answer. Raises NotAvailable when none runs or answers."""
    ok, text = told(journal, verb, by, reason, cause)
    if ok:
        print(text)
        return GOOD
    complain(text)
    return BAD_INPUT


def told(journal: Path | None, verb: str, by: str = "", reason: str = "", cause: str = "") -> tuple[bool, str]:
    """Give one command to the running session; return whether it obeyed, and its words."""
    from tidegate.cli.journals import running
    from tidegate.engine.control import Command, ControlFolder

    answer = ControlFolder(running(journal)).ask(Command(verb, by, reason, cause))
    return answer.ok, answer.text


def me() -> str:
    """Return the name of whoever types."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def _words(command: str, about: str, examples: Sequence[str]) -> Arguments:
    words = Arguments(command, about, examples)
    words.add_argument("--journal", type=Path, metavar="PATH", help=_JOURNAL_TEXT)
    return words


def _named(words: Arguments, required: bool) -> None:
    default = None if required else me()
    who = "who does it" if required else f"who does it (default: {default})"
    words.add_argument("--by", required=required, default=default, metavar="NAME", help=who)
    words.add_argument("--reason", required=True, metavar="R", help="why; it is journaled")
