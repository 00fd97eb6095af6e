"""The kill drill: prove, in the paper simulator, that this build with this config can halt, flatten and verify. INVARIANT: O4

In: settings. Out: one row per promise with required and actual. Nothing outside memory is touched: the market is the built-in scenario, the
journal is in memory, the venue is the simulator; engine, gate, brackets and flatten are the real ones.
"""

from __future__ import annotations

import msgspec

from tidegate.config.load import Settings
from tidegate.engine.bootstrap import RunRequest, build_run
from tidegate.engine.engine import Engine
from tidegate.engine.scripted_operator import parse_policy
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.model.decision import Decision
from tidegate.model.halt import TradingState
from tidegate.model.intent import Mode, Principal, PrincipalKind, Proposal
from tidegate.model.observation import Side
from tidegate.model.order import OrderRole
from tidegate.snapshot.assumptions import Assumptions
from tidegate.units import SECOND_NS, Nanoseconds, fixed, render

_WARM_UP_NS = 45 * SECOND_NS
_HOLD_NS = 10 * SECOND_NS
_FLATTEN_WITHIN_NS = 10 * SECOND_NS


class DrillRow(msgspec.Struct, frozen=True):
    """One promise of the kill path, what it requires, what happened."""

    name: str
    required: str
    actual: str
    ok: bool


def kill_drill(settings: Settings) -> tuple[DrillRow, ...]:
    """Open a small paper trade, press flatten, try to trade, and read the venue: every row must hold."""
    limits = settings.limits(Mode.PAPER)
    feed = ScenarioFeed("open-market", 7, limits.perpetuals())
    request = RunRequest(None, parse_policy("none"), Assumptions(), strategies_enabled=False, serve_control=False)
    run = build_run(settings, feed, request)
    drill = _Drill(run.engine, feed.description.start_ns)
    for now_ns, events in feed.batches():
        run.engine.on_batch(now_ns, events)
        if drill.step(now_ns):
            break
    rows = drill.rows()
    run.close()
    return rows


class _Drill:
    """The drill as a sequence in virtual time: trade, flatten, verify, try to trade."""

    def __init__(self, engine: Engine, start_ns: Nanoseconds) -> None:
        self._engine = engine
        self._trade_at_ns = start_ns + _WARM_UP_NS
        self._flatten_at_ns = self._trade_at_ns + _HOLD_NS
        self._flat_after_ns: Nanoseconds = -1
        self._entry: Decision | None = None
        self._refused: Decision | None = None
        self._protected = ""

    def step(self, now_ns: Nanoseconds) -> bool:
        """Do what is due at this instant; return True when the drill is over."""
        engine = self._engine
        if self._entry is None and now_ns >= self._trade_at_ns:
            self._entry = engine.submit(_proposal())
            engine.flush()
        elif self._refused is None and now_ns >= self._flatten_at_ns:
            self._protected = _protection(engine)
            engine.flatten("drill", "kill drill")
            engine.flush()
            self._refused = engine.submit(_proposal())
            engine.flush()
        elif self._refused is not None:
            if not engine.session.flattening:
                self._flat_after_ns = now_ns - self._flatten_at_ns
                return True
            return now_ns > self._flatten_at_ns + 3 * _FLATTEN_WITHIN_NS
        return False

    def rows(self) -> tuple[DrillRow, ...]:
        """Return what happened, against what had to happen."""
        engine, entry, refused = self._engine, self._entry, self._refused
        opened = entry is not None and entry.approved
        residual = f"{len(engine.session.trades)} trades, {len(engine.execution.working)} orders"
        flat = self._flat_after_ns >= 0 and not engine.session.trades and not engine.execution.working
        codes = [str(finding.reason) for finding in refused.findings if finding.rejects] if refused is not None else []
        seconds = f"flat after {render(self._flat_after_ns // 10, 2)} s" if flat else f"not flat: {residual}"
        in_time = flat and self._flat_after_ns <= _FLATTEN_WITHIN_NS
        return (
            DrillRow("paper entry", "approved and filled", "approved" if opened else f"refused: {entry.primary if entry else 'never asked'}", opened),
            DrillRow("protective stop", "stop quantity = open quantity", self._protected or "none", self._protected.startswith("stop")),
            DrillRow("flatten", f"venue flat within {_FLATTEN_WITHIN_NS // SECOND_NS} s", seconds, in_time),
            DrillRow("entry while halted", "refused by L4_HALTED", ", ".join(codes) or "approved", "L4_HALTED" in codes),
            DrillRow("halt stays latched", "HALTED", str(engine.session.state), engine.session.state is TradingState.HALTED),
        )


def _proposal() -> Proposal:
    return Proposal(Principal(PrincipalKind.OPERATOR, "drill"), "BTC_range_scalp", "BTC/USDT", fixed(25), Side.LONG)


def _protection(engine: Engine) -> str:
    """Return the resting stop of the one open trade beside its quantity, or what is wrong."""
    trades = list(engine.session.trades.values())
    stops = [order for order in engine.execution.working.values() if order.role is OrderRole.STOP]
    if len(trades) != 1 or len(stops) != 1:
        return f"{len(trades)} trades, {len(stops)} stops"
    held, kept = trades[0].open_quantity, stops[0].quantity
    return f"{'stop' if held == kept else 'mismatch:'} {render(kept)} for {render(held)} {trades[0].asset}"
