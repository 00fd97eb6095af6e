"""What a server says on its terminal: what runs where, a curl that is allowed right now, and how it ended.

In: the host as it starts and stops. Out: lines on stdout; colour only on a terminal. The one-time operator link is printed on a terminal only,
because a file or a pipe keeps what it is given. INVARIANT: C3
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

import msgspec
from rich.text import Text

from tidegate import __version__
from tidegate.cli.page import page
from tidegate.engine.desk import Desk
from tidegate.engine.host import Host
from tidegate.errors import TidegateError
from tidegate.gate.reasons import sentence
from tidegate.model.decision import Decision
from tidegate.model.intent import Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.units import ONE

SEED_ASK = ("Cross-Exchange Arbitrage", "BTC/USD", 50, None)
ASKS = (
    SEED_ASK,
    ("BTC Range Scalp", "BTC/USD", 25, Side.LONG),
    ("ETH Mirror", "ETH/USD", 25, Side.LONG),
    ("SOL Fee-Shock Fade", "SOL/USD", 25, Side.LONG),
    ("XRP Corridor", "XRP/USD", 25, Side.LONG),
    ("BTC Range Scalp", "BTC/USD", 25, Side.SHORT),
)
_ASKER = Principal(PrincipalKind.AGENT, "start-up")
_WARM_S_MAX = 5.0
_POLL_S = 0.05
_Ask = tuple[str, str, int, Side | None]


class Announcer:
    """Tells the terminal."""

    def __init__(self, host: Host, config: str, logs: str) -> None:
        self._host, self._config, self._logs = host, config, logs
        self._out = page()

    async def started(self, desk: Desk, url: str, operator_address: str) -> None:
        """Say what runs where, then what would be allowed right now."""
        await _heard_market(desk)
        session = desk.engine.session
        self._line("", f"Tidegate {__version__} serves {str(session.mode).upper()} (no real money) on {desk.source}", "bold")
        self._line("API", f"{url}   docs {url}/docs")
        self._line("stream", f"{url.replace('http', 'ws', 1)}/ws/dashboard")
        self._line("journal", f"{desk.journal_path} ({_begun(self._host.resumed, session.open_count)})")
        if self._host.changed:
            self._line("CHANGED", f"since its last start: {self._host.changed} (journaled)", "yellow")
        for halt in session.halts.values():
            self._line("HALTED", f"{halt.cause}: {halt.detail}; a named human lifts it: tidegate lift", "bold red")
        self._line("strategies", "trading" if desk.engine.strategies_enabled else _IDLE)
        self._line("config", self._config)
        self._line("logs", f"{self._logs}/server.log, {self._logs}/access.log")
        if sys.stdout.isatty():
            self._line("operator", f"{operator_address}  (works once, for 10 minutes)")
        self._line("stop", "Ctrl-C; state, halt and flatten also work from another terminal: tidegate state")
        for line in await curl_lines(desk, url):
            self._out.print(Text(line), soft_wrap=True)
        sys.stdout.flush()

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._last_words(Text("stopping in order: requests under way get their answers ... Ctrl-C again leaves at once", "yellow"))

    def stopped(self, desk: Desk) -> None:
        """Say what stays open."""
        count = desk.engine.session.open_count
        left = f"{count} open trade{'s' if count != 1 else ''} stay{'s' if count == 1 else ''} open" if count else "nothing is open"
        self._last_words(Text(f"stopped: {left}; the next start goes on with {desk.journal_path}"))

    def _last_words(self, text: Text) -> None:
        """Say something where it can be said: a closed pipe or a full disk must not disturb the end."""
        with contextlib.suppress(OSError):
            self._out.print(text, soft_wrap=True)
            sys.stdout.flush()

    def _line(self, name: str, text: str, style: str = "") -> None:
        shown = Text(f"  {name:<10} {text}" if name else text, style=style)
        self._out.print(shown, soft_wrap=True)


_IDLE = "idle until asked: python3 scripts/deploy_tactical_scalps.py --mode paper starts them here"


def _begun(resumed: int, open_count: int) -> str:
    if not resumed:
        return "new"
    held = f", {open_count} open trade{'s' if open_count != 1 else ''}" if open_count else ""
    return f"resumed with {resumed} records{held}; --fresh begins a new one"


async def _heard_market(desk: Desk) -> None:
    """Wait until the first batch has arrived, so that what is allowed can be judged; a feed that is late or over does not hold the server up."""
    deadline_s = time.monotonic() + _WARM_S_MAX
    while time.monotonic() < deadline_s:
        if any(line.price is not None for line in desk.view().assets):
            return
        await asyncio.sleep(_POLL_S)


async def curl_lines(desk: Desk, url: str) -> list[str]:
    """Return a request that the gate would approve at this moment, as a curl; when the seed's own is refused now, also why."""
    lines: list[str] = []
    for ask in ASKS:
        verdict = await _verdict(desk, ask)
        if isinstance(verdict, Decision) and verdict.approved:
            return [*lines, "Allowed right now:", f"  {_curl(url, ask)}"]
        if ask is SEED_ASK:
            lines.append(f"The guide's {ask[0]} request is refused right now: {_why(verdict)}")
    return [*lines, "Nothing is allowed right now; ask again later, or see why with:", f"  curl {url}/api/envelope"]


async def _verdict(desk: Desk, ask: _Ask) -> Decision | str:
    strategy, pair, amount, side = ask
    try:
        return await desk.check(Proposal(_ASKER, strategy, pair, amount * ONE, side))
    except TidegateError as error:
        return str(error)


def _why(verdict: Decision | str) -> str:
    if isinstance(verdict, str):
        return verdict
    failed = next((each for each in verdict.findings if each.reason is verdict.primary and each.rejects), None)
    return f"{verdict.primary}: {sentence(failed)}" if failed is not None else str(verdict.primary)


def _curl(url: str, ask: _Ask) -> str:
    strategy, pair, amount, side = ask
    body: dict[str, object] = {"strategy": strategy, "pair": pair, "amount": amount, "mode": "paper"}
    if side is not None:
        body["side"] = str(side)
    text = msgspec.json.encode(body).decode()
    return f"curl -X POST {url}/api/trade/execute -H \"Content-Type: application/json\" -d '{text}'"
