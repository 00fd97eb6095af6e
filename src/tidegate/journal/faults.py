"""How the journal says that something is wrong: each message ends in what the operator can do.

In: a path and a cause. Out: the errors of `tidegate.errors`, filled in.
"""

from __future__ import annotations

from pathlib import Path

from tidegate.errors import JournalCorrupt, JournalFault


class ChainBroken(JournalCorrupt):
    """Damage at one place: `path`, the `seq` expected there (0: before any record) and the `cause`. INVARIANT: J3"""

    def __init__(self, path: Path, seq: int, cause: str) -> None:
        self.path, self.seq, self.cause = path, seq, cause
        place = f"record {seq}" if seq else "its structure"
        super().__init__(
            f"journal {path} is damaged at {place}: {cause}; nothing was skipped or changed. Run `tidegate journal verify {path}`, "
            f"then quarantine it yourself: rename {path.name} and every file beginning with {path.name} (they belong together), "
            "restore a backup or start a new journal, and reconcile with the venue"
        )


def fault(path: Path, doing: str, cause: object) -> JournalFault:
    """Return the fault to raise when `doing` failed on the journal at `path`. INVARIANT: J4"""
    return JournalFault(
        f"journal {path} failed while {doing}: {cause}; entries stop and nothing is retried. Exits go to the side file; "
        "free space or replace the disk, then restart"
    )
