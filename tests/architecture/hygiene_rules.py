"""Tests' own hygiene: nothing sleeps, and nothing that looks like a test is left uncollected."""

from __future__ import annotations

import ast

from tests.architecture.offence import Offence
from tests.architecture.source_tree import Source


def sleeps(source: Source) -> list[Offence]:
    """Refuse time.sleep however it is imported; asyncio.sleep(0) only yields and is fine."""
    offences = []
    for node in source.nodes:
        imported = (
            isinstance(node, ast.ImportFrom)
            and node.module == "time"
            and any(each.name == "sleep" for each in node.names)
        )
        if imported or _is_sleep(node):
            allowed = "inject the clock, or wait on the event itself with a time-out"
            offences.append(Offence(source.path, getattr(node, "lineno", 1), "a test sleeps", allowed))
    return offences


def uncollected(source: Source) -> list[Offence]:
    """Refuse public functions of a test file that pytest does not collect and nothing uses: tests that never run."""
    if not source.path.rpartition("/")[2].startswith("test_"):
        return []
    used = {node.id for node in source.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    top = [node for node in source.tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    offences = [
        Offence(
            source.path, node.lineno, f"{node.name} is neither collected nor used", "a test's name starts with test_"
        )
        for node in top
        if not node.name.startswith(("test_", "_")) and not node.decorator_list and node.name not in used
    ]
    if not _collects_anything(source.tree):
        offences.append(Offence(source.path, 1, "a test file without a test", "a test's name starts with test_"))
    return offences


RULES = (sleeps, uncollected)


def _is_sleep(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"):
        return False
    if not (isinstance(node.func.value, ast.Name) and node.func.value.id in ("time", "asyncio", "anyio")):
        return False
    is_yield = node.func.value.id != "time" and bool(node.args) and ast.unparse(node.args[0]) == "0"
    return not is_yield


def _collects_anything(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            return True
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id.startswith("Test") for each in node.targets
        ):
            return True  # a Hypothesis state machine: TestX = Machine.TestCase
    return False
