"""The world's venue: the paper venue behind a line that delays, repeats, re-orders, refuses, loses, keeps silent, and has "never heard of it".

In: the engine's calls and a `random.Random`. Out: reports, late and wrong in every way a real line is wrong. What really happened is the inner
simulator's truth, which the auditor reads. The venue outlives the process (an exchange), or the world builds a new one from the journal (paper).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random

from tidegate.errors import NotSent, OutcomeUnknown, Refused
from tidegate.model.decision import Approval, ExitApproval
from tidegate.model.event import Filled, OrderChanged
from tidegate.model.observation import MarketEvent
from tidegate.model.order import Order, OrderState
from tidegate.units import MS_NS, SECOND_NS
from tidegate.venues.paper import PaperVenue
from tidegate.venues.port import VenueEvent

FOREVER = 1 << 62


@dataclass
class VenueFaults:
    """Which faults of the venue are on, as chances per call or report (0 = off)."""

    delay: float = 0.0
    reorder: float = 0.0
    duplicate: float = 0.0
    refuse_entry: float = 0.0
    refuse_exit: float = 0.0
    not_sent: float = 0.0
    silence: float = 0.0
    lost_cancel: float = 0.0
    lost_amend: float = 0.0
    lie: float = 0.0

    @property
    def any(self) -> bool:
        """Say whether any fault is on."""
        return any(vars(self).values())


class FaultyVenue:
    """A `venues.port.Venue`: the engine's view of `inner` through a bad line."""

    def __init__(
        self, inner: PaperVenue, faults: VenueFaults, chance: Random, on_place: Callable[[Order], None]
    ) -> None:
        self.inner, self.faults, self.chance = inner, faults, chance
        self.on_place = on_place
        self.counts: dict[str, int] = {}
        self.fills: dict[str, Filled] = {}
        self.foreign: dict[str, int] = {}
        self.exits_refused: list[str] = []
        self.injected: set[str] = set()
        self.funding = 0
        self._last_words: dict[str, OrderChanged] = {}
        self._queue: list[tuple[int, int, VenueEvent]] = []
        self._sequence = 0
        self._last_due_ns = self._lies_until_ns = 0
        self._now_ns = 0

    # --- what the engine calls ------------------------------------------------------------------------------------------------------

    @property
    def cash_usd(self) -> int:
        """Return the inner venue's cash."""
        return self.inner.cash_usd

    def place(self, order: Order, approval: Approval | ExitApproval, now_ns: int) -> None:
        """Place through the bad line. Raises Refused, NotSent, OutcomeUnknown."""
        self._now_ns = max(self._now_ns, now_ns)
        self.on_place(order)
        entry = order.role.enters
        if self._hit("refuse_entry" if entry else "refuse_exit"):
            self.injected.add(order.client_order_id)
            raise Refused("the venue is busy: try later")
        if self._hit("not_sent"):
            self.injected.add(order.client_order_id)
            raise NotSent("no connection")
        if self._hit("silence"):
            self._keep_silent(order, approval, now_ns)
        try:
            self.inner.place(order, approval, now_ns)
        except Refused as refusal:
            if not entry:
                self.exits_refused.append(str(refusal))
            raise

    def cancel(self, client_order_id: str, now_ns: int) -> None:
        """Cancel, unless the request is lost."""
        if not self._hit("lost_cancel"):
            self.inner.cancel(client_order_id, now_ns)

    def amend(self, client_order_id: str, quantity: int, now_ns: int) -> None:
        """Amend, unless the request is lost. Raises Refused."""
        if not self._hit("lost_amend"):
            self.inner.amend(client_order_id, quantity, now_ns)

    def credit_funding(self, usd: int) -> None:
        """Book funding."""
        self.funding += usd
        self.inner.credit_funding(usd)

    def on_market(self, event: MarketEvent) -> None:
        """Show the simulator the market."""
        self.inner.on_market(event)

    def advance(self, now_ns: int) -> None:
        """Let the simulator's messages arrive and collect what it says."""
        self._now_ns = max(self._now_ns, now_ns)
        self.inner.advance(now_ns)
        self._collect()

    def next_due_ns(self) -> int | None:
        """Return when something can happen next."""
        due = [ns for ns in (self.inner.next_due_ns(), self._queue[0][0] if self._queue else None) if ns is not None]
        return min(due) if due else None

    def has_work(self, instrument_id: str) -> bool:
        """Say whether an order of the instrument is at the venue."""
        return self.inner.has_work(instrument_id)

    def drain(self) -> list[VenueEvent]:
        """Return the reports that have arrived by now."""
        self._collect()
        arrived: list[VenueEvent] = []
        while self._queue and self._queue[0][0] <= self._now_ns:
            arrived.append(heapq.heappop(self._queue)[2])
        return arrived

    def open_orders(self) -> tuple[Order, ...]:
        """Return the venue's orders; at times, for some seconds, it has never heard of any."""
        if self._hit("lie"):
            self._lies_until_ns = self._now_ns + self.chance.choice((1, 8, 40)) * SECOND_NS
        return () if self._lies_until_ns > self._now_ns else self.inner.open_orders()

    def positions(self) -> dict[str, int]:
        """Return the account's positions: ours, and what somebody else opened by hand."""
        held = self.inner.positions()
        for name, quantity in self.foreign.items():
            held[name] = held.get(name, 0) + quantity
        return {name: quantity for name, quantity in held.items() if quantity}

    def restore(
        self,
        orders: Iterable[Order],
        positions: Mapping[str, int],
        cash_usd: int,
        consumed: Iterable[str],
        held: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """Rebuild a simulator that died with its process."""
        self.inner.restore(orders, positions, cash_usd, consumed, held)

    # --- what the world does ---------------------------------------------------------------------------------------------------------

    @property
    def undelivered(self) -> int:
        """Return how many reports are still on their way."""
        return len(self._queue)

    def calm(self) -> None:
        """Switch every fault off; what is on its way arrives soon."""
        self.faults = VenueFaults()
        self._lies_until_ns = 0
        self._queue = [(min(due_ns, self._now_ns + SECOND_NS), number, event) for due_ns, number, event in self._queue]
        heapq.heapify(self._queue)
        self._last_due_ns = min(self._last_due_ns, self._now_ns + SECOND_NS)

    def correct_funding(self, booked: int) -> None:
        """Take back what the journal never booked: the engine pays funding itself in PAPER, so what died with the process was never paid."""
        self.credit_funding(booked - self.funding)

    def reconnect(self) -> None:
        """Tell a new process what an exchange tells one that asks: every fill, and the last word about every order."""
        self._collect()
        self._queue.clear()
        for event in (*self.fills.values(), *self._last_words.values()):
            self._put(event, self._now_ns)

    # --- inside ----------------------------------------------------------------------------------------------------------------------

    def _hit(self, name: str) -> bool:
        probability = getattr(self.faults, name)
        if probability and self.chance.random() < probability:
            self.counts[f"venue {name}"] = self.counts.get(f"venue {name}", 0) + 1
            return True
        return False

    def _keep_silent(self, order: Order, approval: Approval | ExitApproval, now_ns: int) -> None:
        """Let the request arrive or not, and answer only later."""
        self.injected.add(order.client_order_id)
        answer_ns = now_ns + self.chance.choice((1, 5, 30, 120)) * SECOND_NS
        if self.chance.random() < 0.5:
            self.inner.place(order, approval, now_ns)
            self._last_due_ns = max(self._last_due_ns, answer_ns)
        else:
            refused = OrderState.REFUSED
            word = OrderChanged(
                answer_ns,
                order.client_order_id,
                order.decision_id,
                order.role,
                refused,
                order.quantity,
                "never arrived",
            )
            self._last_words[order.client_order_id] = word
            self._put(word, answer_ns)
        raise OutcomeUnknown(f"order {order.client_order_id}: no answer")

    def _collect(self) -> None:
        for event in self.inner.drain():
            if isinstance(event, Filled):
                self.fills[event.fill.fill_id] = event
            else:
                self._last_words[event.client_order_id] = event
            due_ns = self._now_ns
            if self._hit("delay"):
                due_ns += self.chance.choice((200 * MS_NS, 2 * SECOND_NS, 15 * SECOND_NS))
            if not self._hit("reorder"):
                due_ns = self._last_due_ns = max(due_ns, self._last_due_ns)
            self._put(event, due_ns)
            if self._hit("duplicate"):
                self._put(event, due_ns + self.chance.choice((0, 7 * SECOND_NS)))

    def _put(self, event: VenueEvent, due_ns: int) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (due_ns, self._sequence, event))
