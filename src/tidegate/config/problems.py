"""From pydantic's list to the house's errors: line, path, given, allowed, and the name that was probably meant. Pure.

In: a `Source` and a `ValidationError`. Out: `InputError`s in the order they were found; a text that looks like a key is never repeated.
"""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tidegate.config.addresses import secret_kind
from tidegate.config.jsonc import NumberText, Path, Plain, Source, Tree
from tidegate.config.schema_walk import keys_at
from tidegate.errors import InputError

_NOTHING = Plain("nothing")
_KINDS = {
    "model_type": "a group of keys in { }",
    "model_attributes_type": "a group of keys in { }",
    "dict_type": "a group of keys in { }",
    "tuple_type": "a list in [ ]",
    "list_type": "a list in [ ]",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}


def problems(source: Source, root: type[BaseModel], error: ValidationError) -> list[InputError]:
    """Return one error per thing pydantic refused."""
    return [_problem(source, root, detail) for detail in error.errors(include_url=False)]


def secrets(source: Source) -> list[InputError]:
    """Return an error for every text in the document, wherever it stands, that looks like a key. INVARIANT: C1"""
    errors: list[InputError] = []
    for path, text in _texts(source.tree, ()):
        if kind := secret_kind(text):
            given = Plain(f"text that looks like {kind}, not shown")
            errors.append(
                source.error(path, given, "no secret of any kind", "remove it from the file and treat it as exposed")
            )
    return errors


def _problem(source: Source, root: type[BaseModel], detail: ErrorDetails) -> InputError:
    """Translate one of pydantic's errors."""
    path: Path = detail["loc"]
    key_is_wrong = bool(path) and path[-1] == "[key]"
    path = path[:-1] if key_is_wrong else path
    context: dict[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return source.error(path, Plain("an unknown key"), *_known_keys(root, path))
        case "missing":
            return source.error(path, _NOTHING, "this key is required", "add it")
        case "config":
            return source.error(
                path, path[-1] if key_is_wrong else _given(source, path), context["allowed"], context["fix"]
            )
        case "literal_error" | "enum":
            given = path[-1] if key_is_wrong else _given(source, path)
            return source.error(path, given, context["expected"], _meant(str(given), _quoted(context["expected"])))
        case "too_short" | "too_long":
            bound = context.get("min_length", context.get("max_length"))
            word = "at least" if "min_length" in context else "at most"
            return source.error(path, Plain(f"{context['actual_length']} values"), f"{word} {bound}")
        case kind:
            return source.error(path, _given(source, path), _KINDS.get(kind, detail["msg"].lower()))


def _given(source: Source, path: Path) -> object:
    """Return what stood at a path, hidden when it looks like a key."""
    try:
        found = source.at(path)
    except KeyError:
        return _NOTHING
    if isinstance(found, str) and (kind := secret_kind(found)):
        return Plain(f"text that looks like {kind}, not shown")
    if isinstance(found, bool) or found is None:
        return Plain({True: "true", False: "false", None: "null"}[found])
    if isinstance(found, dict):
        return Plain("a group of keys")
    return found


def _known_keys(root: type[BaseModel], path: Path) -> tuple[str, str]:
    """Return the keys that would be right beside an unknown one, and a guess at the one that was meant."""
    known = keys_at(root, path[:-1])
    meant = _meant(str(path[-1]), known)
    shown = ", ".join(known)
    return f"one of {shown}", meant or "remove it"


def _meant(given: str, known: list[str]) -> str:
    """Return a did-you-mean, or an empty text."""
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(given.lower(), list(lowered), n=1, cutoff=0.6)
    return f"did you mean {lowered[close[0]]}" if close else ""


def _quoted(text: str) -> list[str]:
    """Return the quoted words of `'a', 'b' or 'c'`."""
    return text.split("'")[1::2]


def _texts(node: Tree, path: Path) -> list[tuple[Path, str]]:
    """Return every text of a tree, keys included, with its path."""
    match node:
        case str():
            return [(path, node)]
        case list():
            return [found for index, value in enumerate(node) for found in _texts(value, (*path, index))]
        case dict():
            return [found for key, value in node.items() for found in ((path, key), *_texts(value, (*path, key)))]
        case NumberText():
            return [(path, node.text)]
        case _:
            return []
