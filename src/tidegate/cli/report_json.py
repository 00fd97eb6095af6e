"""The report for machines: the same numbers, as exact JSON numbers in their own unit (USD, bps, per cent), not as scaled integers.

In: a `Report`. Out: JSON text.
"""

from __future__ import annotations

import msgspec

from tidegate.matching.random_entry import ControlRow
from tidegate.replay.report import (
    Report,
    bracket_break_even_pct,
    break_even_pct,
    mean_net_bps,
    net_bps_of_turnover,
    win_rate_pct,
)
from tidegate.session.totals import Tally
from tidegate.units import render

Json = dict[str, object]


def report_json(report: Report) -> str:
    """Return the report as indented JSON; a number that does not exist is null."""
    numbers, counts = report.numbers, report.numbers.counts
    content: Json = {
        "source": report.source,
        "mode": str(report.limits.mode),
        "state": numbers.state,
        "halts_latched": numbers.halts,
        "halts": numbers.totals.halts,
        "lifts": counts.lifts,
        "reviews": counts.reviews,
        "flattens": counts.flattens,
        "feeds_lost": counts.feeds_lost,
        "ended": counts.ended,
        "open_trades": numbers.open_trades,
        "open_trades_marked_usd": _number(report.unrealised_usd if numbers.open_trades else None),
        "run": _tally(numbers.totals.run),
        "strategies": {name: _strategy(report, name, tally) for name, tally in numbers.totals.by_strategy.items()},
        "conservation_gap_usd": _number(numbers.gap_usd),
        "session_hash": numbers.session_hash,
        "random_entries": [_control(row) for row in report.control],
        "feed": report.feed,
        "journal": report.journal,
        "recomputed_differences": report.differences,
        "fill_rules": report.fill_rules,
        "simulator": report.simulator,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def _strategy(report: Report, name: str, tally: Tally) -> Json:
    rules = report.limits.strategies.get(name)
    needed = bracket_break_even_pct(rules, report.limits) if rules is not None else None
    return {**_tally(tally), "break_even_by_bracket_pct": _number(needed)}


def _tally(tally: Tally) -> Json:
    return {
        "intents": tally.intents,
        "approvals": tally.approvals,
        "rejections_by_primary": tally.rejections,
        "failures_by_rule": tally.failures,
        "resizes_by_rule": tally.resizes,
        "fills": tally.fills,
        "turnover_usd": _number(tally.turnover_usd),
        "gross_usd": _number(tally.gross_usd),
        "fees_usd": _number(tally.fees_usd),
        "funding_usd": _number(tally.funding_usd),
        "net_usd": _number(tally.net_usd),
        "net_bps_of_turnover": _number(net_bps_of_turnover(tally)),
        "closed": tally.closed,
        "wins": tally.wins,
        "losses": tally.losses,
        "win_rate_pct": _number(win_rate_pct(tally)),
        "break_even_pct": _number(break_even_pct(tally)),
        "net_bps_a_trade": _number(mean_net_bps(tally)),
        "exits": {
            label: {"trades": each.trades, "net_usd": _number(each.net_usd)} for label, each in tally.exits.items()
        },
        "lots_lost_to_rounding": _number(tally.rounding_lost_lots),
        "usd_lost_to_rounding": _number(tally.rounding_lost_usd),
    }


def _control(row: ControlRow) -> Json:
    return {
        "strategy": row.strategy,
        "trades": row.trades,
        "trades_skipped": row.skipped_trades,
        "entries_ended": row.finished,
        "entries_open": row.open_twins,
        "settled": row.settled,
        "wins": row.wins,
        "net_usd": _number(row.net_usd),
        "net_bps_a_trade": _number(row.net_bps_mean),
        "standard_error_bps": _number(row.net_bps_error),
    }


def _number(value: int | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if value is None else render(value).encode())
