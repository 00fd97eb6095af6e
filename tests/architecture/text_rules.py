"""Text: nothing in the project names one machine, one package index, or holds a secret."""

from __future__ import annotations

import re

from tests.architecture.offence import Offence

_PATTERNS = (
    (
        re.compile(
            r"(?<![\w.$}~/])/(?:work|root|home/\w|Users/\w|tmp/\w|private/(?:var|tmp)|opt/pypi|mnt/\w)(?![\w-]*>)"
        ),
        "an absolute path of one machine",
        "use a path from the project root, or a temporary folder given by the test",
    ),
    (
        re.compile(
            r"\b(?:[\w-]+\.)*(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|jfrog\.io|pypi\.(?:internal|local))\b"
        ),
        "a package registry's host",
        "locks name no host, so that any mirror serves them",
    ),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\bxox[abp]-[\w-]{20,}|\bsk-[A-Za-z0-9]{24,}"
        ),
        "what looks like a key",
        "secrets live in a 0600 file or the keyring; if it was real, revoke it now",
    ),
    (
        re.compile(
            r"""(?i)(?:api_?key|secret|token|passphrase|password)["']?\s*[:=]\s*["'](?!\$|\{)[\w+/=-]{20,}["']"""
        ),
        "what looks like a secret's value",
        "secrets live in a 0600 file or the keyring; a test's canary says canary in its line",
    ),
)


def telltale_text(path: str, text: str) -> list[Offence]:
    """Return every line that names a machine path, a registry host, or looks like a secret (lines saying canary excepted)."""
    offences = []
    for number, line in enumerate(text.splitlines(), start=1):
        if "canary" in line.lower():
            continue
        offences += [
            Offence(path, number, f"{what}: {match.group()!r}", allowed)
            for pattern, what, allowed in _PATTERNS
            if (match := pattern.search(line))
        ]
    return offences
