"""Cold-wallet addresses: which texts are public addresses, and which look like a key that must never be in a file. Pure.

In: text. Out: yes or no. INVARIANT: C1
"""

from __future__ import annotations

import re

ADDRESS_FORMS = "a public address (0x…, bc1…, 1…, 3…, r…, Solana base58) or an extended public key (xpub, ypub, zpub)"
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_PUBLIC = tuple(
    re.compile(pattern)
    for pattern in (
        r"0x[0-9a-fA-F]{40}",
        r"(bc|tb)1[02-9ac-hj-np-z]{11,87}",
        rf"[13]{_BASE58}{{25,34}}",
        rf"r{_BASE58}{{24,34}}",
        rf"{_BASE58}{{32,44}}",
        rf"[xyzXYZ]pub{_BASE58}{{100,112}}",
    )
)
_SECRET = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("an extended private key", rf"[a-zA-Z]prv{_BASE58}{{20,}}"),
        ("a raw private key", r"(0x)?[0-9a-fA-F]{64}([0-9a-fA-F]{64})?"),
        ("a wallet-import-format key", rf"([5KLc9]{_BASE58}{{50,51}}|6P{_BASE58}{{56}})"),
        ("a Solana secret key", rf"{_BASE58}{{86,88}}"),
        ("a ripple seed", rf"s{_BASE58}{{28,30}}"),
        ("seed words", r"[a-z]{3,8}([ ,]+[a-z]{3,8}){11}(([ ,]+[a-z]{3,8}){3}){0,4}"),
        ("a key file", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*"),
    )
)


def secret_kind(text: str) -> str | None:
    """Say what kind of secret a text looks like, or None. The text itself must never be printed."""
    bare = " ".join(text.split())
    for name, pattern in _SECRET:
        if pattern.fullmatch(bare):
            return name
    return None


def is_public_address(text: str) -> bool:
    """Say whether a text has the form of a public address and of no secret."""
    return secret_kind(text) is None and any(pattern.fullmatch(text) for pattern in _PUBLIC)
