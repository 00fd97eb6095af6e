"""Reading of recorded CSV text: streamed blocks of lines, columns by name, and errors that name file, line and column.

In: paths (`.csv`, `.csv.gz`). Out: lines and exact fixed-point numbers. A file is never repaired: what is wrong is refused.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from tidegate.errors import InputError
from tidegate.units import parse, parse_floor

_BLOCK_BYTES = 1 << 12
_TIME_MS_MIN = 1_000_000_000_000
_TIME_MS_MAX = 10_000_000_000_000


def open_bytes(path: Path) -> BinaryIO:
    """Open a plain or gzipped file for reading. Raises InputError when it cannot be opened."""
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise InputError(str(path), error.strerror or str(error), "a readable file") from None


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the file in blocks of whole lines, each ending in a newline, without carriage returns. Raises InputError when it is cut or damaged."""
    with open_bytes(path) as file:
        rest = b""
        while True:
            try:
                block = file.read(_BLOCK_BYTES)
            except (EOFError, OSError, zlib.error) as error:
                raise InputError(str(path), str(error), "a complete gzip file", "fetch the file again") from None
            if not block:
                break
            if b"\r" in block:
                block = block.replace(b"\r", b"")
            whole, newline, tail = block.rpartition(b"\n")
            if newline:
                yield rest + whole + newline
                rest = tail
            else:
                rest += tail
        if rest:
            yield rest + b"\n"


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield `(line number, text)` of every line, counting from 1."""
    number = 0
    for block in blocks(path):
        for raw in block[:-1].split(b"\n"):
            number += 1
            try:
                yield number, raw.decode("ascii")
            except UnicodeDecodeError:
                raise InputError(f"{path}, line {number}", raw, "ASCII text") from None


def rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield `(line number, values of columns)` of a CSV file with a header. Raises InputError on a missing column or a ragged row."""
    text = lines(path)
    first = next(text, None)
    header = first[1].split(",") if first else []
    missing = [name for name in columns if name not in header]
    if missing:
        raise InputError(
            f"{path}, line 1",
            ",".join(header),
            f"a header with the columns {', '.join(columns)}",
            f"missing: {missing[0]}",
        )
    places = tuple(header.index(name) for name in columns)
    for number, line in text:
        values = line.split(",")
        if len(values) != len(header):
            raise InputError(f"{path}, line {number}", line, f"{len(header)} columns")
        yield number, tuple(values[place] for place in places)


def time_ms(text: str, place: str) -> int:
    """Parse a time in ms since the epoch. Raises InputError when it is not a plausible one (seconds, nanoseconds, text)."""
    if not (text.isascii() and text.isdigit() and len(text) < 20) or not _TIME_MS_MIN <= int(text) < _TIME_MS_MAX:
        raise InputError(place, text, "a time in milliseconds since the epoch (13 digits)")
    return int(text)


def exact(text: str, place: str) -> int:
    """Parse decimal text exactly into fixed-point. Raises InputError with the place."""
    try:
        return parse(text)
    except InputError as error:
        raise InputError(place, error.given, error.allowed) from None


def rounded_down(text: str, place: str, *, shift: int = 0) -> int:
    """Parse decimal text into fixed-point, digits beyond the scale rounded toward minus infinity. Raises InputError with the place."""
    try:
        return parse_floor(text, shift=shift)
    except InputError as error:
        raise InputError(place, error.given, error.allowed) from None
