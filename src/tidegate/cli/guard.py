"""How every command ends: an exit code, and for an error one clear text on stderr, never a traceback for what was foreseen.

In: a command. Out: 0 good, 1 a check or verdict failed or something foreseen went wrong, 2 bad input, 130 left by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tidegate.errors import InputError, InputErrors, TidegateError

GOOD, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def answered(command: Callable[[], int]) -> int:
    """Run a command and return its exit code. A bug is not foreseen: it propagates."""
    try:
        return command()
    except (InputError, InputErrors) as error:
        complain(str(error))
        return BAD_INPUT
    except TidegateError as error:
        complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        complain("left by Ctrl-C")
        return INTERRUPTED
    except BrokenPipeError:
        _leave_pipe()
        return GOOD
    except OSError as error:
        complain(f"{error.filename or 'the system'}: {(error.strerror or str(error)).lower()}")
        return FAILED


def complain(text: str) -> None:
    """Print an error on stderr, plain."""
    print(f"tidegate: {text}", file=sys.stderr)


def _leave_pipe() -> None:
    """Point stdout away from the closed pipe, so that the interpreter's last flush has nobody to complain about."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
