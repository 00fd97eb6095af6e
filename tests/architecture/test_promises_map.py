"""PROMISES.md is true to the tree: every promise is listed once, every test it names exists, and code names no other promise."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import NamedTuple

from tests.architecture.source_tree import ROOT, files

PAGE = "PROMISES.md"
COUNTS = {"G": 13, "S": 7, "J": 7, "X": 9, "F": 7, "K": 7, "M": 4, "C": 5, "A": 9, "B": 7, "O": 9, "R": 5}
KNOWN = tuple(f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1))
STATUSES = ("proved", "partly", "later")
ENTRY = re.compile(r"^\*\*(?P<id>[A-Z]\d+)\*\* \((?P<status>\w+)\) (?P<meaning>.+)$", re.MULTILINE)
TEST = re.compile(r"^`(?P<path>tests/[\w/]+\.py)::(?P<name>\w+)`$", re.MULTILINE)
INVARIANT = re.compile(r"INVARIANT:((?:[ ,]+[A-Z]\d+)+)")
EXPLAINED = {"proved": "", "partly": "*Missing: ", "later": "*With: "}


class Promise(NamedTuple):
    """One entry of the page."""

    id: str
    status: str
    meaning: str
    tests: tuple[tuple[str, str], ...]


def promises(text: str) -> list[Promise]:
    found = list(ENTRY.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    return [
        Promise(
            each["id"],
            each["status"],
            each["meaning"],
            tuple((test["path"], test["name"]) for test in TEST.finditer(text, each.end(), end)),
        )
        for each, end in zip(found, ends, strict=True)
    ]


@cache
def page() -> tuple[Promise, ...]:
    return tuple(promises((ROOT / PAGE).read_text(encoding="utf-8")))


@cache
def names_in(path: str) -> frozenset[str]:
    """Return the test functions of a file, also those in classes, and the state machines bound to a name."""
    if path not in files():
        return frozenset()
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return frozenset(name for name in names if name.startswith(("test_", "Test")))


def test_every_promise_is_listed_once_and_in_order() -> None:
    assert [promise.id for promise in page()] == list(KNOWN)


def test_every_status_is_known_and_says_what_it_must() -> None:
    for promise in page():
        assert promise.status in STATUSES, promise
        assert EXPLAINED[promise.status] in promise.meaning, (
            f"{promise.id} is {promise.status}: say {EXPLAINED[promise.status]}...*"
        )


def test_every_test_that_is_named_exists() -> None:
    gone = [f"{one.id}: {path}::{name}" for one in page() for path, name in one.tests if name not in names_in(path)]
    assert not gone


def test_nothing_is_called_proved_or_partly_proved_without_a_test() -> None:
    assert not [promise.id for promise in page() if promise.status != "later" and not promise.tests]


def test_a_test_is_named_once_for_a_promise() -> None:
    assert not [promise.id for promise in page() if len(set(promise.tests)) != len(promise.tests)]


def test_code_and_tests_name_only_promises_that_are_listed() -> None:
    strange = [
        f"{path}: {name}"
        for path in files()
        if path.startswith(("src/", "tests/")) and path.endswith(".py")
        for found in INVARIANT.finditer((ROOT / path).read_text(encoding="utf-8"))
        for name in re.findall(r"[A-Z]\d+", found[1])
        if name not in KNOWN
    ]
    assert not strange


def test_a_promise_without_a_test_an_unknown_status_and_a_vanished_test_are_noticed() -> None:
    one, two = promises(
        "**G1** (proved) All.\n\n**G2** (partly) Some. *Missing: rest.*\n`tests/unit/test_gone.py::test_it`\n"
    )
    assert one == Promise("G1", "proved", "All.", ())
    assert two.tests == (("tests/unit/test_gone.py", "test_it"),)
    assert not names_in("tests/unit/test_gone.py")
    assert "TestSessionMachine" in names_in("tests/stateful/test_session_machine.py")
