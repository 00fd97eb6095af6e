"""How commands read their arguments: one error at a time, naming the option, what was given and what is allowed; help with examples.

In: words. Out: an `argparse.Namespace`, or one line on stderr and exit 2.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import NoReturn

from tidegate.cli.guard import BAD_INPUT


class Arguments(argparse.ArgumentParser):
    """A parser of one command, with examples under its help."""

    def __init__(self, command: str, about: str, examples: Sequence[str] = ()) -> None:
        shown = "examples:\n" + "\n".join(f"  {line}" for line in examples) if examples else None
        super().__init__(
            prog=f"tidegate {command}",
            description=about,
            epilog=shown,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def read(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse the words after the command's name; an unknown one is answered with the nearest known."""
        found, unknown = self.parse_known_args(argv)
        if unknown:
            known = [text for action in self._actions for text in action.option_strings]
            word = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(word, known, 1)
            hint = f"did you mean {near[0]}?" if near else "it is not known here"
            self.error(f"{word}: {hint}" if word.startswith("-") else f"got {word!r} too many words")
        return found

    def error(self, message: str) -> NoReturn:
        """Say one thing and leave."""
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def whole(text: str) -> int:
    """Read a whole number >= 0."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"got {text!r}, allowed: a whole number >= 0")
    return int(text)


def counted(text: str) -> int:
    """Read a whole number >= 1."""
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, allowed: a whole number >= 1")
    return int(text)
