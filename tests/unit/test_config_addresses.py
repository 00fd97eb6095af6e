"""Cold addresses: public ones are taken, anything that could be a key is not. INVARIANT: C1"""

from __future__ import annotations

import pytest

from tidegate.config.addresses import is_public_address, secret_kind

PUBLIC = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
    "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
    "7v91N7iZ9mNicL8WfG6cgSCKyRXydQjLh6UYBWwm6y1Q",
    "xpub6CUGRUonZSQ4TWtTMmzXdrXDtypWKiKrhko4egpiMZbpiaQL2jkwSB1icqYh2cfDfVxdx4df189oLKnC5fSwqPfgyP3hooxujYzAu3fDVmz",
]
# All of these are published test vectors or made up; none ever held money (canary values).
SECRET = [
    ("xprv" + "9" * 107, "an extended private key"),
    ("zprv" + "A" * 107, "an extended private key"),
    ("yprv" + "A" * 107, "an extended private key"),
    ("ab" * 32, "a raw private key"),
    ("0x" + "AB" * 32, "a raw private key"),
    ("5" + "J" * 50, "a wallet-import-format key"),
    ("K" + "w" * 51, "a wallet-import-format key"),
    ("3" * 88, "a Solana secret key"),
    (" ".join(["abandon"] * 11 + ["about"]), "seed words"),
    (" ".join(["zoo"] * 23 + ["vote"]), "seed words"),
    ("  " + "\n".join(["zoo"] * 15), "seed words"),
    ("-----BEGIN " + "PRIVATE KEY-----\nabc\n-----END", "a key file"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    assert is_public_address(address)
    assert secret_kind(address) is None


@pytest.mark.parametrize(("text", "kind"), SECRET, ids=[kind for _, kind in SECRET])
def test_a_secret_is_recognised_and_is_no_address(text: str, kind: str) -> None:
    assert secret_kind(text) == kind
    assert not is_public_address(text)


@pytest.mark.parametrize(
    "text", ["", " ", "hello", "0x123", "0x" + "g" * 40, "bc1", "Shorts heavy: squeeze risk, favour longs."]
)
def test_other_text_is_neither(text: str) -> None:
    assert not is_public_address(text)
    assert secret_kind(text) is None
