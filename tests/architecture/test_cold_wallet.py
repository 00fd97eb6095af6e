"""No code path can sign, withdraw or transfer: nothing under src imports a signer, and the venue port has only the verbs of trading. INVARIANT: C1"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import tidegate
from tidegate.venues.paper import PaperVenue
from tidegate.venues.port import Venue

SOURCE = Path(tidegate.__file__).parent
SIGNERS = frozenset(
    "bip32 bip39 bip_utils bitcoin bitcoinlib btclib coincurve cryptography ecdsa embit eth_account eth_keys hdwallet ledgerblue ledgercomm "
    "ledgereth mnemonic nacl secp256k1 solana solders tronpy web3 xrpl".split()
)
MOVES = ("withdraw", "transfer", "sign_transaction", "send_transaction", "private_key")
VERBS = frozenset("cash_usd place cancel amend credit_funding on_market advance next_due_ns has_work drain open_orders positions".split())


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Return the top-level packages a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def moving_names(text: str) -> list[str]:
    """Return the names of functions, attributes and calls that could move coins."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.Attribute):
            names.append(node.attr)
        elif isinstance(node, ast.Name):
            names.append(node.id)
    return sorted({name for name in names if any(move in name.casefold() for move in MOVES)})


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_imports_a_signer_or_names_a_way_to_move_coins(path: Path) -> None:
    assert not imports(path) & SIGNERS
    assert moving_names(path.read_text(encoding="utf-8")) == []


def test_the_venue_port_has_the_verbs_of_trading_and_no_other() -> None:
    declared = {name for name, member in inspect.getmembers(Venue) if not name.startswith("_") and (callable(member) or isinstance(member, property))}
    assert declared == VERBS
    assert {name for name in dir(PaperVenue) if not name.startswith("_")} == VERBS | {"restore"}


def test_the_rule_bites() -> None:
    assert moving_names("venue.withdraw(1)\ndef transfer_out(): ...") == ["transfer_out", "withdraw"]
