"""A bench for config files: the shipped one, changed in one place, and what the loader says about it."""

from __future__ import annotations

import json
from pathlib import Path

from tidegate.config.jsonc import NumberText, Source, Tree, read
from tidegate.config.load import DEFAULT_PATH, Settings, parse
from tidegate.errors import InputError, InputErrors

KeyPath = tuple[str | int, ...]
SHIPPED = Path(DEFAULT_PATH)
PLACE = "a test's file"


class Raw:
    """JSON text to stand as it is."""

    def __init__(self, text: str) -> None:
        self.text = text


def shipped_text() -> str:
    return SHIPPED.read_text(encoding="utf-8")


def shipped_source() -> Source:
    return read(SHIPPED.read_bytes(), PLACE)


def replaced(*changes: tuple[str, str]) -> str:
    """Return the shipped file with texts replaced once each; a text that is not there is the test's mistake."""
    text = shipped_text()
    for old, new in changes:
        assert old in text, f"the shipped file no longer says {old}"
        text = text.replace(old, new, 1)
    return text


def line_of(text: str, needle: str) -> int:
    """Return the line on which a text first stands."""
    return text[: text.index(needle)].count("\n") + 1


def with_value(path: KeyPath, json_text: str | None) -> bytes:
    """Return the shipped values with one set (or, for None, removed), as plain JSON."""
    tree = shipped_source().tree
    node: Tree = tree
    for part in path[:-1]:
        node = node[part]  # type: ignore[index, call-overload]
    if json_text is None:
        del node[path[-1]]  # type: ignore[arg-type, union-attr]
    else:
        node[path[-1]] = Raw(json_text)  # type: ignore[index, assignment, call-overload]
    return written(tree).encode()


def written(node: object) -> str:
    """Write a tree as JSON, numbers as they were."""
    match node:
        case NumberText() | Raw():
            return node.text
        case dict():
            return "{" + ",\n".join(f"{json.dumps(key)}: {written(value)}" for key, value in node.items()) + "}"
        case list():
            return "[" + ", ".join(written(value) for value in node) + "]"
        case _:
            return json.dumps(node)


def load_text(text: str | bytes) -> Settings:
    return parse(text.encode() if isinstance(text, str) else text, PLACE)


def errors_of(text: str | bytes) -> tuple[InputError, ...]:
    """Return every error of a file; none for a good one."""
    try:
        load_text(text)
    except InputErrors as errors:
        return errors.errors
    return ()


def error_at(text: str | bytes, path: str) -> InputError:
    """Return the one error about a path."""
    found = [error for error in errors_of(text) if error.path.partition(", ")[2] == path]
    assert len(found) == 1, f"wanted one error about {path}, got {[str(error) for error in errors_of(text)]}"
    return found[0]
