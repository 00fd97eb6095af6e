"""Barriers: follow one hypothetical trade along a price path to its stop, targets or time limit, by the rules a paper trade meets.

In: a bracket, an entry, then points of a path, bars or prints. Out: the outcome. Used by the random-entry control and the shadow ledger.
Same as the paper venue: stops take half the spread beyond the trigger and gaps fill after the gap; targets need the price to go through
them by a tick and pay the maker fee; everything else pays the taker fee; prices and fees are rounded against us. Left out, because a
hypothetical order is never sent: latency, thin books, funding.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from tidegate.matching import path
from tidegate.matching.fills import fee_usd, stop_price, target_price, touch
from tidegate.matching.resting import Resting, met_along, resting
from tidegate.model.decision import TargetLeg
from tidegate.model.instrument import Instrument
from tidegate.model.intent import Invalidation
from tidegate.model.observation import Bar, Side, TradePrint
from tidegate.model.order import OrderKind, OrderRole
from tidegate.units import BPS_PER_UNIT, ONE, Bps, Nanoseconds, Price, Quantity, Ratio, Usd, bps_of, notional_of

_STOP = "STOP"
_TARGETS: tuple[OrderRole, ...] = (OrderRole.TARGET_1, OrderRole.TARGET_2, OrderRole.TARGET_3)


class Bracket(msgspec.Struct, frozen=True, gc=False):
    """What a hypothetical trade would do: direction, lots, stop, targets, time limits and invalidation."""

    side: Side
    lots: int
    stop_bps: Bps
    targets: tuple[TargetLeg, ...]
    hold_ns: Nanoseconds
    uptick_exit_ns: Nanoseconds = 0
    invalidation: Invalidation | None = None


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How a hypothetical trade ended.

    `label` is the role of the order that closed it. `net_usd` = gross - fees. `net_bps` is of the entry notional, `r_multiple` net over the
    loss at the stop before fees; both rounded down. `adverse_bps` (<= 0) and `favourable_bps` (>= 0): the worst and best point on the way.
    """

    label: OrderRole
    entered_ns: Nanoseconds
    ended_ns: Nanoseconds
    entry_price: Price
    gross_usd: Usd
    fees_usd: Usd
    net_usd: Usd
    net_bps: Bps
    r_multiple: Ratio
    adverse_bps: Bps
    favourable_bps: Bps


