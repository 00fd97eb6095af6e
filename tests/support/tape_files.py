"""Small made-up tape files for feed tests: candles and slow series written to a folder."""

from __future__ import annotations

import gzip
from pathlib import Path

from tidegate.feeds.tape_candles import HEADER

START_MS = 1_760_868_000_000  # 2025-10-19T10:00Z
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
IDS = {"BTC": "okx:BTC-USDT-SWAP", "ETH": "okx:ETH-USDT-SWAP", "SOL": "okx:SOL-USDT-SWAP", "XRP": "okx:XRP-USDT-SWAP"}


def row(minute: int, ohlcv: str = "100,101,99,100.5,12") -> str:
    """Return one candle row, `minute` minutes after the start."""
    return f"{START_MS + minute * MINUTE_MS},{ohlcv}"


def write_candles(
    folder: Path, rows: list[str], name: str = "candles_binance_BTCUSDT_1m.csv.gz", header: str = HEADER
) -> Path:
    """Write a candle file, gzipped when its name says so."""
    folder.mkdir(exist_ok=True)
    return write_text(folder / name, "\n".join([header, *rows]) + "\n")


def write_text(path: Path, text: str) -> Path:
    """Write text, gzipped when the name says so."""
    content = text.encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path
