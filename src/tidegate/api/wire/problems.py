"""Problems: bodies and queries decoded into their types; when that fails, every problem in words: the place, what was given, what is allowed.

In: raw bytes or query pairs, and a struct type. Out: the struct, or an `ApiError` 422 whose `detail.problems` lists them all. SPEC §11
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import inspect

from tidegate.api.errors import BAD_SCHEMA, ApiError

_SHOWN_CHARS = 80
_PROBLEMS_MAX = 16
_NUMBER_START = b"-0123456789"


def decoded(wanted: type[msgspec.Struct], raw: bytes) -> Any:
    """Return a body as its struct. Raises ApiError 422 with every problem."""
    try:
        return _decoder(wanted).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _undecodable(wanted, raw, str(error)) from None


def queried(wanted: type[msgspec.Struct] | None, pairs: Sequence[tuple[str, str]]) -> Any:
    """Return query pairs as their struct; None where the route takes none. Raises ApiError 422 with every problem."""
    known = _fields(wanted) if wanted is not None else {}
    names = [name for name, _ in pairs]
    problems = [_unknown(name, tuple(known), "query parameter") for name in names if name not in known]
    problems += [f"{name}: given twice, allowed: once" for name in dict.fromkeys(names) if names.count(name) > 1]
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name in known:
            try:
                values[name] = msgspec.convert(text, _given_type(wanted, known[name].name), strict=False)
            except msgspec.ValidationError:
                problems.append(f"{name}: got {_shown(text)}, allowed: {allowed(_given_type(wanted, known[name].name))}")
    if problems:
        raise _refusal("the query is not what this route takes", problems)
    return wanted(**values) if wanted is not None else None


def allowed(annotation: Any) -> str:
    """Return in words what a field may be."""
    found = inspect.type_info(annotation)
    extra: dict[str, Any] = {}
    if isinstance(found, inspect.Metadata):
        extra, found = found.extra_json_schema or {}, found.type
    return _words(found, extra)


@lru_cache(maxsize=256)
def _allowed(wanted: type[msgspec.Struct], name: str) -> str:
    return allowed(_annotation(wanted, name))


def _words(found: inspect.Type, extra: dict[str, Any]) -> str:
    match found:
        case inspect.Metadata():
            return _words(found.type, found.extra_json_schema or {})
        case inspect.UnionType():
            return " or ".join(_words(each, extra) for each in found.types)
        case inspect.NoneType():
            return "null"
        case inspect.LiteralType():
            return ", ".join(str(each) for each in found.values)
        case inspect.EnumType():
            return ", ".join(str(each.value) for each in found.cls)
        case inspect.StrType():
            return f"text of {found.min_length or 0} to {found.max_length} characters" if found.max_length else "text"
        case inspect.IntType():
            upper = f", at most {found.le}" if found.le is not None else ""
            return f"a whole number from {found.ge or 0}{upper}"
        case inspect.BoolType():
            return "true or false"
        case inspect.RawType():
            return _number_words(extra)
        case inspect.ListType():
            return f"a list of at most {found.max_length}, each {_words(found.item_type, {})}"
        case inspect.DictType():
            return "a JSON object"
        case _:
            return "another type"


def _number_words(schema: dict[str, Any]) -> str:
    or_null = " or null" if "null" in schema["type"] else ""
    if "exclusiveMinimum" in schema:
        return f"a JSON number above {schema['exclusiveMinimum']:g}, at most {schema['maximum']:.0f}{or_null}"
    return f"a JSON number from {schema['minimum']:g} to {schema['maximum']:g}{or_null}"


def _undecodable(wanted: type[msgspec.Struct], raw: bytes, said: str) -> ApiError:
    """Return the refusal of a body. One may break off behind a field that is wrong: it is no JSON then, and that comes first."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _refusal("the body is not JSON", [_not_json(raw, str(error))])
    return _refusal("the body is not what this route takes", _body_problems(wanted, raw) or [said])


def _body_problems(wanted: type[msgspec.Struct], raw: bytes) -> list[str]:
    """Return every problem of a body that is JSON but not the struct."""
    fields = _fields(wanted)
    try:
        given = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return [f"body: got {_shown(raw.decode(errors='replace'))}, allowed: a JSON object with the fields {', '.join(fields)}"]
    problems = [_unknown(name, tuple(fields), "field") for name in given if name not in fields]
    for name, field in fields.items():
        words = _allowed(wanted, field.name)
        if name not in given:
            if field.required:
                problems.append(f"{name}: missing, allowed: {words}")
        elif not _fits(given[name], _annotation(wanted, field.name), words):
            problems.append(f"{name}: got {_shown(bytes(given[name]).decode(errors='replace'))}, allowed: {words}")
    return problems


def _fits(raw: msgspec.Raw, annotation: Any, words: str) -> bool:
    """Say whether one value is what its field may be; a number is only looked at from its first character, its span is judged later."""
    try:
        msgspec.json.decode(raw, type=annotation)
    except msgspec.DecodeError:
        return False
    text = bytes(raw).strip()
    return not words.startswith("a JSON number") or text[:1] in _NUMBER_START or (text == b"null" and "null" in words)


def _refusal(what: str, problems: list[str]) -> ApiError:
    shown = problems[:_PROBLEMS_MAX]
    return ApiError(BAD_SCHEMA, f"{what}: {'; '.join(shown)}", more={"problems": shown})


def _unknown(name: str, known: tuple[str, ...], kind: str) -> str:
    return f"{_shown(name)}: unknown {kind}, allowed: {', '.join(known) or 'none'}"


def _not_json(raw: bytes, said: str) -> str:
    """Say where a body stops being JSON; NaN and Infinity are no JSON numbers."""
    if not raw.strip():
        return "it is empty; send a JSON object"
    if raw.startswith(b"\xef\xbb\xbf"):
        return "it begins with a byte order mark; send UTF-8 without one"
    hint = "; NaN and Infinity are not JSON numbers" if b"NaN" in raw or b"Infinity" in raw else ""
    return said.replace("JSON is malformed: ", "").replace("Input data was truncated", "it ends too early") + hint


def _shown(text: str) -> str:
    """Return a given text short enough for a message, control characters escaped."""
    safe = text.encode("unicode_escape").decode("ascii")
    return safe if len(safe) <= _SHOWN_CHARS else safe[: _SHOWN_CHARS - 3] + "..."


@lru_cache(maxsize=64)
def _decoder(wanted: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


@lru_cache(maxsize=64)
def _fields(wanted: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(wanted)}


@lru_cache(maxsize=64)
def _hints(wanted: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(wanted, include_extras=True)


def _given_type(wanted: type[msgspec.Struct] | None, name: str) -> Any:
    """Return what a query parameter is when it is given: never null, whatever its text."""
    hint = _annotation(wanted, name)
    given = [each for each in get_args(hint) if each is not type(None)] if type(None) in get_args(hint) else [hint]
    return given[0]


def _annotation(wanted: type[msgspec.Struct] | None, name: str) -> Any:
    assert wanted is not None
    hint = _hints(wanted)[name]
    given = [each for each in get_args(hint) if each is not msgspec.UnsetType] if msgspec.UnsetType in get_args(hint) else [hint]
    return given[0]
