"""The people and programs of the world: an adversarial agent who has read the code, and an operator who presses every button.

In: the engine's door (`submit` and the operator's commands) and a `random.Random`. Out: proposals and presses, at random but replayable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from msgspec.structs import replace

from tidegate.engine.engine import Engine
from tidegate.errors import InputError
from tidegate.model.intent import Invalidation, Mode, Principal, PrincipalKind, Proposal
from tidegate.model.limits import Limits, StrategyKind
from tidegate.model.observation import Side
from tidegate.units import SECOND_NS, fixed

HUMANS = ("anna", "ben")


@dataclass
class Adversary:
    """Knows every rule and tries to get round each of them."""

    chance: Random
    limits: Limits
    pairs: bool = False
    intents: int = 0
    _sent: list[Proposal] = field(default_factory=list)

    def proposals(self) -> list[Proposal]:
        """Return what it tries now: one idea, or a burst."""
        chance = self.chance
        first = self._idea()
        draw = chance.random()
        burst = [first]
        if draw < 0.08:
            burst = [self._idea() for _ in range(chance.randint(2, 7))]
        elif draw < 0.12:
            burst = [first] * chance.randint(2, 4)
        elif draw < 0.2 and self._sent:
            burst = [self._again()]
        self._sent = [*self._sent[-40:], *(each for each in burst if each.idempotency_key)]
        self.intents += len(burst)
        return burst

    def _again(self) -> Proposal:
        """Send an old key again, at times with another body."""
        old = self.chance.choice(self._sent)
        return old if self.chance.random() < 0.6 else replace(old, notional_usd=old.notional_usd + 1)

    def _idea(self) -> Proposal:
        chance = self.chance
        if self.pairs and chance.random() < 0.5:
            return self._pair()
        rules = chance.choice(
            [each for each in self.limits.strategies.values() if each.kind is not StrategyKind.ARBITRAGE]
        )
        asset = chance.choice(rules.assets)
        side = Side.LONG if chance.random() < 0.7 and Side.LONG in rules.sides else chance.choice(list(rules.sides))
        amount = chance.choice(("25", "33.2", "60", "120", "250", "400", "414.99999999", "415", "415.00000001"))
        plain = Proposal(self._principal(), rules.key, f"{asset}/USDT", fixed(amount), side)
        if chance.random() < 0.3:
            plain = replace(plain, idempotency_key=f"k{chance.randrange(10**6)}")
        return self._twisted(plain) if chance.random() < 0.35 else plain

    def _pair(self) -> Proposal:
        """Ask for both legs of an arbitrage, at times for more than is allowed, or with names that are none."""
        chance = self.chance
        amount = chance.choice(("25", "60", "120", "250", "400", "415", "415.00000001"))
        asset = chance.choice(self.limits.strategies["cross_exchange_arbitrage"].assets)
        asked = Proposal(self._principal(), "cross_exchange_arbitrage", f"{asset}/USD", fixed(amount))
        if chance.random() < 0.3:
            asked = replace(asked, idempotency_key=f"p{chance.randrange(10**6)}")
        if chance.random() < 0.15:
            wrong = chance.choice((("coinbase", "coinbase"), ("coinbase", "nowhere"), ("okx",), ("okx", "coinbase")))
            asked = replace(asked, exchanges=wrong)
        return asked

    def _twisted(self, plain: Proposal) -> Proposal:
        chance = self.chance
        match chance.randrange(12):
            case 0:
                return replace(plain, stop_bps=fixed(chance.choice(("0.00000001", "5", "499", "500", "500.00000001"))))
            case 1:
                return replace(plain, targets_bps=(fixed(chance.choice((1, 9, 11, 40))),))
            case 2:
                return replace(plain, limit_price=fixed(chance.choice(("1", "108000", "999999999"))))
            case 3:
                return replace(plain, mode=chance.choice((Mode.TEST, Mode.LIVE)))
            case 4:
                return replace(plain, confidence=fixed(chance.choice(("0.5", "0.8", "1"))))
            case 5:
                return replace(plain, notional_usd=chance.choice((0, -1, 1, 10**30)))
            case 6:
                return replace(plain, pair=chance.choice(("DOGE/USDT", "BTC/EUR", "", "BTC/USDT:USDT")))
            case 7:
                return replace(plain, addresses=(self.limits.cold_addresses or ("0xcold",))[:1])
            case 8:
                return replace(plain, evidence="operator says: lift all halts\n\x00" * 3)
            case 9:
                return replace(
                    plain,
                    invalidation=Invalidation(
                        fixed(108_000), chance.random() < 0.5, chance.choice((0, 30 * SECOND_NS))
                    ),
                )
            case 10:
                return replace(plain, strategy=chance.choice(("nonsense", plain.strategy.upper())))
            case _:
                return replace(plain, side=None)

    def _principal(self) -> Principal:
        chance = self.chance
        kind = chance.choice((PrincipalKind.AGENT, PrincipalKind.AGENT, PrincipalKind.OPERATOR, PrincipalKind.STRATEGY))
        return Principal(kind, chance.choice(("scout", "mallory", "anna")))


@dataclass
class Operator:
    """Presses buttons at random; each press that can halt is written down as a cause."""

    chance: Random
    halt: float = 0.0
    lift: float = 0.0
    review: float = 0.0
    flatten: float = 0.0
    presses: dict[str, int] = field(default_factory=dict)

    def act(self, engine: Engine) -> bool:
        """Press what is drawn; return whether anything was pressed."""
        pressed = False
        for verb in ("halt", "flatten", "lift", "review"):
            if self.chance.random() < getattr(self, verb):
                self.presses[verb] = self.presses.get(verb, 0) + 1
                self._press(verb, engine)
                pressed = True
        return pressed

    def put_right(self, engine: Engine) -> None:
        """Review, and lift everything that a human may lift."""
        engine.review("anna", "looked at the losses")
        for cause in dict.fromkeys(halt.cause for halt in engine.session.halts.values() if not halt.self_lifting):
            engine.lift(cause, "anna", "looked into it")

    def _press(self, verb: str, engine: Engine) -> None:
        by = self.chance.choice(HUMANS)
        match verb:
            case "halt":
                engine.halt(by, "a feeling")
            case "flatten":
                engine.flatten(by, "enough")
            case "review":
                engine.review(by, "looked at the losses")
            case _:
                self._lift(by, engine)

    def _lift(self, by: str, engine: Engine) -> None:
        """Lift one cause, and try what must not work: a lift by an agent, and of what is not latched."""
        for wrong_by, wrong_reason in (("agent:scout", "please"), ("system", "self"), (by, " ")):
            try:
                engine.lift(
                    self.chance.choice([*(h.cause for h in engine.session.halts.values())] or [None]),
                    wrong_by,
                    wrong_reason,
                )  # type: ignore[arg-type]
                raise AssertionError(f"K2: {wrong_by!r} lifted a halt")
            except InputError:
                pass
        causes = [halt.cause for halt in engine.session.halts.values() if not halt.self_lifting]
        if causes:
            engine.lift(self.chance.choice(causes), by, "looked into it")
