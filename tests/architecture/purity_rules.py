"""Purity: the same values in, the same bytes out, for ever. Promises R1, G2 and G4, as far as a syntax tree can see them."""

from __future__ import annotations

import ast

from tests.architecture.offence import Offence
from tests.architecture.source_tree import Source

OUTSIDE_MODULES = frozenset(
    "aiohttp apsw asyncio ccxt concurrent ctypes fcntl glob httpx httpx2 http io locale logging multiprocessing os pathlib platform"
    " queue random requests sched secrets select selectors shutil signal socket sqlite3 ssl subprocess sys tempfile threading time"
    " urllib uuid warnings websockets zoneinfo".split()
)
OUTSIDE_CALLS = frozenset(
    "open input print eval exec compile __import__ globals locals vars setattr delattr breakpoint".split()
)
CLOCK_READS = frozenset("now utcnow today time_ns monotonic monotonic_ns perf_counter".split())
MUTABLE_MAKERS = frozenset("list dict set bytearray defaultdict deque Counter OrderedDict ChainMap array".split())
SET_MAKERS = frozenset(("set", "frozenset"))

# (path, what the offence is about): why it is all right. Keep it short; every entry is a debt.
ALLOWED: dict[tuple[str, str], str] = {}


def outside_imports(source: Source) -> list[Offence]:
    """Refuse modules that reach a clock, disk, network, randomness or the process."""
    offences = []
    for node in source.nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            if name.partition(".")[0] in OUTSIDE_MODULES:
                offences.append(
                    _offence(
                        source, node, f"a pure room imports {name}", "time, ids, files and randomness are arguments"
                    )
                )
    return offences


def outside_calls(source: Source) -> list[Offence]:
    """Refuse I/O, clock reads and metaprogramming by builtin or attribute."""
    offences = []
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in OUTSIDE_CALLS:
            offences.append(
                _offence(source, node, f"a pure room calls {node.func.id}()", "take the value as an argument")
            )
        if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READS:
            offences.append(
                _offence(
                    source,
                    node,
                    f"a pure room reads the clock with .{node.func.attr}()",
                    "take `now_ns` as an argument",
                )
            )
    return offences


def module_mutables(source: Source) -> list[Offence]:
    """Refuse state that outlives a call: mutable values at module or class level, and `global`."""
    offences = []
    scopes: list[ast.Module | ast.ClassDef] = [
        source.tree,
        *(node for node in source.nodes if isinstance(node, ast.ClassDef)),
    ]
    for scope, statement in ((each, statement) for each in scopes for statement in each.body):
        if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)) or statement.value is None:
            continue
        if _is_fresh_default(scope, statement.value):
            continue
        name = _target_name(statement)
        if name not in ("__all__", "__slots__") and _is_mutable(statement.value):
            allowed = "use a tuple, a frozenset or MappingProxyType({...})"
            offences.append(_offence(source, statement, f"{name} is a mutable value shared by all calls", allowed))
    for node in source.nodes:
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            offences.append(_offence(source, node, "a function rebinds an outer name", "return the new value"))
    return offences


def floats(source: Source) -> list[Offence]:
    """Refuse floats and what makes them: literals, `float`, and `/` on integers."""
    allowed = "numbers are fixed-point integers: see tidegate.units"
    offences = []
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            offences.append(_offence(source, node, f"float literal {node.value!r}", allowed))
        if isinstance(node, ast.Name) and node.id == "float":
            offences.append(_offence(source, node, "float named", allowed))
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            offences.append(
                _offence(
                    source, node, "true division makes a float", "use // or the rounding division of tidegate.units"
                )
            )
    return offences


def unordered_output(source: Source) -> list[Offence]:
    """Refuse loops over sets: their order changes with the hash seed."""
    loops = [node for node in source.nodes if isinstance(node, (ast.For, ast.comprehension))]
    return [
        _offence(source, loop.iter, "a loop over a set has no fixed order", "iterate a tuple or sorted(...)")
        for loop in loops
        if _is_set(loop.iter)
    ]


def open_keywords(source: Source) -> list[Offence]:
    """Refuse `**kwargs` parameters: they hide what a function needs and do not compile under mypyc."""
    return [
        _offence(source, node, f"**{node.kwarg.arg} in a signature", "name every parameter")
        for node in source.nodes
        if isinstance(node, ast.arguments) and node.kwarg
    ]


RULES = (outside_imports, outside_calls, module_mutables, floats, unordered_output, open_keywords)


def _offence(source: Source, node: ast.AST, what: str, allowed: str) -> Offence:
    return Offence(source.path, getattr(node, "lineno", 1), what, allowed)


def _target_name(statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> str:
    return ast.unparse(statement.targets[0] if isinstance(statement, ast.Assign) else statement.target)


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)):
        return True
    return isinstance(value, ast.Call) and _called(value) in MUTABLE_MAKERS


def _is_fresh_default(scope: ast.Module | ast.ClassDef, value: ast.expr) -> bool:
    """An empty list, dict or set as a field default of a msgspec Struct is made anew for every instance."""
    if not isinstance(scope, ast.ClassDef) or not any(
        ast.unparse(base) in ("msgspec.Struct", "Struct") for base in scope.bases
    ):
        return False
    return ast.unparse(value) in ("[]", "{}", "set()")


def _is_set(value: ast.expr) -> bool:
    return isinstance(value, (ast.Set, ast.SetComp)) or (isinstance(value, ast.Call) and _called(value) in SET_MAKERS)


def _called(call: ast.Call) -> str:
    function = call.func
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
