"""The project's own files as the rules see them: what is tracked (or about to be), parsed once, with its room.

In: the checkout. Out: Source values (path from the root, text, syntax tree). Without git, every file outside hidden folders counts.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "src/tidegate/"
PURE = (
    "units.py", "errors.py", "model/", "matching/", "snapshot/", "strategy/", "gate/", "orders/", "session/",
    "journal/record.py", "config/schema", "config/ceilings.py",
)  # fmt: skip


class Source(NamedTuple):
    """One Python file."""

    path: str
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]  # the tree, walked once

    @property
    def is_pure(self) -> bool:
        """Say whether the file belongs to the rooms that may know no clock, disk, network or randomness."""
        return self.path.startswith(tuple(PACKAGE + room for room in PURE))


def source(path: str, text: str) -> Source:
    """Parse one file's text as the file at `path`."""
    tree = ast.parse(text, filename=path)
    return Source(path, text, tree, tuple(ast.walk(tree)))


@cache
def files() -> tuple[str, ...]:
    """Return every file git tracks or would offer to track, sorted."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, check=False)
    if listing.returncode == 0:
        names = [name for name in listing.stdout.decode().split("\0") if name]
    else:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if not _is_hidden(path.relative_to(ROOT))]
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def _is_hidden(path: Path) -> bool:
    return any(part == "__pycache__" or (part.startswith(".") and part != ".ci") for part in path.parts)


@cache
def python_sources(*folders: str) -> tuple[Source, ...]:
    """Return the parsed Python files under the folders given ("src/", "tests/")."""
    return tuple(
        source(name, (ROOT / name).read_text(encoding="utf-8"))
        for name in files()
        if name.endswith(".py") and name.startswith(folders)
    )


def package_sources() -> tuple[Source, ...]:
    """Return what ships: everything under src."""
    return python_sources("src/")


def product_sources() -> tuple[Source, ...]:
    """Return what users run: src, the launchers and the bootstrap."""
    return python_sources("src/", "bin/", "scripts/", "core/")


def module_names() -> tuple[str, ...]:
    """Return every importable module of the package, `__main__` included."""
    return tuple(sorted({_dotted(each.path) for each in package_sources()}))


def _dotted(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of the file."""
    for node in source.nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
