# ruff: noqa: RUF015 - flat on purpose: one line of code for one sentence of SPEC
"""What the naive gate knows of two-leg arbitrage, from SPEC section 4 alone: its legs, its quantity, its net edge.

In: an intent, a snapshot, limits. Out: plain integers, None for unknown. Same vow as `naive_gate`: no code of the gate, no method of a noun.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from tidegate.model.intent import Intent
from tidegate.model.limits import Limits
from tidegate.model.snapshot import Missing, Snapshot

E8 = 100_000_000
SECOND = 1_000_000_000
Leg = tuple[Any, Any, int]


class KnownPair(NamedTuple):
    """Both books and rates that may be believed (None: unknown), and how many of the four are not."""

    books: tuple[Any, Any]
    rates: tuple[int | None, int | None]

    @property
    def whole(self) -> bool:
        return None not in self.books and None not in self.rates


class Way(NamedTuple):
    """One direction: which leg is bought, how much of both, the walked prices; `edge` None where it cannot be judged."""

    buy: Leg
    sell: Leg
    quantity: int
    edge: int | None
    dearer_usd: int
    worst_buy: int
    worst_sell: int


def is_pair(intent: Intent) -> bool:
    """A two-leg intent names two instruments."""
    return intent.hedge_instrument_id != ""


def young(thing: Any, now: int, arrival_max: int, value_max: int) -> bool:
    """Equal passes; more than 2 s ahead of now is no better than old."""
    ages = (now - thing.received_ns, now - thing.observed_ns)
    return ages[0] <= arrival_max and ages[1] <= value_max and min(ages) >= -2 * SECOND


def known_pair(intent: Intent, snapshot: Snapshot, limits: Limits) -> KnownPair:
    """SPEC 4: "converted by a fresh rate (<= 30 s), never assumed equal". Both ages count. Books: as every book (5 s; 120 s by value)."""
    books: list[Any] = []
    rates: list[int | None] = []
    bounds = [rule for name, rule in limits.stale.items() if name == "book"][0]
    for number, name in enumerate((intent.instrument_id, intent.hedge_instrument_id)):
        seen = None if snapshot.pair is None else (snapshot.pair.first, snapshot.pair.second)[number]
        if seen is None or isinstance(seen, Missing) or seen.instrument_id != name:
            books.append(None)
            rates.append(None)
            continue
        value_max = seen.period_ns + bounds.value_grace_ns
        good = (
            young(seen, snapshot.asof_ns, bounds.reject_after_ns, value_max)
            and readable(seen.bids)
            and readable(seen.asks)
        )
        good = good and seen.bids[0][0] <= seen.asks[0][0]  # a crossed book is no book
        books.append(seen if good else None)
        rates.append(rate_of(seen.rate, snapshot.asof_ns, limits))
    return KnownPair((books[0], books[1]), (rates[0], rates[1]))


def readable(levels: Any) -> bool:
    """A side without levels, or with one at no price or of no quantity, is not a side of a book."""
    return len(levels) > 0 and all(price > 0 and quantity > 0 for price, quantity in levels)


def rate_of(rate: Any, now: int, limits: Limits) -> int | None:
    if isinstance(rate, Missing) or limits.arbitrage is None or rate.value <= 0:
        return None
    oldest = limits.arbitrage.rate_age_ns_max
    return rate.value if young(rate, now, oldest, oldest) else None


def legs_of(intent: Intent, known: KnownPair, limits: Limits) -> tuple[Leg, Leg] | None:
    """Return (instrument, book, rate) of both, None where one is not listed or not known."""
    names = (intent.instrument_id, intent.hedge_instrument_id)
    if not known.whole or any(name not in limits.instruments for name in names):
        return None
    first, second = (limits.instruments[name] for name in names)
    rates = (known.rates[0] or 0, known.rates[1] or 0)
    return (first, known.books[0], rates[0]), (second, known.books[1], rates[1])


def best_way(notional: int, legs: tuple[Leg, Leg]) -> Way:
    """ "Buy the cheap, sell the dear": by the best prices of both books, fees taken off; the first instrument is bought when both are equal."""
    ways = [(legs[0], legs[1]), (legs[1], legs[0])]
    edges = []
    for buy, sell in ways:
        paid, got = Fraction(buy[1].asks[0][0] * buy[2]), Fraction(sell[1].bids[0][0] * sell[2])
        edges.append(floor((got * (1 - fee(sell)) - paid * (1 + fee(buy))) / paid * 10_000 * E8))
    chosen = ways[1] if edges[1] > edges[0] else ways[0]
    return way(notional, chosen[0], chosen[1])


def way(notional: int, buy: Leg, sell: Leg) -> Way:
    """ "Amount is per leg", floored to lots of both: no leg is worth more than the amount at its best price. Then walk both books."""
    ask, bid = buy[1].asks[0][0], sell[1].bids[0][0]
    dearer = max(ceil(Fraction(ask * buy[2], E8)), ceil(Fraction(bid * sell[2], E8)))
    lot = common_lot(buy[0].lot, sell[0].lot)
    quantity = notional * E8 // (dearer * lot) * lot
    # "amount is per leg": nor may the buy cost more than the amount at the prices it walks through.
    paid = walk(buy[1].asks, quantity)
    if paid is not None and Fraction(paid[0] * buy[2], E8**2) > notional:
        quantity = bought_for(notional, buy) // lot * lot
    paid, got = walk(buy[1].asks, quantity), walk(sell[1].bids, quantity)
    if paid is None or got is None:
        return Way(buy, sell, quantity, None, 0, 0, 0)
    paid_usd, got_usd = Fraction(paid[0] * buy[2], E8**2), Fraction(got[0] * sell[2], E8**2)
    # "after both venues' own fees": of the buy's cost, in bps.
    net = got_usd * (1 - fee(sell)) - paid_usd * (1 + fee(buy))
    edge = floor(net * 10_000 * E8 / paid_usd)
    return Way(buy, sell, quantity, edge, ceil(max(paid_usd, got_usd)), paid[1], got[1])


def bought_for(notional: int, buy: Leg) -> int:
    """Spend the amount level by level; the search is for the largest quantity whose walk it still pays."""
    least, most = 0, sum(quantity for _, quantity in buy[1].asks)
    while least < most:
        tried = (least + most + 1) // 2
        paid = walk(buy[1].asks, tried)
        if paid is not None and Fraction(paid[0] * buy[2], E8**2) <= notional:
            least = tried
        else:
            most = tried - 1
    return least


def common_lot(one: int, other: int) -> int:
    """The smallest quantity that is whole lots of both."""
    found = max(one, other)
    while found % one or found % other:
        found += max(one, other)
    return found


def fee(leg: Leg) -> Fraction:
    return Fraction(leg[0].taker_bps, 10_000 * E8)


def walk(levels: Any, quantity: int) -> tuple[int, int] | None:
    """Take the quantity coin by coin from the best level on: (price x quantity, last price), None when there is not enough."""
    if quantity <= 0:
        return None
    money, left = 0, quantity
    for price, available in levels:
        take = available if available < left else left
        money += price * take
        left -= take
        if left == 0:
            return money, price
    return None


def spread_of(book: Any) -> int:
    """In bps of the mid, rounded up."""
    bid, ask = book.bids[0][0], book.asks[0][0]
    return ceil(Fraction((ask - bid) * 10_000 * E8 * 2, ask + bid))


def too_small(found: Way) -> bool:
    """L1_NOTIONAL_TOO_SMALL: "floors to zero lots or is under the venue's minimum", on either leg at its own best price."""
    for leg, price in ((found.buy, found.buy[1].asks[0][0]), (found.sell, found.sell[1].bids[0][0])):
        worth = floor(Fraction(price * found.quantity * leg[2], E8**2))
        if found.quantity <= 0 or found.quantity < leg[0].quantity_min or worth < leg[0].notional_min_usd:
            return True
    return False


def edge_min(intent: Intent, limits: Limits) -> int | None:
    """ "12.5 bps (20 bps Coinbase-OKX)": the minimum of a pair of venues, whatever their order."""
    if limits.arbitrage is None:
        return None
    first, second = (limits.instruments[name].venue for name in (intent.instrument_id, intent.hedge_instrument_id))
    for names, least in limits.arbitrage.edge_bps_min_between.items():
        if set(names.split("|")) == {first, second}:
            return least
    return limits.arbitrage.edge_bps_min


def wrong_instruments(intent: Intent, limits: Limits) -> bool:
    """Two listed spot instruments of the asset at two different configured venues, and a strategy that is the arbitrage."""
    strategy = limits.strategies.get(intent.strategy)
    if (
        limits.arbitrage is None
        or strategy is None
        or strategy.kind != "arbitrage"
        or intent.asset not in limits.assets
    ):
        return True
    listed = [limits.instruments.get(name) for name in (intent.instrument_id, intent.hedge_instrument_id)]
    for one in listed:
        if one is None or one.kind != "spot" or one.asset != intent.asset or one.venue not in limits.arbitrage.venues:
            return True
    return listed[0].venue == listed[1].venue  # type: ignore[union-attr]


def order_legs(found: Way, unwind: int) -> tuple[tuple[Any, ...], ...]:
    """What the order must say: the buy, then the sale; limits in whole ticks, rounded toward tighter; second prices `unwind` worse."""
    buy, sell = found.buy, found.sell
    buy_limit = found.worst_buy - found.worst_buy % buy[0].tick
    sell_limit = found.worst_sell + -found.worst_sell % sell[0].tick
    buy_second = floor(buy_limit * (1 + Fraction(unwind, 10_000 * E8)))
    sell_second = ceil(sell_limit * (1 - Fraction(unwind, 10_000 * E8)))
    return (
        (
            buy[0].instrument_id,
            True,
            found.quantity,
            buy[1].asks[0][0],
            buy_limit,
            buy_second - buy_second % buy[0].tick,
            buy[2],
        ),
        (
            sell[0].instrument_id,
            False,
            found.quantity,
            sell[1].bids[0][0],
            sell_limit,
            sell_second + -sell_second % sell[0].tick,
            sell[2],
        ),
    )


def floor(number: Fraction) -> int:
    return number.numerator // number.denominator


def ceil(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)
