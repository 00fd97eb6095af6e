"""The auditor: watches a world from outside and objects. It knows the promises and the journal's words, and none of the product's code.

In: records as they become durable, orders as they reach the venue, answers as callers get them, and the world's own truth (what was injected,
what the venue holds). Out: an AssertionError that names the promise, at the first event that breaks one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

from tests.simulation.books import Books, Json

SECOND = 10**9
CENT = 10**6


class RecordLike(Protocol):
    """What the auditor reads of a journal record."""

    @property
    def seq(self) -> int: ...
    @property
    def payload(self) -> bytes: ...


class Truth(Protocol):
    """What the world knows and the engine does not."""

    now_ns: int
    process_began_ns: int

    def venue_positions(self) -> dict[str, int]: ...
    def venue_orders(self) -> list[Any]: ...
    def silent_for_ns(self, asset: str) -> int: ...
    def sick_reads(self) -> bool: ...
    def venue_trouble(self) -> bool: ...
    def injected(self, cause: str) -> bool: ...


class Auditor:
    """Follows one journal across every process that writes it."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.books = Books()
        self.checks = 0
        self.events = 0
        self.approved = 0
        self.sent: dict[str, int] = {}
        self.legs_sent: dict[str, dict[str, None]] = {}
        self.answers: dict[str, str] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.read_seq = 0
        self.clock_bad_ns = -(10**18)
        self.health_bad_ns = -(10**18)

    # --- what happens ----------------------------------------------------------------------------------------------------------------

    def take(self, records: Iterable[RecordLike]) -> None:
        """Take durable records in, in order, each once."""
        for record in records:
            assert record.seq == self.read_seq + 1, f"J6: record {record.seq} after {self.read_seq}"
            self.read_seq = record.seq
            self.take_payload(record.payload)

    def take_payload(self, payload: bytes) -> None:
        """Take one fact in and judge it."""
        event_before = self._before(payload)
        if payload.startswith(b'{"type":"PairClosed"'):
            self._judge_end(payload)
        event = self.books.take(payload)
        self.events += 1
        self._after(event, event_before)

    def order_leaves(self, order: Any, faulted: bool) -> None:
        """Judge an order at the moment it leaves for the venue; everything durable has been taken in."""
        self.checks += 1
        known = self.books.orders.get(order.client_order_id)
        if order.role not in ("ENTRY", "HEDGE"):
            assert order.reduce_only, f"G12: exit {order.client_order_id} is not reduce-only"
            if order.role == "UNWIND" and not faulted:
                self._judge_unwinding(order)
            assert faulted or known is not None, f"X3: exit {order.client_order_id} left before its record was durable"
            return
        assert not faulted, f"J4: entry {order.client_order_id} left on a faulted journal"
        assert known is not None, f"X3: entry {order.client_order_id} left before its record was durable"
        decided = self.books.decisions.get(order.decision_id)
        assert decided is not None, f"G1: entry {order.client_order_id} left without a durable decision"
        decision = decided["decision"]
        assert decision["verdict"] == "APPROVED", f"G1: entry of the rejected decision {order.decision_id}"
        sized = decision["order"]
        if sized.get("legs"):
            self._judge_leg(order, sized)
            self._judge_halts_of(order, sized)
            return
        asked = (order.instrument_id, order.buys, order.quantity, str(decided["principal"]["kind"] != ""))
        allowed = (sized["instrument_id"], sized["side"] == "long", sized["quantity"], "True")
        assert asked == allowed, f"X1: {order.client_order_id} leaves as {asked}, approved {allowed}"
        self.sent[order.decision_id] = self.sent.get(order.decision_id, 0) + 1
        assert self.sent[order.decision_id] == 1, (
            f"G1: decision {order.decision_id} sent {self.sent[order.decision_id]} entries"
        )
        self._judge_halts_of(order, sized)
        assert sum(self.sent.values()) <= self.approved, "X1: more entries out than approvals in"

    def _judge_halts_of(self, order: Any, sized: Json) -> None:
        halts = self.books.covering(sized["asset"])
        assert not halts, f"K1: entry {order.client_order_id} left while {halts} was durable"
        assert not self.books.flattening, f"K3: entry {order.client_order_id} left during a flatten"

    def _judge_leg(self, order: Any, sized: Json) -> None:
        """Judge an attempt of a leg: its own leg, one order each, one second attempt of one leg, no more in all than approved."""
        name = order.client_order_id
        leg = next(each for each in sized["legs"] if each["buys"] is (order.role == "ENTRY"))
        assert (order.instrument_id, order.buys) == (leg["instrument_id"], leg["buys"]), f"X1: {name} is on no approved leg"
        second = name.endswith("G1")
        bound = leg["second_price"] if second else leg["limit_price"]
        assert 0 < order.price <= bound if order.buys else order.price >= bound, f"X1: {name} at {order.price}, approved {bound}"
        known = self.legs_sent.setdefault(order.decision_id, {})
        assert name not in known, f"G1: {name} left twice"
        attempts = [each for each in known if each.endswith("G1")]
        assert name.endswith("G0") or (second and not attempts), f"G1: {name} after {list(known)}"
        pair = self.books.pairs.get(order.decision_id)
        filled = 0 if pair is None else pair.bought if order.buys else pair.sold
        assert filled + order.quantity <= leg["quantity"], f"G1: {name} for {order.quantity} after {filled} of {leg['quantity']}"
        known[name] = None

    def _judge_unwinding(self, order: Any) -> None:
        """Judge what takes an excess back: against it, and for no more than it is. INVARIANT: G12"""
        pair = self.books.pairs.get(order.decision_id)
        assert pair is not None, f"G12: {order.client_order_id} unwinds nothing"
        excess = -pair.excess if order.buys else pair.excess
        assert 0 < order.quantity <= excess, f"G12: {order.client_order_id} for {order.quantity}, excess {excess}"

    def answered(self, decision_id: str, verdict: str, key: tuple[str, str] | None) -> None:
        """Note an acknowledged answer."""
        self.answers[decision_id] = verdict
        if key is not None:
            known = self.keys.setdefault(key, decision_id)
            assert known == decision_id, f"S3: key {key} was answered with {known} and then {decision_id}"

    # --- one fact ----------------------------------------------------------------------------------------------------------------------

    def _before(self, payload: bytes) -> tuple[int, int]:
        return (
            (self.books.slots, self.books.entries_day + self.books.pending)
            if b"DecisionMade" in payload[:40]
            else (0, 0)
        )

    def _after(self, event: Json, before: tuple[int, int]) -> None:
        match event["type"]:
            case "RunStarted":
                assert event["mode"] == "paper", "M1: not paper"
            case "DecisionMade":
                self._judge_decision(event, *before)
            case "OrderIntended":
                assert event["order"]["decision_id"] in self.books.decisions, "G1: an order without a decision"
            case "Filled":
                self._judge_fill(event["fill"])
            case "HaltLatched":
                self._judge_halt(event)
            case "HaltLifted":
                self._judge_lift(event)
            case "FlattenEnded":
                if event["flat"] and event["ts_ns"] >= self.truth.process_began_ns:
                    held, resting = self.truth.venue_positions(), self.truth.venue_orders()
                    held = {name: coins for name, coins in held.items() if coins != self.books.inventory.get(name, 0)}
                    assert not self.books.pairs, f"K3: flat said, pairs are open: {list(self.books.pairs)}"
                    assert (held, resting) == ({}, []), (
                        f"K3: flat said, venue holds {held} and works {len(resting)} orders"
                    )
            case _:
                pass

    def _judge_end(self, payload: bytes) -> None:
        """A pair ends even, once, and never while one of its orders may still fill."""
        self.checks += 1
        event: Json = json.loads(payload)
        pair = self.books.pairs.get(event["trade_id"])
        assert pair is None or pair.excess == 0, f"S6: pair {event['trade_id']} ended with an excess of {pair.excess if pair else 0}"
        if pair is None:
            assert event["trade_id"] in self.books.reserved, f"S6: pair {event['trade_id']} ended twice"
            assert event["end"] == "NOT_FILLED", f"S6: {event['trade_id']} never filled and ended {event['end']}"

    def _judge_fill(self, fill: Json) -> None:
        assert fill["fill_id"] not in self.books.fills, f"X5: fill {fill['fill_id']} applied twice"
        self.books.fills.add(fill["fill_id"])
        self.checks += 1

    def _judge_decision(self, event: Json, slots: int, entries: int) -> None:
        decision, books = event["decision"], self.books
        if decision["verdict"] != "APPROVED":
            assert decision["primary"], "G11: a rejection without a reason"
            assert decision["order"] is None, "G11: a rejection with an order"
            return
        self.approved += 1
        self.checks += 1
        name, order, limits = decision["decision_id"], decision["order"], books.limits
        late = len(books.late_slots)
        assert slots + 1 <= limits["open_trades_max"] + late, f"S1: {name} is trade {slots + 1} at once"
        assert entries + 1 <= limits["entries_per_day_max"] + late, f"S1: {name} is entry {entries + 1} of the day"
        assert books.streak < limits["loss_streak_max"], f"L3_LOSS_STREAK: {name} after {books.streak} losses in a row"
        assert books.losses < limits["losses_max"], f"L4_LOSSES: {name} after {books.losses} losses"
        assert not books.covering(order["asset"]), f"L4_HALTED: {name} while {books.covering(order['asset'])}"
        assert order["notional_usd"] <= limits["notional_usd_max"], f"L1_NOTIONAL_TOO_LARGE: {name}"
        self._judge_money(name, event, limits)
        sides = {trade.long for trade in books.trades.values() if trade.instrument == order["instrument_id"]}
        assert order.get("legs") or (order["side"] != "long") not in sides, f"L1_OPPOSITE_SIDE: {name}"

    def _judge_money(self, name: str, event: Json, limits: Json) -> None:
        books, order, now_ns = self.books, event["decision"]["order"], event["ts_ns"]
        marks: dict[str, int] = {}
        for instrument, reading in event["snapshot"]["marks"].items():
            assert now_ns - reading["received_ns"] <= 5 * SECOND, (
                f"L3_FEED_STALE: {name} judged on a mark of {now_ns - reading['received_ns']} ns"
            )
            marks[instrument] = reading["value"]
        needed = [trade.instrument for trade in books.trades.values()]
        needed += [name for pair in books.pairs.values() for name in (pair.buy, pair.sell)]
        missing = [name for name in needed if name not in marks]
        assert not missing, f"L1_EXPOSURE: {name} approved without a mark of {missing}"
        held = sum(marks[trade.instrument] * trade.open // 10**8 for trade in books.trades.values())
        held += sum(pair.held(marks) for pair in books.pairs.values())
        reserved = sum(each["usd"] * each["left"] // each["quantity"] for each in books.reserved.values())
        assert held + reserved <= limits["exposure_usd_max"], f"L1_EXPOSURE: {name} makes {held + reserved}"
        unrealised = books.unrealised(marks)
        day = min(books.booked_day, books.booked_24h(now_ns)) + unrealised
        assert day > -limits["daily_loss_usd_max"], f"L1_DAILY_LOSS: {name} at {day}"
        drawdown = books.peak - (books.booked_day + unrealised)
        assert drawdown < limits["drawdown_usd_max"], f"L4_SESSION_DRAWDOWN: {name} at {drawdown}"
        assert not books.below_since, f"L4_SESSION_DRAWDOWN: {name} while a bad mark awaits confirmation"
        taker = {each: limits["instruments"][each]["taker_bps"] for each in limits["instruments"]}
        risk = sum(trade.stop_risk(marks[trade.instrument], taker[trade.instrument]) for trade in books.trades.values())
        risk += sum(pair.risk(marks, max(taker[pair.buy], taker[pair.sell])) for pair in books.pairs.values())
        risk += sum(each["risk"] * each["left"] // each["quantity"] for each in books.reserved.values())
        room = min(limits["daily_loss_usd_max"] + min(day, 0), limits["drawdown_usd_max"] - max(drawdown, 0))
        assert risk <= room + CENT, f"L1_LOSS_AT_RISK: {name} puts {risk} at risk in a room of {room}"
        least = order["notional_usd"] * order["stop_bps"] // (10_000 * 10**8)
        assert order["stop_risk_usd"] >= least, f"G9: {name} understates its stop risk"

    def _judge_halt(self, event: Json) -> None:
        """No halt without its cause. INVARIANT: K7"""
        self.checks += 1
        halt, books, truth, now_ns = event["halt"], self.books, self.truth, event["ts_ns"]
        cause = halt["cause"]
        if now_ns < truth.process_began_ns:
            return  # read back from a side file: the world has moved on since
        match cause:
            case "L4_OPERATOR" | "L4_CLOCK" | "L4_JOURNAL":
                assert truth.injected(cause), f"K7: {cause} without a cause: {halt['detail']}"
            case "L4_LOSSES":
                assert books.losses >= books.limits["losses_max"], f"K7: L4_LOSSES at {books.losses}"
            case "L4_FEED_OUTAGE":
                silences = [truth.silent_for_ns(asset) for asset in halt["assets"] or [""]]
                assert min(silences) > 600 * SECOND, f"K7: {halt['detail']}, but it was silent for {silences}"
            case "L4_SESSION_DRAWDOWN":
                assert 0 < books.below_since <= now_ns - 2 * SECOND, "K7: drawdown without a first bad mark 2 s earlier"
            case "L4_HEALTH_FACTOR_CRITICAL":
                assert truth.sick_reads(), "K7: no critical health factor was published"
                assert 0 < books.sick_since <= now_ns - 10 * SECOND, (
                    "K7: health factor without a first bad read 10 s earlier"
                )
            case "L4_RECONCILE":
                assert truth.venue_trouble(), f"K7: {halt['detail']}, but the venue never erred"
            case _:
                raise AssertionError(f"K7: a halt nobody knows: {cause}")

    def _judge_lift(self, event: Json) -> None:
        self.checks += 1
        if event["by"] != "system":
            assert min(len(event["by"].strip()), len(event["reason"].strip())) > 0, "K2: lifted by nobody"
            return
        assert event["cause"] in ("L4_FEED_OUTAGE", "L4_CLOCK"), f"K2: {event['cause']} lifted itself"
        if event["cause"] == "L4_CLOCK":
            if event["ts_ns"] < self.truth.process_began_ns:
                return
            good_ns = event["ts_ns"] - self.clock_bad_ns
            assert good_ns >= 60 * SECOND, f"K2: the clock halt lifted itself {good_ns} ns after the last step"
            assert event["ts_ns"] - self.truth.process_began_ns >= 60 * SECOND, (
                "K2: a new process lifted a clock halt unseen"
            )

    # --- at rest -------------------------------------------------------------------------------------------------------------------------

    def nothing_lost(self) -> None:
        """Every acknowledged decision is in the journal with the same verdict. INVARIANT: J1"""
        for decision_id, verdict in self.answers.items():
            decided = self.books.decisions.get(decision_id)
            assert decided is not None, f"J1: acknowledged decision {decision_id} is not in the journal"
            assert decided["decision"]["verdict"] == verdict, f"J1: decision {decision_id} changed its verdict"

    def conserves(self, venue_cash: int, engine_booked: int) -> None:
        """Cash and cost of open trades add up to everything booked; the venue has the same cash and positions. INVARIANT: J7 X6"""
        self.checks += 1
        books = self.books
        assert books.positions == self.truth.venue_positions(), (
            f"X6: books {books.positions}, venue {self.truth.venue_positions()}"
        )
        assert books.cash == venue_cash, f"J7: cash {books.cash}, the venue's {venue_cash}"
        if not books.unexplained:
            invested = sum(trade.cost if trade.long else -trade.cost for trade in books.trades.values())
            invested -= sum(pair.cash for pair in books.pairs.values())
            assert books.cash + invested == books.booked_all, f"J7: {books.cash} + {invested} is not {books.booked_all}"
            assert engine_booked == books.booked_all, (
                f"J7: the engine booked {engine_booked}, the books {books.booked_all}"
            )

    def protected(self) -> None:
        """Each open trade has resting stops at the venue for exactly its open quantity. INVARIANT: X7"""
        self.checks += 1
        stops: dict[str, int] = {}
        for order in self.truth.venue_orders():
            if order.role == "STOP":
                stops[order.decision_id] = stops.get(order.decision_id, 0) + order.quantity - order.filled_quantity
            elif order.role != "ENTRY":
                assert order.decision_id in self.books.trades, f"X7: {order.client_order_id} protects nothing"
        opened = {name: trade.open for name, trade in self.books.trades.items()}
        assert stops == opened, f"X7: stops {stops}, open {opened}"
