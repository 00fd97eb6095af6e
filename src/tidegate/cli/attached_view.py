"""The view of an attached session: one screen from what the server answers. In: session and positions as decoded JSON. Out: text to draw."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from tidegate.cli.words import fit

_BAR = 20


def screen(session: dict[str, Any], positions: dict[str, Any], width: int, height: int) -> Text:
    """Lay out the session in at most `height` lines of `width` cells."""
    lines = [
        Text(fit(f" {session['mode'].upper()}  attached  {session['time']}", width), "bold white on blue"),
        *(Text(f"HALT {halt['cause']}: {halt['detail']}", "bold red") for halt in session["halts"]),
        Text(_money(session)),
        Text(""),
        Text("limits, nearest first", "bold"),
        *(Text(_limit(limit)) for limit in session["limits"]),
        Text(""),
        Text("positions" if positions["positions"] else "positions: none open", "bold"),
        *(Text(_position(each)) for each in positions["positions"]),
        Text(""),
        Text(f"verdicts: {session['approvals']} of {session['intents']} intents approved, {session['trades_closed']} trades closed", "bold"),
    ]
    room = max(0, height - len(lines) - 1)
    lines += [_verdict(each) for each in session["verdicts"][:room]]
    lines += [Text("")] * max(0, height - len(lines) - 1)
    lines.append(Text("Ctrl-C stops the strategies; the server goes on", "dim"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines[:height])


def _money(session: dict[str, Any]) -> str:
    day, unrealised = session["realised_day_usd"], session["unrealised_usd"]
    factor = session["aave_health_factor"]
    health = "not known" if factor is None else f"{factor:.2f} (floor {session['aave_health_factor_min']:.2f})"
    return f"day {day + unrealised:+.2f} USD (booked {day:+.2f}, open {unrealised:+.2f})   state {session['state']}   Aave HF {health}"


def _limit(limit: dict[str, Any]) -> str:
    cells = max(0, min(_BAR, round(limit["share"] * _BAR)))
    return f"  {limit['name']:<14} {'█' * cells}{'░' * (_BAR - cells)} {limit['used']:g} of {limit['limit']:g} {limit['unit']}"


def _position(each: dict[str, Any]) -> str:
    money = f"{each['unrealised_usd']:+.4f} USD"
    prices = f"from {each['entry_price']:g} mark {each['mark_price']:g} stop {each['stop_price']:g}"
    return f"  {each['side']:<5} {each['asset']:<4} {each['quantity']:g} {prices}  {money}"


def _verdict(each: dict[str, Any]) -> Text:
    verdict, style = ("APPROVED", "green") if each["approved"] else ("REJECTED", "red")
    why = f"{each['code']}: {each['sentence']}" if each["code"] else each["sentence"]
    return Text(f"  {each['time'][11:19]} {verdict} {each['side'] or '?'} {each['asset']} {each['notional_usd']:g} USD  {why}", style)
