"""Walking the schema's types along a path of keys: which keys would be right, which section is meant. Pure."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from tidegate.config.fields import Asset
from tidegate.config.jsonc import Path


def keys_at(root: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that the schema allows at a path."""
    found: list[str] = []
    for node in _types_at(root, path):
        if isinstance(node, type) and issubclass(node, BaseModel):
            found += [field.alias or name for name, field in node.model_fields.items()]
        elif get_origin(node) is dict:
            found += get_args(Asset)
    return found


def sections_at(root: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """Return the sections that a path means; `*` stands for every key, so there may be several."""
    return [node for node in _types_at(root, path) if isinstance(node, type) and issubclass(node, BaseModel)]


def _types_at(root: type[BaseModel], path: Path) -> list[Any]:
    nodes: list[Any] = [root]
    for part in path:
        nodes = [_plain_type(child) for node in nodes for child in _children(node, part)]
    return nodes


def _children(node: Any, part: str | int) -> list[Any]:
    """Return the types that one key, one index or `*` leads to."""
    if isinstance(node, type) and issubclass(node, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in node.model_fields.items()}
        return list(fields.values()) if part == "*" else [fields[str(part)]] if part in fields else []
    arguments = get_args(node)
    if get_origin(node) is dict:
        return [arguments[1]]
    return [arguments[0]] if arguments and get_origin(node) is tuple else []


def _plain_type(node: Any) -> Any:
    """Take away `Annotated` and `| None`."""
    if get_origin(node) is Annotated:
        return _plain_type(get_args(node)[0])
    if get_origin(node) in (Union, types.UnionType):
        return _plain_type(next(kind for kind in get_args(node) if kind is not type(None)))
    return node
