"""The day in ten lines: trades, net, fees, win rate beside its break-even, what was refused and why, halts.

In: durable records of one UTC day, and the completed trades. Out: the digest of the day that ended. Nothing is estimated: a number that
does not exist is said not to. Source: SPEC §12 (win rate never without its break-even).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from tidegate.api.alerts.rules import Alert, Urgency, counted, place, utc
from tidegate.engine.completed import CompletedTrade, CompletedTrades
from tidegate.model.event import DayStarted, DecisionMade, Event, HaltLatched
from tidegate.model.intent import Mode
from tidegate.units import DAY_NS, Nanoseconds, Usd, render

FEW_TRADES = 30
COUNTED = ("DecisionMade", "HaltLatched", "Filled", "PairClosed")


class Day(msgspec.Struct):
    """What one day was so far."""

    since_ns: Nanoseconds
    approvals: int = 0
    trades: int = 0
    wins: int = 0
    losses: int = 0
    gross_usd: Usd = 0
    fees_usd: Usd = 0
    funding_usd: Usd = 0
    net_usd: Usd = 0
    won_usd: Usd = 0
    lost_usd: Usd = 0
    rejections: Counter[str] = msgspec.field(default_factory=Counter[str])
    halts: Counter[str] = msgspec.field(default_factory=Counter[str])


class DayBook:
    """Follows the day. A start in the middle of a day takes in what the journal holds of it (`take_in`), so that nothing is forgotten."""

    def __init__(self, closed: CompletedTrades, now_ns: Nanoseconds) -> None:
        self._closed = closed
        self._day = Day(now_ns // DAY_NS * DAY_NS)
        self._last_seq = 0

    def take_in(self, records: Iterable[tuple[int, Event]]) -> None:
        """Take in what of today was recorded before this process began: `(seq, event)`, oldest first."""
        for seq, event in records:
            if event.ts_ns >= self._day.since_ns:
                self._count(seq, event)

    def note(self, seq: int, event: Event, mode: Mode) -> Alert | None:
        """Follow one event; return the digest of the day that it ends, if it begins another."""
        ended = self._day
        if isinstance(event, DayStarted) and event.ts_ns // DAY_NS > ended.since_ns // DAY_NS:
            self._day = Day(event.ts_ns // DAY_NS * DAY_NS)
            return digest_of(ended, mode)
        self._count(seq, event)
        return None

    def _count(self, seq: int, event: Event) -> None:
        """Count one event; one that was taken in before is not counted again (those beside a failed journal have no number)."""
        if 0 < seq <= self._last_seq:
            return
        self._last_seq = max(self._last_seq, seq)
        match event:
            case DecisionMade() if event.decision.approved:
                self._day.approvals += 1
            case DecisionMade():
                self._day.rejections[str(event.decision.primary)] += 1
            case HaltLatched():
                self._day.halts[str(event.halt.cause)] += 1
            case _:
                trade = self._closed.at(seq)
                if trade is not None:
                    _add(self._day, trade)


def digest_of(day: Day, mode: Mode) -> Alert:
    """Return the digest of one day."""
    date = utc(day.since_ns)[:10]
    refused = sum(day.rejections.values())
    lines = [
        f"Trades closed: {day.trades} ({day.wins} won, {day.losses} lost)",
        f"Net: {_money(day.net_usd)} USD (gross {_money(day.gross_usd)}, fees {_money(-day.fees_usd)}, funding {_money(day.funding_usd)})",
        win_rate(day),
        f"Proposals: {day.approvals} approved, {refused} rejected"
        + (f" ({counted(day.rejections)})" if refused else ""),
        f"Halts: {counted(day.halts) or 'none'}",
    ]
    if 0 < day.trades < FEW_TRADES:
        lines.append(f"Fewer than {FEW_TRADES} trades: skill and luck cannot be told apart.")
    return Alert(f"digest:{date}", "ended", Urgency.NOTE, f"{place(mode)}: the day {date}", "\n".join(lines))


def win_rate(day: Day) -> str:
    """Return the win rate beside the rate at which the day's average win and loss would cancel."""
    if not day.trades:
        return "Win rate: none, nothing was closed"
    rate = f"Win rate: {_pct(day.wins, day.trades)} %"
    if not day.wins or not day.losses or not day.won_usd:
        return f"{rate}, break-even: none (it needs a win and a loss)"
    win_usd, loss_usd = day.won_usd // day.wins, -day.lost_usd // day.losses
    return f"{rate}, break-even {_pct(loss_usd, win_usd + loss_usd)} %"


def _add(day: Day, trade: CompletedTrade) -> None:
    day.trades += 1
    day.gross_usd += trade.gross_usd
    day.fees_usd += trade.fees_usd
    day.funding_usd += trade.funding_usd
    day.net_usd += trade.net_usd
    if trade.net_usd > 0:
        day.wins, day.won_usd = day.wins + 1, day.won_usd + trade.net_usd
    elif trade.net_usd < 0:
        day.losses, day.lost_usd = day.losses + 1, day.lost_usd + trade.net_usd


def _money(usd: Usd) -> str:
    text = render(usd, 4)
    return text if text.startswith("-") or not text.strip("0.") else f"+{text}"


def _pct(part: int, whole: int) -> str:
    return render(part * 100 * 10**8 // whole, 1)
