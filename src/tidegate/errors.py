"""The errors of the house. Outcomes (a rejection, an unknown input) are values; errors are for the rest.

    TidegateError
    ├── InputError            bad input: names the place, what was given, what is allowed
    ├── InputErrors           several of them at once (config)
    ├── NotAvailable          something asked for is not here (a tape that lacks a column, an extra not installed)
    ├── JournalError
    │   ├── JournalFault      a write or fsync failed: entries stop, exits go on
    │   ├── JournalCorrupt    the hash chain is broken: start HALTED, nothing is skipped
    │   └── JournalLocked     another process writes this journal
    └── VenueError
        ├── NotSent           the request never left: may be tried again
        ├── Refused           the venue said no: final
        └── OutcomeUnknown    it left and nobody knows: only the venue's answer may resolve it

Messages are lower case, without a full stop: what was given, what is allowed, how to fix it. A bug is none of these: it propagates.
"""

from __future__ import annotations


class TidegateError(Exception):
    """Base of every error that Tidegate raises on purpose."""


class InputError(TidegateError):
    """One piece of bad input.

    `path` names the place (`limits.hot_wallet_usd`, `line 12, column high`), `given` is what was there, `allowed` what would be right.
    """

    def __init__(self, path: str, given: object, allowed: str, fix: str = "") -> None:
        self.path, self.given, self.allowed, self.fix = path, given, allowed, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.path}: got {_shown(self.given)}, allowed: {self.allowed}"
        return f"{text}; {self.fix}" if self.fix else text


class InputErrors(TidegateError):
    """Every error found in one document, in the document's order."""

    def __init__(self, place: str, errors: list[InputError]) -> None:
        self.place, self.errors = place, tuple(errors)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = f"{len(self.errors)} error{'s' if len(self.errors) != 1 else ''}"
        return f"{self.place}: {count}\n" + "\n".join(f"  {error}" for error in self.errors)


class NotAvailable(TidegateError):
    """Something that was asked for does not exist here; the message names the alternative."""


class JournalError(TidegateError):
    """The journal cannot do what was asked."""


class JournalFault(JournalError):
    """A write or fsync failed. It is reported once and never retried. INVARIANT: J4"""


class JournalCorrupt(JournalError):
    """The journal's hash chain is broken. INVARIANT: J3"""


class JournalLocked(JournalError):
    """Another process holds the journal's writer lock. INVARIANT: S4"""


class VenueError(TidegateError):
    """A venue did not do what was asked; the subclass says what is known."""


class NotSent(VenueError):
    """The request never left this process; trying again is safe."""


class Refused(VenueError):
    """The venue answered no; the order does not exist."""


class OutcomeUnknown(VenueError):
    """The request left and no answer came; only the venue may say what happened. INVARIANT: X4"""


def _shown(given: object) -> str:
    """Quote a value for a message, cut to a readable length."""
    text = repr(given)
    return text if len(text) <= 80 else text[:77] + "..."
