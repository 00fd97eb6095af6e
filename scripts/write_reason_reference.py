#!/usr/bin/env python3
"""Write docs/reference/reasons.md from the gate's table of reasons."""

from pathlib import Path

from tidegate.gate.reasons import reference

if __name__ == "__main__":
    Path(__file__).resolve().parents[1].joinpath("docs", "reference", "reasons.md").write_text(
        reference(), encoding="utf-8"
    )
