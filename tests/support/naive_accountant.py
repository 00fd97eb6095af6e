"""A second, slow set of books, kept from the list of fills alone, in fractions: the oracle for the session's fold.

It knows nothing of the fold's arithmetic. Per decision it remembers what was ordered, bought, sold and paid; everything else is re-added from
there each time it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Deal:
    """Everything known about one decision's order and trade. `cost_usd` is the running average cost of what is held, exactly."""

    sign: int
    ordered: int
    reserved_usd: int
    entry_alive: bool = True
    entries: list[tuple[int, int]] = field(default_factory=list)
    exits: list[tuple[int, int]] = field(default_factory=list)
    fees_usd: int = 0
    funding_usd: int = 0
    cost_usd: Fraction = Fraction(0)
    earlier: list[int] = field(default_factory=list)

    @property
    def entered(self) -> int:
        return sum(quantity for quantity, _ in self.entries)

    @property
    def held(self) -> int:
        return self.entered - sum(quantity for quantity, _ in self.exits)

    @property
    def is_open(self) -> bool:
        return self.held > 0

    @property
    def outstanding(self) -> int:
        """What the entry order may still fill."""
        return self.ordered - self.ever_entered if self.entry_alive else 0

    @property
    def ever_entered(self) -> int:
        return self.entered + sum(self.earlier)

    @property
    def net_usd(self) -> int:
        """Cash of the round trip: meaningful when flat."""
        bought = sum(usd for _, usd in self.entries)
        sold = sum(usd for _, usd in self.exits)
        return self.sign * (sold - bought) - self.fees_usd + self.funding_usd

    def begin_again(self) -> None:
        """Put a finished round trip away: a later entry fill of the same order opens a new one."""
        self.earlier.append(self.entered)
        self.entries, self.exits, self.fees_usd, self.funding_usd, self.cost_usd = [], [], 0, 0, Fraction(0)


@dataclass
class NaiveAccountant:
    """The books of one session."""

    deals: dict[str, Deal] = field(default_factory=dict)
    cash_usd: int = 0
    outcomes: list[int] = field(default_factory=list)
    losses_from: int = 0
    streak: int = 0
    entries_today: int = 0

    def approve(self, decision_id: str, sign: int, quantity: int, notional_usd: int) -> None:
        self.deals[decision_id] = Deal(sign, quantity, notional_usd)

    def enter(self, decision_id: str, quantity: int, notional_usd: int, fee_usd: int) -> None:
        deal = self.deals[decision_id]
        if not deal.is_open:
            self.entries_today += 1
        deal.entries.append((quantity, notional_usd))
        deal.cost_usd += notional_usd
        deal.fees_usd += fee_usd
        self.cash_usd += -deal.sign * notional_usd - fee_usd

    def leave(self, decision_id: str, quantity: int, notional_usd: int, fee_usd: int) -> None:
        deal = self.deals[decision_id]
        deal.cost_usd -= deal.cost_usd * quantity / deal.held
        deal.exits.append((quantity, notional_usd))
        deal.fees_usd += fee_usd
        self.cash_usd += deal.sign * notional_usd - fee_usd
        if deal.is_open:
            return
        self.outcomes.append(deal.net_usd)
        if deal.net_usd > 0:
            self.streak = 0
        elif deal.net_usd < 0:
            self.streak += 1
        deal.begin_again()

    def fund(self, decision_id: str, usd: int) -> None:
        self.deals[decision_id].funding_usd += usd
        self.cash_usd += usd

    def begin_day(self) -> None:
        self.losses_from, self.entries_today = len(self.outcomes), 0

    @property
    def losses(self) -> int:
        return sum(1 for net in self.outcomes[self.losses_from :] if net < 0)

    @property
    def open_or_reserved(self) -> int:
        return sum(1 for deal in self.deals.values() if deal.is_open or deal.outstanding > 0)

    @property
    def open_deals(self) -> dict[str, Deal]:
        return {decision_id: deal for decision_id, deal in self.deals.items() if deal.is_open}

    @property
    def living_entries(self) -> dict[str, Deal]:
        return {decision_id: deal for decision_id, deal in self.deals.items() if deal.outstanding > 0}
