"""Commented JSON to a tree that keeps every number's own text and every value's line. Pure.

In: the bytes of a file. Out: a `Source`: plain dicts, lists, strings, booleans, None and `NumberText`, with the line of each path.
rapidjson is the judge of the grammar (comments and trailing commas allowed; NaN and Infinity are not); the reader below then walks the
accepted text once more, because a parser that has already made floats cannot say that 54.10 was written. Source: ecosystem.md section 2.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

import rapidjson

from tidegate.errors import InputError, InputErrors

Path = tuple[str | int, ...]
DEPTH_MAX = 24
BYTES_MAX = 1_000_000
_BLANK = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_WORD = re.compile(r"[^\s,\]}/]+")
_LITERALS = (("true", True), ("false", False), ("null", None))


@dataclass(frozen=True, slots=True)
class NumberText:
    """A number as it was written, unread."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, repr=False)
class Plain:
    """Words to stand in an error message without quotes."""

    text: str

    def __repr__(self) -> str:
        return self.text


Tree = dict[str, "Tree"] | list["Tree"] | str | bool | NumberText | None


@dataclass(frozen=True, slots=True)
class Source:
    """A document as read: its values, the line of each path, and the keys that were given twice."""

    place: str
    tree: Tree
    lines: dict[Path, int]
    repeated: tuple[InputError, ...]

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest enclosing value that exists (the document's first line at worst)."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, path: Path, given: object, allowed: str, fix: str = "") -> InputError:
        """Build an error that names line and path."""
        return InputError(f"line {self.line(path)}, {dotted(path)}", given, allowed, fix)

    def at(self, path: Path) -> Tree:
        """Return the value at a path; raise KeyError where there is none."""
        node = self.tree
        for part in path:
            node = _child(node, part, path)
        return node


def _child(node: Tree, part: str | int, path: Path) -> Tree:
    match node, part:
        case dict(), str() if part in node:
            return node[part]
        case list(), int() if part < len(node):
            return node[part]
        case _:
            raise KeyError(dotted(path))


def dotted(path: Path) -> str:
    """Write a path for people: `strategies.XRP_corridor_guard.sides.long.targets_bps[1]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text or "the whole file"


def read(content: bytes, place: str) -> Source:
    """Read a document. Raises InputErrors with line and column when it is not JSON with comments."""
    text = _decoded(content, place)
    starts = [0] + [match.end() for match in re.finditer("\n", text)]
    _check_grammar(text, place)
    reader = _Reader(text, starts)
    tree = reader.value(())
    return Source(place, tree, reader.lines, tuple(reader.repeated))


def _decoded(content: bytes, place: str) -> str:
    """Return the text; a byte-order mark is allowed, anything that is not UTF-8 is not."""
    if len(content) > BYTES_MAX:
        raise InputErrors(
            place, [InputError("the whole file", Plain(f"{len(content)} bytes"), f"at most {BYTES_MAX} bytes")]
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputErrors(
            place, [InputError(f"line {line}", content[error.start : error.end], "text in UTF-8")]
        ) from error


def _check_grammar(text: str, place: str) -> None:
    """Raise InputErrors where the text breaks the grammar: one error, because what follows a broken place means nothing."""
    depth = _depth_max(text)
    if depth > DEPTH_MAX:
        raise InputErrors(
            place, [InputError("the whole file", Plain(f"{depth} nested brackets"), f"at most {DEPTH_MAX}")]
        )
    mode = rapidjson.PM_COMMENTS | rapidjson.PM_TRAILING_COMMAS
    try:
        rapidjson.loads(text, parse_mode=mode, number_mode=rapidjson.NM_NATIVE)
    except rapidjson.JSONDecodeError as error:
        raise InputErrors(place, [_syntax_error(text, str(error))]) from error


def _syntax_error(text: str, message: str) -> InputError:
    """Turn rapidjson's byte offset into a line and column."""
    found = re.search(r"offset (\d+): (.*)", message)
    offset, why = (int(found[1]), found[2].rstrip(".")) if found else (0, message)
    before = text.encode()[:offset].decode("utf-8", "ignore")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    near = text[len(before) :].split("\n", 1)[0][:30] or Plain("the end of the file")
    why = why[:1].lower() + why[1:]
    return InputError(
        f"line {line}, column {column}",
        near,
        "JSON with comments and trailing commas, numbers without NaN or Infinity",
        why,
    )


def _depth_max(text: str) -> int:
    """Return how deeply brackets nest outside strings and comments; cheap, and before any recursion."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', "", text, flags=re.DOTALL)
    depth = deepest = 0
    for mark in re.findall(r"[\[\]{}]", bare):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


class _Reader:
    """Walks text that rapidjson has accepted, keeping number texts and lines."""

    def __init__(self, text: str, starts: list[int]) -> None:
        self.text, self.starts, self.position = text, starts, 0
        self.lines: dict[Path, int] = {}
        self.repeated: list[InputError] = []

    def line(self) -> int:
        return bisect_right(self.starts, self.position)

    def skip(self) -> str:
        """Move past blanks and comments; return the next character."""
        blank = _BLANK.match(self.text, self.position)
        self.position = blank.end() if blank else self.position
        return self.text[self.position : self.position + 1]

    def value(self, path: Path) -> Tree:
        mark = self.skip()
        self.lines.setdefault(path, self.line())
        if mark == "{":
            return self.members(path)
        if mark == "[":
            return self.elements(path)
        if mark == '"':
            return self.string()
        word = self.word()
        for name, literal in _LITERALS:
            if word == name:
                return literal
        return NumberText(word)

    def members(self, path: Path) -> Tree:
        found: dict[str, Tree] = {}
        self.position += 1
        while self.skip() != "}":
            line, key = self.line(), self.string()
            here = (*path, key)
            self.skip()
            self.position += 1  # the colon
            if key in found:
                first = self.lines[here]
                self.repeated.append(
                    InputError(
                        f"line {line}, {dotted(here)}",
                        key,
                        f"each key once (first given on line {first})",
                        "remove one of the two",
                    )
                )
                _Reader.value(self, (*path, f"{key} (again)"))
            else:
                self.lines[here] = line
                found[key] = self.value(here)
            self.comma()
        self.position += 1
        return found

    def elements(self, path: Path) -> Tree:
        found: list[Tree] = []
        self.position += 1
        while self.skip() != "]":
            found.append(self.value((*path, len(found))))
            self.comma()
        self.position += 1
        return found

    def comma(self) -> None:
        if self.skip() == ",":
            self.position += 1

    def string(self) -> str:
        match = _STRING.match(self.text, self.position)
        assert match is not None, "rapidjson accepted what this reader cannot follow"
        self.position = match.end()
        return str(rapidjson.loads(match[0]))

    def word(self) -> str:
        match = _WORD.match(self.text, self.position)
        assert match is not None, "rapidjson accepted what this reader cannot follow"
        self.position = match.end()
        return match[0]
