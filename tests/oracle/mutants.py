"""Mutants: the gate's source with one small change, loaded in memory under a name of its own; nothing on disk is touched.

In: a module of `tidegate.gate` and a change of its syntax tree. Out: that copy's `decide`. The other modules of the copy are unchanged.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import tidegate.gate
from tests.oracle.cases import Gate

ROOM = Path(tidegate.gate.__file__).parent
JUDGES = (
    "account",
    "checks",
    "decide",
    "findings",
    "layer1_account",
    "layer1_global",
    "layer2_guards",
    "layer2_tactical",
    "layer3_conditions",
    "layer3_discipline",
    "layer4_kill",
    "sight",
    "sizing",
)
JUDGES_OF_PAIRS = ("pair_edge", "pair_rules", "pair_sight", "pair_sizing")
FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


class Mutant(NamedTuple):
    """One change: where it is, what it does, and the changed tree."""

    module: str
    function: str
    change: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.module}.{self.function}: {self.change}"


def source_tree(module: str) -> ast.Module:
    """Return the syntax tree of a module of the gate."""
    return ast.parse((ROOM / f"{module}.py").read_text(encoding="utf-8"))


def mutants(modules: tuple[str, ...] = JUDGES) -> Iterator[Mutant]:
    """Yield every mutant: each comparison flipped at its edge, each limit off by a quantum, each unknown believed to be a pass."""
    for module in modules:
        for index in range(len(_sites(source_tree(module)))):
            tree = source_tree(module)
            function, node = _sites(tree)[index]
            yield Mutant(module, function, _change(node), ast.fix_missing_locations(tree))
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
                tree = source_tree(module)
                function, node = _sites(tree)[index]
                yield Mutant(module, function, _off_by_one(node), ast.fix_missing_locations(tree))


def _sites(tree: ast.Module) -> list[tuple[str, ast.Compare | ast.Return]]:
    """Return the places to change, with the name of their function."""
    found: list[tuple[str, ast.Compare | ast.Return]] = []
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for node in ast.walk(function):
            one_edge = isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in FLIPPED
            if one_edge or _refuses(node):
                found.append((function.name, node))  # type: ignore[arg-type]
    return found


def _refuses(node: ast.AST) -> bool:
    """Say whether a node is `return unfit(...)`, `return unknown(...)` or `return failed(...)`."""
    if (
        not isinstance(node, ast.Return)
        or not isinstance(node.value, ast.Call)
        or not isinstance(node.value.func, ast.Name)
    ):
        return False
    return node.value.func.id in ("unfit", "unknown", "failed")


def _change(node: ast.Compare | ast.Return) -> str:
    """Flip a comparison, or let a refusal pass; return what was done."""
    was = ast.unparse(node)
    if isinstance(node, ast.Compare):
        node.ops[0] = FLIPPED[type(node.ops[0])]()
    else:
        assert isinstance(node.value, ast.Call)
        passing = "Finding(REASON, __import__('tidegate.model.finding').model.finding.Status.PASSED)"
        call = ast.parse(passing, mode="eval").body
        assert isinstance(call, ast.Call)
        call.func = ast.parse("__import__('tidegate.model.finding').model.finding.Finding", mode="eval").body
        call.args[0] = node.value.args[0]
        node.value = call
        return f"{was} -> pass"
    return f"{was} -> {ast.unparse(node)}"


def _off_by_one(node: ast.Compare | ast.Return) -> str:
    """Move the right side of a comparison up by one quantum; return what was done."""
    assert isinstance(node, ast.Compare)
    was = ast.unparse(node)
    node.comparators[0] = ast.BinOp(node.comparators[0], ast.Add(), ast.Constant(1))
    return f"{was} -> {ast.unparse(node)}"


class Nursery:
    """Loads copies of the gate; unchanged modules are compiled once. As a context it removes every copy from the interpreter."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeType] = {}
        self._packages: list[str] = []

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_error: object) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] in self._packages]:
            del sys.modules[name]

    def gate(self, mutant: Mutant | None) -> Gate:
        """Return `decide` of a copy of the gate with one mutant module, or with none."""
        package = f"mutant_gate_{len(self._packages)}"
        self._packages.append(package)
        self._module(package, package)
        for module in _in_order():
            tree = mutant.tree if mutant is not None and mutant.module == module else None
            loaded = self._module(f"{package}.{module}", package)
            exec(self._code(module, package, tree), loaded.__dict__)
            setattr(sys.modules[package], module, loaded)
        return sys.modules[f"{package}.decide"].decide  # type: ignore[no-any-return]

    def _module(self, name: str, package: str) -> ModuleType:
        made = ModuleType(name)
        made.__package__ = package
        made.__path__ = [] if name == package else None  # type: ignore[attr-defined]
        made.__spec__ = importlib.util.spec_from_loader(name, None)
        sys.modules[name] = made
        return made

    def _code(self, module: str, package: str, tree: ast.Module | None) -> CodeType:
        return compile(_Renamed(package).visit(tree or source_tree(module)), f"<{package}.{module}>", "exec")


class _Renamed(ast.NodeTransformer):
    """Points imports of the gate's own modules at the copy."""

    def __init__(self, package: str) -> None:
        self._package = package

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module and node.module.startswith("tidegate.gate"):
            node.module = node.module.replace("tidegate.gate", self._package, 1)
        return node


def _in_order() -> list[str]:
    """Return the gate's modules that `decide` needs, each after those it imports."""
    ordered: list[str] = []

    def add(module: str) -> None:
        if module in ordered:
            return
        for node in ast.walk(source_tree(module)):
            if isinstance(node, ast.ImportFrom) and node.module == "tidegate.gate":
                for alias in node.names:
                    add(alias.name)
            elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tidegate.gate."):
                add(node.module.rpartition(".")[2])
        ordered.append(module)

    add("decide")
    return ordered
