"""Names: no symbol that promises a way around the gate, no noun that says nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.offence import Offence
from tests.architecture.source_tree import Source

AROUND_THE_GATE = ("bypass", "force", "skip_risk", "unsafe")
TERMS_OF_THE_TRADE = ("time_in_force",)  # an order's standard field, not a way around anything
EMPTY_NOUNS = frozenset(
    "manager managers handler handlers helper helpers util utils processor processors data info item thing things smart neural".split()
)
GIVEN_BY_ASYNCIO = ("data_received",)  # the name under which asyncio calls a protocol
_AROUND_OPTION = re.compile(r"--(bypass|force|skip-risk|unsafe)\b")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words(name: str) -> tuple[str, ...]:
    """Split snake_case and CamelCase into lower-case words."""
    return tuple(word.lower() for word in _WORD.findall(name))


def ways_around(source: Source) -> list[Offence]:
    """Refuse any defined name, parameter, keyword or command option that says bypass, force, skip_risk or unsafe."""
    offences = []
    for name, line in _defined_names(source):
        joined = "_".join(words(name))
        for term in TERMS_OF_THE_TRADE:
            joined = joined.replace(term, "")
        hits = [banned for banned in AROUND_THE_GATE if f"_{banned}_" in f"_{joined}_"]
        offences += [
            Offence(source.path, line, f"{name} says {hit}", "nothing goes around the gate; name what it does")
            for hit in hits
        ]
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _AROUND_OPTION.search(node.value):
            option = _AROUND_OPTION.search(node.value)
            what = f"the option {option.group() if option else ''}"
            offences.append(Offence(source.path, node.lineno, what, "nothing goes around the gate; name what it does"))
    return offences


def empty_nouns(source: Source) -> list[Offence]:
    """Refuse module, class and function names with a noun that could mean anything."""
    stem = source.path.rpartition("/")[2].removesuffix(".py")
    named = [(stem, 1)]
    for node in source.nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            named.append((node.name, node.lineno))
    return [
        Offence(
            source.path, line, f"{name} contains the empty noun {word!r}", "say what it is (glossary) or what it does"
        )
        for name, line in named
        for word in words(name)
        if word in EMPTY_NOUNS and name not in GIVEN_BY_ASYNCIO
    ]


def _defined_names(source: Source) -> Iterator[tuple[str, int]]:
    for node in source.nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.alias(name=name, asname=asname):
                yield asname or name, node.lineno
            case _:
                pass
