"""`tidegate token create|list|revoke`: who may use the API, and how far. A secret is shown once, on stdout alone, and kept nowhere. INVARIANT: C3 C4

In: words. Out: a new secret, the list of tokens without their secrets, or what was revoked; a running server notices within a second.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tidegate.cli.arguments import Arguments
from tidegate.cli.guard import GOOD, answered

_LEVELS = {
    "read": "look: health, session, positions, decisions, stream",
    "propose": "an agent: read, and ask the gate for trades",
    "operate": "a person: propose, and halt, flatten, lift, review, strategies",
}
_ABOUT = {
    "create": "make a token and show its secret once",
    "list": "names, levels, ages; never a secret",
    "revoke": "end a token now, by its name or id; a running server notices within a second",
}
_EXAMPLES = (
    "tidegate token create my-agent --level propose --expires 30d",
    'TOKEN=$(tidegate token create ada --level operate)    then: curl -H "Authorization: Bearer $TOKEN" ...',
    "tidegate token list",
    "tidegate token revoke my-agent",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Manage tokens of the API."""
    about = "Tokens of the API.\n\n" + "\n".join(f"  {name:8} {text}" for name, text in (_ABOUT | _LEVELS).items())
    words = Arguments("token", about, _EXAMPLES)
    words.add_argument("what", choices=tuple(_ABOUT), metavar="create|list|revoke")
    words.add_argument("name", nargs="?", metavar="NAME", help="who holds the token: an agent, or a person for operate")
    words.add_argument("--level", choices=tuple(_LEVELS), help="what it allows; each level includes the ones before it")
    words.add_argument("--expires", metavar="SPAN", help="how long it works, such as 12h or 30d (default: until revoked)")
    words.add_argument("--file", type=Path, metavar="PATH", help="the token file (default: var/tokens.json)")
    found = words.read(argv)
    if found.what != "list" and not found.name:
        words.error(f"{found.what} needs a NAME")
    if found.what == "create" and not found.level:
        words.error("create needs --level read, propose or operate: give the least that is enough")
    return answered(lambda: _run(found))


def _run(found: argparse.Namespace) -> int:
    from tidegate.api.door.token_file import DEFAULT_PATH

    path = found.file or DEFAULT_PATH
    match found.what:
        case "create":
            return _create(path, found)
        case "revoke":
            return _revoke(path, found.name)
        case _:
            return _list(path)


def _create(path: Path, found: argparse.Namespace) -> int:
    from tidegate.api.door.admission import Level
    from tidegate.api.door.token_file import create
    from tidegate.cli.words import lasting, span_of

    now_ns = time.time_ns()
    lasts_ns = span_of(found.expires) if found.expires else None
    secret, record = create(path, found.name, Level[found.level.upper()], now_ns, None if lasts_ns is None else now_ns + lasts_ns)
    span = "until it is revoked" if lasts_ns is None else f"for {lasting(lasts_ns)}"
    _tell(f"token {record.id} for {record.principal}, level {record.level}, {span}; only its hash is kept, in {path}")
    _tell("this is the only time the secret is shown:")
    print(secret)
    return GOOD


def _revoke(path: Path, name: str) -> int:
    from tidegate.api.door.token_file import revoke

    record = revoke(path, name, time.time_ns())
    print(f"token {record.id} of {record.principal} is revoked; a running server refuses it within a second")
    return GOOD


def _list(path: Path) -> int:
    from tidegate.api.door.token_file import read
    from tidegate.cli.words import when

    now_ns = time.time_ns()
    records = read(path).tokens
    if not records:
        print(f"no tokens in {path}; create one: tidegate token create my-agent --level propose")
        return GOOD
    rows = [("id", "name", "level", "state", "created", "expires")]
    for record in records:
        expires = "never" if record.expires_ns is None else when(record.expires_ns)
        rows.append((record.id, record.name, record.level, record.state(now_ns), when(record.created_ns), expires))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return GOOD


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
