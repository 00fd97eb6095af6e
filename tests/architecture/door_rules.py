"""Doors: who may swallow an error, who may make an Approval, who may touch a venue. Promises G1, X1 and DESIGN section 3."""

from __future__ import annotations

import ast

from tests.architecture.offence import Offence
from tests.architecture.source_tree import PACKAGE, Source, functions

BROAD = frozenset(("Exception", "BaseException"))
APPROVALS = frozenset(("Approval", "ExitApproval"))
MAKERS_BY_TYPE = frozenset(("convert", "decode", "Decoder", "replace", "__new__"))
GATE_ROOM = PACKAGE + "gate/"
ENGINE_LOOP_FILE = PACKAGE + "engine/engine.py"
APPROVAL_ROOMS = (GATE_ROOM, PACKAGE + "model/")
VENUE_ROOMS = (PACKAGE + "venues/", PACKAGE + "engine/")


def broad_excepts(source: Source) -> list[Offence]:
    """Refuse catching everything, but for the gate's `evaluate` and one handler in the engine's outermost loop.

    `except BaseException` that undoes something and ends in a bare `raise` swallows nothing and is left alone.
    """
    leave = _lines_of(source, "evaluate") if source.path.startswith(GATE_ROOM) else range(0)
    lines = [getattr(node, "lineno", 1) for node in source.nodes if _catches_everything(node)]
    if source.path == ENGINE_LOOP_FILE:
        lines = lines[1:]
    allowed = "catch what you can name; only gate evaluate() and the engine's outermost loop may catch everything"
    return [Offence(source.path, line, "catches everything", allowed) for line in lines if line not in leave]


def forged_approvals(source: Source) -> list[Offence]:
    """Refuse making an Approval, by call or by decoding, anywhere but in the gate."""
    if source.path.startswith(APPROVAL_ROOMS):
        return []
    allowed = "only tidegate.gate makes approvals; pass on the one it gave"
    return [
        Offence(source.path, getattr(node, "lineno", 1), f"makes {made}", allowed)
        for node in source.nodes
        if isinstance(node, ast.Call) and (made := _made_approval(node))
    ]


def venue_imports(source: Source) -> list[Offence]:
    """Refuse importing the venues room from anywhere but the engine."""
    if source.path.startswith(VENUE_ROOMS):
        return []
    offences = []
    for node in source.nodes:
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        if any(f"{module}.".startswith("tidegate.venues.") for module in modules):
            offences.append(
                Offence(
                    source.path,
                    getattr(node, "lineno", 1),
                    "imports venues",
                    "only tidegate.engine may; use its commands",
                )
            )
    return offences


RULES = (broad_excepts, forged_approvals, venue_imports)


def _lines_of(source: Source, name: str) -> range:
    found = [each for each in functions(source) if each.name == name]
    return range(found[0].lineno, (found[0].end_lineno or 0) + 1) if found else range(0)


def _catches_everything(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or (bool(BROAD & _names(node.type)) and not _undoes_and_raises(node))
    return (
        isinstance(node, ast.Call)
        and _tail_name(node.func) == "suppress"
        and any(BROAD & _names(each) for each in node.args)
    )


def _undoes_and_raises(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    is_base = isinstance(handler.type, ast.Name) and handler.type.id == "BaseException"
    return is_base and isinstance(last, ast.Raise) and last.exc is None and not _leaves_early(handler)


def _leaves_early(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, (ast.Return, ast.Continue, ast.Break)) for node in ast.walk(handler))


def _made_approval(call: ast.Call) -> str:
    name = _tail_name(call.func)
    if name in APPROVALS:
        return name
    if name not in MAKERS_BY_TYPE:
        return ""
    named = set().union(
        *(_names(each) for each in (*call.args, *(keyword.value for keyword in call.keywords))), _names(call.func)
    )
    return ", ".join(sorted(named & APPROVALS))


def _tail_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _names(node: ast.AST) -> set[str]:
    found = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return found | {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
