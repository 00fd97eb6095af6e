"""`tidegate show-config`: every value in force and where it came from.

In: a config path, a mode, `--max-trades`. Out: one line per value (path, value, origin, ceiling), or JSON, or the schema for editors.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.text import Text

from tidegate.cli.page import heading, load_or_complain, page, whole_number
from tidegate.config.load import Settings
from tidegate.config.show import Shown, effective, schema_text
from tidegate.model.intent import Mode


class _Row(msgspec.Struct, frozen=True):
    path: str
    value: msgspec.Raw
    origin: str
    ceilings: tuple[str, ...]


class _Report(msgspec.Struct, frozen=True):
    file: str
    config_hash: str
    mode: str
    values: tuple[_Row, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Show the effective configuration. Returns 0, or 2 for a config that is refused."""
    parser = argparse.ArgumentParser(
        prog="tidegate show-config", description="every value in force and where it came from"
    )
    parser.add_argument("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    parser.add_argument("--mode", choices=[str(mode) for mode in Mode], default="paper")
    parser.add_argument("--max-trades", type=whole_number, metavar="N", help="can only tighten")
    parser.add_argument("--json", action="store_true", help="print JSON, numbers exactly as written")
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of the config file")
    options = parser.parse_args(argv)
    return run(options.config, Mode(options.mode), options.max_trades, as_json=options.json, schema=options.schema)


def run(
    config: Path | None,
    mode: Mode = Mode.PAPER,
    max_trades: int | None = None,
    *,
    as_json: bool = False,
    schema: bool = False,
) -> int:
    """Print the effective configuration; return the exit code."""
    if schema:
        print(schema_text(), end="")
        return 0
    settings = load_or_complain(config)
    if settings is None:
        return 2
    rows = effective(settings, mode, max_trades)
    if as_json:
        print(report_json(settings, mode, rows))
        return 0
    out = page()
    out.print(Text(f"config {settings.place}"), soft_wrap=True)
    out.print(Text(f"sha256 of its values {settings.config_hash}"), soft_wrap=True)
    heading(out, f"In force in {str(mode).upper()}")
    for row in rows:
        out.print(_line(row), soft_wrap=True)
    return 0


def _line(row: Shown) -> Text:
    """Return `key = value  (origin; ceiling)` on one line, so that it can be searched."""
    line = Text(f"{row.path} = {row.value}")
    line.append(f"  ({'; '.join((row.origin, *(f'ceiling {text}' for text in row.ceilings)))})", style="dim")
    return line


def report_json(settings: Settings, mode: Mode, rows: tuple[Shown, ...]) -> str:
    """Return the same as JSON; numbers are those of the file, digit by digit."""
    values = tuple(_Row(row.path, msgspec.Raw(row.value.encode()), row.origin, row.ceilings) for row in rows)
    report = _Report(settings.place, settings.config_hash, str(mode), values)
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