class Barriers:
    """One hypothetical trade under way. Feed it the market in time order until it returns its outcome; after that it is over."""

    __slots__ = (
        "_best",
        "_beyond_since_ns",
        "_bracket",
        "_entered_ns",
        "_entry_price",
        "_fees_usd",
        "_gross_usd",
        "_half_spread_bps",
        "_instrument",
        "_last",
        "_levels",
        "_open_cost_usd",
        "_open_quantity",
        "_outcome",
        "_worst",
    )

    def __init__(self, bracket: Bracket, instrument: Instrument, entered: path.Point, half_spread_bps: Bps) -> None:
        """Enter at the touch around `entered` (time, price), as a taker."""
        self._bracket, self._instrument, self._half_spread_bps = bracket, instrument, half_spread_bps
        self._entered_ns, price = entered
        self._entry_price: Price = touch(price, bracket.side is Side.LONG, half_spread_bps, instrument.tick)
        self._open_quantity: Quantity = instrument.quantity_of(bracket.lots)
        self._open_cost_usd: Usd = notional_of(self._entry_price, self._open_quantity)
        self._fees_usd: Usd = fee_usd(self._open_cost_usd, False, instrument)
        self._gross_usd: Usd = 0
        self._last: path.Point = entered
        self._best: Price = self._entry_price
        self._worst: Price = self._entry_price
        self._beyond_since_ns: Nanoseconds = -1
        self._levels = self._resting_levels()
        self._outcome: Outcome | None = None

    @property
    def outcome(self) -> Outcome | None:
        """Return how it ended, or None while it is under way."""
        return self._outcome

    def on_bar(self, bar: Bar) -> Outcome | None:
        """Walk the stated path of a bar, from the entry on; at its close judge the uptick exit and the invalidation."""
        if self._outcome is not None or bar.end_ns <= self._entered_ns:
            return self._outcome
        before = self._last[1]
        steps = path.points(bar)
        if steps[0][0] > self._entered_ns:
            self._travel(steps[0], steps[0])
        for start, end in pairwise(steps):
            if end[0] > self._entered_ns:
                at_entry = (self._entered_ns, path.price_at(self._entered_ns, start, end))
                self._travel(max(start, at_entry), end)
        self._judge_mark(steps[-1], before)
        return self._outcome

    def on_print(self, trade: TradePrint) -> Outcome | None:
        """Meet one public trade."""
        if self._outcome is not None or trade.received_ns <= self._entered_ns:
            return self._outcome
        before, point = self._last[1], (trade.received_ns, trade.price)
        self._travel(point, point)
        self._judge_mark(point, before)
        return self._outcome

    def _resting_levels(self) -> dict[str, Resting]:
        """Return the stop and the targets as resting orders."""
        side, tick = self._bracket.side, self._instrument.tick
        buys = side is Side.SHORT
        trigger = stop_price(self._entry_price, side, self._bracket.stop_bps, tick)
        levels = {_STOP: resting(_STOP, OrderKind.STOP, buys, trigger, tick)}
        for leg in self._bracket.targets:
            price = target_price(self._entry_price, side, leg.bps, tick)
            levels[str(leg.number)] = resting(str(leg.number), OrderKind.LIMIT, buys, price, tick)
        return levels

    def _travel(self, start: path.Point, end: path.Point) -> None:
        """Move along one straight piece of path; the time limit cuts it. Nothing moves once the trade is over."""
        if not self._open_quantity:
            return
        deadline_ns = self._entered_ns + self._bracket.hold_ns
        timed_out = end[0] >= deadline_ns
        if timed_out and start[0] < deadline_ns < end[0]:
            end = (deadline_ns, path.price_at(deadline_ns, start, end))
        for met in met_along(self._levels.values(), start[1], end[1]):
            at_ns = path.time_at(met.price, start, end)
            self._note_extremes(met.price)
            if met.resting.stops:
                self._take_all(OrderRole.STOP, (at_ns, met.price))
            else:
                self._fill_target(met.resting, at_ns)
            if not self._open_quantity:
                return
        self._note_extremes(end[1])
        self._last = end
        if timed_out:
            self._take_all(OrderRole.TIME, end)

    def _judge_mark(self, mark: path.Point, before: Price) -> None:
        """Leave at the first move in our favour once old enough, or when the price has held beyond the invalidation."""
        if not self._open_quantity:
            return
        ts_ns, price = mark
        rule = self._bracket.invalidation
        if rule is not None:
            if price > rule.price if rule.above else price < rule.price:
                if self._beyond_since_ns < 0:
                    self._beyond_since_ns = ts_ns
                if ts_ns - self._beyond_since_ns >= rule.hold_ns:
                    self._take_all(OrderRole.INVALIDATED, mark)
                    return
            else:
                self._beyond_since_ns = -1
        age_ns = ts_ns - self._entered_ns
        if 0 < self._bracket.uptick_exit_ns <= age_ns and price > before:
            self._take_all(OrderRole.TIME, mark)

    def _fill_target(self, level: Resting, ts_ns: Nanoseconds) -> None:
        """Close one leg at its own price, as maker; lots without a leg stay open for the stop or the clock."""
        leg = next(leg for leg in self._bracket.targets if str(leg.number) == level.key)
        del self._levels[level.key]
        tick = self._instrument.tick
        price = level.threshold - tick if level.upward else level.threshold + tick
        quantity = min(self._instrument.quantity_of(leg.lots), self._open_quantity)
        self._close(_TARGETS[leg.number - 1], (ts_ns, price), quantity, maker=True)

    def _take_all(self, label: OrderRole, mark: path.Point) -> None:
        """Close everything at the touch around a price, as taker."""
        price = touch(mark[1], self._bracket.side is Side.SHORT, self._half_spread_bps, self._instrument.tick)
        self._close(label, (mark[0], price), self._open_quantity, maker=False)

    def _close(self, label: OrderRole, mark: path.Point, quantity: Quantity, maker: bool) -> None:
        """Book an exit: its share of the entry cost is rounded down, the last one takes the rest."""
        ts_ns, price = mark
        notional_usd = notional_of(price, quantity)
        cost_usd = self._open_cost_usd * quantity // self._open_quantity
        self._gross_usd += self._bracket.side.sign * (notional_usd - cost_usd)
        self._fees_usd += fee_usd(notional_usd, maker, self._instrument)
        self._open_quantity -= quantity
        self._open_cost_usd -= cost_usd
        if self._open_quantity == 0:
            self._outcome = self._concluded(label, ts_ns)

    def _note_extremes(self, price: Price) -> None:
        """Remember the best and the worst price on the way."""
        sign = self._bracket.side.sign
        if sign * price > sign * self._best:
            self._best = price
        if sign * price < sign * self._worst:
            self._worst = price

    def _concluded(self, label: OrderRole, ts_ns: Nanoseconds) -> Outcome:
        """Return the outcome."""
        entry_usd = notional_of(self._entry_price, self._instrument.quantity_of(self._bracket.lots))
        net_usd = self._gross_usd - self._fees_usd
        risk_usd = bps_of(entry_usd, self._bracket.stop_bps)
        sign, unit = self._bracket.side.sign, BPS_PER_UNIT * ONE
        return Outcome(
            label=label,
            entered_ns=self._entered_ns,
            ended_ns=ts_ns,
            entry_price=self._entry_price,
            gross_usd=self._gross_usd,
            fees_usd=self._fees_usd,
            net_usd=net_usd,
            net_bps=net_usd * unit // entry_usd if entry_usd else 0,
            r_multiple=net_usd * ONE // risk_usd if risk_usd else 0,
            adverse_bps=sign * (self._worst - self._entry_price) * unit // self._entry_price,
            favourable_bps=sign * (self._best - self._entry_price) * unit // self._entry_price,
        )
