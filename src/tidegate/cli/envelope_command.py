"""`tidegate envelope`: what the gate would allow right now: largest amount, binding rule, until when. Ask before you propose.

In: the server that runs here, or a moment of a scenario. Out: one line per strategy, instrument and side; exit 0 when anything is allowed, else 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidegate.cli.arguments import Arguments, whole
from tidegate.cli.guard import FAILED, GOOD, answered

_EXAMPLES = (
    "tidegate envelope                                     of the server that runs here, or of the open market after 15 minutes",
    "tidegate envelope --asset BTC --strategy agent_signal",
    "tidegate envelope --scenario seed-day --at 1h28m       of a moment of a scenario",
)
_HEADINGS = ("strategy", "instrument", "side", "at most", "expires in", "binding rule")


def main(argv: Sequence[str] | None = None) -> int:
    """Show the envelope."""
    words = Arguments("envelope", "What the gate would allow right now, per strategy, instrument and side.", _EXAMPLES)
    words.add_argument("--strategy", metavar="S", help="only this one: key or display name")
    words.add_argument("--asset", metavar="A", help="only this one, such as BTC")
    words.add_argument("--scenario", metavar="NAME", help="a moment of a scenario instead of the running server")
    words.add_argument("--seed", type=whole, default=7, metavar="N", help="noise of that market (default 7)")
    words.add_argument("--at", default="15m", metavar="SPAN", help="virtual time since its start (default 15m)")
    words.add_argument("--config", type=Path, metavar="F", help="config file (default: the shipped one)")
    found = words.read(argv)
    return answered(lambda: _envelope(found))


def _envelope(found: argparse.Namespace) -> int:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from tidegate.api.server_file import find
    from tidegate.cli.page import page

    server = find() if found.scenario is None and found.config is None else None
    told, rows = _of_scenario(found) if server is None else _of_server(server)
    out, table = page(), Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in _HEADINGS:
        table.add_column(name, no_wrap=name != "binding rule", overflow="fold", justify="right" if name == "at most" else "left")
    shown = [row for row in rows if _wanted(row, found)]
    for row in shown:
        style = "green" if row["allowed"] else "dim"
        instrument = " and ".join(each for each in (row["instrument_id"], row["hedge_instrument_id"]) if each)
        most = f"{row['notional_usd_max']} USD" if row["allowed"] else "nothing"
        cells = (row["display_name"], instrument, row["side"], most, row["expires_in"], f"{row['code'] or ''} {row['reason']}".strip())
        table.add_row(*(Text(cell, style=style) for cell in cells))
    out.print(Text(told, style="bold"), soft_wrap=True)
    out.print(Padding(table, (0, 0, 0, 2), expand=False) if shown else Text("  no such strategy or asset"))
    return GOOD if any(row["allowed"] for row in shown) else FAILED


def _of_server(server: Any) -> tuple[str, list[dict[str, Any]]]:
    """Ask the running server. Raises NotAvailable."""
    from tidegate.cli.attached import answering, client_of

    with answering(server):
        answer = client_of(server).envelope()
    rows: list[dict[str, Any]] = answer["rows"]
    for row in rows:
        row["expires_in"] = f"at {row['expires'][11:19]}" if row["expires"] else ""
        row["notional_usd_max"] = f"{row['notional_usd_max']:.2f}"
    return f"Envelope at {answer['time']} of the server at {server.url}, for {answer['principal']}", rows


def _of_scenario(found: argparse.Namespace) -> tuple[str, list[dict[str, Any]]]:
    """Ask an engine in memory at one moment of a scenario. Raises InputError."""
    from tidegate.cli.dry_run import engine_at
    from tidegate.cli.words import lasting, when
    from tidegate.config.load import DEFAULT_PATH, load
    from tidegate.engine.envelope import envelope
    from tidegate.model.intent import Principal, PrincipalKind
    from tidegate.units import render

    scenario = found.scenario or "open-market"
    engine = engine_at(load(found.config or DEFAULT_PATH), scenario, found.seed, found.at)
    rows: list[dict[str, Any]] = [
        {
            "strategy": row.strategy,
            "display_name": row.display_name,
            "asset": row.asset,
            "instrument_id": row.instrument_id,
            "hedge_instrument_id": row.hedge_instrument_id,
            "side": str(row.side),
            "allowed": row.notional_usd_max > 0,
            "notional_usd_max": render(row.notional_usd_max, 2),
            "code": str(row.binding) if row.binding is not None else "",
            "reason": row.sentence,
            "expires_in": lasting(row.until_ns - engine.now_ns) if row.until_ns is not None else "",
        }
        for row in envelope(engine, Principal(PrincipalKind.OPERATOR, "envelope"))
    ]
    return f"Envelope at {when(engine.now_ns)} UTC of {scenario}: nothing is journaled or sent", rows


def _wanted(row: dict[str, Any], found: argparse.Namespace) -> bool:
    named = found.strategy is None or found.strategy.strip().casefold() in (row["strategy"].casefold(), row["display_name"].casefold())
    return named and (found.asset is None or found.asset.upper() == row["asset"])
