"""What a strategy's bracket is worth before any signal: lots, legs and the win rate at which it breaks even. Pure.

In: settings and a price per asset. Out: one `Offer` per strategy, asset, side and venue, with the arithmetic behind it.
A win is the bracket's legs at their targets (or all of it at target 1), a loss the stop on everything; what either is worth after fees,
and the win rate they need, is `matching.economics`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.config.settings import Settings, perpetuals
from tidegate.matching.economics import Payoff, payoff
from tidegate.matching.lots import legs
from tidegate.model.decision import TargetLeg
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Mode
from tidegate.model.limits import SideRules, StrategyKind, StrategyRules
from tidegate.model.observation import Side
from tidegate.units import ONE, Bps, Pct, Price, Usd, notional_of, render, share_of

VENUES = ("okx", "binanceusdm", "bybit")
"""The venues whose lots the pre-flight compares; the first is the reference."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one side of one strategy becomes on one venue. `lots` 0 means: not tradable there with this base.

    whole: the payoff when every win reaches all its targets; first: when every win leaves whole at target 1.
    """

    strategy: str
    display_name: str
    asset: str
    side: Side
    venue: str
    asked_usd: Usd
    lots: int
    order_usd: Usd
    legs: tuple[TargetLeg, ...]
    stop_bps: Bps
    whole: Payoff
    first: Payoff

    @property
    def tradable(self) -> bool:
        """Say whether at least one lot can be ordered."""
        return self.lots > 0

    @property
    def break_even_pct(self) -> Pct:
        """Return the win rate at which wins pay for losses when every win reaches all its targets, rounded up."""
        return self.whole.break_even_pct

    @property
    def break_even_first_pct(self) -> Pct:
        """Return the same when every win leaves whole at target 1: the two bound the truth."""
        return self.first.break_even_pct


def offers(settings: Settings) -> tuple[Offer, ...]:
    """Return every strategy x asset x side x venue, strategies in the file's order, the reference venue first.

    The arbitrage pair has no bracket and is left out.
    """
    limits = settings.limits(Mode.PAPER)
    prices = settings.document.market_context.prices_usd
    found: list[Offer] = []
    for rules in limits.strategies.values():
        if rules.kind is StrategyKind.ARBITRAGE:
            continue
        for venue in VENUES:
            listed = {one.asset: one for one in perpetuals(settings.document, venue).values()}
            found += [
                _offer(rules, side, side_rules, listed[asset], price, limits.target_weights_pct)
                for asset, price in prices.items()
                if asset in rules.assets and asset in listed
                for side, side_rules in rules.sides.items()
            ]
    return tuple(found)


def _offer(
    rules: StrategyRules,
    side: Side,
    side_rules: SideRules,
    instrument: Instrument,
    price: Price,
    weights_pct: tuple[int, ...],
) -> Offer:
    asked_usd = share_of(rules.base_notional_usd, side_rules.size_multiplier)
    lots = instrument.lots_in(asked_usd, price)
    lots = lots if instrument.accepts(lots, price) else 0
    out = legs(lots, side_rules.targets_bps, weights_pct) if lots else ()
    gain_bps = sum(leg.bps * leg.lots for leg in out) // lots if lots else 0
    return Offer(
        strategy=rules.key,
        display_name=rules.display_name,
        asset=instrument.asset,
        side=side,
        venue=instrument.venue,
        asked_usd=asked_usd,
        lots=lots,
        order_usd=notional_of(price, instrument.quantity_of(lots)),
        legs=out,
        stop_bps=side_rules.stop_bps,
        whole=payoff(gain_bps, side_rules.stop_bps, instrument),
        first=payoff(side_rules.targets_bps[0], side_rules.stop_bps, instrument),
    )


def profit_goal(settings: Settings) -> tuple[str, ...]:
    """Return the arithmetic of the monthly profit goal, in sentences: what perfect trading at the configured size could earn.

    Every entry of every day of a 30-day month wins at its full bracket, on the largest order any strategy places: an upper bound nobody
    reaches.
    """
    tradable = [offer for offer in offers(settings) if offer.tradable and offer.venue == settings.document.venue.name]
    if not tradable:
        return ("no strategy buys a lot at its base size: nothing can be earned",)
    best = max(tradable, key=lambda offer: offer.order_usd * offer.whole.win_bps)
    goal_low, goal_high = settings.document.capital.profit_goal_usd
    entries = 30 * settings.limits(Mode.PAPER).entries_per_day_max
    win_usd = best.order_usd * best.whole.win_bps // (10_000 * ONE)
    perfect_usd = entries * win_usd
    needed_bps = goal_low * 10_000 * ONE // (entries * best.order_usd)
    largest_usd = settings.document.limits.layer1_global.notional_usd_max
    sentences = [
        f"goal {render(goal_low)} to {render(goal_high)} USD net a month; best bracket: {best.display_name} {best.asset} {best.side}, "
        f"{render(best.order_usd, 2)} USD ordered, +{render(best.whole.win_bps, 1)} bps net when everything wins",
        f"{entries} entries a month, every one of them a full win: {render(perfect_usd, 2)} USD at the very most",
        f"the low end alone needs {render(needed_bps, 1)} bps net on every one of {entries} trades, losers included; "
        f"at break-even ({render(best.break_even_pct, 1)} % wins) the month earns 0",
    ]
    if perfect_usd < goal_low:
        sentences.append(
            f"so the goal is out of reach at {render(best.asked_usd, 2)} USD a trade, even without a single loss"
        )
    else:
        share_pct = goal_low * 100 * ONE // perfect_usd
        sentences.append(
            f"so even the low end needs {render(share_pct, 1)} % of what flawless trading could earn, and the edge to earn it: "
            f"out of reach at {render(best.asked_usd, 2)} USD a trade (one position may be {render(largest_usd)} USD, "
            "which nothing here has earned yet)"
        )
    return tuple(sentences)
