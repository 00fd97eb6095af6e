"""The auditor's own books: what happened, told again from the journal's bytes with its own arithmetic. Shares no code with the product.

In: one journal record after another as plain JSON. Out: positions, money, counts, halts and orders as they must be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

ONE = 10**8
DAY = 86_400 * 10**9
MINUTE = 60 * 10**9

Json = dict[str, Any]


@dataclass
class OpenTrade:
    """One open round trip."""

    instrument: str
    asset: str
    long: bool
    strategy: str
    stop_bps: int
    opened_ns: int
    entered: int = 0
    entered_usd: int = 0
    open: int = 0
    cost: int = 0
    net: int = 0

    def value(self, mark: int) -> int:
        """Return the marked P&L of what is open."""
        worth = mark * self.open // ONE
        return worth - self.cost if self.long else self.cost - worth

    def stop_risk(self, mark: int, taker_bps: int) -> int:
        """Return the loss from `mark` to the stop, exit fee included."""
        entry = self.entered_usd * ONE // self.entered
        stop = (
            entry * (10_000 * ONE - self.stop_bps) // (10_000 * ONE)
            if self.long
            else entry * (10_000 * ONE + self.stop_bps) // (10_000 * ONE)
        )
        drop = max(0, mark - stop if self.long else stop - mark)
        return drop * self.open // ONE + mark * self.open // ONE * taker_bps // (10_000 * ONE)


@dataclass
class OpenPair:
    """Two legs under way: coins bought and sold so far, net of what was unwound."""

    buy: str
    sell: str
    unwind_bps: int
    bought: int = 0
    sold: int = 0
    cash: int = 0
    fees: int = 0

    @property
    def excess(self) -> int:
        """Return what was bought more than sold."""
        return self.bought - self.sold

    def value(self, marks: dict[str, int]) -> int:
        """Return what is not booked: cash, and the excess at the mark of where it is."""
        if not self.excess:
            return self.cash
        return self.cash + marks[self.buy if self.excess > 0 else self.sell] * self.excess // ONE

    def held(self, marks: dict[str, int]) -> int:
        """Return both legs at mark."""
        return marks[self.buy] * self.bought // ONE + marks[self.sell] * self.sold // ONE

    def risk(self, marks: dict[str, int], taker_bps: int) -> int:
        """Return what unwinding may cost."""
        if not self.excess:
            return 0
        worth = marks[self.buy if self.excess > 0 else self.sell] * abs(self.excess) // ONE
        return worth * (self.unwind_bps + taker_bps) // (10_000 * ONE)


@dataclass
class Books:
    """Everything the auditor knows from the journal."""

    limits: Json = field(default_factory=dict)
    day: int = -1
    cash: int = 0
    booked_day: int = 0
    booked_all: int = 0
    ledger: list[tuple[int, int]] = field(default_factory=list)
    peak: int = 0
    below_since: int = 0
    sick_since: int = 0
    entries_day: int = 0
    losses: int = 0
    streak: int = 0
    flattening: bool = False
    decisions: dict[str, Json] = field(default_factory=dict)
    reserved: dict[str, Json] = field(default_factory=dict)
    released: dict[str, Json] = field(default_factory=dict)
    trades: dict[str, OpenTrade] = field(default_factory=dict)
    pairs: dict[str, OpenPair] = field(default_factory=dict)
    inventory: dict[str, int] = field(default_factory=dict)
    pairs_ended: dict[str, int] = field(default_factory=dict)
    halts: dict[str, Json] = field(default_factory=dict)
    orders: dict[str, Json] = field(default_factory=dict)
    fills: set[str] = field(default_factory=set)
    late_slots: set[str] = field(default_factory=set)
    positions: dict[str, int] = field(default_factory=dict)
    unexplained: int = 0
    funding: int = 0

    def take(self, payload: bytes) -> Json:
        """Take one record in and return it as JSON."""
        event: Json = msgspec.json.decode(payload)
        taker = getattr(self, _snake(event["type"]), None)
        if taker is not None:
            taker(event)
        return event

    @property
    def slots(self) -> int:
        """Return open plus reserved trades; one that is both counts once."""
        return len({**self.trades, **self.reserved, **self.pairs})

    @property
    def pending(self) -> int:
        """Return reserved entries without a fill."""
        return sum(1 for name in self.reserved if name not in self.trades and name not in self.pairs)

    def covering(self, asset: str) -> list[str]:
        """Return the keys of the halts that refuse entries in an asset."""
        return [key for key, halt in self.halts.items() if not halt.get("assets") or asset in halt["assets"]]

    def unrealised(self, marks: dict[str, int]) -> int:
        """Return the marked P&L of everything open."""
        pairs = sum(pair.value(marks) for pair in self.pairs.values())
        return pairs + sum(trade.value(marks[trade.instrument]) for trade in self.trades.values())

    def legs_of(self, decision_id: str) -> list[Json]:
        """Return the approved legs of a decision, none for an order of one leg."""
        order = self.decisions[decision_id]["decision"]["order"] if decision_id in self.decisions else None
        return order.get("legs", []) if order else []

    def booked_24h(self, now_ns: int) -> int:
        """Return what was booked in the last 24 hours."""
        return sum(usd for ts_ns, usd in self.ledger if ts_ns > now_ns - DAY)

    # --- one method a record kind, named after the journal's own word ---------------------------------------------------------------------

    def _run_started(self, event: Json) -> None:
        self.limits = event["limits"]

    def _day_started(self, event: Json) -> None:
        if event["day"] <= self.day:
            return
        self.day = event["day"]
        self.booked_day = self.entries_day = self.losses = self.below_since = 0
        self.peak = event["equity_usd"]

    def _decision_made(self, event: Json) -> None:
        decision = event["decision"]
        self.decisions[decision["decision_id"]] = event
        if decision["verdict"] == "APPROVED":
            order = decision["order"]
            legs = order.get("legs", [])
            self.reserved[decision["decision_id"]] = {
                "asset": order["asset"],
                "instrument": order["instrument_id"],
                "long": order["side"] == "long",
                "strategy": event["strategy"],
                "stop_bps": order["stop_bps"],
                "quantity": order["quantity"] * (2 if legs else 1),
                "left": order["quantity"] * (2 if legs else 1),
                "usd": order["notional_usd"] * (2 if legs else 1),
                "risk": order["stop_risk_usd"],
            }

    def _order_intended(self, event: Json) -> None:
        order = event["order"]
        self.orders[order["client_order_id"]] = order

    def _order_changed(self, event: Json) -> None:
        if (
            event["role"] == "ENTRY"
            and event["state"] in ("canceled", "refused")
            and event["decision_id"] in self.reserved
            and not self.legs_of(event["decision_id"])
        ):
            self.released[event["decision_id"]] = self.reserved.pop(event["decision_id"])

    def _filled(self, event: Json) -> None:
        fill = event["fill"]
        signed = fill["quantity"] if fill["buys"] else -fill["quantity"]
        name = fill["instrument_id"]
        self.positions[name] = self.positions.get(name, 0) + signed
        if not self.positions[name]:
            del self.positions[name]
        self.cash += (-fill["notional_usd"] if fill["buys"] else fill["notional_usd"]) - fill["fee_usd"]
        self._book(event["ts_ns"], -fill["fee_usd"])
        if self.legs_of(fill["decision_id"]):
            self._leg_filled(fill)
        elif fill["role"] == "ENTRY":
            self._entered(fill, event["ts_ns"])
        else:
            self._left(fill, event["ts_ns"])

    def _entered(self, fill: Json, ts_ns: int) -> None:
        name = fill["decision_id"]
        terms = self.reserved.get(name) or self.released.get(name)
        trade = self.trades.get(name)
        if trade is None:
            if terms is None or terms["long"] is not fill["buys"]:
                self.unexplained += 1
                return
            if name not in self.reserved:
                self.late_slots.add(name)
            trade = OpenTrade(
                terms["instrument"], terms["asset"], terms["long"], terms["strategy"], terms["stop_bps"], ts_ns
            )
            self.trades[name] = trade
            self.entries_day += 1
        trade.entered += fill["quantity"]
        trade.entered_usd += fill["notional_usd"]
        trade.open += fill["quantity"]
        trade.cost += fill["notional_usd"]
        trade.net -= fill["fee_usd"]
        held = self.reserved.get(name)
        if held is not None:
            held["left"] -= fill["quantity"]
            if held["left"] <= 0:
                del self.reserved[name]

    def _left(self, fill: Json, ts_ns: int) -> None:
        trade = self.trades.get(fill["decision_id"])
        if trade is None or trade.long is fill["buys"]:
            self.unexplained += 1
            return
        quantity = min(fill["quantity"], trade.open)
        if quantity < fill["quantity"]:
            self.unexplained += 1
        proceeds = fill["notional_usd"] if quantity == fill["quantity"] else fill["price"] * quantity // ONE
        share = trade.cost if quantity == trade.open else trade.cost * quantity // trade.open
        gross = proceeds - share if trade.long else share - proceeds
        trade.open -= quantity
        trade.cost -= share
        trade.net += gross - fill["fee_usd"]
        self._book(ts_ns, gross)
        if trade.open == 0:
            del self.trades[fill["decision_id"]]
            self.late_slots.discard(fill["decision_id"])
            if trade.net < 0:
                self.losses += 1
                self.streak += 1
            elif trade.net > 0:
                self.streak = 0

    def _leg_filled(self, fill: Json) -> None:
        name = fill["decision_id"]
        buy, sell = self.legs_of(name)
        if name not in self.pairs:
            if name not in self.reserved:
                self.late_slots.add(name)
            unwind_bps = self.decisions[name]["decision"]["order"]["stop_bps"]
            self.pairs[name] = OpenPair(buy["instrument_id"], sell["instrument_id"], unwind_bps)
            self.entries_day += 1
        pair = self.pairs[name]
        signed = fill["quantity"] if fill["buys"] else -fill["quantity"]
        if fill["instrument_id"] == pair.buy:
            pair.bought += signed
        else:
            pair.sold -= signed
        pair.cash += -fill["notional_usd"] if fill["buys"] else fill["notional_usd"]
        pair.fees += fill["fee_usd"]
        if name in self.reserved and fill["role"] != "UNWIND":
            self.reserved[name]["left"] = max(0, self.reserved[name]["left"] - fill["quantity"])

    def _pair_closed(self, event: Json) -> None:
        name = event["trade_id"]
        self.pairs_ended[event["end"]] = self.pairs_ended.get(event["end"], 0) + 1
        self.reserved.pop(name, None)
        self.late_slots.discard(name)
        pair = self.pairs.pop(name, None)
        if pair is None:
            return
        self._book(event["ts_ns"], pair.cash)
        for instrument, coins in ((pair.buy, pair.bought), (pair.sell, -pair.sold)):
            self.inventory[instrument] = self.inventory.get(instrument, 0) + coins
            if not self.inventory[instrument]:
                del self.inventory[instrument]
        net = pair.cash - pair.fees
        self.losses += 1 if net < 0 else 0
        self.streak = 0 if net > 0 else self.streak + (1 if net < 0 else 0)

    def _funding_paid(self, event: Json) -> None:
        self.cash += event["usd"]
        self.funding += event["usd"]
        self._book(event["ts_ns"], event["usd"])
        if event["trade_id"] in self.trades:
            self.trades[event["trade_id"]].net += event["usd"]

    def _book(self, ts_ns: int, usd: int) -> None:
        self.booked_day += usd
        self.booked_all += usd
        self.ledger.append((ts_ns, usd))

    def _equity_marked(self, event: Json) -> None:
        self.peak = max(self.peak, event["equity_usd"])
        self.below_since = (self.below_since or event["ts_ns"]) if event["below"] else 0

    def _health_read(self, event: Json) -> None:
        self.sick_since = (self.sick_since or event["ts_ns"]) if event["critical"] else 0

    def _halt_latched(self, event: Json) -> None:
        halt = event["halt"]
        key = halt["cause"] + (":" + ",".join(halt["assets"]) if halt["assets"] else "")
        self.halts.setdefault(key, halt)

    def _halt_lifted(self, event: Json) -> None:
        halt = self.halts.pop(event["key"], None)
        if halt is None:
            return
        if halt["cause"] == "L4_SESSION_DRAWDOWN":
            self.peak, self.below_since = event["equity_usd"], 0
        if halt["cause"] == "L4_LOSSES":
            self.losses = 0

    def _review_done(self, _event: Json) -> None:
        self.streak = 0

    def _flatten_started(self, _event: Json) -> None:
        self.flattening = True

    def _flatten_ended(self, event: Json) -> None:
        self.flattening = not event["flat"]


def _snake(kind: str) -> str:
    """Return the method that takes a kind of record: `HaltLatched` is taken by `_halt_latched`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
