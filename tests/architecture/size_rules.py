"""Sizes: a cap that hurts means a noun is missing."""

from __future__ import annotations

import ast

from tests.architecture.offence import Offence
from tests.architecture.source_tree import Source, functions

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
PARAMETERS_MAX = 6
NESTING_MAX = 3
_BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def long_file(source: Source) -> list[Offence]:
    """Refuse a file over the cap."""
    lines = len(source.text.splitlines())
    if lines <= FILE_LINES_MAX:
        return []
    return [
        Offence(
            source.path,
            lines,
            f"{lines} lines",
            f"a file has at most {FILE_LINES_MAX}: find the missing noun and split",
        )
    ]


def long_functions(source: Source) -> list[Offence]:
    """Refuse functions over the cap, docstring and signature included."""
    offences = []
    for function in functions(source):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            what = f"{function.name} has {lines} lines"
            offences.append(Offence(source.path, function.lineno, what, f"a function has at most {FUNCTION_LINES_MAX}"))
    return offences


def many_parameters(source: Source) -> list[Offence]:
    """Refuse signatures over the cap; self and cls do not count."""
    offences = []
    for function in functions(source):
        arguments = function.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        names += [each.arg for each in (arguments.vararg, arguments.kwarg) if each]
        count = len([name for name in names if name not in ("self", "cls")])
        if count > PARAMETERS_MAX:
            what = f"{function.name} takes {count} parameters"
            offences.append(Offence(source.path, function.lineno, what, f"at most {PARAMETERS_MAX}: give them a noun"))
    return offences


def deep_nesting(source: Source) -> list[Offence]:
    """Refuse blocks (for, while, if, with, try, match) inside more than the cap of blocks; elif does not deepen."""
    offences = []
    for function in functions(source):
        depth, line = max((_deepest(statement, 0) for statement in function.body), default=(0, function.lineno))
        if depth > NESTING_MAX:
            what = f"{function.name} nests {depth} deep"
            offences.append(
                Offence(source.path, line, what, f"at most {NESTING_MAX}: return early or name the inner step")
            )
    return offences


RULES = (long_file, long_functions, many_parameters, deep_nesting)


def _deepest(node: ast.AST, depth: int, is_elif: bool = False) -> tuple[int, int]:
    if isinstance(node, _SCOPES):
        return depth, node.lineno
    inner = depth + 1 if isinstance(node, _BLOCKS) and not is_elif else depth
    deepest = (inner, getattr(node, "lineno", 0))
    for child in ast.iter_child_nodes(node):
        deepest = max(deepest, _deepest(child, inner, _is_elif(node, child)), key=lambda found: found[0])
    return deepest


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    if not (isinstance(node, ast.If) and isinstance(child, ast.If)):
        return False
    return node.orelse == [child] and child.col_offset == node.col_offset
