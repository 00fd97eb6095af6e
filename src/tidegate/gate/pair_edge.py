"""The net edge of a pair: which leg is bought, how much of both, and what is left after both venues' fees.

In: a notional, both fit books with their rates, both instruments. Out: one `Plan`, the better of the two directions. Exact integers: books
are walked level by level, nothing is rounded before the one division, and that rounds against us. Source: SPEC §4, arbitrage.
"""

from __future__ import annotations

from math import lcm

import msgspec

from tidegate.model.instrument import Instrument
from tidegate.model.snapshot import LegView, Level
from tidegate.units import BPS_PER_UNIT, ONE, Bps, Price, Quantity, Usd

_WHOLE = BPS_PER_UNIT * ONE


class Offer(msgspec.Struct, frozen=True, gc=False):
    """One leg's market: its book, the rate of its quote currency, its instrument."""

    book: LegView
    rate: int
    instrument: Instrument

    def in_usd(self, price: Price) -> Price:
        """Return a price of this market in USD, rounded up."""
        return -(-price * self.rate // ONE)


class Plan(msgspec.Struct, frozen=True, gc=False):
    """One direction for one notional. `edge_bps`: net, of the buy's cost; None when nothing can be judged: no quantity, or too thin a book.

    `notional_usd` is the dearer leg at the prices judged, rounded up; `buy_worst` and `sell_worst` are the last levels judged; 0 without edge.
    """

    buy: Offer
    sell: Offer
    quantity: Quantity
    edge_bps: Bps | None = None
    notional_usd: Usd = 0
    buy_worst: Price = 0
    sell_worst: Price = 0

    @property
    def lots(self) -> int:
        """Return the quantity in the coarser of both lots."""
        return self.quantity // max(self.buy.instrument.lot, self.sell.instrument.lot)

    @property
    def too_thin(self) -> str:
        """Return the instrument whose book is too thin for the quantity, empty where none is."""
        if self.quantity > 0 and _walk(self.buy.book.asks, self.quantity) is None:
            return self.buy.instrument.instrument_id
        if self.quantity > 0 and _walk(self.sell.book.bids, self.quantity) is None:
            return self.sell.instrument.instrument_id
        return ""

    @property
    def slip_bps(self) -> Bps:
        """Return how far the last level judged lies from its own touch, on the leg where that is more, rounded up."""
        ask, bid = self.buy.book.asks[0][0], self.sell.book.bids[0][0]
        return max(-(-(self.buy_worst - ask) * _WHOLE // ask), -(-(bid - self.sell_worst) * _WHOLE // bid))

    @property
    def smallest_usd(self) -> Usd:
        """Return the least notional that buys an order in this direction: whole lots of both, and both venues' minimums."""
        step = _step(self.buy, self.sell)
        ask, bid = self.buy.book.asks[0][0], self.sell.book.bids[0][0]
        quantity = -(-max(_least(self.buy, ask), _least(self.sell, bid), step) // step) * step
        return max(-(-_dearer(self.buy, self.sell) * quantity // ONE), _cost_usd(self.buy, quantity))

    @property
    def accepted(self) -> bool:
        """Say whether both venues take the quantity at their own touch: minimum quantity and notional (equal passes)."""
        ask, bid = self.buy.book.asks[0][0], self.sell.book.bids[0][0]
        return _accepts(self.buy, self.quantity, ask) and _accepts(self.sell, self.quantity, bid)


def plan_of(notional_usd: Usd, first: Offer, second: Offer) -> Plan:
    """Return the direction with the greater net edge at the touch, whatever the size; equal ones: the first instrument is bought.

    Books that are not crossed have at most one direction with a positive edge, and depth only takes from it.
    Equal quantities, floored to whole lots of both such that neither leg is worth more than the notional: at the dearer touch, and at the
    prices that the buy walks through, which are worse. INVARIANT: G5 G6
    """
    forth, back = (
        _net_bps(buy, sell, buy.book.asks[0][0], sell.book.bids[0][0])
        for buy, sell in ((first, second), (second, first))
    )
    buy, sell = (second, first) if back > forth else (first, second)
    step = _step(buy, sell)
    quantity = notional_usd * ONE // (_dearer(buy, sell) * step) * step
    if _cost_usd(buy, quantity) > notional_usd:
        quantity = _affordable(buy, notional_usd) // step * step
    bought, sold = _walk(buy.book.asks, quantity), _walk(sell.book.bids, quantity)
    if bought is None or sold is None:
        return Plan(buy, sell, quantity)
    (cost, buy_worst), (proceeds, sell_worst) = bought, sold
    notional_usd = -(-max(cost * buy.rate, proceeds * sell.rate) // (ONE * ONE))
    return Plan(buy, sell, quantity, _net_bps(buy, sell, cost, proceeds), notional_usd, buy_worst, sell_worst)


def _net_bps(buy: Offer, sell: Offer, paid: int, got: int) -> Bps:
    """Return (got x (1 - fee) - paid x (1 + fee)) / paid in bps, each converted by its own rate, rounded down."""
    cost, proceeds = paid * buy.rate, got * sell.rate
    net = proceeds * (_WHOLE - sell.instrument.taker_bps) - cost * (_WHOLE + buy.instrument.taker_bps)
    return net // cost


def _walk(levels: tuple[Level, ...], quantity: Quantity) -> tuple[int, Price] | None:
    """Return (sum of price x quantity, the last price) of taking a quantity from the best level on; None when it is not there, or is none."""
    total, left = 0, quantity
    for price, available in levels:
        taken = min(left, available)
        total += price * taken
        left -= taken
        if left <= 0:
            return (total, price) if quantity > 0 else None
    return None


def _cost_usd(buy: Offer, quantity: Quantity) -> Usd:
    """Return what a quantity costs at the levels it walks through, rounded up; 0 when the book does not hold it."""
    walked = _walk(buy.book.asks, quantity)
    return 0 if walked is None else -(-walked[0] * buy.rate // (ONE * ONE))


def _affordable(buy: Offer, notional_usd: Usd) -> Quantity:
    """Return the most that a notional buys at the levels it walks through, rounded down."""
    quantity, left = 0, notional_usd * ONE * ONE
    for price, available in buy.book.asks:
        taken = min(available, left // (price * buy.rate))
        quantity += taken
        left -= taken * price * buy.rate
        if taken < available:
            break
    return quantity


def _step(buy: Offer, sell: Offer) -> Quantity:
    """Return the smallest quantity that is whole lots on both venues."""
    return lcm(buy.instrument.lot, sell.instrument.lot)


def _dearer(buy: Offer, sell: Offer) -> Price:
    """Return the dearer touch of a direction, in USD."""
    return max(buy.in_usd(buy.book.asks[0][0]), sell.in_usd(sell.book.bids[0][0]))


def _least(offer: Offer, price: Price) -> Quantity:
    """Return the least quantity that `_accepts` at a price, lots aside."""
    worth = -(-offer.instrument.notional_min_usd * ONE * ONE // (price * offer.rate))
    return max(offer.instrument.quantity_min, worth)


def _accepts(offer: Offer, quantity: Quantity, price: Price) -> bool:
    instrument = offer.instrument
    worth_usd = price * offer.rate * quantity // (ONE * ONE)
    return quantity > 0 and quantity >= instrument.quantity_min and worth_usd >= instrument.notional_min_usd
