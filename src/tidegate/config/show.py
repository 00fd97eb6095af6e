"""Effective values with the origin of each: the file's line, a default, a ceiling's own rule, or the command line. Pure.

In: settings, a mode and `--max-trades`. Out: one `Shown` per value; and the JSON Schema that editors check the file with.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import BaseModel

from tidegate.config.ceilings import CEILINGS, Bound, Ceiling, ceilings_of
from tidegate.config.jsonc import NumberText, Path, Source, Tree, dotted
from tidegate.config.schema import Document
from tidegate.config.schema_walk import sections_at
from tidegate.config.settings import Settings
from tidegate.model.intent import Mode
from tidegate.units import ONE, SECOND_NS, render

SCHEMA_FILE = "tactical_scalp_config.schema.json"


@dataclass(frozen=True, slots=True)
class Shown:
    """One effective value: where it stands, what it is (JSON text), where it came from, and the ceilings over it."""

    path: str
    value: str
    origin: str
    ceilings: tuple[str, ...] = ()


def effective(settings: Settings, mode: Mode, max_trades: int | None = None) -> tuple[Shown, ...]:
    """Return every value in force: those of the file in its order, defaults, then what mode and command line made of them."""
    written = [
        _shown(settings.source, path, node) for path, node in _leaves(settings.source.tree, ()) if path != ("$schema",)
    ]
    return (*written, *_defaults(settings), *_in_mode(settings, mode, max_trades))


def schema_text() -> str:
    """Return the JSON Schema of the config file, ceilings included, as it stands in `config/`."""
    schema: dict[str, Any] = Document.model_json_schema(by_alias=True)
    for ceiling in CEILINGS:
        _tighten(schema, ceiling)
    ordered = {"$schema": "https://json-schema.org/draft/2020-12/schema", "allowTrailingCommas": True, **schema}
    return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"


def utc_text(instant_ns: int) -> str:
    """Write an instant as 2025-10-19T00:00:00Z."""
    return datetime.fromtimestamp(instant_ns // SECOND_NS, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(source: Source, path: Path, node: Tree) -> Shown:
    ceilings = tuple(str(ceiling) for ceiling in ceilings_of(path))
    return Shown(dotted(path), _json_text(node), f"line {source.line(path)}", ceilings)


def _leaves(node: Tree, path: Path) -> list[tuple[Path, Tree]]:
    """Return every value that is not a group; a list counts as one value when it holds only numbers or words."""
    if isinstance(node, dict):
        return [found for key, child in node.items() for found in _leaves(child, (*path, key))]
    if isinstance(node, list) and any(isinstance(child, dict) for child in node):
        return [found for index, child in enumerate(node) for found in _leaves(child, (*path, index))]
    return [(path, node)]


def _json_text(node: Tree) -> str:
    """Write a value as JSON, numbers exactly as in the file."""
    if isinstance(node, NumberText):
        return node.text
    if isinstance(node, list):
        return "[" + ", ".join(_json_text(child) for child in node) + "]"
    return json.dumps(node, ensure_ascii=False)


def _defaults(settings: Settings) -> list[Shown]:
    """Return what the file leaves out."""
    rows: list[Shown] = []
    if settings.document.bands.static.valid_until is None:
        origin = "default: 24 h after set_at"
        rows.append(Shown("bands.static.valid_until", json.dumps(utc_text(settings.bands.expires_ns)), origin))
    for path, model in _groups(settings.document, ()):
        for side in ("long", "short"):
            if path[-1:] == ("sides",) and side in type(model).model_fields and getattr(model, side) is None:
                rows.append(Shown(dotted((*path, side)), "null", "default: this direction may not be traded"))
    return rows


def _groups(model: BaseModel, path: Path) -> list[tuple[Path, BaseModel]]:
    """Return every section of a document with its path."""
    found: list[tuple[Path, BaseModel]] = [(path, model)]
    for name in type(model).model_fields:
        child = getattr(model, name)
        if isinstance(child, BaseModel):
            found += _groups(child, (*path, name))
        elif isinstance(child, dict):
            named = cast("dict[str, object]", child)
            found += [
                group
                for key, one in named.items()
                if isinstance(one, BaseModel)
                for group in _groups(one, (*path, name, key))
            ]
    return found


def _in_mode(settings: Settings, mode: Mode, max_trades: int | None) -> list[Shown]:
    """Return the limits that depend on mode, hot wallet or command line."""
    limits, written = settings.limits(mode, max_trades), settings.limits(mode)
    document, source = settings.document, settings.source
    first: Path = ("limits", "layer1_global")
    exposure_key = "test_exposure_usd_max" if mode is Mode.TEST else "exposure_usd_max"
    share = f"{render(document.limits.layer4_kill_switch.drawdown_pct_max)} % of {render(document.capital.hot_wallet_usd)} USD"
    entries_line = source.line(("limits", "layer3_conditions", "entries_per_day_max"))
    entries_origin = _origin_of_cap(entries_line, written.entries_per_day_max, max_trades)
    rows = [
        Shown("effective.mode", json.dumps(str(mode)), "default" if mode is Mode.PAPER else "command line"),
        Shown(
            "effective.exposure_usd_max",
            render(limits.exposure_usd_max),
            f"line {source.line((*first, exposure_key))} ({exposure_key})",
        ),
        Shown("effective.drawdown_usd_max", render(limits.drawdown_usd_max), f"computed: {share}"),
        Shown("effective.entries_per_day_max", str(limits.entries_per_day_max), entries_origin),
    ]
    if mode is Mode.TEST:
        origin = _origin_of_cap(source.line((*first, "test_trades_max")), written.test_trades_max, max_trades)
        rows.append(Shown("effective.test_trades_max", str(limits.test_trades_max), origin))
    return rows


def _origin_of_cap(line: int, cap: int, max_trades: int | None) -> str:
    """Say whether the file or the command line is the tighter of the two."""
    if max_trades is None or max_trades == cap:
        return f"line {line}"
    if max_trades > cap:
        return f"line {line} (--max-trades {max_trades} cannot loosen it)"
    return f"command line (--max-trades {max_trades}; line {line} says {cap})"


def _tighten(schema: dict[str, Any], ceiling: Ceiling) -> None:
    """Write a ceiling into the schema of its key: the loosest one where several keys share a definition."""
    *parents, name = ceiling.path.split(".")
    for owner in sections_at(Document, tuple(parents)):
        found = schema["$defs"][owner.__name__]["properties"].get(name)
        if found is None:
            continue
        key, loosest = ("maximum", max) if ceiling.bound is Bound.AT_MOST else ("minimum", min)
        number = _plain_number(ceiling.value)
        known = found.get(key) if key in found and "x-ceiling" in found else None
        found[key] = number if known is None else loosest(known, number)
        found["x-ceiling"] = True
        if key == "minimum":
            found.pop("exclusiveMinimum", None)


def _plain_number(value: int) -> int | float:
    """Return a ceiling for the schema's text only; nothing computes with it."""
    return value // ONE if value % ONE == 0 else float(render(value))
