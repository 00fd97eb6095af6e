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
        return len({**self.trades, **self.reserved})

    @property
    def pending(self) -> int:
        """Return reserved entries without a fill."""
        return sum(1 for name in self.reserved if name not in self.trades)

    def covering(self, asset: str) -> list[str]:
        """Return the keys of the halts that refuse entries in an asset."""
        return [key for key, halt in self.halts.items() if not halt.get("assets") or asset in halt["assets"]]

    def unrealised(self, marks: dict[str, int]) -> int:
        """Return the marked P&L of everything open."""
        return sum(trade.value(marks[trade.instrument]) for trade in self.trades.values())

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
            self.reserved[decision["decision_id"]] = {
                "asset": order["asset"],
                "instrument": order["instrument_id"],
                "long": order["side"] == "long",
                "strategy": event["strategy"],
                "stop_bps": order["stop_bps"],
                "quantity": order["quantity"],
                "left": order["quantity"],
                "usd": order["notional_usd"],
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
        if fill["role"] == "ENTRY":
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
