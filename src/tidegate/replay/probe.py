"""The probe: an agent without an opinion, so that a tape too coarse for scalps still judges gate and kill switch.

In: virtual time. Out: every period one long and one short per asset, through the gate like anybody's, as agent `probe` under a strategy that
the config declares external. One asset a batch, so that the probe stays under the rate limit.
"""

from __future__ import annotations

from tidegate.engine.engine import Engine
from tidegate.errors import NotAvailable
from tidegate.model.intent import Principal, PrincipalKind, Proposal
from tidegate.model.limits import Limits, StrategyKind, StrategyRules
from tidegate.model.observation import Side
from tidegate.replay.questions import Asked, Question, ask
from tidegate.units import Nanoseconds

NAME = "probe"


def external_rules(limits: Limits) -> StrategyRules:
    """Return the strategy a probe speaks under: the first external one with both sides. Raises NotAvailable when none is declared."""
    for rules in limits.strategies.values():
        if rules.kind is StrategyKind.EXTERNAL and len(rules.sides) == 2:
            return rules
    raise NotAvailable(
        "the probe needs a strategy of kind external with a long and a short side in the config; leave it out with --probe off"
    )


class Probe:
    """Asks for both sides of each asset every `period_ns`, beginning one period after the start (a batch hook)."""

    def __init__(self, limits: Limits, assets: tuple[str, ...], start_ns: Nanoseconds, period_ns: Nanoseconds) -> None:
        self._rules = external_rules(limits)
        self._assets = tuple(asset for asset in assets if asset in self._rules.assets)
        self._period_ns = period_ns
        self._due_ns = start_ns + period_ns
        self._waiting: list[str] = []
        self.answers = Asked()

    def before_batch(self, engine: Engine, now_ns: Nanoseconds) -> None:
        """Ask about one asset, when it is time."""
        if engine.now_ns >= self._due_ns:
            self._due_ns = engine.now_ns - (engine.now_ns - self._due_ns) % self._period_ns + self._period_ns
            self._waiting = list(self._assets)
        if self._waiting:
            self._ask_about(engine, self._waiting.pop(0))

    def _ask_about(self, engine: Engine, asset: str) -> None:
        principal = Principal(PrincipalKind.AGENT, NAME)
        for side in (Side.LONG, Side.SHORT):
            proposal = Proposal(principal, self._rules.key, f"{asset}/USDT", self._rules.base_notional_usd, side)
            ask(engine, Question(engine.now_ns, proposal, f"probe of {asset}"), self.answers)
        engine.flush()
